/* From ASIC rectangles to panels in the slab, on synthetic and real detectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "data/slab.h"

enum { MAX_ASICS = 256 };

/* A geometry built by hand. */
struct fixture {
	struct geometry_asic asics[MAX_ASICS];
	struct geometry_bad bads[4];
	struct geometry	g;
};

static struct fixture fx;

static void
fixture_clear(void)
{
	memset(&fx, 0, sizeof fx);
	fx.g.asics = fx.asics;
	fx.g.bads = fx.bads;
}

/* Adds an ASIC with its corner in the lab frame at (fs, ss). */
static struct geometry_asic *
asic_add(int ss, int fs, int height, int width)
{
	struct geometry_asic *a = &fx.asics[fx.g.n_asics];

	assert_true(fx.g.n_asics < MAX_ASICS);
	snprintf(a->name, sizeof a->name, "q%zu", fx.g.n_asics++);
	a->min_ss = ss;
	a->max_ss = ss + height - 1;
	a->min_fs = fs;
	a->max_fs = fs + width - 1;
	a->layer = -1;
	a->fs_x = a->ss_y = 1;
	a->corner_x = fs;
	a->corner_y = ss;
	return a;
}

/* A module of rows x columns ASICs. */
static void
module_add(int ss, int fs, int rows, int columns, int height, int width)
{
	int i, j;

	for (i = 0; i < rows; i++)
		for (j = 0; j < columns; j++)
			asic_add(ss + i * height, fs + j * width, height, width);
}

static struct layout
layout_of(uint32_t panels, uint32_t height, uint32_t width)
{
	return (struct layout){ .panels = panels, .classes = 2,
	    .height = height + 7, .width = width + 9, .real_height = height,
	    .real_width = width, .logits_type = LOGITS_F32,
	    .image_type = IMAGE_F32, .capacity = 2048 };
}

static struct slab
placed(const struct geometry *g, uint32_t panels, uint32_t height,
    uint32_t width)
{
	struct layout l = layout_of(panels, height, width);
	struct slab s;
	struct fault f;

	if (slab_from_geometry(g, &l, &s, &f) == -1)
		fail_msg("refused: %s", f.text);
	assert_int_equal(s.n_panels, panels);
	assert_int_equal(s.panel_height, height);
	assert_int_equal(s.panel_width, width);
	return s;
}

static void
refused(uint32_t panels, uint32_t height, uint32_t width, const char *words)
{
	struct layout l = layout_of(panels, height, width);
	struct slab s;
	struct fault f;

	assert_int_equal(slab_from_geometry(&fx.g, &l, &s, &f), -1);
	assert_null(s.panels);
	assert_null(s.mask.words);
	if (strstr(f.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", f.text, words);
}

static int
mask_at(const struct slab *s, uint32_t ss, uint32_t fs)
{
	return s->mask.words != NULL &&
	    bitplane_get(bitplane_row(&s->mask, (int32_t)ss), fs);
}

static size_t
masked(const struct slab *s)
{
	uint32_t ss, fs;
	size_t n = 0;

	if (s->mask.words == NULL)
		return 0;
	for (ss = 0; ss < s->height; ss++)
		for (fs = 0; fs < s->width; fs++)
			n += (size_t)mask_at(s, ss, fs);
	assert_true(n > 0);
	return n;
}

static void
assert_slab(const struct slab *s, uint32_t height, uint32_t width,
    uint32_t asic_height, uint32_t asic_width)
{
	assert_int_equal(s->height, height);
	assert_int_equal(s->width, width);
	assert_int_equal(s->asic_height, asic_height);
	assert_int_equal(s->asic_width, asic_width);
}

static void
assert_panel(const struct slab *s, uint32_t k, uint32_t ss, uint32_t fs)
{
	assert_int_equal(s->panels[k].ss, ss);
	assert_int_equal(s->panels[k].fs, fs);
}

static void
a_jungfrau_is_eight_modules_of_eight_asics(void **state)
{
	struct slab s;
	int m;

	(void)state;
	fixture_clear();
	for (m = 0; m < 8; m++)
		module_add(m * 512, 0, 2, 4, 256, 256);
	s = placed(&fx.g, 8, 512, 1024);
	assert_slab(&s, 4096, 1024, 256, 256);
	for (m = 0; m < 8; m++)
		assert_panel(&s, (uint32_t)m, (uint32_t)m * 512, 0);
	assert_false(s.renumbered);
	assert_int_equal(masked(&s), 0);
	slab_free(&s);
}

static void
a_stacked_cspad_has_two_asics_a_module(void **state)
{
	struct slab s;
	int m;

	(void)state;
	fixture_clear();
	for (m = 0; m < 32; m++)
		module_add(m * 185, 0, 1, 2, 185, 194);
	s = placed(&fx.g, 32, 185, 388);
	assert_slab(&s, 5920, 388, 185, 194);
	assert_panel(&s, 31, 31 * 185, 0);
	slab_free(&s);
}

static void
a_cheetah_cspad_lies_in_four_columns(void **state)
{
	struct slab s;
	uint32_t k;

	(void)state;
	fixture_clear();
	for (k = 0; k < 32; k++)
		module_add((int)(k % 8) * 185, (int)(k / 8) * 388, 1, 2, 185, 194);
	s = placed(&fx.g, 32, 185, 388);
	assert_slab(&s, 1480, 1552, 185, 194);
	for (k = 0; k < 32; k++)
		assert_panel(&s, k, k % 8 * 185, k / 8 * 388);
	slab_free(&s);
}

static void
modules_come_in_the_order_of_first_mention(void **state)
{
	struct slab s;

	(void)state;
	fixture_clear();
	asic_add(6, 4, 3, 2);	/* lower right module, its right half */
	asic_add(0, 0, 6, 4);	/* upper left, one ASIC */
	asic_add(0, 6, 6, 2);	/* upper right, its right half */
	asic_add(6, 0, 6, 4);	/* lower left */
	asic_add(0, 4, 6, 2);
	asic_add(9, 4, 3, 2);
	asic_add(6, 6, 6, 2);
	s = placed(&fx.g, 4, 6, 4);
	assert_slab(&s, 12, 8, 6, 4);
	assert_panel(&s, 0, 6, 4);
	assert_panel(&s, 1, 0, 0);
	assert_panel(&s, 2, 0, 4);
	assert_panel(&s, 3, 6, 0);
	slab_free(&s);
}

static void
gaps_between_modules_are_masked(void **state)
{
	struct slab s;

	(void)state;
	fixture_clear();
	module_add(2, 3, 2, 2, 2, 2);
	module_add(8, 9, 2, 2, 2, 2);
	s = placed(&fx.g, 2, 4, 4);
	assert_slab(&s, 12, 13, 2, 2);
	assert_panel(&s, 0, 2, 3);
	assert_panel(&s, 1, 8, 9);
	assert_int_equal(masked(&s), 12 * 13 - 32);
	assert_int_equal(mask_at(&s, 2, 3), 0);
	assert_int_equal(mask_at(&s, 5, 6), 0);
	assert_int_equal(mask_at(&s, 1, 3), 1);
	assert_int_equal(mask_at(&s, 5, 7), 1);
	slab_free(&s);
}

static void
asics_of_different_sizes_have_no_common_grid(void **state)
{
	struct slab s;

	(void)state;
	fixture_clear();
	asic_add(0, 0, 4, 3);
	asic_add(0, 3, 4, 5);
	s = placed(&fx.g, 1, 4, 8);
	assert_slab(&s, 4, 8, 4, 8);
	slab_free(&s);
	fixture_clear();	/* one size, but as bricks in a wall */
	asic_add(0, 0, 2, 4);
	asic_add(0, 4, 2, 4);
	asic_add(2, 2, 2, 4);
	s = placed(&fx.g, 1, 4, 8);
	assert_slab(&s, 4, 8, 4, 8);
	slab_free(&s);
	fixture_clear();	/* and the wall on its side */
	asic_add(0, 0, 4, 2);
	asic_add(4, 0, 4, 2);
	asic_add(2, 2, 4, 2);
	s = placed(&fx.g, 1, 8, 4);
	assert_slab(&s, 8, 4, 8, 4);
	slab_free(&s);
}

static void
one_panel_is_the_whole_slab(void **state)
{
	struct slab s;

	(void)state;
	fixture_clear();
	asic_add(0, 0, 1667, 1668);
	s = placed(&fx.g, 1, 1667, 1668);
	assert_slab(&s, 1667, 1668, 1667, 1668);
	assert_panel(&s, 0, 0, 0);
	assert_int_equal(masked(&s), 0);
	slab_free(&s);
	fixture_clear();
	asic_add(2, 2, 2, 2);
	asic_add(4, 6, 2, 2);
	s = placed(&fx.g, 1, 8, 10);
	assert_slab(&s, 8, 10, 2, 2);
	assert_panel(&s, 0, 0, 0);
	assert_int_equal(masked(&s), 72);
	assert_int_equal(mask_at(&s, 3, 3), 0);
	assert_int_equal(mask_at(&s, 4, 5), 1);
	slab_free(&s);
}

static void
one_panel_must_hold_all_asics(void **state)
{
	(void)state;
	fixture_clear();
	asic_add(0, 0, 8, 10);
	refused(1, 8, 9, "panels of 8 x 9 (1), the geometry ASICs in a slab of"
	    " 8 x 10 (1); ASIC q0 (8 x 10 at ss 0, fs 0) is not inside");
	asic_add(7, 9, 1, 1);
	refused(1, 8, 10, "overlaps q0");
	fx.asics[1].layer = 3;
	refused(1, 8, 10, "q0 in a 2-D slab and q1 in a 3-D one");
	fx.asics[0].layer = 2;
	refused(1, 8, 10, "in another layer than q0");
}

static void
a_3d_slab_is_stacked(void **state)
{
	struct slab s;
	int m;

	(void)state;
	fixture_clear();
	for (m = 0; m < 4; m++)
		asic_add(0, 3, 4, 3)->layer = 3 - m;
	for (m = 0; m < 4; m++)
		asic_add(0, 0, 4, 3)->layer = m;
	fx.g.n_bads = 1;
	fx.bads[0] = (struct geometry_bad){ .is_fsss = true, .panel = "q6",
	    .min_fs = 0, .max_fs = 0, .min_ss = 1, .max_ss = 2 };
	s = placed(&fx.g, 4, 4, 6);
	assert_slab(&s, 16, 6, 4, 3);
	assert_true(s.renumbered);
	for (m = 0; m < 4; m++)
		assert_panel(&s, (uint32_t)m, (uint32_t)m * 4, 0);
	assert_int_equal(masked(&s), 2);
	assert_int_equal(mask_at(&s, 5, 0), 1);
	assert_int_equal(mask_at(&s, 6, 0), 1);
	slab_free(&s);
	refused(8, 4, 6, "the geometry has 4 panels of 4 x 6, the stream 8");
	fx.asics[0].layer = -1;
	refused(4, 4, 6, "in a 2-D slab");
}

/* The same sequence on every machine. */
static unsigned
random_below(unsigned n)
{
	static uint32_t seed = 1;

	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* Cuts a rectangle into ASICs at random; tags each with its module's number. */
static void
module_cut(int m, int ss, int fs, int height, int width)
{
	int at;

	if (height > 1 && random_below(3) == 0) {
		at = 1 + (int)random_below((unsigned)height - 1);
		module_cut(m, ss, fs, at, width);
		module_cut(m, ss + at, fs, height - at, width);
	} else if (width > 1 && random_below(2) == 0) {
		at = 1 + (int)random_below((unsigned)width - 1);
		module_cut(m, ss, fs, height, at);
		module_cut(m, ss, fs + at, height, width - at);
	} else
		asic_add(ss, fs, height, width)->coffset = m;
}

static void
asics_shuffle(void)
{
	struct geometry_asic a;
	unsigned i, k;

	for (i = (unsigned)fx.g.n_asics; i > 1; i--) {
		k = random_below(i);
		a = fx.asics[i - 1];
		fx.asics[i - 1] = fx.asics[k];
		fx.asics[k] = a;
	}
}

static void
finds_modules_however_they_are_cut_and_shuffled(void **state)
{
	struct layout l = layout_of(12, 7, 9);
	struct slab s;
	unsigned round, m, seen[12], next, i;

	(void)state;
	for (round = 0; round < 500; round++) {
		fixture_clear();
		for (m = 0; m < 12; m++)
			module_cut((int)m, (int)m / 3 * 7, (int)m % 3 * 9, 7, 9);
		asics_shuffle();
		s = placed(&fx.g, 12, 7, 9);
		assert_int_equal(masked(&s), 0);
		memset(seen, 0, sizeof seen);
		for (i = next = 0; i < fx.g.n_asics; i++) {
			m = (unsigned)fx.asics[i].coffset;
			if (seen[m]++ == 0)
				assert_panel(&s, next++, m / 3 * 7, m % 3 * 9);
		}
		slab_free(&s);
		i = random_below((unsigned)fx.g.n_asics);
		fx.asics[i].max_fs += 1;
		assert_int_equal(slab_from_geometry(&fx.g, &l, &s, NULL), -1);
		fx.asics[i].max_fs -= 1;
		if (fx.asics[i].max_ss - fx.asics[i].min_ss == 6 &&
		    fx.asics[i].max_fs - fx.asics[i].min_fs == 8)
			continue;	/* a whole module may move */
		fx.asics[i].min_ss += 1;
		fx.asics[i].max_ss += 1;
		assert_int_equal(slab_from_geometry(&fx.g, &l, &s, NULL), -1);
	}
}

static void
refuses_what_does_not_tile(void **state)
{
	int m;

	(void)state;
	fixture_clear();
	for (m = 0; m < 8; m++)
		module_add(m * 512, 0, 2, 4, 256, 256);
	refused(16, 352, 384, "the stream has panels of 352 x 384 (16), the"
	    " geometry ASICs in a slab of 4096 x 1024 (64); ASIC q1 (256 x 256 at"
	    " ss 0, fs 256) reaches over the edge of the panel that begins with"
	    " q0");
	refused(16, 512, 1024,
	    "the geometry has 8 panels of 512 x 1024, the stream 16");
	refused(4, 512, 1024,
	    "the geometry has 8 panels of 512 x 1024, the stream 4");
	refused(1, 512, 1024, "is not inside");
	refused(2, 4096, 2048, "do not fill exactly");
	fx.g.n_asics--;
	refused(8, 512, 1024, "ASIC q56 (256 x 256 at ss 3584, fs 0) begins a"
	    " panel that the ASICs do not fill exactly");
}

static void
refuses_overlaps_whatever_their_area(void **state)
{
	(void)state;
	fixture_clear();	/* areas add up to 4 x 4, with a hole */
	asic_add(0, 0, 4, 2);
	asic_add(0, 1, 2, 2);
	asic_add(2, 2, 2, 2);
	asic_add(8, 0, 4, 4);
	refused(2, 4, 4, "ASIC q1 (2 x 2 at ss 0, fs 1) overlaps q0");
	fixture_clear();	/* two whole modules, one over the other */
	asic_add(0, 2, 4, 4);
	asic_add(2, 0, 4, 4);
	refused(2, 4, 4, "ASIC q1 (4 x 4 at ss 2, fs 0) reaches over the edge");
	fixture_clear();	/* the same module twice */
	asic_add(0, 0, 4, 4);
	asic_add(0, 0, 4, 4);
	refused(2, 4, 4, "do not fill exactly");
}

static void
refuses_a_slab_out_of_proportion(void **state)
{
	(void)state;
	fixture_clear();
	asic_add(0, 0, 1, 1);
	asic_add(65534, 65534, 1, 1);
	refused(2, 1, 1, "a slab of 65535 x 65535 pixels");
}

static void
bad_regions_in_slab_pixels_are_inclusive(void **state)
{
	struct slab s;

	(void)state;
	fixture_clear();
	module_add(0, 0, 2, 2, 4, 4);
	fx.g.n_bads = 2;
	fx.bads[0] = (struct geometry_bad){ .is_fsss = true, .min_fs = 3,
	    .max_fs = 4, .min_ss = -5, .max_ss = 0 };
	fx.bads[1] = (struct geometry_bad){ .is_fsss = true, .panel = "q3",
	    .min_fs = 0, .max_fs = 4, .min_ss = 7, .max_ss = 1000000000 };
	s = placed(&fx.g, 1, 8, 8);
	assert_int_equal(masked(&s), 3);
	assert_int_equal(mask_at(&s, 0, 3), 1);
	assert_int_equal(mask_at(&s, 0, 4), 1);
	assert_int_equal(mask_at(&s, 7, 4), 1);
	slab_free(&s);
}

static void
bad_regions_in_the_lab_frame_go_by_first_corners(void **state)
{
	struct geometry_asic *a;
	struct slab s;

	(void)state;
	fixture_clear();
	asic_add(0, 0, 4, 4);
	a = asic_add(4, 0, 4, 4);	/* turned by 90 degrees, far off */
	a->fs_x = a->ss_y = 0;
	a->fs_y = 1;
	a->ss_x = -1;
	a->corner_x = 100;
	a->corner_y = 200;
	fx.g.n_bads = 2;
	fx.bads[0] = (struct geometry_bad){ .min_x = 0.4, .max_x = 1.6,
	    .min_y = 2.6, .max_y = 99 };
	fx.bads[1] = (struct geometry_bad){ .min_x = 98, .max_x = 99.1,
	    .min_y = 202.9, .max_y = 203.6 };
	s = placed(&fx.g, 2, 4, 4);
	assert_int_equal(masked(&s), 2);
	assert_int_equal(mask_at(&s, 3, 1), 1);
	assert_int_equal(mask_at(&s, 4 + 1, 3), 1);
	slab_free(&s);
	a->corner_x = NAN;	/* of unknown place: in no region */
	s = placed(&fx.g, 2, 4, 4);
	assert_int_equal(masked(&s), 1);
	slab_free(&s);
}

static void
bad_regions_in_the_lab_frame_are_of_all_panels(void **state)
{
	struct slab s;

	(void)state;
	fixture_clear();
	asic_add(0, 0, 4, 4);
	asic_add(4, 0, 4, 4);
	fx.g.n_bads = 1;
	fx.bads[0] = (struct geometry_bad){ .panel = "q1", .min_x = 0.5,
	    .max_x = 1.5, .min_y = 2.5, .max_y = 4.5 };
	s = placed(&fx.g, 2, 4, 4);
	assert_int_equal(masked(&s), 2);
	assert_int_equal(mask_at(&s, 3, 1), 1);
	assert_int_equal(mask_at(&s, 4, 1), 1);
	slab_free(&s);
}

static void
bad_regions_in_the_lab_frame_need_the_shift(void **state)
{
	struct slab s;

	(void)state;
	fixture_clear();
	asic_add(0, 0, 4, 4);
	fx.g.shift_unknown = true;
	fx.g.n_bads = 2;
	fx.bads[0] = (struct geometry_bad){ .max_x = 3, .max_y = 3 };
	fx.bads[1] = (struct geometry_bad){ .is_fsss = true };
	s = placed(&fx.g, 1, 4, 4);
	assert_int_equal(masked(&s), 1);
	assert_int_equal(mask_at(&s, 0, 0), 1);
	slab_free(&s);
}

static void
panels_that_are_not_indexed_are_not_bad(void **state)
{
	struct slab s;

	(void)state;
	fixture_clear();
	asic_add(0, 0, 4, 4)->no_index = true;
	s = placed(&fx.g, 1, 4, 4);
	assert_int_equal(masked(&s), 0);
	slab_free(&s);
}

static void
without_a_geometry_panels_are_stacked(void **state)
{
	struct layout l = layout_of(16, 352, 384);
	struct slab s;
	struct fault f;

	(void)state;
	assert_int_equal(slab_stacked(&l, &s, &f), 0);
	assert_slab(&s, 5632, 384, 352, 384);
	assert_int_equal(s.n_panels, 16);
	assert_panel(&s, 0, 0, 0);
	assert_panel(&s, 15, 15 * 352, 0);
	assert_int_equal(masked(&s), 0);
	assert_false(s.renumbered);
	slab_free(&s);
	l = layout_of(4096, 65000, 65000);
	assert_int_equal(slab_stacked(&l, &s, &f), -1);
	assert_non_null(strstr(f.text, "266240000 x 65000"));
}

static void
more_bad_pixels_lie_where_their_panels_do(void **state)
{
	struct slab_panel at[2] = { { 1, 2 }, { 4, 0 } };
	struct slab s = { .height = 6, .width = 5, .panels = at, .n_panels = 2 };
	struct layout l = layout_of(2, 2, 3);
	uint8_t bad[2][2][3] = { 0 };
	struct fault f;

	(void)state;
	assert_int_equal(slab_mask(&s, &l, &bad[0][0][0], &f), 0);
	assert_null(s.mask.words);
	bad[0][1][2] = 1;
	assert_int_equal(slab_mask(&s, &l, &bad[0][0][0], &f), 0);
	assert_int_equal(masked(&s), 1);
	assert_int_equal(mask_at(&s, 1 + 1, 2 + 2), 1);
	bad[0][1][2] = 0;
	bad[1][0][1] = 1;
	assert_int_equal(slab_mask(&s, &l, &bad[0][0][0], &f), 0);
	assert_int_equal(masked(&s), 2);
	assert_int_equal(mask_at(&s, 1 + 1, 2 + 2), 1);
	assert_int_equal(mask_at(&s, 4, 1), 1);
	bitplane_free(&s.mask);
}

/* Parses a file of the shared collection; 0 if it is not there. */
static int
shared_geometry(const char *path, struct geometry *g)
{
	static char text[1 << 20];
	FILE *file = fopen(path, "r");
	struct fault f;
	size_t len;

	if (file == NULL)
		return 0;
	len = fread(text, 1, sizeof text, file);
	fclose(file);
	assert_int_equal(geometry_parse(text, len, g, &f), 0);
	return 1;
}

static void
a_real_cspad_is_stacked(void **state)
{
	struct geometry g = { 0 };
	struct slab s;
	uint32_t k;

	(void)state;
	if (!shared_geometry("../shared/geom/cspad-cxi78513.geom", &g))
		skip();
	s = placed(&g, 32, 185, 388);
	assert_slab(&s, 5920, 388, 185, 194);
	for (k = 0; k < 32; k++)
		assert_panel(&s, k, k * 185, 0);
	assert_int_equal(masked(&s), 0);
	slab_free(&s);
	geometry_free(&g);
}

static void
a_real_epix10k_is_stacked(void **state)
{
	struct geometry g = { 0 };
	struct slab s;
	uint32_t k;

	(void)state;
	if (!shared_geometry("../shared/geom/epix10k2M-mfx.geom", &g))
		skip();
	s = placed(&g, 16, 352, 384);
	assert_slab(&s, 5632, 384, 176, 192);
	for (k = 0; k < 16; k++)
		assert_panel(&s, k, k * 352, 0);
	assert_int_equal(masked(&s), 0);
	slab_free(&s);
	geometry_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_jungfrau_is_eight_modules_of_eight_asics),
		cmocka_unit_test(a_stacked_cspad_has_two_asics_a_module),
		cmocka_unit_test(a_cheetah_cspad_lies_in_four_columns),
		cmocka_unit_test(modules_come_in_the_order_of_first_mention),
		cmocka_unit_test(gaps_between_modules_are_masked),
		cmocka_unit_test(asics_of_different_sizes_have_no_common_grid),
		cmocka_unit_test(one_panel_is_the_whole_slab),
		cmocka_unit_test(one_panel_must_hold_all_asics),
		cmocka_unit_test(a_3d_slab_is_stacked),
		cmocka_unit_test(
		    finds_modules_however_they_are_cut_and_shuffled),
		cmocka_unit_test(refuses_what_does_not_tile),
		cmocka_unit_test(refuses_overlaps_whatever_their_area),
		cmocka_unit_test(refuses_a_slab_out_of_proportion),
		cmocka_unit_test(bad_regions_in_slab_pixels_are_inclusive),
		cmocka_unit_test(
		    bad_regions_in_the_lab_frame_go_by_first_corners),
		cmocka_unit_test(
		    bad_regions_in_the_lab_frame_are_of_all_panels),
		cmocka_unit_test(bad_regions_in_the_lab_frame_need_the_shift),
		cmocka_unit_test(panels_that_are_not_indexed_are_not_bad),
		cmocka_unit_test(without_a_geometry_panels_are_stacked),
		cmocka_unit_test(more_bad_pixels_lie_where_their_panels_do),
		cmocka_unit_test(a_real_cspad_is_stacked),
		cmocka_unit_test(a_real_epix10k_is_stacked),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
