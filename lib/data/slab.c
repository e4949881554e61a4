/*
 * From a geometry to the place of each panel in the slab.
 *
 * The ASICs of a geometry have names of all sorts, so only their rectangles
 * count. In raster order, the first ASIC that belongs to no module yet is the
 * top left of one: it claims a rectangle of the real panel size, and with it all
 * ASICs inside. None may reach over its edge, and their areas must add up to its
 * own. Then the ASICs are painted into the mask (slab_mask.c), where one that finds a
 * pixel painted already overlaps another one. No overlap and equal areas mean: tiled
 * exactly. The cost is one sort and one pass over the slab, however many ASICs there
 * are.
 *
 * A layout of one panel has one module: the whole slab. What the ASICs leave
 * free in it stays bad.
 *
 * In a 3-D slab an ASIC has a layer, and modules are looked for within layers.
 * CXI peaks need a 2-D slab, so those modules are stacked; placing->modules has
 * where a module lies in the file, slab->panels where it goes.
 */
#include <stdlib.h>
#include <string.h>

#include "data/slab_impl.h"

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
	struct slab_panel *at;		/* the slab's pixel where each ASIC begins */
};

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

static void
asics_place(struct placing *p)
{
	const struct geometry_asic *a;
	const struct slab_panel *at;
	const struct module *m;
	size_t i;

	for (i = 0; i < p->g->n_asics; i++) {
		a = &p->g->asics[i];
		m = &p->modules[p->module_of[i]];
		at = &p->s->panels[m->panel];
		p->at[i] = (struct slab_panel){
			at->ss + (uint32_t)(a->min_ss - m->ss),
			at->fs + (uint32_t)(a->min_fs - m->fs)
		};
	}
}

static int
mask_paint(struct placing *p)
{
	const struct geometry_asic *a, *b;
	size_t late;
	int r = slab_asics_paint(p->s, p->g, p->at, &late, p->f);

	if (r != 1)
		return r;
	a = &p->g->asics[late];
	for (b = p->g->asics; b->layer != a->layer ||
	    box_empty(box_intersect(asic_box(a), asic_box(b))); b++)
		;
	return misfit_fault(p, a, "overlaps ", b->name);
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
	p->at = calloc(n, sizeof *p->at);
	if (p->raster == NULL || p->modules == NULL || p->module_of == NULL ||
	    p->at == NULL)
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
	asics_place(p);
	if (mask_paint(p) == -1) {
		slab_free(p->s);
		return -1;
	}
	slab_bads_paint(p->s, p->g, p->at);
	slab_mask_settle(p->s);
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
	free(p.at);
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

void
slab_free(struct slab *s)
{
	free(s->panels);
	bitplane_free(&s->mask);
	memset(s, 0, sizeof *s);
}
