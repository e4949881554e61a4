#include <string.h>

#include "format/findcrew.h"
#include "transport/shared.h"

enum {
	DEPTH = 2,		/* events a worker has at most, large ones */
	SMALL = 1 << 18,	/* bytes of an event: below it, WORKER_BATCH */
	VAIN_DEATHS = 8		/* in a row, of a worker that cannot even start */
};

int
findcrew_init(struct findcrew *c, unsigned workers, struct slots *shared)
{
	memset(c, 0, sizeof *c);
	c->workers = workers;
	c->shared = shared;
	c->dealer = dealer_new(workers);
	c->words = shared_alloc(workers * sizeof c->words[0]);
	return c->dealer == NULL || c->words == NULL ? -1 : 0;
}

void
findcrew_stop(struct findcrew *c)
{
	crew_stop(c->crew);
	c->crew = NULL;
}

void
findcrew_free(struct findcrew *c)
{
	dealer_free(c->dealer);
	shared_free(c->words, c->workers * sizeof c->words[0]);
	slots_close(c->own);
}

int
findcrew_begin(struct findcrew *c, const struct findstream *s,
    struct fault *f)
{
	struct worker_duty duty = { findwork_prepare, findwork_work, &c->work, 1 };
	unsigned room = c->workers * DEPTH + 2, depth = DEPTH;

	/* Small events go in batches: waking each other would cost more. */
	if (layout_size(&s->in.layout, PLANE_ALL) < SMALL) {
		depth = WORKER_BATCH;
		duty.gather = WORKER_BATCH;
	}
	findcrew_stop(c);
	/*
	 * Before the fork: the workers share it. Room for inline events is no more
	 * than large ones need: results wait while the rest of an event is read, and
	 * that may be long in coming.
	 */
	if (c->own == NULL && (c->own = slots_private(
	    room > SLOTS_MAX ? SLOTS_MAX : room, f)) == NULL)
		return -1;
	c->work = (struct findwork){
		.stream = s, .own = c->own, .shared = c->shared,
		.words = c->words
	};
	dealer_begin(c->dealer, depth);
	c->crew = crew_start(c->workers, &duty, f);
	return c->crew == NULL ? -1 : 0;
}

/* Sends a worker the jobs that were put in its hand. */
static void
jobs_send(struct findcrew *c, unsigned worker)
{
	const struct pending *jobs[WORKER_BATCH];
	struct worker_message m[WORKER_BATCH];
	int i, n = dealer_jobs(c->dealer, worker, jobs);

	for (i = 0; i < n; i++)
		findwork_job_pack(&m[i], &(struct findwork_job){
			.seq = jobs[i]->r.seq, .slot = jobs[i]->r.slot,
			.flags = jobs[i]->r.flags,
			.own = jobs[i]->slots == c->own
		});
	/* If it has died, its socket says so at the next poll. */
	if (n > 0)
		(void)crew_send(c->crew, worker, m, n);
}

void
findcrew_deal(struct findcrew *c)
{
	unsigned w;

	dealer_deal(c->dealer);
	for (w = 0; c->crew != NULL && w < c->workers; w++)
		jobs_send(c, w);
}

unsigned
findcrew_poll(const struct findcrew *c, struct pollfd *p)
{
	if (c->crew == NULL)
		return 0;
	crew_poll(c->crew, p);
	return c->workers;
}

int
findcrew_receive(struct findcrew *c, unsigned worker,
    struct findcrew_result r[WORKER_BATCH])
{
	struct worker_message m[WORKER_BATCH];
	int i, n = crew_receive(c->crew, worker, m, WORKER_BATCH);

	for (i = 0; i < n; i++) {
		r[i].event = dealer_result(c->dealer, worker);
		findwork_result_unpack(&m[i], &r[i].found);
	}
	return n;
}

int
findcrew_bury(struct findcrew *c, unsigned worker, struct findcrew_death *d,
    struct fault *f)
{
	uint64_t begun = crew_begun(c->crew, worker);
	struct findwork_words words = c->words[worker];

	/* Before another one begins, which may give up as well. */
	c->words[worker].text[0] = '\0';
	d->pid = crew_pid(c->crew, worker);
	if (crew_replace(c->crew, worker, &d->how, f) == -1)
		return -1;
	if (words.text[0] != '\0')
		fault_set(&d->how, "gave up (%s)", words.text);
	d->event = dealer_death(c->dealer, worker, begun);
	if (dealer_vain_deaths(c->dealer, worker) < VAIN_DEATHS)
		return 0;
	return fault_set(f, "workers cannot start: %d %s", d->pid, d->how.text);
}
