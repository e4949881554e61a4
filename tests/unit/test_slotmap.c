/* A slot's memory: where it is mapped, what populating leaves as it was. */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/pages.h"
#include "transport/slotmap.h"

enum { LARGE = PAGES_LARGE, SIZE = 3 * LARGE + 100000 };

static const uint64_t FROM = (uint64_t)2 << 32;

static int file;

static int
file_make(void **state)
{
	(void)state;
	file = memfd_create("slots", 0);
	return file == -1 ? -1 : ftruncate(file, (off_t)FROM * 2);
}

static int
file_end(void **state)
{
	(void)state;
	return close(file);
}

static void
byte_put(uint64_t at, char c)
{
	assert_int_equal(pwrite(file, &c, 1, (off_t)(FROM + at)), 1);
}

/* Bytes of the mapping at this address that /proc/self/smaps counts by a name. */
static unsigned long
bytes_of(const unsigned char *at, const char *name)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	unsigned long from, to, kb = 0, n;
	char line[512], key[64];
	int here = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof line, maps) != NULL)
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from == (uintptr_t)at;
		else if (here && sscanf(line, "%63[^:]: %lu kB", key, &n) == 2 &&
		    strcmp(key, name) == 0)
			kb = n;
	fclose(maps);
	return kb << 10;
}

static uint64_t
file_used(void)
{
	struct stat st;

	assert_int_equal(fstat(file, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void
mapping_shows_the_file_at_its_offset(void **state)
{
	struct slotmap m = { .at = NULL };

	(void)state;
	byte_put(0, 'a');
	byte_put(SIZE - 1, 'z');
	assert_int_equal(slotmap_grow(&m, file, FROM, SIZE), 0);
	assert_int_equal(m.at[0], 'a');
	assert_int_equal(m.at[SIZE - 1], 'z');
	m.at[1] = 'b';
	slotmap_free(&m);
	assert_null(m.at);
	assert_int_equal(slotmap_grow(&m, file, FROM, 2), 0);
	assert_int_equal(m.at[1], 'b');
	slotmap_free(&m);
}

static void
mapping_grows_with_what_is_in_it_and_never_shrinks(void **state)
{
	struct slotmap m = { .at = NULL };
	unsigned char *at;

	(void)state;
	assert_int_equal(slotmap_grow(&m, file, FROM, 64), 0);
	m.at[63] = 'x';
	slotmap_populate(&m, 1, 0, 64, true);
	assert_int_equal(m.populated, 1);
	assert_int_equal(slotmap_grow(&m, file, FROM, SIZE), 0);
	assert_int_equal(m.populated, 0);
	assert_int_equal(m.at[63], 'x');
	at = m.at;
	assert_int_equal(slotmap_grow(&m, file, FROM, 64), 0);
	assert_ptr_equal(m.at, at);
	assert_true(m.size >= SIZE);
	slotmap_free(&m);
}

static void
large_mapping_begins_at_a_large_page(void **state)
{
	struct slotmap m[5] = { { .at = NULL } };
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_int_equal(slotmap_grow(&m[i], file, FROM,
		    LARGE + i * 12345), 0);
		assert_int_equal((uintptr_t)m[i].at % LARGE, 0);
	}
	for (i = 0; i < 5; i++)
		slotmap_free(&m[i]);
}

static void
mapping_that_fails_leaves_the_one_there_was(void **state)
{
	struct rlimit was, few = { .rlim_cur = 1 << 20 };
	struct slotmap m = { .at = NULL };

	(void)state;
	assert_int_equal(slotmap_grow(&m, file, FROM, 64), 0);
	m.at[0] = 'x';
	assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
	few.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_AS, &few), 0);
	assert_int_equal(slotmap_grow(&m, file, FROM, SIZE), -1);
	assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
	assert_int_equal(m.at[0], 'x');
	assert_int_equal(m.size, sysconf(_SC_PAGESIZE));
	slotmap_free(&m);
}

static void
populating_leaves_what_is_there(void **state)
{
	struct slotmap m = { .at = NULL };
	uint64_t at;

	(void)state;
	for (at = 0; at < SIZE; at += 5000)
		byte_put(at, (char)(at / 5000));
	assert_int_equal(slotmap_grow(&m, file, FROM, SIZE), 0);
	slotmap_populate(&m, 1, 0, SIZE, true);
	for (at = 0; at < SIZE; at++)
		assert_int_equal(m.at[at], at % 5000 == 0 ?
		    (unsigned char)(at / 5000) : 0);
	slotmap_free(&m);
}

static void
populating_stays_within_the_mapping_and_about_the_range(void **state)
{
	struct slotmap m = { .at = NULL };

	(void)state;
	assert_int_equal(slotmap_grow(&m, file, FROM, SIZE), 0);
	slotmap_populate(&m, 1, LARGE + 5000, 10000, true);
	assert_in_range(file_used(), 10000, LARGE);
	slotmap_populate(&m, 2, SIZE - 5000, 5000, true);
	assert_in_range(file_used(), 15000, LARGE + 8192);
	slotmap_populate(&m, 4, 0, SIZE, true);
	assert_in_range(file_used(), SIZE, SIZE + 4096);
	slotmap_free(&m);
}

static void
what_a_writer_populates_is_in_large_pages_for_readers_too(void **state)
{
	struct slotmap w = { .at = NULL }, r = { .at = NULL };

	(void)state;
	assert_int_equal(slotmap_grow(&w, file, FROM, SIZE), 0);
	slotmap_populate(&w, 1, 0, SIZE, true);
	if (bytes_of(w.at, "ShmemPmdMapped") == 0) {
		print_message("# no large pages of shared memory here\n");
		skip();
	}
	assert_int_equal(slotmap_grow(&r, file, FROM, SIZE), 0);
	slotmap_populate(&r, 1, 0, SIZE, false);
	assert_int_equal(bytes_of(w.at, "ShmemPmdMapped"), 3 * LARGE);
	assert_int_equal(bytes_of(r.at, "ShmemPmdMapped"), 3 * LARGE);
	assert_true(bytes_of(r.at, "Rss") >= SIZE);
	slotmap_free(&w);
	slotmap_free(&r);
}

#define TEST(x) cmocka_unit_test_setup_teardown(x, file_make, file_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mapping_shows_the_file_at_its_offset),
		TEST(mapping_grows_with_what_is_in_it_and_never_shrinks),
		TEST(large_mapping_begins_at_a_large_page),
		TEST(mapping_that_fails_leaves_the_one_there_was),
		TEST(populating_leaves_what_is_there),
		TEST(populating_stays_within_the_mapping_and_about_the_range),
		TEST(what_a_writer_populates_is_in_large_pages_for_readers_too),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
