/*
 * Joining CXI files, as join.h promises: which of them fit together, the order of
 * their events however they are spread over files, and the digest of their peaks.
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

/* ---- what fits ---- */

static const struct shot one[] = { { 1, SECOND(1), 2 } };
static const struct shot two[] = { { 2, SECOND(2), 1 } };

/* Makes a.cxi as is plain and b.cxi of a recipe, and joins them. */
static int
pair_join(const struct recipe *b, struct join *j, struct fault *f)
{
	const char *const paths[] = { at("a.cxi"), at("b.cxi") };

	memset(j, 0, sizeof *j);
	file_make(paths[0], &plain, one, 1);
	file_make(paths[1], b, two, 1);
	return join_try(j, paths, 2, f);
}

static void
pair_refused(const struct recipe *b, const char *words)
{
	struct fault f;
	struct join j;

	if (pair_join(b, &j, &f) != -1)
		fail_msg("taken, though it should be refused: %s", words);
	words_check(&f, words);
	words_check(&f, at("a.cxi"));
	words_check(&f, at("b.cxi"));
	join_free(&j);
}

static void
pair_fits(const struct recipe *b, const char *options, const char *stream)
{
	struct fault f;
	struct join j;

	if (pair_join(b, &j, &f) == -1)
		fail_msg("%s", f.text);
	assert_int_equal(j.n_sources, 2);
	assert_int_equal(j.n_rows, 2);
	assert_string_equal(j.options, options);
	assert_string_equal(j.stream, stream);
	join_free(&j);
}

static void
test_one(void **state)
{
	const struct shot shots[] = { { 5, SECOND(9), 1 }, { 6, SECOND(7), 0 },
	    { 8, 0, 4 } };
	const char *const path = at("one.cxi");
	struct stat st;
	struct join j;

	(void)state;
	file_make(path, &plain, shots, N_OF(shots));
	join_make(&j, &path, 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(j.n_sources, 1);
	assert_string_equal(j.sources[0].path, path);
	assert_int_equal(j.sources[0].bytes, st.st_size);
	assert_int_equal(j.sources[0].events, 3);
	assert_int_equal(strlen(j.sources[0].digest), CXIPARTS_DIGEST_SIZE - 1);
	assert_int_equal(j.n_rows, 3);
	assert_int_equal(j.rows[0].number, 5);
	assert_int_equal(j.rows[0].timestamp, SECOND(9));
	assert_true(j.rows[0].timed && j.rows[1].timed && !j.rows[2].timed);
	assert_int_equal(j.rows[2].row, 2);
	assert_int_equal(j.n_streams, 1);
	assert_string_equal(j.streams[0].text, STREAM_A);
	assert_true(j.streams[0].timed);
	assert_true(j.streams[0].numbered);
	assert_int_equal(j.streams[0].first, SECOND(7));
	assert_string_equal(j.program, plain.program);
	assert_string_equal(j.options, plain.options);
	assert_string_equal(j.stream, plain.stream);
	assert_non_null(cxisets_find(&j.sets, "/LCLS/eventNumber"));
	join_free(&j);
}

static void
test_freed(void **state)
{
	const char *const path = at("one.cxi");
	const struct join empty = { .n_rows = 0 };
	struct fault f;
	struct join j;

	(void)state;
	file_make(path, &plain, one, 1);
	join_make(&j, &path, 1);
	join_free(&j);
	assert_memory_equal(&j, &empty, sizeof j);
	assert_int_equal(join_order(&j, &f), 0);
	join_free(&j);
	/* And it can be filled once more. */
	join_make(&j, &path, 1);
	assert_int_equal(j.n_rows, 1);
	join_free(&j);
}

static void
test_free_options(void **state)
{
	struct recipe r = plain;

	(void)state;
	r.options = "cxiwrite.n=99\ncxiwrite.m=1\ncxiwrite.z=gzip\n";
	pair_fits(&r, "cxiwrite.m=1\n", STREAM_A);
}

static void
test_bound_options(void **state)
{
	struct recipe r = plain;

	(void)state;
	r.options = "cxiwrite.m=2\ncxiwrite.n=4\n";
	pair_refused(&r, "made with cxiwrite.m=2,");
	r.options = "cxiwrite.n=4\n";
	pair_refused(&r, "made with cxiwrite.m=1,");
	r.options = "cxiwrite.m=1\ncxiwrite.n=4\ncxiwrite.d=1\n";
	pair_refused(&r, "made with cxiwrite.d=1,");
	/* Longer names and values than those that may differ, or that are there. */
	r.options = "cxiwrite.m=1\ncxiwrite.nn=4\n";
	pair_refused(&r, "made with cxiwrite.nn=4,");
	r.options = "cxiwrite.m=10\n";
	pair_refused(&r, "made with cxiwrite.m=10,");
}

static void
test_free_facts(void **state)
{
	struct recipe r = plain;

	(void)state;
	r.stream = "q2cat.w=1\nrun=8\ndetector=epix\ncapture=b\n";
	pair_fits(&r, plain.options, "detector=epix\nq2cat.w=1\n");
}

static void
test_bound_facts(void **state)
{
	struct recipe r = plain;

	(void)state;
	r.stream = "detector=jungfrau\nrun=7\nq2cat.w=1\n";
	pair_refused(&r, "made with detector=jungfrau,");
	r.stream = "detector=epix\nrun=7\nq2cat.w=2\n";
	pair_refused(&r, "made with q2cat.w=2,");
	r.stream = "detector=epix\nrun=7\n";
	pair_refused(&r, "made with q2cat.w=1,");
	r.stream = "run=7\nq2cat.w=1\n";
	pair_refused(&r, "made with detector=epix,");
	r.stream = STREAM_A "peakfind.a=3\n";
	pair_refused(&r, "made with peakfind.a=3,");
}

/* experiment_identifier then has texts of two lengths. */
static void
test_runs_of_two_lengths(void **state)
{
	const char *const paths[] = { at("a.cxi"), at("b.cxi") };
	struct join j = { .n_rows = 0 };
	struct recipe r = plain;
	struct fault f;

	(void)state;
	r.stream = "detector=epix\nrun=9\n";
	r.run = "9";
	file_make(paths[0], &r, one, 1);
	r.stream = "detector=epix\nrun=10\n";
	r.run = "10";
	file_make(paths[1], &r, two, 1);
	if (join_try(&j, paths, 2, &f) == -1)
		fail_msg("%s", f.text);
	join_free(&j);
}

static void
test_program(void **state)
{
	struct recipe r = plain;

	(void)state;
	r.program = "cxiwrite 0.2";
	pair_refused(&r, "made by cxiwrite 0.2,");
}

static void
test_datasets(void **state)
{
	struct recipe r = plain;

	(void)state;
	r.quantities |= QUANTITY_ENCODER;
	pair_refused(&r, "it has /LCLS/detector_1/EncoderValue");
	r.quantities = 0;
	pair_refused(&r, "has /LCLS/detector_1/timestamp, it has not");
	r = plain;
	r.image = IMAGE_I32;
	pair_refused(&r, "is (N, 12, 7) i32");
	r = plain;
	r.capacity = CAPACITY - 1;
	pair_refused(&r, "is (N, 3) f32");
}

static void
test_units(void **state)
{
	const char *const paths[] = { at("a.cxi"), at("b.cxi") };
	struct join j = { .n_rows = 0 };
	struct fault f;
	hid_t file;

	(void)state;
	file_make(paths[0], &plain, one, 1);
	file_make(paths[1], &plain, two, 1);
	file = file_edit(paths[1]);
	assert_true(H5Adelete_by_name(file, "/LCLS/machineTime", "units",
	    H5P_DEFAULT) >= 0);
	H5Fclose(file);
	assert_int_equal(join_try(&j, paths, 2, &f), -1);
	words_check(&f, "its /LCLS/machineTime is (N) i64, that of");
	words_check(&f, "is (N) i64 in s");
	join_free(&j);
}

/* A dataset of f64, of two rows at most or without limit, beside one of those. */
static void
rival_refused(hid_t type, hsize_t rows, hsize_t max, bool limit, const char *words)
{
	static const double values[4] = { 0 };
	const char *const paths[] = { at("a.cxi"), at("b.cxi") };
	struct join j = { .n_rows = 0 };
	struct fault f;

	file_make(paths[0], &plain, one, 1);
	file_make(paths[1], &plain, two, 1);
	set_put(paths[0], "/LCLS/other", H5T_IEEE_F64LE, limit ? 2 : 1,
	    limit ? 2 : H5S_UNLIMITED, values);
	set_put(paths[1], "/LCLS/other", type, rows, max, values);
	assert_int_equal(join_try(&j, paths, 2, &f), -1);
	words_check(&f, "its /LCLS/other is ");
	words_check(&f, words);
	join_free(&j);
}

static void
test_shapes(void **state)
{
	(void)state;
	rival_refused(H5T_IEEE_F32LE, 1, H5S_UNLIMITED, false, "is (N) f32");
	rival_refused(H5T_STD_I64LE, 1, H5S_UNLIMITED, false, "is (N) i64");
	rival_refused(H5T_IEEE_F64LE, 1, 1, false, "is (1) f64");
	rival_refused(H5T_IEEE_F64LE, 3, 3, true, "is (3) f64");
}

/* What has no row an event: two numbers in a.cxi, and in b.cxi two with this one. */
static int
values_join(int32_t last, struct fault *f)
{
	const char *const paths[] = { at("a.cxi"), at("b.cxi") };
	const int32_t a[] = { 4, 5 }, b[] = { 4, last };
	struct join j = { .n_rows = 0 };
	int status;

	file_make(paths[0], &plain, one, 1);
	file_make(paths[1], &plain, two, 1);
	set_put(paths[0], "/LCLS/note", H5T_STD_I32LE, 2, 2, a);
	set_put(paths[1], "/LCLS/note", H5T_STD_I32LE, 2, 2, b);
	status = join_try(&j, paths, 2, f);
	join_free(&j);
	return status;
}

static void
test_values(void **state)
{
	struct fault f;

	(void)state;
	if (values_join(5, &f) == -1)
		fail_msg("%s", f.text);
	assert_int_equal(values_join(6, &f), -1);
	words_check(&f, "b.cxi: does not fit: its /LCLS/note has other values than"
	    " that of");
	words_check(&f, at("a.cxi"));
}

/* A second name in one of them is a dataset of its own in the other. */
static void
test_second_names(void **state)
{
	const char *const paths[] = { at("a.cxi"), at("b.cxi") };
	const char *const swapped[] = { paths[1], paths[0] };
	const char *const name = "/entry_1/result_1/peakMaximumValue";
	struct join j = { .n_rows = 0 };
	struct fault f;
	hid_t file;

	(void)state;
	file_make(paths[0], &plain, one, 1);
	file_make(paths[1], &plain, two, 1);
	set_remove(paths[1], name);
	file = file_edit(paths[1]);
	assert_true(H5Ocopy(file, "/entry_1/result_1/peakMaxIntensity", file, name,
	    H5P_DEFAULT, H5P_DEFAULT) >= 0);
	H5Fclose(file);
	assert_int_equal(join_try(&j, paths, 2, &f), -1);
	words_check(&f, "its /entry_1/result_1/peakMaximumValue and that of");
	join_free(&j);
	assert_int_equal(join_try(&j, swapped, 2, &f), -1);
	words_check(&f, "its /entry_1/result_1/peakMaximumValue and that of");
	join_free(&j);
	/* Of another one. */
	file = file_edit(paths[1]);
	assert_true(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
	assert_true(H5Lcreate_hard(file, "/entry_1/result_1/peakSNR", file, name,
	    H5P_DEFAULT, H5P_DEFAULT) >= 0);
	H5Fclose(file);
	assert_int_equal(join_try(&j, paths, 2, &f), -1);
	words_check(&f, "its /entry_1/result_1/peak");
	join_free(&j);
}

static void
test_storage(void **state)
{
	struct recipe r = plain;

	(void)state;
	r.compression = CXI_GZIP;
	pair_fits(&r, plain.options, plain.stream);
	/* Texts of other lengths are datasets of other types. */
	r.options = "cxiwrite.m=1\ncxiwrite.n=40000\n";
	pair_fits(&r, "cxiwrite.m=1\n", plain.stream);
}

/* ---- what cannot be taken at all ---- */

static void
single_refused(const char *path, const char *words)
{
	const char *const paths[] = { at("good.cxi"), path };
	struct join j = { .n_rows = 0 };
	struct fault f;

	assert_int_equal(join_try(&j, &path, 1, &f), -1);
	words_check(&f, words);
	words_check(&f, path);
	join_free(&j);
	/* Behind a good one too. */
	file_make(paths[0], &plain, one, 1);
	assert_int_equal(join_try(&j, paths, 2, &f), -1);
	words_check(&f, path);
	join_free(&j);
}

static void
test_unreadable(void **state)
{
	const char *const path = at("bad.cxi"), *tmp = at("bad.cxi.tmp");
	FILE *out;

	(void)state;
	single_refused(path, "No such file");
	assert_non_null(out = fopen(path, "w"));
	fputs("no HDF5", out);
	fclose(out);
	single_refused(path, "bad.cxi");
	file_make(path, &plain, two, 1);
	assert_int_equal(truncate(path, 3000), 0);
	single_refused(path, "bad.cxi");
	file_make(tmp, &plain, two, 1);
	single_refused(tmp, "unfinished");
}

static void
test_foreign(void **state)
{
	static const char *const lacking[] = { "/LCLS/eventNumber",
	    "/entry_1/process_1/program", "/entry_1/process_1/stream" };
	const char *const path = at("foreign.cxi");
	const uint64_t number = 2;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(lacking); i++) {
		file_make(path, &plain, two, 1);
		set_remove(path, lacking[i]);
		single_refused(path, "not a file of cxiwrite");
	}
	file_make(path, &plain, two, 1);
	set_put(path, "/LCLS/eventNumber", H5T_STD_U64LE, 1, 1, &number);
	single_refused(path, "not a file of cxiwrite");
}

static void
test_merged(void **state)
{
	const char *const path = at("merged.cxi");
	const uint64_t row = 0;
	hid_t file;

	(void)state;
	file_make(path, &plain, two, 1);
	file = file_edit(path);
	H5Gclose(H5Gcreate2(file, CXIPARTS_GROUP, H5P_DEFAULT, H5P_DEFAULT,
	    H5P_DEFAULT));
	H5Fclose(file);
	set_put(path, CXIPARTS_ROW, H5T_STD_U64LE, 1, H5S_UNLIMITED, &row);
	single_refused(path, "is a merged file");
}

/* HDF5 has no way from one character set to the other. */
static void
test_foreign_texts(void **state)
{
	static const struct { H5T_cset_t characters; H5T_str_t padding; } kinds[] = {
		{ H5T_CSET_ASCII, H5T_STR_NULLPAD },
		{ H5T_CSET_UTF8, H5T_STR_NULLTERM },
		{ H5T_CSET_UTF8, H5T_STR_SPACEPAD } };
	const char *const path = at("foreign.cxi"), text[] = "mfx12-r9";
	hid_t type;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(kinds); i++) {
		file_make(path, &plain, two, 1);
		type = text_type(sizeof text, kinds[i].characters,
		    kinds[i].padding);
		set_put(path, "/LCLS/other", type, 1, H5S_UNLIMITED, text);
		H5Tclose(type);
		single_refused(path, "/LCLS/other: text of another character set or"
		    " padding than cxiwrite's");
	}
}

static void
test_rows(void **state)
{
	const char *const path = at("lopsided.cxi");
	const double two_of_them[] = { 1, 2 };

	(void)state;
	file_make(path, &plain, two, 1);
	set_put(path, "/LCLS/other", H5T_IEEE_F64LE, 2, H5S_UNLIMITED, two_of_them);
	single_refused(path, "/LCLS/other has 2 rows, but there are 1 events");
}

static void
test_virtual(void **state)
{
	const char *const path = at("virtual.cxi");
	hsize_t rows = 1, max = H5S_UNLIMITED;
	hid_t file, list, space, set;

	(void)state;
	file_make(path, &plain, two, 1);
	file = file_edit(path);
	space = H5Screate_simple(1, &rows, &max);
	list = H5Pcreate(H5P_DATASET_CREATE);
	H5Pset_virtual(list, space, "other.cxi", "/x", space);
	set = H5Dcreate2(file, "/LCLS/other", H5T_IEEE_F64LE, space, H5P_DEFAULT,
	    list, H5P_DEFAULT);
	assert_true(set >= 0);
	H5Dclose(set);
	H5Pclose(list);
	H5Sclose(space);
	H5Fclose(file);
	single_refused(path, "/LCLS/other is a virtual dataset");
}

static void
test_stop(void **state)
{
	const char *const path = at("one.cxi");
	const volatile int stop = 1;
	struct join j = { .n_rows = 0 };
	struct fault f;

	(void)state;
	file_make(path, &plain, one, 1);
	assert_int_equal(join_add(&j, &path, 1, &stop, &f), -1);
	words_check(&f, "stopped");
	assert_int_equal(j.n_rows, 0);
	join_free(&j);
}

/* ---- the order ---- */

static void
order_check(const struct join *j, const uint64_t *numbers, size_t n)
{
	size_t i;

	assert_int_equal(j->n_rows, n);
	for (i = 0; i < n; i++)
		if (j->rows[i].number != numbers[i])
			fail_msg("place %zu has event %llu, not %llu", i,
			    (unsigned long long)j->rows[i].number,
			    (unsigned long long)numbers[i]);
}

/* A row is what its source has there. */
static void
rows_check(const struct join *j, const struct shot *const shots[])
{
	const struct join_row *r = j->rows;
	size_t i;

	for (i = 0; i < j->n_rows; i++, r++) {
		assert_int_equal(r->number, shots[r->source][r->row].number);
		assert_int_equal(r->timestamp, shots[r->source][r->row].timestamp);
		assert_int_equal(r->stream, j->sources[r->source].stream);
	}
}

static void
test_by_number(void **state)
{
	/* Timestamps fall as numbers rise: they have no say in a stream. */
	const struct shot a[] = { { 0, SECOND(50), 0 }, { 3, SECOND(40), 0 },
	    { UINT64_C(1) << 60, SECOND(2), 0 } };
	const struct shot b[] = { { 4, SECOND(30), 0 }, { 1, SECOND(45), 0 } };
	const struct shot *const shots[] = { a, b };
	const uint64_t numbers[] = { 0, 1, 3, 4, UINT64_C(1) << 60 };
	const char *const paths[] = { at("a.cxi"), at("b.cxi") };
	struct join j;

	(void)state;
	file_make(paths[0], &plain, a, N_OF(a));
	file_make(paths[1], &plain, b, N_OF(b));
	join_make(&j, paths, 2);
	assert_int_equal(j.n_streams, 1);
	assert_true(j.streams[0].numbered);
	order_check(&j, numbers, N_OF(numbers));
	rows_check(&j, shots);
	join_free(&j);
}

enum { SPREAD = 150 };

/* Events in two streams over n files of each, dealt out in turn. */
static void
spread_make(size_t n, const char *const paths[], uint64_t *numbers)
{
	static struct shot shots[SPREAD];
	struct recipe r = plain;
	size_t i, k, s, m;
	struct join j;

	for (s = 0; s < 2; s++)
		for (i = 0; i < n; i++) {
			for (k = i, m = 0; k < SPREAD; k += n)
				shots[m++] = (struct shot){ 1000 * s + k,
				    SECOND(500 - 400 * s + k), (uint32_t)k % 3 };
			r.stream = s == 0 ? STREAM_A : STREAM_B;
			file_make(paths[s * n + i], &r, shots, m);
		}
	join_make(&j, paths, 2 * n);
	assert_int_equal(j.n_rows, 2 * SPREAD);
	assert_int_equal(j.n_streams, 2);
	for (i = 0; i < 2 * SPREAD; i++)
		numbers[i] = j.rows[i].number;
	join_free(&j);
}

static void
test_spread(void **state)
{
	const char *const paths[] = { at("0.cxi"), at("1.cxi"), at("2.cxi"),
	    at("3.cxi"), at("4.cxi"), at("5.cxi") };
	uint64_t numbers[2 * SPREAD];
	size_t n, i;

	(void)state;
	for (n = 1; n <= 3; n++) {
		spread_make(n, paths, numbers);
		/* The second stream is the earlier one. */
		for (i = 0; i < SPREAD; i++) {
			assert_int_equal(numbers[i], 1000 + i);
			assert_int_equal(numbers[SPREAD + i], i);
		}
	}
}

/* Two streams of two events each, and which of them comes first. */
static void
streams_check(const uint64_t a[2], const uint64_t b[2], bool a_first)
{
	const struct shot x[] = { { 10, a[0], 0 }, { 11, a[1], 0 } };
	const struct shot y[] = { { 10, b[0], 0 }, { 11, b[1], 0 } };
	const char *const paths[] = { at("x.cxi"), at("y.cxi") };
	struct recipe r = plain;
	struct join j;

	file_make(paths[0], &plain, x, 2);
	r.stream = STREAM_B;
	file_make(paths[1], &r, y, 2);
	join_make(&j, paths, 2);
	assert_int_equal(j.n_streams, 2);
	assert_string_equal(j.streams[a_first ? 0 : 1].text, STREAM_A);
	assert_string_equal(j.streams[a_first ? 1 : 0].text, STREAM_B);
	assert_int_equal(j.sources[0].stream, a_first ? 0 : 1);
	assert_int_equal(j.sources[1].stream, a_first ? 1 : 0);
	assert_int_equal(j.rows[0].source, a_first ? 0 : 1);
	assert_int_equal(j.rows[1].source, a_first ? 0 : 1);
	assert_int_equal(j.rows[2].source, a_first ? 1 : 0);
	join_free(&j);
}

static void
test_streams(void **state)
{
	const uint64_t early[] = { SECOND(5), SECOND(6) };
	const uint64_t late[] = { SECOND(7), SECOND(8) };
	const uint64_t falls[] = { SECOND(9), SECOND(1) };
	const uint64_t fine[] = { SECOND(5) + 1, SECOND(6) };

	(void)state;
	streams_check(early, late, true);
	streams_check(late, early, false);
	/* The least of any event counts, not that of the first one. */
	streams_check(early, falls, false);
	streams_check(falls, early, true);
	streams_check(fine, early, false);
}

static void
test_equal_streams(void **state)
{
	const uint64_t early[] = { SECOND(5), SECOND(6) };
	const uint64_t again[] = { SECOND(5), SECOND(5) + 9 };

	(void)state;
	streams_check(early, again, true);
	streams_check(again, early, true);
}

static void
test_untimed_streams(void **state)
{
	const uint64_t none[] = { 0, 0 }, one_of_two[] = { 0, SECOND(4) };
	const uint64_t early[] = { SECOND(5), SECOND(6) };

	(void)state;
	streams_check(early, none, true);
	streams_check(none, early, true);
	streams_check(none, none, true);
	/* One event of it is enough. */
	streams_check(early, one_of_two, false);
}

static void
test_by_time(void **state)
{
	/* Two captures with the same facts, their numbers both from 0. */
	const struct shot a[] = { { 0, SECOND(20), 0 }, { 1, SECOND(21), 0 },
	    { 2, SECOND(22), 0 } };
	const struct shot b[] = { { 0, SECOND(10), 0 }, { 1, SECOND(21) + 1, 0 },
	    { 7, SECOND(11), 0 }, { 5, SECOND(11), 0 } };
	/* Another stream, which its numbers sort. */
	const struct shot c[] = { { 1, SECOND(31), 0 }, { 0, SECOND(32), 0 } };
	const struct shot *const shots[] = { a, b, c };
	const uint64_t numbers[] = { 0, 5, 7, 0, 1, 1, 2, 0, 1 };
	const char *const paths[] = { at("a.cxi"), at("b.cxi"), at("c.cxi") };
	struct recipe r = plain;
	struct join j;

	(void)state;
	file_make(paths[0], &plain, a, N_OF(a));
	file_make(paths[1], &plain, b, N_OF(b));
	r.stream = STREAM_B;
	file_make(paths[2], &r, c, N_OF(c));
	join_make(&j, paths, 3);
	assert_false(j.streams[0].numbered);
	assert_true(j.streams[1].numbered);
	order_check(&j, numbers, N_OF(numbers));
	rows_check(&j, shots);
	assert_int_equal(j.rows[0].source, 1);
	assert_int_equal(j.rows[4].source, 0);
	assert_int_equal(j.rows[5].source, 1);
	join_free(&j);
}

/* Event 3 of file x, in row 1, and event 3 of file y, in row 0. */
static int
twice_join(uint64_t a, uint64_t b, const char *stream, struct join *j,
    struct fault *f)
{
	const struct shot x[] = { { 2, SECOND(2), 0 }, { 3, a, 0 } };
	const struct shot y[] = { { 3, b, 0 }, { 9, SECOND(9), 0 } };
	const char *const paths[] = { at("x.cxi"), at("y.cxi") };
	struct recipe r = plain;

	memset(j, 0, sizeof *j);
	file_make(paths[0], &plain, x, 2);
	r.stream = stream;
	file_make(paths[1], &r, y, 2);
	assert_int_equal(join_try(j, paths, 2, f), 0);
	return join_order(j, f);
}

static void
test_twice(void **state)
{
	struct fault f;
	struct join j;

	(void)state;
	assert_int_equal(twice_join(SECOND(3), SECOND(3), STREAM_A, &j, &f), -1);
	words_check(&f, "event 3 occurs twice: it is row 1 of ");
	words_check(&f, at("x.cxi"));
	words_check(&f, "and row 0 of ");
	words_check(&f, at("y.cxi"));
	assert_null(strstr(f.text, "q2cat -k"));
	join_free(&j);
	/* Another timestamp, or another stream, and it is another event. */
	assert_int_equal(twice_join(SECOND(3), SECOND(3) + 1, STREAM_A, &j, &f), 0);
	join_free(&j);
	assert_int_equal(twice_join(SECOND(3), SECOND(3), STREAM_B, &j, &f), 0);
	join_free(&j);
}

static void
test_twice_untimed(void **state)
{
	static const uint64_t times[][2] = { { 0, 0 }, { 0, SECOND(3) },
	    { SECOND(3), 0 } };
	struct fault f;
	struct join j;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(times); i++) {
		assert_int_equal(twice_join(times[i][0], times[i][1], STREAM_A, &j,
		    &f), -1);
		words_check(&f, "event 3 occurs twice");
		words_check(&f, "a fact each, q2cat -k");
		join_free(&j);
	}
	assert_int_equal(twice_join(0, 0, STREAM_B, &j, &f), 0);
	join_free(&j);
}

/* ---- the digest ---- */

static void
digest_of(const char *path, char digest[CXIPARTS_DIGEST_SIZE])
{
	struct cxireader *r;
	struct fault f;

	if (cxireader_open_alone(path, NULL, &r, &f) == -1 ||
	    join_digest(r, digest, &f) == -1)
		fail_msg("%s", f.text);
	cxireader_close(r);
}

static const struct shot three[] = { { 7, SECOND(1), 2 }, { 8, 0, 0 },
    { UINT64_C(0x0102030405060708), SECOND(3), 1 } };

/*
 * Python's hashlib of what joinfiles.h puts into the file:
 *	pack('<QI', 7, 2) + pack('<3f', 1.5, 1.25, 7) + pack('<3f', 2.5, 2.25, 7.125) +
 *	pack('<QI', 8, 0) + pack('<QI', 0x0102030405060708, 1) +
 *	pack('<3f', 0.5, 1.25, 0x0102030405060708)
 */
static void
test_digest(void **state)
{
	const char *const path = at("digest.cxi");
	char digest[CXIPARTS_DIGEST_SIZE];
	struct join j;

	(void)state;
	file_make(path, &plain, three, N_OF(three));
	digest_of(path, digest);
	assert_string_equal(digest, "e3d1135dab5b0fe4");
	join_make(&j, &path, 1);
	assert_string_equal(j.sources[0].digest, digest);
	join_free(&j);
}

static void
test_digest_unknown(void **state)
{
	const char *const path = at("digest.cxi");
	const uint32_t nan = 0xffc01234;
	char digest[CXIPARTS_DIGEST_SIZE];
	struct recipe r = plain;
	hid_t file, set;
	float row[1][CAPACITY];

	(void)state;
	/* Without an image no intensity is known. */
	r.image = IMAGE_NONE;
	file_make(path, &r, three, 1);
	digest_of(path, digest);
	assert_string_equal(digest, "58e255fc07fe8590");
	/* Any NaN is as good. */
	file_make(path, &plain, three, 1);
	memcpy(&row[0][0], &nan, sizeof nan);
	memcpy(&row[0][1], &nan, sizeof nan);
	row[0][2] = row[0][3] = 0;
	file = file_edit(path);
	set = H5Dopen2(file, "/entry_1/result_1/peakTotalIntensity", H5P_DEFAULT);
	assert_true(H5Dwrite(set, H5T_IEEE_F32LE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
	    row) >= 0);
	H5Dclose(set);
	H5Fclose(file);
	digest_of(path, digest);
	assert_string_equal(digest, "58e255fc07fe8590");
}

/* nPeaks in a storage chunk that is not packed as it says. */
static void
counts_damage(const char *path)
{
	hsize_t rows = 1, max = H5S_UNLIMITED, offset = 0;
	hid_t list = H5Pcreate(H5P_DATASET_CREATE), file, space, set;

	set_remove(path, "/entry_1/result_1/nPeaks");
	file = file_edit(path);
	space = H5Screate_simple(1, &rows, &max);
	H5Pset_chunk(list, 1, &rows);
	H5Pset_deflate(list, 1);
	set = H5Dcreate2(file, "/entry_1/result_1/nPeaks", H5T_STD_I32LE, space,
	    H5P_DEFAULT, list, H5P_DEFAULT);
	assert_true(H5Dwrite_chunk(set, H5P_DEFAULT, 0, &offset, 7, "garbage") >= 0);
	H5Dclose(set);
	H5Sclose(space);
	H5Pclose(list);
	H5Fclose(file);
}

static void
test_digest_error(void **state)
{
	const char *const path = at("digest.cxi");
	char digest[CXIPARTS_DIGEST_SIZE];
	struct cxireader *r;
	struct fault f = { .text = "" };

	(void)state;
	file_make(path, &plain, three, 1);
	counts_damage(path);
	assert_int_equal(cxireader_open_alone(path, NULL, &r, &f), 0);
	assert_int_equal(join_digest(r, digest, &f), -1);
	words_check(&f, path);
	words_check(&f, "nPeaks");
	cxireader_close(r);
	single_refused(path, "nPeaks");
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
		TEST("a file is a source, each of its rows an event", test_one),
		TEST("a join that was freed is an empty one", test_freed),
		TEST("options -n and -z of cxiwrite may differ, common lines stay",
		    test_free_options),
		TEST("other options of cxiwrite may not", test_bound_options),
		TEST("facts may differ, the run too, common lines stay",
		    test_free_facts),
		TEST("the detector and options of programs may not",
		    test_bound_facts),
		TEST("runs 9 and 10 fit together", test_runs_of_two_lengths),
		TEST("another version of cxiwrite is refused", test_program),
		TEST("other datasets, types and shapes are refused", test_datasets),
		TEST("so are shapes that look alike", test_shapes),
		TEST("other units are refused", test_units),
		TEST("other values of what is not a row an event are refused",
		    test_values),
		TEST("so are second names of other datasets", test_second_names),
		TEST("compression and lengths of texts may differ", test_storage),
		TEST("what is missing, damaged or unfinished is refused, by name",
		    test_unreadable),
		TEST("what cxiwrite did not write is refused", test_foreign),
		TEST("a merged file is refused", test_merged),
		TEST("texts of other character sets or paddings are refused",
		    test_foreign_texts),
		TEST("a dataset with more rows than events is refused", test_rows),
		TEST("a virtual dataset is refused", test_virtual),
		TEST("nothing is added after a stop", test_stop),
		TEST("events of a stream come in the order of their numbers",
		    test_by_number),
		TEST("the order does not depend on how events are spread",
		    test_spread),
		TEST("streams come in the order of their earliest timestamps",
		    test_streams),
		TEST("streams with equal timestamps come as they were added",
		    test_equal_streams),
		TEST("streams come as they were added if one has no timestamp",
		    test_untimed_streams),
		TEST("a stream in which a number occurs twice is sorted by time",
		    test_by_time),
		TEST("an event that occurs twice is an error that names both places",
		    test_twice),
		TEST("without timestamps the number alone counts",
		    test_twice_untimed),
		TEST("the digest is that of the page", test_digest),
		TEST("an intensity that is unknown is one NaN in the digest",
		    test_digest_unknown),
		TEST("a peak list that cannot be read has no digest",
		    test_digest_error),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, dir_remove);
}
