/*
 * Which events q2cat sends: its options -s, -n and -i. They look at the position
 * of an event, which counts all that are met, from 0; -s may name a place instead, as
 * cxiwrite -R does: a header of what is sent, from 0, and a number in its stream.
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
	bool		placed;		/* skip is not known before the place is met */
	uint64_t	header, next;	/* the place */
	bool		before;		/* the event right before it was met */
};

/* Skips all before a place. */
void	selection_place(struct selection *, uint64_t header, uint64_t next);

/* Is the next event, of this place, one to send? */
bool	selection_wants(struct selection *, uint64_t header, uint64_t number);

/* Did the place, which was there once, not come? */
bool	selection_short(const struct selection *);

/* How many of the next so many events are ones to send? */
uint64_t	selection_count(const struct selection *, uint64_t events);

/* The next event is met, sent or not. */
void	selection_advance(struct selection *);

/* Is that all there can be? */
bool	selection_over(const struct selection *);

#endif
