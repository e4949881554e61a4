#include <stdio.h>

#include "format/outlook.h"

#define HITS_SECONDS 60.0
#define END_SECONDS 3e6		/* an end farther off is no forecast */

/* snprintf behind what is there; what does not fit is cut off. */
#define APPEND(...)							\
	((at) < (size) ?						\
	    (at) += (size_t)snprintf(text + (at), size - (at), __VA_ARGS__) : 0)

void
outlook_print(struct recent *r, double now, const struct outlook_counts *c,
    char *text, size_t size)
{
	uint64_t events, hits, left;
	double seconds, rate;
	size_t at = 0;

	rate = recent_rate(r, now, c->in, c->hits);
	APPEND("%llu events, %.1f events/s, %llu hits",
	    (unsigned long long)c->in, rate, (unsigned long long)c->hits);
	recent_since(r, now, HITS_SECONDS, &events, &hits, &seconds);
	if (events > 0)
		APPEND(" (%.1f %% lately)", 100.0 * (double)hits /
		    (double)events);
	APPEND(", %llu files", (unsigned long long)c->files);
	if (c->slots > 0)
		APPEND(", %u of %u slots pending", c->pending, c->slots);
	left = c->expected > c->in ? c->expected - c->in : 0;
	if (left == 0 || rate <= 0 || (double)left / rate > END_SECONDS)
		return;
	left = (uint64_t)((double)left / rate + 0.5);
	APPEND(", ends in %u:%02u:%02u", (unsigned)(left / 3600),
	    (unsigned)(left / 60 % 60), (unsigned)(left % 60));
}
