/*
 * q2cat: cat Q2. Captures, dumps and streams in, one stream of records out: by
 * reference into slots under q2slots, else inline. With -L, live: producers
 * connect, and lib/format/live merges what they send.
 *
 * An input is read by dump_cat or stream_cat. Each event that the options select
 * becomes a parcel, its place in a slot or in the one buffer of inline output;
 * planes are read straight to it, or, on replay of a capture into slots, stay
 * where they are. Headers, numbers and end records are the splice's. With -K the
 * salvage says which records are to be believed, and what was between them.
 *
 * Who waits: for a token (slots_take watches the output), for input (inlet_watch
 * does), for the output (EPIPE), and for -r's next instant (pace_wait watches the
 * output). Tokens in hand go back by slots_close on every way out of main.
 */
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/recent.h"
#include "format/dump.h"
#include "format/eventblock.h"
#include "format/feed.h"
#include "format/live.h"
#include "format/parcel.h"
#include "format/salvage.h"
#include "format/selection.h"
#include "format/source.h"
#include "format/splice.h"
#include "progress.h"
#include "status.h"
#include "tool.h"
#include "transport/budget.h"
#include "transport/pace.h"

/* Our own facts, which come before those of -k. */
enum { FACT_VERSION, FACT_UNIT, FACTS };

struct options {
	bool		verbose;
	bool		keep_going;
	uint64_t	loops;		/* 0: for ever */
	const char	*unit;		/* of wavelengths in dumps: "A" or "nm" */
	uint32_t	capacity;
	struct source	source;		/* facts of -k and our own */
	unsigned	listeners;	/* -L */
	const char	*addresses[LIVE_LISTENERS];
	uint64_t	ends;		/* -e; 0: not given */
	int		not_live;	/* the last option that is nothing for -L */
};

enum { GAPS_SAID = 20 };	/* places that are named one by one */

/* Everything between input and output. */
struct cat {
	struct options	o;
	struct selection selection;	/* -s, -n, -i */
	struct pace	pace;		/* -r */
	struct sender	to;
	struct splice	splice;
	int		status;
	const char	*name;		/* of the input in hand, for messages */
	bool		last;		/* no other input comes behind it */
	bool		finished;	/* -n is reached, or the reader has gone */
	bool		interrupted;	/* a signal stopped us, the originator */
	bool		damaged;	/* an input failed: what follows is not whole */
	_Atomic uint64_t total;		/* events sent */
	struct recent	recent;		/* of them; only -v's thread looks at it */
	uint64_t	slot_bytes;	/* an event's, that memory was checked for */
	struct losses	losses;
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
	if (c->to.slots != NULL)
		(void)slots_consume(c->to.slots, NULL);
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
	    outlet_record(&c->to.out, end) == -1)
		return output_failed(c);
	if ((todo & SPLICE_HEADER) &&
	    outlet_stream(&c->to.out, c->splice.header) == -1)
		return output_failed(c);
	if (outlet_flush(&c->to.out) == -1)
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

/* Physical memory that the slots may come to need, against what there is. */
static int
memory_check(struct cat *c, unsigned planes)
{
	uint64_t size = RECORD_SIZE + layout_size(&c->splice.stream.layout,
	    planes | PLANE_SEGMAP | PLANE_PEAKS);
	struct fault f;

	if (size <= c->slot_bytes)
		return 0;
	c->slot_bytes = size;
	if (budget_check(slots_count(c->to.slots), size, &f) == -1)
		return system_failed(c, f.text);
	warnx("%s", f.text);
	return 0;
}

/* An event was met: is that all that -n wants? */
static void
event_met(struct cat *c)
{
	selection_advance(&c->selection);
	if (selection_over(&c->selection))
		c->finished = true;
}

/* Waits for -r's next instant. */
static int
rate_wait(struct cat *c, const volatile int *stop)
{
	if (c->pace.rate == 0)
		return 0;
	if (outlet_flush(&c->to.out) == -1 ||
	    pace_wait(&c->pace, c->to.out.fd, stop) == -1)
		return output_failed(c);
	return 0;
}

/*
 * Finds a place for the next event, which brings these planes. 1: there; 0:
 * stopped by a signal; -1: said.
 */
static int
place_find(struct cat *c, unsigned planes, const volatile int *stop,
    struct parcel *p)
{
	struct fault f;

	if (sender_refers(&c->to) && memory_check(c, planes) == -1)
		return -1;
	switch (parcel_find(&c->to, &c->splice.stream, planes, stop, p, &f)) {
	case PARCEL_FOUND:
		return 1;
	case PARCEL_STOPPED:
		return 0;
	case PARCEL_OUTPUT:
		return output_failed(c);
	case PARCEL_FAULT:
		break;
	}
	return system_failed(c, f.text);
}

/* It is not needed after all. */
static void
place_drop(struct cat *c, struct parcel *p)
{
	struct fault f;

	if (parcel_drop(&c->to, p, &f) == -1)
		warnx("%s", f.text);
}

/* So many events are left of the input in hand: whoever uses the slots may know. */
static void
events_expect(struct cat *c, uint64_t left)
{
	if (c->to.slots != NULL && c->o.loops == 1)
		slots_expect(c->to.slots, !c->last ? 0 :
		    c->total + selection_count(&c->selection, left));
}

static int
event_send(struct cat *c, struct parcel *p)
{
	if (parcel_send(&c->to, &c->splice.stream, p) == -1) {
		place_drop(c, p);
		return output_failed(c);
	}
	splice_sent(&c->splice);
	atomic_store_explicit(&c->total, c->total + 1, memory_order_relaxed);
	return 0;
}

/* ---- dumps ---- */

static int
section_begin(struct cat *c, const struct dump_section *d)
{
	unsigned char header[STREAM_SIZE];
	struct fault f;

	if (source_header(&c->o.source, &d->layout, d->quantities, header,
	    &f) == -1)
		return input_damaged(c, &f);
	c->splice.joins = true;
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
		selected = selection_wants(&c->selection);
		seq = splice_event(&c->splice, k, selected);
		if (selected) {
			if (rate_wait(c, &tool_stop) == -1 || tool_stop ||
			    place_find(c, c->splice.stream.planes, &tool_stop,
			    &p) != 1)
				break;
			dump_fill(c, d, k, &p);
			p.record.seq = seq;
			if (event_send(c, &p) == -1)
				break;
			if (outlet_flush(&c->to.out) == -1) {
				output_failed(c);
				break;
			}
		}
		event_met(c);
	}
	if (k < s->first + s->count && tool_stop)
		c->interrupted = true;
	splice_hold(&c->splice);
}

static void
dump_cat(struct cat *c, const char *path)
{
	struct dump_options o = {
		.wavelength_unit = strcmp(c->o.unit, "nm") == 0 ? 10 : 1,
		.capacity = c->o.capacity
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
	events_expect(c, dump_events(d));
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
	struct salvage	salvage;	/* -K */
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

/* Is the event just taken to be believed? 1, 0, or -1: said. */
static int
event_confirm(struct cat *c, struct input *in, const struct record *r,
    enum inlet_got got, const struct place *at, struct fault *f)
{
	int believed;

	if (!inlet_regular(in->in) && !inlet_ready(in->in) &&
	    outlet_flush(&c->to.out) == -1)
		return output_failed(c);
	believed = salvage_confirm(&in->salvage, in->in, r, got, at, f);
	return believed == -1 ? system_failed(c, f->text) : believed;
}

/*
 * Takes an inline event from the input: to its place if it is selected, else past
 * it. 1; 0: salvage does not believe it, or we were stopped; -1: said.
 */
static int
event_take(struct cat *c, struct input *in, const struct record *r,
    bool selected, bool replay, struct parcel *p)
{
	const struct stream *s = &c->splice.stream;
	bool there = selected;
	enum inlet_got got;
	struct fault f;
	int found;

	if (selected && (rate_wait(c, in->stop) == -1 ||
	    (found = place_find(c, replay ? 0 : r->planes, in->stop, p)) == -1))
		return -1;
	if (selected && found == 0)
		return 0;
	/* What a pipe brought can be searched only if it was kept. */
	if (!selected && c->o.keep_going && !inlet_regular(in->in)) {
		if (parcel_inline(&c->to, s, p, &f) != PARCEL_FOUND)
			return system_failed(c, f.text);
		there = true;
	}
	p->record.flags = r->flags;
	got = there ? parcel_fill(&c->to, s, in->in, r,
	    replay ? in->capture : -1, p, &f) :
	    inlet_skip(in->in, r->length - RECORD_SIZE, &f);
	if (got == INLET_ERROR)
		fault_prefix(&f, "event %llu", (unsigned long long)r->seq);
	if (c->o.keep_going && got != INLET_GONE && !inlet_broken(in->in))
		found = event_confirm(c, in, r, got, there ? &p->place : NULL,
		    &f);
	else
		found = got == INLET_GOT ? 1 : inlet_failed(c, got, &f);
	if (found != 1 && selected)
		place_drop(c, p);
	return found;
}

/* An inline event. */
static int
event_cat(struct cat *c, struct input *in, const struct record *r)
{
	bool selected = selection_wants(&c->selection), replay;
	struct parcel p;
	int taken;

	/* A capture may have grown since it was named: then that part is copied. */
	replay = in->capture != -1 && inlet_offset(in->in) + r->length -
	    RECORD_SIZE <= in->size;
	if ((taken = event_take(c, in, r, selected, replay, &p)) != 1)
		return taken;
	p.record.seq = splice_event(&c->splice, r->seq, selected);
	if (selected && event_send(c, &p) == -1)
		return -1;
	/* Copying took long; references to a capture may gather. */
	if (selected && !replay && outlet_flush(&c->to.out) == -1)
		return output_failed(c);
	event_met(c);
	return 0;
}

/* A reference is passed on, written out, or ends here. */
static int
reference_cat(struct cat *c, struct input *in, const struct record *r)
{
	bool selected = selection_wants(&c->selection);
	struct parcel p = { .record = *r };
	struct fault f;
	int result = 0;

	p.record.seq = splice_event(&c->splice, r->seq, selected);
	if (slots_check(c->to.slots, r, &f) == -1 || place_slot(&p.place, c->to.slots,
	    r->slot, &c->splice.stream.layout, &f) == -1)
		return input_damaged(c, &f);
	if (selected && rate_wait(c, in->stop) == -1)
		return -1;
	if (selected && !c->to.out.is_pipe) {
		p.record.type = RECORD_EVENT;
		p.record.length = stream_event_length(&c->splice.stream);
	}
	if (selected)
		result = event_send(c, &p);
	if ((!selected || !c->to.out.is_pipe) &&
	    slots_release(c->to.slots, r, &f) == -1)
		return input_damaged(c, &f);
	if (result == 0)
		event_met(c);
	return result;
}

/* A stream begins: what is left of a file is taken for its events. */
static int
stream_take(struct cat *c, struct input *in, const unsigned char *bytes)
{
	if (stream_begin(c, bytes) == -1)
		return -1;
	events_expect(c, inlet_left(in->in) /
	    stream_event_length(&c->splice.stream));
	return 0;
}

static int
record_cat(struct cat *c, struct input *in, const struct record *r,
    const unsigned char *bytes)
{
	struct record end;
	struct fault f;
	int todo;

	if (r->type == RECORD_STREAM)
		return stream_take(c, in, bytes);
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

/* Says what was skipped, and remembers it. */
static void
gap_tell(struct cat *c, const struct gap *g)
{
	struct fault f;

	losses_add(&c->losses, g, &f);
	if (c->losses.places <= GAPS_SAID)
		warnx("%s: %s", c->name, f.text);
	else if (c->losses.places == GAPS_SAID + 1)
		warnx("%s: more such places are only counted", c->name);
	c->status = tool_worse(c->status, STATUS_INPUT);
}

/* The events that were there go on as failed ones, so that each has its place. */
static int
gap_cat(struct cat *c, struct input *in, const struct gap *g)
{
	const struct stream *s = &c->splice.stream;
	struct parcel p;
	uint64_t k, seq;
	bool selected;

	gap_tell(c, g);
	if (g->in_stream && !g->known)
		splice_lose(&c->splice);
	/* Then it is like an input that is missing. */
	if (gap_hides(g))
		c->damaged = true;
	for (k = 0; k < g->lost && !c->finished; k++) {
		selected = selection_wants(&c->selection);
		if (selected && (rate_wait(c, in->stop) == -1 ||
		    place_find(c, s->planes, in->stop, &p) != 1))
			return -1;
		seq = splice_event(&c->splice, g->first + k, selected);
		if (selected) {
			parcel_blank(&p, s);
			p.record.seq = seq;
			if (event_send(c, &p) == -1)
				return -1;
		}
		event_met(c);
	}
	return 0;
}

/* The next record; with -K, the next that is none of the damage. */
static enum inlet_got
record_next(struct cat *c, struct input *in, struct record *r,
    const unsigned char **bytes, struct fault *f)
{
	enum inlet_got got;
	struct gap g;

	if (!c->o.keep_going)
		return inlet_next(in->in, r, bytes, f);
	got = salvage_next(&in->salvage, in->in, r, bytes, &g, f);
	if (g.bytes > 0 && gap_cat(c, in, &g) == -1)
		return INLET_STOPPED;
	return got;
}

/* Makes a capture in a regular file known to the slots, if there are any. */
static void
capture_name(struct cat *c, int fd, struct input *in)
{
	static struct capture_name name;

	in->capture = -1;
	in->size = 0;
	if (!sender_refers(&c->to) || capture_identify(fd, &name) == -1)
		return;
	in->capture = slots_capture_add(c->to.slots, &name);
	in->size = name.size;
}

static void
stream_cat(struct cat *c, int fd)
{
	const unsigned char *bytes;
	struct input in = { .in = NULL };
	struct record r;
	struct fault f;
	enum inlet_got got = INLET_GOT;
	bool any = false;

	c->splice.joins = c->o.loops != 1;
	in.stop = originator_stop(fd);
	capture_name(c, fd, &in);
	if ((in.in = inlet_new(fd)) == NULL) {
		system_failed(c, "no memory");
		return;
	}
	inlet_watch(in.in, c->to.out.fd, in.stop);
	while (!c->finished && (in.stop == NULL || !*in.stop)) {
		if (!inlet_regular(in.in) && !inlet_ready(in.in) &&
		    outlet_flush(&c->to.out) == -1) {
			output_failed(c);
			break;
		}
		got = record_next(c, &in, &r, &bytes, &f);
		if (got != INLET_GOT || c->finished) {
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

/* What -v says. */
static void
progress_line(void *arg, char *text, size_t size)
{
	struct cat *c = arg;
	uint64_t total = c->total;
	double rate = recent_rate(&c->recent, tool_clock(), total, 0);

	snprintf(text, size, "%llu events, %.1f events/s",
	    (unsigned long long)total, rate);
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

	for (pass = 0; c->o.loops == 0 || pass < c->o.loops; pass++) {
		for (i = 0; i < (n == 0 ? 1 : n); i++) {
			if (tool_stop && !c->finished)
				c->interrupted = true;
			if (c->finished || c->interrupted)
				return;
			c->last = i + 1 >= n;
			input_cat(c, n == 0 || strcmp(files[i], "-") == 0 ?
			    NULL : files[i]);
		}
		/* A loop over nothing, or over damage, would never end. */
		if (c->selection.position == 0 || c->damaged)
			return;
	}
}

/* ---- live ---- */

/* Static, for the second signal: their files are removed then, too. */
static struct listener listeners[LIVE_LISTENERS] = {
	[0 ... LIVE_LISTENERS - 1] = { .fd = -1 }
};

static void
listeners_close(void)
{
	unsigned i;

	for (i = 0; i < LIVE_LISTENERS; i++)
		listener_close(&listeners[i]);
}

static void
listeners_open(const struct options *o)
{
	const char *address;
	struct fault f;
	unsigned i;

	for (i = 0; i < o->listeners; i++) {
		address = o->addresses[i];
		if (listener_open(&listeners[i], address, &f) == -1) {
			listeners_close();
			errx(STATUS_USAGE, "-L %s: %s", address, f.text);
		}
		if (o->verbose || strcmp(listeners[i].name, address) != 0)
			warnx("listening at %s", listeners[i].name);
		if (listeners[i].open_to_others)
			warnx("%s: everybody who can reach this machine can send",
			    listeners[i].name);
	}
}

/* What live input tells. True when that is all. */
static bool
live_tell(struct cat *c, enum live_got got, const struct fault *f)
{
	static const int statuses[] = {
		[LIVE_NEWS] = STATUS_OK, [LIVE_WARNING] = STATUS_OK,
		[LIVE_LOST] = STATUS_INCOMPLETE, [LIVE_REFUSED] = STATUS_INPUT
	};

	switch (got) {
	case LIVE_GOING:
		return false;
	case LIVE_EVENT:
		c->total++;
		return false;
	case LIVE_NEWS:
	case LIVE_WARNING:
	case LIVE_LOST:
	case LIVE_REFUSED:
		if (got != LIVE_NEWS || c->o.verbose)
			warnx("%s", f->text);
		c->status = tool_worse(c->status, statuses[got]);
		return false;
	case LIVE_OVER:
		c->interrupted = tool_stop != 0;
		return true;
	case LIVE_OUTPUT:
		output_failed(c);
		return true;
	case LIVE_FAULT:
		break;
	}
	system_failed(c, f->text);
	return true;
}

static void
live_cat(struct cat *c)
{
	struct live *l = live_new(&c->to, listeners, c->o.listeners, c->o.ends,
	    &tool_stop);
	struct fault f;

	if (l == NULL) {
		system_failed(c, "no memory");
		return;
	}
	while (!live_tell(c, live_next(l, &f), &f))
		;
	live_free(l);
	listeners_close();
}

static void
live_check(const struct options *o, int argc)
{
	if (o->listeners == 0 && o->ends != 0)
		errx(STATUS_USAGE, "-e is for -L");
	if (o->listeners != 0 && o->not_live != 0)
		errx(STATUS_USAGE, "-%c is not for -L: pipe it to another q2cat",
		    o->not_live);
	if (o->listeners != 0 && argc != 0)
		errx(STATUS_USAGE, "-L takes no files");
}

static void
listener_parse(const char *text, struct options *o)
{
	if (o->listeners == LIVE_LISTENERS)
		errx(STATUS_USAGE, "-L: %d times at most", LIVE_LISTENERS);
	o->addresses[o->listeners++] = text;
}

/* ---- options ---- */

static void
shard_parse(const char *text, struct selection *s)
{
	const char *slash = strchr(text, '/');
	char k[24];

	if (slash == NULL || slash - text >= (long)sizeof k)
		errx(STATUS_USAGE, "-i %s: not k/n", text);
	snprintf(k, sizeof k, "%.*s", (int)(slash - text), text);
	s->shards = (uint64_t)tool_int('i', slash + 1, 1, 1000000000);
	s->shard = (uint64_t)tool_int('i', k, 0, (long long)s->shards - 1);
}

static void
fact_parse(const char *text, struct source *source)
{
	struct fault f;

	if (source_fact(source, text, &f) == -1)
		errx(STATUS_USAGE, "-k %s: %s", text, f.text);
}

static void
unit_parse(const char *text, struct options *o)
{
	if (strcmp(text, "A") != 0 && strcmp(text, "nm") != 0)
		errx(STATUS_USAGE, "-w %s: not A or nm", text);
	o->unit = text;
	o->source.facts[FACT_UNIT] = *text == 'A' ? "q2cat.w=A" : "q2cat.w=nm";
}

static void
options_parse(int argc, char *argv[], struct cat *c)
{
	int ch;

	while ((ch = getopt(argc, argv, "+C:KL:ce:i:k:l:n:r:s:vw:")) != -1) {
		if (strchr("CKiklnrsw", ch) != NULL)
			c->o.not_live = ch;
		switch (ch) {
		case 'C':
			c->o.capacity = (uint32_t)tool_int('C', optarg, 1,
			    LAYOUT_MAX_CAPACITY);
			break;
		case 'K':
			c->o.keep_going = true;
			break;
		case 'L':
			listener_parse(optarg, &c->o);
			break;
		case 'c':
			c->to.crc = true;
			break;
		case 'e':
			c->o.ends = (uint64_t)tool_int('e', optarg, 1, INT64_MAX);
			break;
		case 'i':
			shard_parse(optarg, &c->selection);
			break;
		case 'k':
			fact_parse(optarg, &c->o.source);
			break;
		case 'l':
			c->o.loops = (uint64_t)tool_int('l', optarg, 0,
			    INT64_MAX);
			break;
		case 'n':
			c->selection.count = (uint64_t)tool_int('n', optarg, 0,
			    INT64_MAX);
			break;
		case 'r':
			c->pace.rate = tool_real('r', optarg, 1e-3, 1e6);
			break;
		case 's':
			c->selection.skip = (uint64_t)tool_int('s', optarg, 0,
			    INT64_MAX);
			break;
		case 'v':
			c->o.verbose = true;
			break;
		case 'w':
			unit_parse(optarg, &c->o);
			break;
		default:
			tool_usage();
		}
	}
}

int
main(int argc, char *argv[])
{
	static struct cat c = {
		.o = {
			.loops = 1, .unit = "A", .capacity = 2048,
			.source = { .n = FACTS, .facts = {
				[FACT_VERSION] = "q2cat.version=" VERSION,
				[FACT_UNIT] = "q2cat.w=A"
			} }
		},
		.selection = { .count = UINT64_MAX, .shards = 1 }
	};
	struct record end;
	struct fault f;
	int i, todo;

	tool_begin(argc, argv, "[-Kcv] [-C capacity] [-L address] [-e ends]"
	    " [-i k/n] [-k key=value] [-l loops] [-n count] [-r rate] [-s skip]"
	    " [-w A|nm] [file ...]");
	options_parse(argc, argv, &c);
	argc -= optind;
	argv += optind;
	live_check(&c.o, argc);
	for (i = 0; c.o.loops != 1 && i < (argc == 0 ? 1 : argc); i++)
		if (argc == 0 || strcmp(argv[i], "-") == 0)
			errx(STATUS_USAGE, "-l: standard input cannot be read twice");
	tool_output_check();
	tool_signals(listeners_close);
	if (slots_open(&c.to.slots, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
	outlet_init(&c.to.out, STDOUT_FILENO);
	c.to.header = c.splice.header;
	if (c.to.slots != NULL && !c.to.out.is_pipe &&
	    slots_consume(c.to.slots, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
	c.to.maps = c.to.crc || c.o.keep_going;
	if (c.o.verbose)
		progress_begin(progress_line, &c, false);

	if (c.o.listeners > 0) {
		listeners_open(&c.o);
		live_cat(&c);
	} else
		files_cat(&c, argc, argv);
	if (c.losses.places > 0) {
		losses_sum(&c.losses, &f);
		warnx("%s", f.text);
	}
	if (c.interrupted)
		c.status = tool_worse(c.status, STATUS_INTERRUPTED);
	todo = splice_finish(&c.splice, c.interrupted ? RECORD_INTERRUPTED : 0,
	    &end);
	if (todo_send(&c, todo, &end) == 0 && outlet_flush(&c.to.out) == -1)
		output_failed(&c);
	progress_end();
	slots_close(c.to.slots);
	sender_free(&c.to);
	return c.status;
}
