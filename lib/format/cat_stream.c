#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/pages.h"
#include "format/cat_impl.h"
#include "format/feed.h"
#include "format/salvage.h"

enum {
	GAPS_SAID = 20,		/* places that are named one by one */
	PASS_MIN = 1 << 22	/* bytes of events that need not be copied */
};

/* What is read from. */
struct input {
	struct inlet	*in;
	const volatile int *stop;	/* where we are the originator, else NULL */
	int		capture;	/* its number in the slots; -1: copy planes */
	uint64_t	size;		/* of that capture when it was named */
	struct capture	*map;		/* of it; NULL: none */
	struct salvage	salvage;	/* -K */
};

static int
inlet_failed(struct cat *c, enum inlet_got got, const struct fault *f)
{
	if (got == INLET_GONE) {
		errno = EPIPE;
		return cat_output_failed(c);
	}
	return got == INLET_ERROR ? cat_input_damaged(c, f) : -1;
}

/* Is the event just taken to be believed? 1, 0, or -1: said. */
static int
event_confirm(struct cat *c, struct input *in, const struct record *r,
    enum inlet_got got, const struct place *at, struct fault *f)
{
	int believed;

	if (!inlet_regular(in->in) && !inlet_ready(in->in) && cat_flush(c) == -1)
		return -1;
	believed = salvage_confirm(&in->salvage, in->in, r, got, at, f);
	return believed == -1 ? cat_system_failed(c, f->text) : believed;
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

	if (selected && (cat_pace(c, in->stop) == -1 ||
	    (found = cat_place(c, replay ? 0 : r->planes, in->stop, p)) == -1))
		return -1;
	if (selected && found == 0)
		return 0;
	/* What a pipe brought can be searched only if it was kept. */
	if (!selected && c->keep_going && !inlet_regular(in->in)) {
		if (parcel_inline(&c->to, s, p, &f) != PARCEL_FOUND)
			return cat_system_failed(c, f.text);
		there = true;
	}
	p->record.flags = r->flags;
	got = there ? parcel_fill(&c->to, s, in->in, r,
	    replay ? in->capture : -1, p, &f) :
	    inlet_skip(in->in, r->length - RECORD_SIZE, &f);
	if (got == INLET_ERROR)
		fault_prefix(&f, "event %llu", (unsigned long long)r->seq);
	if (c->keep_going && got != INLET_GONE && !inlet_broken(in->in))
		found = event_confirm(c, in, r, got, there ? &p->place : NULL,
		    &f);
	else
		found = got == INLET_GOT ? 1 : inlet_failed(c, got, &f);
	if (found != 1 && selected)
		cat_drop(c, p);
	return found;
}

/* May an event go from its file into a pipe without our reading it? */
static bool
event_passes(const struct cat *c, const struct input *in, const struct record *r)
{
	return r->length >= PASS_MIN && inlet_regular(in->in) &&
	    c->to.out.is_pipe && !sender_refers(&c->to) && !c->keep_going &&
	    (!c->to.crc || (r->flags & RECORD_CRC)) &&
	    inlet_readable(in->in, r->length - RECORD_SIZE);
}

static int
event_pass(struct cat *c, struct input *in, const struct record *r)
{
	struct outlet *out = &c->to.out;
	struct record sent = *r;
	enum inlet_got got;
	struct fault f;

	if (cat_pace(c, in->stop) == -1)
		return -1;
	sent.stream = c->splice.stream.id;
	sent.seq = splice_event(&c->splice, r->seq, true);
	if (outlet_record(out, &sent) == -1 || outlet_flush(out) == -1)
		return cat_output_failed(c);
	got = inlet_pass(in->in, r->length - RECORD_SIZE, out->fd, &f);
	if (got == INLET_GONE)
		return cat_output_failed(c);
	if (got != INLET_GOT) {
		/* It was cut or failed within moments. */
		c->finished = true;
		fault_prefix(&f, "event %llu: part of it has left, so that nothing"
		    " can follow, of other inputs neither",
		    (unsigned long long)r->seq);
		return cat_input_damaged(c, &f);
	}
	cat_sent(c);
	cat_met(c);
	return 0;
}

/* An inline event. */
static int
event_cat(struct cat *c, struct input *in, const struct record *r)
{
	bool selected = cat_wants(c, r->seq), replay;
	struct parcel p;
	int taken;

	if (selected && event_passes(c, in, r))
		return event_pass(c, in, r);
	/* A capture may have grown since it was named: then that part is copied. */
	replay = in->capture != -1 && inlet_offset(in->in) + r->length -
	    RECORD_SIZE <= in->size;
	if ((taken = event_take(c, in, r, selected, replay, &p)) != 1)
		return taken;
	p.record.seq = splice_event(&c->splice, r->seq, selected);
	if (selected && cat_event(c, &p) == -1)
		return -1;
	/* Copying took long; references to a capture may gather. */
	if (selected && !replay && cat_flush(c) == -1)
		return -1;
	cat_met(c);
	return 0;
}

/* A reference is passed on, written out, or ends here. */
static int
reference_cat(struct cat *c, struct input *in, const struct record *r)
{
	bool selected = cat_wants(c, r->seq);
	struct parcel p = { .record = *r };
	struct fault f;
	int result = 0;

	p.record.seq = splice_event(&c->splice, r->seq, selected);
	if (slots_check(c->to.slots, r, &f) == -1)
		return cat_input_damaged(c, &f);
	if (place_slot(&p.place, c->to.slots, r->slot, &c->splice.stream.layout,
	    &f) == -1) {
		(void)slots_release(c->to.slots, r, NULL);
		return cat_input_damaged(c, &f);
	}
	if (selected && cat_pace(c, in->stop) == -1) {
		(void)slots_release(c->to.slots, r, NULL);
		return -1;
	}
	if (selected && !c->to.out.is_pipe) {
		p.record.type = RECORD_EVENT;
		p.record.length = stream_event_length(&c->splice.stream);
	}
	if (selected)
		result = cat_event(c, &p);
	if ((!selected || !c->to.out.is_pipe) &&
	    slots_release(c->to.slots, r, &f) == -1)
		return cat_input_damaged(c, &f);
	if (result == 0)
		cat_met(c);
	return result;
}

/* A stream begins: what is left of a file is taken for its events. */
static int
stream_take(struct cat *c, struct input *in, const struct record *r,
    const unsigned char *bytes)
{
	/* Said again: our reader may have gone as well, and we learn it. */
	if ((r->flags & RECORD_AGAIN) && c->splice.open)
		return outlet_again(&c->to.out, c->splice.header) == -1 ?
		    cat_output_failed(c) : cat_flush(c);
	if (cat_begin(c, bytes) == -1)
		return -1;
	/* Of small events a read brings many. */
	if (in->map != NULL)
		inlet_map(in->in, stream_event_length(&c->splice.stream) <
		    PAGES_LARGE ? NULL : in->map);
	cat_expect(c, inlet_left(in->in) /
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
		return stream_take(c, in, r, bytes);
	if (r->type == RECORD_END) {
		todo = splice_end(&c->splice, r, &end, &f);
		return todo == -1 ? cat_input_damaged(c, &f) :
		    cat_send(c, todo, &end);
	}
	if (!c->splice.open) {
		fault_set(&f, "an event before any stream header");
		return cat_input_damaged(c, &f);
	}
	if (feed_admit(&c->splice.stream, r, &f) == -1)
		return cat_input_damaged(c, &f);
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
	if (c->losses.places == GAPS_SAID + 1)
		fault_set(&f, "more such places are only counted");
	if (c->losses.places <= GAPS_SAID + 1)
		cat_input_failed(c, &f);
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
		selected = cat_wants(c, g->first + k);
		if (selected && (cat_pace(c, in->stop) == -1 ||
		    cat_place(c, s->planes, in->stop, &p) != 1))
			return -1;
		seq = splice_event(&c->splice, g->first + k, selected);
		if (selected) {
			parcel_blank(&p, s);
			p.record.seq = seq;
			if (cat_event(c, &p) == -1)
				return -1;
		}
		cat_met(c);
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

	if (!c->keep_going)
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
	struct fault f;

	in->capture = -1;
	in->size = 0;
	in->map = NULL;
	if (!sender_refers(&c->to) || capture_identify(fd, &name) == -1)
		return;
	in->capture = slots_capture_add(c->to.slots, &name);
	in->size = name.size;
	if (in->capture != -1)
		in->map = slots_capture(c->to.slots, (unsigned)in->capture, &f);
	/* Who may read it, but not open it, copies: so it is for those behind. */
	if (in->map == NULL)
		in->capture = -1;
}

static bool
fd_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

/*
 * An input is left before its end: what references it holds end here, or those who
 * come after its source would miss their tokens. They are given back when the pipe
 * is closed, so that the source fills it no more.
 */
static void
rest_release(struct cat *c, struct inlet *in, int fd)
{
	const unsigned char *bytes;
	struct record r;
	struct fault f;
	int null;

	/* Only what is there: who waited now would wait for the source. */
	while (inlet_ready(in) || (fd_readable(fd) &&
	    inlet_fill(in, &f) == INLET_GOT)) {
		if (!inlet_ready(in))
			continue;
		if (inlet_next(in, &r, &bytes, &f) != INLET_GOT ||
		    r.type == RECORD_EVENT)
			break;
		if (r.type == RECORD_REFERENCE)
			(void)slots_release_later(c->to.slots, &r, &f);
	}
	if ((null = open("/dev/null", O_RDONLY | O_CLOEXEC)) != -1) {
		dup2(null, fd);
		close(null);
	}
	slots_settle(c->to.slots);
}

void
cat_stream(struct cat *c, int fd, const volatile int *stop)
{
	const unsigned char *bytes;
	struct input in = { .stop = stop };
	struct record r;
	struct fault f;
	enum inlet_got got = INLET_GOT;
	bool any = false, bare = false;

	c->splice.joins = c->loops != 1;
	capture_name(c, fd, &in);
	if ((in.in = inlet_new(fd)) == NULL) {
		cat_system_failed(c, "no memory");
		return;
	}
	/* No references are in files; who reads one is no consumer. */
	if (c->to.slots != NULL && !c->to.out.is_pipe && !inlet_regular(in.in) &&
	    slots_consume(c->to.slots, &f) == -1) {
		cat_system_failed(c, f.text);
		inlet_free(in.in);
		return;
	}
	inlet_watch(in.in, c->to.out.fd, in.stop);
	while (!c->finished && (in.stop == NULL || !*in.stop)) {
		if (!inlet_regular(in.in) && !inlet_ready(in.in) &&
		    cat_flush(c) == -1)
			break;
		got = record_next(c, &in, &r, &bytes, &f);
		if (got != INLET_GOT || c->finished) {
			inlet_failed(c, got, &f);
			break;
		}
		any = true;
		bare = r.type == RECORD_STREAM && !(r.flags & RECORD_AGAIN);
		if (record_cat(c, &in, &r, bytes) == -1)
			break;
	}
	if (got == INLET_END && !any) {
		fault_set(&f, "empty: no stream header");
		cat_input_damaged(c, &f);
	} else if (got == INLET_END && bare) {
		/* The next end would not count what was cut off here. */
		fault_set(&f, "ends behind a stream header: no event, and no end"
		    " record");
		cat_input_damaged(c, &f);
	}
	if (in.stop != NULL && *in.stop && !c->finished)
		c->interrupted = true;
	else if (c->splice.open && !c->splice.held && !c->finished)
		c->splice.lost = true;
	if (c->to.slots != NULL && got != INLET_END && !inlet_regular(in.in))
		rest_release(c, in.in, fd);
	inlet_free(in.in);
}
