/* Tests of format/eventlog.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/eventlog.h"

static char dir[40], path[sizeof dir + 8];
static struct fault f;

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_eventlog.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/log", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

/* A log of one miss, and of one failure with the longest texts there can be. */
static uint64_t
log_make(void)
{
	struct eventlog *g = eventlog_open(path, false, &f);
	struct event e;
	char cause[sizeof f.text];
	int64_t size;

	assert_non_null(g);
	eventlog_begin(g);
	event_init(&e);
	eventlog_miss(g, &e);
	e.seq = UINT64_MAX;
	e.known = QUANTITY_TIMESTAMP | QUANTITY_ENERGY;
	e.timestamp = UINT64_MAX;
	e.photon_energy = 1e200;
	e.peaks_found = e.peaks_kept = UINT32_MAX;
	memset(e.source, 's', sizeof e.source - 1);
	memset(cause, 'c', sizeof cause - 1);
	cause[sizeof cause - 1] = '\0';
	cause[7] = '\n';
	eventlog_failed(g, &e, cause);
	assert_int_equal(eventlog_written(g, &f), 0);
	size = eventlog_size(g);
	assert_int_equal(eventlog_close(g, &f), 0);
	return (uint64_t)size;
}

/* Can the log be carried on at this size, behind this event? */
static int
resumes(uint64_t size, const uint64_t *last)
{
	struct eventlog *g = eventlog_resume(path, size, last, &f);

	if (g == NULL)
		return 0;
	assert_int_equal(eventlog_close(g, &f), 0);
	return 1;
}

static void
test_a_log_is_carried_on_behind_its_longest_line(void **state)
{
	uint64_t size = log_make(), last = UINT64_MAX;

	(void)state;
	assert_true(size > sizeof f.text);
	assert_int_equal(resumes(size, &last), 1);
}

static void
test_a_log_is_not_carried_on_behind_another_event_or_inside_a_line(void **state)
{
	uint64_t size = log_make(), last = UINT64_MAX, other = 5;

	(void)state;
	assert_int_equal(resumes(size, &other), 0);
	assert_non_null(strstr(f.text, "not the log of the run"));
	assert_int_equal(resumes(size, NULL), 0);
	assert_int_equal(resumes(size - 1, &last), 0);
	assert_int_equal(resumes(size + 1, &last), 0);
	assert_int_equal(resumes(0, &last), 0);
}

static void
test_a_log_is_cut_back_to_its_heading(void **state)
{
	uint64_t size = log_make(), first = 0, heading;
	struct eventlog *g;

	(void)state;
	heading = strlen(eventlog_heading);
	g = eventlog_resume(path, size, &(uint64_t){ UINT64_MAX }, &f);
	assert_non_null(g);
	assert_int_equal(eventlog_cut(g, heading, &f), 0);
	assert_int_equal(eventlog_size(g), (int64_t)heading);
	assert_int_equal(eventlog_close(g, &f), 0);
	assert_int_equal(resumes(heading, NULL), 1);
	assert_int_equal(resumes(heading, &first), 0);
}

static void
test_a_cause_of_several_lines_stays_one(void **state)
{
	char line[4096];
	FILE *log;
	int n = 0;

	(void)state;
	log_make();
	assert_non_null(log = fopen(path, "r"));
	while (fgets(line, sizeof line, log) != NULL)
		n++;
	fclose(log);
	assert_int_equal(n, 3);
	assert_non_null(strstr(line, "\tccccccc cccc"));
}

static void
test_no_log_takes_everything_and_fails_nothing(void **state)
{
	struct event e;

	(void)state;
	event_init(&e);
	eventlog_hit(NULL, &e, "file", 0);
	eventlog_miss(NULL, &e);
	eventlog_failed(NULL, &e, "cause");
	assert_int_equal(eventlog_size(NULL), -1);
	assert_int_equal(eventlog_written(NULL, &f), 0);
	assert_int_equal(eventlog_close(NULL, &f), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_log_is_carried_on_behind_its_longest_line),
		TEST(test_a_log_is_not_carried_on_behind_another_event_or_inside_a_line),
		TEST(test_a_log_is_cut_back_to_its_heading),
		TEST(test_a_cause_of_several_lines_stays_one),
		TEST(test_no_log_takes_everything_and_fails_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
