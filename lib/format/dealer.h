/*
 * The dealer: which events are in hand, in the order of the input, and which
 * worker has which. Bookkeeping only; the caller reads, sends and talks to the
 * workers.
 *
 * Events lie in a ring: added at its end, dealt to the workers with the least to
 * do, taken from its head when they are done. So the order of the output is that
 * of the input. Each worker works off its hand from the oldest on, and its
 * results come in that order.
 *
 * A worker that dies gives its hand back. The event that it was at is known from
 * the number of jobs it began; when that has happened to it DEALER_DEATHS times
 * it is not dealt again.
 */
#ifndef FORMAT_DEALER_H
#define FORMAT_DEALER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/pending.h"
#include "transport/worker.h"

enum {
	DEALER_ROOM = 256,	/* events in hand at most; SLOTS_MAX and one */
	DEALER_DEATHS = 2	/* that an event may cause */
};

struct dealer;

/* For so many workers; NULL when memory is short. */
struct dealer	*dealer_new(unsigned workers);
void	dealer_free(struct dealer *);

/* New workers begin, with empty hands; each gets depth events at most. */
void	dealer_begin(struct dealer *, unsigned depth);

unsigned dealer_count(const struct dealer *);

/* Room for one more, to be filled in; dealer_add makes it the last in the ring. */
struct pending	*dealer_room(struct dealer *);
void	dealer_add(struct dealer *);

/* The first in the ring, NULL if there is none; dealer_drop takes it out. */
struct pending	*dealer_head(struct dealer *);
void	dealer_drop(struct dealer *);

/* Puts waiting events, oldest first, into the hands with the least in them. */
void	dealer_deal(struct dealer *);

/*
 * Events put into a hand that its worker does not know of yet: their number, at
 * most WORKER_BATCH. From then on it does.
 */
int	dealer_jobs(struct dealer *, unsigned worker,
	    const struct pending *jobs[WORKER_BATCH]);

/* A result came: the event it is for leaves the worker's hand and is done. */
struct pending	*dealer_result(struct dealer *, unsigned worker);

/*
 * A worker died when it had begun so many jobs, and 1 if it was prepared
 * (crew_begun). Its hand is waiting again, all of it restored. Returns the event
 * it was at: waiting, or done if it has caused DEALER_DEATHS; NULL if none.
 */
struct pending	*dealer_death(struct dealer *, unsigned worker,
		    uint64_t begun);

/* Deaths of a worker before it was prepared, since its last result. */
unsigned dealer_vain_deaths(const struct dealer *, unsigned worker);

#endif
