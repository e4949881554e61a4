/*
 * Planes: the images of CXI files as floats, NaN where the mask calls a pixel bad,
 * and the maximum of many.
 */
#ifndef FORMAT_PLANE_H
#define FORMAT_PLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/cxireader.h"

/*
 * The image of event k: height * width floats. bad has as many bytes, and is read
 * unless *bad_known, which is false for a file's first image and says then whether
 * the mask is that of all its events. 0 or -1.
 */
int	plane_read(struct cxireader *, uint64_t k, float *pixels, uint8_t *bad,
	    bool *bad_known, struct fault *);

/* Raises n pixels to those of an image. What only one of the two knows stays. */
void	plane_raise(float *plane, const float *image, size_t n);

#endif
