#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/peakplane.h"

static const struct layout layout = {
	.panels = 4, .classes = 2, .height = 16, .width = 32, .real_height = 10,
	.real_width = 20, .logits_type = LOGITS_F32, .capacity = 3
};

static const struct peak sound = {
	.ss = 1.5, .fs = 19.25, .panel = 3, .npixels = 7, .sum = 100.5f,
	.max = 50.25f, .background = -2, .sd = 1.5f, .snr = 25.3f
};

/* 1.5, 19.25, 3, 7, 100.5, 50.25, -2, 1.5, 25.3 as format/peakplane.h says. */
static const unsigned char packed[LAYOUT_PEAK_SIZE] = {
	0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0x40, 0x33, 0x40,
	3, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0xc9, 0x42, 0, 0, 0x49, 0x42,
	0, 0, 0, 0xc0, 0, 0, 0xc0, 0x3f, 0x66, 0x66, 0xca, 0x41, 0, 0, 0, 0
};

static void
bytes(void **state)
{
	unsigned char plane[3 * LAYOUT_PEAK_SIZE];
	const struct peak two[2] = { sound, sound };

	(void)state;
	memset(plane, 0xaa, sizeof plane);
	peakplane_pack(plane, two, 2);
	assert_memory_equal(plane, packed, LAYOUT_PEAK_SIZE);
	assert_memory_equal(plane + LAYOUT_PEAK_SIZE, packed, LAYOUT_PEAK_SIZE);
	assert_int_equal(plane[2 * LAYOUT_PEAK_SIZE], 0xaa);
}

static void
back(void **state)
{
	struct peak out[2];

	(void)state;
	memset(out, 0, sizeof out);
	assert_int_equal(peakplane_unpack(packed, 1, &layout, out, NULL), 0);
	assert_true(out[0].ss == sound.ss && out[0].fs == sound.fs);
	assert_int_equal(out[0].panel, 3);
	assert_int_equal(out[0].npixels, 7);
	assert_true(out[0].sum == sound.sum && out[0].max == sound.max &&
	    out[0].background == sound.background && out[0].sd == sound.sd &&
	    out[0].snr == sound.snr);
	assert_int_equal(out[1].npixels, 0);
}

static int
unpacks(double ss, double fs, uint32_t panel)
{
	unsigned char plane[LAYOUT_PEAK_SIZE];
	struct peak p = sound, out;
	struct fault f;

	p.ss = ss;
	p.fs = fs;
	p.panel = panel;
	peakplane_pack(plane, &p, 1);
	return peakplane_unpack(plane, 1, &layout, &out, &f);
}

static void
corners(void **state)
{
	(void)state;
	assert_int_equal(unpacks(0, 0, 0), 0);
	assert_int_equal(unpacks(9, 19, 3), 0);
	assert_int_equal(unpacks(nextafter(9, 10), nextafter(19, 20), 3), 0);
}

static void
refusals(void **state)
{
	(void)state;
	assert_int_equal(unpacks(1, 1, 4), -1);
	assert_int_equal(unpacks(1, 1, UINT32_MAX), -1);
	assert_int_equal(unpacks(10, 1, 0), -1);
	assert_int_equal(unpacks(1, 20, 0), -1);
	assert_int_equal(unpacks(-1, 1, 0), -1);
	assert_int_equal(unpacks(1, -1e300, 0), -1);
	assert_int_equal(unpacks(NAN, 1, 0), -1);
	assert_int_equal(unpacks(1, NAN, 0), -1);
	assert_int_equal(unpacks(INFINITY, 1, 0), -1);
	assert_int_equal(unpacks(1, -INFINITY, 0), -1);
}

static void
capacity(void **state)
{
	struct peak out[1];
	struct fault f;

	(void)state;
	assert_int_equal(peakplane_unpack(packed, 4, &layout, out, &f), -1);
	assert_string_equal(f.text, "4 peaks, room for 3");
	assert_int_equal(peakplane_unpack(packed, 0, &layout, out, &f), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		{ "a peak takes the documented bytes, none behind are touched",
		    bytes, NULL, NULL, NULL },
		{ "an unpacked peak is the packed one", back, NULL, NULL, NULL },
		{ "peaks at the corners of a panel pass", corners, NULL, NULL,
		    NULL },
		{ "peaks outside of the layout are refused", refusals, NULL, NULL,
		    NULL },
		{ "more peaks than the capacity are refused", capacity, NULL, NULL,
		    NULL },
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
