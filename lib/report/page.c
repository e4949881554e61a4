/*
 * All that is drawn measures in units: u is a pixel, and more on a picture that is more
 * than a thousand wide.
 */
#include <math.h>
#include <stdio.h>

#include "data/resolution.h"
#include "report/page.h"
#include "report/tile.h"

enum { SMALL = 800 };	/* detectors with fewer pixels are enlarged */

struct canvas {
	struct picture	*picture;
	const struct assembly *assembly;
	const struct tone *tone;
	uint32_t	zoom;
	double		u;
};

static void
plane_draw(const struct canvas *k, const float *plane)
{
	const struct assembly *m = k->assembly;
	uint32_t r, c, from, zoom = k->zoom;
	double g;

	for (r = 0; r < m->height; r++)
		for (c = 0; c < m->width; c++) {
			from = m->from[(size_t)r * m->width + c];
			g = from == ASSEMBLY_GAP ? NAN :
			    tone_apply(k->tone, (double)plane[from]);
			if (isnan(g))
				picture_nothing(k->picture, c * zoom, r * zoom,
				    zoom);
			else
				picture_block(k->picture, c * zoom, r * zoom, zoom,
				    tone_grey(g));
		}
}

static void
ring_draw(const struct canvas *k, double d, double radius)
{
	double x = -k->assembly->left * k->zoom, y = k->assembly->top * k->zoom;
	double at = radius * k->zoom * sqrt(0.5);
	char label[32];

	snprintf(label, sizeof label, "%.3g \303\205", d);
	picture_circle(k->picture, PICTURE_RING, x, y, radius * k->zoom, k->u);
	picture_text(k->picture, PICTURE_RING, x + at + 3 * k->u, y - at,
	    14 * k->u, label);
}

/* Round spacings, as far apart that their labels have room. */
static void
rings_draw(const struct canvas *k, const struct page *p)
{
	static const double spacings[] = { 50, 30, 20, 15, 10, 8, 7, 6, 5, 4.5, 4,
	    3.5, 3.2, 3, 2.8, 2.6, 2.4, 2.2, 2, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3,
	    1.2, 1.1, 1, 0.9, 0.8, 0.7, 0.6, 0.5 };
	const struct assembly *m = k->assembly;
	double radius, last = 0, most;
	size_t i;

	most = fmax(fmax(-m->left, m->left + m->width),
	    fmax(m->top, m->height - m->top));
	for (i = 0; i < sizeof spacings / sizeof spacings[0]; i++) {
		radius = p->res * resolution_radius(spacings[i], p->wavelength,
		    p->distance);
		if (!(radius <= most) || radius - last < most / 6)
			continue;
		ring_draw(k, spacings[i], radius);
		last = radius;
	}
}

void
page_circles(struct picture *picture, const struct assembly *m,
    const struct cxireader_peak *p, uint32_t n, double x0, double y0, double zoom,
    double line, double margin)
{
	double x, y, radius;
	uint32_t i;

	for (i = 0; i < n; i++)
		if (tile_circle(m, &p[i], zoom, margin, &x, &y, &radius))
			picture_circle(picture, PICTURE_PEAK, x0 + x, y0 + y,
			    radius, line);
}

/* The scale: a bar of greys with values below. */
static void
scale_draw(const struct canvas *k, double x, double y)
{
	double u = k->u, width = 220 * u, size = 12 * u, value;
	uint32_t i, j, step = (uint32_t)ceil(u);
	char label[32];

	for (i = 0; i < (uint32_t)width; i += step)
		for (j = 0; j < (uint32_t)(14 * u); j += step)
			picture_block(k->picture, (uint32_t)x + i,
			    (uint32_t)y + j, step, tone_grey(i / width));
	for (i = 0; i <= 3; i++) {
		value = tone_invert(k->tone, i / 3.0);
		snprintf(label, sizeof label, fabs(value) < 100 ? "%.3g" : "%.0f",
		    value);
		picture_text(k->picture, PICTURE_TEXT, x + width * i / 3 -
		    picture_text_width(k->picture, size, label) / 2, y + 28 * u,
		    size, label);
	}
}

/* Two lines at the bottom: what it is, and the scale beside it. */
static void
caption_draw(const struct canvas *k, const struct page *p, double width, double top)
{
	double u = k->u, right = width - 250 * u;

	picture_clip(k->picture, 0, top, right > 300 * u ? right - 30 * u : width,
	    60 * u);
	picture_text(k->picture, PICTURE_TEXT, 10 * u, top + 22 * u, 15 * u,
	    p->title);
	picture_text(k->picture, PICTURE_TEXT, 10 * u, top + 42 * u, 13 * u,
	    p->facts);
	picture_clip(k->picture, 0, 0, 0, 0);
	if (right > 300 * u)
		scale_draw(k, right, top + 10 * u);
}

struct picture *
page_draw(const struct page *p, const struct assembly *m, const float *plane,
    const struct tone *tone, struct fault *f)
{
	uint32_t longest = m->width > m->height ? m->width : m->height;
	uint32_t zoom = longest < SMALL ? (SMALL - 1) / longest + 1 : 1;
	uint32_t width = m->width * zoom, height = m->height * zoom;
	struct canvas k = { .assembly = m, .tone = tone, .zoom = zoom,
	    .u = width > 1000 ? width / 1000.0 : 1 };

	k.picture = picture_new(width, height + (uint32_t)(52 * k.u), f);
	if (k.picture == NULL)
		return NULL;
	plane_draw(&k, plane);
	picture_clip(k.picture, 0, 0, width, height);
	if (!isnan(p->wavelength) && !isnan(p->distance) && !isnan(p->res))
		rings_draw(&k, p);
	page_circles(k.picture, m, p->peaks, p->n_peaks, 0, 0, zoom, 1.1 * k.u,
	    3.5 * k.u);
	caption_draw(&k, p, width, height);
	return k.picture;
}
