/* Which events -s, -n and -i choose, and that shards share them out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "format/selection.h"

enum { EVENTS = 40 };

/* Adds one to each position that is chosen; the position at which it was over. */
static unsigned
select_all(struct selection s, unsigned *chosen)
{
	unsigned i, over = EVENTS;

	for (i = 0; i < EVENTS; i++) {
		if (selection_wants(&s, 0, i))
			chosen[i]++;
		selection_advance(&s);
		if (selection_over(&s) && over == EVENTS)
			over = i + 1;
	}
	return over;
}

static void
test_all(void **state)
{
	struct selection s = { .count = UINT64_MAX, .shards = 1 };
	unsigned chosen[EVENTS] = { 0 }, i;

	(void)state;
	assert_int_equal(select_all(s, chosen), EVENTS);
	for (i = 0; i < EVENTS; i++)
		assert_int_equal(chosen[i], 1);
}

static void
test_shards_partition(void **state)
{
	unsigned skip, count, n, k, i, over, chosen[EVENTS];
	struct selection s;

	(void)state;
	for (skip = 0; skip < 12; skip++)
		for (count = 0; count < 20; count++)
			for (n = 1; n < 9; n++) {
				for (i = 0; i < EVENTS; i++)
					chosen[i] = 0;
				for (k = 0; k < n; k++) {
					s = (struct selection){ .skip = skip,
					    .count = count, .shard = k,
					    .shards = n };
					over = select_all(s, chosen);
					assert_int_equal(over, skip + count > 0 ?
					    skip + count : 1);
				}
				for (i = 0; i < EVENTS; i++)
					assert_int_equal(chosen[i], i >= skip &&
					    i < skip + count);
			}
}

/* A shard goes on from any place with the events it would have had anyway. */
static void
test_shard_resumes(void **state)
{
	unsigned from, i, whole[EVENTS], rest[EVENTS];
	struct selection s = { .count = UINT64_MAX, .shard = 2, .shards = 5 };

	(void)state;
	for (from = 0; from < EVENTS; from++) {
		for (i = 0; i < EVENTS; i++)
			whole[i] = rest[i] = 0;
		s.skip = 0;
		select_all(s, whole);
		s.skip = from;
		select_all(s, rest);
		for (i = 0; i < EVENTS; i++)
			assert_int_equal(rest[i], i >= from && whole[i]);
	}
}

/* The count of what is left is what going through it chooses. */
static void
test_count_ahead(void **state)
{
	unsigned n, i, rest[EVENTS];
	struct selection s, at;

	(void)state;
	for (n = 0; n < 12 * 12 * 5 * EVENTS; n++) {
		s = (struct selection){ .skip = n % 12, .count = n / 12 % 12,
		    .shards = 1 + n / 144 % 5, .position = n / 720 };
		s.shard = s.shards / 2;
		if (s.count == 11)
			s.count = UINT64_MAX;
		at = s;
		for (i = 0, rest[0] = 0; at.position < EVENTS; i++) {
			rest[0] += selection_wants(&at, 0, 0);
			selection_advance(&at);
		}
		assert_int_equal(selection_count(&s, i), rest[0]);
	}
}

/* Of these headers and numbers, those from a place on. */
static const struct {
	uint64_t	header, number;
} met[] = { { 0, 0 }, { 0, 3 }, { 0, 4 }, { 2, 0 }, { 2, 7 }, { 3, 2 } };

enum { MET = sizeof met / sizeof met[0] };

/* How many are left out; *cut: the place did not come. */
static unsigned
left_out(uint64_t header, uint64_t next, uint64_t count, bool *cut, unsigned *taken)
{
	struct selection s = { .count = count, .shards = 1 };
	unsigned i, out = 0;

	selection_place(&s, header, next);
	for (*taken = i = 0; i < MET && !selection_over(&s); i++) {
		if (selection_wants(&s, met[i].header, met[i].number))
			++*taken;
		else if (*taken == 0)
			out++;
		selection_advance(&s);
	}
	*cut = selection_short(&s);
	return out;
}

static void
a_place_is_a_header_and_a_number_of_its_stream(void **state)
{
	unsigned taken;
	bool cut;

	(void)state;
	assert_int_equal(left_out(0, 0, UINT64_MAX, &cut, &taken), 0);
	assert_int_equal(taken, MET);
	assert_int_equal(left_out(0, 1, UINT64_MAX, &cut, &taken), 1);
	assert_int_equal(left_out(0, 5, UINT64_MAX, &cut, &taken), 3);
	assert_int_equal(left_out(1, 0, UINT64_MAX, &cut, &taken), 3);
	assert_int_equal(left_out(2, 1, UINT64_MAX, &cut, &taken), 4);
	assert_false(cut);
	/* -n counts from there on. */
	assert_int_equal(left_out(2, 0, 2, &cut, &taken), 3);
	assert_int_equal(taken, 2);
}

static void
a_place_behind_the_last_event_is_there_and_one_further_is_not(void **state)
{
	unsigned taken;
	bool cut;

	(void)state;
	assert_int_equal(left_out(3, 3, UINT64_MAX, &cut, &taken), MET);
	assert_false(cut);
	left_out(3, 4, UINT64_MAX, &cut, &taken);
	assert_true(cut);
	left_out(4, 0, UINT64_MAX, &cut, &taken);
	assert_true(cut);
}

static void
what_follows_a_place_that_did_not_come_is_not_behind_it(void **state)
{
	unsigned taken;
	bool cut;

	(void)state;
	left_out(1, 3, UINT64_MAX, &cut, &taken);
	assert_int_equal(taken, 0);
	assert_true(cut);
	left_out(0, 2, UINT64_MAX, &cut, &taken);
	assert_int_equal(taken, MET - 1);	/* from number 3 on */
	left_out(2, 9, UINT64_MAX, &cut, &taken);
	assert_int_equal(taken, 0);
	assert_true(cut);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_shards_partition),
		cmocka_unit_test(test_shard_resumes),
		cmocka_unit_test(test_count_ahead),
		cmocka_unit_test(a_place_is_a_header_and_a_number_of_its_stream),
		cmocka_unit_test(
		    a_place_behind_the_last_event_is_there_and_one_further_is_not),
		cmocka_unit_test(
		    what_follows_a_place_that_did_not_come_is_not_behind_it)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
