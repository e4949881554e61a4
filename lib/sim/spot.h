/* A Bragg spot on the detector: its place, shape, strength, and its photons. */
#ifndef SIM_SPOT_H
#define SIM_SPOT_H

#include <stddef.h>

#include "sim/detector.h"
#include "sim/lattice.h"
#include "sim/rng.h"

/* Whether the simulated network marks a spot, and if not, why. */
enum spot_state {
	SPOT_MARKED,	/* in the logits, whole and alone */
	SPOT_WEAK,	/* too faint beside the background */
	SPOT_MISSED,	/* overlooked, as a network now and then does */
	SPOT_CUT,	/* an edge of its ASIC cuts off a part */
	SPOT_HIDDEN	/* a stronger spot is too near */
};

struct spot {
	uint32_t	panel;
	double		ss, fs;		/* centre of mass of the continuous profile,
					   0 = centre of the panel's first pixel */
	int		h, k, l;
	double		photons;	/* mean number */
	double		resolution;	/* d, angstrom */
	enum spot_state	state;
	double		extent;		/* of what is marked, standard deviations */
	double		reach;		/* the same, pixels */
	double		peak;		/* mean photons on a pixel at the centre */
	double		ff, fs_ss, ss_ss;	/* inverse covariance, 1/pixel^2 */
	const struct detector_asic *asic;	/* borrowed */
};

/*
 * Puts a reflection on the detector at distance z (pixels): place, shape,
 * resolution. Returns 0 if it falls into a gap or outside, else 1. The caller
 * sets strength with spot_brighten.
 */
int	spot_place(struct spot *, const struct reflection *,
	    const struct beam *, const struct detector *, double z);

/*
 * Gives it photons, on a background of so many a pixel, and with that the size
 * of what a network would mark; state becomes SPOT_MARKED, _WEAK or _CUT.
 */
void	spot_brighten(struct spot *, double photons, double background,
	    const struct detector *);

/* Of two spots nearer than their marks are wide the weaker becomes _HIDDEN. */
void	spots_separate(struct spot *, size_t n);

/* Squared distance from the centre in standard deviations. */
double	spot_distance_square(const struct spot *, double ss, double fs);

/* Adds its photons (drawn from Poisson, each worth adu) to an image plane. */
void	spot_draw(const struct spot *, struct rng *, const struct detector *,
	    float adu, float *image);

/* "marked", "weak", "missed", "cut", "hidden". */
const char	*spot_state_text(enum spot_state);

#endif
