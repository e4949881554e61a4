/*
 * What a detector counts without any Bragg peak: scatter of air and solvent, and
 * the noise on it.
 */
#ifndef SIM_SCATTER_H
#define SIM_SCATTER_H

#include "base/fault.h"
#include "sim/detector.h"
#include "sim/rng.h"

struct scatter {
	const struct detector *detector;	/* borrowed */
	float	*mean;	/* [panel][real ss][real fs], photons a pixel */
	float	*root;	/* the same shape: standard deviation, photons */
	float	*noise;	/* a table of normal numbers */
};

/*
 * Works out the mean at distance (metres) and k = 1/wavelength (1/A). The
 * detector must outlive s. 0, and scatter_free releases s; or -1, no memory.
 */
int	scatter_make(struct scatter *s, const struct detector *,
	    double distance, double k, uint64_t seed, struct fault *);
void	scatter_free(struct scatter *);

/*
 * Writes one event's background, scale times the mean, into an image plane
 * (padded size; padding becomes 0), in photons times adu.
 */
void	scatter_draw(const struct scatter *, struct rng *, float scale,
	    float adu, float *image);

/* Mean photons of scale 1 on a pixel of the real panel. */
float	scatter_mean(const struct scatter *, uint32_t panel, uint32_t ss,
	    uint32_t fs);

#endif
