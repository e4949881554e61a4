/*
 * Which events q2cat sends: its options -s, -n and -i. They look at the position
 * of an event, which counts all that are met, from 0.
 */
#ifndef FORMAT_SELECTION_H
#define FORMAT_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

struct selection {
	uint64_t	skip;		/* positions below it are left out */
	uint64_t	count;		/* positions from skip on; UINT64_MAX: all */
	uint64_t	shard, shards;	/* of these, position % shards == shard */
	uint64_t	position;	/* of the next event */
};

/* Is the next event one to send? */
bool	selection_wants(const struct selection *);

/* How many of the next so many events are ones to send? */
uint64_t	selection_count(const struct selection *, uint64_t events);

/* The next event is met, sent or not. */
void	selection_advance(struct selection *);

/* Is that all there can be? */
bool	selection_over(const struct selection *);

#endif
