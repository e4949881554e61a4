/* Bad-pixel masks: shapes, types, names, and what is refused. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <hdf5.h>

#include "format/badpixels.h"

enum { PANELS = 2, HEIGHT = 3, WIDTH = 4, PIXELS = PANELS * HEIGHT * WIDTH };

static char dir[] = "/tmp/test_badpixels.XXXXXX";
static char file_name[64];

static const struct layout layout = { .panels = PANELS, .classes = 2,
    .height = 8, .width = 8, .real_height = HEIGHT, .real_width = WIDTH,
    .logits_type = LOGITS_F32, .capacity = 10 };

static const hsize_t apart[3] = { PANELS, HEIGHT, WIDTH };
static const hsize_t stacked[2] = { PANELS * HEIGHT, WIDTH };

/* Pixels 0, 5 and 23 are bad, in different ways. */
static const int64_t wide[PIXELS] = { [0] = 1, [5] = 256, [23] = INT64_MIN };
static const uint8_t expected[PIXELS] = { [0] = 1, [5] = 1, [23] = 1 };

static int
dir_make(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(file_name, sizeof file_name, "%s/mask.h5", dir);
	return 0;
}

static int
dir_remove(void **state)
{
	(void)state;
	unlink(file_name);
	return rmdir(dir);
}

/* Adds a dataset to the file, which is made anew if fresh. */
static void
dataset_write(int fresh, const char *path, hid_t type, hid_t memory, int rank,
    const hsize_t *dims, const void *data)
{
	hid_t file = fresh ?
	    H5Fcreate(file_name, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT) :
	    H5Fopen(file_name, H5F_ACC_RDWR, H5P_DEFAULT);
	hid_t space = H5Screate_simple(rank, dims, NULL);
	hid_t links = H5Pcreate(H5P_LINK_CREATE);
	hid_t set;

	H5Pset_create_intermediate_group(links, 1);
	set = H5Dcreate2(file, path, type, space, links, H5P_DEFAULT,
	    H5P_DEFAULT);
	assert_true(set >= 0);
	if (data != NULL)
		assert_true(H5Dwrite(set, memory, H5S_ALL, H5S_ALL,
		    H5P_DEFAULT, data) >= 0);
	H5Dclose(set);
	H5Pclose(links);
	H5Sclose(space);
	H5Fclose(file);
}

static void
wide_write(int fresh, const char *path, hid_t type, int rank,
    const hsize_t *dims)
{
	dataset_write(fresh, path, type, H5T_NATIVE_INT64, rank, dims, wide);
}

static void
assert_read_as(const char *dataset, const uint8_t *want)
{
	char spec[128];
	uint8_t *bad;
	struct fault f;

	snprintf(spec, sizeof spec, "%s%s%s", file_name,
	    dataset == NULL ? "" : ":", dataset == NULL ? "" : dataset);
	if (badpixels_read(spec, &layout, &bad, &f) == -1)
		fail_msg("refused: %s", f.text);
	assert_memory_equal(bad, want, PIXELS);
	free(bad);
}

static void
refused(const char *dataset, const char *words)
{
	char spec[128];
	uint8_t *bad;
	struct fault f;

	snprintf(spec, sizeof spec, "%s%s%s", file_name,
	    dataset == NULL ? "" : ":", dataset == NULL ? "" : dataset);
	assert_int_equal(badpixels_read(spec, &layout, &bad, &f), -1);
	assert_null(bad);
	if (strncmp(f.text, file_name, strlen(file_name)) != 0)
		fail_msg("\"%s\" does not begin with the file", f.text);
	if (strstr(f.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", f.text, words);
}

static void
reads_panels_apart_and_stacked(void **state)
{
	(void)state;
	wide_write(1, "/mask", H5T_STD_I64BE, 3, apart);
	assert_read_as("/mask", expected);
	wide_write(1, "/mask", H5T_STD_I64LE, 2, stacked);
	assert_read_as("/mask", expected);
}

static void
no_bit_of_a_wide_flag_is_lost(void **state)
{
	static const uint64_t flags[PIXELS] = { [0] = UINT64_C(1) << 63,
	    [5] = 256, [23] = 0x10000 };
	static const int32_t negative[PIXELS] = { [0] = -1, [5] = -256,
	    [23] = INT32_MIN };
	static const uint16_t half[PIXELS] = { [0] = 0x8000, [5] = 0x100,
	    [23] = 0xffff };
	static const uint8_t byte[PIXELS] = { [0] = 0x80, [5] = 1, [23] = 255 };

	(void)state;
	dataset_write(1, "/u64", H5T_STD_U64LE, H5T_NATIVE_UINT64, 3, apart, flags);
	dataset_write(0, "/i32", H5T_STD_I32LE, H5T_NATIVE_INT32, 3, apart,
	    negative);
	dataset_write(0, "/u16", H5T_STD_U16BE, H5T_NATIVE_UINT16, 3, apart, half);
	dataset_write(0, "/u8", H5T_STD_U8LE, H5T_NATIVE_UINT8, 3, apart, byte);
	assert_read_as("/u64", expected);
	assert_read_as("/i32", expected);
	assert_read_as("/u16", expected);
	assert_read_as("/u8", expected);
}

static void
reads_numpy_booleans(void **state)
{
	static const signed char member[2] = { 0, 1 };
	hid_t boolean = H5Tenum_create(H5T_NATIVE_INT8);

	(void)state;
	H5Tenum_insert(boolean, "FALSE", &member[0]);
	H5Tenum_insert(boolean, "TRUE", &member[1]);
	dataset_write(1, "/mask", boolean, boolean, 3, apart, expected);
	H5Tclose(boolean);
	assert_read_as("/mask", expected);
}

static void
finds_the_dataset_by_its_usual_names(void **state)
{
	static const uint8_t good[PIXELS] = { 0 };

	(void)state;
	wide_write(1, "/deep/down/here", H5T_STD_I64LE, 3, apart);
	assert_read_as(NULL, expected);
	dataset_write(0, "/other", H5T_STD_U8LE, H5T_NATIVE_UINT8, 3, apart, good);
	refused(NULL, "it has 2 datasets; name one as FILE:/dataset");
	wide_write(0, "/mask", H5T_STD_I64LE, 3, apart);
	assert_read_as(NULL, expected);
	dataset_write(0, "/data/data", H5T_STD_U8LE, H5T_NATIVE_UINT8, 3, apart,
	    good);
	assert_read_as(NULL, good);
	wide_write(0, "/entry_1/data_1/mask", H5T_STD_I64LE, 2, stacked);
	assert_read_as(NULL, expected);
	assert_read_as("/other", good);
}

static void
refuses_shapes_that_disagree_with_the_numbers(void **state)
{
	static const hsize_t one[1] = { PIXELS }, four[4] = { 1, PANELS, HEIGHT,
	    WIDTH };
	static const hsize_t turned[3] = { PANELS, WIDTH, HEIGHT };
	static const hsize_t huge[2] = { UINT32_MAX, UINT32_MAX / 2 };

	(void)state;
	wide_write(1, "/one", H5T_STD_I64LE, 1, one);
	wide_write(0, "/four", H5T_STD_I64LE, 4, four);
	wide_write(0, "/turned", H5T_STD_I64LE, 3, turned);
	dataset_write(0, "/scalar", H5T_STD_I64LE, H5T_NATIVE_INT64, 0, NULL, wide);
	refused("/one", "/one: its shape is (24), the stream's panels need"
	    " (2, 3, 4) or (6, 4)");
	refused("/four", "/four: its shape is (1, 2, 3, 4)");
	refused("/turned", "/turned: its shape is (2, 4, 3)");
	refused("/scalar", "/scalar: its shape is ()");
	dataset_write(1, "/huge", H5T_STD_I8LE, 0, 2, huge, NULL);
	refused(NULL, "/huge: its shape is (4294967295, 2147483647)");
}

static void
refuses_what_is_no_integer_mask(void **state)
{
	hid_t file;
	FILE *text;

	(void)state;
	wide_write(1, "/float", H5T_IEEE_F32LE, 3, apart);
	refused("/float", "/float: its elements are not integers");
	refused("/none", "/none: ");
	refused("/", "/: ");
	file = H5Fcreate(file_name, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
	H5Fclose(file);
	refused(NULL, "it has 0 datasets");
	text = fopen(file_name, "w");
	assert_non_null(text);
	fputs("no HDF5 file", text);
	fclose(text);
	refused(NULL, "not a readable HDF5 file: ");
	unlink(file_name);
	refused(NULL, "No such file or directory");
}

static void
only_a_regular_file_is_a_mask(void **state)
{
	struct fault f;
	uint8_t *bad;

	(void)state;
	assert_int_equal(badpixels_read("/dev/null", &layout, &bad, &f), -1);
	assert_string_equal(f.text, "/dev/null: not a regular file");
	assert_int_equal(badpixels_read(dir, &layout, &bad, &f), -1);
	assert_non_null(strstr(f.text, "Is a directory"));
}

/* The numbers are sha256sum(1)'s for 24 and for 10000 zero bytes. */
static void
the_digest_is_of_what_the_mask_means(void **state)
{
	static const uint8_t other[PIXELS] = { [0] = 7, [5] = 1, [23] = 255 };
	static const uint8_t good[PIXELS] = { 0 };
	struct layout large = layout;
	uint8_t *zeros;
	char a[65], b[65];

	(void)state;
	badpixels_digest(expected, &layout, a);
	badpixels_digest(other, &layout, b);
	assert_string_equal(a, b);
	badpixels_digest(good, &layout, b);
	assert_string_equal(b, "9d908ecfb6b256def8b49a7c504e6c88"
	    "9c4b0e41fe6ce3e01863dd7b61a20aa0");
	large.panels = 1;
	large.real_height = 1;
	large.real_width = 10000;
	assert_non_null(zeros = calloc(1, 10000));
	badpixels_digest(zeros, &large, b);
	assert_string_equal(b, "95b532cc4381affdff0d956e12520a04"
	    "129ed49d37e154228368fe5621f0b9a2");
	free(zeros);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_panels_apart_and_stacked),
		cmocka_unit_test(no_bit_of_a_wide_flag_is_lost),
		cmocka_unit_test(reads_numpy_booleans),
		cmocka_unit_test(finds_the_dataset_by_its_usual_names),
		cmocka_unit_test(refuses_shapes_that_disagree_with_the_numbers),
		cmocka_unit_test(refuses_what_is_no_integer_mask),
		cmocka_unit_test(only_a_regular_file_is_a_mask),
		cmocka_unit_test(the_digest_is_of_what_the_mask_means),
	};

	/* A child may be gone when it is written to, as in all programs. */
	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, dir_make, dir_remove);
}
