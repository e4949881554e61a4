/*
 * peakfind: records with logits in, records with peaks out.
 *
 * The parent moves records and never looks at a pixel; forked workers find the
 * peaks in place. Events lie in slots either way: those of Q2_SLOTS when they
 * come by reference, private ones that the parent fills when they come inline.
 *
 *	reader		takes all records that are ready (format/pending)
 *	dealer		gives events to workers, few each: one in work, the
 *			others to go on with (format/dealer, findcrew, findwork)
 *	merger		sends finished events in the order of the input
 *
 * An event in hand holds its slot, from its reading until its sending (or, when
 * the output is no pipe, until its planes are written and the token is given
 * back). Headers and end records wait until no event is in hand.
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
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/recent.h"
#include "format/feed.h"
#include "format/findcrew.h"
#include "format/findstream.h"
#include "format/setaside.h"
#include "progress.h"
#include "status.h"
#include "tool.h"
#include "transport/outlet.h"
#include "transport/worker.h"

struct options {
	struct findstream_options find;
	const char	*aside;		/* FILE for events set aside, or NULL */
	unsigned	workers;
	bool		verbose;
};

struct find {
	const struct options *o;
	struct inlet	*in;
	struct pending_source from;	/* in and what belongs to it */
	struct outlet	out;
	struct slots	*shared;	/* of Q2_SLOTS; NULL: none */
	struct findcrew	crew;
	struct dealer	*dealer;	/* its events in hand */
	struct pollfd	*polls;		/* input, output, workers */
	struct setaside	aside;
	int		status;
	bool		input_over, output_over;

	struct findstream stream;	/* in hand */

	struct record	next;		/* read ahead, waits for its place */
	unsigned char	next_bytes[STREAM_SIZE];
	bool		have_next;
	struct record	end;		/* waits for what comes behind it */
	bool		have_end;

	_Atomic uint64_t events, peaks;
	uint64_t	nan_events, failed;
	struct recent	recent;		/* only -v's thread looks at it */
};

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

/* Of standard input, or of the mask: nothing more is taken. */
static void
input_failed(struct find *c, const char *name, struct fault *f)
{
	fault_prefix(f, "%s", name);
	find_failed(c, status_of(f, STATUS_INPUT), f->text);
	c->input_over = true;
}

/* There is no going on: what is in hand is given up. */
static void
find_broken(struct find *c, const char *text)
{
	find_failed(c, STATUS_SYSTEM, text);
	c->input_over = c->output_over = true;
}

/* A stream with another header: other workers. */
static void
stream_change(struct find *c)
{
	uint32_t room = c->stream.in.layout.capacity;
	struct fault f;

	if (c->o->find.capacity > room)
		warnx("-c %u: the stream has room for %u peaks only (q2cat -C)",
		    c->o->find.capacity, room);
	if (findcrew_begin(&c->crew, &c->stream, &f) == -1) {
		find_failed(c, STATUS_SYSTEM, f.text);
		c->input_over = true;
	}
	c->from.own = c->crew.own;
}

/*
 * An end leaves when what comes behind it does: who reads would take it for the end of
 * all if we could go no further.
 */
static int
end_send(struct find *c)
{
	bool there = c->have_end;

	c->have_end = false;
	return there ? outlet_record(&c->out, &c->end) : 0;
}

static void
stream_begin(struct find *c)
{
	unsigned char p[STREAM_SIZE];
	struct fault f;

	if (c->stream.open && (c->next.flags & RECORD_AGAIN)) {
		stream_pack(&c->stream.out, p);
		if (outlet_again(&c->out, p) == -1 || outlet_flush(&c->out) == -1)
			output_failed(c);
		return;
	}
	switch (findstream_begin(&c->stream, c->next_bytes, &c->o->find, &f)) {
	case FINDSTREAM_WRONG:
		input_failed(c, "standard input", &f);
		return;
	case FINDSTREAM_NO_MASK:
		input_failed(c, "-b", &f);
		return;
	case FINDSTREAM_BEGINS:
		stream_change(c);
		break;
	case FINDSTREAM_SAME:
		break;
	}
	if (c->input_over)
		return;
	stream_pack(&c->stream.out, p);
	if (end_send(c) == -1 || outlet_stream(&c->out, p) == -1 ||
	    outlet_flush(&c->out) == -1)
		output_failed(c);
}

static void
end_pass(struct find *c)
{
	struct fault f;

	if (!c->stream.open || c->next.stream != c->stream.in.id) {
		fault_set(&f, "an end record of a stream that never began");
		input_failed(c, "standard input", &f);
	} else if (end_send(c) == -1)
		output_failed(c);
	else {
		c->end = c->next;
		c->have_end = true;
	}
}

static void
event_take(struct find *c)
{
	struct fault f;

	if (!c->stream.open)
		fault_set(&f, "an event before any stream header");
	if (!c->stream.open || feed_admit(&c->stream.in, &c->next, &f) == -1) {
		input_failed(c, "standard input", &f);
		return;
	}
	if (end_send(c) == -1) {
		output_failed(c);
		return;
	}
	switch (pending_take(dealer_room(c->dealer), &c->next, &c->from, &f)) {
	case INLET_GOT:
		dealer_add(c->dealer);
		break;
	case INLET_GONE:
		errno = EPIPE;
		output_failed(c);
		break;
	default:
		input_failed(c, "standard input", &f);
		break;
	}
}

/* May the record read ahead have its place now? */
static bool
next_fits(const struct find *c)
{
	unsigned count = dealer_count(c->dealer);

	switch (c->next.type) {
	case RECORD_EVENT:
		return count < DEALER_ROOM && (c->crew.own == NULL ||
		    slots_held(c->crew.own) > 0);
	case RECORD_REFERENCE:
		return count < DEALER_ROOM;
	case RECORD_STREAM:
	case RECORD_END:
		break;
	}
	return count == 0;
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
				input_failed(c, "standard input", &f);
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
			input_failed(c, "standard input", &f);
		break;
	case INLET_ERROR:
		input_failed(c, "standard input", &f);
		break;
	default:
		break;
	}
}

static void
event_fail(struct find *c, struct pending *p, enum event_cause cause)
{
	struct fault f;

	if (pending_fail(p, &c->stream, cause, &f) == -1)
		find_broken(c, f.text);
}

static void
result_take(struct find *c, const struct findcrew_result *r)
{
	c->peaks += r->found.found;
	if (r->found.nans != 0)
		c->nan_events++;
	if (r->found.cause == EVENT_OK)
		return;
	warnx("event %llu of stream %016llx failed: %s",
	    (unsigned long long)r->event->r.seq,
	    (unsigned long long)c->stream.in.id, r->found.text[0] != '\0' ?
	    r->found.text : event_cause_text(r->found.cause));
	event_fail(c, r->event, r->found.cause);
}

static void
worker_bury(struct find *c, unsigned worker)
{
	struct findcrew_death d;
	struct pending *p;
	struct fault f;

	if (findcrew_bury(&c->crew, worker, &d, &f) == -1) {
		find_broken(c, f.text);
		return;
	}
	if ((p = d.event) == NULL) {
		warnx("worker %u (pid %d) %s; replaced", worker, d.pid,
		    d.how.text);
		return;
	}
	warnx("worker %u (pid %d) %s at event %llu of stream %016llx; %s", worker,
	    d.pid, d.how.text, (unsigned long long)p->r.seq,
	    (unsigned long long)c->stream.in.id, p->state == PENDING_WAITING ?
	    "the event goes to another worker" : c->o->aside != NULL ?
	    "the event has failed" :
	    "the event has failed; -x FILE keeps such events for study");
}

/* An event that killed too many workers, in its turn, and only once. */
static void
event_give_up(struct find *c, struct pending *p)
{
	unsigned long long seq = p->r.seq, id = c->stream.in.id;
	struct fault f;

	if (p->deaths < DEALER_DEATHS || (p->r.flags & RECORD_FAILED))
		return;
	if (c->o->aside != NULL &&
	    setaside_event(&c->aside, &c->stream, p, &f) == -1) {
		fault_prefix(&f, "event %llu of stream %016llx is NOT set aside",
		    seq, id);
		find_failed(c, status_of(&f, STATUS_OUTPUT), f.text);
	} else if (c->o->aside != NULL)
		warnx("event %llu of stream %016llx is set aside in %s", seq, id,
		    c->o->aside);
	event_fail(c, p, EVENT_WORKER);
}

static void
results_take(struct find *c, unsigned worker)
{
	struct findcrew_result r[WORKER_BATCH];
	int i, n = findcrew_receive(&c->crew, worker, r);

	if (n == -1)
		worker_bury(c, worker);
	for (i = 0; i < n; i++)
		result_take(c, &r[i]);
}

/* Sends the event at the head: by reference, or its planes. */
static int
head_send(struct find *c, const struct pending *p)
{
	struct record r = p->r;
	struct iovec v[PLACE_PIECES];
	struct fault f;
	int n;

	r.planes = c->stream.out.planes;
	if (p->slots == c->shared && c->out.is_pipe)
		return outlet_record(&c->out, &r);
	n = pending_pieces(p, &c->stream, &r, v, &f);
	if (n == -1) {
		find_failed(c, status_of(&f, STATUS_INPUT), f.text);
		errno = EPIPE;
		return -1;
	}
	if (outlet_event(&c->out, &r, v, n) == -1)
		return -1;
	if (pending_release(p, &f) == -1)
		find_failed(c, status_of(&f, STATUS_INPUT), f.text);
	return 0;
}

/* What -v says. */
static void
progress_line(void *arg, char *text, size_t size)
{
	struct find *c = arg;
	uint64_t total = c->events;
	double rate = recent_rate(&c->recent, clock_seconds(), total, 0);

	snprintf(text, size, "%llu events, %llu peaks, %.1f events/s",
	    (unsigned long long)total, (unsigned long long)c->peaks,
	    rate);
}

static void
events_send(struct find *c)
{
	struct pending *p;

	while (!c->output_over && (p = dealer_head(c->dealer)) != NULL &&
	    p->state == PENDING_DONE) {
		/* One that came failed is made fit for our planes here. */
		if ((p->r.flags & RECORD_FAILED) && p->deaths == 0)
			event_fail(c, p, EVENT_OK);
		event_give_up(c, p);
		if (head_send(c, p) == -1) {
			output_failed(c);
			return;
		}
		if (p->r.flags & RECORD_FAILED)
			c->failed++;
		c->events++;
		dealer_drop(c->dealer);
	}
}

/* Waits for input (if there is room for it), any worker, or the output's end. */
static void
events_wait(struct find *c)
{
	struct pollfd *p = c->polls;
	unsigned n = findcrew_poll(&c->crew, p + 2), i;
	bool reading = !c->input_over && !c->have_next && !inlet_ended(c->in);

	p[0].fd = reading ? STDIN_FILENO : -1;
	p[0].events = POLLIN;
	p[1].fd = c->out.is_pipe ? STDOUT_FILENO : -1;
	p[1].events = 0;
	if (poll(p, n + 2, -1) == -1) {
		if (errno != EINTR)
			find_broken(c, strerror(errno));
		return;
	}
	if ((p[0].revents | p[1].revents) & POLLNVAL) {
		find_broken(c, "standard input or output is closed");
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
		findcrew_deal(&c->crew);
		events_send(c);
		if (c->output_over)
			return;
		/* Sending made room: a header or event may be waiting for it. */
		if (c->have_next && !c->input_over && next_fits(c))
			continue;
		if (outlet_flush(&c->out) == -1) {
			output_failed(c);
			return;
		}
		if (dealer_count(c->dealer) == 0 && !c->have_next &&
		    (c->input_over || inlet_ended(c->in))) {
			if (!c->input_over && (end_send(c) == -1 ||
			    outlet_flush(&c->out) == -1))
				output_failed(c);
			return;
		}
		if (!c->input_over && !c->have_next && inlet_ready(c->in))
			continue;
		events_wait(c);
	}
}

/*
 * References that nobody will get any more give their tokens back. What killed
 * workers is kept all the same.
 */
static void
events_release(struct find *c)
{
	struct pending *p;

	for (; (p = dealer_head(c->dealer)) != NULL; dealer_drop(c->dealer)) {
		event_give_up(c, p);
		(void)pending_release(p, NULL);
	}
}

/* Those that a batch system or taskset left to us, of all that there are. */
static unsigned
processors_count(void)
{
	cpu_set_t ours[8];	/* as many as Linux can be built for */
	unsigned n;

	if (sched_getaffinity(0, sizeof ours, ours) == -1)
		err(STATUS_SYSTEM, "-P 0: processors cannot be counted");
	n = (unsigned)CPU_COUNT_S(sizeof ours, ours);
	return n < CREW_MAX ? n : CREW_MAX;
}

static void
options_parse(int argc, char *argv[], struct options *o)
{
	int ch;

	while ((ch = getopt(argc, argv, "+A:a:b:c:kP:vwx:")) != -1)
		switch (ch) {
		case 'A':
			o->find.max_pixels = (uint32_t)tool_int('A', optarg, 0,
			    UINT32_MAX);
			break;
		case 'a':
			o->find.min_pixels = (uint32_t)tool_int('a', optarg, 1,
			    UINT32_MAX);
			break;
		case 'b':
			o->find.mask = optarg;
			break;
		case 'c':
			o->find.capacity = (uint32_t)tool_int('c', optarg, 1,
			    LAYOUT_MAX_CAPACITY);
			break;
		case 'k':
			o->find.keep = true;
			break;
		case 'P':
			o->workers = (unsigned)tool_int('P', optarg, 0,
			    CREW_MAX);
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'w':
			o->find.weighted = true;
			break;
		case 'x':
			o->aside = optarg;
			break;
		default:
			tool_usage();
		}
	if (o->find.max_pixels != 0 && o->find.max_pixels < o->find.min_pixels)
		errx(STATUS_USAGE, "-A %u is less than -a %u", o->find.max_pixels,
		    o->find.min_pixels);
	if (o->workers == 0)
		o->workers = processors_count();
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
	struct options o = { .workers = 1, .find.min_pixels = 1 };
	struct fault f;

	setproctitle_init(argc, argv, envp);
	tool_begin(argc, argv, "[-kvw] [-A maxpix] [-a minpix] [-b mask]"
	    " [-c capacity] [-P workers] [-x file]");
	options_parse(argc, argv, &o);
	tool_filter(argc, argv);
	tool_output_check();
	if (io_feeds_itself(STDIN_FILENO, STDOUT_FILENO))
		errx(STATUS_INPUT, "standard input: is standard output, too; write to"
		    " another file");
	tool_signals(NULL);
	c.o = &o;
	if (o.aside != NULL && setaside_init(&c.aside, o.aside, &f) == -1)
		errx(status_of(&f, STATUS_OUTPUT), "-x %s", f.text);
	if (slots_open(&c.shared, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
	outlet_init(&c.out, STDOUT_FILENO);
	c.in = inlet_new(STDIN_FILENO);
	c.polls = calloc(o.workers + 2, sizeof c.polls[0]);
	if (c.in == NULL || c.polls == NULL ||
	    findcrew_init(&c.crew, o.workers, c.shared) == -1)
		errx(STATUS_SYSTEM, "no memory");
	/* No references are in files; who reads one is no consumer. */
	if (c.shared != NULL && !c.out.is_pipe && !inlet_regular(c.in) &&
	    slots_consume(c.shared, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
	c.dealer = c.crew.dealer;
	c.from = (struct pending_source){
		.inlet = c.in, .shared = c.shared, .stream = &c.stream,
		.keep = o.aside != NULL
	};
	inlet_watch(c.in, c.out.is_pipe ? STDOUT_FILENO : -1, NULL);
	if (o.verbose)
		progress_begin(progress_line, &c, false);

	find_run(&c);
	findcrew_stop(&c.crew);
	events_release(&c);
	findcrew_free(&c.crew);
	if (setaside_end(&c.aside, &f) == -1)
		find_failed(&c, status_of(&f, STATUS_OUTPUT), f.text);
	progress_end();
	find_report(&c);
	slots_close(c.shared);
	inlet_free(c.in);
	free(c.polls);
	findstream_free(&c.stream);
	return c.status;
}
