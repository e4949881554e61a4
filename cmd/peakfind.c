/*
 * peakfind: records with logits in, records with peaks out.
 *
 * The parent moves records and never looks at a pixel; forked workers find the
 * peaks in place. Events lie in slots either way: those of Q2_SLOTS when they
 * come by reference, private ones that the parent fills when they come inline.
 *
 *	reader		takes all records that are ready into the ring
 *	dealer		gives waiting events to the worker with the least to do,
 *			few each: one in work, the others to go on with
 *	merger		sends finished events from the head of the ring, so the
 *			order of the output is that of the input
 *
 * The ring holds events in input order; who holds a slot: the ring entry, from
 * its reading until its sending (or, when the output is no pipe, until its
 * planes are written and the token is given back). Headers and end records wait
 * until the ring is empty.
 *
 * Who waits: the parent, in one poll over input, output and all workers; in a
 * write when the reader is slow, which is the backpressure; and inside an inline
 * event for the rest of it. A worker waits only for the parent. A worker that
 * dies is replaced: the event it was at goes to another worker, after two deaths
 * it is sent as failed.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/le.h"
#include "format/badpixels.h"
#include "format/eventfind.h"
#include "format/feed.h"
#include "status.h"
#include "tool.h"
#include "transport/outlet.h"
#include "transport/worker.h"

enum {
	RING = 256,		/* events in hand at most; SLOTS_MAX and one */
	DEPTH = 2,		/* events a worker has at most, large ones */
	SMALL = 1 << 18,	/* bytes of an event: below it, WORKER_BATCH */
	DEATHS = 2,		/* that an event may cause */
	VAIN_DEATHS = 8		/* in a row, of a worker that cannot even start */
};

struct options {
	unsigned	workers;
	uint32_t	min_pixels, max_pixels;
	uint32_t	capacity;	/* 0: the stream's */
	bool		weighted, keep, verbose;
	const char	*mask;		/* FILE[:/dataset] or NULL */
};

enum state { WAITING, WORKING, DONE };

struct pending {
	struct record	r;		/* a reference into our slots */
	enum state	state;
	unsigned	deaths;
	unsigned char	block[LAYOUT_BLOCK_SIZE];	/* as it came */
};

struct hand {
	unsigned	ring[WORKER_BATCH];	/* events given, oldest first */
	unsigned	n;
	unsigned	unsent;		/* the last of them, still to be sent */
	uint64_t	done;		/* results since the worker began */
	unsigned	vain_deaths;	/* in a row, before it was prepared */
};

struct find {
	const struct options *o;
	struct inlet	*in;
	struct outlet	out;
	struct slots	*shared;	/* of Q2_SLOTS; NULL: none */
	struct slots	*own;		/* for inline events; made when first needed */
	struct crew	*crew;
	struct hand	*hands;
	struct pollfd	*polls;		/* input, output, workers */
	struct progress	progress;
	int		status;
	bool		input_over, output_over;
	unsigned	depth;		/* events a worker has at most */

	struct stream	stream;		/* as it comes in */
	struct stream	sent;		/* as it goes out */
	unsigned char	header[STREAM_SIZE];	/* as it came in */
	bool		open;
	uint8_t		*bad;

	struct record	next;		/* read ahead, waits for its place */
	unsigned char	next_bytes[STREAM_SIZE];
	bool		have_next;

	struct pending	ring[RING];
	unsigned	head, count;
	uint64_t	events, peaks, nan_events, failed;

	struct eventfind finder;	/* in a worker */
	unsigned	self;
};

/* ---- the worker's side ---- */

/* Jobs and results, packed. Results come in the order of the jobs. */
enum { JOB_SLOT = 0, JOB_FLAGS = 4, JOB_INLINE = 8, JOB_SEQ = 16 };
enum { RESULT_CAUSE = 0, RESULT_FOUND = 4, RESULT_NANS = 8, RESULT_TEXT = 12,
	RESULT_TEXT_SIZE = WORKER_MESSAGE - RESULT_TEXT };

static int
worker_prepare(void *ctx, unsigned self)
{
	struct find *c = ctx;
	struct peakfinder_options o = {
		.min_pixels = c->o->min_pixels, .max_pixels = c->o->max_pixels,
		.capacity = c->sent.layout.capacity,
		.weighted = c->o->weighted, .bad = c->bad
	};

	setproctitle("worker %u", self);
	c->self = self;
	return eventfind_init(&c->finder, &c->stream, &c->sent, &o);
}

static int
worker_work(void *ctx, struct worker_message *m)
{
	struct find *c = ctx;
	const struct layout *l = &c->stream.layout;
	uint32_t slot = le_get32(m->bytes + JOB_SLOT);
	uint32_t flags = le_get32(m->bytes + JOB_FLAGS);
	struct slots *slots = le_get32(m->bytes + JOB_INLINE) ? c->own : c->shared;
	struct fault f = { "" };
	struct place p;
	struct event e;

	setproctitle("worker %u, event %llu", c->self,
	    (unsigned long long)le_get64(m->bytes + JOB_SEQ));
	event_init(&e);
	if (place_slot(&p, slots, slot, l, &f) == -1)
		e.cause = EVENT_UNREADABLE;
	else {
		if (c->stream.planes & PLANE_LOGITS)
			place_populate(&p, slots, slot, l, PLANE_LOGITS, false);
		if (eventfind_run(&c->finder, &p, flags, &e, &f) == -1)
			return -1;
	}
	memset(m, 0, sizeof *m);
	le_put32(m->bytes + RESULT_CAUSE, (uint32_t)e.cause);
	le_put32(m->bytes + RESULT_FOUND, e.peaks_found);
	le_put32(m->bytes + RESULT_NANS, e.nans);
	strlcpy((char *)m->bytes + RESULT_TEXT, f.text, RESULT_TEXT_SIZE);
	return 0;
}

/* ---- the parent's side ---- */

static void
find_failed(struct find *c, int status, const char *text)
{
	warnx("%s", text);
	c->status = tool_worse(c->status, status);
}

static void
output_failed(struct find *c)
{
	if (errno != EPIPE)
		warn("standard output");
	c->status = tool_worse(c->status,
	    errno == EPIPE ? STATUS_GONE : STATUS_OUTPUT);
	c->output_over = c->input_over = true;
	/* Who waits for tokens behind another program learns it by our end. */
	if (c->shared != NULL)
		(void)slots_consume(c->shared, NULL);
}

static void
input_failed(struct find *c, struct fault *f)
{
	fault_prefix(f, "standard input");
	find_failed(c, STATUS_INPUT, f->text);
	c->input_over = true;
}

static bool
is_inline(const struct pending *p)
{
	/* Private slots are of session 0, those of Q2_SLOTS bear theirs. */
	return p->r.session == 0;
}

static struct slots *
slots_of(struct find *c, const struct pending *p)
{
	return is_inline(p) ? c->own : c->shared;
}

/* Lines of our own in the header: what changes results. */
static int
stream_prepare(struct find *c, struct fault *f)
{
	const struct options *o = c->o;
	struct stream *s = &c->sent;
	char number[16], digest[65];

	*s = c->stream;
	if (!(s->planes & (PLANE_LOGITS | PLANE_SEGMAP)))
		return fault_set(f, "the stream carries neither logits nor a"
		    " segmentation map");
	if (o->capacity > s->layout.capacity)
		warnx("-c %u: the stream has room for %u peaks only (q2cat -C)",
		    o->capacity, s->layout.capacity);
	else if (o->capacity != 0)
		s->layout.capacity = o->capacity;
	s->planes = PLANE_PEAKS | (c->stream.planes & PLANE_IMAGE);
	if (o->keep)
		s->planes |= PLANE_SEGMAP | (c->stream.planes & PLANE_LOGITS);
	if (stream_add(s, "peakfind.version", VERSION, f) == -1)
		return -1;
	snprintf(number, sizeof number, "%u", o->min_pixels);
	if (stream_add(s, "peakfind.a", number, f) == -1)
		return -1;
	snprintf(number, sizeof number, "%u", o->max_pixels);
	if (stream_add(s, "peakfind.A", number, f) == -1)
		return -1;
	snprintf(number, sizeof number, "%u", s->layout.capacity);
	if (stream_add(s, "peakfind.c", number, f) == -1 ||
	    stream_add(s, "peakfind.w", o->weighted ? "1" : "0", f) == -1)
		return -1;
	free(c->bad);
	c->bad = NULL;
	if (o->mask == NULL)
		return 0;
	if (badpixels_read(o->mask, &s->layout, &c->bad, f) == -1)
		return -1;
	badpixels_digest(c->bad, &s->layout, digest);
	return stream_add(s, "peakfind.b", digest, f);
}

static int
crew_begin(struct find *c, struct fault *f)
{
	struct worker_duty duty = { worker_prepare, worker_work, c, 1 };
	unsigned n = c->o->workers, room = n * DEPTH + 2;

	/* Small events go in batches: waking each other would cost more. */
	c->depth = DEPTH;
	if (layout_size(&c->stream.layout, PLANE_ALL) < SMALL) {
		c->depth = WORKER_BATCH;
		duty.gather = WORKER_BATCH;
	}
	crew_stop(c->crew);
	c->crew = NULL;
	/* Before the fork: the workers share it. */
	if (c->own == NULL && (c->own = slots_private(
	    room > SLOTS_MAX ? SLOTS_MAX : room, f)) == NULL)
		return -1;
	memset(c->hands, 0, n * sizeof c->hands[0]);
	c->crew = crew_start(n, &duty, f);
	return c->crew == NULL ? -1 : 0;
}

static void
stream_begin(struct find *c)
{
	bool same = c->open && memcmp(c->header, c->next_bytes, STREAM_SIZE) == 0;
	unsigned char p[STREAM_SIZE];
	struct fault f;

	if (!same) {
		if (stream_unpack(c->next_bytes, &c->stream, &f) == -1) {
			input_failed(c, &f);
			return;
		}
		memcpy(c->header, c->next_bytes, STREAM_SIZE);
		if (stream_prepare(c, &f) == -1) {
			input_failed(c, &f);
			return;
		}
		if (crew_begin(c, &f) == -1) {
			find_failed(c, STATUS_SYSTEM, f.text);
			c->input_over = true;
			return;
		}
		c->open = true;
	}
	stream_pack(&c->sent, p);
	if (outlet_stream(&c->out, p) == -1 || outlet_flush(&c->out) == -1)
		output_failed(c);
}

static void
end_pass(struct find *c)
{
	struct fault f;

	if (!c->open || c->next.stream != c->stream.id) {
		fault_set(&f, "an end record of a stream that never began");
		input_failed(c, &f);
	} else if (outlet_record(&c->out, &c->next) == -1)
		output_failed(c);
}

/* Reads the planes of an inline event into a slot of our own. */
static int
inline_take(struct find *c, struct pending *p, struct fault *f)
{
	const struct layout *l = &c->stream.layout;
	struct iovec v[PLACE_PIECES];
	struct place at;
	unsigned slot = 0;
	enum inlet_got got;
	int n;

	if (slots_take(c->own, -1, NULL, &slot, f) != SLOTS_TAKEN)
		return -1;
	slots_refer(c->own, slot, slots_claim(c->own, slot), &p->r);
	if (p->r.generation == 0)
		return fault_set(f, "cannot map a slot");
	if (place_slot(&at, c->own, slot, l, f) == -1)
		return -1;
	n = place_pieces(&at, l, c->stream.planes, v);
	got = inlet_payload(c->in, v, n, f);
	if (got == INLET_GONE) {
		errno = EPIPE;
		output_failed(c);
	}
	if (got == INLET_ERROR)
		fault_prefix(f, "event %llu", (unsigned long long)p->r.seq);
	return got == INLET_GOT ? 0 : -1;
}

/* What is made here lies in the slot, whatever a capture has of the kind. */
static void
origin_narrow(struct find *c, const struct pending *p)
{
	struct slots_origin o;

	slots_origin_get(c->shared, p->r.slot, &o);
	o.planes &= ~(uint32_t)eventfind_planes(&c->stream, &c->sent);
	slots_origin_set(c->shared, p->r.slot, &o);
}

static int
reference_take(struct find *c, struct pending *p, struct fault *f)
{
	if (slots_check(c->shared, &p->r, f) == -1)
		return -1;
	origin_narrow(c, p);
	return 0;
}

/*
 * A worker may die when it has changed half of the event block, or all of it and
 * not yet said so: whoever takes the event up finds the block as it came.
 */
static int
block_keep(struct find *c, struct pending *p, struct fault *f)
{
	const unsigned char *block = slots_map(slots_of(c, p), p->r.slot,
	    LAYOUT_BLOCK_SIZE, f);

	if (block == NULL)
		return -1;
	memcpy(p->block, block, sizeof p->block);
	return 0;
}

static void
block_restore(struct find *c, const struct pending *p)
{
	unsigned char *block = slots_map(slots_of(c, p), p->r.slot,
	    LAYOUT_BLOCK_SIZE, NULL);

	/* It is mapped since block_keep. */
	if (block != NULL)
		memcpy(block, p->block, sizeof p->block);
}

static void
event_take(struct find *c)
{
	struct pending *p = &c->ring[(c->head + c->count) % RING];
	struct fault f;
	int taken;

	memset(p, 0, sizeof *p);
	p->r = c->next;
	if (!c->open)
		fault_set(&f, "an event before any stream header");
	if (!c->open || feed_admit(&c->stream, &c->next, &f) == -1) {
		input_failed(c, &f);
		return;
	}
	taken = c->next.type == RECORD_EVENT ? inline_take(c, p, &f) :
	    reference_take(c, p, &f);
	if (taken == -1 || block_keep(c, p, &f) == -1) {
		if (!c->output_over)
			input_failed(c, &f);
		return;
	}
	p->state = p->r.flags & RECORD_FAILED ? DONE : WAITING;
	c->count++;
}

/* May the record read ahead have its place now? */
static bool
next_fits(const struct find *c)
{
	switch (c->next.type) {
	case RECORD_EVENT:
		return c->count < RING && (c->own == NULL ||
		    slots_held(c->own) > 0);
	case RECORD_REFERENCE:
		return c->count < RING;
	case RECORD_STREAM:
	case RECORD_END:
		break;
	}
	return c->count == 0;
}

/* Takes all that is ready and fits. */
static void
records_take(struct find *c)
{
	const unsigned char *bytes;
	struct fault f;

	while (!c->input_over) {
		if (!c->have_next) {
			if (!inlet_ready(c->in))
				return;
			if (inlet_next(c->in, &c->next, &bytes, &f) !=
			    INLET_GOT) {
				input_failed(c, &f);
				return;
			}
			memcpy(c->next_bytes, bytes,
			    c->next.type == RECORD_STREAM ? STREAM_SIZE :
			    RECORD_SIZE);
			c->have_next = true;
		}
		if (!next_fits(c))
			return;
		c->have_next = false;
		if (c->next.type == RECORD_STREAM)
			stream_begin(c);
		else if (c->next.type == RECORD_END)
			end_pass(c);
		else
			event_take(c);
	}
}

/* The input has bytes or has ended. */
static void
input_read(struct find *c)
{
	const unsigned char *bytes;
	struct fault f;

	switch (inlet_fill(c->in, &f)) {
	case INLET_END:
		records_take(c);
		/* What is left is no whole record: let it say so. */
		if (!c->have_next && !c->input_over && !inlet_ended(c->in) &&
		    inlet_next(c->in, &c->next, &bytes, &f) == INLET_ERROR)
			input_failed(c, &f);
		break;
	case INLET_ERROR:
		input_failed(c, &f);
		break;
	default:
		break;
	}
}

static void
job_pack(struct worker_message *m, const struct pending *p)
{
	memset(m, 0, sizeof *m);
	le_put32(m->bytes + JOB_SLOT, p->r.slot);
	le_put32(m->bytes + JOB_FLAGS, p->r.flags);
	le_put32(m->bytes + JOB_INLINE, is_inline(p));
	le_put64(m->bytes + JOB_SEQ, p->r.seq);
}

/* Sends a worker the jobs that were put in its hand, with one write. */
static void
jobs_send(struct find *c, unsigned worker)
{
	struct hand *h = &c->hands[worker];
	struct worker_message m[WORKER_BATCH];
	unsigned i;

	for (i = 0; i < h->unsent; i++)
		job_pack(&m[i], &c->ring[h->ring[h->n - h->unsent + i]]);
	h->unsent = 0;
	/* If it has died, its socket says so at the next poll. */
	if (i > 0)
		(void)crew_send(c->crew, worker, m, (int)i);
}

/* Gives waiting events, oldest first, to the worker with the least to do. */
static void
jobs_deal(struct find *c)
{
	unsigned i, w, best, ring;
	struct hand *h;

	for (i = 0; i < c->count; i++) {
		ring = (c->head + i) % RING;
		if (c->ring[ring].state != WAITING)
			continue;
		best = 0;
		for (w = 1; w < c->o->workers; w++)
			if (c->hands[w].n < c->hands[best].n)
				best = w;
		h = &c->hands[best];
		if (h->n == c->depth)
			break;
		h->ring[h->n++] = ring;
		h->unsent++;
		c->ring[ring].state = WORKING;
	}
	for (w = 0; c->crew != NULL && w < c->o->workers; w++)
		jobs_send(c, w);
}

/*
 * Makes an event a failed one. Planes in a capture that is gone become zeros in
 * the slot, so that the event can go on as one of the stream's length.
 */
static void
event_fail(struct find *c, struct pending *p, enum event_cause cause)
{
	const struct layout *l = &c->sent.layout;
	struct slots_origin none = { 0 };
	struct place at;
	struct fault f;
	unsigned plane;

	p->r.flags |= RECORD_FAILED;
	if (place_slot(&at, slots_of(c, p), p->r.slot, &c->stream.layout, &f) ==
	    -1) {
		slots_origin_set(slots_of(c, p), p->r.slot, &none);
		if (place_slot(&at, slots_of(c, p), p->r.slot,
		    &c->stream.layout, &f) == -1) {
			find_failed(c, STATUS_SYSTEM, f.text);
			c->input_over = c->output_over = true;
			return;
		}
		for (plane = 1; plane < PLANE_ALL; plane <<= 1)
			if (c->sent.planes & plane)
				memset(place_plane(&at, l, plane), 0,
				    layout_plane_size(l, plane));
	}
	eventfind_fail(&c->stream, &c->sent, &at, p->r.flags, cause);
}

static void
result_take(struct find *c, unsigned worker, const struct worker_message *m)
{
	struct hand *h = &c->hands[worker];
	unsigned ring = h->ring[0];
	struct pending *p = &c->ring[ring];
	enum event_cause cause;

	h->vain_deaths = 0;
	h->done++;
	memmove(h->ring, h->ring + 1, (--h->n) * sizeof h->ring[0]);
	p->state = DONE;
	cause = (enum event_cause)le_get32(m->bytes + RESULT_CAUSE);
	c->peaks += le_get32(m->bytes + RESULT_FOUND);
	if (le_get32(m->bytes + RESULT_NANS) != 0)
		c->nan_events++;
	if (cause == EVENT_OK)
		return;
	warnx("event %llu of stream %016llx failed: %.*s",
	    (unsigned long long)p->r.seq, (unsigned long long)c->stream.id,
	    (int)RESULT_TEXT_SIZE, m->bytes[RESULT_TEXT] != '\0' ?
	    (const char *)m->bytes + RESULT_TEXT : event_cause_text(cause));
	event_fail(c, p, cause);
}

/* It died between two events, or before its first: no event's fault. */
static void
worker_idle_bury(struct find *c, unsigned worker, int pid, const char *how,
    bool prepared)
{
	warnx("worker %u (pid %d) %s; replaced", worker, pid, how);
	if (!prepared && ++c->hands[worker].vain_deaths >= VAIN_DEATHS) {
		find_failed(c, STATUS_SYSTEM, "workers cannot start");
		c->input_over = c->output_over = true;
	}
}

/*
 * A worker has died. What it had in hand goes to another; the event it was at
 * too, unless it has done so before.
 */
static void
worker_bury(struct find *c, unsigned worker)
{
	struct hand *h = &c->hands[worker];
	uint64_t begun = crew_begun(c->crew, worker);
	uint64_t at = begun == 0 ? 0 : begun - 1 - h->done;
	int pid = crew_pid(c->crew, worker);
	struct pending *p = NULL;
	struct fault how, f;
	unsigned i;

	if (crew_replace(c->crew, worker, &how, &f) == -1) {
		find_failed(c, STATUS_SYSTEM, f.text);
		c->input_over = c->output_over = true;
		return;
	}
	for (i = 0; i < h->n; i++) {
		block_restore(c, &c->ring[h->ring[i]]);
		c->ring[h->ring[i]].state = WAITING;
	}
	if (at >= 1 && at <= h->n)
		p = &c->ring[h->ring[at - 1]];
	h->n = h->unsent = 0;
	h->done = 0;
	if (p == NULL) {
		worker_idle_bury(c, worker, pid, how.text, begun > 0);
		return;
	}
	if (++p->deaths == DEATHS)
		p->state = DONE;
	warnx("worker %u (pid %d) %s at event %llu of stream %016llx; %s", worker,
	    pid, how.text, (unsigned long long)p->r.seq,
	    (unsigned long long)c->stream.id, p->state == WAITING ?
	    "the event goes to another worker" : "the event has failed");
	if (p->state == DONE)
		event_fail(c, p, EVENT_WORKER);
}

static void
results_take(struct find *c, unsigned worker)
{
	struct worker_message m[WORKER_BATCH];
	int i, n;

	n = crew_receive(c->crew, worker, m, WORKER_BATCH);
	if (n == -1)
		worker_bury(c, worker);
	for (i = 0; i < n; i++)
		result_take(c, worker, &m[i]);
}

/* Sends the event at the head: by reference, or its planes. */
static int
head_send(struct find *c, struct pending *p)
{
	struct record r = p->r;
	struct iovec v[PLACE_PIECES];
	struct place at;
	struct fault f;
	int n;

	r.planes = c->sent.planes;
	if (!is_inline(p) && c->out.is_pipe)
		return outlet_record(&c->out, &r);
	if (place_slot(&at, slots_of(c, p), p->r.slot, &c->stream.layout, &f) ==
	    -1) {
		find_failed(c, STATUS_INPUT, f.text);
		errno = EPIPE;
		return -1;
	}
	r.type = RECORD_EVENT;
	r.length = stream_event_length(&c->sent);
	n = place_pieces(&at, &c->sent.layout, c->sent.planes, v);
	if (outlet_event(&c->out, &r, v, n) == -1)
		return -1;
	if (slots_release(slots_of(c, p), &p->r, &f) == -1)
		find_failed(c, STATUS_INPUT, f.text);
	return 0;
}

static void
progress_say(struct find *c)
{
	double rate;

	if (progress_due(&c->progress, c->events, &rate))
		warnx("%llu events, %llu peaks, %.1f events/s",
		    (unsigned long long)c->events, (unsigned long long)c->peaks,
		    rate);
}

static void
events_send(struct find *c)
{
	struct pending *p;

	while (!c->output_over && c->count > 0 &&
	    (p = &c->ring[c->head])->state == DONE) {
		/* One that came failed is made fit for our planes here. */
		if ((p->r.flags & RECORD_FAILED) && p->deaths == 0)
			event_fail(c, p, EVENT_OK);
		if (head_send(c, p) == -1) {
			output_failed(c);
			return;
		}
		if (p->r.flags & RECORD_FAILED)
			c->failed++;
		c->events++;
		c->head = (c->head + 1) % RING;
		c->count--;
		progress_say(c);
	}
}

/* Waits for input (if there is room for it), any worker, or the output's end. */
static void
events_wait(struct find *c)
{
	unsigned n = c->crew == NULL ? 0 : c->o->workers, i;
	struct pollfd *p = c->polls;
	bool reading = !c->input_over && !c->have_next && !inlet_ended(c->in);

	p[0].fd = reading ? STDIN_FILENO : -1;
	p[0].events = POLLIN;
	p[1].fd = c->out.is_pipe ? STDOUT_FILENO : -1;
	p[1].events = 0;
	if (n > 0)
		crew_poll(c->crew, p + 2);
	if (poll(p, n + 2, -1) == -1) {
		if (errno != EINTR) {
			find_failed(c, STATUS_SYSTEM, strerror(errno));
			c->input_over = c->output_over = true;
		}
		return;
	}
	if ((p[0].revents | p[1].revents) & POLLNVAL) {
		find_failed(c, STATUS_SYSTEM, "standard input or output is closed");
		c->input_over = c->output_over = true;
		return;
	}
	if (p[1].revents & (POLLERR | POLLHUP)) {
		errno = EPIPE;
		output_failed(c);
		return;
	}
	for (i = 0; i < n; i++)
		if (p[2 + i].revents != 0)
			results_take(c, i);
	if (p[0].revents != 0)
		input_read(c);
}

static void
find_run(struct find *c)
{
	while (!c->output_over) {
		records_take(c);
		jobs_deal(c);
		events_send(c);
		/* Sending made room: a header or event may be waiting for it. */
		if (c->have_next && !c->input_over && next_fits(c))
			continue;
		if (outlet_flush(&c->out) == -1) {
			output_failed(c);
			return;
		}
		if (c->count == 0 && !c->have_next &&
		    (c->input_over || inlet_ended(c->in)))
			return;
		if (!c->input_over && !c->have_next && inlet_ready(c->in))
			continue;
		events_wait(c);
	}
}

/* References that nobody will get any more give their tokens back. */
static void
ring_release(struct find *c)
{
	struct fault f;

	for (; c->count > 0; c->count--, c->head = (c->head + 1) % RING)
		(void)slots_release(slots_of(c, &c->ring[c->head]),
		    &c->ring[c->head].r, &f);
}

static void
options_parse(int argc, char *argv[], struct options *o)
{
	int ch;

	while ((ch = getopt(argc, argv, "A:a:b:c:kP:vw")) != -1)
		switch (ch) {
		case 'A':
			o->max_pixels = (uint32_t)tool_int('A', optarg, 0,
			    UINT32_MAX);
			break;
		case 'a':
			o->min_pixels = (uint32_t)tool_int('a', optarg, 1,
			    UINT32_MAX);
			break;
		case 'b':
			o->mask = optarg;
			break;
		case 'c':
			o->capacity = (uint32_t)tool_int('c', optarg, 1,
			    LAYOUT_MAX_CAPACITY);
			break;
		case 'k':
			o->keep = true;
			break;
		case 'P':
			o->workers = (unsigned)tool_int('P', optarg, 0,
			    CREW_MAX);
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'w':
			o->weighted = true;
			break;
		default:
			tool_usage();
		}
	if (o->max_pixels != 0 && o->max_pixels < o->min_pixels)
		errx(STATUS_USAGE, "-A %u is less than -a %u", o->max_pixels,
		    o->min_pixels);
	if (o->workers == 0)
		o->workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
}

static void
find_report(const struct find *c)
{
	if (c->nan_events > 0)
		warnx("%llu events have NaN among their logits; those pixels are"
		    " background", (unsigned long long)c->nan_events);
	if (c->o->verbose)
		warnx("%llu events, %llu peaks, %llu failed",
		    (unsigned long long)c->events, (unsigned long long)c->peaks,
		    (unsigned long long)c->failed);
}

int
main(int argc, char *argv[], char *envp[])
{
	static struct find c;
	struct options o = { .workers = 1, .min_pixels = 1 };
	struct fault f;

	setproctitle_init(argc, argv, envp);
	tool_begin(argc, argv, "[-kvw] [-A maxpix] [-a minpix] [-b mask]"
	    " [-c capacity] [-P workers]");
	options_parse(argc, argv, &o);
	if (optind != argc)
		tool_usage();
	tool_output_check();
	tool_signals(NULL);
	c.o = &o;
	if (slots_open(&c.shared, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
	outlet_init(&c.out, STDOUT_FILENO);
	if (c.shared != NULL && !c.out.is_pipe &&
	    slots_consume(c.shared, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
	c.in = inlet_new(STDIN_FILENO);
	c.hands = calloc(o.workers, sizeof c.hands[0]);
	c.polls = calloc(o.workers + 2, sizeof c.polls[0]);
	if (c.in == NULL || c.hands == NULL || c.polls == NULL)
		errx(STATUS_SYSTEM, "no memory");
	inlet_watch(c.in, c.out.is_pipe ? STDOUT_FILENO : -1, NULL);
	progress_begin(&c.progress, o.verbose);

	find_run(&c);
	crew_stop(c.crew);
	ring_release(&c);
	find_report(&c);
	slots_close(c.shared);
	slots_close(c.own);
	inlet_free(c.in);
	free(c.hands);
	free(c.polls);
	free(c.bad);
	return c.status;
}
