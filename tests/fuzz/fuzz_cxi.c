/*
 * libFuzzer target: any bytes as a CXI file, read as cximerge, cxiview and cxireport
 * read it: its survey, all that lies in it, rows and storage chunks of that, the
 * tables of a merged file, events. HDF5 may crash on them, in its child; what comes
 * back must be in order all the same. Build with clang
 * -fsanitize=fuzzer,address,undefined; HDF5_PLUGIN_PRELOAD=:: in the environment
 * saves loading plugins each time.
 *
 * The reader has the limits of guard.h, minutes; here they are seconds: the linker
 * puts our guard_start in the place of the real one (Makefile).
 *
 * With INSIDE defined cxisets_file.c runs in this process, without a guard, to find
 * faults of ours behind it. Most crashes are HDF5's then: see whose frames are on
 * top.
 */
#include <sys/mman.h>

#include <hdf5.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/cxiparts.h"
#include "format/cxireader_impl.h"
#include "format/cxisets.h"
#include "format/cxisets_file.h"
#include "format/guard.h"
#include "format/guard_hdf.h"
#include "fuzz_file.h"

enum { PIXELS_MAX = 1 << 18, EVENTS_MAX = 4 };

struct guard	*real_start(const struct guard_duty *, const int *fds, int n,
		    const struct guard_limits *, struct fault *)
		    __asm__("__real_guard_start");
struct guard	*quick_start(const struct guard_duty *, const int *fds, int n,
		    const struct guard_limits *, struct fault *)
		    __asm__("__wrap_guard_start");

struct guard *
quick_start(const struct guard_duty *duty, const int *fds, int n,
    const struct guard_limits *limits, struct fault *f)
{
	const struct guard_limits seconds = { 3, 12, 256 << 20 };

	(void)limits;
	return real_start(duty, fds, n, &seconds, f);
}

static void
text_check(const char *text, size_t size)
{
	if (memchr(text, '\0', size) == NULL)
		abort();
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ')
			abort();
}

/* What failed must have said why. */
static void
fault_check(struct fault *f)
{
	text_check(f->text, sizeof f->text);
	if (f->text[0] == '\0')
		abort();
	memset(f, 0xff, sizeof *f);
}

#ifndef INSIDE
static volatile unsigned sum;		/* of all bytes, so that they are read */

static void
bytes_touch(const void *from, uint64_t n)
{
	const unsigned char *b = from;
	uint64_t i;

	for (i = 0; i < n; i++)
		sum += b[i];
}

static void
set_check(const struct cxisets *x, uint32_t at)
{
	const struct cxiset *s = &x->sets[at];
	char words[100];

	text_check(s->name, sizeof s->name);
	text_check(s->units, sizeof s->units);
	cxiset_words(s, words, sizeof words);
	text_check(words, sizeof words);
	if (s->name[0] != '/' || s->same < -1 || s->same >= (int32_t)at ||
	    s->rank > CXISETS_RANK || s->n_filters > CXISETS_FILTERS ||
	    cxisets_find(x, s->name) > s)
		abort();
	if (s->kind != CXISET_GROUP && !s->elsewhere &&
	    (s->size == 0 || cxiset_row(s) > CXIREADER_MEMORY))
		abort();
}

static int
chunk_touch(void *arg, const struct cxichunk *c, const void *bytes,
    struct fault *f)
{
	unsigned *n = arg;

	(void)f;
	if (c->bytes == 0)
		abort();
	bytes_touch(bytes, c->bytes);
	return ++*n < 1000 ? 0 : 7;
}

static void
set_read(struct cxireader *r, const struct cxisets *x, const struct cxiset *s)
{
	uint64_t rows = s->growing ? s->dims[0] : 1, got;
	const void *bytes;
	unsigned n = 0;
	struct fault f;
	int status;

	memset(&f, 0xff, sizeof f);
	bytes = cxireader_rows(r, x, s, 0, rows, &got, &f);
	if (bytes == NULL)
		fault_check(&f);
	else if (got > rows || got == 0 ||
	    got * cxiset_row(s) > CXIREADER_MEMORY)
		abort();
	else
		bytes_touch(bytes, got * cxiset_row(s));
	if (rows > 1 && cxireader_rows(r, x, s, rows - 1, 1, &got, &f) == NULL)
		fault_check(&f);
	if (s->chunk[0] != 1)
		return;
	status = cxireader_chunks(r, x, s, rows / 2, chunk_touch, &n, &f);
	if (status == -1)
		fault_check(&f);
	else if (status != (n == 1000 ? 7 : 0))
		abort();
}

static void
parts_read(struct cxireader *r)
{
	struct cxiparts *parts;
	struct fault f;
	size_t i;

	memset(&f, 0xff, sizeof f);
	/* Names of sources are relative to a file that is there. */
	if (cxiparts_load(r, "/dev/null", NULL, &parts, &f) == -1) {
		if (parts != NULL)
			abort();
		fault_check(&f);
		return;
	}
	if (cxiparts_events(parts) != cxireader_info(r)->events)
		abort();
	for (i = 0; i < cxiparts_count(parts); i++)
		if (memchr(cxiparts_source(parts, i)->digest, '\0',
		    CXIPARTS_DIGEST_SIZE) == NULL ||
		    cxiparts_source(parts, i)->path == NULL)
			abort();
	cxiparts_free(parts);
}

static void
sets_read(struct cxireader *r)
{
	static struct cxisets x;
	struct fault f;
	uint32_t i;

	memset(&f, 0xff, sizeof f);
	if (cxireader_sets(r, &x, &f) == -1) {
		fault_check(&f);
		return;
	}
	for (i = 0; i < x.n; i++) {
		set_check(&x, i);
		if (x.sets[i].kind != CXISET_GROUP)
			set_read(r, &x, &x.sets[i]);
	}
	parts_read(r);
}

static void
events_read(struct cxireader *r)
{
	static float pixels[PIXELS_MAX];
	static uint8_t bad[PIXELS_MAX];
	const struct cxireader_info *x = cxireader_info(r);
	const struct cxireader_peak *peaks;
	struct cxireader_event e;
	struct fault f;
	uint64_t k;

	memset(&f, 0xff, sizeof f);
	for (k = 0; k < x->events && k < EVENTS_MAX; k++) {
		if (cxireader_event(r, k, &e, &peaks, &f) == -1)
			fault_check(&f);
		else if (e.n_peaks > x->capacity)
			abort();
		else
			bytes_touch(peaks, e.n_peaks * sizeof *peaks);
		if ((uint64_t)x->height * x->width > PIXELS_MAX || x->height == 0)
			continue;
		if (cxireader_image(r, k, pixels, &f) == -1)
			fault_check(&f);
		if (cxireader_mask(r, k, bad, &f) == -1)
			fault_check(&f);
	}
}

static void
file_try(const char *path)
{
	struct cxireader *r;
	struct fault f;

	memset(&f, 0xff, sizeof f);
	if (cxireader_open_alone(path, "/LCLS/detector_1/EncoderValue", &r,
	    &f) == -1) {
		fault_check(&f);
		return;
	}
	sets_read(r);
	events_read(r);
	cxireader_close(r);
}
#else
static void
set_read(hid_t file, hid_t access, const struct cxiset *s, void *memory)
{
	uint64_t rows = s->growing ? s->dims[0] : 1;
	struct fault f;

	memset(&f, 0xff, sizeof f);
	if (rows == 0 || s->size == 0 || s->size > CXISETS_ROOM)
		return;
	if (cxisets_rows(file, access, s, rows - 1, memory, CXIREADER_MEMORY,
	    &f) == -1)
		fault_check(&f);
	if (cxisets_chunks(file, access, s, rows / 2, memory, CXIREADER_MEMORY,
	    &f) == -1)
		fault_check(&f);
}

static void
file_try(const char *path)
{
	static struct cxisets x;
	static void *memory;
	struct fault f;
	bool met = false;
	int fd = guard_open(path, &f);
	hid_t file, access;
	uint32_t i;

	if (fd == -1 || guard_hdf_prepare(NULL, &f) == -1)
		abort();
	if (memory == NULL)
		memory = mmap(NULL, CXIREADER_MEMORY, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	access = H5Pcreate(H5P_DATASET_ACCESS);
	if (memory == MAP_FAILED || access < 0 ||
	    guard_hdf_links(access, &met) == -1)
		abort();
	if ((file = guard_hdf_open(fd)) >= 0) {
		if (cxisets_survey(file, access, &x, &f) == 0)
			for (i = 0; i < x.n; i++)
				if (x.sets[i].kind != CXISET_GROUP)
					set_read(file, access, &x.sets[i],
					    memory);
		H5Fclose(file);
	}
	H5Pclose(access);
	close(fd);
}
#endif
