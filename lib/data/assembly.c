/*
 * Backwards: for each ASIC the picture's pixels in the rectangle around it are
 * asked where in the ASIC their centres lie. That is a 2 x 2 matrix, the inverse of
 * the ASIC's directions. Forwards, from the slab to the picture, turned ASICs would
 * have holes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/assembly.h"
#include "data/resolution.h"

/* Laboratory pixels. */
struct extent {
	double	min_x, max_x, min_y, max_y;
};

static int
asic_height(const struct geometry_asic *a)
{
	return a->max_ss - a->min_ss + 1;
}

static int
asic_width(const struct geometry_asic *a)
{
	return a->max_fs - a->min_fs + 1;
}

static struct extent
asic_extent(const struct geometry_asic *a)
{
	double fx = asic_width(a) * a->fs_x, fy = asic_width(a) * a->fs_y;
	double sx = asic_height(a) * a->ss_x, sy = asic_height(a) * a->ss_y;

	return (struct extent){
	    a->corner_x + fmin(0, fx) + fmin(0, sx),
	    a->corner_x + fmax(0, fx) + fmax(0, sx),
	    a->corner_y + fmin(0, fy) + fmin(0, sy),
	    a->corner_y + fmax(0, fy) + fmax(0, sy)
	};
}

static bool
asic_exceeds(const struct geometry_asic *a, uint32_t height, uint32_t width)
{
	return a->max_ss >= (int64_t)height || a->max_fs >= (int64_t)width;
}

static int
asic_check(const struct geometry_asic *a, uint32_t height, uint32_t width,
    struct fault *f)
{
	double area = a->fs_x * a->ss_y - a->fs_y * a->ss_x;

	if (a->layer != -1)
		return fault_set(f, "ASIC %s is in a 3-D slab; the file has a 2-D"
		    " one", a->name);
	if (asic_exceeds(a, height, width))
		return fault_set(f, "ASIC %s reaches to ss %d, fs %d; the image has"
		    " %u x %u pixels (ss x fs): this is not its geometry", a->name,
		    a->max_ss, a->max_fs, height, width);
	if (isnan(a->corner_x) || isnan(a->corner_y) || isnan(area))
		return fault_set(f, "ASIC %s has no %s", a->name, isnan(area) ?
		    "fs or ss" : "corner_x or corner_y");
	if (fabs(area) < 0.01)
		return fault_set(f, "ASIC %s: fs and ss have the same direction",
		    a->name);
	return 0;
}

/* The part of the picture that can have pixels of the ASIC, and no more. */
static void
asic_draw(struct assembly *m, const struct geometry_asic *a)
{
	struct extent e = asic_extent(a);
	double area = a->fs_x * a->ss_y - a->fs_y * a->ss_x, x, y, fs, ss;
	uint32_t r = (uint32_t)(m->top - e.max_y), c, first, last, end;

	first = (uint32_t)(e.min_x - m->left);
	last = (uint32_t)(e.max_x - m->left);
	end = (uint32_t)(m->top - e.min_y);
	for (; r <= end && r < m->height; r++)
		for (c = first; c <= last && c < m->width; c++) {
			x = m->left + c + 0.5 - a->corner_x;
			y = m->top - r - 0.5 - a->corner_y;
			fs = floor((x * a->ss_y - y * a->ss_x) / area);
			ss = floor((y * a->fs_x - x * a->fs_y) / area);
			if (fs >= 0 && fs < asic_width(a) && ss >= 0 &&
			    ss < asic_height(a))
				m->from[(size_t)r * m->width + c] =
				    (uint32_t)(a->min_ss + (int)ss) *
				    m->slab_width +
				    (uint32_t)(a->min_fs + (int)fs);
		}
}

static int
picture_allocate(struct assembly *m, double height, double width,
    struct fault *f)
{
	size_t i, n;

	if (!(height * width <= ASSEMBLY_MAX_PIXELS))
		return fault_set(f, "a picture of %.0f x %.0f pixels; the limit is"
		    " %d pixels", height, width, ASSEMBLY_MAX_PIXELS);
	m->height = (uint32_t)height;
	m->width = (uint32_t)width;
	n = (size_t)m->height * m->width;
	if ((m->from = malloc(n * sizeof *m->from)) == NULL)
		return fault_lack(f, "out of memory for a picture of %u x %u",
		    m->height, m->width);
	for (i = 0; i < n; i++)
		m->from[i] = ASSEMBLY_GAP;
	return 0;
}

int
assembly_geometry(const struct geometry *g, uint32_t slab_height,
    uint32_t slab_width, struct assembly *m, struct fault *f)
{
	struct extent all = { INFINITY, -INFINITY, INFINITY, -INFINITY }, e;
	const struct geometry_asic *a, *end = g->asics + g->n_asics;

	memset(m, 0, sizeof *m);
	for (a = g->asics; a < end; a++) {
		if (asic_check(a, slab_height, slab_width, f) == -1)
			return -1;
		e = asic_extent(a);
		all.min_x = fmin(all.min_x, e.min_x);
		all.max_x = fmax(all.max_x, e.max_x);
		all.min_y = fmin(all.min_y, e.min_y);
		all.max_y = fmax(all.max_y, e.max_y);
	}
	m->slab_height = slab_height;
	m->slab_width = slab_width;
	m->geometry = g;
	m->left = floor(all.min_x);
	m->top = ceil(all.max_y);
	if (picture_allocate(m, m->top - floor(all.min_y),
	    ceil(all.max_x) - m->left, f) == -1)
		return -1;
	for (a = g->asics; a < end; a++)
		asic_draw(m, a);
	return 0;
}

int
assembly_reach(const struct geometry *g, uint32_t slab_height, uint32_t slab_width,
    struct fault *f)
{
	int ss = 0, fs = 0;
	size_t i;

	for (i = 0; i < g->n_asics; i++) {
		ss = g->asics[i].max_ss > ss ? g->asics[i].max_ss : ss;
		fs = g->asics[i].max_fs > fs ? g->asics[i].max_fs : fs;
	}
	if ((uint32_t)ss + 1 == slab_height && (uint32_t)fs + 1 == slab_width)
		return 0;
	return fault_set(f, "its ASICs reach to ss %d, fs %d only; images have"
	    " %u x %u pixels (ss x fs): is it the geometry of this detector?", ss,
	    fs, slab_height, slab_width);
}

bool
assembly_exceeds(const struct geometry *g, uint32_t slab_height,
    uint32_t slab_width)
{
	size_t i;

	for (i = 0; i < g->n_asics; i++)
		if (asic_exceeds(&g->asics[i], slab_height, slab_width))
			return true;
	return false;
}

int
assembly_slab(uint32_t slab_height, uint32_t slab_width, struct assembly *m,
    struct fault *f)
{
	uint32_t i;

	memset(m, 0, sizeof *m);
	m->slab_height = slab_height;
	m->slab_width = slab_width;
	m->left = m->top = NAN;
	if (picture_allocate(m, slab_height, slab_width, f) == -1)
		return -1;
	for (i = 0; i < slab_height * slab_width; i++)
		m->from[i] = i;
	return 0;
}

void
assembly_free(struct assembly *m)
{
	free(m->from);
	memset(m, 0, sizeof *m);
}

void
assembly_locate(const struct assembly *m, double fs, double ss, double *column,
    double *row)
{
	const struct geometry_asic *a;

	*column = fs + 0.5;
	*row = ss + 0.5;
	if (m->geometry == NULL)
		return;
	*column = *row = NAN;
	if ((a = resolution_asic(m->geometry, fs, ss)) == NULL)
		return;
	geometry_locate(a, fs, ss, column, row);
	*column -= m->left;
	*row = m->top - *row;
}
