#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

#include "base/clock.h"
#include "transport/pace.h"

int
pace_wait(struct pace *p, int out, const volatile int *stop)
{
	struct pollfd watch = { .fd = out };
	struct timespec ts = { 0 };
	double wait;

	if (p->rate == 0)
		return 0;
	if (p->due == 0)
		p->due = clock_seconds();
	while ((wait = p->due - clock_seconds()) > 0 && (stop == NULL || !*stop)) {
		/* A signal that comes just before the call is seen soon. */
		ts.tv_nsec = (long)((wait > 0.2 ? 0.2 : wait) * 1e9);
		if (ppoll(&watch, 1, &ts, NULL) == -1 && errno != EINTR)
			return -1;
		if (watch.revents & (POLLERR | POLLHUP | POLLNVAL)) {
			errno = EPIPE;
			return -1;
		}
		watch.revents = 0;
	}
	/* What a slow reader cost is not made up for, but for one of them. */
	p->due = fmax(p->due, clock_seconds() - 1 / p->rate) + 1 / p->rate;
	return 0;
}
