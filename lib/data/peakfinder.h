/*
 * From logits to peaks, one pass: compare into bits (logits.h), runs from bits,
 * runs joined with those of the line above into 8-connected components
 * (component.h), components measured on the image into peaks (peak.h).
 *
 * Class 1 wins where its logit is larger than every other class's; a tie or a
 * NaN is background. Padding is cut off before labelling. Components come in
 * raster order of their first pixel, panel by panel, as scipy.ndimage.label
 * with a 3x3 structure numbers them.
 */
#ifndef DATA_PEAKFINDER_H
#define DATA_PEAKFINDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/layout.h"
#include "data/peaklist.h"

struct peakfinder_options {
	uint32_t	min_pixels;	/* smaller components are no peaks; 1: none */
	uint32_t	max_pixels;	/* larger ones neither; 0: no limit */
	uint32_t	capacity;	/* peaks kept, the strongest by sum; >= 1 */
	bool		weighted;	/* centroid weighted by intensity above
					   background, in place of the plain mean */
	const uint8_t	*bad;		/* [panel][real_height][real_width], not 0 =
					   bad; NULL: none; borrowed */
};

struct peakfinder;

/* Takes copies of both (but borrows bad). NULL when memory is short. */
struct peakfinder	*peakfinder_new(const struct layout *,
			    const struct peakfinder_options *);
void	peakfinder_free(struct peakfinder *);

/*
 * Finds the peaks of one event. Planes as in layout.h, aligned to 64 bytes:
 *	logits	NULL if the layout has LOGITS_NONE, then segmap is the input
 *	segmap	without logits: read, class 1 marks peaks;
 *		with logits: written (padded size, padding 0) unless NULL
 *	image	NULL if there is none: sum, max, background, sd, snr are 0
 * out->peaks has room for the options' capacity; the rest of *out is written.
 * Where more are found, the strongest by sum stay (ties: raster order), and they
 * are returned in raster order. Returns 0, or -1 when memory is short.
 */
int	peakfinder_run(struct peakfinder *, const void *logits, uint8_t *segmap,
	    const void *image, struct peaklist *out, struct fault *);

#endif
