/* The memory that control groups grant, in directories made to look like them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/cgroup.h"

static char root[] = "/tmp/test_cgroup.XXXXXX";

/* sh -c script, with the root as $0. */
static void
sh(const char *script)
{
	char command[1024];

	snprintf(command, sizeof command, "exec sh -ec '%s' %s", script, root);
	assert_int_equal(system(command), 0);
}

/* The limit of a process of these groups. */
static uint64_t
limit_of(const char *groups)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "%s/groups", root);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(groups, f);
	fclose(f);
	return cgroup_memory(path, root);
}

static int
groups_make(void **state)
{
	(void)state;
	if (mkdtemp(root) == NULL)
		return -1;
	sh("mkdir -p $0/job/step/task $0/memory/job/step; cd $0;"
	    "echo max >job/memory.max; echo 4096 >job/step/memory.max;"
	    "echo 8192 >job/step/task/memory.max;"
	    "echo 9223372036854771712 >memory/memory.limit_in_bytes;"
	    "echo 1000 >memory/job/memory.limit_in_bytes");
	return 0;
}

static int
groups_remove(void **state)
{
	(void)state;
	sh("rm -r $0");
	return 0;
}

static void
a_group_around_it_may_grant_less(void **state)
{
	(void)state;
	assert_int_equal(limit_of("0::/job/step/task\n"), 4096);
	assert_int_equal(limit_of("0::/job/step\n"), 4096);
}

static void
max_is_no_limit(void **state)
{
	(void)state;
	assert_true(limit_of("0::/job\n") == UINT64_MAX);
}

static void
version_1_has_a_directory_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(limit_of("5:cpu,memory:/job/step\n"), 1000);
	assert_int_equal(limit_of("5:memory,cpu:/job/step\n"), 1000);
}

static void
other_controllers_do_not_count(void **state)
{
	(void)state;
	assert_true(limit_of("5:cpuset:/job\n6:memoryless:/job\n") == UINT64_MAX);
}

static void
the_least_of_all_lines_counts(void **state)
{
	(void)state;
	assert_int_equal(limit_of("5:memory:/job\n0::/job/step\n"), 1000);
}

static void
a_group_that_is_not_to_be_seen_is_that_of_its_container(void **state)
{
	(void)state;
	assert_int_equal(limit_of("5:memory:/elsewhere/job\n"), 9223372036854771712);
}

static void
no_groups_and_nonsense_are_no_limit(void **state)
{
	(void)state;
	assert_true(limit_of("") == UINT64_MAX);
	assert_true(limit_of("nonsense\n1:memory\n:\n") == UINT64_MAX);
	assert_true(cgroup_memory("/nonexistent", root) == UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_around_it_may_grant_less),
		cmocka_unit_test(max_is_no_limit),
		cmocka_unit_test(version_1_has_a_directory_of_its_own),
		cmocka_unit_test(other_controllers_do_not_count),
		cmocka_unit_test(the_least_of_all_lines_counts),
		cmocka_unit_test(
		    a_group_that_is_not_to_be_seen_is_that_of_its_container),
		cmocka_unit_test(no_groups_and_nonsense_are_no_limit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, groups_make, groups_remove);
}
