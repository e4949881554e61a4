/*
 * Worker processes: forked, not executed, so that they share the maps and the
 * options of their parent. Jobs and results are fixed small messages over one
 * socket pair a worker; what they are about stays in shared memory.
 *
 * Who waits on whom: a worker waits only for its parent, whose death it survives
 * by no more than a signal (PR_SET_PDEATHSIG). The parent never waits for one
 * worker: it polls all of them (crew_poll) beside its own input and output,
 * and a socket that ends means that this worker has died.
 */
#ifndef TRANSPORT_WORKER_H
#define TRANSPORT_WORKER_H

#include <poll.h>
#include <stdint.h>

#include "base/fault.h"

enum {
	WORKER_MESSAGE = 64,	/* bytes */
	WORKER_BATCH = 16,	/* messages that go with one call, at most */
	CREW_MAX = 1024
};

struct worker_message {
	unsigned char	bytes[WORKER_MESSAGE];
};

/*
 * The work: turns a job into a result, in place. Runs in the worker. prepare is
 * called once before the first job. Either may return -1 to end the worker.
 */
struct worker_duty {
	int	(*prepare)(void *ctx, unsigned worker);
	int	(*work)(void *ctx, struct worker_message *);
	void	*ctx;
	int	gather;		/* results that leave together, 1 to WORKER_BATCH:
				   1 where work takes long, more where waking the
				   parent would take longer */
};

struct crew;

/* Starts n workers (1 to CREW_MAX). The duty is copied, its ctx borrowed. */
struct crew	*crew_start(unsigned n, const struct worker_duty *,
		    struct fault *);

/*
 * The descriptors that a worker of crew_start_alone has, and no others: beside
 * them 0 to 2, which are /dev/null (where sandbox_watched 2 stays, for reports).
 */
enum { WORKER_SOCKET = 3, WORKER_FILE = 4, WORKER_FILES = 32 };

/*
 * Starts one worker that handles what nobody trusts. Of its parent's it keeps n
 * descriptors, 1 to WORKER_FILES, as WORKER_FILE and those behind it, and one mapping
 * of shared memory; all are borrowed until crew_stop. The duty's prepare says what it
 * may do (transport/sandbox.h).
 */
struct crew	*crew_start_alone(const struct worker_duty *, const int *files,
		    int n, void *memory, struct fault *);

/*
 * Ends all at once, also in the middle of a job, waits until they have ended, frees.
 * NULL is nothing.
 */
void	crew_stop(struct crew *);

int	crew_pid(const struct crew *, unsigned worker);

/* Seconds of processor time that a worker has used; less than 0 if it is dead. */
double	crew_seconds(const struct crew *, unsigned worker);

/* Ends a worker at once; crew_receive and crew_replace then see it dead. */
void	crew_kill(const struct crew *, unsigned worker);

/* Fills n entries of a poll list, one a worker, waiting for results. */
void	crew_poll(const struct crew *, struct pollfd *);

/*
 * Hands out jobs; -1 if the worker has died (then crew_receive says so too). SIGPIPE
 * must be ignored.
 */
int	crew_send(struct crew *, unsigned worker, const struct worker_message *,
	    int n);

/* Jobs begun since a worker was started or replaced, and 1 if it is prepared. */
uint64_t	crew_begun(const struct crew *, unsigned worker);

/*
 * Takes all results that are ready with one read: their number, at most max. 0:
 * none yet. -1: the worker has died.
 */
int	crew_receive(struct crew *, unsigned worker, struct worker_message *,
	    int max);

/*
 * Replaces a worker that has died. how gets a few words on its end ("killed by
 * signal 9"). -1 if no new one can be started.
 */
int	crew_replace(struct crew *, unsigned worker, struct fault *how,
	    struct fault *);

#endif
