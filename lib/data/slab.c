/*
 * From a geometry to the place of each panel in the slab.
 *
 * The ASICs of a geometry have names of all sorts, so only their rectangles
 * count. In raster order, the first ASIC that belongs to no module yet is the
 * top left of one: it claims a rectangle of the real panel size, and with it all
 * ASICs inside. None may reach over its edge, and their areas must add up to its
 * own. Then the ASICs are painted into the mask, which begins as all bad; an
 * ASIC that finds a pixel painted already overlaps another one. No overlap and
 * equal areas mean: tiled exactly. The cost is one sort and one pass over the
 * slab, however many ASICs there are.
 *
 * A layout of one panel has one module: the whole slab. What the ASICs leave
 * free in it stays bad.
 *
 * In a 3-D slab an ASIC has a layer, and modules are looked for within layers.
 * CXI peaks need a 2-D slab, so those modules are stacked; placing->modules has
 * where a module lies in the file, slab->panels where it goes.
 *
 * Bad regions are cut with every ASIC they concern, so they follow it. Regions in
 * x and y take the pixels whose first corner is inside, as those of CrystFEL do
 * (draw_bad_region_xy of its image.c).
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "data/geometry.h"

/*
 * A stream whose events stay below 4 GiB needs less; a mask has 330 MiB at most: a bit
 * a pixel and three words a row.
 */
static const uint64_t max_pixels = UINT64_C(1) << 30;
static const uint64_t max_side = UINT64_C(1) << 23;

/* A module where the file has it. */
struct module {
	int		layer, ss, fs;
	size_t		first;	/* the file's first mention of one of its ASICs */
	uint32_t	panel;	/* its place among the panels */
};

struct placing {
	const struct geometry *g;
	const struct layout *l;
	struct slab	*s;
	struct fault	*f;
	const struct geometry_asic **raster;	/* all, by layer, ss, fs */
	struct module	*modules;	/* in raster order */
	size_t		n_modules;
	size_t		*module_of;	/* for each ASIC; n_asics: none yet */
};

/* Slab pixels, the ends exclusive. */
struct box {
	int64_t		ss, fs, end_ss, end_fs;
};

static struct box
asic_box(const struct geometry_asic *a)
{
	return (struct box){ a->min_ss, a->min_fs, (int64_t)a->max_ss + 1,
	    (int64_t)a->max_fs + 1 };
}

static int64_t
box_height(struct box b)
{
	return b.end_ss - b.ss;
}

static int64_t
box_width(struct box b)
{
	return b.end_fs - b.fs;
}

static struct box
box_intersect(struct box a, struct box b)
{
	if (a.ss < b.ss)
		a.ss = b.ss;
	if (a.fs < b.fs)
		a.fs = b.fs;
	if (a.end_ss > b.end_ss)
		a.end_ss = b.end_ss;
	if (a.end_fs > b.end_fs)
		a.end_fs = b.end_fs;
	return a;
}

static int
box_empty(struct box b)
{
	return b.ss >= b.end_ss || b.fs >= b.end_fs;
}

static int
box_inside(struct box a, struct box b)
{
	return a.ss >= b.ss && a.fs >= b.fs && a.end_ss <= b.end_ss &&
	    a.end_fs <= b.end_fs;
}

static size_t
asic_index(const struct placing *p, const struct geometry_asic *a)
{
	return (size_t)(a - p->g->asics);
}

static int
raster_compare(const void *x, const void *y)
{
	const struct geometry_asic *a = *(const struct geometry_asic *const *)x;
	const struct geometry_asic *b = *(const struct geometry_asic *const *)y;

	if (a->layer != b->layer)
		return a->layer < b->layer ? -1 : 1;
	if (a->min_ss != b->min_ss)
		return a->min_ss < b->min_ss ? -1 : 1;
	if (a->min_fs != b->min_fs)
		return a->min_fs < b->min_fs ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Why the ASIC at a does not fit, after the numbers that disagree. */
static int
misfit_fault(struct placing *p, const struct geometry_asic *a, const char *what,
    const char *other)
{
	struct box b = asic_box(a);
	int height = 0, width = 0;
	size_t i;

	for (i = 0; i < p->g->n_asics; i++) {
		if (height <= p->g->asics[i].max_ss)
			height = p->g->asics[i].max_ss + 1;
		if (width <= p->g->asics[i].max_fs)
			width = p->g->asics[i].max_fs + 1;
	}
	return fault_set(p->f, "the stream has panels of %u x %u (%u), the geometry"
	    " ASICs in a slab of %d x %d (%zu); ASIC %s (%lld x %lld at ss %d, fs"
	    " %d) %s%s", p->l->real_height, p->l->real_width, p->l->panels, height,
	    width, p->g->n_asics, a->name, (long long)box_height(b),
	    (long long)box_width(b), a->min_ss, a->min_fs, what, other);
}

/* Opens the module whose top left is p->raster[k] and gives it its ASICs. */
static int
module_open(struct placing *p, size_t k)
{
	const struct geometry_asic *a = p->raster[k], *b;
	struct module *m = &p->modules[p->n_modules];
	/* The raster holds every ASIC: none of its pointers is null. */
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	struct box r = { a->min_ss, a->min_fs,
	    (int64_t)a->min_ss + p->l->real_height,
	    (int64_t)a->min_fs + p->l->real_width };
	int64_t area = 0;

	*m = (struct module){ a->layer, a->min_ss, a->min_fs,
	    asic_index(p, a), 0 };
	for (; k < p->g->n_asics && p->raster[k]->layer == a->layer &&
	    p->raster[k]->min_ss < r.end_ss; k++) {
		b = p->raster[k];
		if (box_empty(box_intersect(asic_box(b), r)))
			continue;
		if (!box_inside(asic_box(b), r))
			return misfit_fault(p, b, "reaches over the edge of the"
			    " panel that begins with ", a->name);
		if (p->module_of[asic_index(p, b)] != p->g->n_asics)
			return misfit_fault(p, b, "lies in two panels, one of them"
			    " begins with ", a->name);
		p->module_of[asic_index(p, b)] = p->n_modules;
		area += box_height(asic_box(b)) * box_width(asic_box(b));
		if (asic_index(p, b) < m->first)
			m->first = asic_index(p, b);
	}
	if (area != box_height(r) * box_width(r))
		return misfit_fault(p, a, "begins a panel that the ASICs do not"
		    " fill exactly", "");
	p->n_modules++;
	return 0;
}

static int
modules_find(struct placing *p)
{
	size_t k;

	for (k = 0; k < p->g->n_asics; k++)
		if (p->module_of[asic_index(p, p->raster[k])] == p->g->n_asics &&
		    module_open(p, k) == -1)
			return -1;
	if (p->n_modules != p->l->panels)
		return fault_set(p->f, "the geometry has %zu panels of %u x %u, the"
		    " stream %u", p->n_modules, p->l->real_height,
		    p->l->real_width, p->l->panels);
	return 0;
}

/* One panel: the whole slab, with all ASICs in it. */
static int
module_whole(struct placing *p)
{
	const struct geometry_asic *a;
	struct box whole = { 0, 0, p->l->real_height, p->l->real_width };
	size_t i;

	p->n_modules = 1;
	p->modules[0] = (struct module){ p->g->asics[0].layer, 0, 0, 0, 0 };
	for (i = 0; i < p->g->n_asics; i++) {
		a = &p->g->asics[i];
		p->module_of[i] = 0;
		if (a->layer != p->modules[0].layer)
			return misfit_fault(p, a, "is in another layer than ",
			    p->g->asics[0].name);
		if (!box_inside(asic_box(a), whole))
			return misfit_fault(p, a, "is not inside", "");
	}
	return 0;
}

static int
module_compare(const void *x, const void *y)
{
	const struct module *a = *(struct module *const *)x;
	const struct module *b = *(struct module *const *)y;

	return a->first < b->first ? -1 : a->first > b->first;
}

/* Numbers the modules in the order in which the file mentions them. */
static int
modules_number(struct placing *p)
{
	struct module **order;
	size_t i;

	if ((order = calloc(p->n_modules, sizeof *order)) == NULL)
		return fault_lack(p->f, "out of memory");
	for (i = 0; i < p->n_modules; i++)
		order[i] = &p->modules[i];
	qsort(order, p->n_modules, sizeof *order, module_compare);
	for (i = 0; i < p->n_modules; i++)
		order[i]->panel = (uint32_t)i;
	free(order);
	return 0;
}

/* Memory for a slab of known size, without a mask. */
static int
slab_allocate(struct slab *s, uint64_t height, uint64_t width, uint32_t panels,
    struct fault *f)
{
	if (height * width > max_pixels || height > max_side || width > max_side)
		return fault_set(f, "a slab of %llu x %llu pixels; the limit is"
		    " %llu pixels, and %llu a side", (unsigned long long)height,
		    (unsigned long long)width, (unsigned long long)max_pixels,
		    (unsigned long long)max_side);
	s->height = (uint32_t)height;
	s->width = (uint32_t)width;
	s->n_panels = panels;
	if ((s->panels = calloc(panels, sizeof *s->panels)) == NULL)
		return fault_lack(f, "out of memory for %u panels", panels);
	return 0;
}

/* A mask of zeros. */
static int
mask_make(struct slab *s, struct fault *f)
{
	if (bitplane_init(&s->mask, s->height, s->width) == -1)
		return fault_lack(f, "out of memory for a mask of %u x %u pixels",
		    s->height, s->width);
	return 0;
}

/* Gives the slab its size and every panel its place. */
static int
panels_place(struct placing *p)
{
	const struct layout *l = p->l;
	struct slab *s = p->s;
	uint64_t height = l->real_height, width = l->real_width;
	const struct module *m;
	size_t i;

	s->renumbered = p->modules[0].layer != -1;
	if (s->renumbered)
		height *= l->panels;
	for (i = 0; i < p->n_modules && !s->renumbered; i++) {
		m = &p->modules[i];
		if (height < (uint64_t)m->ss + l->real_height)
			height = (uint64_t)m->ss + l->real_height;
		if (width < (uint64_t)m->fs + l->real_width)
			width = (uint64_t)m->fs + l->real_width;
	}
	if (slab_allocate(s, height, width, l->panels, p->f) == -1)
		return -1;
	for (i = 0; i < p->n_modules; i++) {
		m = &p->modules[i];
		s->panels[m->panel].ss = s->renumbered ?
		    m->panel * l->real_height : (uint32_t)m->ss;
		s->panels[m->panel].fs = s->renumbered ? 0 : (uint32_t)m->fs;
	}
	return 0;
}

/* The slab's pixel where an ASIC begins. */
static struct slab_panel
asic_at(const struct placing *p, const struct geometry_asic *a)
{
	const struct module *m = &p->modules[p->module_of[asic_index(p, a)]];
	const struct slab_panel *at = &p->s->panels[m->panel];

	return (struct slab_panel){ at->ss + (uint32_t)(a->min_ss - m->ss),
	    at->fs + (uint32_t)(a->min_fs - m->fs) };
}

/* Turns pixels of a row from fs up to end over: true if all were as from says. */
static bool
row_turn(uint64_t *row, uint32_t fs, uint32_t end, bool from)
{
	uint64_t pixels, was;
	uint32_t next;

	for (; fs < end; fs = next) {
		next = (fs | 63) + 1 < end ? (fs | 63) + 1 : end;
		pixels = ~UINT64_C(0) >> (64 - (next - fs)) << fs % 64;
		was = row[fs / 64] & pixels;
		if (was != (from ? pixels : 0))
			return false;
		row[fs / 64] ^= pixels;
	}
	return true;
}

/* Marks the ASIC's pixels as good; 0, or -1 if another one has been there. */
static int
asic_paint(const struct placing *p, const struct geometry_asic *a)
{
	const struct slab_panel at = asic_at(p, a);
	const struct box b = asic_box(a);
	uint32_t i;

	for (i = 0; i < box_height(b); i++)
		if (!row_turn(bitplane_row(&p->s->mask, (int32_t)(at.ss + i)), at.fs,
		    at.fs + (uint32_t)box_width(b), true))
			return -1;
	return 0;
}

static int
asics_paint(struct placing *p)
{
	const struct geometry_asic *a, *b;
	uint32_t i;

	if (mask_make(p->s, p->f) == -1)
		return -1;
	for (i = 0; i < p->s->height; i++)
		(void)row_turn(bitplane_row(&p->s->mask, (int32_t)i), 0, p->s->width,
		    false);
	for (a = p->g->asics; a < p->g->asics + p->g->n_asics; a++) {
		if (asic_paint(p, a) == 0)
			continue;
		for (b = p->g->asics; b->layer != a->layer ||
		    box_empty(box_intersect(asic_box(a), asic_box(b))); b++)
			;
		return misfit_fault(p, a, "overlaps ", b->name);
	}
	return 0;
}

/* Masks the pixel of an ASIC that lies ss, fs behind its first one. */
static void
pixel_mask(const struct placing *p, const struct geometry_asic *a, int64_t ss,
    int64_t fs)
{
	const struct slab_panel at = asic_at(p, a);

	bitplane_set(bitplane_row(&p->s->mask, (int32_t)(at.ss + ss)),
	    (uint32_t)(at.fs + fs));
}

static void
bad_fsss(const struct placing *p, const struct geometry_bad *bad,
    const struct geometry_asic *a)
{
	struct box b = { bad->min_ss, bad->min_fs, (int64_t)bad->max_ss + 1,
	    (int64_t)bad->max_fs + 1 };
	int64_t i, j;

	b = box_intersect(b, asic_box(a));
	for (i = b.ss; i < b.end_ss; i++)
		for (j = b.fs; j < b.end_fs; j++)
			pixel_mask(p, a, i - a->min_ss, j - a->min_fs);
}

/* Does the region touch the rectangle around the ASIC? Spares most pixels. */
static int
bad_near(const struct geometry_bad *bad, const struct geometry_asic *a)
{
	double w = (double)a->max_fs - a->min_fs + 1;
	double h = (double)a->max_ss - a->min_ss + 1;
	double cx = a->corner_x + (w * a->fs_x + h * a->ss_x) / 2;
	double cy = a->corner_y + (w * a->fs_y + h * a->ss_y) / 2;
	double rx = (w * fabs(a->fs_x) + h * fabs(a->ss_x)) / 2;
	double ry = (w * fabs(a->fs_y) + h * fabs(a->ss_y)) / 2;

	return cx + rx > bad->min_x && cx - rx < bad->max_x &&
	    cy + ry > bad->min_y && cy - ry < bad->max_y;
}

static void
bad_xy(const struct placing *p, const struct geometry_bad *bad,
    const struct geometry_asic *a)
{
	int i, j, height = a->max_ss - a->min_ss + 1;
	int width = a->max_fs - a->min_fs + 1;
	double x, y;

	if (!bad_near(bad, a))
		return;
	for (i = 0; i < height; i++)
		for (j = 0; j < width; j++) {
			x = a->corner_x + j * a->fs_x + i * a->ss_x;
			y = a->corner_y + j * a->fs_y + i * a->ss_y;
			if (x > bad->min_x && x < bad->max_x &&
			    y > bad->min_y && y < bad->max_y)
				pixel_mask(p, a, i, j);
		}
}

static void
bads_paint(struct placing *p)
{
	const struct geometry_bad *bad;
	const struct geometry_asic *a;
	size_t i, k;

	for (i = 0; i < p->g->n_bads; i++)
		for (k = 0; k < p->g->n_asics; k++) {
			bad = &p->g->bads[i];
			a = &p->g->asics[k];
			if (bad->panel[0] != '\0' &&
			    strcmp(bad->panel, a->name) != 0)
				continue;
			if (bad->is_fsss)
				bad_fsss(p, bad, a);
			else
				bad_xy(p, bad, a);
		}
}

/* Most detectors have no bad pixels: then a writer need not hold a mask. */
static void
mask_settle(struct slab *s)
{
	const uint64_t *row;
	uint32_t i, k;

	for (i = 0; i < s->height; i++) {
		row = bitplane_row(&s->mask, (int32_t)i);
		for (k = 0; k < s->width; k += 64)
			if (row[k / 64] != 0)
				return;
	}
	bitplane_free(&s->mask);
}

/* 1 if all ASICs are cells of one grid that divides every panel. */
static int
grid_common(const struct placing *p, int64_t height, int64_t width)
{
	const struct geometry_asic *a;
	const struct module *m;
	size_t i;

	if (p->l->real_height % height != 0 || p->l->real_width % width != 0)
		return 0;
	for (i = 0; i < p->g->n_asics; i++) {
		a = &p->g->asics[i];
		m = &p->modules[p->module_of[i]];
		if (box_height(asic_box(a)) != height ||
		    box_width(asic_box(a)) != width ||
		    (a->min_ss - m->ss) % height != 0 ||
		    (a->min_fs - m->fs) % width != 0)
			return 0;
	}
	return 1;
}

static void
grid_set(struct placing *p)
{
	struct box b = asic_box(&p->g->asics[0]);
	struct slab *s = p->s;

	s->panel_height = s->asic_height = p->l->real_height;
	s->panel_width = s->asic_width = p->l->real_width;
	if (grid_common(p, box_height(b), box_width(b))) {
		s->asic_height = (uint32_t)box_height(b);
		s->asic_width = (uint32_t)box_width(b);
	}
}

static int
placing_init(struct placing *p)
{
	size_t i, n = p->g->n_asics;

	p->raster = calloc(n, sizeof *p->raster);
	p->modules = calloc(n, sizeof *p->modules);
	p->module_of = calloc(n, sizeof *p->module_of);
	if (p->raster == NULL || p->modules == NULL || p->module_of == NULL)
		return fault_lack(p->f, "out of memory");
	for (i = 0; i < n; i++) {
		p->raster[i] = &p->g->asics[i];
		p->module_of[i] = n;
	}
	qsort(p->raster, n, sizeof *p->raster, raster_compare);
	if ((p->raster[0]->layer == -1) != (p->raster[n - 1]->layer == -1))
		return fault_set(p->f, "the geometry has %s in a 2-D slab and %s in"
		    " a 3-D one", p->raster[0]->name, p->raster[n - 1]->name);
	return 0;
}

static int
placing_run(struct placing *p)
{
	if (placing_init(p) == -1)
		return -1;
	if ((p->l->panels == 1 ? module_whole(p) : modules_find(p)) == -1)
		return -1;
	if (modules_number(p) == -1 || panels_place(p) == -1)
		return -1;
	if (asics_paint(p) == -1) {
		slab_free(p->s);
		return -1;
	}
	bads_paint(p);
	mask_settle(p->s);
	grid_set(p);
	return 0;
}

int
slab_from_geometry(const struct geometry *g, const struct layout *l,
    struct slab *s, struct fault *f)
{
	struct placing p = { .g = g, .l = l, .s = s, .f = f };
	int status;

	memset(s, 0, sizeof *s);
	status = placing_run(&p);
	free(p.raster);
	free(p.modules);
	free(p.module_of);
	return status;
}

int
slab_stacked(const struct layout *l, struct slab *s, struct fault *f)
{
	uint32_t k;

	memset(s, 0, sizeof *s);
	if (slab_allocate(s, (uint64_t)l->panels * l->real_height, l->real_width,
	    l->panels, f) == -1)
		return -1;
	for (k = 0; k < l->panels; k++)
		s->panels[k].ss = k * l->real_height;
	s->panel_height = s->asic_height = l->real_height;
	s->panel_width = s->asic_width = l->real_width;
	return 0;
}

int
slab_mask(struct slab *s, const struct layout *l, const uint8_t *bad,
    struct fault *f)
{
	const struct slab_panel *at;
	uint32_t ss, fs;
	uint64_t *row;

	if (s->mask.words == NULL && mask_make(s, f) == -1)
		return -1;
	for (at = s->panels; at < s->panels + l->panels; at++)
		for (ss = 0; ss < l->real_height; ss++) {
			row = bitplane_row(&s->mask, (int32_t)(at->ss + ss));
			for (fs = 0; fs < l->real_width; fs++)
				if (*bad++ != 0)
					bitplane_set(row, at->fs + fs);
		}
	mask_settle(s);
	return 0;
}

void
slab_free(struct slab *s)
{
	free(s->panels);
	bitplane_free(&s->mask);
	memset(s, 0, sizeof *s);
}
