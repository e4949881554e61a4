/*
 * The logits that a network would give: low everywhere, with noise, and raised
 * with soft edges where a spot is.
 */
#ifndef SIM_MARKS_H
#define SIM_MARKS_H

#include "base/fault.h"
#include "data/layout.h"
#include "sim/rng.h"
#include "sim/spot.h"

struct marks {
	struct layout	layout;		/* two classes, any logits type */
	unsigned char	*quiet[2];	/* tables of background logits, per class */
	float		*noise;		/* the table behind both */
};

/* 0, and marks_free releases m; or -1 when memory is short. */
int	marks_make(struct marks *m, const struct layout *, uint64_t seed,
	    struct fault *);
void	marks_free(struct marks *);

/* Fills the whole plane, padding too, with background. */
void	marks_clear(const struct marks *, struct rng *, void *logits);

/* Marks one spot, cut off at the edges of the padded panel. */
void	marks_spot(const struct marks *, struct rng *, const struct spot *,
	    void *logits);

/*
 * Marks something small that is not there: at random, anywhere on the panels,
 * now and then in the padding, never touching one of the n spots.
 */
void	marks_speck(const struct marks *, struct rng *, const struct spot *,
	    size_t n, void *logits);

#endif
