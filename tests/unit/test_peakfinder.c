/*
 * The peak finder's own corners: every instruction set the same bits, the quick
 * test never misses what the exact one would find, nothing read or written
 * outside the planes, capacities, memory kept from event to event. The science
 * is compared with scipy in tests/peakfinder_scipy.t.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/logits.h"
#include "data/peak.h"
#include "data/peakfinder.h"

static uint64_t seed = 88172645463325252u;

static uint64_t
random_bits(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static float
value_of(enum logits_type t, uint16_t bits)
{
	uint32_t u = (uint32_t)bits << 16;
	int exponent = bits >> 10 & 31;
	float v;

	if (t == LOGITS_BF16) {
		memcpy(&v, &u, sizeof v);
		return v;
	}
	if (exponent == 31)
		v = bits & 0x3ff ? NAN : INFINITY;
	else if (exponent == 0)
		v = ldexpf((float)(bits & 0x3ff), -24);
	else
		v = ldexpf((float)(0x400 | (bits & 0x3ff)), exponent - 25);
	return bits & 0x8000 ? -v : v;
}

/* One value in a block of background, at a place that wanders. */
static void
check_pair(enum logits_isa isa, const struct layout *l, uint16_t *row, uint16_t b0,
    uint16_t b1, uint32_t at)
{
	const uint16_t was0 = row[at], was1 = row[l->width + at];
	float v0 = value_of(l->logits_type, b0), v1 = value_of(l->logits_type, b1);
	uint64_t bits[2];
	uint32_t nans = 0;
	bool any;

	row[at] = b0;
	row[l->width + at] = b1;
	any = logits_row(isa, l, row, 0, 0, bits, &nans);
	if (any != (v1 > v0) || bits[at / 64] != (uint64_t)any << at % 64 ||
	    bits[1 - at / 64] != 0 || nans != (isnan(v0) || isnan(v1)))
		fail_msg("isa %d, %s: %04x over %04x at %u: bits %d, nans %u",
		    isa, logits_type_name(l->logits_type), b1, b0, at, any,
		    nans);
	row[at] = was0;
	row[l->width + at] = was1;
}

static void
check_all_pairs(enum logits_isa isa, enum logits_type t)
{
	const uint16_t infinity = t == LOGITS_F16 ? 0x7c00 : 0x7f80;
	const uint16_t against[] = { 0, 0x8000, 1, 0x8001, 0x3c00, 0xbc00,
		infinity, (uint16_t)(0x8000 | infinity),
		(uint16_t)(infinity + 1), (uint16_t)(0x8001 | infinity), 0x7fff,
		0xffff, (uint16_t)(infinity - 1) };
	const struct layout l = { 1, 2, 1, 100, 1, 100, t, IMAGE_NONE, 1 };
	uint16_t *row = calloc(200, sizeof *row);
	uint32_t u, k;

	assert_non_null(row);
	for (k = 0; k < 100; k++) {
		row[k] = 0x3c00;
		row[100 + k] = 0xbc00;
	}
	for (u = 0; u < 65536; u++)
		for (k = 0; k < sizeof against / sizeof against[0]; k++) {
			check_pair(isa, &l, row, (uint16_t)u, against[k],
			    (u + k) % 100);
			check_pair(isa, &l, row, against[k], (uint16_t)u,
			    (u + k) % 100);
		}
	free(row);
}

static void
every_16_bit_value_is_judged_right_alone_in_its_block(void **state)
{
	(void)state;
	check_all_pairs(LOGITS_PLAIN, LOGITS_F16);
	check_all_pairs(LOGITS_PLAIN, LOGITS_BF16);
	if (!logits_isa_usable(LOGITS_AVX2))
		return;
	check_all_pairs(LOGITS_AVX2, LOGITS_F16);
	check_all_pairs(LOGITS_AVX2, LOGITS_BF16);
}

static void
float_corner_cases_are_judged_right_alone_in_their_block(void **state)
{
	const float odd[] = { NAN, -NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1e-45f,
		-1e-45f, 3e38f, -3e38f, 1, 1.0000001f };
	const struct layout l = { 1, 3, 1, 64, 1, 64, LOGITS_F32, IMAGE_NONE, 1 };
	float *row = malloc(3 * 64 * sizeof *row), v[3];
	uint32_t i, k, at, nans;
	uint64_t bits;
	bool won;
	int isa;

	(void)state;
	assert_non_null(row);
	for (i = 0; i < 12 * 12 * 12 * 2; i++) {
		isa = i % 2 ? LOGITS_AVX2 : LOGITS_PLAIN;
		if (!logits_isa_usable((enum logits_isa)isa))
			continue;
		for (k = 0; k < 64; k++) {
			row[k] = 2;
			row[64 + k] = -2;
			row[128 + k] = -3;
		}
		at = (uint32_t)(random_bits() % 64);
		row[at] = v[0] = odd[i / 2 % 12];
		row[64 + at] = v[1] = odd[i / 24 % 12];
		row[128 + at] = v[2] = odd[i / 288];
		won = v[1] > v[0] && v[1] > v[2];
		nans = 0;
		assert_int_equal(logits_row((enum logits_isa)isa, &l, row, 0, 0,
		    &bits, &nans), won);
		assert_int_equal(bits, (uint64_t)won << at);
		assert_int_equal(nans, isnan(v[0]) || isnan(v[1]) ||
		    isnan(v[2]));
	}
	free(row);
}

static void
check_same_bits(const struct layout *l, const void *logits)
{
	const uint32_t words = (l->real_width + 63) / 64;
	uint64_t *a = calloc(words, sizeof *a), *b = calloc(words, sizeof *b);
	uint32_t p, ss, na = 0, nb = 0;

	assert_non_null(a);
	assert_non_null(b);
	for (p = 0; p < l->panels; p++)
		for (ss = 0; ss < l->real_height; ss++) {
			assert_int_equal(logits_row(LOGITS_PLAIN, l, logits, p,
			    ss, a, &na), logits_row(LOGITS_AVX2, l, logits, p,
			    ss, b, &nb));
			assert_memory_equal(a, b, words * sizeof *a);
		}
	assert_int_equal(na, nb);
	free(a);
	free(b);
}

static void
all_instruction_sets_give_the_same_bits(void **state)
{
	struct layout l = { 2, 2, 5, 0, 4, 0, LOGITS_F32, IMAGE_NONE, 1 };
	unsigned char *logits;
	size_t bytes, k;
	int i;

	(void)state;
	if (!logits_isa_usable(LOGITS_AVX2))
		skip();
	for (i = 0; i < 600; i++) {
		l.logits_type = (enum logits_type)(1 + i % 3);
		l.classes = 2 + (uint32_t)(random_bits() % 3);
		l.width = 1 + (uint32_t)(random_bits() % 300);
		l.real_width = l.width - (uint32_t)(random_bits() % l.width);
		/* Just as large as it must be: sanitizers watch the ends. */
		bytes = layout_plane_bytes(&l, PLANE_LOGITS);
		logits = malloc(bytes);
		assert_non_null(logits);
		for (k = 0; k < bytes; k++)
			logits[k] = (unsigned char)(i % 2 ? random_bits() :
			    random_bits() % 50 == 0 ? 0xff : 0x3c);
		check_same_bits(&l, logits);
		free(logits);
	}
}

/* A segmentation map of single pixels, the image as given. */
static void
find(const struct layout *l, uint32_t capacity, uint8_t *segmap,
    const void *image, struct peaklist *out)
{
	const struct peakfinder_options o = { 1, 0, capacity, false, NULL };
	struct peakfinder *f = peakfinder_new(l, &o);

	assert_non_null(f);
	out->peaks = calloc(capacity, sizeof *out->peaks);
	assert_non_null(out->peaks);
	assert_int_equal(peakfinder_run(f, NULL, segmap, image, out, NULL), 0);
	peakfinder_free(f);
}

static void
the_strongest_of_many_stay_in_raster_order(void **state)
{
	enum { SIDE = 200, PITCH = 10, N = SIDE / PITCH };
	const struct layout l = { 1, 0, SIDE, SIDE, SIDE, SIDE, LOGITS_NONE,
		IMAGE_I32, 64 };
	uint8_t *segmap = calloc(SIDE * SIDE, 1);
	int32_t *image = calloc(SIDE * SIDE, sizeof *image);
	struct peaklist out;
	uint32_t i, at;

	(void)state;
	assert_non_null(segmap);
	assert_non_null(image);
	for (i = 0; i < N * N; i++) {
		at = i / N * PITCH * SIDE + i % N * PITCH;
		segmap[at] = 1;
		image[at] = (int32_t)(i % 100);	/* four of each */
	}
	find(&l, 10, segmap, image, &out);
	assert_int_equal(out.found, N * N);
	assert_int_equal(out.kept, 10);
	/* 99 and 98 four times each, 97 the first two times. */
	for (i = 0; i < 10; i++) {
		at = i < 3 ? 97 + i : i < 6 ? 194 + i : i < 8 ? 292 + i : 390 + i;
		assert_true(out.peaks[i].ss == at / N * PITCH);
		assert_true(out.peaks[i].fs == at % N * PITCH);
	}
	free(out.peaks);
	free(segmap);
	free(image);
}

static void
selection_orders_negative_zero_and_infinite_sums(void **state)
{
	const float sums[] = { -1, 0.0f, -0.0f, INFINITY, 5, -INFINITY, 5, -3e38f,
		1e-45f, 5 };
	const uint32_t want[][10] = {
		{ 3 }, { 3, 4 }, { 3, 4, 6 }, { 3, 4, 6, 9 },
		{ 3, 4, 6, 8, 9 }, { 1, 3, 4, 6, 8, 9 },
		{ 1, 2, 3, 4, 6, 8, 9 }, { 0, 1, 2, 3, 4, 6, 8, 9 },
		{ 0, 1, 2, 3, 4, 6, 7, 8, 9 }, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }
	};
	struct peak p[10];
	uint32_t k, i;

	(void)state;
	for (k = 0; k <= 11; k++) {
		memset(p, 0, sizeof p);
		for (i = 0; i < 10; i++) {
			p[i].sum = sums[i];
			p[i].npixels = i;
		}
		assert_int_equal(peaks_strongest(p, 10, k), k < 10 ? k : 10);
		for (i = 0; k > 0 && i < (k < 10 ? k : 10); i++)
			assert_int_equal(p[i].npixels, want[k < 10 ? k - 1 : 9][i]);
	}
}

static void
a_symmetric_blob_is_centred_on_its_pixel(void **state)
{
	const struct layout l = { 2, 0, 32, 32, 32, 32, LOGITS_NONE, IMAGE_U16, 4 };
	uint8_t segmap[2 * 32 * 32] = { 0 };
	uint16_t image[2 * 32 * 32];
	struct peaklist out;
	int i;

	(void)state;
	for (i = 0; i < 2 * 32 * 32; i++)
		image[i] = (uint16_t)(100 + i % 2);
	for (i = -1; i <= 1; i++)
		memset(segmap + (32 + 10 + i) * 32 + 19, 1, 3);
	image[(32 + 10) * 32 + 20] = 400;
	find(&l, 4, segmap, image, &out);
	assert_int_equal(out.kept, 1);
	assert_int_equal(out.peaks[0].panel, 1);
	assert_int_equal(out.peaks[0].npixels, 9);
	assert_true(out.peaks[0].ss == 10 && out.peaks[0].fs == 20);
	/* The box of 9 x 9 without 5 x 5: 26 pixels of 101, 30 of 100. */
	assert_true(out.peaks[0].background == (float)(100 + 26 / 56.));
	assert_true(fabs(out.peaks[0].sd - sqrt(26 * 30) / 56) < 1e-7);
	assert_true(out.peaks[0].max == (float)(400 - 100 - 26 / 56.));
	free(out.peaks);
}

static void
events_leave_no_trace_in_the_next(void **state)
{
	const struct layout l = { 1, 0, 64, 64, 64, 64, LOGITS_NONE, IMAGE_NONE,
		4096 };
	const struct peakfinder_options o = { 1, 0, 4096, false, NULL };
	struct peakfinder *f = peakfinder_new(&l, &o);
	static struct peak peaks[4096];
	static uint8_t dots[64 * 64], empty[64 * 64];
	struct peaklist out = { .peaks = peaks };
	uint32_t i;

	(void)state;
	assert_non_null(f);
	for (i = 0; i < 64 * 64; i++)
		dots[i] = i / 64 % 2 == 0 && i % 2 == 0;
	for (i = 0; i < 3; i++) {
		assert_int_equal(peakfinder_run(f, NULL, dots, NULL, &out, NULL), 0);
		assert_int_equal(out.found, 1024);
		assert_int_equal(out.kept, 1024);
		assert_int_equal(peakfinder_run(f, NULL, empty, NULL, &out, NULL), 0);
		assert_int_equal(out.found, 0);
		assert_int_equal(out.kept, 0);
	}
	peakfinder_free(f);
}

/* Takes a component off the map, pixel by pixel. */
static void
flood(uint8_t *map, uint32_t height, uint32_t width, uint32_t at, struct peak *p)
{
	uint32_t *stack = malloc(9 * height * width * sizeof *stack);
	uint32_t n = 0, y, x, yy, xx;

	assert_non_null(stack);
	memset(p, 0, sizeof *p);
	stack[n++] = at;
	while (n > 0) {
		at = stack[--n];
		if (map[at] == 0)
			continue;
		map[at] = 0;
		y = at / width;
		x = at % width;
		p->npixels++;
		p->ss += y;
		p->fs += x;
		for (yy = y - (y > 0); yy <= y + 1 && yy < height; yy++)
			for (xx = x - (x > 0); xx <= x + 1 && xx < width; xx++)
				stack[n++] = yy * width + xx;
	}
	p->ss /= p->npixels;
	p->fs /= p->npixels;
	free(stack);
}

static void
check_flood(const struct layout *l, uint8_t *map)
{
	struct peaklist out;
	struct peak p;
	uint32_t at, n = 0;

	find(l, l->height * l->width, map, NULL, &out);
	for (at = 0; at < l->height * l->width; at++) {
		if (map[at] == 0)
			continue;
		flood(map, l->height, l->width, at, &p);
		assert_true(n < out.kept);
		assert_int_equal(out.peaks[n].npixels, p.npixels);
		assert_true(out.peaks[n].ss == p.ss && out.peaks[n].fs == p.fs);
		n++;
	}
	assert_int_equal(out.kept, n);
	free(out.peaks);
}

/* Few pixels and many, single ones and long runs, odd and even heights. */
static void
components_equal_those_of_a_flood(void **state)
{
	struct layout l = { 1, 0, 0, 0, 0, 0, LOGITS_NONE, IMAGE_NONE, 4 };
	uint32_t at, n, rare, long_runs;
	uint8_t *map;
	int i;

	(void)state;
	for (i = 0; i < 2000; i++) {
		l.height = l.real_height = 1 + (uint32_t)(random_bits() % 12);
		l.width = l.real_width = 1 + (uint32_t)(random_bits() % 260);
		n = l.height * l.width;
		rare = 1 + (uint32_t)(random_bits() % 99);
		long_runs = (uint32_t)(random_bits() % 100);
		map = malloc(n);
		assert_non_null(map);
		for (at = 0; at < n; at++)
			map[at] = at > 0 && random_bits() % 100 < long_runs ?
			    map[at - 1] : random_bits() % 100 < rare;
		check_flood(&l, map);
		free(map);
	}
}

static void
two_wide_components_may_meet_in_one_place_anywhere(void **state)
{
	enum { WIDTH = 200, HEIGHT = 4 };
	const struct layout l = { 1, 0, HEIGHT, WIDTH, HEIGHT, WIDTH,
		LOGITS_NONE, IMAGE_NONE, 4 };
	uint8_t map[HEIGHT * WIDTH];
	uint32_t at, other;

	(void)state;
	for (at = 2; at < WIDTH - 2; at++)
		for (other = at - 2; other <= at + 2; other++) {
			memset(map, 0, sizeof map);
			memset(map, 1, WIDTH);
			memset(map + 3 * WIDTH, 1, WIDTH);
			map[WIDTH + at] = map[2 * WIDTH + other] = 1;
			check_flood(&l, map);
		}
}

static void
the_widest_panel_there_is_works(void **state)
{
	const struct layout l = { 1, 0, 3, LAYOUT_MAX_SIDE, 3, LAYOUT_MAX_SIDE,
		LOGITS_NONE, IMAGE_U16, 4 };
	uint8_t *segmap = malloc(3 * LAYOUT_MAX_SIDE);
	uint16_t *image = calloc(3 * LAYOUT_MAX_SIDE, sizeof *image);
	struct peaklist out;

	(void)state;
	assert_non_null(segmap);
	assert_non_null(image);
	memset(segmap, 1, 3 * LAYOUT_MAX_SIDE);
	find(&l, 4, segmap, image, &out);
	assert_int_equal(out.found, 1);
	assert_int_equal(out.peaks[0].npixels, 3 * LAYOUT_MAX_SIDE);
	assert_true(out.peaks[0].ss == 1);
	assert_true(out.peaks[0].fs == (LAYOUT_MAX_SIDE - 1) / 2);
	free(out.peaks);
	free(segmap);
	free(image);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_16_bit_value_is_judged_right_alone_in_its_block),
		cmocka_unit_test(float_corner_cases_are_judged_right_alone_in_their_block),
		cmocka_unit_test(all_instruction_sets_give_the_same_bits),
		cmocka_unit_test(the_strongest_of_many_stay_in_raster_order),
		cmocka_unit_test(selection_orders_negative_zero_and_infinite_sums),
		cmocka_unit_test(a_symmetric_blob_is_centred_on_its_pixel),
		cmocka_unit_test(events_leave_no_trace_in_the_next),
		cmocka_unit_test(components_equal_those_of_a_flood),
		cmocka_unit_test(two_wide_components_may_meet_in_one_place_anywhere),
		cmocka_unit_test(the_widest_panel_there_is_works),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
