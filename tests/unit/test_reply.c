/*
 * Replies, byte for byte, and what reply_begin refuses. tests/q2serve_values.t
 * reads them with another MessagePack and compares them with CXI files.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/reply.h"

/* Two panels of 1 x 2 pixels, padded to 2 x 3, stacked. */
static struct stream stream;
static struct plan plan;
static struct reply reply;
static struct fault fault;

static int
setup(void **state)
{
	(void)state;
	memset(&stream, 0, sizeof stream);
	memset(&plan, 0, sizeof plan);
	stream.layout = (struct layout){
		.panels = 2, .height = 2, .width = 3, .real_height = 1,
		.real_width = 2, .image_type = IMAGE_I16, .capacity = 4
	};
	stream.planes = PLANE_IMAGE | PLANE_PEAKS;
	plan.cxi.distance = NAN;
	return slab_stacked(&stream.layout, &plan.slab, &fault);
}

static int
teardown(void **state)
{
	(void)state;
	slab_free(&plan.slab);
	reply_free(&reply);
	return 0;
}

/* Is the reply for the event these n bytes? */
static void
reply_is(const struct event *e, const struct peak *peaks, const void *image,
    const void *want, size_t n)
{
	size_t size = 0;
	void *got;

	assert_int_equal(reply_begin(&reply, &plan, &stream, &fault), 0);
	got = reply_make(&reply, e, peaks, image, &size);
	assert_non_null(got);
	assert_int_equal(size, n);
	assert_memory_equal(got, want, n);
	free(got);
}

/* fixmap 0x80, fixarray 0x90, fixstr 0xa0, each with its size; f64 0xcb, big-endian. */
#define PEAKS "\xb1/entry_1/result_1\x83"
#define ZERO "\xcb\0\0\0\0\0\0\0\0"
#define IMAGE "\xb4/entry_1/data_1/data\x83\xa4type\xa3<i4\xa5shape\x92\x02\x02" \
	"\xa4""data\xc4\x10"

static void
bytes(void **state)
{
	static const int16_t image[12] = { 1, -2, 9, 9, 9, 9, 3, -32768, 9, 9, 9, 9 };
	static const struct peak peak = {
		.panel = 1, .ss = 0, .fs = 1.5, .sum = 2
	};
	static const char want[] = "\x83\xa8""event_id\xa1""7" PEAKS
	    "\xa2""fs\x91\xcb\x3f\xf8\0\0\0\0\0\0"
	    "\xa2ss\x91\xcb\x3f\xf0\0\0\0\0\0\0"
	    "\xa9intensity\x91\xcb\x40\0\0\0\0\0\0\0" IMAGE
	    "\1\0\0\0\xfe\xff\xff\xff\3\0\0\0\0\x80\xff\xff";
	struct event e;

	(void)state;
	event_init(&e);
	e.seq = 7;
	e.peaks_kept = e.peaks_found = 1;
	reply_is(&e, &peak, image, want, sizeof want - 1);
}

static void
quantities(void **state)
{
	static const char want[] = "\x86\xa8""event_id\xa3""e-3\xa9timestamp"
	    "\xcb\x3f\xf8\0\0\0\0\0\0\xab""beam_energy\xcb\x40\xc3\x88\0\0\0\0\0"
	    "\xad""encoder_value\xcb\x7f\xf8\0\0\0\0\0\0"
	    "\xb1""detector_distance\xcb\x3f\xc0\0\0\0\0\0\0" PEAKS
	    "\xa2""fs\x90\xa2ss\x90\xa9intensity\x90";
	struct event e;

	(void)state;
	event_init(&e);
	stream.quantities = QUANTITY_ALL;
	plan.cxi.distance = 0.125;
	plan.cxi.experiment = "e";
	e.known = QUANTITY_TIMESTAMP | QUANTITY_ENERGY;
	e.timestamp = (UINT64_C(1) << 32) + 500000000;
	e.photon_energy = 10000;
	e.seq = 3;
	reply_is(&e, NULL, NULL, want, sizeof want - 1);
}

static void
energy_zero(void **state)
{
	static const char want[] = "\x83\xa8""event_id\xa1""0"
	    "\xab""beam_energy\xcb\x7f\xf8\0\0\0\0\0\0" PEAKS
	    "\xa2""fs\x90\xa2ss\x90\xa9intensity\x90";
	struct event e;

	(void)state;
	event_init(&e);
	stream.quantities = e.known = QUANTITY_ENERGY;
	e.photon_energy = 0;
	reply_is(&e, NULL, NULL, want, sizeof want - 1);
}

static void
keys(void **state)
{
	(void)state;
	strcpy(plan.file.geometry.data, "beam");
	assert_int_equal(reply_begin(&reply, &plan, &stream, &fault), -1);
	assert_non_null(strstr(fault.text, "take beam for beam_energy"));
	strcpy(plan.file.geometry.data, "data");
	strcpy(plan.file.geometry.peak_list, "data");
	assert_int_equal(reply_begin(&reply, &plan, &stream, &fault), -1);
	strcpy(plan.file.geometry.peak_list, "peaks");
	assert_int_equal(reply_begin(&reply, &plan, &stream, &fault), 0);
}

static void
too_large(void **state)
{
	(void)state;
	plan.slab.height = plan.slab.width = 1 << 15;
	assert_int_equal(reply_begin(&reply, &plan, &stream, &fault), -1);
	assert_non_null(strstr(fault.text, "too large"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		{ "a reply is these bytes; gaps and padding are left out, 16 bits become 32",
		    bytes, setup, teardown, NULL },
		{ "what the stream has is there, NaN where the event has it not",
		    quantities, setup, teardown, NULL },
		{ "an energy of 0 is sent as NaN",
		    energy_zero, setup, teardown, NULL },
		{ "a key that begins another is refused",
		    keys, setup, teardown, NULL },
		{ "an image too large for a message is refused",
		    too_large, setup, teardown, NULL }
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
