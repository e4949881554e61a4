/*
 * The caller is a worker too: while the result that it wants next is not there, it
 * does a job itself, and waits only when there is none to begin. So n threads keep
 * n processors busy, and waking each other, which costs as much as a small job, is
 * rare.
 *
 * Job k uses slot k modulo the number of slots. It may be begun when the result
 * that was in the slot before has been taken, so workers run ahead of the caller
 * by the number of slots at most, and that bounds memory.
 *
 * One lock guards all; jobs take much longer than what is done with it held.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/thread.h"
#include "format/cxi_pool.h"

enum { SLOTS_EACH = 4 };	/* for a worker */

enum state { SLOT_EMPTY, SLOT_DONE, SLOT_FAILED };

struct cxi_pool {
	unsigned	threads;	/* started, beside the caller */
	unsigned	slots;
	struct worker	*workers;
	enum state	*states;	/* of the slots */
	pthread_mutex_t	lock;
	pthread_cond_t	work;		/* a job may be begun, or stop */
	pthread_cond_t	result;		/* a job has ended */
	bool		stop;
	uint32_t	n;		/* jobs of this run */
	uint32_t	begun, taken;	/* jobs */
	unsigned	busy;		/* workers with a job */
	unsigned	idle;		/* threads that wait for one */
	bool		caller_waits;
	cxi_pool_job	*job;
	void		*arg;
};

struct worker {
	struct cxi_pool	*pool;
	pthread_t	thread;
	unsigned	number;
};

static bool
job_ready(const struct cxi_pool *p)
{
	return p->begun < p->n && p->begun < p->taken + p->slots;
}

/* Called and left with the lock held. */
static void
job_do(struct cxi_pool *p, unsigned worker)
{
	uint32_t k = p->begun++;
	unsigned slot = k % p->slots;
	cxi_pool_job *job = p->job;
	void *arg = p->arg;
	int rc;

	p->busy++;
	pthread_mutex_unlock(&p->lock);
	rc = job(arg, worker, slot, k);
	pthread_mutex_lock(&p->lock);
	p->busy--;
	p->states[slot] = rc == 0 ? SLOT_DONE : SLOT_FAILED;
	if (p->caller_waits)
		pthread_cond_signal(&p->result);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct cxi_pool *p = w->pool;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		if (job_ready(p)) {
			job_do(p, w->number);
			continue;
		}
		p->idle++;
		pthread_cond_wait(&p->work, &p->lock);
		p->idle--;
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int
workers_start(struct cxi_pool *p, unsigned threads)
{
	struct worker *w;
	int rc = 0;

	while (rc == 0 && p->threads < threads) {
		w = &p->workers[p->threads];
		w->pool = p;
		w->number = p->threads;
		rc = thread_start(&w->thread, worker_main, w);
		if (rc == 0)
			p->threads++;
	}
	return rc == 0 ? 0 : -1;
}

struct cxi_pool *
cxi_pool_new(unsigned threads)
{
	struct cxi_pool *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->slots = threads > 1 ? SLOTS_EACH * threads : 1;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->result, NULL);
	p->workers = calloc(p->slots, sizeof *p->workers);
	p->states = calloc(p->slots, sizeof *p->states);
	if (p->workers == NULL || p->states == NULL ||
	    workers_start(p, threads > 1 ? threads - 1 : 0) == -1) {
		cxi_pool_free(p);
		return NULL;
	}
	return p;
}

void
cxi_pool_free(struct cxi_pool *p)
{
	unsigned i;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < p->threads; i++)
		pthread_join(p->workers[i].thread, NULL);
	pthread_cond_destroy(&p->result);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	free(p->states);
	free(p);
}

unsigned
cxi_pool_workers(const struct cxi_pool *p)
{
	return p->threads + 1;
}

unsigned
cxi_pool_slots(const struct cxi_pool *p)
{
	return p->slots;
}

static int
run_alone(uint32_t n, cxi_pool_job *job, cxi_pool_done *done, void *arg)
{
	uint32_t k;

	for (k = 0; k < n; k++)
		if (job(arg, 0, 0, k) == -1 || done(arg, 0, k) == -1)
			return -1;
	return 0;
}

/* With the lock held. */
static void
result_wait(struct cxi_pool *p)
{
	p->caller_waits = true;
	pthread_cond_wait(&p->result, &p->lock);
	p->caller_waits = false;
}

/* Waits for job k and takes its result; called and left with the lock held. */
static int
result_take(struct cxi_pool *p, uint32_t k, cxi_pool_done *done)
{
	unsigned slot = k % p->slots;
	int rc = -1;

	while (p->states[slot] == SLOT_EMPTY)
		if (job_ready(p))
			job_do(p, p->threads);
		else
			result_wait(p);
	if (p->states[slot] == SLOT_DONE) {
		pthread_mutex_unlock(&p->lock);
		rc = done(p->arg, slot, k);
		pthread_mutex_lock(&p->lock);
	}
	p->states[slot] = SLOT_EMPTY;
	p->taken = k + 1;
	if (p->idle > 0)
		pthread_cond_signal(&p->work);
	return rc;
}

/* After a failure: no new job, and the begun ones have ended. */
static void
run_quiet(struct cxi_pool *p)
{
	unsigned i;

	p->n = 0;
	while (p->busy > 0)
		result_wait(p);
	for (i = 0; i < p->slots; i++)
		p->states[i] = SLOT_EMPTY;
}

int
cxi_pool_run(struct cxi_pool *p, uint32_t n, cxi_pool_job *job,
    cxi_pool_done *done, void *arg)
{
	uint32_t k;
	int rc = 0;

	if (p->threads == 0)
		return run_alone(n, job, done, arg);
	pthread_mutex_lock(&p->lock);
	p->job = job;
	p->arg = arg;
	p->begun = p->taken = 0;
	p->n = n;
	pthread_cond_broadcast(&p->work);
	for (k = 0; k < n && rc == 0; k++)
		rc = result_take(p, k, done);
	run_quiet(p);
	pthread_mutex_unlock(&p->lock);
	return rc;
}
