/* Pacing: never more than so many, also after a reader that was slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/pace.h"

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Seconds that n of them take. */
static double
taken(struct pace *p, int n)
{
	double begin = now();

	while (n-- > 0)
		assert_int_equal(pace_wait(p, STDOUT_FILENO, NULL), 0);
	return now() - begin;
}

static void
never_more_than_the_rate(void **state)
{
	struct pace p = { .rate = 200 };

	(void)state;
	assert_true(taken(&p, 21) >= 20 / p.rate);
}

static void
a_slow_reader_is_not_made_up_for(void **state)
{
	struct pace p = { .rate = 200 };

	(void)state;
	taken(&p, 2);
	nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
	/* But for the one that is due, and one more. */
	assert_true(taken(&p, 22) >= 20 / p.rate);
}

static void
no_rate_is_no_wait(void **state)
{
	struct pace p = { .rate = 0 };

	(void)state;
	taken(&p, 1000000);
}

static void
stop_ends_a_wait(void **state)
{
	struct pace p = { .rate = 0.001 };
	volatile int stop = 1;

	(void)state;
	assert_int_equal(pace_wait(&p, STDOUT_FILENO, &stop), 0);
	assert_int_equal(pace_wait(&p, STDOUT_FILENO, &stop), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_more_than_the_rate),
		cmocka_unit_test(a_slow_reader_is_not_made_up_for),
		cmocka_unit_test(no_rate_is_no_wait),
		cmocka_unit_test(stop_ends_a_wait),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
