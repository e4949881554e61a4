/*
 * Pages: one large picture of the detector, with all that goes on and below it. The
 * plane is assembled and shaded, rings of equal resolution and circles around peaks
 * are drawn over it; below are two lines of words, and the scale of greys if there
 * is room beside them. Small detectors are enlarged, and lines and letters grow with
 * large ones, so that they look alike on a screen.
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdint.h>

#include "base/fault.h"
#include "data/assembly.h"
#include "data/tone.h"
#include "format/cxireader.h"
#include "report/picture.h"

struct page {
	const char	*title, *facts;		/* the lines below; UTF-8 */
	const struct cxireader_peak *peaks;	/* to be circled */
	uint32_t	n_peaks;
	double		wavelength;	/* angstrom */
	double		distance;	/* of the detector from the sample, m */
	double		res;		/* pixels a metre; NaN in one of these three:
					   no rings */
};

/*
 * Draws a plane of the slab, NaN where nothing is known; tone is the contrast, see
 * tone_choose. The picture is the caller's. NULL: too large, or no memory.
 */
struct picture	*page_draw(const struct page *, const struct assembly *,
		    const float *plane, const struct tone *, struct fault *);

/*
 * Circles peaks on a picture whose assembled image has its corner at x, y and is
 * zoom times as large; line and margin (clear of the peak) are in its pixels.
 */
void	page_circles(struct picture *, const struct assembly *,
	    const struct cxireader_peak *, uint32_t n, double x, double y, double zoom,
	    double line, double margin);

#endif
