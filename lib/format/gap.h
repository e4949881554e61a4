/*
 * A gap: bytes of an input that were skipped since they are damaged, and what is
 * known of them. Losses are all gaps of a run.
 */
#ifndef FORMAT_GAP_H
#define FORMAT_GAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

struct gap {
	uint64_t	from, bytes;	/* in the input; bytes 0: there is none */
	uint64_t	stream;		/* id of the one it is in */
	bool		in_stream;	/* behind a header whose end had not come */
	bool		known;		/* the events that were there are these: */
	uint64_t	first, lost;	/* numbers from first on */
	struct fault	cause;
};

struct losses {
	uint64_t	places, bytes;
	uint64_t	events;		/* known to have been there */
	uint64_t	unknown;	/* places with an unknown number of events */
};

/* May there have been a whole stream that nobody heard of? */
bool	gap_hides(const struct gap *);

/* Adds a gap and says in words what it is. */
void	losses_add(struct losses *, const struct gap *, struct fault *);

/* The totals in words. */
void	losses_sum(const struct losses *, struct fault *);

#endif
