#include "format/ledger.h"

static enum ledger_answer
stream_begin(struct ledger *g, bool *no_end)
{
	*no_end = g->streaming && !g->ended;
	g->streaming = true;
	g->ended = g->undecided = g->any = false;
	g->since_end = 0;
	return LEDGER_BEGINS;
}

enum ledger_answer
ledger_stream(struct ledger *g, bool same, bool *no_end)
{
	*no_end = false;
	/* A header that nothing followed began something that never ended. */
	if (g->undecided)
		g->ended = false;
	if (!same)
		return stream_begin(g, no_end);
	g->undecided = true;
	return LEDGER_GOES_ON;
}

enum ledger_answer
ledger_event(struct ledger *g, uint64_t seq, bool *no_end, struct fault *f)
{
	enum ledger_answer answer = LEDGER_GOES_ON;

	*no_end = false;
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
	g->any = true;
	g->last = seq;
	g->since_end++;
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
