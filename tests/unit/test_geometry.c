/* The text of geometry files: what is taken, what is passed over, refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "data/geometry.h"

#define RANGES(p) p "/min_fs=0\n" p "/max_fs=9\n" p "/min_ss=0\n" p "/max_ss=4\n"

static struct geometry
parsed(const char *text)
{
	struct geometry g;
	struct fault f;

	if (geometry_parse(text, strlen(text), &g, &f) == -1)
		fail_msg("refused: %s", f.text);
	return g;
}

static void
assert_refused(const char *text, size_t len, const char *words)
{
	struct geometry g;
	struct fault f;

	assert_int_equal(geometry_parse(text, len, &g, &f), -1);
	if (strstr(f.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", f.text, words);
}

static void
refused(const char *text, const char *words)
{
	assert_refused(text, strlen(text), words);
}

static void
assert_close(double a, double b)
{
	assert_true(fabs(a - b) < 1e-12);
}

static void
takes_blanks_comments_exponents_and_line_ends(void **state)
{
	struct geometry g = parsed("; comment with = and /\r\n"
	    "  \t\r\n"
	    "res=1.3e4;x\r\n"
	    " a/min_fs =\t0 ; first\r\n"
	    "a/max_fs = 513.0\r\n"
	    "a/min_ss=1e1\r\n"
	    "a/max_ss = 20\r\n"
	    "a/corner_x = -4.5E-1\r\n"
	    "a / corner_y=+7");

	(void)state;
	assert_int_equal(g.n_asics, 1);
	assert_string_equal(g.asics[0].name, "a");
	assert_int_equal(g.asics[0].min_fs, 0);
	assert_int_equal(g.asics[0].max_fs, 513);
	assert_int_equal(g.asics[0].min_ss, 10);
	assert_int_equal(g.asics[0].max_ss, 20);
	assert_int_equal(g.asics[0].layer, -1);
	assert_close(g.asics[0].corner_x, -0.45);
	assert_close(g.asics[0].corner_y, 7);
	assert_close(g.asics[0].res, 13000);
	geometry_free(&g);
}

static void
takes_directions_in_every_spelling(void **state)
{
	static const struct {
		const char *text;
		double x, y;
	} cases[] = {
		{ "x", 1, 0 }, { "-y", 0, -1 }, { "+x", 1, 0 },
		{ "+0.1x -0.9y +0.01z", 0.1, -0.9 },
		{ "0.1x-0.9y", 0.1, -0.9 }, { "- 0.5 x + 2 y", -0.5, 2 },
		{ "1e-1x -9E-1y", 0.1, -0.9 }, { "z", 0, 0 },
		{ "0x +1y", 0, 1 }, { "-0x+.5y", 0, 0.5 }, { "x + x", 2, 0 },
	};
	char text[256];
	struct geometry g;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, RANGES("a") "a/fs = %s\na/ss =%s\n",
		    cases[i].text, cases[i].text);
		g = parsed(text);
		assert_close(g.asics[0].fs_x, cases[i].x);
		assert_close(g.asics[0].fs_y, cases[i].y);
		assert_close(g.asics[0].ss_x, cases[i].x);
		assert_close(g.asics[0].ss_y, cases[i].y);
		geometry_free(&g);
	}
}

static void
refuses_what_is_no_direction(void **state)
{
	static const char *const cases[] = { "", "q", "1", "x y", "0x1y", "+-x",
	    "1.2.3x", "x +", "1e999x", "++x", "inf x", "x x" };
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, RANGES("a") "a/fs = %s\n", cases[i]);
		refused(text, "line 5: fs = ");
	}
}

static void
later_panels_inherit_what_the_top_level_said_before_them(void **state)
{
	struct geometry g = parsed("res = 100\ncoffset = 0.5\n" RANGES("a")
	    "res = 200\nno_index = 1\n" RANGES("b") "a/coffset = 2\n");

	(void)state;
	assert_int_equal(g.n_asics, 2);
	assert_close(g.asics[0].res, 100);
	assert_close(g.asics[1].res, 200);
	assert_close(g.asics[0].coffset, 2);
	assert_close(g.asics[1].coffset, 0.5);
	assert_false(g.asics[0].no_index);
	assert_true(g.asics[1].no_index);
	geometry_free(&g);
}

static void
what_is_not_given_is_unknown(void **state)
{
	struct geometry g = parsed(RANGES("a"));

	(void)state;
	assert_true(isnan(g.asics[0].res));
	assert_true(isnan(g.asics[0].clen));
	assert_true(isnan(g.asics[0].corner_x));
	assert_true(isnan(g.asics[0].fs_x));
	assert_close(g.asics[0].coffset, 0);
	assert_false(g.asics[0].no_index);
	assert_false(g.has_peak_list);
	assert_string_equal(g.data, "");
	geometry_free(&g);
}

static void
the_camera_length_has_units_or_is_a_dataset(void **state)
{
	static const struct {
		const char *text;
		double metres;
	} cases[] = {
		{ "0.1301", 0.1301 }, { "0.13 m", 0.13 }, { "95.3 mm", 0.0953 },
		{ "95.3mm", 0.0953 }, { "-1e-1", -0.1 },
		{ "/LCLS/detector_1/EncoderValue", NAN },
		{ "/LCLS/detector_1/EncoderValue mm", NAN },
	};
	char text[256];
	struct geometry g;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, RANGES("a") "clen = %s\n",
		    cases[i].text);
		g = parsed(text);
		if (isnan(cases[i].metres))
			assert_true(isnan(g.asics[0].clen));
		else
			assert_close(g.asics[0].clen, cases[i].metres);
		geometry_free(&g);
	}
	refused(RANGES("a") "clen = 95 cm\n", "neither m nor mm");
	refused("\xef\xbb\xbf" RANGES("a"), "line 1: begins with a byte order mark");
	refused(RANGES("a") "clen = 1e999\n", "out of range");
}

static void
a_detector_shift_moves_all_corners(void **state)
{
	static const char corners[] = "res = 10000\n" RANGES("a")
	    "a/corner_x = 5\na/corner_y = -3\na/res = 5000\n" RANGES("b")
	    "b/corner_x = 1\nb/corner_y = 2\n";
	static const struct {
		const char *lines;
		double x[2], y[2];
		bool unknown;
	} cases[] = {
		{ "detector_shift_x = 10 mm\ndetector_shift_y = -0.002\n",
		    { 55, 101 }, { -13, -18 }, false },
		{ "detector_shift_x = 0.01 m\n", { 55, 101 }, { -3, 2 }, false },
		{ "detector_shift_x = /LCLS/x mm\n", { 5, 1 }, { -3, 2 }, true },
		{ "detector_shift_x = 0\ndetector_shift_y = /LCLS/y\n",
		    { 5, 1 }, { -3, 2 }, true },
		/* CrystFEL looks at that of y only beside one of x. */
		{ "detector_shift_y = 1 m\n", { 5, 1 }, { -3, 2 }, false },
		{ "detector_shift_y = /LCLS/y\n", { 5, 1 }, { -3, 2 }, false },
	};
	struct geometry g;
	char text[600];
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, "%s%s", corners, cases[i].lines);
		g = parsed(text);
		for (k = 0; k < 2; k++) {
			assert_close(g.asics[k].corner_x, cases[i].x[k]);
			assert_close(g.asics[k].corner_y, cases[i].y[k]);
		}
		assert_int_equal(g.shift_unknown, cases[i].unknown);
		geometry_free(&g);
	}
	refused("detector_shift_x = 1 cm\n", "neither m nor mm");
}

static void
pixels_have_a_pitch_or_a_number_in_a_metre(void **state)
{
	struct geometry g = parsed("res = 5000\n" RANGES("a")
	    "pixel_pitch = 75e-6\n" RANGES("b") "b/res = 4000\n" RANGES("c"));

	(void)state;
	assert_close(g.asics[0].res, 5000);
	assert_close(g.asics[1].res, 4000);
	assert_close(g.asics[2].res * 75e-6, 1);
	geometry_free(&g);
	refused("pixel_pitch = 0\n", "line 1: pixel_pitch = 0: not larger than 0");
	refused("pixel_pitch = 1e-320\n", "out of range");
}

static void
knows_the_peak_list_that_is_ours(void **state)
{
	struct geometry g = parsed("peak_list=/entry_1/result_1\n"
	    "data = /entry_1/data_1/data\n" RANGES("a"));

	(void)state;
	assert_true(g.has_peak_list);
	assert_string_equal(g.data, "/entry_1/data_1/data");
	geometry_free(&g);
	g = parsed("peak_list = /elsewhere\n" RANGES("a"));
	assert_false(g.has_peak_list);
	geometry_free(&g);
}

static void
passes_over_groups_and_unknown_keys(void **state)
{
	struct geometry g = parsed("rigid_group_q0 = a,b\ngroup_all = a\n"
	    "rigid_group_collection_x = q0\nmask = /m\nmask_good = 0x0000\n"
	    "photon_energy = /LCLS/photon_energy_eV eV\nadu_per_eV = 0.1\n"
	    "badrow_direction = -\nwhatever = \xc3\xa9\n" RANGES("a")
	    "a/max_adu = lots\na/badrow_direction = x\nempty =\n");

	(void)state;
	assert_int_equal(g.n_asics, 1);
	assert_int_equal(g.n_bads, 0);
	geometry_free(&g);
}

static void
bad_regions_are_no_panels(void **state)
{
	struct geometry g = parsed("badA/min_fs = 3\nbadA/max_fs=5.0\n"
	    "badA/min_ss=-1\nbadA/max_ss = 100000\nbadA/panel = a\n"
	    "bad/min_x = -20.5\nbad/max_x = 20\nbad/min_y=1e1\nbad/max_y=30\n"
	    "bad/colour = red\n" RANGES("a") "a/corner_x = 1\na/corner_y = 2\n"
	    "a/fs = x\na/ss = y\n");

	(void)state;
	assert_int_equal(g.n_asics, 1);
	assert_int_equal(g.n_bads, 2);
	assert_string_equal(g.bads[0].name, "badA");
	assert_string_equal(g.bads[0].panel, "a");
	assert_true(g.bads[0].is_fsss);
	assert_int_equal(g.bads[0].min_fs, 3);
	assert_int_equal(g.bads[0].max_fs, 5);
	assert_int_equal(g.bads[0].min_ss, -1);
	assert_int_equal(g.bads[0].max_ss, 100000);
	assert_string_equal(g.bads[1].panel, "");
	assert_false(g.bads[1].is_fsss);
	assert_close(g.bads[1].min_x, -20.5);
	assert_close(g.bads[1].max_y, 30);
	geometry_free(&g);
}

static void
refuses_bad_regions_that_mean_nothing(void **state)
{
	(void)state;
	refused(RANGES("a") RANGES("bad") "bad/min_x = 3\n", "not in both");
	refused(RANGES("a") "bad1/min_x = 3\n", "bad region bad1 has no max_x");
	refused(RANGES("a") "bad1/panel = a\n", "bad region bad1 has no min_fs");
	refused(RANGES("a") RANGES("bad") "bad/panel = nix\n",
	    "there is no panel nix");
	refused(RANGES("a") RANGES("bad") "bad/min_fs = 10\n",
	    "a minimum is larger");
	refused(RANGES("a") "bad/min_fs = 1e10\n", "line 5: min_fs = 1e10");
	refused("fs = x\nss = y\ncorner_x = 0\n" RANGES("a") "bad/min_x = 1\n"
	    "bad/max_x = 2\nbad/min_y = 1\nbad/max_y = 2\n",
	    "bad region bad is in x and y, but panel a has no corner");
	refused("fs = x\nss = y\ncorner_x = 0\n" RANGES("b") "corner_y = 0\n"
	    RANGES("a") "bad/min_x = 1\nbad/max_x = 2\nbad/min_y = 1\n"
	    "bad/max_y = 2\nbad/panel = a\n",
	    "bad region bad is in x and y, but panel b has no corner");
}

static void
lines_end_at_returns_as_at_newlines(void **state)
{
	static const char *const ends[] = { "\n", "\r", "\r\n" };
	char text[200];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct geometry g;

		snprintf(text, sizeof text, "; a comment%sa/min_fs = 0%sa/max_fs = 7%s"
		    "a/min_ss = 0%s%sa/max_ss = 9", ends[i], ends[i], ends[i],
		    ends[i], ends[i]);
		g = parsed(text);
		assert_int_equal(g.asics[0].max_ss, 9);
		geometry_free(&g);
		snprintf(text, sizeof text, "res = 1%s%shello", ends[i], ends[i]);
		refused(text, "line 3: no '='");
	}
}

static void
dimensions_give_the_layer(void **state)
{
	struct geometry g = parsed("dim0 = %\ndim2=ss\ndim3 = fs\n"
	    "a/dim1 = 0\n" RANGES("a") "b/dim1=31\n" RANGES("b"));

	(void)state;
	assert_int_equal(g.asics[0].layer, 0);
	assert_int_equal(g.asics[1].layer, 31);
	geometry_free(&g);
	g = parsed("dim0 = %\ndim1=ss\ndim2 = fs\n" RANGES("a"));
	assert_int_equal(g.asics[0].layer, -1);
	geometry_free(&g);
}

static void
refuses_dimensions_that_cannot_be(void **state)
{
	(void)state;
	refused("dim0 = %\ndim1 = fs\ndim2 = ss\n" RANGES("a"),
	    "panel a: dim1 is fs and dim2 is ss");
	refused("dim0 = %\n" RANGES("a"), "panel a: no dimension is ss");
	refused("dim1 = ss\n" RANGES("a"), "panel a: no dimension is fs");
	refused("dim0=3\ndim1=4\ndim2=ss\ndim3=fs\n" RANGES("a"), "panel a: two");
	refused("dim1 = 1.5\n", "line 1: dim1 = 1.5: not a whole number");
	refused("dim1 = -1\n", "line 1: dim1");
	refused("dim99999999999 = 1\n", "line 1: dim99999999999");
	refused("dim1 = sf\n", "line 1: dim1 = sf: not a number");
}

static void
a_panel_must_say_where_it_is(void **state)
{
	(void)state;
	refused("a/max_fs=9\na/min_ss=0\na/max_ss=4\n", "panel a has no min_fs");
	refused("a/min_fs=0\na/min_ss=0\na/max_ss=4\n", "panel a has no max_fs");
	refused("a/min_fs=0\na/max_fs=9\na/max_ss=4\n", "panel a has no min_ss");
	refused("a/min_fs=0\na/max_fs=9\na/min_ss=4\n", "panel a has no max_ss");
	refused(RANGES("a") "a/min_fs = 10\n",
	    "panel a: min_fs 10 is larger than max_fs 9");
	refused("", "no panels in 0 lines");
	refused("res = 3\n;\n", "no panels in 2 lines");
}

static void
refuses_values_out_of_range_by_line_and_key(void **state)
{
	(void)state;
	refused("\na/min_fs = -1\n", "line 2: min_fs = -1: not a whole number");
	refused("a/max_fs = 65535\n", "line 1: max_fs = 65535: not a whole");
	refused("a/max_fs = 1.5\n", "line 1: max_fs");
	refused("a/max_fs = 12abc\n", "line 1: max_fs = 12abc: not a number");
	refused("a/max_fs =\n", "line 1: max_fs = : not a number");
	refused("a/max_fs = nan\n", "line 1: max_fs = nan: out of range");
	refused("a/corner_x = 1e999\n", "line 1: corner_x = 1e999: out of range");
	refused("res = 0\n", "line 1: res = 0: not larger than 0");
	refused("a/no_index = maybe\n", "line 1: no_index");
}

static void
refuses_what_is_no_geometry(void **state)
{
	char *text = calloc(1, 70000);
	static const char name63[] = "123456789a123456789b123456789c123456789d"
	    "123456789e123456789f123";

	(void)state;
	refused("hello\n", "line 1: no '=' in \"hello\"");
	refused("/min_fs = 0\n", "line 1: no name");
	assert_refused("a/fs = x\0\n", 10, "line 1: a zero byte");
	refused("\x89HDF\r\n", "line 1");
	refused("a\001 = 3\n", "line 1: byte 0x01");
	refused("a\xc2\x9b" "31m = 3\n", "line 1: byte 0xc2");

	assert_non_null(text);
	memset(text, 'x', 69999);
	refused(text, "line 1 is longer than 65536 bytes");
	memset(text, ';', 65536);
	text[65536] = '\n';
	strcpy(text + 65537, RANGES("a"));
	{
		struct geometry g = parsed(text);
		geometry_free(&g);
	}
	snprintf(text, 70000, "%s4/min_fs = 0\n", name63);
	refused(text, "longer than 63 bytes");
	snprintf(text, 70000, "%s/min_fs = 0\n%s/max_fs = 0\n%s/min_ss = 0\n"
	    "%s/max_ss = 0\n", name63, name63, name63, name63);
	{
		struct geometry g = parsed(text);
		assert_string_equal(g.asics[0].name, name63);
		geometry_free(&g);
	}
	free(text);
}

/* Panels of one line each, the ranges being defaults. */
static char *
many_panels(size_t n, const char *prefix)
{
	char *text = malloc(n * 40 + 100), *at = text;
	size_t i;

	assert_non_null(text);
	at += sprintf(at, "min_fs=0\nmax_fs=0\nmin_ss=0\nmax_ss=0\n");
	for (i = 0; i < n; i++)
		at += sprintf(at, "%s%zu/no_index = %zu\n", prefix, i, i & 1);
	return text;
}

static void
takes_65536_panels_and_no_more(void **state)
{
	char *text = many_panels(65536, "p");
	struct geometry g = parsed(text);

	(void)state;
	assert_int_equal(g.n_asics, 65536);
	assert_string_equal(g.asics[65535].name, "p65535");
	assert_true(g.asics[65535].no_index);
	geometry_free(&g);
	free(text);
	text = many_panels(65537, "p");
	refused(text, "line 65541: p65536 is one more than 65536");
	free(text);
}

/* Reads a file of the shared collection; NULL (and a skip) if there is none. */
static char *
shared_text(const char *path, size_t *len)
{
	FILE *file = fopen(path, "r");
	char *text = malloc(1 << 20);

	if (file == NULL || text == NULL) {
		free(text);
		return NULL;
	}
	*len = fread(text, 1, 1 << 20, file);
	fclose(file);
	return text;
}

static void
reads_a_real_cspad_geometry(void **state)
{
	size_t len = 0;
	char *text = shared_text("../shared/geom/cspad-cxi78513.geom", &len);
	struct geometry g;
	struct fault f;

	(void)state;
	if (text == NULL)
		skip();
	assert_int_equal(geometry_parse(text, len, &g, &f), 0);
	assert_int_equal(g.n_asics, 64);
	assert_true(g.has_peak_list);
	assert_string_equal(g.data, "/entry_1/data_1/data");
	assert_string_equal(g.asics[1].name, "p0a1");
	assert_int_equal(g.asics[1].min_fs, 194);
	assert_int_equal(g.asics[1].max_ss, 184);
	assert_close(g.asics[1].clen, 0.130106632672914);
	assert_close(g.asics[63].res, 9097.5255);
	assert_close(g.asics[0].fs_x, -0.003632026);
	assert_close(g.asics[0].ss_x, -0.999993404);
	geometry_free(&g);
	free(text);
}

static void
reads_a_real_epix10k_geometry(void **state)
{
	size_t len = 0;
	char *text = shared_text("../shared/geom/epix10k2M-mfx.geom", &len);
	struct geometry g;
	struct fault f;

	(void)state;
	if (text == NULL)
		skip();
	assert_int_equal(geometry_parse(text, len, &g, &f), 0);
	assert_int_equal(g.n_asics, 64);
	assert_false(g.has_peak_list);
	assert_true(isnan(g.asics[0].clen));
	assert_close(g.asics[0].res, 10000);
	assert_string_equal(g.asics[63].name, "p15a3");
	assert_int_equal(g.asics[63].max_ss, 5631);
	geometry_free(&g);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_blanks_comments_exponents_and_line_ends),
		cmocka_unit_test(takes_directions_in_every_spelling),
		cmocka_unit_test(refuses_what_is_no_direction),
		cmocka_unit_test(
		    later_panels_inherit_what_the_top_level_said_before_them),
		cmocka_unit_test(what_is_not_given_is_unknown),
		cmocka_unit_test(the_camera_length_has_units_or_is_a_dataset),
		cmocka_unit_test(a_detector_shift_moves_all_corners),
		cmocka_unit_test(pixels_have_a_pitch_or_a_number_in_a_metre),
		cmocka_unit_test(knows_the_peak_list_that_is_ours),
		cmocka_unit_test(passes_over_groups_and_unknown_keys),
		cmocka_unit_test(bad_regions_are_no_panels),
		cmocka_unit_test(refuses_bad_regions_that_mean_nothing),
		cmocka_unit_test(lines_end_at_returns_as_at_newlines),
		cmocka_unit_test(dimensions_give_the_layer),
		cmocka_unit_test(refuses_dimensions_that_cannot_be),
		cmocka_unit_test(a_panel_must_say_where_it_is),
		cmocka_unit_test(refuses_values_out_of_range_by_line_and_key),
		cmocka_unit_test(refuses_what_is_no_geometry),
		cmocka_unit_test(takes_65536_panels_and_no_more),
		cmocka_unit_test(reads_a_real_cspad_geometry),
		cmocka_unit_test(reads_a_real_epix10k_geometry),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
