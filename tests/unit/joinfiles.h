/*
 * Small CXI files for the tests of what joins them: written by cxi.c, and then, where
 * a test wants what cxiwrite does not write, changed by HDF5. A test includes this
 * behind cmocka.h.
 */
#ifndef UNIT_JOINFILES_H
#define UNIT_JOINFILES_H

#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/cxi.h"
#include "format/cxijoin.h"
#include "format/join.h"

/* Two panels, one below the other, each a storage chunk: an image of 12 x 7. */
enum { PANELS = 2, PANEL_SS = 6, SIDE_SS = PANELS * PANEL_SS, SIDE_FS = 7,
	PADDED = 8, CAPACITY = 4 };

/* An event; timestamp 0: it has none. */
struct shot {
	uint64_t	number, timestamp;
	uint32_t	n_peaks;
};

struct recipe {
	const char	*program, *options, *stream;
	unsigned	quantities;
	enum image_type	image;		/* IMAGE_NONE: no image in the file */
	uint32_t	capacity;
	enum cxi_compression compression;
	const char	*run;		/* NULL: unknown, and so is the experiment */
};

#define STREAM_A "detector=epix\nrun=7\nq2cat.w=1\n"
#define STREAM_B "detector=epix\nrun=8\nq2cat.w=1\n"

static const struct recipe plain = { "cxiwrite 0.1", "cxiwrite.m=1\ncxiwrite.n=4\n",
	STREAM_A, QUANTITY_TIMESTAMP, IMAGE_F32, CAPACITY, CXI_NONE, NULL };

#define N_OF(a) (sizeof (a) / sizeof (a)[0])

/* The directory of a test program; at its end it is removed by name. */
static char dir[] = "/tmp/test_join.XXXXXX";

/* A name in the directory; stays. */
static inline const char *
at(const char *fmt, ...)
{
	static char names[64][160];
	char tail[100], name[160];
	va_list ap;
	size_t i;

	va_start(ap, fmt);
	vsnprintf(tail, sizeof tail, fmt, ap);
	va_end(ap);
	snprintf(name, sizeof name, "%s/%s", dir, tail);
	for (i = 0; names[i][0] != '\0' && strcmp(names[i], name) != 0; i++)
		assert_true(i + 1 < N_OF(names));
	memcpy(names[i], name, sizeof name);
	return names[i];
}

/* Numbers that tell which event and which peak they are of. */
static inline struct peak
peak_make(uint64_t number, uint32_t k)
{
	return (struct peak){ .ss = 1.25 + k, .fs = 0.5 + k + (double)(number % 3),
	    .npixels = 2 + k, .sum = (float)number + (float)k / 8, .max = 9, .snr = 3 };
}

static inline float
pixel_make(uint64_t number, size_t i)
{
	return (float)(number * 100) + (float)i;
}

static inline void
shot_make(const struct shot *s, struct event *e, struct peak *peaks, float *image)
{
	uint32_t k;

	event_init(e);
	e->seq = s->number;
	e->timestamp = s->timestamp;
	e->known = e->timestamp != 0 ? QUANTITY_TIMESTAMP : 0;
	e->peaks_found = e->peaks_kept = s->n_peaks;
	for (k = 0; k < s->n_peaks; k++)
		peaks[k] = peak_make(s->number, k);
	for (k = 0; k < SIDE_SS * SIDE_FS; k++)
		image[(k / SIDE_FS / PANEL_SS * PADDED + k / SIDE_FS % PANEL_SS) *
		    PADDED + k % SIDE_FS] = pixel_make(s->number, k);
}

static inline void
file_fill(struct cxi *c, const struct recipe *r, const struct shot *shots, size_t n)
{
	float image[PANELS * PADDED * PADDED] = { 0 };
	struct peak peaks[CAPACITY];
	struct event e;
	const struct cxi_event ce = { .event = &e, .peaks = peaks,
	    .image = r->image == IMAGE_NONE ? NULL : image };
	struct fault f;
	size_t i;

	for (i = 0; i < n; i++) {
		shot_make(&shots[i], &e, peaks, image);
		if (cxi_add(c, &ce, &f) != 0)
			fail_msg("%s", f.text);
	}
}

static inline void
file_make(const char *name, const struct recipe *r, const struct shot *shots,
    size_t n)
{
	const struct layout l = { .panels = PANELS, .height = PADDED,
	    .width = PADDED, .real_height = PANEL_SS, .real_width = SIDE_FS, .image_type = r->image,
	    .capacity = r->capacity };
	struct cxi_plan plan = { .layout = &l,
	    .planes = r->image == IMAGE_NONE ? 0 : PLANE_IMAGE,
	    .quantities = r->quantities, .compression = r->compression,
	    .threads = 1, .pixel_size = NAN, .distance = NAN,
	    .experiment = r->run == NULL ? NULL : "cxi78513", .run = r->run,
	    .program = r->program, .options = r->options, .stream = r->stream };
	struct slab slab;
	struct fault f;
	struct cxi *c;

	if (slab_stacked(&l, &slab, &f) == -1)
		fail_msg("%s", f.text);
	plan.slab = &slab;
	if (cxi_create(at("part"), &plan, &c, &f) == -1)
		fail_msg("%s", f.text);
	file_fill(c, r, shots, n);
	if (cxi_commit(c, name, true, &f) == -1)
		fail_msg("%s", f.text);
	slab_free(&slab);
}

static inline hid_t
file_edit(const char *name)
{
	hid_t file = H5Fopen(name, H5F_ACC_RDWR, H5P_DEFAULT);

	assert_true(file >= 0);
	return file;
}

static inline void
set_remove(const char *name, const char *set)
{
	hid_t file = file_edit(name);

	assert_true(H5Ldelete(file, set, H5P_DEFAULT) >= 0);
	assert_true(H5Fclose(file) >= 0);
}

/* A dataset of rows in the place of what is there, growing if max is. */
static inline void
set_put(const char *name, const char *set, hid_t type, hsize_t rows, hsize_t max,
    const void *data)
{
	hid_t file = file_edit(name), list = H5Pcreate(H5P_DATASET_CREATE);
	hid_t space = H5Screate_simple(1, &rows, &max), id;
	hsize_t chunk = 1;

	if (H5Lexists(file, set, H5P_DEFAULT) > 0)
		assert_true(H5Ldelete(file, set, H5P_DEFAULT) >= 0);
	assert_true(H5Pset_chunk(list, 1, &chunk) >= 0);
	id = H5Dcreate2(file, set, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
	assert_true(id >= 0);
	assert_true(H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
	H5Dclose(id);
	H5Sclose(space);
	H5Pclose(list);
	assert_true(H5Fclose(file) >= 0);
}

/* The type of texts of size bytes; the caller closes it. */
static inline hid_t
text_type(size_t size, H5T_cset_t characters, H5T_str_t padding)
{
	hid_t type = H5Tcopy(H5T_C_S1);

	assert_true(H5Tset_size(type, size) >= 0);
	assert_true(H5Tset_cset(type, characters) >= 0);
	assert_true(H5Tset_strpad(type, padding) >= 0);
	return type;
}

static const volatile int no_stop;

/* The one place that knows how files are added. */
static inline int
join_try(struct join *j, const char *const paths[], size_t n, struct fault *f)
{
	memset(f, 0, sizeof *f);
	return join_add(j, paths, n, &no_stop, f);
}

static inline void
join_make(struct join *j, const char *const paths[], size_t n)
{
	struct fault f;

	memset(j, 0, sizeof *j);
	if (join_try(j, paths, n, &f) == -1 || join_order(j, &f) == -1)
		fail_msg("%s", f.text);
}

/* Writes a merged file of a join that is ordered. */
static inline int
merged_try(const struct join *j, const char *path, bool copy, struct fault *f)
{
	const struct cxijoin c = { .join = j, .path = path,
	    .program = "cximerge 0.1", .copy = copy, .stop = &no_stop };
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), status;

	assert_true(fd >= 0);
	memset(f, 0, sizeof *f);
	status = cxijoin_write(&c, fd, f);
	close(fd);
	return status;
}

static inline void
merged_make(const char *path, bool copy, const char *const sources[], size_t n)
{
	struct fault f;
	struct join j;

	join_make(&j, sources, n);
	if (merged_try(&j, path, copy, &f) == -1)
		fail_msg("%s", f.text);
	join_free(&j);
}

static inline void
words_check(const struct fault *f, const char *words)
{
	if (strstr(f->text, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", f->text, words);
}

static inline int
dir_make(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static inline int
dir_remove(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command) == 0 ? 0 : -1;
}

#endif
