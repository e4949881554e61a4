/*
 * q2cat: cat Q2. Captures, dumps and streams in, one stream of records out: by
 * reference into slots under q2slots, else inline.
 *
 * An input is read by dump_cat or stream_cat; both hand each event that the
 * options select to an emit function, which knows where it goes. Planes are read
 * straight to where they stay: a slot, or the one buffer of inline output.
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
	struct progress	progress;
	int		status;
	bool		finished;	/* -n is reached, or the reader has gone */
	const char	*name;		/* of the input in hand, for messages */

	bool		interrupted;	/* a signal stopped us, the originator */
	bool		damaged;	/* an input failed: what follows is not whole */
	uint64_t	position;	/* events met, for -s, -n, -i */
	double		due;		/* when -r allows the next event */

	struct stream	stream;		/* being sent */
	unsigned char	header[STREAM_SIZE];
	bool		open;		/* a header went out, its end did not */
	bool		held;		/* its end waits: the next input may join */
	bool		joined;		/* and did; its first event sets base */
	bool		lost;		/* its end never came */
	uint64_t	base;		/* added to seq: earlier loops and dumps */
	uint64_t	next;		/* seq behind the last event met */
	uint64_t	owed;		/* events by the counts of ends held so far */
	uint64_t	sent, skipped;	/* events since the last end */
	uint64_t	total;		/* events sent, for -v */
	uint64_t	slot_bytes;	/* the largest event that memory was checked for */

	unsigned char	*buffer;	/* for inline output */
	uint64_t	room;
};

/* Where one event is put together, and what it becomes. */
struct place {
	unsigned char	*block;
	unsigned	rooms;
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
	c->open = false;
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

/*
 * The stream in hand ends. Without an end record where events are missing that
 * nobody has counted: cxiwrite then says so.
 */
static int
end_send(struct cat *c, uint32_t flags)
{
	struct record r = {
		.type = RECORD_END, .length = RECORD_SIZE, .flags = flags,
		.stream = c->stream.id, .count = c->owed + c->sent
	};

	if (!c->open)
		return 0;
	c->open = c->held = false;
	c->owed = c->sent = c->skipped = 0;
	if (c->lost || c->damaged)
		return outlet_flush(&c->out) == -1 ? output_failed(c) : 0;
	if (outlet_record(&c->out, &r) == -1 || outlet_flush(&c->out) == -1)
		return output_failed(c);
	return 0;
}

/* Physical memory that n slots may come to need, against what there is. */
static int
memory_check(struct cat *c)
{
	const struct layout *l = &c->stream.layout;
	uint64_t size = RECORD_SIZE + layout_size(l,
	    c->stream.planes | PLANE_PEAKS);
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

/*
 * A stream begins: its header goes out, unless it is the one in hand and may join
 * (the next dump or the next loop over the same stream).
 */
static int
stream_begin(struct cat *c, const unsigned char *header)
{
	bool same = c->open && memcmp(c->header, header, STREAM_SIZE) == 0;
	struct fault f;

	if (same && c->held) {
		c->held = false;
		c->joined = true;
		return 0;
	}
	/* The same header again is a stream that goes on; another, a lost end. */
	if (!same) {
		if (c->open && !c->held)
			c->lost = true;
		if (end_send(c, 0) == -1)
			return -1;
		if (stream_unpack(header, &c->stream, &f) == -1) {
			c->damaged = true;
			return input_failed(c, &f);
		}
		memcpy(c->header, header, STREAM_SIZE);
		c->base = c->next = 0;
		c->joined = c->lost = false;
	}
	if (outlet_stream(&c->out, header) == -1 || outlet_flush(&c->out) == -1)
		return output_failed(c);
	c->open = true;
	return 0;
}

/* An event's seq in the stream being sent, given the one in its input. */
static uint64_t
event_seq(struct cat *c, uint64_t seq)
{
	if (c->joined && c->base + seq < c->next)
		c->base = c->next - seq;
	c->joined = false;
	c->next = c->base + seq + 1;
	return c->base + seq;
}

/* Is the event at this position one that -s, -n and -i choose? */
static bool
event_selected(struct cat *c)
{
	uint64_t k = c->position++;
	bool selected;

	selected = k >= c->o->skip && k - c->o->skip < c->o->count &&
	    (k - c->o->skip) % c->o->shards == c->o->shard;
	if (!selected)
		c->skipped++;
	return selected;
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

/*
 * Finds the place for the next event: a slot if its planes may go by reference,
 * else the buffer. 1: there; 0: stopped by a signal; -1: said.
 */
static int
place_find(struct cat *c, bool by_slots, const volatile int *stop,
    struct place *p)
{
	const struct layout *l = &c->stream.layout;
	uint64_t size = layout_size(l, by_slots ? PLANE_ALL : c->stream.planes);
	struct fault f;
	unsigned slot = 0;

	memset(&p->record, 0, sizeof p->record);
	p->record.stream = c->stream.id;
	p->record.planes = c->stream.planes;
	if (!by_slots) {
		if (c->room < size) {
			free(c->buffer);
			c->buffer = aligned_alloc(LAYOUT_ALIGN, size);
			c->room = c->buffer == NULL ? 0 : size;
		}
		if ((p->block = c->buffer) == NULL)
			return system_failed(c, "no memory for an event");
		p->rooms = c->stream.planes;
		p->record.type = RECORD_EVENT;
		p->record.length = stream_event_length(&c->stream);
		return 1;
	}
	if (memory_check(c) == -1)
		return -1;
	if (outlet_flush(&c->out) == -1)
		return output_failed(c);
	switch (slots_take(c->slots, c->out.fd, stop, &slot, &f)) {
	case SLOTS_TAKEN:
		break;
	case SLOTS_STOP:
		return 0;
	case SLOTS_GONE:
		errno = EPIPE;
		return output_failed(c);
	case SLOTS_FAULT:
		return system_failed(c, f.text);
	}
	p->rooms = PLANE_ALL;
	if ((p->block = slots_map(c->slots, slot, size, &f)) == NULL) {
		slots_untake(c->slots, slot);
		return system_failed(c, f.text);
	}
	for (unsigned bit = 0; bit < 4; bit++)
		if (c->stream.planes & 1u << bit)
			slots_populate(c->slots, slot, bit,
			    layout_plane_offset(l, PLANE_ALL, 1u << bit),
			    layout_plane_size(l, 1u << bit), true);
	slots_refer(c->slots, slot, slots_claim(c->slots, slot), &p->record);
	return 1;
}

/* The place is not needed after all. */
static void
place_drop(struct cat *c, struct place *p)
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

/* Sends what is in place. */
static int
place_send(struct cat *c, struct place *p)
{
	struct iovec v[5];
	int n, r;

	if (c->o->crc && !(p->record.flags & RECORD_CRC)) {
		eventblock_seal(p->block, &c->stream.layout, p->rooms,
		    c->stream.planes, c->stream.planes);
		p->record.flags |= RECORD_CRC;
	}
	if (p->record.type == RECORD_REFERENCE)
		r = outlet_record(&c->out, &p->record) == -1 ? -1 :
		    outlet_flush(&c->out);
	else {
		n = feed_pieces(&c->stream.layout, p->block, p->rooms,
		    c->stream.planes, v);
		r = outlet_event(&c->out, &p->record, v, n);
	}
	if (r == -1) {
		place_drop(c, p);
		return output_failed(c);
	}
	c->sent++;
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
	if (facts_add(c->o, &s, &f) == -1) {
		c->damaged = true;
		return input_failed(c, &f);
	}
	stream_identify(&s);
	stream_pack(&s, header);
	return stream_begin(c, header);
}

/* Zeroes what a plane has behind its last element, so that bytes are equal. */
static void
planes_finish(const struct layout *l, struct place *p, unsigned planes)
{
	unsigned char *at;
	unsigned plane;
	uint64_t n;

	for (plane = 1; plane < PLANE_ALL; plane <<= 1)
		if (planes & plane) {
			at = p->block + layout_plane_offset(l, p->rooms, plane);
			n = layout_plane_bytes(l, plane);
			memset(at + n, 0, layout_plane_size(l, plane) - n);
		}
}

/* Reads event k of a dump into a place; what cannot be read becomes failed. */
static void
dump_fill(struct cat *c, struct dump *d, uint64_t k, struct place *p)
{
	const struct layout *l = &c->stream.layout;
	unsigned char *logits, *image = NULL;
	struct event e;
	struct fault f;

	logits = p->block + layout_plane_offset(l, p->rooms, PLANE_LOGITS);
	if (c->stream.planes & PLANE_IMAGE)
		image = p->block + layout_plane_offset(l, p->rooms, PLANE_IMAGE);
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
	planes_finish(l, p, c->stream.planes);
	eventblock_pack(p->block, &e);
}

static void
section_cat(struct cat *c, struct dump *d, const struct dump_section *s)
{
	struct place p;
	uint64_t k, seq;

	if (section_begin(c, s) == -1)
		return;
	for (k = s->first; k < s->first + s->count && !c->finished; k++) {
		seq = event_seq(c, k);
		if (event_selected(c)) {
			if (rate_wait(c, &tool_stop) == -1 || tool_stop ||
			    place_find(c, by_slots(c), &tool_stop, &p) != 1)
				break;
			dump_fill(c, d, k, &p);
			p.record.seq = seq;
			if (place_send(c, &p) == -1)
				break;
		}
		count_check(c);
	}
	if (k < s->first + s->count && tool_stop)
		c->interrupted = true;
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
		c->damaged = true;
		input_failed(c, &f);
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
	for (i = 0; i < n && !c->finished && !c->interrupted; i++) {
		section_cat(c, d, &s[i]);
		c->held = true;
	}
	dump_close(d);
}

/* ---- captures and streams ---- */

/* What stream_cat reads from. */
struct input {
	struct inlet	*in;
	const volatile int *stop;	/* where we are the originator, else NULL */
	bool		last_loop;
};

static int
inlet_failed(struct cat *c, enum inlet_got got, const struct fault *f)
{
	if (got == INLET_GONE) {
		errno = EPIPE;
		return output_failed(c);
	}
	if (got == INLET_ERROR) {
		/* The stream was cut: nobody may take it for whole. */
		c->damaged = true;
		return input_failed(c, f);
	}
	return -1;
}

/* An inline event: its planes go from the input to their place. */
static int
event_cat(struct cat *c, struct input *in, const struct record *r)
{
	uint64_t seq = event_seq(c, r->seq);
	struct iovec v[5];
	struct place p;
	struct fault f;
	enum inlet_got got;
	int n;

	if (!event_selected(c)) {
		got = inlet_skip(in->in, r->length - RECORD_SIZE, &f);
		count_check(c);
		return got == INLET_GOT ? 0 : inlet_failed(c, got, &f);
	}
	if (rate_wait(c, in->stop) == -1 ||
	    place_find(c, by_slots(c), in->stop, &p) != 1)
		return -1;
	n = feed_pieces(&c->stream.layout, p.block, p.rooms, r->planes, v);
	p.record.seq = seq;
	p.record.flags = r->flags;
	if ((got = inlet_payload(in->in, v, n, &f)) != INLET_GOT) {
		place_drop(c, &p);
		if (got == INLET_ERROR)
			fault_prefix(&f, "event %llu",
			    (unsigned long long)r->seq);
		return inlet_failed(c, got, &f);
	}
	if (place_send(c, &p) == -1)
		return -1;
	count_check(c);
	return 0;
}

/* A reference is passed on, written out, or ends here. */
static int
reference_cat(struct cat *c, struct input *in, const struct record *r)
{
	struct place p = { .record = *r, .rooms = PLANE_ALL };
	struct record ref = *r;
	uint64_t seq = event_seq(c, r->seq);
	bool selected = event_selected(c);
	struct fault f;
	int result = 0;

	if (c->slots == NULL) {
		fault_set(&f, "a reference, but Q2_SLOTS is not set; start the"
		    " whole pipeline with q2slots");
		return inlet_failed(c, INLET_ERROR, &f);
	}
	if (slots_check(c->slots, r, &f) == -1)
		return inlet_failed(c, INLET_ERROR, &f);
	p.block = slots_map(c->slots, r->slot,
	    layout_size(&c->stream.layout, PLANE_ALL), &f);
	if (p.block == NULL)
		return inlet_failed(c, INLET_ERROR, &f);
	p.record.seq = seq;
	if (selected && rate_wait(c, in->stop) == -1)
		return -1;
	if (selected && c->out.is_pipe) {
		if (place_send(c, &p) == -1)
			return -1;
	} else {
		p.record.type = RECORD_EVENT;
		p.record.length = stream_event_length(&c->stream);
		if (selected)
			result = place_send(c, &p);
		if (slots_release(c->slots, &ref, &f) == -1)
			return inlet_failed(c, INLET_ERROR, &f);
	}
	if (result == 0)
		count_check(c);
	return result;
}

/* The input's end record: ours counts what we sent of it. */
static int
end_cat(struct cat *c, const struct record *r, const struct input *in)
{
	struct fault f;

	if (!c->open || r->stream != c->stream.id) {
		fault_set(&f, "an end record of a stream that never began");
		return inlet_failed(c, INLET_ERROR, &f);
	}
	/* What did not come is missing from our count too, not hidden by it. */
	c->owed += r->count - c->skipped;
	c->sent = c->skipped = 0;
	if (!in->last_loop && !(r->flags & RECORD_INTERRUPTED)) {
		c->held = true;
		return 0;
	}
	return end_send(c, r->flags);
}

static int
record_cat(struct cat *c, struct input *in, const struct record *r,
    const unsigned char *bytes)
{
	struct fault f;

	switch (r->type) {
	case RECORD_STREAM:
		return stream_begin(c, bytes);
	case RECORD_END:
		return end_cat(c, r, in);
	case RECORD_EVENT:
	case RECORD_REFERENCE:
		break;
	}
	if (!c->open) {
		fault_set(&f, "an event before any stream header");
		return inlet_failed(c, INLET_ERROR, &f);
	}
	if (feed_admit(&c->stream, r, &f) == -1)
		return inlet_failed(c, INLET_ERROR, &f);
	if (r->type == RECORD_REFERENCE)
		return reference_cat(c, in, r);
	return event_cat(c, in, r);
}

static void
stream_cat(struct cat *c, int fd, bool last_loop)
{
	const unsigned char *bytes;
	struct input in;
	struct record r;
	struct fault f;
	enum inlet_got got = INLET_GOT;
	bool any = false;

	in.last_loop = last_loop;
	in.stop = originator_stop(fd);
	if ((in.in = inlet_new(fd)) == NULL) {
		system_failed(c, "no memory");
		return;
	}
	inlet_watch(in.in, c->out.fd, in.stop);
	while (!c->finished && (in.stop == NULL || !*in.stop)) {
		if (!inlet_ready(in.in) && c->out.n > 0 &&
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
		inlet_failed(c, INLET_ERROR, &f);
	}
	if (in.stop != NULL && *in.stop && !c->finished)
		c->interrupted = true;
	else if (c->open && !c->held && !c->finished)
		c->lost = true;
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
input_cat(struct cat *c, const char *path, bool last_loop)
{
	struct fault f;
	struct stat st;
	int fd, hdf5;

	c->name = path == NULL ? "standard input" : path;
	fd = path == NULL ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1) {
		fault_set(&f, "%s", strerror(errno));
		inlet_failed(c, INLET_ERROR, &f);
		return;
	}
	if (S_ISDIR(st.st_mode)) {
		fault_set(&f, "is a directory");
		inlet_failed(c, INLET_ERROR, &f);
	} else {
		hdf5 = S_ISREG(st.st_mode) ?
		    dump_probe(path == NULL ? "/dev/stdin" : path, &f) : 0;
		if (hdf5 == -1)
			inlet_failed(c, INLET_ERROR, &f);
		else if (hdf5)
			dump_cat(c, path == NULL ? "/dev/stdin" : path);
		else
			stream_cat(c, fd, last_loop);
	}
	if (path != NULL)
		close(fd);
}

static void
files_cat(struct cat *c, int n, char *files[])
{
	uint64_t pass;
	bool last;
	int i;

	for (pass = 0; c->o->loops == 0 || pass < c->o->loops; pass++) {
		last = c->o->loops != 0 && pass + 1 == c->o->loops;
		for (i = 0; i < (n == 0 ? 1 : n); i++) {
			if (tool_stop && !c->finished)
				c->interrupted = true;
			if (c->finished || c->interrupted)
				return;
			input_cat(c, n == 0 || strcmp(files[i], "-") == 0 ?
			    NULL : files[i], last);
		}
		/* A loop over nothing would never end. */
		if (c->position == 0)
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

	while ((ch = getopt(argc, argv, "C:ci:k:l:n:r:s:vw:")) != -1)
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
	struct cat c = { .o = &o };
	struct fault f;
	int i;

	tool_begin(argc, argv, "[-cv] [-C capacity] [-i k/n] [-k key=value]"
	    " [-l loops] [-n count] [-r rate] [-s skip] [-w A|nm] [file ...]");
	options_parse(argc, argv, &o);
	argc -= optind;
	argv += optind;
	for (i = 0; o.loops != 1 && i < (argc == 0 ? 1 : argc); i++)
		if (argc == 0 || strcmp(argv[i], "-") == 0)
			errx(STATUS_USAGE, "-l: standard input cannot be read twice");
	if (isatty(STDOUT_FILENO))
		errx(STATUS_USAGE, "records are not for a terminal; see q2ls");
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
	end_send(&c, c.interrupted ? RECORD_INTERRUPTED : 0);
	slots_close(c.slots);
	free(c.buffer);
	return c.status;
}
