/*
 * peakfind's workers and the events in their hands: the crew (the processes), the
 * dealer (who has which event), and the slots of our own, joined. It talks to the
 * workers and never waits for one.
 */
#ifndef FORMAT_FINDCREW_H
#define FORMAT_FINDCREW_H

#include <poll.h>
#include <stdbool.h>

#include "base/fault.h"
#include "format/dealer.h"
#include "format/findstream.h"
#include "format/findwork.h"
#include "transport/slots.h"
#include "transport/worker.h"

struct findcrew {
	unsigned	workers;
	struct dealer	*dealer;	/* events in hand; the caller's to use */
	struct crew	*crew;		/* NULL before the first stream */
	struct slots	*own;		/* for inline events; NULL before that */
	struct slots	*shared;	/* of Q2_SLOTS; borrowed; NULL: none */
	struct findwork_words *words;	/* one a worker, shared with it */
	struct findwork	work;
};

/* 0, or -1 when memory is short. */
int	findcrew_init(struct findcrew *, unsigned workers, struct slots *shared);

/* Ends all workers: events in hand are the caller's alone, done or not. */
void	findcrew_stop(struct findcrew *);

/* After findcrew_stop, and when all events were released. */
void	findcrew_free(struct findcrew *);

/*
 * Starts new workers, for another stream (borrowed until the next one); no event
 * may be in hand.
 */
int	findcrew_begin(struct findcrew *, const struct findstream *,
	    struct fault *);

/* Gives waiting events to workers, with one write to each. */
void	findcrew_deal(struct findcrew *);

/* Fills entries of a poll list, as crew_poll does; their number. */
unsigned findcrew_poll(const struct findcrew *, struct pollfd *);

struct findcrew_result {
	struct pending	*event;		/* done now */
	struct findwork_result found;
};

/* Takes a worker's results that are ready: their number; -1: it has died. */
int	findcrew_receive(struct findcrew *, unsigned worker,
	    struct findcrew_result [WORKER_BATCH]);

struct findcrew_death {
	int		pid;
	struct fault	how;		/* "killed by signal 9", "gave up (no memory)" */
	struct pending	*event;		/* that it was at: waits for another worker,
					   or done if it is not to be tried again;
					   NULL: the worker was at none */
};

/*
 * Replaces a worker that has died and takes its events back. -1 if none can be
 * started, or if none comes so far as to find peaks.
 */
int	findcrew_bury(struct findcrew *, unsigned worker,
	    struct findcrew_death *, struct fault *);

#endif
