/*
 * CXI files written by cxi.c and read back by HDF5's own filters: small slabs
 * with padding, gaps, and panels that lie off the chunk grid.
 */
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/cxi.h"
#include "format/guard_hdf.h"
#include "transport/capture.h"

enum { PANELS = 4, HEIGHT = 12, WIDTH = 16, REAL_H = 10, REAL_W = 14,
	PLANE_PIXELS = PANELS * HEIGHT * WIDTH, CAPACITY = 5 };

static char dir[] = "/tmp/test_cxi.XXXXXX";
static char part[64], name[64];

/* Two columns with a gap of 3 pixels between and of 1 below: off the grid. */
static struct slab_panel columns_at[PANELS] = {
	{ 0, 0 }, { REAL_H + 1, 0 }, { 0, REAL_W + 3 },
	{ REAL_H + 1, REAL_W + 3 }
};
static struct slab_panel stacked_at[PANELS] = {
	{ 0, 0 }, { REAL_H, 0 }, { 2 * REAL_H, 0 }, { 3 * REAL_H, 0 }
};
static const struct slab columns = { .height = 2 * REAL_H + 2,
	.width = 2 * REAL_W + 3, .panel_height = REAL_H, .panel_width = REAL_W,
	.asic_height = REAL_H / 2, .asic_width = REAL_W / 2,
	.panels = columns_at, .n_panels = PANELS };
static const struct slab stacked = { .height = PANELS * REAL_H,
	.width = REAL_W, .panel_height = REAL_H, .panel_width = REAL_W,
	.asic_height = REAL_H, .asic_width = REAL_W,
	.panels = stacked_at, .n_panels = PANELS };

static struct layout
layout_make(enum logits_type logits, enum image_type image)
{
	return (struct layout){ .panels = PANELS,
	    .classes = logits == LOGITS_NONE ? 0 : 3, .height = HEIGHT,
	    .width = WIDTH, .real_height = REAL_H, .real_width = REAL_W,
	    .logits_type = logits, .image_type = image, .capacity = CAPACITY };
}

static struct cxi_plan
plan_make(const struct layout *l, const struct slab *s)
{
	return (struct cxi_plan){ .layout = l, .slab = s,
	    .planes = PLANE_IMAGE, .quantities = QUANTITY_ALL,
	    .compression = CXI_NONE, .threads = 1, .pixel_size = 75e-6,
	    .distance = 0.1, .experiment = "mfxx49820", .run = "0027",
	    .detector = "epix10k2M", .program = "test 1.0", .options = "m=10\n",
	    .stream = "" };
}

static uint32_t random_state;

static uint32_t
random_next(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 8;
}

/* Numbers that all types hold and that no two events share. */
static void
image_fill(void *plane, enum image_type t, uint64_t seq)
{
	size_t i;

	random_state = (uint32_t)seq;
	for (i = 0; i < PLANE_PIXELS; i++) {
		uint16_t v = (uint16_t)(random_next() % 30000);

		switch (t) {
		case IMAGE_F32:
			((float *)plane)[i] = (float)v + 0.25f;
			break;
		case IMAGE_I32:
			((int32_t *)plane)[i] = -70000 * (int32_t)v;
			break;
		case IMAGE_I16:
			((int16_t *)plane)[i] = (int16_t)-v;
			break;
		case IMAGE_U16:
			((uint16_t *)plane)[i] = (uint16_t)(2 * v);
			break;
		case IMAGE_NONE:
			break;
		}
	}
}

static struct event
event_make(uint64_t seq)
{
	struct event e;

	event_init(&e);
	e.seq = seq;
	e.known = QUANTITY_ALL;
	e.timestamp = (UINT64_C(1700000000) + seq) << 32 | (seq + 7);
	e.photon_energy = 9500.0 + (double)seq;
	e.encoder = -580.5 - (double)seq;
	e.peaks_kept = (uint32_t)(seq % (CAPACITY + 1));
	e.peaks_found = e.peaks_kept + 10;
	return e;
}

static void
peaks_make(struct peak *p)
{
	uint32_t i;

	for (i = 0; i < CAPACITY; i++)
		p[i] = (struct peak){ .panel = i % PANELS, .ss = 1.0 / 3 + i,
		    .fs = 2.0 / 7 + 2 * i, .npixels = i + 2,
		    .sum = 100.5f + (float)i, .max = 50.25f + (float)i,
		    .snr = 7.5f + (float)i };
}

/* Creates and fills the part with n events of the plan, beginning at seq. */
static int
part_fill(const struct cxi_plan *plan, uint64_t seq, uint64_t n,
    struct cxi **out, struct fault *f)
{
	struct peak peaks[CAPACITY];
	void *image = malloc(PLANE_PIXELS * 4);
	uint64_t i;
	int rc;

	peaks_make(peaks);
	rc = cxi_create(part, plan, out, f);
	for (i = seq; rc == 0 && i < seq + n; i++) {
		struct event e = event_make(i);
		struct cxi_event ce = { .event = &e, .peaks = peaks,
		    .image = image };

		image_fill(image, plan->layout->image_type, i);
		if (cxi_add(*out, &ce, f) == -1) {
			/* It must say the same again, and refuse to commit. */
			assert_int_equal(cxi_add(*out, &ce, NULL), -1);
			assert_int_equal(cxi_commit(*out, name, true, f), -1);
			rc = -1;
		}
	}
	free(image);
	return rc;
}

static void
file_write(const struct cxi_plan *plan, uint64_t seq, uint64_t n)
{
	struct fault f = { .text = "" };
	struct cxi *c;

	if (part_fill(plan, seq, n, &c, &f) == -1)
		fail_msg("%s", f.text);
	assert_int_equal(cxi_rows(c), n);
	if (cxi_commit(c, name, true, &f) == -1)
		fail_msg("%s", f.text);
	assert_int_equal(access(part, F_OK), -1);
}

static int
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static bool plugin;	/* is bitshuffle's installed? */

/* Reads a dataset whole, as it is in the file; the caller frees. */
static void *
set_read(const char *path, hid_t type, hsize_t dims[3])
{
	hid_t file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
	hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
	hid_t space = H5Dget_space(set);
	size_t n = (size_t)H5Sget_simple_extent_npoints(space);
	void *data = malloc(n * 64 + 1);

	assert_true(set >= 0);
	guard_hdf_filters();	/* no placeholder: they are to read */
	memset(dims, 0, 3 * sizeof *dims);
	H5Sget_simple_extent_dims(space, dims, NULL);
	if (type < 0)
		type = H5Dget_type(set);
	if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
		fail_msg("%s cannot be read", path);
	H5Sclose(space);
	H5Dclose(set);
	H5Fclose(file);
	return data;
}

static int
set_exists(const char *path)
{
	hid_t file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
	int is = H5Lexists(file, path, H5P_DEFAULT) > 0;

	H5Fclose(file);
	return is;
}

/* The slab that one event must have become, pixel by pixel. */
static void
slab_expect(const struct slab *s, const void *plane, size_t size, void *out)
{
	uint32_t p, ss, fs;

	memset(out, 0, (size_t)s->height * s->width * size);
	for (p = 0; p < s->n_panels; p++)
		for (ss = 0; ss < s->panel_height; ss++)
			for (fs = 0; fs < s->panel_width; fs++)
				memcpy((char *)out + ((s->panels[p].ss + ss) *
				    s->width + s->panels[p].fs + fs) * size,
				    (const char *)plane + ((p * HEIGHT + ss) *
				    WIDTH + fs) * size, size);
}

static void
images_check(const struct cxi_plan *plan, uint64_t n)
{
	const struct slab *s = plan->slab;
	size_t size = image_type_size(plan->layout->image_type);
	size_t bytes = (size_t)s->height * s->width * size;
	void *plane = malloc(PLANE_PIXELS * size), *expect = malloc(bytes);
	hsize_t dims[3];
	char *data = set_read("/entry_1/data_1/data", -1, dims);
	uint64_t i;

	assert_int_equal(dims[0], n);
	assert_int_equal(dims[1], s->height);
	assert_int_equal(dims[2], s->width);
	for (i = 0; i < n; i++) {
		image_fill(plane, plan->layout->image_type, i);
		slab_expect(s, plane, size, expect);
		assert_memory_equal(data + i * bytes, expect, bytes);
	}
	free(data);
	free(expect);
	free(plane);
}

static void
test_images(void **state)
{
	static const enum cxi_compression all[] = { CXI_NONE, CXI_GZIP,
	    CXI_BSLZ4 };
	const struct slab *slabs[] = { &columns, &stacked };
	unsigned c, t, s, threads;

	(void)state;
	for (c = 0; c < 3; c++)
		for (t = IMAGE_F32; t <= IMAGE_I32; t++)
			for (s = 0; s < 2; s++)
				for (threads = 1; threads < 4; threads += 2) {
			struct layout l = layout_make(LOGITS_NONE, t);
			struct cxi_plan p = plan_make(&l, slabs[s]);

			if (all[c] == CXI_BSLZ4 && !plugin)
				continue;
			p.compression = all[c];
			p.threads = threads;
			file_write(&p, 0, 3);
			images_check(&p, 3);
		}
}

static void
test_unpadded(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_U16);
	struct slab s = stacked;
	struct slab_panel at[PANELS] = { { 0, 0 }, { HEIGHT, 0 },
	    { 2 * HEIGHT, 0 }, { 3 * HEIGHT, 0 } };
	struct cxi_plan p = plan_make(&l, &s);

	(void)state;
	l.real_height = s.panel_height = s.asic_height = HEIGHT;
	l.real_width = s.panel_width = s.asic_width = s.width = WIDTH;
	s.height = PANELS * HEIGHT;
	s.panels = at;
	file_write(&p, 0, 2);
	images_check(&p, 2);
}

/* One panel of more rows than writev takes pieces, and padding at their ends. */
static void
test_tall_panel(void **state)
{
	enum { TALL = 2500 };
	struct slab_panel at = { 0, 0 };
	struct slab s = { .height = TALL, .width = 3, .panel_height = TALL,
	    .panel_width = 3, .asic_height = TALL, .asic_width = 3,
	    .panels = &at, .n_panels = 1 };
	struct layout l = { .panels = 1, .height = TALL, .width = 4,
	    .real_height = TALL, .real_width = 3, .image_type = IMAGE_U16,
	    .capacity = CAPACITY };
	struct cxi_plan p = plan_make(&l, &s);
	static uint16_t image[TALL][4];
	struct event e = event_make(0);
	struct cxi_event ce = { .event = &e, .image = image };
	struct fault f = { .text = "" };
	struct cxi *c;
	hsize_t dims[3];
	uint16_t *data;
	int i;

	(void)state;
	for (i = 0; i < TALL * 4; i++)
		image[i / 4][i % 4] = (uint16_t)i;
	if (cxi_create(part, &p, &c, &f) == -1 || cxi_add(c, &ce, &f) == -1 ||
	    cxi_commit(c, name, true, &f) == -1)
		fail_msg("%s", f.text);
	data = set_read("/entry_1/data_1/data", -1, dims);
	assert_int_equal(dims[1], TALL);
	for (i = 0; i < TALL * 3; i++)
		assert_int_equal(data[i], i / 3 * 4 + i % 3);
	free(data);
}

static bool torn_has;

static int
torn_intact(const void *arg, struct fault *f)
{
	(void)arg;
	return torn_has ? 0 : fault_set(f, "torn");
}

/*
 * The kernel refuses to write from pages that a truncated file has lost. Such an
 * event is not written; those before and after it are, whole.
 */
static void
test_torn_capture(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
	struct cxi_plan p = plan_make(&l, &columns);
	static unsigned char image[PLANE_PIXELS * 4];
	char path[] = "/tmp/test_torn.XXXXXX";
	int fd = mkstemp(path);
	struct capture_name n;
	struct capture *capture;
	struct event e = event_make(0);
	struct cxi_event ce = { .event = &e, .image = image,
	    .intact = torn_intact };
	struct fault f = { .text = "" };
	struct cxi *c = NULL;

	(void)state;
	assert_int_equal(ftruncate(fd, sizeof image), 0);
	assert_int_equal(capture_identify(fd, &n), 0);
	if ((capture = capture_open(&n, &f)) == NULL ||
	    cxi_create(part, &p, &c, &f) == -1)
		fail_msg("%s", f.text);
	image_fill(image, IMAGE_F32, 0);
	torn_has = true;
	assert_int_equal(cxi_add(c, &ce, &f), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	ce.image = capture_at(capture, 0, sizeof image);
	torn_has = false;
	assert_int_equal(cxi_add(c, &ce, &f), 1);
	assert_string_equal(f.text, "torn");
	assert_false(capture_has(capture, ce.image, sizeof image));
	image_fill(image, IMAGE_F32, 1);
	ce.image = image;
	torn_has = true;
	assert_int_equal(cxi_add(c, &ce, &f), 0);
	assert_int_equal(cxi_commit(c, name, true, &f), 0);
	images_check(&p, 2);
	capture_close(capture);
	close(fd);
	unlink(path);
}

static void
chunk_shape(const char *path, hsize_t shape[3])
{
	hid_t file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
	hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
	hid_t dcpl = H5Dget_create_plist(set);

	assert_int_equal(H5Pget_chunk(dcpl, 3, shape), 3);
	H5Pclose(dcpl);
	H5Dclose(set);
	H5Fclose(file);
}

static void
test_chunks(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
	struct cxi_plan p = plan_make(&l, &columns);
	hsize_t shape[3];

	(void)state;
	file_write(&p, 0, 1);
	chunk_shape("/entry_1/data_1/data", shape);
	assert_int_equal(shape[0], 1);
	assert_int_equal(shape[1], REAL_H);
	assert_int_equal(shape[2], REAL_W);
	p.compression = CXI_GZIP;
	file_write(&p, 0, 1);
	chunk_shape("/entry_1/data_1/data", shape);
	assert_int_equal(shape[1], REAL_H / 2);
	assert_int_equal(shape[2], REAL_W / 2);
}

static char *
file_bytes(const char *path, size_t *len)
{
	struct stat st;
	FILE *fp = fopen(path, "rb");
	char *data;

	assert_non_null(fp);
	assert_int_equal(fstat(fileno(fp), &st), 0);
	*len = (size_t)st.st_size;
	data = malloc(*len);
	assert_int_equal(fread(data, 1, *len, fp), *len);
	fclose(fp);
	return data;
}

static void
test_same_bytes(void **state)
{
	unsigned c, i;

	(void)state;
	for (c = CXI_NONE; c <= CXI_BSLZ4; c++) {
		struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
		struct cxi_plan p = plan_make(&l, &columns);
		static const unsigned threads[] = { 1, 2, 7 };
		char *first = NULL, *next;
		size_t len = 0, next_len;

		if (c == CXI_BSLZ4 && !plugin)
			continue;
		p.compression = c;
		for (i = 0; i < 3; i++) {
			p.threads = threads[i];
			file_write(&p, 0, 70);
			next = file_bytes(name, &next_len);
			if (first != NULL) {
				assert_int_equal(len, next_len);
				assert_memory_equal(first, next, len);
				free(first);
			} else
				sleep(1);
			first = next;
			len = next_len;
		}
		free(first);
	}
}

static herr_t
set_visit(hid_t file, const char *path, const H5O_info_t *info, void *arg)
{
	hsize_t n = *(hsize_t *)arg, dims[3] = { 0 };
	hid_t set, space;

	assert_int_equal(info->btime, 0);
	assert_int_equal(info->mtime, 0);
	if (info->type != H5O_TYPE_DATASET)
		return 0;
	set = H5Dopen2(file, path, H5P_DEFAULT);
	space = H5Dget_space(set);
	H5Sget_simple_extent_dims(space, dims, NULL);
	if (strstr(path, "mask") == NULL && strstr(path, "process_1") == NULL &&
	    strstr(path, "description") == NULL &&
	    strcmp(path, "cxi_version") != 0)
		assert_int_equal(dims[0], n);
	H5Sclose(space);
	H5Dclose(set);
	return 0;
}

static void
test_rows(void **state)
{
	static const hsize_t counts[] = { 0, 1, 63, 64, 65, 130 };
	struct layout l = layout_make(LOGITS_NONE, IMAGE_I16);
	struct cxi_plan p = plan_make(&l, &stacked);
	hsize_t dims[3];
	unsigned k, i;

	(void)state;
	for (k = 0; k < 6; k++) {
		hsize_t n = counts[k];
		uint64_t *seq;
		hid_t file;

		file_write(&p, 0, n);
		file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
		assert_true(H5Ovisit(file, H5_INDEX_NAME, H5_ITER_NATIVE,
		    set_visit, &n) >= 0);
		H5Fclose(file);
		seq = set_read("/LCLS/eventNumber", H5T_NATIVE_UINT64, dims);
		for (i = 0; i < n; i++)
			assert_int_equal(seq[i], i);
		free(seq);
	}
}

static void
test_wide_rows(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_I16);
	struct cxi_plan p = plan_make(&l, &stacked);
	hsize_t dims[3];
	float *x;

	(void)state;
	l.capacity = 100000;
	file_write(&p, 0, 5);
	x = set_read("/entry_1/result_1/peakXPosRaw", H5T_NATIVE_FLOAT, dims);
	assert_int_equal(dims[0], 5);
	assert_int_equal(dims[1], 100000);
	assert_true(x[4 * 100000 + 3] > 0);
	assert_true(x[4 * 100000 + 4] == 0);
	free(x);
}

static void
test_peaks(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
	struct cxi_plan p = plan_make(&l, &columns);
	struct peak peaks[CAPACITY];
	hsize_t dims[3];
	float *x, *y, *sum, *max, *snr, *npixels;
	int32_t *n, *found, *panel;
	uint32_t i, k, at;

	(void)state;
	peaks_make(peaks);
	file_write(&p, 0, 8);
#define RESULT(what, type) set_read("/entry_1/result_1/" what, type, dims)
	n = RESULT("nPeaks", H5T_NATIVE_INT32);
	found = RESULT("nPeaksFound", H5T_NATIVE_INT32);
	x = RESULT("peakXPosRaw", H5T_NATIVE_FLOAT);
	y = RESULT("peakYPosRaw", H5T_NATIVE_FLOAT);
	sum = RESULT("peakTotalIntensity", H5T_NATIVE_FLOAT);
	max = RESULT("peakMaxIntensity", H5T_NATIVE_FLOAT);
	snr = RESULT("peakSNR", H5T_NATIVE_FLOAT);
	npixels = RESULT("peakNPixels", H5T_NATIVE_FLOAT);
	panel = RESULT("peakSegPosRaw", H5T_NATIVE_INT32);
	assert_int_equal(dims[1], CAPACITY);
	for (i = 0; i < 8; i++) {
		assert_int_equal(n[i], i % (CAPACITY + 1));
		assert_int_equal(found[i], n[i] + 10);
		for (k = 0; k < CAPACITY; k++) {
			int is = k < (uint32_t)n[i];

			at = i * CAPACITY + k;
			assert_true(x[at] == (is ? (float)(columns_at[k %
			    PANELS].fs + peaks[k].fs) : 0.0f));
			assert_true(y[at] == (is ? (float)(columns_at[k %
			    PANELS].ss + peaks[k].ss) : 0.0f));
			assert_true(sum[at] == (is ? peaks[k].sum : 0.0f));
			assert_true(max[at] == (is ? peaks[k].max : 0.0f));
			assert_true(snr[at] == (is ? peaks[k].snr : 0.0f));
			assert_true(npixels[at] == (is ?
			    (float)peaks[k].npixels : 0.0f));
			assert_int_equal(panel[at], is ? k % PANELS : 0);
		}
	}
	free(n);
	free(found);
	free(x);
	free(y);
	free(sum);
	free(max);
	free(snr);
	free(npixels);
	free(panel);
}

static void
f64_check(const char *path, double expect)
{
	hsize_t dims[3];
	double *v = set_read(path, H5T_NATIVE_DOUBLE, dims);

	assert_int_equal(dims[0], 1);
	assert_int_equal(dims[1], 0);
	if (isnan(expect))
		assert_true(isnan(v[0]));
	else
		assert_true(v[0] == expect);
	free(v);
}

static void
text_check(const char *path, const char *expect)
{
	hsize_t dims[3];
	char *v = set_read(path, -1, dims);

	assert_memory_equal(v, expect, strlen(expect));
	free(v);
}

static void
test_quantities(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
	struct cxi_plan p = plan_make(&l, &columns);
	hsize_t dims[3];
	uint64_t *stamp;

	(void)state;
	file_write(&p, 3, 1);
	f64_check("/entry_1/instrument_1/source_1/energy",
	    9503.0 * 1.602176634e-19);
	f64_check("/LCLS/photon_energy_eV", 9503.0);
	f64_check("/LCLS/photon_wavelength_A", EVENT_HC / 9503.0);
	f64_check("/LCLS/machineTime", 1700000003.0);
	f64_check("/LCLS/machineTimeNanoSeconds", 10.0);
	f64_check("/LCLS/detector_1/timestamp_valid", 1.0);
	f64_check("/LCLS/detector_1/EncoderValue", -583.5);
	f64_check("/entry_1/instrument_1/detector_1/distance", 0.1);
	f64_check("/entry_1/instrument_1/detector_1/x_pixel_size", 75e-6);
	f64_check("/entry_1/instrument_1/detector_1/y_pixel_size", 75e-6);
	text_check("/entry_1/experiment_identifier", "mfxx49820-r0027-3\0\0");
	text_check("/entry_1/instrument_1/detector_1/description", "epix10k2M");
	text_check("/entry_1/process_1/program", "test 1.0");
	text_check("/entry_1/process_1/options", "m=10\n");
	text_check("/entry_1/process_1/stream", "");
	stamp = set_read("/LCLS/detector_1/timestamp", H5T_NATIVE_UINT64, dims);
	assert_true(stamp[0] == (UINT64_C(1700000003) << 32 | 10));
	free(stamp);
}

static void
test_lacking(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
	struct cxi_plan p = plan_make(&l, &columns);
	struct event e = event_make(0);
	static float image[PLANE_PIXELS];
	struct cxi_event ce = { .event = &e, .image = image };
	struct cxi *c;

	(void)state;
	e.known = 0;
	assert_int_equal(cxi_create(part, &p, &c, NULL), 0);
	assert_int_equal(cxi_add(c, &ce, NULL), 0);
	memset(image, 1, sizeof image);	/* no pointer is kept */
	assert_int_equal(cxi_commit(c, name, true, NULL), 0);
	f64_check("/entry_1/instrument_1/source_1/energy", NAN);
	f64_check("/LCLS/photon_energy_eV", NAN);
	f64_check("/LCLS/photon_wavelength_A", NAN);
	f64_check("/LCLS/detector_1/EncoderValue", NAN);
	f64_check("/LCLS/machineTime", 0.0);
	f64_check("/LCLS/detector_1/timestamp", 0.0);
	f64_check("/LCLS/detector_1/timestamp_valid", 0.0);
}

static void
test_absent(void **state)
{
	static const char *const absent[] = { "/entry_1/data_1/data",
	    "/entry_1/instrument_1/detector_1/data",
	    "/entry_1/result_1/peakTotalIntensity",
	    "/entry_1/result_1/peakMaximumValue",
	    "/entry_1/result_1/peakMaxIntensity", "/entry_1/result_1/peakSNR",
	    "/entry_1/result_1/segmentation_map",
	    "/entry_1/experiment_identifier",
	    "/entry_1/instrument_1/source_1/energy",
	    "/entry_1/instrument_1/detector_1/distance",
	    "/entry_1/instrument_1/detector_1/x_pixel_size",
	    "/entry_1/instrument_1/detector_1/description",
	    "/LCLS/photon_energy_eV", "/LCLS/machineTime",
	    "/LCLS/detector_1/timestamp", "/LCLS/detector_1/EncoderValue" };
	struct layout l = layout_make(LOGITS_NONE, IMAGE_NONE);
	struct cxi_plan p = plan_make(&l, &columns);
	size_t i;

	(void)state;
	p.planes = p.quantities = 0;
	p.experiment = p.detector = NULL;
	p.distance = p.pixel_size = NAN;
	file_write(&p, 0, 2);
	for (i = 0; i < sizeof absent / sizeof absent[0]; i++)
		assert_false(set_exists(absent[i]));
	assert_true(set_exists("/entry_1/result_1/nPeaks"));
	assert_true(set_exists("/entry_1/data_1/mask"));
}

static void
same_object(hid_t file, const char *a, const char *b)
{
	H5O_info_t ia, ib;

	assert_true(H5Oget_info_by_name2(file, a, &ia, H5O_INFO_BASIC,
	    H5P_DEFAULT) >= 0);
	assert_true(H5Oget_info_by_name2(file, b, &ib, H5O_INFO_BASIC,
	    H5P_DEFAULT) >= 0);
	assert_true(ia.addr == ib.addr);
	assert_int_equal(ia.rc, 2);
}

static void
test_links(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
	struct cxi_plan p = plan_make(&l, &columns);
	hid_t file;

	(void)state;
	file_write(&p, 0, 1);
	file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
	same_object(file, "/entry_1/data_1/data",
	    "/entry_1/instrument_1/detector_1/data");
	same_object(file, "/entry_1/data_1/mask",
	    "/entry_1/instrument_1/detector_1/mask");
	same_object(file, "/entry_1/result_1/peakMaximumValue",
	    "/entry_1/result_1/peakMaxIntensity");
	H5Fclose(file);
}

static void
test_mask(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
	struct slab s = columns;
	struct cxi_plan p = plan_make(&l, &s);
	uint32_t i, n = columns.height * columns.width;
	hsize_t dims[3];
	uint16_t *read;

	(void)state;
	assert_int_equal(bitplane_init(&s.mask, s.height, s.width), 0);
	for (i = 0; i < n; i += 7)
		bitplane_set(bitplane_row(&s.mask, (int32_t)(i / s.width)),
		    i % s.width);
	file_write(&p, 0, 1);
	read = set_read("/entry_1/data_1/mask", H5T_NATIVE_UINT16, dims);
	assert_int_equal(dims[0], columns.height);
	assert_int_equal(dims[1], columns.width);
	for (i = 0; i < n; i++)
		assert_int_equal(read[i], i % 7 == 0);
	free(read);
	bitplane_free(&s.mask);
}

/* What a half means, by the book. */
static float
half_value(uint16_t h, enum logits_type t)
{
	unsigned bits = t == LOGITS_F16 ? 10 : 7;
	unsigned top = t == LOGITS_F16 ? 31 : 255;
	int bias = t == LOGITS_F16 ? 15 : 127;
	unsigned exponent = (unsigned)h >> bits & top, m = h & ((1u << bits) - 1);
	double v;

	if (exponent == top)
		v = m != 0 ? NAN : INFINITY;
	else if (exponent == 0)
		v = ldexp(m, 1 - bias - (int)bits);
	else
		v = ldexp(m + (1u << bits), (int)exponent - bias - (int)bits);
	return (float)(h & 0x8000 ? -v : v);
}

static void
halves_check(enum logits_type t, enum cxi_compression c)
{
	struct layout l = { .panels = 1, .classes = 2, .height = 256,
	    .width = 256, .real_height = 256, .real_width = 256,
	    .logits_type = t, .capacity = 1 };
	struct slab_panel at = { 0, 0 };
	struct slab s = { .height = 256, .width = 256, .panel_height = 256,
	    .panel_width = 256, .asic_height = 64, .asic_width = 64,
	    .panels = &at, .n_panels = 1 };
	struct cxi_plan p = plan_make(&l, &s);
	uint16_t *logits = malloc(4 * 65536);
	uint8_t *segmap = malloc(65536), *classes;
	struct event e = event_make(0);
	struct cxi_event ce = { .event = &e, .segmap = segmap,
	    .logits = logits };
	hsize_t dims[3];
	struct cxi *file;
	float *zero, *one;
	unsigned i;

	for (i = 0; i < 65536; i++) {
		logits[i] = (uint16_t)i;
		logits[65536 + i] = (uint16_t)(65535 - i);
		segmap[i] = (uint8_t)(i % 3);
	}
	p.planes = PLANE_SEGMAP | PLANE_LOGITS;
	p.compression = c;
	assert_int_equal(cxi_create(part, &p, &file, NULL), 0);
	assert_int_equal(cxi_add(file, &ce, NULL), 0);
	assert_int_equal(cxi_commit(file, name, true, NULL), 0);
	zero = RESULT("logit_map_class0", H5T_NATIVE_FLOAT);
	one = RESULT("logit_map_class1", H5T_NATIVE_FLOAT);
	classes = RESULT("segmentation_map", H5T_NATIVE_UINT8);
	assert_memory_equal(classes, segmap, 65536);
	for (i = 0; i < 65536; i++) {
		float v = half_value((uint16_t)i, t), w = one[65535 - i];

		if (isnan(v)) {
			assert_true(isnan(zero[i]) && isnan(w));
			continue;
		}
		assert_memory_equal(&zero[i], &v, sizeof v);
		assert_memory_equal(&w, &v, sizeof v);
	}
	free(zero);
	free(one);
	free(classes);
	free(segmap);
	free(logits);
}

static void
test_debug(void **state)
{
	enum cxi_compression c;

	(void)state;
	for (c = CXI_NONE; c <= CXI_BSLZ4; c++) {
		if (c == CXI_BSLZ4 && !plugin)
			continue;
		halves_check(LOGITS_F16, c);
		halves_check(LOGITS_BF16, c);
	}
}

static void
test_h5py(void **state)
{
	enum cxi_compression c;
	char command[256];

	(void)state;
	if (system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0)
		skip();
	for (c = CXI_NONE; c <= CXI_BSLZ4; c++) {
		struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
		struct cxi_plan p = plan_make(&l, &columns);

		if (c == CXI_BSLZ4 && !plugin)
			continue;
		p.compression = c;
		file_write(&p, 0, 3);
		snprintf(command, sizeof command,
		    "/usr/bin/python3 tests/cxi_read.py %s 3 >&2", name);
		assert_int_equal(system(command), 0);
	}
}

static void
size_limit(rlim_t bytes)
{
	struct rlimit r;

	getrlimit(RLIMIT_FSIZE, &r);
	r.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* Fails at every stage: the first group, a chunk, a column, the close. */
static void
test_full_disk(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
	struct cxi_plan p = plan_make(&l, &columns);
	struct stat st;
	off_t limit;
	struct rlimit old;
	unsigned k;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	for (k = 0; k < 4; k++) {
		p.compression = k % 2 == 0 ? CXI_NONE : CXI_GZIP;
		p.threads = k < 2 ? 1 : 3;
		file_write(&p, 0, 70);
		assert_int_equal(stat(name, &st), 0);
		unlink(name);
		for (limit = 0; limit < st.st_size; limit += st.st_size / 29) {
			struct fault f = { .text = "" };
			struct cxi *c;

			size_limit((rlim_t)limit);
			if (part_fill(&p, 0, 70, &c, &f) == 0)
				assert_int_equal(cxi_commit(c, name, true, &f),
				    -1);
			size_limit(old.rlim_cur);
			assert_false(exists(part));
			assert_false(exists(name));
			assert_non_null(strstr(f.text, "File too large"));
		}
	}
	file_write(&p, 0, 1);
}

static void
test_names(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
	struct cxi_plan p = plan_make(&l, &columns);
	struct fault f = { .text = "" };
	struct cxi *c;
	char *data;
	size_t len;
	FILE *fp;

	(void)state;
	unlink(name);
	assert_int_equal(part_fill(&p, 0, 1, &c, &f), 0);
	assert_int_equal(cxi_commit(c, name, false, &f), 0);
	assert_int_equal(part_fill(&p, 0, 1, &c, &f), 0);
	fp = fopen(name, "w");
	fputs("precious", fp);
	fclose(fp);
	assert_int_equal(cxi_commit(c, name, false, &f), -1);
	assert_non_null(strstr(f.text, "File exists"));
	assert_false(exists(part));
	data = file_bytes(name, &len);
	assert_memory_equal(data, "precious", 8);
	free(data);
	assert_int_equal(part_fill(&p, 0, 1, &c, &f), 0);
	assert_int_equal(cxi_commit(c, name, true, &f), 0);
	images_check(&p, 1);
}

static void
test_abort(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
	struct cxi_plan p = plan_make(&l, &columns);
	struct cxi *c;

	(void)state;
	unlink(name);
	assert_int_equal(part_fill(&p, 0, 2, &c, NULL), 0);
	assert_true(exists(part));
	cxi_abort(c);
	assert_false(exists(part));
	assert_false(exists(name));
}

static void
test_temporary(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
	struct cxi_plan p = plan_make(&l, &columns);
	struct cxi *c;

	(void)state;
	unlink(name);
	assert_int_equal(symlink(name, part), 0);
	assert_int_equal(cxi_create(part, &p, &c, NULL), -1);
	assert_false(exists(name));
	assert_true(exists(part));
	unlink(part);
	close(open(part, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(cxi_create(part, &p, &c, NULL), -1);
	assert_true(exists(part));
	unlink(part);
}

static void
test_refused(void **state)
{
	struct layout l = layout_make(LOGITS_NONE, IMAGE_F32);
	struct slab s = columns;
	struct cxi_plan p = plan_make(&l, &s);
	struct event e = event_make(0);
	struct peak peak = { .panel = PANELS };
	static float image[PLANE_PIXELS];
	struct cxi_event ce = { .event = &e, .peaks = &peak, .image = image };
	struct fault f = { .text = "" };
	struct cxi *c;

	(void)state;
	unlink(name);
	s.width--;
	assert_int_equal(cxi_create(part, &p, &c, &f), -1);
	assert_non_null(strstr(f.text, "panel 2 at (0, 17) reaches over"));
	assert_false(exists(part));
	s.width++;
	assert_int_equal(cxi_create(part, &p, &c, &f), 0);
	e.peaks_kept = 1;
	assert_int_equal(cxi_add(c, &ce, &f), -1);
	assert_non_null(strstr(f.text, "panel 4 of 4"));
	cxi_abort(c);
	assert_int_equal(cxi_create(part, &p, &c, &f), 0);
	e.peaks_kept = CAPACITY + 1;
	assert_int_equal(cxi_add(c, &ce, &f), -1);
	assert_int_equal(cxi_commit(c, name, true, &f), -1);
	assert_int_equal(cxi_create(part, &p, &c, &f), 0);
	e.peaks_kept = 0;
	ce.image = NULL;
	assert_int_equal(cxi_add(c, &ce, &f), -1);
	cxi_abort(c);
	assert_false(exists(part));
	assert_false(exists(name));
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(part, sizeof part, "%s/.part", dir);
	snprintf(name, sizeof name, "%s/out.cxi", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(part);
	unlink(name);
	return rmdir(dir);
}

#define TEST(what, function) { what, function, NULL, NULL, NULL }

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("images come back placed and cropped, whatever type,"
		    " compression, threads", test_images),
		TEST("panels without padding come back", test_unpadded),
		TEST("a panel of thousands of rows comes back", test_tall_panel),
		TEST("a capture that is torn costs its event only",
		    test_torn_capture),
		TEST("chunks are modules, or ASICs when compressed",
		    test_chunks),
		TEST("the same events give the same bytes, whatever second and"
		    " threads", test_same_bytes),
		TEST("every dataset has a row an event and no times",
		    test_rows),
		TEST("a large capacity holds fewer rows at once",
		    test_wide_rows),
		TEST("peaks are slab positions, zero beyond nPeaks",
		    test_peaks),
		TEST("quantities have their units", test_quantities),
		TEST("what an event lacks is NaN, or 0 and not valid",
		    test_lacking),
		TEST("what a stream lacks is absent", test_absent),
		TEST("second names are hard links", test_links),
		TEST("the mask is written as it is", test_mask),
		TEST("half-precision logits become f32 exactly", test_debug),
		TEST("h5py reads it and its filters agree", test_h5py),
		TEST("a full disk leaves no file at whatever byte",
		    test_full_disk),
		TEST("an existing name is replaced only on request",
		    test_names),
		TEST("abort removes the part", test_abort),
		TEST("a part that exists is refused and left alone",
		    test_temporary),
		TEST("what does not fit is refused", test_refused),
	};

	guard_hdf_filters();
	plugin = H5Zfilter_avail(32008) > 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
