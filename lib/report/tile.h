/*
 * Tiles: small pictures of large images. Each pixel of a tile is the strongest of
 * factor x factor pixels of the assembled image, for a spot must not be lost in the
 * mean of what is around it.
 */
#ifndef REPORT_TILE_H
#define REPORT_TILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/assembly.h"
#include "format/cxireader.h"
#include "report/picture.h"

struct tile {
	uint32_t	factor, width, height;
};

/* The largest tile whose sides have at most longest pixels. */
struct tile	tile_fit(const struct assembly *, uint32_t longest);

/*
 * Draws a plane of the slab, NaN where nothing is known, with its top left corner at
 * x, y; contrast is chosen from the tile. -1: no memory.
 */
int	tile_draw(struct picture *, uint32_t x, uint32_t y, const struct tile *,
	    const struct assembly *, const float *plane, struct fault *);

/*
 * The circle around a peak, in pixels of a picture that is zoom times as large as
 * the assembled image; margin pixels clear of the peak. false: it is on no ASIC.
 */
bool	tile_circle(const struct assembly *, const struct cxireader_peak *,
	    double zoom, double margin, double *x, double *y, double *radius);

#endif
