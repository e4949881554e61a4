#include "format/ledger.h"

/* Events come of another stream than before. */
static void
place_begin(struct ledger_place *p)
{
	if (p->any)
		p->base += p->last + 1;
	p->any = false;
	p->step = LEDGER_STEP_UNKNOWN;
}

static enum ledger_answer
stream_begin(struct ledger *g, bool *no_end)
{
	*no_end = g->streaming && !g->ended;
	/* Where an input is carried on, its first event tells. */
	if (!g->resumed)
		place_begin(&g->place);
	g->streaming = true;
	g->ended = g->undecided = false;
	g->since_end = 0;
	return LEDGER_BEGINS;
}

void
ledger_resume(struct ledger *g, const struct ledger_place *p)
{
	g->place = *p;
	g->from = p->stream;
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
	/* Not where a header is repeated, or pieces are put together. */
	if (id == g->from && (g->passes == 0 || g->ended))
		g->passes++;
	if (!same)
		return stream_begin(g, no_end);
	g->undecided = true;
	return LEDGER_GOES_ON;
}

static bool
step_even(const struct ledger_place *p)
{
	return p->step != LEDGER_STEP_UNKNOWN && p->step != LEDGER_STEP_UNEVEN;
}

/*
 * The first event since ledger_resume: is it the one that was wanted? It may be of
 * the stream that was in hand, of one behind it, or of that stream come again.
 */
static int
wanted_check(struct ledger *g, uint64_t seq, struct fault *f)
{
	struct ledger_place *p = &g->place;
	bool even = !p->any || step_even(p);
	uint64_t at;

	if (!p->any && p->stream != g->from)
		return fault_set(f, "the first event is of stream %016llx, but the"
		    " run began with %016llx: give the inputs that it began with",
		    (unsigned long long)p->stream, (unsigned long long)g->from);
	if (p->stream != g->from || (g->passes > 1 && p->any && seq <= p->last))
		place_begin(p);
	at = p->base + seq;
	if (at == p->wanted || (at > p->wanted && !even))
		return 0;
	return fault_set(f, "the first event is number %llu of the input, but the"
	    " run goes on with number %llu: give q2cat -s %llu, and the inputs"
	    " that the run began with", (unsigned long long)at,
	    (unsigned long long)p->wanted, (unsigned long long)p->wanted);
}

/* What will come next, if all goes on as it did. */
static void
place_advance(struct ledger_place *p, uint64_t seq)
{
	if (p->any && p->step == LEDGER_STEP_UNKNOWN)
		p->step = seq - p->last;
	else if (p->any && seq - p->last != p->step)
		p->step = LEDGER_STEP_UNEVEN;
	p->any = true;
	p->last = seq;
	p->wanted = p->base + seq + (step_even(p) ? p->step : 1);
}

enum ledger_answer
ledger_event(struct ledger *g, uint64_t seq, bool *no_end, struct fault *f)
{
	enum ledger_answer answer = LEDGER_GOES_ON;

	*no_end = false;
	if (g->resumed && wanted_check(g, seq, f) == -1)
		return LEDGER_WRONG;
	g->resumed = false;
	if (g->place.any && seq <= g->place.last) {
		if (!g->undecided) {
			fault_set(f, "event %llu comes after event %llu",
			    (unsigned long long)seq,
			    (unsigned long long)g->place.last);
			return LEDGER_WRONG;
		}
		answer = stream_begin(g, no_end);
	}
	g->undecided = g->ended = false;
	g->since_end++;
	place_advance(&g->place, seq);
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

bool
ledger_whole(const struct ledger *g)
{
	return g->ended && !g->undecided && !g->interrupted;
}
