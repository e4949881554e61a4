#include <string.h>
#include <unistd.h>

#include "base/le.h"
#include "format/findwork.h"

enum { JOB_SLOT = 0, JOB_FLAGS = 4, JOB_OWN = 8, JOB_SEQ = 16 };
enum { RESULT_CAUSE = 0, RESULT_FOUND = 4, RESULT_NANS = 8, RESULT_TEXT = 12 };

void
findwork_job_pack(struct worker_message *m, const struct findwork_job *j)
{
	memset(m, 0, sizeof *m);
	le_put32(m->bytes + JOB_SLOT, j->slot);
	le_put32(m->bytes + JOB_FLAGS, j->flags);
	le_put32(m->bytes + JOB_OWN, j->own);
	le_put64(m->bytes + JOB_SEQ, j->seq);
}

void
findwork_job_unpack(const struct worker_message *m, struct findwork_job *j)
{
	j->slot = le_get32(m->bytes + JOB_SLOT);
	j->flags = le_get32(m->bytes + JOB_FLAGS);
	j->own = le_get32(m->bytes + JOB_OWN) != 0;
	j->seq = le_get64(m->bytes + JOB_SEQ);
}

void
findwork_result_pack(struct worker_message *m, const struct findwork_result *r)
{
	memset(m, 0, sizeof *m);
	le_put32(m->bytes + RESULT_CAUSE, (uint32_t)r->cause);
	le_put32(m->bytes + RESULT_FOUND, r->found);
	le_put32(m->bytes + RESULT_NANS, r->nans);
	strlcpy((char *)m->bytes + RESULT_TEXT, r->text, FINDWORK_TEXT_SIZE);
}

void
findwork_result_unpack(const struct worker_message *m,
    struct findwork_result *r)
{
	r->cause = (enum event_cause)le_get32(m->bytes + RESULT_CAUSE);
	r->found = le_get32(m->bytes + RESULT_FOUND);
	r->nans = le_get32(m->bytes + RESULT_NANS);
	memcpy(r->text, m->bytes + RESULT_TEXT, FINDWORK_TEXT_SIZE);
	r->text[FINDWORK_TEXT_SIZE - 1] = '\0';
}

/* The worker ends; its parent is to know why. */
static int
give_up(struct findwork *w, const char *why)
{
	strlcpy(w->words[w->self].text, why, sizeof w->words->text);
	return -1;
}

int
findwork_prepare(void *ctx, unsigned self)
{
	struct findwork *w = ctx;

	setproctitle("worker %u", self);
	w->self = self;
	if (eventfind_init(&w->finder, &w->stream->in, &w->stream->out,
	    &w->stream->finder) == -1)
		return give_up(w, "no memory to find peaks");
	return 0;
}

int
findwork_work(void *ctx, struct worker_message *m)
{
	struct findwork *w = ctx;
	const struct stream *in = &w->stream->in;
	const struct layout *l = &in->layout;
	struct findwork_result r;
	struct findwork_job j;
	struct fault f = { .text = "" };
	struct slots *slots;
	struct place p;
	struct event e;

	findwork_job_unpack(m, &j);
	slots = j.own ? w->own : w->shared;
	setproctitle("worker %u, event %llu", w->self,
	    (unsigned long long)j.seq);
	event_init(&e);
	if (place_slot(&p, slots, j.slot, l, &f) == -1) {
		/* A new worker has fewer slots mapped. */
		if (f.lack)
			return give_up(w, f.text);
		e.cause = EVENT_UNREADABLE;
	} else {
		place_populate(&p, slots, j.slot, l, in->planes & PLANE_LOGITS, false);
		if (eventfind_run(&w->finder, &p, j.flags, &e, &f) == -1)
			return give_up(w, f.text);
	}
	r.cause = e.cause;
	r.found = e.peaks_found;
	r.nans = e.nans;
	strlcpy(r.text, f.text, sizeof r.text);
	findwork_result_pack(m, &r);
	return 0;
}
