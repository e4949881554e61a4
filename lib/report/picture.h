/*
 * Pictures: pixels, circles and words on a canvas, and the canvas as a PNG file.
 * Lines and letters are drawn by cairo, the file is written by libpng. Positions
 * are in pixels from the top left corner of the canvas, whole numbers are corners
 * of pixels. What is drawn in part outside is cut off.
 */
#ifndef REPORT_PICTURE_H
#define REPORT_PICTURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/fault.h"

enum { PICTURE_MAX_SIDE = 32767 };	/* cairo's own limit */

enum picture_ink { PICTURE_PEAK, PICTURE_RING, PICTURE_TEXT };

struct picture;

/* A canvas of one colour, paper. NULL: fault, too large or no memory. */
struct picture	*picture_new(uint32_t width, uint32_t height, struct fault *);
void	picture_free(struct picture *);

/* A square of size pixels in grey (0 to 255), at column x, row y. */
void	picture_block(struct picture *, uint32_t x, uint32_t y, uint32_t size,
	    uint8_t grey);

/* The same in the colour for places that no good pixel is at. */
void	picture_nothing(struct picture *, uint32_t x, uint32_t y, uint32_t size);

/* From here on only this rectangle is drawn to; width 0: all of the canvas. */
void	picture_clip(struct picture *, double x, double y, double width,
	    double height);

void	picture_circle(struct picture *, enum picture_ink, double x, double y,
	    double radius, double line);

/* Text whose baseline begins at x, y; size is that of the font, pixels. */
void	picture_text(struct picture *, enum picture_ink, double x, double y,
	    double size, const char *);
double	picture_text_width(struct picture *, double size, const char *);

/* A word of the file's own description: key as in the PNG standard, Latin-1. */
struct picture_note {
	const char	*key, *text;
};

/*
 * Writes a PNG to a file that is open, and flushes it: with a palette if there are
 * 256 colours or fewer, as without circles and words. The same picture and notes
 * give the same bytes. 0, or -1 with the cause.
 */
int	picture_write(struct picture *, FILE *, const struct picture_note *,
	    size_t n, struct fault *);

#endif
