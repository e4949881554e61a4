#include <stdio.h>

#include "format/gap.h"
#include "format/stream.h"

bool
gap_hides(const struct gap *g)
{
	return !g->in_stream && g->bytes > STREAM_SIZE;
}

void
losses_add(struct losses *l, const struct gap *g, struct fault *f)
{
	char events[160] = "";

	if (g->known && g->lost > 0)
		snprintf(events, sizeof events, "; %llu lost, from event %llu of"
		    " stream %016llx on, sent as failed",
		    (unsigned long long)g->lost, (unsigned long long)g->first,
		    (unsigned long long)g->stream);
	else if (g->in_stream && !g->known)
		snprintf(events, sizeof events, "; how many events were there is"
		    " not known, so stream %016llx gets no end record",
		    (unsigned long long)g->stream);
	fault_set(f, "%.160s: skipped %llu bytes from byte %llu on%s",
	    g->cause.text, (unsigned long long)g->bytes,
	    (unsigned long long)g->from, events);
	l->places++;
	l->bytes += g->bytes;
	l->events += g->lost;
	l->unknown += !g->known && (g->in_stream || gap_hides(g));
}

void
losses_sum(const struct losses *l, struct fault *f)
{
	fault_set(f, "damaged places: %llu; %llu bytes skipped, %llu events lost"
	    " and sent as failed%s", (unsigned long long)l->places,
	    (unsigned long long)l->bytes, (unsigned long long)l->events,
	    l->unknown > 0 ? ", and an unknown number of others" : "");
}
