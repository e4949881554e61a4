/* Tests of report/best.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/best.h"

enum { ROOM = 3 };

/* Adds events with these many peaks, at rows 0, 1, ... of file 7. */
static size_t
add_all(struct best_hit *hits, size_t room, const uint32_t *found, size_t n)
{
	size_t held = 0;

	for (size_t i = 0; i < n; i++) {
		struct cxireader_event e = { .n_peaks = 1, .n_found = found[i],
		    .has_number = i % 2 == 0, .number = 100 + i, .energy = 9000 };

		held = best_add(hits, held, room, &e, 7, i);
	}
	return held;
}

static void
test_the_hits_with_most_peaks_are_kept_strongest_first(void **state)
{
	struct best_hit hits[ROOM];

	(void)state;
	assert_int_equal(add_all(hits, ROOM, (uint32_t[]){ 4, 9, 1, 12, 5 }, 5), 3);
	assert_int_equal(hits[0].found, 12);
	assert_int_equal(hits[1].found, 9);
	assert_int_equal(hits[2].found, 5);
}

static void
test_of_equal_hits_the_earlier_come_first_and_stay(void **state)
{
	struct best_hit hits[ROOM];

	(void)state;
	assert_int_equal(add_all(hits, ROOM, (uint32_t[]){ 5, 8, 5, 5, 8 }, 5), 3);
	assert_int_equal(hits[0].row, 1);
	assert_int_equal(hits[1].row, 4);
	assert_int_equal(hits[2].row, 0);
}

static void
test_fewer_hits_than_room_are_all_kept(void **state)
{
	struct best_hit hits[ROOM];

	(void)state;
	assert_int_equal(add_all(hits, ROOM, (uint32_t[]){ 1, 2 }, 2), 2);
	assert_int_equal(hits[0].found, 2);
	assert_int_equal(hits[1].found, 1);
}

static void
test_a_hit_keeps_where_it_is_and_what_the_file_says_of_it(void **state)
{
	struct best_hit hits[ROOM];

	(void)state;
	assert_int_equal(add_all(hits, ROOM, (uint32_t[]){ 3, 6 }, 2), 2);
	assert_int_equal(hits[0].file, 7);
	assert_int_equal(hits[0].row, 1);
	assert_false(hits[0].has_number);
	assert_true(hits[1].has_number);
	assert_int_equal(hits[1].number, 100);
	assert_float_equal(hits[1].energy, 9000, 0);
}

static void
test_without_room_nothing_is_kept_or_written(void **state)
{
	struct best_hit hits[1] = { { .found = 77 } };

	(void)state;
	assert_int_equal(add_all(hits, 0, (uint32_t[]){ 3, 6 }, 2), 0);
	assert_int_equal(hits[0].found, 77);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_hits_with_most_peaks_are_kept_strongest_first),
		cmocka_unit_test(test_of_equal_hits_the_earlier_come_first_and_stay),
		cmocka_unit_test(test_fewer_hits_than_room_are_all_kept),
		cmocka_unit_test(test_a_hit_keeps_where_it_is_and_what_the_file_says_of_it),
		cmocka_unit_test(test_without_room_nothing_is_kept_or_written),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
