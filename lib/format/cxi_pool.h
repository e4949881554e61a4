/*
 * Threads that work ahead on numbered jobs whose results are taken in order.
 */
#ifndef FORMAT_CXI_POOL_H
#define FORMAT_CXI_POOL_H

#include <stdint.h>

struct cxi_pool;

/*
 * Does job k with the worker's own tools, leaving the result in the slot: 0 or
 * -1. Runs on any thread, several at once, never two with the same worker or
 * slot number.
 */
typedef int	cxi_pool_job(void *arg, unsigned worker, unsigned slot,
		    uint32_t k);

/* Takes the result of job k out of the slot: 0 or -1. The caller's thread. */
typedef int	cxi_pool_done(void *arg, unsigned slot, uint32_t k);

/*
 * The caller's own is one of the threads, the others are started, with all
 * signals blocked. NULL when they or memory cannot be had.
 */
struct cxi_pool	*cxi_pool_new(unsigned threads);
void		cxi_pool_free(struct cxi_pool *);

/* How many different worker and slot numbers there are. */
unsigned	cxi_pool_workers(const struct cxi_pool *);
unsigned	cxi_pool_slots(const struct cxi_pool *);

/*
 * Does jobs 0 to n - 1 and takes their results in that order. Returns 0, or -1
 * after the first failure, when no thread works on any job any more.
 */
int		cxi_pool_run(struct cxi_pool *, uint32_t n, cxi_pool_job *,
		    cxi_pool_done *, void *arg);

#endif
