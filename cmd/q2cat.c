/*
 * q2cat: cat Q2. Captures, dumps and streams in, one stream of records out: by
 * reference into slots under q2slots, else inline.
 *
 * An input is read by dump_cat or stream_cat. Each event that the options select
 * becomes a parcel, its place in a slot or in the one buffer of inline output;
 * planes are read straight to it, or, on replay of a capture into slots, stay
 * where they are. Headers, numbers and end records are the splice's.
 *
 * Who waits: for a token (slots_take watches the output), for input (inlet_watch
 * does), for the output (EPIPE), and for -r's next instant (rate_wait watches the
 * output). Tokens in hand go back by slots_close on every way out of main.
 */
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "format/dump.h"
#include "format/eventblock.h"
#include "format/feed.h"
#include "format/splice.h"
#include "status.h"
#include "tool.h"
#include "transport/outlet.h"

#define FACTS_MAX 32

struct options {
	bool		verbose;
	bool		crc;
	uint64_t	skip;
	uint64_t	count;		/* UINT64_MAX: all */
	uint64_t	shard, shards;
	uint64_t	loops;		/* 0: for ever */
	double		rate;		/* events a second; 0: as fast as it goes */
	const char	*unit;		/* of wavelengths in dumps: "A" or "nm" */
	uint32_t	capacity;
	const char	*facts[FACTS_MAX];	/* key=value of -k */
	unsigned	n_facts;
};

/* Everything between input and output. */
struct cat {
	const struct options *o;
	struct slots	*slots;		/* NULL: none */
	struct outlet	out;
	struct splice	splice;
	struct progress	progress;
	int		status;
	const char	*name;		/* of the input in hand, for messages */
	bool		finished;	/* -n is reached, or the reader has gone */
	bool		interrupted;	/* a signal stopped us, the originator */
	bool		damaged;	/* an input failed: what follows is not whole */
	uint64_t	position;	/* events met, for -s, -n, -i */
	uint64_t	total;		/* events sent, for -v */
	double		due;		/* when -r allows the next event */
	uint64_t	slot_bytes;	/* an event's, that memory was checked for */
	unsigned char	*buffer;	/* for inline output */
	uint64_t	room;
};

/* An event on its way out: where it lies, and its record. */
struct parcel {
	struct place	place;
	struct record	record;
};

static const volatile int *originator_stop(int);

/* The reader of our output has gone: end quietly; anything else is said. */
static int
output_failed(struct cat *c)
{
	if (errno != EPIPE)
		warn("standard output");
	c->status = tool_worse(c->status,
	    errno == EPIPE ? STATUS_GONE : STATUS_OUTPUT);
	c->finished = true;
	c->splice.open = false;
	/* Who waits for tokens behind another program learns it by our end. */
	if (c->slots != NULL)
		(void)slots_consume(c->slots, NULL);
	return -1;
}

static int
input_failed(struct cat *c, const struct fault *f)
{
	warnx("%s: %s", c->name, f->text);
	c->status = tool_worse(c->status, STATUS_INPUT);
	return -1;
}

static int
system_failed(struct cat *c, const char *text)
{
	warnx("%s", text);
	c->status = tool_worse(c->status, STATUS_SYSTEM);
	c->finished = true;
	return -1;
}

/* An input failed in a way that leaves events uncounted. */
static int
input_damaged(struct cat *c, const struct fault *f)
{
	c->damaged = true;
	return input_failed(c, f);
}

/*
 * Sends what splicing says. No end record once events are missing that nobody has
 * counted: cxiwrite then says so.
 */
static int
todo_send(struct cat *c, int todo, const struct record *end)
{
	if ((todo & SPLICE_END) && !c->damaged &&
	    outlet_record(&c->out, end) == -1)
		return output_failed(c);
	if ((todo & SPLICE_HEADER) &&
	    outlet_stream(&c->out, c->splice.header) == -1)
		return output_failed(c);
	if (outlet_flush(&c->out) == -1)
		return output_failed(c);
	return 0;
}

static int
stream_begin(struct cat *c, const unsigned char *header)
{
	struct record end;
	struct fault f;
	int todo = splice_begin(&c->splice, header, &end, &f);

	return todo == -1 ? input_damaged(c, &f) : todo_send(c, todo, &end);
}

/* Physical memory that n slots may come to need, against what there is. */
static int
memory_check(struct cat *c, unsigned planes)
{
	uint64_t size = RECORD_SIZE + layout_size(&c->splice.stream.layout,
	    planes | PLANE_SEGMAP | PLANE_PEAKS);
	unsigned n = slots_count(c->slots);
	unsigned long long kib = 0;
	char line[160];
	FILE *m;

	if (size <= c->slot_bytes)
		return 0;
	c->slot_bytes = size;
	if ((m = fopen("/proc/meminfo", "re")) == NULL)
		return 0;
	while (fgets(line, sizeof line, m) != NULL)
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	fclose(m);
	if (kib != 0 && n * size > kib * 1024) {
		snprintf(line, sizeof line, "%u slots of %.1f MiB are %.1f GiB,"
		    " free are %.1f GiB: give q2slots -n %llu or less", n,
		    (double)size / 1048576, (double)(n * size) / 1073741824,
		    (double)kib / 1048576, kib * 1024 / size);
		return system_failed(c, line);
	}
	warnx("%u slots x %.1f MiB: at most %.2f GiB of shared memory", n,
	    (double)size / 1048576, (double)(n * size) / 1073741824);
	return 0;
}

/* Is the event at this position one that -s, -n and -i choose? */
static bool
event_selected(struct cat *c)
{
	uint64_t k = c->position++;

	return k >= c->o->skip && k - c->o->skip < c->o->count &&
	    (k - c->o->skip) % c->o->shards == c->o->shard;
}

/* Is that all that -n wants? */
static void
count_check(struct cat *c)
{
	if (c->position >= c->o->skip &&
	    c->position - c->o->skip >= c->o->count)
		c->finished = true;
}

/* References leave only into a pipe or socket. */
static bool
by_slots(const struct cat *c)
{
	return c->slots != NULL && c->out.is_pipe;
}

/* Waits for -r's next instant. */
static int
rate_wait(struct cat *c, const volatile int *stop)
{
	struct pollfd p = { .fd = c->out.fd };
	struct timespec ts;
	double wait;

	if (c->o->rate == 0)
		return 0;
	if (c->due == 0)
		c->due = tool_clock();
	if (outlet_flush(&c->out) == -1)
		return output_failed(c);
	while ((wait = c->due - tool_clock()) > 0 && (stop == NULL || !*stop)) {
		if (wait > 0.2)
			wait = 0.2;
		ts.tv_sec = 0;
		ts.tv_nsec = (long)(wait * 1e9);
		if (ppoll(&p, 1, &ts, NULL) == -1 && errno != EINTR)
			return output_failed(c);
		if (p.revents & (POLLERR | POLLHUP | POLLNVAL)) {
			errno = EPIPE;
			return output_failed(c);
		}
		p.revents = 0;
	}
	c->due += 1 / c->o->rate;
	return 0;
}

static int
buffer_find(struct cat *c, struct parcel *p)
{
	const struct stream *s = &c->splice.stream;
	uint64_t size = layout_size(&s->layout, s->planes);

	if (c->room < size) {
		free(c->buffer);
		c->buffer = aligned_alloc(LAYOUT_ALIGN, size);
		c->room = c->buffer == NULL ? 0 : size;
	}
	if (c->buffer == NULL)
		return system_failed(c, "no memory for an event");
	place_inline(&p->place, c->buffer, s->planes);
	p->record.type = RECORD_EVENT;
	p->record.length = stream_event_length(s);
	return 1;
}

/* Waits for a slot. 1: taken; 0: stopped by a signal; -1: said. */
static int
slot_wait(struct cat *c, const volatile int *stop, unsigned *slot)
{
	struct fault f;

	for (;;) {
		if (outlet_flush(&c->out) == -1)
			return output_failed(c);
		switch (slots_take(c->slots, c->out.fd, stop, slot, &f)) {
		case SLOTS_TAKEN:
			return 1;
		case SLOTS_STOP:
			return 0;
		case SLOTS_GONE:
			errno = EPIPE;
			return output_failed(c);
		case SLOTS_FAULT:
			return system_failed(c, f.text);
		case SLOTS_LONELY:
			/* The header again changes nothing: the stream goes on. */
			if (outlet_stream(&c->out, c->splice.header) == -1)
				return output_failed(c);
		}
	}
}

static int
slot_find(struct cat *c, const volatile int *stop, struct parcel *p)
{
	uint64_t generation;
	unsigned slot = 0;
	struct fault f;
	int r;

	if ((r = slots_try(c->slots, &slot, &f)) == -1)
		return system_failed(c, f.text);
	if (r == 0 && (r = slot_wait(c, stop, &slot)) != 1)
		return r;
	generation = slots_claim(c->slots, slot);
	slots_refer(c->slots, slot, generation, &p->record);
	if (generation != 0 && place_slot(&p->place, c->slots, slot,
	    &c->splice.stream.layout, &f) == 0)
		return 1;
	slots_untake(c->slots, slot);
	return system_failed(c, generation == 0 ? "cannot map a slot" : f.text);
}

/*
 * Finds a place for the next event, which brings these planes: a slot if it may
 * go by reference, else the buffer. 1: there; 0: stopped by a signal; -1: said.
 */
static int
parcel_find(struct cat *c, unsigned planes, const volatile int *stop,
    struct parcel *p)
{
	const struct layout *l = &c->splice.stream.layout;
	unsigned plane;
	int r;

	memset(p, 0, sizeof *p);
	p->record.stream = c->splice.stream.id;
	p->record.planes = c->splice.stream.planes;
	if (!by_slots(c))
		return buffer_find(c, p);
	if (memory_check(c, planes) == -1 || (r = slot_find(c, stop, p)) == -1)
		return -1;
	for (plane = 1; r == 1 && plane < PLANE_ALL; plane <<= 1)
		if (planes & plane)
			place_populate(&p->place, c->slots, p->record.slot, l,
			    plane, true);
	return r;
}

/* It is not needed after all. */
static void
parcel_drop(struct cat *c, struct parcel *p)
{
	struct fault f;

	if (p->record.type == RECORD_REFERENCE &&
	    slots_release(c->slots, &p->record, &f) == -1)
		warnx("%s", f.text);
}

static void
progress_say(struct cat *c)
{
	double rate;

	if (progress_due(&c->progress, c->total, &rate))
		warnx("%llu events, %.1f events/s", (unsigned long long)c->total,
		    rate);
}

static int
parcel_send(struct cat *c, struct parcel *p)
{
	const struct stream *s = &c->splice.stream;
	struct iovec v[PLACE_PIECES];
	int n, r;

	if (c->o->crc && !(p->record.flags & RECORD_CRC)) {
		eventblock_seal(&p->place, &s->layout, s->planes, s->planes);
		p->record.flags |= RECORD_CRC;
	}
	if (p->record.type == RECORD_REFERENCE)
		r = outlet_record(&c->out, &p->record);
	else {
		n = place_pieces(&p->place, &s->layout, s->planes, v);
		r = outlet_event(&c->out, &p->record, v, n);
	}
	if (r == -1) {
		parcel_drop(c, p);
		return output_failed(c);
	}
	splice_sent(&c->splice);
	c->total++;
	progress_say(c);
	return 0;
}

/* ---- dumps ---- */

static int
facts_add(const struct options *o, struct stream *s, struct fault *f)
{
	char key[64];
	const char *eq;
	unsigned i;

	if (stream_add(s, "q2cat.version", VERSION, f) == -1 ||
	    stream_add(s, "q2cat.w", o->unit, f) == -1)
		return -1;
	for (i = 0; i < o->n_facts; i++) {
		eq = strchr(o->facts[i], '=');
		snprintf(key, sizeof key, "%.*s", (int)(eq - o->facts[i]),
		    o->facts[i]);
		if (stream_add(s, key, eq + 1, f) == -1)
			return -1;
	}
	return 0;
}

static int
section_begin(struct cat *c, const struct dump_section *d)
{
	unsigned char header[STREAM_SIZE];
	struct stream s;
	struct fault f;

	memset(&s, 0, sizeof s);
	s.layout = d->layout;
	s.planes = PLANE_LOGITS;
	if (d->layout.image_type != IMAGE_NONE)
		s.planes |= PLANE_IMAGE;
	s.quantities = d->quantities;
	if (facts_add(c->o, &s, &f) == -1)
		return input_damaged(c, &f);
	c->splice.joins = true;
	stream_identify(&s);
	stream_pack(&s, header);
	return stream_begin(c, header);
}

/* Zeroes what a plane has behind its last element, so that bytes are equal. */
static void
plane_finish(const struct layout *l, unsigned char *at, unsigned plane)
{
	uint64_t n = layout_plane_bytes(l, plane);

	memset(at + n, 0, layout_plane_size(l, plane) - n);
}

/* Reads event k of a dump into its place; what cannot be read becomes failed. */
static void
dump_fill(struct cat *c, struct dump *d, uint64_t k, struct parcel *p)
{
	const struct layout *l = &c->splice.stream.layout;
	unsigned char *logits, *image = NULL;
	struct event e;
	struct fault f;

	logits = place_plane(&p->place, l, PLANE_LOGITS);
	if (c->splice.stream.planes & PLANE_IMAGE)
		image = place_plane(&p->place, l, PLANE_IMAGE);
	event_init(&e);
	if (dump_read(d, k, logits, image, &e, &f) == -1) {
		memset(logits, 0, layout_plane_bytes(l, PLANE_LOGITS));
		if (image != NULL)
			memset(image, 0, layout_plane_bytes(l, PLANE_IMAGE));
		e.cause = EVENT_UNREADABLE;
		input_failed(c, &f);
	}
	if (e.cause != EVENT_OK)
		p->record.flags |= RECORD_FAILED;
	plane_finish(l, logits, PLANE_LOGITS);
	if (image != NULL)
		plane_finish(l, image, PLANE_IMAGE);
	eventblock_pack(p->place.block, &e);
}

static void
section_cat(struct cat *c, struct dump *d, const struct dump_section *s)
{
	struct parcel p;
	uint64_t k, seq;
	bool selected;

	if (section_begin(c, s) == -1)
		return;
	for (k = s->first; k < s->first + s->count && !c->finished; k++) {
		selected = event_selected(c);
		seq = splice_event(&c->splice, k, selected);
		if (selected) {
			if (rate_wait(c, &tool_stop) == -1 || tool_stop ||
			    parcel_find(c, c->splice.stream.planes, &tool_stop,
			    &p) != 1)
				break;
			dump_fill(c, d, k, &p);
			p.record.seq = seq;
			if (parcel_send(c, &p) == -1)
				break;
			if (outlet_flush(&c->out) == -1) {
				output_failed(c);
				break;
			}
		}
		count_check(c);
	}
	if (k < s->first + s->count && tool_stop)
		c->interrupted = true;
	splice_hold(&c->splice);
}

static void
dump_cat(struct cat *c, const char *path)
{
	struct dump_options o = {
		.wavelength_unit = strcmp(c->o->unit, "nm") == 0 ? 10 : 1,
		.capacity = c->o->capacity
	};
	const struct dump_section *s;
	const char *note;
	struct dump *d;
	struct fault f;
	unsigned n, i;
	int damage;

	if (dump_open(path, &o, &d, &f) == -1) {
		input_damaged(c, &f);
		return;
	}
	for (i = 0; (note = dump_note(d, i, &damage)) != NULL; i++) {
		warnx("%s: %s", c->name, note);
		if (damage) {
			c->damaged = true;
			c->status = tool_worse(c->status, STATUS_INPUT);
		}
	}
	s = dump_sections(d, &n);
	for (i = 0; i < n && !c->finished && !c->interrupted; i++)
		section_cat(c, d, &s[i]);
	dump_close(d);
}

/* ---- captures and streams ---- */

/* What stream_cat reads from. */
struct input {
	struct inlet	*in;
	const volatile int *stop;	/* where we are the originator, else NULL */
	int		capture;	/* its number in the slots; -1: copy planes */
	uint64_t	size;		/* of that capture when it was named */
};

static int
inlet_failed(struct cat *c, enum inlet_got got, const struct fault *f)
{
	if (got == INLET_GONE) {
		errno = EPIPE;
		return output_failed(c);
	}
	return got == INLET_ERROR ? input_damaged(c, f) : -1;
}

/*
 * The planes of the event just met: read to their place, or, from a capture that
 * the slots know, left where they are. The block is copied in any case.
 */
static enum inlet_got
planes_take(struct cat *c, struct input *in, const struct record *r,
    struct parcel *p, bool replay, struct fault *f)
{
	const struct layout *l = &c->splice.stream.layout;
	struct slots_origin o = {
		.capture = (uint32_t)in->capture, .planes = r->planes,
		.rooms = r->planes, .offset = inlet_offset(in->in)
	};
	struct iovec v[PLACE_PIECES];
	enum inlet_got got;
	int n;

	n = place_pieces(&p->place, l, r->planes, v);
	if (!replay)
		return inlet_payload(in->in, v, n, f);
	if ((got = inlet_payload(in->in, v, 1, f)) != INLET_GOT ||
	    (got = inlet_skip(in->in, r->length - RECORD_SIZE -
	    LAYOUT_BLOCK_SIZE, f)) != INLET_GOT)
		return got;
	slots_origin_set(c->slots, p->record.slot, &o);
	/* Nobody looks at the planes here, but for -c. */
	if (c->o->crc &&
	    place_slot(&p->place, c->slots, p->record.slot, l, f) == -1)
		return INLET_ERROR;
	return INLET_GOT;
}

/* An inline event. */
static int
event_cat(struct cat *c, struct input *in, const struct record *r)
{
	bool selected = event_selected(c), replay;
	uint64_t seq = splice_event(&c->splice, r->seq, selected);
	struct parcel p;
	struct fault f;
	enum inlet_got got;

	if (!selected) {
		got = inlet_skip(in->in, r->length - RECORD_SIZE, &f);
		count_check(c);
		return got == INLET_GOT ? 0 : inlet_failed(c, got, &f);
	}
	/* A capture may have grown since it was named: then that part is copied. */
	replay = in->capture != -1 && inlet_offset(in->in) + r->length -
	    RECORD_SIZE <= in->size;
	if (rate_wait(c, in->stop) == -1 ||
	    parcel_find(c, replay ? 0 : r->planes, in->stop, &p) != 1)
		return -1;
	p.record.seq = seq;
	p.record.flags = r->flags;
	if ((got = planes_take(c, in, r, &p, replay, &f)) != INLET_GOT) {
		parcel_drop(c, &p);
		if (got == INLET_ERROR)
			fault_prefix(&f, "event %llu",
			    (unsigned long long)r->seq);
		return inlet_failed(c, got, &f);
	}
	if (parcel_send(c, &p) == -1)
		return -1;
	/* Copying took long; references to a capture may gather. */
	if (!replay && outlet_flush(&c->out) == -1)
		return output_failed(c);
	count_check(c);
	return 0;
}

/* A reference is passed on, written out, or ends here. */
static int
reference_cat(struct cat *c, struct input *in, const struct record *r)
{
	bool selected = event_selected(c);
	struct parcel p = { .record = *r };
	struct fault f;
	int result = 0;

	p.record.seq = splice_event(&c->splice, r->seq, selected);
	if (slots_check(c->slots, r, &f) == -1 || place_slot(&p.place, c->slots,
	    r->slot, &c->splice.stream.layout, &f) == -1)
		return input_damaged(c, &f);
	if (selected && rate_wait(c, in->stop) == -1)
		return -1;
	if (selected && !c->out.is_pipe) {
		p.record.type = RECORD_EVENT;
		p.record.length = stream_event_length(&c->splice.stream);
	}
	if (selected)
		result = parcel_send(c, &p);
	if ((!selected || !c->out.is_pipe) &&
	    slots_release(c->slots, r, &f) == -1)
		return input_damaged(c, &f);
	if (result == 0)
		count_check(c);
	return result;
}

static int
record_cat(struct cat *c, struct input *in, const struct record *r,
    const unsigned char *bytes)
{
	struct record end;
	struct fault f;
	int todo;

	if (r->type == RECORD_STREAM)
		return stream_begin(c, bytes);
	if (r->type == RECORD_END) {
		todo = splice_end(&c->splice, r, &end, &f);
		return todo == -1 ? input_damaged(c, &f) :
		    todo_send(c, todo, &end);
	}
	if (!c->splice.open) {
		fault_set(&f, "an event before any stream header");
		return input_damaged(c, &f);
	}
	if (feed_admit(&c->splice.stream, r, &f) == -1)
		return input_damaged(c, &f);
	if (r->type == RECORD_REFERENCE)
		return reference_cat(c, in, r);
	return event_cat(c, in, r);
}

/* Makes a capture in a regular file known to the slots, if there are any. */
static void
capture_name(struct cat *c, int fd, struct input *in)
{
	static struct capture_name name;

	in->capture = -1;
	in->size = 0;
	if (!by_slots(c) || capture_identify(fd, &name) == -1)
		return;
	in->capture = slots_capture_add(c->slots, &name);
	in->size = name.size;
}

static void
stream_cat(struct cat *c, int fd)
{
	const unsigned char *bytes;
	struct input in;
	struct record r;
	struct fault f;
	enum inlet_got got = INLET_GOT;
	bool any = false;

	c->splice.joins = c->o->loops != 1;
	in.stop = originator_stop(fd);
	capture_name(c, fd, &in);
	if ((in.in = inlet_new(fd)) == NULL) {
		system_failed(c, "no memory");
		return;
	}
	inlet_watch(in.in, c->out.fd, in.stop);
	while (!c->finished && (in.stop == NULL || !*in.stop)) {
		if (!inlet_regular(in.in) && !inlet_ready(in.in) &&
		    outlet_flush(&c->out) == -1) {
			output_failed(c);
			break;
		}
		if ((got = inlet_next(in.in, &r, &bytes, &f)) != INLET_GOT) {
			inlet_failed(c, got, &f);
			break;
		}
		any = true;
		if (record_cat(c, &in, &r, bytes) == -1)
			break;
	}
	if (got == INLET_END && !any) {
		fault_set(&f, "empty: no stream header");
		input_damaged(c, &f);
	}
	if (in.stop != NULL && *in.stop && !c->finished)
		c->interrupted = true;
	else if (c->splice.open && !c->splice.held && !c->finished)
		c->splice.lost = true;
	inlet_free(in.in);
}

/* ---- inputs ---- */

/* A first signal stops only who reads a file or socket: others drain a pipe. */
static const volatile int *
originator_stop(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		return NULL;
	return &tool_stop;
}

static void
input_cat(struct cat *c, const char *path)
{
	struct fault f;
	struct stat st;
	int fd, hdf5;

	c->name = path == NULL ? "standard input" : path;
	fd = path == NULL ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1) {
		fault_set(&f, "%s", strerror(errno));
		input_damaged(c, &f);
		return;
	}
	if (S_ISDIR(st.st_mode)) {
		fault_set(&f, "is a directory");
		input_damaged(c, &f);
	} else {
		hdf5 = S_ISREG(st.st_mode) ?
		    dump_probe(path == NULL ? "/dev/stdin" : path, &f) : 0;
		if (hdf5 == -1)
			input_damaged(c, &f);
		else if (hdf5)
			dump_cat(c, path == NULL ? "/dev/stdin" : path);
		else
			stream_cat(c, fd);
	}
	if (path != NULL)
		close(fd);
}

static void
files_cat(struct cat *c, int n, char *files[])
{
	uint64_t pass;
	int i;

	for (pass = 0; c->o->loops == 0 || pass < c->o->loops; pass++) {
		for (i = 0; i < (n == 0 ? 1 : n); i++) {
			if (tool_stop && !c->finished)
				c->interrupted = true;
			if (c->finished || c->interrupted)
				return;
			input_cat(c, n == 0 || strcmp(files[i], "-") == 0 ?
			    NULL : files[i]);
		}
		/* A loop over nothing, or over damage, would never end. */
		if (c->position == 0 || c->damaged)
			return;
	}
}

static void
shard_parse(const char *text, struct options *o)
{
	const char *slash = strchr(text, '/');
	char k[24];

	if (slash == NULL || slash - text >= (long)sizeof k)
		errx(STATUS_USAGE, "-i %s: not k/n", text);
	snprintf(k, sizeof k, "%.*s", (int)(slash - text), text);
	o->shards = (uint64_t)tool_int('i', slash + 1, 1, 1000000000);
	o->shard = (uint64_t)tool_int('i', k, 0, (long long)o->shards - 1);
}

static void
fact_parse(char *text, struct options *o)
{
	static struct stream trial;
	char key[64];
	struct fault f;
	const char *eq = strchr(text, '=');

	if (eq == NULL || eq - text >= (long)sizeof key)
		errx(STATUS_USAGE, "-k %s: not key=value", text);
	if (o->n_facts == FACTS_MAX)
		errx(STATUS_USAGE, "-k: more than %d facts", FACTS_MAX);
	snprintf(key, sizeof key, "%.*s", (int)(eq - text), text);
	if (stream_add(&trial, key, eq + 1, &f) == -1)
		errx(STATUS_USAGE, "-k %s: %s", text, f.text);
	o->facts[o->n_facts++] = text;
}

static void
options_parse(int argc, char *argv[], struct options *o)
{
	int ch;

	while ((ch = getopt(argc, argv, "+C:ci:k:l:n:r:s:vw:")) != -1)
		switch (ch) {
		case 'C':
			o->capacity = (uint32_t)tool_int('C', optarg, 1,
			    LAYOUT_MAX_CAPACITY);
			break;
		case 'c':
			o->crc = true;
			break;
		case 'i':
			shard_parse(optarg, o);
			break;
		case 'k':
			fact_parse(optarg, o);
			break;
		case 'l':
			o->loops = (uint64_t)tool_int('l', optarg, 0, INT64_MAX);
			break;
		case 'n':
			o->count = (uint64_t)tool_int('n', optarg, 0, INT64_MAX);
			break;
		case 'r':
			o->rate = tool_real('r', optarg, 1e-3, 1e6);
			break;
		case 's':
			o->skip = (uint64_t)tool_int('s', optarg, 0, INT64_MAX);
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'w':
			if (strcmp(optarg, "A") != 0 && strcmp(optarg, "nm") != 0)
				errx(STATUS_USAGE, "-w %s: not A or nm", optarg);
			o->unit = optarg;
			break;
		default:
			tool_usage();
		}
}

int
main(int argc, char *argv[])
{
	struct options o = {
		.count = UINT64_MAX, .shards = 1, .loops = 1, .unit = "A",
		.capacity = 2048
	};
	static struct cat c;
	struct record end;
	struct fault f;
	int i, todo;

	c.o = &o;
	tool_begin(argc, argv, "[-cv] [-C capacity] [-i k/n] [-k key=value]"
	    " [-l loops] [-n count] [-r rate] [-s skip] [-w A|nm] [file ...]");
	options_parse(argc, argv, &o);
	argc -= optind;
	argv += optind;
	for (i = 0; o.loops != 1 && i < (argc == 0 ? 1 : argc); i++)
		if (argc == 0 || strcmp(argv[i], "-") == 0)
			errx(STATUS_USAGE, "-l: standard input cannot be read twice");
	tool_output_check();
	tool_signals(NULL);
	if (slots_open(&c.slots, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
	outlet_init(&c.out, STDOUT_FILENO);
	if (c.slots != NULL && !c.out.is_pipe && slots_consume(c.slots, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
	progress_begin(&c.progress, o.verbose);

	files_cat(&c, argc, argv);
	if (c.interrupted)
		c.status = tool_worse(c.status, STATUS_INTERRUPTED);
	todo = splice_finish(&c.splice, c.interrupted ? RECORD_INTERRUPTED : 0,
	    &end);
	if (todo_send(&c, todo, &end) == 0 && outlet_flush(&c.out) == -1)
		output_failed(&c);
	slots_close(c.slots);
	free(c.buffer);
	return c.status;
}
