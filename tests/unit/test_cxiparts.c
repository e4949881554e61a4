/*
 * What a merged file says of its sources, as cxiparts.h promises: its tables, and
 * the reader of the source of each event. Tables that contradict each other, or are
 * not as cximerge writes them, are refused.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cmocka.h>

#include "format/cxireader_impl.h"
#include "joinfiles.h"

#define SECOND(n) ((uint64_t)(n) << 32)

static const struct shot shots_a[] = { { 0, SECOND(1), 2 }, { 2, SECOND(3), 1 } };
static const struct shot shots_b[] = { { 1, SECOND(2), 3 } };

enum { EVENTS = 3 };

static const char *sources[2];

/* A merged file m/run.cxi of m/a.cxi and m/sub/b.cxi; returns its name. */
static const char *
merged_new(void)
{
	mkdir(at("m"), 0700);
	mkdir(at("m/sub"), 0700);
	sources[0] = at("m/a.cxi");
	sources[1] = at("m/sub/b.cxi");
	file_make(sources[0], &plain, shots_a, N_OF(shots_a));
	file_make(sources[1], &plain, shots_b, N_OF(shots_b));
	merged_make(at("m/run.cxi"), false, sources, 2);
	return at("m/run.cxi");
}

/* The one place that knows how a merged file is opened, its sources not followed. */
static int
parts_load(const char *name, struct cxireader **r, struct cxiparts **parts,
    struct fault *f)
{
	memset(f, 0, sizeof *f);
	if (cxireader_open_alone(name, NULL, r, f) == -1)
		fail_msg("%s", f->text);
	return cxiparts_load(*r, name, NULL, parts, f);
}

static struct cxiparts *
parts_must(const char *name, struct cxireader **r)
{
	struct cxiparts *parts;
	struct fault f;

	if (parts_load(name, r, &parts, &f) == -1)
		fail_msg("%s", f.text);
	return parts;
}

static void
parts_end(struct cxiparts *parts, struct cxireader *r)
{
	cxiparts_free(parts);
	cxireader_close(r);
}

static void
load_refused(const char *name, const char *words)
{
	struct cxiparts *parts = (struct cxiparts *)1;
	struct cxireader *r;
	struct fault f;

	if (parts_load(name, &r, &parts, &f) != -1)
		fail_msg("taken, though it should be refused: %s", words);
	assert_null(parts);
	words_check(&f, words);
	words_check(&f, strrchr(name, '/') + 1);	/* as all of cxireader.h */
	cxireader_close(r);
}

static void
path_check(const struct cxiparts *parts, size_t i, const char *expect)
{
	char *real = realpath(expect, NULL);

	assert_string_equal(cxiparts_source(parts, i)->path, real);
	free(real);
}

static void
test_load(void **state)
{
	const char *const name = merged_new();
	struct cxiparts *parts;
	struct cxireader *r;
	struct join j;
	size_t i;

	(void)state;
	join_make(&j, sources, 2);
	parts = parts_must(name, &r);
	assert_int_equal(cxiparts_count(parts), 2);
	assert_int_equal(cxiparts_events(parts), EVENTS);
	for (i = 0; i < 2; i++) {
		path_check(parts, i, sources[i]);
		assert_int_equal(cxiparts_source(parts, i)->bytes,
		    j.sources[i].bytes);
		assert_int_equal(cxiparts_source(parts, i)->events, 2 - i);
		assert_string_equal(cxiparts_source(parts, i)->digest,
		    j.sources[i].digest);
	}
	parts_end(parts, r);
	join_free(&j);
	cxiparts_free(NULL);
}

static void
event_check(struct cxiparts *parts, uint64_t k, uint64_t number, uint64_t row)
{
	struct cxireader_event e;
	struct cxireader *r;
	struct fault f;
	uint64_t at_row = 99;

	if ((r = cxiparts_reader(parts, k, &at_row, &f)) == NULL ||
	    cxireader_event(r, at_row, &e, NULL, &f) == -1)
		fail_msg("%s", f.text);
	assert_int_equal(at_row, row);
	assert_int_equal(e.number, number);
}

static void
test_reader(void **state)
{
	struct cxireader *r;
	struct cxiparts *parts = parts_must(merged_new(), &r);
	uint64_t row;
	struct fault f;

	(void)state;
	event_check(parts, 2, 2, 1);
	event_check(parts, 0, 0, 0);
	event_check(parts, 1, 1, 0);
	/* A source that is open stays open. */
	assert_ptr_equal(cxiparts_reader(parts, 0, &row, &f),
	    cxiparts_reader(parts, 2, &row, &f));
	parts_end(parts, r);
}

/* More sources than are open at a time, each with two events. */
static void
test_many(void **state)
{
	enum { MANY = 20 };
	const char *names[MANY];
	struct cxiparts *parts;
	struct cxireader *r;
	struct shot shots[2];
	uint64_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		names[i] = at("many%d.cxi", (int)i);
		shots[0] = (struct shot){ i, SECOND(i + 1), 0 };
		shots[1] = (struct shot){ MANY + i, SECOND(MANY + i + 1), 1 };
		file_make(names[i], &plain, shots, 2);
	}
	merged_make(at("many.cxi"), false, names, MANY);
	parts = parts_must(at("many.cxi"), &r);
	for (i = 0; i < 2 * MANY; i++)
		event_check(parts, i, i, i / MANY);
	for (i = 2 * MANY; i-- > 0;)
		event_check(parts, i, i, i / MANY);
	parts_end(parts, r);
}

/* The descriptors that a process has open. */
static int
descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 512; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* After test_many: 16 children at most, and none is left. */
static void
test_bounded(void **state)
{
	int before = descriptors(), one, all;
	struct cxireader *r;
	struct cxiparts *parts = parts_must(at("many.cxi"), &r);
	uint64_t i, row;
	struct fault f;
	int empty = descriptors();

	(void)state;
	assert_non_null(cxiparts_reader(parts, 0, &row, &f));
	one = descriptors() - empty;
	assert_true(one > 0);
	for (i = 0; i < 20; i++)
		assert_non_null(cxiparts_reader(parts, i, &row, &f));
	all = descriptors() - empty;
	assert_int_equal(all, 16 * one);
	parts_end(parts, r);
	assert_int_equal(descriptors(), before);
}

/* After test_many, and the last that needs its files. */
static void
test_eviction(void **state)
{
	struct cxireader *r;
	struct cxiparts *parts = parts_must(at("many.cxi"), &r);
	uint64_t i, row;
	struct fault f;

	(void)state;
	for (i = 0; i < 16; i++)
		event_check(parts, i, i, 0);
	event_check(parts, 0, 0, 0);
	/* One more takes the place of source 1; the others are still open. */
	event_check(parts, 16, 16, 0);
	for (i = 0; i < 17; i++)
		unlink(at("many%d.cxi", (int)i));
	for (i = 0; i < 17; i++)
		if (i != 1)
			event_check(parts, i, i, 0);
	assert_null(cxiparts_reader(parts, 1, &row, &f));
	words_check(&f, "many1.cxi");
	parts_end(parts, r);
}

static void
test_names(void **state)
{
	const char *const name = merged_new();
	struct cxiparts *parts;
	struct cxireader *r;
	char here[1024], text[2 * 300] = "", *real;
	hid_t type = text_type(1, H5T_CSET_UTF8, H5T_STR_NULLPAD);

	(void)state;
	/* Relative to the file, wherever we are, and if it is named by a link. */
	assert_non_null(getcwd(here, sizeof here));
	assert_int_equal(chdir(at("m/sub")), 0);
	parts = parts_must("../run.cxi", &r);
	path_check(parts, 0, sources[0]);
	path_check(parts, 1, sources[1]);
	event_check(parts, 1, 1, 0);
	parts_end(parts, r);
	assert_int_equal(chdir(here), 0);
	assert_int_equal(symlink("m/run.cxi", at("link.cxi")), 0);
	parts = parts_must(at("link.cxi"), &r);
	path_check(parts, 1, sources[1]);
	parts_end(parts, r);
	/* An absolute name is what it is; one may fill all of its room. */
	assert_int_equal(rename(sources[1], at("elsewhere.cxi")), 0);
	assert_non_null(real = realpath(at("elsewhere.cxi"), NULL));
	H5Tset_size(type, strlen(real));
	memcpy(text, "a.cxi", 5);
	memcpy(text + strlen(real), real, strlen(real));
	set_put(name, CXIPARTS_NAME, type, 2, H5S_UNLIMITED, text);
	H5Tclose(type);
	parts = parts_must(name, &r);
	path_check(parts, 0, sources[0]);
	assert_string_equal(cxiparts_source(parts, 1)->path, real);
	event_check(parts, 1, 1, 0);
	parts_end(parts, r);
	free(real);
}

/* ---- sources that are not what they were ---- */

static void
reader_refused(const char *name, uint64_t k, const char *words)
{
	struct cxireader *r;
	struct cxiparts *parts = parts_must(name, &r);
	struct fault f = { .text = "" };
	uint64_t row;
	int i;

	/* Whenever it is asked, and the other source is as before. */
	for (i = 0; i < 2; i++) {
		assert_null(cxiparts_reader(parts, k, &row, &f));
		words_check(&f, words);
		words_check(&f, "run.cxi");
		event_check(parts, 0, 0, 0);
	}
	parts_end(parts, r);
}

static void
test_missing(void **state)
{
	const char *const name = merged_new();

	(void)state;
	unlink(sources[1]);
	reader_refused(name, 1, "No such file");
	reader_refused(name, 1, "b.cxi");
}

static void
test_changed(void **state)
{
	const char *const name = merged_new();

	(void)state;
	file_make(sources[1], &plain, shots_a, N_OF(shots_a));
	reader_refused(name, 1, "has changed since");
	/* A merged file with as many events is not read as a source. */
	file_make(at("m/sub/c.cxi"), &plain, shots_b, N_OF(shots_b));
	merged_make(sources[1], false, (const char *const []){
	    at("m/sub/c.cxi") }, 1);
	reader_refused(name, 1, "has changed since");
}

/* ---- bad tables ---- */

static void
column_refused(const char *set, hid_t type, hsize_t rows, hsize_t max,
    const void *data, const char *words)
{
	const char *const name = merged_new();

	set_put(name, set, type, rows, max, data);
	load_refused(name, words);
}

static void
test_columns_missing(void **state)
{
	/* Without event_source it is no merged file at all. */
	static const char *const columns[] = { CXIPARTS_NAME, CXIPARTS_BYTES,
	    CXIPARTS_EVENTS, CXIPARTS_DIGEST, CXIPARTS_ROW };
	const char *name;
	char words[100];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(columns); i++) {
		name = merged_new();
		set_remove(name, columns[i]);
		snprintf(words, sizeof words, "%s: is not there as cximerge",
		    columns[i]);
		load_refused(name, words);
	}
	/* Nor in a file of cxiwrite. */
	load_refused(sources[0], CXIPARTS_NAME ": is not there as cximerge");
}

static void
test_columns_strange(void **state)
{
	static const uint64_t u64[EVENTS] = { 0 };
	const char *const words = ": is not there as cximerge";
	const char *name;
	hid_t file;

	(void)state;
	column_refused(CXIPARTS_NAME, H5T_STD_U64LE, 2, H5S_UNLIMITED, u64, words);
	column_refused(CXIPARTS_DIGEST, H5T_STD_U64LE, 2, H5S_UNLIMITED, u64, words);
	column_refused(CXIPARTS_BYTES, H5T_STD_U32LE, 2, H5S_UNLIMITED, u64, words);
	column_refused(CXIPARTS_EVENTS, H5T_STD_I64LE, 2, H5S_UNLIMITED, u64, words);
	column_refused(CXIPARTS_EVENTS, H5T_IEEE_F64LE, 2, H5S_UNLIMITED, u64,
	    words);
	column_refused(CXIPARTS_SOURCE, H5T_STD_I64LE, EVENTS, H5S_UNLIMITED, u64,
	    words);
	column_refused(CXIPARTS_SOURCE, H5T_STD_U32LE, EVENTS, H5S_UNLIMITED, u64,
	    words);
	/* Of a size that cannot grow. */
	column_refused(CXIPARTS_BYTES, H5T_STD_U64LE, 2, 2, u64, words);
	column_refused(CXIPARTS_SOURCE, H5T_STD_I32LE, EVENTS, EVENTS, u64, words);
	/* A group of that name. */
	name = merged_new();
	set_remove(name, CXIPARTS_BYTES);
	file = file_edit(name);
	H5Gclose(H5Gcreate2(file, CXIPARTS_BYTES, H5P_DEFAULT, H5P_DEFAULT,
	    H5P_DEFAULT));
	H5Fclose(file);
	load_refused(name, words);
}

static void
test_lengths(void **state)
{
	static const uint64_t u64[EVENTS] = { 2, 1, 0 };
	static const int32_t i32[EVENTS] = { 0 };
	static const char digests[3 * 17] = { 0 };
	const char *const words = "contradict each other";
	hid_t text = text_type(16, H5T_CSET_UTF8, H5T_STR_NULLPAD);

	(void)state;
	column_refused(CXIPARTS_BYTES, H5T_STD_U64LE, 1, H5S_UNLIMITED, u64, words);
	column_refused(CXIPARTS_BYTES, H5T_STD_U64LE, 3, H5S_UNLIMITED, u64, words);
	column_refused(CXIPARTS_EVENTS, H5T_STD_U64LE, 1, H5S_UNLIMITED, u64, words);
	column_refused(CXIPARTS_EVENTS, H5T_STD_U64LE, 3, H5S_UNLIMITED, u64, words);
	column_refused(CXIPARTS_SOURCE, H5T_STD_I32LE, 2, H5S_UNLIMITED, i32, words);
	column_refused(CXIPARTS_DIGEST, text, 1, H5S_UNLIMITED, digests, words);
	column_refused(CXIPARTS_DIGEST, text, 3, H5S_UNLIMITED, digests, words);
	/* A digest has 16 digits. */
	H5Tset_size(text, 17);
	column_refused(CXIPARTS_DIGEST, text, 2, H5S_UNLIMITED, digests, words);
	H5Tset_size(text, 15);
	column_refused(CXIPARTS_DIGEST, text, 2, H5S_UNLIMITED, digests, words);
	H5Tclose(text);
}

static void
test_out_of_range(void **state)
{
	static const int32_t bad[][EVENTS] = { { 0, 1, 2 }, { -1, 1, 0 },
	    { 0, INT32_MAX, 0 }, { 0, 1, INT32_MIN } };
	static const uint64_t rows[][EVENTS] = { { 0, 1, 1 }, { 0, 0, 2 },
	    { UINT64_MAX, 0, 1 } };
	static const uint64_t fewer[] = { 1, 1 };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++)
		column_refused(CXIPARTS_SOURCE, H5T_STD_I32LE, EVENTS,
		    H5S_UNLIMITED, bad[i], "contradict each other");
	for (i = 0; i < N_OF(rows); i++)
		column_refused(CXIPARTS_ROW, H5T_STD_U64LE, EVENTS, H5S_UNLIMITED,
		    rows[i], "contradict each other");
	column_refused(CXIPARTS_EVENTS, H5T_STD_U64LE, 2, H5S_UNLIMITED, fewer,
	    "contradict each other");
}

static void
test_damaged(void **state)
{
	const char *const name = merged_new();
	hsize_t rows = 2, max = H5S_UNLIMITED, chunk = 2, offset = 0;
	hid_t list = H5Pcreate(H5P_DATASET_CREATE), file, space, set;

	(void)state;
	set_remove(name, CXIPARTS_EVENTS);
	file = file_edit(name);
	space = H5Screate_simple(1, &rows, &max);
	H5Pset_chunk(list, 1, &chunk);
	H5Pset_deflate(list, 1);
	set = H5Dcreate2(file, CXIPARTS_EVENTS, H5T_STD_U64LE, space, H5P_DEFAULT,
	    list, H5P_DEFAULT);
	assert_true(H5Dwrite_chunk(set, H5P_DEFAULT, 0, &offset, 7, "garbage") >= 0);
	H5Dclose(set);
	H5Sclose(space);
	H5Pclose(list);
	H5Fclose(file);
	load_refused(name, CXIPARTS_EVENTS);
	load_refused(name, name);
}

static int
setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	return dir_make(state);
}

#define TEST(what, function) { what, function, NULL, NULL, NULL }

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("the tables tell of each source what it was", test_load),
		TEST("the reader of an event is that of its source, and its row",
		    test_reader),
		TEST("more sources than are open at a time are read", test_many),
		TEST("16 sources are open at a time, none after the end",
		    test_bounded),
		TEST("the source that was used longest ago makes way",
		    test_eviction),
		TEST("names are relative to the file, or absolute", test_names),
		TEST("a source that is missing has no reader", test_missing),
		TEST("nor has one that is not what it was", test_changed),
		TEST("a table that is missing is refused", test_columns_missing),
		TEST("so is one of another type or shape", test_columns_strange),
		TEST("tables of different lengths contradict each other",
		    test_lengths),
		TEST("sources and rows that are not there contradict the tables",
		    test_out_of_range),
		TEST("a table that cannot be read is refused", test_damaged),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, dir_remove);
}
