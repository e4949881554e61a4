/* Pacing: not more than so many a second, whatever held them up before. */
#ifndef TRANSPORT_PACE_H
#define TRANSPORT_PACE_H

struct pace {
	double	rate;		/* a second; 0: as fast as it goes */
	double	due;		/* when the next is allowed, monotonic seconds */
};

/*
 * Waits for the next instant, and watches an output for a reader that has gone
 * (-1 with EPIPE). Returns 0 early once *stop is set (NULL: never).
 */
int	pace_wait(struct pace *, int out, const volatile int *stop);

#endif
