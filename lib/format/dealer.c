#include <stdlib.h>
#include <string.h>

#include "format/dealer.h"

struct hand {
	unsigned	ring[WORKER_BATCH];	/* events given, oldest first */
	unsigned	n;
	unsigned	unsent;		/* the last of them, still to be sent */
	uint64_t	done;		/* results since the worker began */
	unsigned	vain_deaths;	/* before it was prepared, since a result */
};

struct dealer {
	unsigned	depth;		/* events a worker has at most */
	unsigned	head, count;
	struct pending	ring[DEALER_ROOM];
	unsigned	workers;
	struct hand	hands[];
};

struct dealer *
dealer_new(unsigned workers)
{
	struct dealer *d = calloc(1, sizeof *d + workers * sizeof d->hands[0]);

	if (d != NULL)
		d->workers = workers;
	return d;
}

void
dealer_free(struct dealer *d)
{
	unsigned i;

	for (i = 0; d != NULL && i < DEALER_ROOM; i++)
		pending_forget(&d->ring[i]);
	free(d);
}

void
dealer_begin(struct dealer *d, unsigned depth)
{
	d->depth = depth;
	memset(d->hands, 0, d->workers * sizeof d->hands[0]);
}

unsigned
dealer_count(const struct dealer *d)
{
	return d->count;
}

struct pending *
dealer_room(struct dealer *d)
{
	return &d->ring[(d->head + d->count) % DEALER_ROOM];
}

void
dealer_add(struct dealer *d)
{
	d->count++;
}

struct pending *
dealer_head(struct dealer *d)
{
	return d->count == 0 ? NULL : &d->ring[d->head];
}

void
dealer_drop(struct dealer *d)
{
	pending_forget(&d->ring[d->head]);
	d->head = (d->head + 1) % DEALER_ROOM;
	d->count--;
}

static struct hand *
hand_least(struct dealer *d)
{
	unsigned w, best = 0;

	for (w = 1; w < d->workers; w++)
		if (d->hands[w].n < d->hands[best].n)
			best = w;
	return &d->hands[best];
}

void
dealer_deal(struct dealer *d)
{
	unsigned i, ring;
	struct hand *h;

	for (i = 0; i < d->count; i++) {
		ring = (d->head + i) % DEALER_ROOM;
		if (d->ring[ring].state != PENDING_WAITING)
			continue;
		h = hand_least(d);
		if (h->n == d->depth)
			break;
		h->ring[h->n++] = ring;
		h->unsent++;
		d->ring[ring].state = PENDING_WORKING;
	}
}

int
dealer_jobs(struct dealer *d, unsigned worker,
    const struct pending *jobs[WORKER_BATCH])
{
	struct hand *h = &d->hands[worker];
	unsigned i, n = h->unsent;

	for (i = 0; i < n; i++)
		jobs[i] = &d->ring[h->ring[h->n - n + i]];
	h->unsent = 0;
	return (int)n;
}

struct pending *
dealer_result(struct dealer *d, unsigned worker)
{
	struct hand *h = &d->hands[worker];
	struct pending *p = &d->ring[h->ring[0]];

	h->vain_deaths = 0;
	h->done++;
	memmove(h->ring, h->ring + 1, (--h->n) * sizeof h->ring[0]);
	p->state = PENDING_DONE;
	return p;
}

struct pending *
dealer_death(struct dealer *d, unsigned worker, uint64_t begun)
{
	struct hand *h = &d->hands[worker];
	uint64_t at = begun == 0 ? 0 : begun - 1 - h->done;
	struct pending *p = NULL;
	unsigned i;

	for (i = 0; i < h->n; i++)
		pending_restore(&d->ring[h->ring[i]]);
	if (at >= 1 && at <= h->n)
		p = &d->ring[h->ring[at - 1]];
	h->n = h->unsent = 0;
	h->done = 0;
	if (begun == 0)
		h->vain_deaths++;
	if (p != NULL && ++p->deaths == DEALER_DEATHS)
		p->state = PENDING_DONE;
	return p;
}

unsigned
dealer_vain_deaths(const struct dealer *d, unsigned worker)
{
	return d->hands[worker].vain_deaths;
}
