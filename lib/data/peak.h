/* A component measured on the image becomes a peak. */
#ifndef DATA_PEAK_H
#define DATA_PEAK_H

#include <stdbool.h>
#include <stdint.h>

#include "data/background.h"
#include "data/component.h"
#include "data/peaklist.h"
#include "data/scene.h"

/* What a component shows on the image. */
struct light {
	struct background background;
	double	sum, max;		/* above background; of finite pixels */
	double	weight, ss, fs;		/* of the positive part, and its moments */
	bool	counts;			/* or its pixels are not looked at */
};

/* Of no pixels yet, and its background. */
void	light_begin(struct light *, const struct component *,
	    const struct scene *);

/* Adds all of a panel's pixels to the lights, one a component, that count. */
void	lights_add(struct light *, const struct components *,
	    const struct scene *);

/*
 * Makes the peak of a component. Centroid: the plain mean of the pixel
 * coordinates; if weighted, weighted by max(value - background, 0), as long as
 * any weight is positive. Sets all of the peak; if light is NULL, for want of an
 * image, the intensities are 0.
 */
void	peak_make(struct peak *, const struct component *, const struct light *,
	    uint32_t panel, bool weighted);

/*
 * Moves the k strongest of n peaks by sum (of equals the earlier) to the front,
 * in the order they are in. No sum is a NaN. Returns how many stay.
 */
uint32_t	peaks_strongest(struct peak *, uint32_t n, uint32_t k);

#endif
