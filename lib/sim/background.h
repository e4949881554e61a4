/*
 * What a detector counts without any Bragg peak: scatter of air and solvent, and
 * the noise on it.
 */
#ifndef SIM_BACKGROUND_H
#define SIM_BACKGROUND_H

#include "base/fault.h"
#include "sim/detector.h"
#include "sim/rng.h"

struct background {
	const struct detector *detector;	/* borrowed */
	float	*mean;	/* [panel][real ss][real fs], photons a pixel */
	float	*root;	/* the same shape: standard deviation, photons */
	float	*noise;	/* a table of normal numbers */
};

/*
 * Works out the mean at distance (metres) and k = 1/wavelength (1/A). The
 * detector must outlive b. 0, and background_free releases b; or -1, no memory.
 */
int	background_make(struct background *b, const struct detector *,
	    double distance, double k, uint64_t seed, struct fault *);
void	background_free(struct background *);

/*
 * Writes one event's background, scale times the mean, into an image plane
 * (padded size; padding becomes 0), in photons times adu.
 */
void	background_draw(const struct background *, struct rng *, float scale,
	    float adu, float *image);

/* Mean photons of scale 1 on a pixel of the real panel. */
float	background_mean(const struct background *, uint32_t panel, uint32_t ss,
	    uint32_t fs);

#endif
