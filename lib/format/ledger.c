#include "format/ledger.h"

static enum ledger_answer
stream_begin(struct ledger *g, bool *no_end)
{
	*no_end = g->streaming && !g->ended;
	g->broken = g->broken || *no_end;
	g->any = false;
	g->streaming = true;
	g->ended = g->undecided = false;
	g->since_end = 0;
	return LEDGER_BEGINS;
}

void
ledger_resume(struct ledger *g, const struct ledger_place *p)
{
	g->from = *p;
	g->resumed = true;
}

enum ledger_answer
ledger_stream(struct ledger *g, uint64_t id, bool same, bool *no_end)
{
	*no_end = false;
	/* A header that nothing followed began something that never ended. */
	if (g->undecided)
		g->ended = false;
	g->place.stream = id;
	g->place.header = g->headers++;
	if (!same)
		return stream_begin(g, no_end);
	g->undecided = true;
	g->doubtful = g->doubtful || !g->ended;
	return LEDGER_GOES_ON;
}

/* The first event since ledger_resume: is it one of those that were wanted? */
static int
wanted_check(const struct ledger *g, uint64_t seq, struct fault *f)
{
	const struct ledger_place *at = &g->place, *from = &g->from;

	if (at->header == from->header && from->stream != 0 &&
	    at->stream != from->stream)
		return fault_set(f, "stream %llu of the input is %016llx, but was"
		    " %016llx when the run began: give the inputs that it began"
		    " with", (unsigned long long)at->header,
		    (unsigned long long)at->stream,
		    (unsigned long long)from->stream);
	if (at->header > from->header ||
	    (at->header == from->header && seq >= from->next))
		return 0;
	return fault_set(f, "the first event is number %llu of stream %llu of the"
	    " input, but the run goes on with number %llu of stream %llu: give"
	    " q2cat -s %llu:%llu, and the inputs that the run began with",
	    (unsigned long long)seq, (unsigned long long)at->header,
	    (unsigned long long)from->next, (unsigned long long)from->header,
	    (unsigned long long)from->header, (unsigned long long)from->next);
}

enum ledger_answer
ledger_event(struct ledger *g, uint64_t seq, bool *no_end, struct fault *f)
{
	enum ledger_answer answer = LEDGER_GOES_ON;

	*no_end = false;
	if (g->resumed && wanted_check(g, seq, f) == -1)
		return LEDGER_WRONG;
	g->resumed = false;
	if (g->any && seq <= g->last) {
		if (!g->undecided) {
			fault_set(f, "event %llu comes after event %llu",
			    (unsigned long long)seq,
			    (unsigned long long)g->last);
			return LEDGER_WRONG;
		}
		answer = stream_begin(g, no_end);
	}
	g->undecided = g->ended = false;
	g->since_end++;
	g->any = true;
	g->last = seq;
	g->place.next = seq + 1;
	return answer;
}

enum ledger_answer
ledger_end(struct ledger *g, const struct record *r, struct fault *f)
{
	uint64_t came = g->since_end;

	g->undecided = false;
	g->ended = true;
	g->since_end = 0;
	if (r->flags & RECORD_INTERRUPTED)
		g->interrupted = true;
	g->broken = g->broken || (g->doubtful && r->count != came);
	g->holed = g->holed || (!g->doubtful && !g->broken && r->count > came);
	g->doubtful = false;
	if (r->count == came)
		return LEDGER_GOES_ON;
	if (r->count > came)
		g->missing += r->count - came;
	fault_set(f, "%llu events were sent, %llu came%s",
	    (unsigned long long)r->count, (unsigned long long)came,
	    r->count < came ? ": the end record of a piece before is missing" :
	    "");
	return LEDGER_WRONG;
}

int
ledger_finish(struct ledger *g, struct fault *f)
{
	if (!g->streaming)
		return fault_set(f, "empty: no stream came");
	if (g->ended && !g->undecided)
		return 0;
	return fault_set(f, "ended without its end record: events may be"
	    " missing");
}

bool
ledger_accounted(const struct ledger *g)
{
	return !g->doubtful && !g->broken;
}

bool
ledger_whole(const struct ledger *g)
{
	return g->ended && !g->undecided && !g->interrupted;
}
