#include <math.h>
#include <stdlib.h>

#include "data/tone.h"
#include "report/tile.h"

struct tile
tile_fit(const struct assembly *m, uint32_t longest)
{
	uint32_t side = m->width > m->height ? m->width : m->height;
	uint32_t factor = (side - 1) / longest + 1;

	return (struct tile){ factor, (m->width - 1) / factor + 1,
	    (m->height - 1) / factor + 1 };
}

static void
values_shrink(const struct tile *t, const struct assembly *m,
    const float *plane, float *values)
{
	float value, *at;
	uint32_t r, c, from;

	for (r = 0; r < t->width * t->height; r++)
		values[r] = NAN;
	for (r = 0; r < m->height; r++)
		for (c = 0; c < m->width; c++) {
			from = m->from[(size_t)r * m->width + c];
			if (from == ASSEMBLY_GAP)
				continue;
			value = plane[from];
			at = &values[(size_t)(r / t->factor) * t->width +
			    c / t->factor];
			if (!isnan(value) && !(*at >= value))
				*at = value;
		}
}

int
tile_draw(struct picture *p, uint32_t x, uint32_t y, const struct tile *t,
    const struct assembly *m, const float *plane, struct fault *f)
{
	size_t n = (size_t)t->width * t->height;
	float *values = calloc(n, sizeof *values);
	struct tone tone;
	uint32_t r, c;
	double g;

	if (values == NULL)
		return fault_lack(f, "out of memory for a picture");
	values_shrink(t, m, plane, values);
	tone = tone_choose(values, n);
	for (r = 0; r < t->height; r++)
		for (c = 0; c < t->width; c++) {
			g = tone_apply(&tone,
			    (double)values[(size_t)r * t->width + c]);
			if (isnan(g))
				picture_nothing(p, x + c, y + r, 1);
			else
				picture_block(p, x + c, y + r, 1, tone_grey(g));
		}
	free(values);
	return 0;
}

bool
tile_circle(const struct assembly *m, const struct cxireader_peak *p,
    double zoom, double margin, double *x, double *y, double *radius)
{
	double size = p->npixels > 0 ? sqrt((double)p->npixels / 3) : 1;

	assembly_locate(m, (double)p->fs, (double)p->ss, x, y);
	*x *= zoom;
	*y *= zoom;
	*radius = size * zoom + margin;
	return !isnan(*x);
}
