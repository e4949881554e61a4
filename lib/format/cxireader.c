#include <sys/stat.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/cxiparts.h"
#include "format/cxireader_impl.h"
#include "format/guard.h"
#include "format/guard_hdf.h"

#define NO_BLOCK UINT64_MAX

/*
 * The parent's side: asks the child (cxireader_file.c) and copies what it answers
 * before it looks at it, since the child may still change it. Only numbers that
 * sizes and indices are made of can do harm: they are checked. The others are as
 * true as the file.
 */

struct cxireader {
	char		*paths[GUARD_FILES];
	int		fds[GUARD_FILES];
	size_t		n;
	const char	*path;		/* of the file that it is about */
	struct guard	*guard;
	struct cxireader_file *file;	/* the child's, as it was at the fork */
	struct cxireader_info info;
	struct cxiparts	*parts;		/* of a merged file; NULL: read alone */
	uint64_t	block;		/* which is in the arrays below */
	struct cxireader_event events[CXIREADER_BLOCK_EVENTS];
	struct cxireader_peak *peaks;
	size_t		room;
};

static int
child_serve(void *ctx, int fd, void *memory, uint64_t request, struct fault *f)
{
	struct cxireader *r = ctx;

	return cxireader_file_serve(r->file, fd, memory, request, f);
}

int
cxireader_wild(const struct cxireader *r, struct fault *f)
{
	return fault_set(f, "%s: HDF5 ran wild: what it says of the file"
	    " contradicts itself", r->path);
}

int
cxireader_ask(struct cxireader *r, enum cxireader_what what, uint64_t k,
    struct fault *f)
{
	if (guard_ask(r->guard, CXIREADER_REQUEST(what, k), f) == GUARD_DONE)
		return 0;
	return fault_prefix(f, "%s", r->path);
}

const void *
cxireader_memory(const struct cxireader *r)
{
	return guard_memory(r->guard);
}

/* Newlines in provenance are wanted. */
static void
text_check(char *text, size_t size)
{
	size_t i;

	text[size - 1] = '\0';
	for (i = 0; text[i] != '\0'; i++)
		if ((unsigned char)text[i] < ' ' && text[i] != '\n')
			text[i] = '?';
}

static int
info_take(struct cxireader *r, struct fault *f)
{
	struct cxireader_info *x = &r->info;

	r->block = NO_BLOCK;
	if (cxireader_ask(r, CXIREADER_SURVEY, 0, f) == -1)
		return -1;
	memcpy(x, guard_memory(r->guard), sizeof *x);
	text_check(x->type, sizeof x->type);
	text_check(x->program, sizeof x->program);
	text_check(x->options, sizeof x->options);
	text_check(x->stream, sizeof x->stream);
	text_check(x->detector, sizeof x->detector);
	if ((x->height == 0) != (x->width == 0) || (x->height != 0 &&
	    x->width > CXIREADER_MAX_PIXELS / x->height) ||
	    x->capacity > CXIREADER_MAX_CAPACITY ||
	    x->events > CXIREADER_MAX_EVENTS)
		return cxireader_wild(r, f);
	return 0;
}

static int
file_open(struct cxireader *r, const char *path, struct fault *f)
{
	int fd = guard_open(path, f);

	if (fd == -1)
		return fault_prefix(f, "%s", path);
	if ((r->paths[r->n] = strdup(path)) == NULL) {
		close(fd);
		return fault_lack(f, "out of memory");
	}
	r->fds[r->n++] = fd;
	return 0;
}

static int
child_begin(struct cxireader *r, const char *clen_path, struct fault *f)
{
	const struct guard_duty duty = { guard_hdf_prepare, child_serve, r,
	    CXIREADER_MEMORY };

	r->path = r->paths[0];
	if ((r->file = cxireader_file_new(clen_path)) == NULL)
		return fault_lack(f, "out of memory");
	r->guard = guard_start(&duty, r->fds, (int)r->n, &guard_limits, f);
	return r->guard == NULL ? fault_prefix(f, "%s", r->path) : 0;
}

/* A child that is started has each for a moment twice. */
static size_t
files_allowed(void)
{
	long n = sysconf(_SC_OPEN_MAX) / 4;

	return n < 1 ? 1 : n > GUARD_FILES ? GUARD_FILES : (size_t)n;
}

int
cxireader_open_many(const char *const paths[], size_t *n, const char *clen_path,
    struct cxireader **out, struct fault *f)
{
	struct cxireader *r = calloc(1, sizeof *r);
	struct fault later;

	*out = NULL;
	if (r == NULL)
		return fault_lack(f, "out of memory");
	if (file_open(r, paths[0], f) == 0) {
		while (r->n < *n && r->n < files_allowed() &&
		    file_open(r, paths[r->n], &later) == 0)
			;
		if (child_begin(r, clen_path, f) == 0) {
			*n = r->n;
			*out = r;
			return 0;
		}
	}
	cxireader_close(r);
	return -1;
}

int
cxireader_turn(struct cxireader *r, size_t i, struct fault *f)
{
	r->path = r->paths[i];
	guard_turn(r->guard, (int)i);
	return info_take(r, f);
}

int
cxireader_open_alone(const char *path, const char *clen_path,
    struct cxireader **out, struct fault *f)
{
	const char *const paths[] = { path };
	struct cxireader *r;
	size_t n = 1;

	*out = NULL;
	if (cxireader_open_many(paths, &n, clen_path, &r, f) == -1 || r == NULL)
		return -1;
	if (cxireader_turn(r, 0, f) == -1) {
		cxireader_close(r);
		return -1;
	}
	*out = r;
	return 0;
}

int
cxireader_bytes(const struct cxireader *r, uint64_t *bytes, struct fault *f)
{
	struct stat st;
	size_t i;

	for (i = 0; r->paths[i] != r->path; i++)
		;
	if (fstat(r->fds[i], &st) == -1)
		return fault_set(f, "%s: %s", r->path, strerror(errno));
	*bytes = (uint64_t)st.st_size;
	return 0;
}

/* What a merged file is like, its first event's source tells, but not its texts. */
static int
parts_open(struct cxireader *r, const char *clen_path, struct fault *f)
{
	struct cxireader_info *x = &r->info;
	uint64_t events = x->events, row;
	struct cxireader *first;

	if (cxiparts_load(r, r->path, clen_path, &r->parts, f) == -1)
		return -1;
	if (events == 0)
		return fault_set(f, "%s: has no events", r->path);
	if ((first = cxiparts_reader(r->parts, 0, &row, f)) == NULL)
		return -1;
	x->height = first->info.height;
	x->width = first->info.width;
	x->capacity = first->info.capacity;
	x->mask = first->info.mask;
	memcpy(x->type, first->info.type, sizeof x->type);
	return 0;
}

int
cxireader_open(const char *path, const char *clen_path, struct cxireader **out,
    struct fault *f)
{
	struct cxireader *r;

	*out = NULL;
	if (cxireader_open_alone(path, clen_path, &r, f) == -1 || r == NULL)
		return -1;
	if (r->info.merged && parts_open(r, clen_path, f) == -1) {
		cxireader_close(r);
		return -1;
	}
	*out = r;
	return 0;
}

/* The reader that has event *k, and its number there; NULL with a fault. */
static struct cxireader *
reader_of(struct cxireader *r, uint64_t *k, struct fault *f)
{
	const struct cxireader_info *x;
	struct cxireader *part;

	if (r->parts == NULL)
		return r;
	if ((part = cxiparts_reader(r->parts, *k, k, f)) == NULL)
		return NULL;
	x = &part->info;
	if (x->height == r->info.height && x->width == r->info.width &&
	    x->capacity == r->info.capacity && x->mask == r->info.mask)
		return part;
	fault_set(f, "%s: does not fit the other sources of %s any more;"
	    " see cximerge -c", part->path, r->path);
	return NULL;
}

void
cxireader_close(struct cxireader *r)
{
	size_t i;

	if (r == NULL)
		return;
	cxiparts_free(r->parts);
	guard_stop(r->guard);
	cxireader_file_free(r->file);
	for (i = 0; i < r->n; i++) {
		close(r->fds[i]);
		free(r->paths[i]);
	}
	free(r->peaks);
	free(r);
}

const struct cxireader_info *
cxireader_info(const struct cxireader *r)
{
	return &r->info;
}

/* Copies the events and their peaks out of the child's memory. */
static int
block_take(struct cxireader *r, struct fault *f)
{
	const struct cxireader_event *from = guard_memory(r->guard);
	struct cxireader_peak *larger;
	size_t n = 0, i;

	memcpy(r->events, from, sizeof r->events);
	for (i = 0; i < CXIREADER_BLOCK_EVENTS; i++) {
		if (r->events[i].n_peaks > r->info.capacity)
			return cxireader_wild(r, f);
		n += r->events[i].n_peaks;
	}
	if (n > (CXIREADER_MEMORY - sizeof r->events) / sizeof *r->peaks)
		return cxireader_wild(r, f);
	if (n > r->room) {
		if ((larger = realloc(r->peaks, n * sizeof *r->peaks)) == NULL)
			return fault_lack(f, "out of memory for %zu peaks", n);
		r->peaks = larger;
		r->room = n;
	}
	if (n > 0)
		memcpy(r->peaks, from + CXIREADER_BLOCK_EVENTS,
		    n * sizeof *r->peaks);
	return 0;
}

static int
range_check(const struct cxireader *r, uint64_t k, struct fault *f)
{
	if (k < r->info.events)
		return 0;
	if (r->info.events == 0)
		return fault_set(f, "%s: has no events", r->path);
	return fault_set(f, "%s: has no event %llu: its events are 0 to %llu",
	    r->path, (unsigned long long)k,
	    (unsigned long long)r->info.events - 1);
}

int
cxireader_event(struct cxireader *r, uint64_t k, struct cxireader_event *e,
    const struct cxireader_peak **peaks, struct fault *f)
{
	uint64_t size, i;
	size_t before = 0;

	if (range_check(r, k, f) == -1 || (r = reader_of(r, &k, f)) == NULL)
		return -1;
	size = cxireader_block(r->info.capacity);
	if (k / size != r->block) {
		r->block = NO_BLOCK;
		if (cxireader_ask(r, CXIREADER_BLOCK, k / size, f) == -1 ||
		    block_take(r, f) == -1)
			return -1;
		r->block = k / size;
	}
	for (i = 0; i < k % size; i++)
		before += r->events[i].n_peaks;
	*e = r->events[k % size];
	/* Without any peaks there is no memory for them. */
	if (peaks != NULL)
		*peaks = before == 0 ? r->peaks : r->peaks + before;
	return 0;
}

int
cxireader_image(struct cxireader *r, uint64_t k, float *pixels,
    struct fault *f)
{
	if (range_check(r, k, f) == -1 || (r = reader_of(r, &k, f)) == NULL)
		return -1;
	if (r->info.height == 0)
		return fault_set(f, "%s: has no images", r->path);
	if (cxireader_ask(r, CXIREADER_IMAGE, k, f) == -1)
		return -1;
	memcpy(pixels, guard_memory(r->guard),
	    (size_t)r->info.height * r->info.width * sizeof *pixels);
	return 0;
}

int
cxireader_mask(struct cxireader *r, uint64_t k, uint8_t *bad,
    struct fault *f)
{
	size_t n = (size_t)r->info.height * r->info.width, i;

	if (range_check(r, k, f) == -1 || (r = reader_of(r, &k, f)) == NULL)
		return -1;
	memset(bad, 0, n);
	if (r->info.mask == 0)
		return 0;
	if (cxireader_ask(r, CXIREADER_MASK, k, f) == -1)
		return -1;
	memcpy(bad, guard_memory(r->guard), n);
	for (i = 0; i < n; i++)
		bad[i] = bad[i] != 0;
	return 0;
}
