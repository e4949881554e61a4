/*
 * What is odd about an event but no failure: said for the first event that has it,
 * counted, and summed up at the end.
 */
#ifndef CMD_ODDITIES_H
#define CMD_ODDITIES_H

#include <stdbool.h>
#include <stdint.h>

#include "format/feed.h"
#include "format/plan.h"

struct oddities {
	bool		encoder;	/* is what the geometry's clen names */
	uint64_t	no_time;	/* not known */
	uint64_t	no_energy;	/* not known, or not positive */
	uint64_t	odd_energy;	/* not within 1 to 30 keV */
	uint64_t	no_encoder;	/* not known, not finite, or 0 */
	uint64_t	cut;		/* not all peaks that were found were kept */
};

/* A stream begins: encoders count where its geometry needs them. */
void	oddities_begin(struct oddities *, const struct plan *);

/* Looks at the event in hand. Quantities count where the stream has them. */
void	oddities_look(struct oddities *, const struct feed *);

void	oddities_sum(const struct oddities *);

#endif
