/*
 * The crystal: its reciprocal lattice in any orientation, the reflections that
 * the Ewald sphere touches, and how strong each of them is.
 *
 * Lengths are in angstrom, reciprocal lengths in 1/angstrom with |q| = 1/d (no
 * 2 pi). The frame is CrystFEL's: z along the beam, y up, x to complete a
 * right-handed set.
 */
#ifndef SIM_LATTICE_H
#define SIM_LATTICE_H

#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "sim/rng.h"

struct lattice {
	double	length[3];	/* a, b, c */
	double	volume;		/* of the cell */
	double	star[3][3];	/* a*, b*, c*, in rows, before any rotation */
};

/*
 * From a, b, c (1 to 2000 angstrom) and alpha, beta, gamma (20 to 160 degrees).
 * Orientation: a along x, b in the xy plane. -1 with the number that is wrong.
 */
int	lattice_from_cell(const double cell[6], struct lattice *,
	    struct fault *);

/* A random rotation, uniform on SO(3), as a matrix. */
void	rotation_draw(struct rng *, double matrix[3][3]);

/* The same lattice, turned: star' = rotation star. */
void	lattice_rotate(const struct lattice *, double rotation[3][3],
	    struct lattice *turned);

/* The X-rays and what the crystal makes of them. */
struct beam {
	double	k;		/* 1 / wavelength */
	double	bandwidth;	/* full width, fraction of k */
	double	radius;		/* of a reciprocal lattice point (mosaic blocks) */
	double	q_min, q_max;	/* what the detector can see */
};

struct reflection {
	int	h, k, l;
	double	q;		/* 1/d */
	double	towards[3];	/* scattered beam, as a vector of any length */
	double	partiality;	/* 0 to 1 */
};

/*
 * Finds the reflections that a still picks up, at most max of them (the rest is
 * left out; reflections_expected tells beforehand). Returns their number.
 */
size_t	reflections_find(const struct lattice *turned, const struct beam *,
	    struct reflection *, size_t max);

/* How many that are on average over all orientations. */
double	reflections_expected(const struct lattice *, const struct beam *);

/*
 * Intensity of a reflection relative to the mean of its resolution: the same in
 * every event of a seed, and for (h, k, l) and (-h, -k, -l).
 */
double	wilson_intensity(uint64_t seed, int h, int k, int l);

/* How much thermal motion weakens a reflection: exp(-B q^2 / 2), B in A^2. */
double	wilson_falloff(double b, double q);

#endif
