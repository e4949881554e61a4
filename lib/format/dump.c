#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/dump_impl.h"
#include "format/guard.h"
#include "format/guard_hdf.h"

/*
 * The guarded dump: a child surveys and reads (dump_reader.c), and this side asks
 * it, for the survey first and then for one event after the other. What comes back
 * is copied out of the shared memory and then checked like a file's bytes, so that
 * a caller gets layouts that hold, events in order, and texts that end.
 *
 * Planes are copied once more for that: the caller's memory may be a slot that
 * other processes read, and the child shall not be able to write there later.
 *
 * A child that died is replaced by one that has to survey the file again. It must
 * come to the same result.
 */

/* Requests: 0 is the survey, k + 1 event k. */
enum { SURVEY = 0 };

/* The shared memory; sections, or the planes of one event, lie behind. */
struct exchange {
	struct event	event;
	uint32_t	n_sections, n_notes;
	struct dump_remark notes[DUMP_MAX_NOTES + 1];
};

enum { EXCHANGE_SIZE = (sizeof(struct exchange) + LAYOUT_ALIGN - 1) /
    LAYOUT_ALIGN * LAYOUT_ALIGN };

struct dump {
	struct dump_options options;
	int		fd;
	struct guard	*guard;
	bool		surveyed;	/* by the child that there is now */
	struct dump_reader *reader;	/* in the child; NULL here */

	struct dump_section *sections;
	unsigned	n_sections;
	struct dump_remark *notes;
	unsigned	n_notes;
};

static const unsigned char signature[8] = "\211HDF\r\n\032\n";

/* 1 if it begins as an HDF5 file does, 0 if not, -1 on error. */
static int
signature_check(int fd, struct fault *f)
{
	unsigned char head[sizeof signature];
	ssize_t n = pread(fd, head, sizeof head, 0);

	if (n == -1)
		return fault_set(f, "%s", strerror(errno));
	return n == sizeof head && memcmp(head, signature, sizeof head) == 0;
}

int
dump_probe(int fd, struct fault *f)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return fault_set(f, "%s", strerror(errno));
	/* The bytes of a pipe can be read only once: they are not ours. */
	return S_ISREG(st.st_mode) ? signature_check(fd, f) : 0;
}

/* ---- in the child ---- */

static int
child_survey(struct dump *d, int fd, struct exchange *x, struct fault *f)
{
	size_t n;

	dump_reader_close(d->reader);
	d->reader = NULL;
	if (dump_reader_open(fd, &d->options, &d->reader, f) == -1)
		return -1;
	/* dump_reader_open sets it when it does not fail. */
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	n = d->reader->n_sections * sizeof *d->sections;
	if (n > LAYOUT_MAX_BYTES)
		return fault_set(f, "too many layouts in it (%u)",
		    d->reader->n_sections);
	x->n_sections = d->reader->n_sections;
	x->n_notes = d->reader->n_remarks;
	memcpy(x->notes, d->reader->remarks, x->n_notes * sizeof *x->notes);
	memcpy((unsigned char *)x + EXCHANGE_SIZE, d->reader->sections, n);
	return 0;
}

/* The section of event k: the last one that begins at or before it. */
static const struct dump_section *
section_find(const struct dump_section *s, unsigned n, uint64_t k)
{
	unsigned low = 0, high = n, mid;

	while (high - low > 1) {
		mid = low + (high - low) / 2;
		if (s[mid].first <= k)
			low = mid;
		else
			high = mid;
	}
	return &s[low];
}

static int
child_serve(void *ctx, int fd, void *memory, uint64_t request, struct fault *f)
{
	struct dump *d = ctx;
	const struct layout *l;
	unsigned char *logits = (unsigned char *)memory + EXCHANGE_SIZE;
	unsigned char *image = NULL;
	struct exchange *x = memory;

	if (request == SURVEY)
		return child_survey(d, fd, x, f);
	l = &section_find(d->reader->sections, d->reader->n_sections,
	    request - 1)->layout;
	if (l->image_type != IMAGE_NONE)
		image = logits + layout_plane_size(l, PLANE_LOGITS);
	return dump_reader_read(d->reader, request - 1, logits, image, &x->event,
	    f);
}

/* ---- in the parent ---- */

static int
nonsense(struct fault *f)
{
	return fault_set(f, "HDF5 ran wild: its survey of the file contradicts"
	    " itself");
}

static int
sections_check(const struct dump *d, const struct dump_section *s, unsigned n,
    struct fault *f)
{
	uint64_t events = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		if (layout_check(&s[i].layout, NULL) == -1 ||
		    s[i].layout.logits_type == LOGITS_NONE ||
		    s[i].layout.capacity != d->options.capacity ||
		    s[i].first != events || s[i].count == 0 ||
		    s[i].count > UINT64_MAX / 2 - events ||
		    s[i].quantities & ~(unsigned)QUANTITY_ALL ||
		    s[i].quantities != s[0].quantities)
			return nonsense(f);
		events += s[i].count;
	}
	return 0;
}

/* The sections of a survey, copied, then checked; NULL on a fault. */
static struct dump_section *
sections_take(const struct dump *d, unsigned *n, struct fault *f)
{
	const struct exchange *x = guard_memory(d->guard);
	struct dump_section *s;

	*n = x->n_sections;
	if (*n < 1 || *n > DUMP_MAX_BATCHES ||
	    *n > LAYOUT_MAX_BYTES / sizeof *s) {
		nonsense(f);
		return NULL;
	}
	if ((s = calloc(*n, sizeof *s)) == NULL) {
		fault_lack(f, "out of memory for %u layouts", *n);
		return NULL;
	}
	memcpy(s, (const unsigned char *)x + EXCHANGE_SIZE, *n * sizeof *s);
	if (sections_check(d, s, *n, f) == 0)
		return s;
	free(s);
	return NULL;
}

static int
notes_take(struct dump *d, struct fault *f)
{
	const struct exchange *x = guard_memory(d->guard);
	unsigned i, n = x->n_notes;

	if (n > DUMP_MAX_NOTES + 1)
		return nonsense(f);
	if ((d->notes = calloc(n + 1, sizeof *d->notes)) == NULL)
		return fault_lack(f, "out of memory");
	memcpy(d->notes, x->notes, n * sizeof *d->notes);
	for (i = 0; i < n; i++) {
		guard_text(d->notes[i].text, sizeof d->notes[i].text);
		d->notes[i].damage = d->notes[i].damage != 0;
	}
	d->n_notes = n;
	return 0;
}

static int
survey_ask(struct dump *d, struct fault *f)
{
	if (guard_ask(d->guard, SURVEY, f) != GUARD_DONE)
		return -1;
	if ((d->sections = sections_take(d, &d->n_sections, f)) == NULL)
		return -1;
	d->surveyed = true;
	return notes_take(d, f);
}

static bool
sections_equal(const struct dump_section *a, const struct dump_section *b,
    unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (!layout_equal(&a[i].layout, &b[i].layout) ||
		    a[i].count != b[i].count ||
		    a[i].quantities != b[i].quantities)
			return false;
	return true;
}

/* Has a new child survey the file, with the result that the first one had. */
static int
survey_repeat(struct dump *d, struct fault *f)
{
	struct dump_section *s;
	unsigned n;
	bool same;

	if (d->surveyed)
		return 0;
	if (guard_ask(d->guard, SURVEY, f) != GUARD_DONE ||
	    (s = sections_take(d, &n, f)) == NULL)
		return -1;
	same = n == d->n_sections && sections_equal(s, d->sections, n);
	free(s);
	if (!same)
		return fault_set(f, "the file has changed since it was opened");
	d->surveyed = true;
	return 0;
}

static struct dump *
dump_new(const struct dump_options *o, int fd)
{
	struct dump *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->options = *o;
	d->fd = fd;
	return d;
}

static int
guard_begin(struct dump *d, struct fault *f)
{
	const struct guard_duty duty = { guard_hdf_prepare, child_serve, d,
	    EXCHANGE_SIZE + LAYOUT_MAX_BYTES };

	d->guard = guard_start(&duty, &d->fd, 1, d->options.limits == NULL ?
	    &guard_limits : d->options.limits, f);
	return d->guard == NULL ? -1 : 0;
}

int
dump_open(const char *path, const struct dump_options *o, struct dump **out,
    struct fault *f)
{
	struct dump *d;
	int fd, r;

	if ((fd = guard_open(path, f)) == -1)
		return -1;
	if ((r = signature_check(fd, f)) != 1) {
		close(fd);
		return r == -1 ? -1 : fault_set(f, "not an HDF5 file");
	}
	if ((d = dump_new(o, fd)) == NULL) {
		close(fd);
		return fault_lack(f, "out of memory");
	}
	if (guard_begin(d, f) == -1 || survey_ask(d, f) == -1) {
		dump_close(d);
		return -1;
	}
	*out = d;
	return 0;
}

void
dump_close(struct dump *d)
{
	if (d == NULL)
		return;
	guard_stop(d->guard);
	close(d->fd);
	free(d->notes);
	free(d->sections);
	free(d);
}

const struct dump_section *
dump_sections(const struct dump *d, unsigned *n)
{
	*n = d->n_sections;
	return d->sections;
}

uint64_t
dump_events(const struct dump *d)
{
	const struct dump_section *last = &d->sections[d->n_sections - 1];

	return last->first + last->count;
}

const char *
dump_note(const struct dump *d, unsigned i, int *damage)
{
	if (i >= d->n_notes)
		return NULL;
	*damage = d->notes[i].damage;
	return d->notes[i].text;
}

/* What the child says of an event; values that cannot be are unknown. */
static void
event_take(const struct event *foreign, const struct layout *l, struct event *e)
{
	struct event c;

	memcpy(&c, foreign, sizeof c);
	guard_text(c.source, sizeof c.source);
	memcpy(e->source, c.source, sizeof e->source);
	if ((c.known & QUANTITY_TIMESTAMP) && event_time_valid(c.timestamp)) {
		e->known |= QUANTITY_TIMESTAMP;
		e->timestamp = c.timestamp;
	}
	if ((c.known & QUANTITY_ENERGY) && isfinite(c.photon_energy) &&
	    c.photon_energy > 0) {
		e->known |= QUANTITY_ENERGY;
		e->photon_energy = c.photon_energy;
	}
	if (c.cause == EVENT_NO_IMAGE && l->image_type != IMAGE_NONE)
		e->cause = EVENT_NO_IMAGE;
}

static void
planes_take(const unsigned char *planes, const struct layout *l, void *logits,
    void *image)
{
	memcpy(logits, planes, layout_plane_bytes(l, PLANE_LOGITS));
	if (image != NULL && l->image_type != IMAGE_NONE)
		memcpy(image, planes + layout_plane_size(l, PLANE_LOGITS),
		    layout_plane_bytes(l, PLANE_IMAGE));
}

/* Asks for event k, whose words are in *e whatever the answer is. */
static enum guard_answer
event_ask(struct dump *d, uint64_t k, const struct layout *l, struct event *e,
    struct fault *f)
{
	struct exchange *x = guard_memory(d->guard);
	enum guard_answer a;

	/* One that dies early shall not leave the words of the last event. */
	event_init(&x->event);
	if (survey_repeat(d, f) == -1)
		a = GUARD_DIED;
	else
		a = guard_ask(d->guard, k + 1, f);
	event_take(&x->event, l, e);
	if (a != GUARD_DIED)
		return a;
	d->surveyed = false;
	if (e->source[0] != '\0')
		fault_prefix(f, "%s", e->source);
	else
		fault_prefix(f, "event %llu", (unsigned long long)k);
	return a;
}

int
dump_read(struct dump *d, uint64_t k, void *logits, void *image,
    struct event *e, struct fault *f)
{
	const struct exchange *x = guard_memory(d->guard);
	const struct layout *l;

	if (k >= dump_events(d))
		return fault_set(f, "event %llu of %llu", (unsigned long long)k,
		    (unsigned long long)dump_events(d));
	l = &section_find(d->sections, d->n_sections, k)->layout;
	event_init(e);
	if (event_ask(d, k, l, e, f) != GUARD_DONE)
		return -1;
	planes_take((const unsigned char *)x + EXCHANGE_SIZE, l, logits, image);
	return 0;
}
