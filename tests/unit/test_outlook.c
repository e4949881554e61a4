/* What is said of a run on the way: rates over a window, and when it will end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "format/outlook.h"

static char text[192];

/* A run of so many events a second, each n-th a hit, looked at twice a second. */
static void
run_to(struct recent *r, double from, double to, double rate, uint64_t nth,
    struct outlook_counts *c)
{
	uint64_t before = c->in, hits = c->hits;
	double now;

	for (now = from; now <= to; now += 0.5) {
		c->in = before + (uint64_t)((now - from) * rate);
		c->hits = hits + (c->in - before) / nth;
		outlook_print(r, now, c, text, sizeof text);
	}
}

static void
test_begin(void **state)
{
	struct recent r = { .n = 0 };
	struct outlook_counts c = { .expected = 1000 };

	(void)state;
	outlook_print(&r, 17, &c, text, sizeof text);
	assert_string_equal(text, "0 events, 0.0 events/s, 0 hits, 0 files");
}

static void
test_rates_are_recent(void **state)
{
	struct recent r = { .n = 0 };
	struct outlook_counts c = { .files = 2 };

	(void)state;
	run_to(&r, 0, 300, 8, 4, &c);
	assert_string_equal(text, "2400 events, 8.0 events/s, 600 hits (25.0 %"
	    " lately), 2 files");
	/* Then more come, and every second one is a hit: ten seconds later the rate is
	   the new one; the share of hits is that of the minute, 2730 of 5520. */
	run_to(&r, 300, 345, 120, 2, &c);
	assert_string_equal(text, "7800 events, 120.0 events/s, 3300 hits (49.5 %"
	    " lately), 2 files");
	/* And when it stands still, nothing is left of it within the minute. */
	run_to(&r, 345, 356, 0, 2, &c);
	assert_non_null(strstr(text, "7800 events, 0.0 events/s, 3300 hits (49.9 %"));
	run_to(&r, 356, 418, 0, 2, &c);
	assert_null(strstr(text, "lately"));
}

static void
test_end(void **state)
{
	struct recent r = { .n = 0 };
	struct outlook_counts c = { .expected = 100000, .slots = 20, .pending = 7 };

	(void)state;
	run_to(&r, 5, 65, 10, 4, &c);
	/* 99400 events at 10 a second. */
	assert_string_equal(text, "600 events, 10.0 events/s, 150 hits (25.0 %"
	    " lately), 0 files, 7 of 20 slots pending, ends in 2:45:40");
	c.expected = 600;
	outlook_print(&r, 65, &c, text, sizeof text);
	assert_null(strstr(text, "ends"));
}

static void
test_room(void **state)
{
	struct recent r = { .n = 0 };
	struct outlook_counts c = { .slots = 255 };
	char little[20];

	(void)state;
	outlook_print(&r, 0, &c, little, sizeof little);
	assert_string_equal(little, "0 events, 0.0 event");
	c = (struct outlook_counts){ UINT64_MAX, UINT64_MAX, UINT64_MAX, 1, 255,
	    255 };
	outlook_print(&r, 1e-3, &c, text, sizeof text);
	assert_true(strlen(text) < sizeof text - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_rates_are_recent),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_room)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
