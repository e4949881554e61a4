/* A component measured on the image becomes a peak. */
#ifndef DATA_PEAK_H
#define DATA_PEAK_H

#include <stdbool.h>
#include <stdint.h>

#include "data/component.h"
#include "data/peaklist.h"
#include "data/scene.h"

/*
 * Measures one of the components that runs belong to. Centroid: the plain mean of
 * the pixel coordinates; if weighted, weighted by max(value - background, 0), as
 * long as any weight is positive. Sum and largest value are of the finite
 * pixels. Sets all of the peak; without an image the intensities are 0.
 */
void	peak_measure(struct peak *, const struct component *,
	    const struct run *runs, const struct scene *, uint32_t panel,
	    bool weighted);

/*
 * Moves the k strongest of n peaks by sum (of equals the earlier) to the front,
 * in the order they are in. No sum is a NaN. Returns how many stay.
 */
uint32_t	peaks_strongest(struct peak *, uint32_t n, uint32_t k);

#endif
