/*
 * The mask of a slab begins as all bad; the ASICs are painted into it, and bad regions
 * and the pixels of a mask taken out again.
 *
 * Bad regions are cut with every ASIC they concern, so they follow it. Regions in
 * x and y take the pixels of all ASICs whose first corner is inside, as those of
 * CrystFEL do (draw_bad_region_xy of its image.c). Where the detector is shifted by
 * what a file says, they are CrystFEL's alone.
 */
#include <math.h>
#include <string.h>

#include "data/slab_impl.h"

/* A mask of zeros. */
static int
mask_make(struct slab *s, struct fault *f)
{
	if (bitplane_init(&s->mask, s->height, s->width) == -1)
		return fault_lack(f, "out of memory for a mask of %u x %u pixels",
		    s->height, s->width);
	return 0;
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
asic_paint(struct slab *s, const struct geometry_asic *a, struct slab_panel at)
{
	const struct box b = asic_box(a);
	uint32_t i;

	for (i = 0; i < box_height(b); i++)
		if (!row_turn(bitplane_row(&s->mask, (int32_t)(at.ss + i)), at.fs,
		    at.fs + (uint32_t)box_width(b), true))
			return -1;
	return 0;
}

int
slab_asics_paint(struct slab *s, const struct geometry *g,
    const struct slab_panel *at, size_t *late, struct fault *f)
{
	uint32_t i;

	if (mask_make(s, f) == -1)
		return -1;
	for (i = 0; i < s->height; i++)
		(void)row_turn(bitplane_row(&s->mask, (int32_t)i), 0, s->width, false);
	for (*late = 0; *late < g->n_asics; ++*late)
		if (asic_paint(s, &g->asics[*late], at[*late]) == -1)
			return 1;
	return 0;
}

/* Masks the pixel that lies ss, fs behind the first one of an ASIC. */
static void
pixel_mask(struct slab *s, struct slab_panel at, int64_t ss, int64_t fs)
{
	bitplane_set(bitplane_row(&s->mask, (int32_t)(at.ss + ss)),
	    (uint32_t)(at.fs + fs));
}

static int
bad_has(const struct geometry_bad *bad, const struct geometry_asic *a)
{
	return bad->panel[0] == '\0' || strcmp(bad->panel, a->name) == 0;
}

static void
bad_fsss(struct slab *s, const struct geometry_bad *bad,
    const struct geometry_asic *a, struct slab_panel at)
{
	struct box b = { bad->min_ss, bad->min_fs, (int64_t)bad->max_ss + 1,
	    (int64_t)bad->max_fs + 1 };
	int64_t i, j;

	b = box_intersect(b, asic_box(a));
	for (i = b.ss; i < b.end_ss; i++)
		for (j = b.fs; j < b.end_fs; j++)
			pixel_mask(s, at, i - a->min_ss, j - a->min_fs);
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
bad_xy(struct slab *s, const struct geometry_bad *bad,
    const struct geometry_asic *a, struct slab_panel at)
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
				pixel_mask(s, at, i, j);
		}
}

void
slab_bads_paint(struct slab *s, const struct geometry *g, const struct slab_panel *at)
{
	const struct geometry_bad *bad;
	const struct geometry_asic *a;
	size_t i, k;

	for (i = 0; i < g->n_bads; i++)
		for (k = 0; k < g->n_asics; k++) {
			bad = &g->bads[i];
			a = &g->asics[k];
			if (bad->is_fsss && bad_has(bad, a))
				bad_fsss(s, bad, a, at[k]);
			else if (!bad->is_fsss && !g->shift_unknown)
				bad_xy(s, bad, a, at[k]);
		}
}

void
slab_mask_settle(struct slab *s)
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
	slab_mask_settle(s);
	return 0;
}
