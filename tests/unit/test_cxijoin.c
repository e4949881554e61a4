/*
 * One CXI file of many, as cxijoin.h and cximerge(1) promise: virtual or a copy, its
 * rows are those of the sources in the order of the join. It is read back by HDF5.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cmocka.h>

#include "format/cxijoin_impl.h"
#include "joinfiles.h"

#define SECOND(n) ((uint64_t)(n) << 32)
#define NUMBER "/LCLS/eventNumber"
#define IMAGE "/entry_1/data_1/data"
#define RESULT "/entry_1/result_1/"

/* Rows of the sources take turns, and one source has them in another order. */
static const struct shot shots_a[] = { { 4, SECOND(4), 1 }, { 0, SECOND(1), 2 },
    { 1, SECOND(2), 0 } };
static const struct shot shots_b[] = { { 2, SECOND(3), 3 }, { 5, SECOND(5), 4 } };
static const struct shot shots_c[] = { { 0, SECOND(90), 1 } };
static const uint64_t numbers[] = { 0, 1, 2, 4, 5, 0 };
static const int32_t source_of[] = { 0, 0, 1, 0, 1, 2 };
static const uint64_t row_of[] = { 1, 2, 0, 0, 1, 0 };

enum { EVENTS = N_OF(numbers) };

static const char *sources[3];

static void
sources_make(const char *sub, enum cxi_compression compression)
{
	struct recipe r = plain;

	mkdir(at("%s", sub), 0700);
	sources[0] = at("%s/a.cxi", sub);
	sources[1] = at("%s/b.cxi", sub);
	sources[2] = at("%s/c.cxi", sub);
	r.compression = compression;
	file_make(sources[0], &r, shots_a, N_OF(shots_a));
	r.options = "cxiwrite.m=1\ncxiwrite.n=8\n";
	file_make(sources[1], &r, shots_b, N_OF(shots_b));
	r.stream = STREAM_B;
	file_make(sources[2], &r, shots_c, N_OF(shots_c));
}

/* A dataset as it is in the file, and its size; the caller frees. */
static void *
set_read(const char *name, const char *set, size_t *bytes)
{
	hid_t file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
	hid_t id = H5Dopen2(file, set, H5P_DEFAULT), type, space;
	char *data;

	if (id < 0)
		fail_msg("%s: no %s", name, set);
	type = H5Dget_type(id);
	space = H5Dget_space(id);
	*bytes = H5Tget_size(type) * (size_t)H5Sget_simple_extent_npoints(space);
	data = calloc(1, *bytes + 1);
	if (H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
		fail_msg("%s: %s cannot be read", name, set);
	H5Sclose(space);
	H5Tclose(type);
	H5Dclose(id);
	H5Fclose(file);
	return data;
}

static void
set_check(const char *name, const char *set, const void *expect, size_t size)
{
	size_t bytes;
	void *data = set_read(name, set, &bytes);

	assert_int_equal(bytes, size);
	assert_memory_equal(data, expect, size);
	free(data);
}

static void
text_check(const char *name, const char *set, const char *text)
{
	size_t bytes;
	char *data = set_read(name, set, &bytes);

	assert_string_equal(data, text);
	free(data);
}

/* Numbers, peaks and images, an event each. */
static void
events_check(const char *name)
{
	static const struct shot *const shots[] = { shots_a, shots_b, shots_c };
	size_t bytes, i, k;
	float *image = set_read(name, IMAGE, &bytes), *fs;
	int32_t *n_peaks;

	assert_int_equal(bytes, EVENTS * SIDE_SS * SIDE_FS * sizeof *image);
	set_check(name, NUMBER, numbers, sizeof numbers);
	fs = set_read(name, RESULT "peakXPosRaw", &bytes);
	assert_int_equal(bytes, EVENTS * CAPACITY * sizeof *fs);
	n_peaks = set_read(name, RESULT "nPeaks", &bytes);
	for (i = 0; i < EVENTS; i++) {
		assert_int_equal(n_peaks[i],
		    shots[source_of[i]][row_of[i]].n_peaks);
		for (k = 0; k < (size_t)n_peaks[i]; k++)
			assert_true(fs[i * CAPACITY + k] ==
			    (float)peak_make(numbers[i], (uint32_t)k).fs);
		for (k = 0; k < SIDE_SS * SIDE_FS; k++)
			assert_true(image[i * SIDE_SS * SIDE_FS + k] ==
			    pixel_make(numbers[i], k));
	}
	free(image);
	free(fs);
	free(n_peaks);
}

static void
test_view(void **state)
{
	(void)state;
	sources_make("s", CXI_NONE);
	merged_make(at("run.cxi"), false, sources, 3);
	events_check(at("run.cxi"));
}

static void
test_copy(void **state)
{
	static const enum cxi_compression all[] = { CXI_NONE, CXI_GZIP };
	size_t i, k;

	(void)state;
	for (i = 0; i < N_OF(all); i++) {
		sources_make("gone", all[i]);
		merged_make(at("copy.cxi"), true, sources, 3);
		for (k = 0; k < 3; k++)
			unlink(sources[k]);
		events_check(at("copy.cxi"));
	}
}

/* The chunk of a panel of the image of a row, packed. */
static size_t
chunk_read(const char *name, hsize_t row, hsize_t panel, unsigned char *out,
    size_t room)
{
	hid_t file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
	hid_t set = H5Dopen2(file, IMAGE, H5P_DEFAULT);
	hsize_t offset[3] = { row, panel * PANEL_SS, 0 }, bytes = 0;
	uint32_t mask = 1;

	assert_true(H5Dget_chunk_storage_size(set, offset, &bytes) >= 0);
	assert_in_range(bytes, 1, room);
	assert_true(H5Dread_chunk(set, H5P_DEFAULT, offset, &mask, out) >= 0);
	H5Dclose(set);
	H5Fclose(file);
	return (size_t)bytes;
}

/* The first chunk without its filters: packing it again would show. */
static void
chunk_forge(const char *name)
{
	hid_t file = file_edit(name), set = H5Dopen2(file, IMAGE, H5P_DEFAULT);
	hid_t list = H5Dget_create_plist(set);
	float pixels[PANEL_SS * SIDE_FS] = { 0 };
	hsize_t offset[3] = { 0, 0, 0 };

	assert_true(H5Dwrite_chunk(set, H5P_DEFAULT,
	    (1U << H5Pget_nfilters(list)) - 1, offset, sizeof pixels, pixels) >= 0);
	H5Pclose(list);
	H5Dclose(set);
	H5Fclose(file);
}

static void
test_chunks(void **state)
{
	unsigned char a[4096], b[4096];
	float *image;
	size_t i, n, bytes;
	hsize_t panel;

	(void)state;
	sources_make("packed", CXI_GZIP);
	chunk_forge(sources[1]);
	merged_make(at("copy.cxi"), true, sources, 3);
	for (i = 0; i < EVENTS; i++)
		for (panel = 0; panel < PANELS; panel++) {
			n = chunk_read(sources[source_of[i]], row_of[i], panel, a,
			    sizeof a);
			assert_int_equal(chunk_read(at("copy.cxi"), i, panel, b,
			    sizeof b), n);
			assert_memory_equal(a, b, n);
		}
	/* HDF5 knows that the forged one is not packed. */
	image = set_read(at("copy.cxi"), IMAGE, &bytes);
	assert_true(image[2 * SIDE_SS * SIDE_FS + 1] == 0);
	assert_true(image[3 * SIDE_SS * SIDE_FS + 1] == pixel_make(4, 1));
	free(image);
}

static void
test_tables(void **state)
{
	const char *const run = at("run.cxi");
	uint64_t bytes[3], events[3] = { 3, 2, 1 };
	char names[] = "s/a.cxi" "s/b.cxi" "s/c.cxi";
	char digests[3 * (CXIPARTS_DIGEST_SIZE - 1)];
	struct fault f;
	struct stat st;
	struct join j;
	size_t i;

	(void)state;
	sources_make("s", CXI_NONE);
	join_make(&j, sources, 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(stat(sources[i], &st), 0);
		bytes[i] = (uint64_t)st.st_size;
		memcpy(digests + i * (CXIPARTS_DIGEST_SIZE - 1),
		    j.sources[i].digest, CXIPARTS_DIGEST_SIZE - 1);
	}
	assert_int_equal(merged_try(&j, run, false, &f), 0);
	join_free(&j);
	text_check(run, CXIPARTS_PROGRAM, "cximerge 0.1");
	set_check(run, CXIPARTS_NAME, names, strlen(names));
	set_check(run, CXIPARTS_BYTES, bytes, sizeof bytes);
	set_check(run, CXIPARTS_EVENTS, events, sizeof events);
	set_check(run, CXIPARTS_DIGEST, digests, sizeof digests);
	set_check(run, CXIPARTS_SOURCE, source_of, sizeof source_of);
	set_check(run, CXIPARTS_ROW, row_of, sizeof row_of);
}

static void
test_texts(void **state)
{
	const char *const names[] = { at("run.cxi"), at("copy.cxi") };
	size_t i;

	(void)state;
	sources_make("s", CXI_NONE);
	for (i = 0; i < 2; i++) {
		merged_make(names[i], i == 1, sources, 3);
		text_check(names[i], "/entry_1/process_1/options",
		    "cxiwrite.m=1\n");
		text_check(names[i], "/entry_1/process_1/stream",
		    "detector=epix\nq2cat.w=1\n");
		text_check(names[i], "/entry_1/process_1/program",
		    plain.program);
	}
}

static void
mask_write(const char *name, const void *mask)
{
	hid_t file = file_edit(name);
	hid_t set = H5Dopen2(file, "/entry_1/data_1/mask", H5P_DEFAULT);

	assert_true(H5Dwrite(set, H5T_NATIVE_UINT16, H5S_ALL, H5S_ALL, H5P_DEFAULT,
	    mask) >= 0);
	H5Dclose(set);
	H5Fclose(file);
}

static void
test_common(void **state)
{
	uint16_t mask[SIDE_SS][SIDE_FS] = { { 0 } };
	size_t i, k;

	(void)state;
	mask[2][3] = 77;
	for (i = 0; i < 2; i++) {
		sources_make("s", CXI_NONE);
		for (k = 0; k < 3; k++)
			mask_write(sources[k], mask);
		merged_make(at("run.cxi"), i == 1, sources, 3);
		set_check(at("run.cxi"), "/entry_1/data_1/mask", mask, sizeof mask);
	}
}

static haddr_t
address_of(const char *name, const char *set)
{
	hid_t file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
	H5O_info_t info;

	assert_true(H5Oget_info_by_name(file, set, &info, H5P_DEFAULT) >= 0);
	H5Fclose(file);
	return info.addr;
}

static void
test_names_and_units(void **state)
{
	const char *const run = at("run.cxi");
	char units[16] = "";
	hid_t file, attr, type;
	size_t i;

	(void)state;
	sources_make("s", CXI_NONE);
	for (i = 0; i < 2; i++) {
		merged_make(run, i == 1, sources, 3);
		assert_int_equal(address_of(run, RESULT "peakMaximumValue"),
		    address_of(run, RESULT "peakMaxIntensity"));
		assert_int_not_equal(address_of(run, RESULT "peakMaximumValue"),
		    address_of(run, RESULT "peakSNR"));
		file = H5Fopen(run, H5F_ACC_RDONLY, H5P_DEFAULT);
		attr = H5Aopen_by_name(file, RESULT "peakXPosRaw", "units",
		    H5P_DEFAULT, H5P_DEFAULT);
		assert_true(attr >= 0);
		type = H5Aget_type(attr);
		assert_true(H5Aread(attr, type, units) >= 0);
		assert_string_equal(units, "pixel");
		H5Tclose(type);
		H5Aclose(attr);
		H5Fclose(file);
	}
}

/* ---- sources of a view ---- */

static void
test_missing(void **state)
{
	size_t bytes, i, k;
	float *image;
	uint64_t *number;

	(void)state;
	sources_make("s", CXI_NONE);
	merged_make(at("run.cxi"), false, sources, 3);
	unlink(sources[1]);
	image = set_read(at("run.cxi"), IMAGE, &bytes);
	number = set_read(at("run.cxi"), NUMBER, &bytes);
	for (i = 0; i < EVENTS; i++) {
		assert_int_equal(number[i], source_of[i] == 1 ? 0 : numbers[i]);
		for (k = 0; k < SIDE_SS * SIDE_FS; k++)
			if (source_of[i] == 1)
				assert_true(isnan(image[i * SIDE_SS * SIDE_FS + k]));
			else
				assert_true(image[i * SIDE_SS * SIDE_FS + k] ==
				    pixel_make(numbers[i], k));
	}
	free(image);
	free(number);
}

static void
test_moved(void **state)
{
	char here[1024];

	(void)state;
	mkdir(at("old"), 0700);
	sources_make("old/d%d%%", CXI_NONE);
	merged_make(at("old/run.cxi"), false, sources, 3);
	assert_int_equal(rename(at("old"), at("new")), 0);
	assert_non_null(getcwd(here, sizeof here));
	assert_int_equal(chdir("/"), 0);
	events_check(at("new/run.cxi"));
	assert_int_equal(chdir(here), 0);
}

static void
relative_check(const char *file, const char *source, const char *expect)
{
	struct fault f;
	char *name = cxijoin_relative(file, source, &f);

	if (name == NULL)
		fail_msg("%s", f.text);
	assert_string_equal(name, expect);
	free(name);
}

static void
test_relative(void **state)
{
	char here[1024];

	(void)state;
	mkdir(at("r"), 0700);
	mkdir(at("r/x"), 0700);
	mkdir(at("r/xy"), 0700);
	relative_check(at("r/run.cxi"), at("r/a.cxi"), "a.cxi");
	relative_check(at("r/run.cxi"), at("r/x/a.cxi"), "x/a.cxi");
	relative_check(at("r/x/run.cxi"), at("r/a.cxi"), "../a.cxi");
	/* What names have in common ends with a directory. */
	relative_check(at("r/x/run.cxi"), at("r/xy/run.cxi"), "../xy/run.cxi");
	relative_check(at("r/xy/run.cxi"), at("r/x/run.cxi"), "../x/run.cxi");
	relative_check(at("r/x/run.cxi"), at("r/x/../x/./a.cxi"), "a.cxi");
	relative_check("/tmp", "/etc", "etc");
	assert_int_equal(symlink("x", at("r/link")), 0);
	relative_check(at("r/link/run.cxi"), at("r/x/a.cxi"), "a.cxi");
	assert_non_null(getcwd(here, sizeof here));
	assert_int_equal(chdir(at("r/x")), 0);
	relative_check("run.cxi", "../xy/a.cxi", "../xy/a.cxi");
	relative_check("run.cxi", "a.cxi", "a.cxi");
	assert_int_equal(chdir(here), 0);
}

static void
test_source(void **state)
{
	char *name, *real = realpath(dir, NULL), *expect;
	struct fault f;

	(void)state;
	mkdir(at("t"), 0700);
	assert_int_equal(symlink("t", at("way")), 0);
	assert_int_equal(symlink("other.cxi", at("t/last.cxi")), 0);
	assert_true(asprintf(&expect, "%s/t/last.cxi", real) > 0);
	/* Links are followed in the directory, not at the end. */
	assert_non_null(name = cxijoin_source(at("way/last.cxi"), &f));
	assert_string_equal(name, expect);
	free(name);
	free(expect);
	free(real);
	assert_non_null(name = cxijoin_source("/x.cxi", &f));
	assert_string_equal(name, "/x.cxi");
	free(name);
	assert_null(cxijoin_source(at("nowhere/x.cxi"), &f));
	words_check(&f, at("nowhere/x.cxi"));
	words_check(&f, "its directory cannot be found");
	assert_null(cxijoin_relative(at("nowhere/x.cxi"), at("t/a.cxi"), &f));
	assert_null(cxijoin_relative(at("t/a.cxi"), at("nowhere/x.cxi"), &f));
}

static void
test_runs(void **state)
{
	struct join_row rows[] = {
		{ .source = 1, .row = 4 }, { .source = 1, .row = 5 },
		{ .source = 0, .row = 6 }, { .source = 0, .row = 7 },
		{ .source = 0, .row = 5 }, { .source = 1, .row = 6 },
		{ .source = 0, .row = 6 }, { .source = 0, .row = 8 }
	};
	static const struct cxijoin_run expect[] = {
		{ 2, 6, 2, 0 }, { 4, 5, 1, 0 }, { 6, 6, 1, 0 }, { 7, 8, 1, 0 },
		{ 0, 4, 2, 1 }, { 5, 6, 1, 1 }
	};
	struct join j = { .rows = rows, .n_rows = N_OF(rows) };
	struct cxijoin_run *runs;
	struct fault f;
	size_t n, i;

	(void)state;
	assert_non_null(runs = cxijoin_runs(&j, &n, &f));
	assert_int_equal(n, N_OF(expect));
	for (i = 0; i < n; i++) {
		assert_int_equal(runs[i].at, expect[i].at);
		assert_int_equal(runs[i].row, expect[i].row);
		assert_int_equal(runs[i].n, expect[i].n);
		assert_int_equal(runs[i].source, expect[i].source);
	}
	free(runs);
}

/* A view has one mapping a source while its rows keep their order. */
static void
test_mappings(void **state)
{
	hid_t file, set, list;
	size_t n;

	(void)state;
	sources_make("s", CXI_NONE);
	merged_make(at("run.cxi"), false, sources, 3);
	file = H5Fopen(at("run.cxi"), H5F_ACC_RDONLY, H5P_DEFAULT);
	set = H5Dopen2(file, NUMBER, H5P_DEFAULT);
	list = H5Dget_create_plist(set);
	assert_true(H5Pget_virtual_count(list, &n) >= 0);
	/* Source 0 needs two: its last rows come first. */
	assert_int_equal(n, 4);
	H5Pclose(list);
	H5Dclose(set);
	H5Fclose(file);
}

/* ---- what goes wrong ---- */

static void
copy_fails(const struct join *j, const char *words)
{
	struct fault f;

	if (merged_try(j, at("no.cxi"), true, &f) != CXIJOIN_SOURCE)
		fail_msg("copied, or not the source's fault: %s", words);
	words_check(&f, words);
}

static void
test_mixed(void **state)
{
	struct recipe r = plain;
	struct fault f;
	struct join j;

	(void)state;
	sources_make("s", CXI_NONE);
	r.compression = CXI_GZIP;
	file_make(sources[1], &r, shots_b, N_OF(shots_b));
	join_make(&j, sources, 3);
	copy_fails(&j, "chunks cannot be copied");
	copy_fails(&j, sources[1]);
	assert_int_equal(merged_try(&j, at("run.cxi"), false, &f), 0);
	events_check(at("run.cxi"));
	join_free(&j);
}

static void
test_changed(void **state)
{
	struct join j;

	(void)state;
	sources_make("s", CXI_NONE);
	join_make(&j, sources, 3);
	file_make(sources[1], &plain, shots_b, 1);
	copy_fails(&j, "it has just changed");
	copy_fails(&j, sources[1]);
	unlink(sources[1]);
	copy_fails(&j, sources[1]);
	file_make(sources[1], &plain, shots_b, N_OF(shots_b));
	set_remove(sources[1], "/LCLS/machineTime");
	copy_fails(&j, "/LCLS/machineTime: is not there any more");
	join_free(&j);
}

static void
test_stop(void **state)
{
	const volatile int stop = 1;
	struct cxijoin c = { .path = at("no.cxi"), .program = "cximerge 0.1",
	    .copy = true, .stop = &stop };
	struct fault f;
	struct join j;
	int fd;

	(void)state;
	sources_make("s", CXI_NONE);
	join_make(&j, sources, 3);
	c.join = &j;
	fd = open(c.path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(cxijoin_write(&c, fd, &f), -1);
	words_check(&f, "stopped");
	close(fd);
	join_free(&j);
}

static void
test_unwritable(void **state)
{
	const char *const path = at("no.cxi");
	struct cxijoin c = { .path = path, .program = "cximerge 0.1",
	    .stop = &no_stop };
	struct fault f;
	struct join j;
	int fd, i;

	(void)state;
	sources_make("s", CXI_NONE);
	join_make(&j, sources, 3);
	c.join = &j;
	for (i = 0; i < 2; i++) {
		c.copy = i == 1;
		fd = open(path, O_RDONLY | O_CREAT | O_TRUNC, 0600);
		memset(&f, 0, sizeof f);
		assert_int_equal(cxijoin_write(&c, fd, &f), -1);
		words_check(&f, "Bad file descriptor");
		/* And it stays the caller's. */
		assert_int_equal(close(fd), 0);
	}
	join_free(&j);
}

/* Files end at a size, as on a disk that is full: for HDF5 it may be its last write. */
static void
test_full_disk(void **state)
{
	const char *const run = at("run.cxi");
	struct rlimit before, limit;
	struct fault f;
	struct stat st;
	struct join j;
	size_t i, steps = 40;
	int status;

	(void)state;
	sources_make("s", CXI_NONE);
	join_make(&j, sources, 3);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	for (i = 0; i < 2 * steps; i++) {
		if (i % steps == 0) {
			assert_int_equal(merged_try(&j, run, i > 0, &f), 0);
			assert_int_equal(stat(run, &st), 0);
		}
		limit = before;
		limit.rlim_cur = (rlim_t)st.st_size * (i % steps) / steps;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		status = merged_try(&j, run, i >= steps, &f);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		/* The memory of a reader is a file, too: a source may be blamed. */
		if (status == 0)
			fail_msg("written into %llu of %llu bytes",
			    (unsigned long long)limit.rlim_cur,
			    (unsigned long long)st.st_size);
		else
			words_check(&f, "File too large");
	}
	join_free(&j);
}

static void
test_nowhere(void **state)
{
	struct cxijoin c = { .path = at("nowhere/run.cxi"),
	    .program = "cximerge 0.1", .stop = &no_stop };
	struct fault f;
	struct join j;
	int fd;

	(void)state;
	sources_make("s", CXI_NONE);
	join_make(&j, sources, 3);
	c.join = &j;
	fd = open(at("no.cxi"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(cxijoin_write(&c, fd, &f), -1);
	words_check(&f, "its directory cannot be found");
	close(fd);
	join_free(&j);
}

static int
setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	unsetenv("HDF5_VDS_PREFIX");
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	return dir_make(state);
}

#define TEST(what, function) { what, function, NULL, NULL, NULL }

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("a view shows the rows of its sources, in order", test_view),
		TEST("a copy has the rows of its sources, and needs them no more",
		    test_copy),
		TEST("storage chunks in a copy are those of the sources",
		    test_chunks),
		TEST("its tables tell each source, and of each event where it is",
		    test_tables),
		TEST("options and stream header have the lines that all have",
		    test_texts),
		TEST("what is no row an event is that of all sources",
		    test_common),
		TEST("second names and units are those of the sources",
		    test_names_and_units),
		TEST("a source that is gone shows as NaN, or 0", test_missing),
		TEST("a view and its sources can be moved together", test_moved),
		TEST("names of sources are relative to the file", test_relative),
		TEST("links in the directory of a source are followed",
		    test_source),
		TEST("a run is rows that follow each other in both files",
		    test_runs),
		TEST("a source has as many mappings as its order has breaks",
		    test_mappings),
		TEST("compression may differ in a view, not in a copy", test_mixed),
		TEST("a source that has changed or gone is not copied",
		    test_changed),
		TEST("a copy gives up when it is stopped", test_stop),
		TEST("a file that cannot be written is an error",
		    test_unwritable),
		TEST("a disk that is full at whatever byte is an error",
		    test_full_disk),
		TEST("a file in no directory has no view", test_nowhere),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, dir_remove);
}
