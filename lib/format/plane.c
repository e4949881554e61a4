#include <math.h>

#include "format/plane.h"

int
plane_read(struct cxireader *r, uint64_t k, float *pixels, uint8_t *bad,
    bool *bad_known, struct fault *f)
{
	const struct cxireader_info *x = cxireader_info(r);
	size_t i, n = (size_t)x->height * x->width;

	if ((!*bad_known && cxireader_mask(r, k, bad, f) == -1) ||
	    cxireader_image(r, k, pixels, f) == -1)
		return -1;
	*bad_known = x->mask < 2;
	for (i = 0; i < n; i++)
		if (bad[i])
			pixels[i] = NAN;
	return 0;
}

void
plane_raise(float *plane, const float *image, size_t n)
{
	size_t i;

	/* A comparison with NaN is false. */
	for (i = 0; i < n; i++)
		if (!(plane[i] >= image[i]) && !isnan(image[i]))
			plane[i] = image[i];
}
