#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "format/feed.h"
#include "format/live.h"
#include "format/merge.h"
#include "format/producer.h"

enum {
	WATCH_MS = 1000,
	HURRY_MS = 100,		/* the same, after a signal */
	LATE_MAX = 4096		/* connections still taken then */
};

static const double grace = 2;	/* seconds of silence, in an event, after a signal */

struct live {
	struct sender	*to;
	struct listener	*listeners;
	unsigned	n_listeners;
	unsigned	asked;		/* of them, in turn; the next, modulo n */
	const volatile int *stop;
	uint64_t	ends;		/* producers to be served; 0: any number */
	uint64_t	begun;		/* producers whose header was taken */
	struct producer	*producers[LIVE_PRODUCERS];
	unsigned	n;		/* connected */
	unsigned	most;		/* that may be */
	unsigned	room;		/* the same, or fewer: no descriptor was free */
	unsigned	turn;		/* the next to be served in this round */
	unsigned	connected;	/* ever */
	struct merge	merge;
	bool		crowded;	/* that others wait was said */
	bool		stopping;	/* a signal came, */
	bool		draining;	/* and who had connected by then is taken still: */
	unsigned	late;		/* so many were */
};

struct live *
live_new(struct sender *to, struct listener *listeners, unsigned n,
    uint64_t ends, const volatile int *stop)
{
	struct live *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->to = to;
	l->listeners = listeners;
	l->n_listeners = n;
	l->ends = ends;
	l->stop = stop;
	l->most = LIVE_PRODUCERS;
	if (sender_refers(to) && slots_count(to->slots) < l->most)
		l->most = slots_count(to->slots);
	l->room = l->most;
	to->header = l->merge.header;
	return l;
}

void
live_free(struct live *l)
{
	unsigned i;

	if (l == NULL)
		return;
	for (i = 0; i < l->n; i++)
		producer_free(l->producers[i], l->to);
	free(l);
}

/* Takes a connected descriptor over; there must be room. */
static int
producer_add(struct live *l, int fd, const char *peer, struct fault *f)
{
	struct producer *p = producer_new(fd, l->connected + 1, peer);

	if (p == NULL)
		return fault_lack(f, "no memory for a producer");
	if (l->stopping) {
		p->until = inlet_arrived(p->in);
		l->late++;
	}
	l->connected++;
	l->producers[l->n++] = p;
	return 0;
}

static void
listeners_close(struct live *l)
{
	unsigned i;

	for (i = 0; i < l->n_listeners; i++)
		listener_close(&l->listeners[i]);
}

/* Takes a producer out; got is passed on, its text named. */
static enum live_got
producer_leave(struct live *l, struct producer *p, enum live_got got,
    struct fault *f)
{
	unsigned i;

	fault_prefix(f, "p%u (%s)", p->number, p->peer);
	for (i = 0; l->producers[i] != p; i++)
		;
	memmove(&l->producers[i], &l->producers[i + 1],
	    (--l->n - i) * sizeof p);
	if (l->turn > i)
		l->turn--;
	/* It gives back what another one may have wanted. */
	l->room = l->most;
	producer_free(p, l->to);
	return got;
}

/* What it sent of a stream is not all, and nobody knows what is missing. */
static enum live_got
producer_lost(struct live *l, struct producer *p, enum live_got got,
    struct fault *f)
{
	if (p->owes)
		l->merge.uncounted = true;
	return producer_leave(l, p, got, f);
}

/* It is left outside events, since we were stopped. */
static enum live_got
producer_cut(struct live *l, struct producer *p, struct fault *f)
{
	bool within = inlet_buffered(p->in) > 0;

	merge_cut(&l->merge, p->since);
	fault_set(f, "left%s after %llu events",
	    within ? ", silent in the middle of a record," : "",
	    (unsigned long long)p->since);
	return producer_leave(l, p, within ? LIVE_WARNING : LIVE_NEWS, f);
}

/* What comes next from it: is that to be taken, or is it left? */
static bool
producer_wanted(const struct live *l, const struct producer *p)
{
	return !l->stopping || p->filling || inlet_offset(p->in) < p->until;
}

/* After a signal: has it been silent for too long? */
static bool
producer_silent(const struct live *l, const struct producer *p)
{
	return l->stopping && p->silence >= grace;
}

/* Its bytes have ended between records, or inside one (f has the reason). */
static enum live_got
producer_ended(struct live *l, struct producer *p, struct fault *f)
{
	if (f->text[0] != '\0')
		return producer_lost(l, p, p->begun ? LIVE_LOST : LIVE_REFUSED, f);
	if (!p->owes) {
		fault_set(f, p->begun ? "has ended" : "left without a word");
		return producer_leave(l, p, LIVE_NEWS, f);
	}
	fault_set(f, "ended without an end record, after %llu events",
	    (unsigned long long)p->since);
	return producer_lost(l, p, LIVE_LOST, f);
}

/* Reading from it failed: the connection was reset, or nobody is there any more. */
static enum live_got
producer_broken(struct live *l, struct producer *p, struct fault *f)
{
	return producer_lost(l, p, p->owes ? LIVE_LOST : LIVE_WARNING, f);
}

/* The first header of all: it leaves, and memory is checked. */
static enum live_got
merge_open(struct live *l, struct fault *f)
{
	const struct stream *s = &l->merge.stream;

	if (outlet_stream(&l->to->out, l->merge.header) == -1)
		return LIVE_OUTPUT;
	if (!sender_refers(l->to))
		return LIVE_GOING;
	return sender_budget(l->to, &s->layout, s->planes, f) == -1 ? LIVE_FAULT :
	    LIVE_WARNING;
}

static enum live_got
header_take(struct live *l, struct producer *p, const unsigned char *bytes,
    struct fault *f)
{
	struct stream s;
	int first;

	if (stream_unpack(bytes, &s, f) == -1)
		return producer_lost(l, p, LIVE_REFUSED, f);
	if (!p->begun && l->ends > 0 && l->begun == l->ends) {
		fault_set(f, "refused: %llu producers were asked for, and have"
		    " come", (unsigned long long)l->ends);
		return producer_leave(l, p, LIVE_REFUSED, f);
	}
	if (p->owes && s.id != p->stream.id) {
		fault_set(f, "began another stream before the end of its first");
		return producer_lost(l, p, LIVE_LOST, f);
	}
	if ((first = merge_header(&l->merge, &s, bytes, f)) == -1) {
		fault_prefix(f, "refused");
		return producer_lost(l, p, LIVE_REFUSED, f);
	}
	l->begun += !p->begun;
	if (l->begun == l->ends)
		listeners_close(l);
	p->stream = s;
	p->since_header = 0;
	p->begun = p->owes = true;
	return first ? merge_open(l, f) : LIVE_GOING;
}

static enum live_got
end_take(struct live *l, struct producer *p, const struct record *r,
    struct fault *f)
{
	if (!p->begun || r->stream != p->stream.id) {
		fault_set(f, "an end record of a stream that never began");
		return producer_lost(l, p, LIVE_REFUSED, f);
	}
	if (merge_end(&l->merge, r, p->since, f) == -1)
		return producer_lost(l, p, LIVE_REFUSED, f);
	p->owes = false;
	p->since = 0;
	if (!(r->flags & RECORD_INTERRUPTED))
		return LIVE_GOING;
	fault_set(f, "p%u (%s): was interrupted after %llu events", p->number,
	    p->peer, (unsigned long long)r->count);
	return LIVE_WARNING;
}

static enum live_got
event_send(struct live *l, struct producer *p)
{
	int saved;

	merge_event(&l->merge, p->number, &p->record, &p->parcel);
	if (parcel_send(l->to, &l->merge.stream, &p->parcel) == -1) {
		saved = errno;
		(void)parcel_drop(l->to, &p->parcel, NULL);
		p->filling = false;
		errno = saved;
		return LIVE_OUTPUT;
	}
	p->filling = false;
	p->since++;
	return outlet_flush(&l->to->out) == -1 ? LIVE_OUTPUT : LIVE_EVENT;
}

static enum live_got
event_fill(struct live *l, struct producer *p, struct fault *f)
{
	switch (producer_fill(p, f)) {
	case INLET_GOT:
		return event_send(l, p);
	case INLET_STOPPED:
		return LIVE_GOING;
	default:
		return producer_lost(l, p, LIVE_LOST, f);
	}
}

static enum live_got
event_begin(struct live *l, struct producer *p, const struct record *r,
    struct fault *f)
{
	if (!p->begun || r->type == RECORD_REFERENCE) {
		fault_set(f, p->begun ? "a reference: producers must send events"
		    " whole" : "an event before any stream header");
		return producer_lost(l, p, LIVE_REFUSED, f);
	}
	if (feed_admit(&p->stream, r, f) == -1)
		return producer_lost(l, p, LIVE_REFUSED, f);
	if (p->since_header > 0 && r->seq <= p->last) {
		fault_set(f, "event %llu comes after event %llu",
		    (unsigned long long)r->seq, (unsigned long long)p->last);
		return producer_lost(l, p, LIVE_REFUSED, f);
	}
	switch (producer_begin(p, l->to, &l->merge.stream, r,
	    l->stopping ? NULL : l->stop, f)) {
	case PARCEL_FOUND:
		p->since_header++;
		p->last = r->seq;
		p->owes = true;
		return event_fill(l, p, f);
	/* The record stays, and is looked at once more. */
	case PARCEL_STOPPED:
		return LIVE_GOING;
	case PARCEL_OUTPUT:
		return LIVE_OUTPUT;
	default:
		return LIVE_FAULT;
	}
}

/* One that is not in the middle of an event: its next record, if it is there. */
static enum live_got
record_take(struct live *l, struct producer *p, struct fault *f)
{
	const unsigned char *bytes;
	struct record r;

	if (!producer_wanted(l, p))
		return producer_cut(l, p, f);
	switch (producer_look(p, &r, &bytes, f)) {
	case INLET_GOT:
		break;
	case INLET_STOPPED:
		return producer_silent(l, p) ? producer_cut(l, p, f) : LIVE_GOING;
	case INLET_END:
		return producer_ended(l, p, f);
	default:
		return inlet_broken(p->in) ? producer_broken(l, p, f) :
		    producer_lost(l, p, LIVE_REFUSED, f);
	}
	if (r.type == RECORD_EVENT || r.type == RECORD_REFERENCE)
		return event_begin(l, p, &r, f);
	(void)inlet_next(p->in, &r, &bytes, f);
	if (p->begun && (r.flags & RECORD_AGAIN))
		return LIVE_GOING;
	if (r.type == RECORD_STREAM)
		return header_take(l, p, bytes, f);
	return end_take(l, p, &r, f);
}

static enum live_got
producer_serve(struct live *l, struct producer *p, struct fault *f)
{
	if (!p->filling)
		return record_take(l, p, f);
	if (p->readable)
		return event_fill(l, p, f);
	if (!producer_silent(l, p))
		return LIVE_GOING;
	producer_unfinished(p, "left, silent", f);
	merge_cut(&l->merge, p->since);
	return producer_leave(l, p, LIVE_WARNING, f);
}

/* That others wait is said once. */
static enum live_got
crowd_tell(struct live *l)
{
	bool first = !l->crowded;

	l->crowded = true;
	return first ? LIVE_WARNING : LIVE_GOING;
}

/* One has connected. */
static enum live_got
connection_take(struct live *l, const struct listener *from, struct fault *f)
{
	char peer[64];
	int fd = listener_accept(from, peer, sizeof peer);

	if (fd == -1 && listener_lacks(errno)) {
		fault_set(f, "%s: accept: %s%s", from->name, strerror(errno),
		    l->n == 0 ? "" : ": others wait until a producer ends");
		/* Those who are there will do; with nobody there, nothing will. */
		if (l->n == 0)
			return LIVE_FAULT;
		l->room = l->n;
		return crowd_tell(l);
	}
	if (fd == -1)
		return LIVE_GOING;
	if (producer_add(l, fd, peer, f) == -1)
		return LIVE_FAULT;
	fault_set(f, "p%u (%s): connected", l->connected, peer);
	if (l->n < l->room || l->crowded)
		return LIVE_NEWS;
	fault_set(f, "%u producers are connected, the most there can be: others"
	    " wait until one ends", l->n);
	return crowd_tell(l);
}

/* What poll waits for, at most: nothing, if somebody can go on without a read. */
static int
round_patience(const struct live *l)
{
	unsigned i;

	for (i = 0; i < l->n; i++)
		if (producer_ready(l->producers[i]) ||
		    !producer_wanted(l, l->producers[i]))
			return 0;
	if (l->draining && l->n < l->room)
		return 0;
	return l->stopping ? HURRY_MS : WATCH_MS;
}

/* The descriptors of a round: output, listeners, producers. */
static unsigned
round_watch(const struct live *l, struct pollfd *p)
{
	bool wanted = l->n < l->room && (!l->stopping || l->draining);
	unsigned n = 0, i;

	p[n++] = (struct pollfd){ .fd = l->to->out.fd };
	for (i = 0; i < l->n_listeners; i++)
		p[n++] = (struct pollfd){
			.fd = wanted ? l->listeners[i].fd : -1, .events = POLLIN
		};
	for (i = 0; i < l->n; i++)
		p[n++] = (struct pollfd){
			.fd = l->producers[i]->fd, .events = POLLIN
		};
	return n;
}

/* Silence counts while we listen: not while a slow reader held us up. */
static void
producer_hear(struct producer *p, bool something, double waited)
{
	p->readable = something;
	p->silence = something ? 0 : p->silence + waited;
}

/* Has everybody been taken who had connected when the signal came? */
static void
drain_judge(struct live *l, const struct pollfd *listeners)
{
	unsigned i;

	if (l->n >= l->room && l->late < LATE_MAX)
		return;
	for (i = 0; i < l->n_listeners; i++)
		if (listeners[i].revents != 0 && l->late < LATE_MAX)
			return;
	l->draining = false;
	listeners_close(l);
}

/* Begins a round: who has sent something, who has connected? */
static enum live_got
round_begin(struct live *l, struct fault *f)
{
	struct pollfd p[1 + LIVE_LISTENERS + LIVE_PRODUCERS];
	enum live_got got = LIVE_GOING;
	double waited;
	unsigned i, n;

	if (outlet_flush(&l->to->out) == -1)
		return LIVE_OUTPUT;
	n = round_watch(l, p);
	waited = clock_seconds();
	if (poll(p, n, round_patience(l)) == -1) {
		if (errno == EINTR)
			return LIVE_GOING;
		fault_set(f, "poll: %s", strerror(errno));
		return LIVE_FAULT;
	}
	if (p[0].revents & (POLLERR | POLLHUP | POLLNVAL)) {
		errno = (p[0].revents & POLLNVAL) ? EBADF : EPIPE;
		return LIVE_OUTPUT;
	}
	waited = clock_seconds() - waited;
	for (i = 0; i < l->n; i++)
		producer_hear(l->producers[i],
		    p[1 + l->n_listeners + i].revents != 0, waited);
	l->turn = 0;
	if (l->draining)
		drain_judge(l, p + 1);
	/* One a round: they are not in a hurry, and each has something to tell. */
	for (n = l->n_listeners; n > 0 && got == LIVE_GOING; n--) {
		i = l->asked++ % l->n_listeners;
		if (p[1 + i].revents != 0)
			got = connection_take(l, &l->listeners[i], f);
	}
	return got;
}

/* Is there a producer that has begun and may go on? */
static bool
begun_any(const struct live *l)
{
	unsigned i;

	for (i = 0; i < l->n; i++)
		if (l->producers[i]->begun)
			return true;
	return false;
}

/* Nobody more is to come, and all who came have ended. */
static bool
live_over(const struct live *l)
{
	if (l->stopping)
		return l->n == 0 && !l->draining;
	return l->ends > 0 && l->begun == l->ends && !begun_any(l);
}

static enum live_got
live_finish(struct live *l)
{
	struct record end;

	listeners_close(l);
	if (merge_finish(&l->merge, l->stopping ? RECORD_INTERRUPTED : 0, &end) &&
	    outlet_record(&l->to->out, &end) == -1)
		return LIVE_OUTPUT;
	return outlet_flush(&l->to->out) == -1 ? LIVE_OUTPUT : LIVE_OVER;
}

static void
live_stop(struct live *l)
{
	unsigned i;

	l->stopping = l->draining = true;
	for (i = 0; i < l->n; i++) {
		l->producers[i]->until = inlet_arrived(l->producers[i]->in);
		l->producers[i]->silence = 0;
	}
}

enum live_got
live_next(struct live *l, struct fault *f)
{
	enum live_got got = LIVE_GOING;

	if (*l->stop && !l->stopping)
		live_stop(l);
	if (live_over(l))
		return live_finish(l);
	if (l->turn >= l->n && (got = round_begin(l, f)) != LIVE_GOING)
		return got;
	while (got == LIVE_GOING && l->turn < l->n)
		got = producer_serve(l, l->producers[l->turn++], f);
	return got;
}
