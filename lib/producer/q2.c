/*
 * What a producer in C sees of the family: a thin layer over source (the header),
 * parcel (slot or buffer, and sending) and eventblock. It holds one parcel at most,
 * from q2_slot to q2_put; tokens in hand and the parcel go back in q2_close. A
 * record of 64 bytes leaves at once, since a producer may be slow.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "data/event.h"
#include "data/layout.h"
#include "format/eventblock.h"
#include "format/parcel.h"
#include "format/source.h"
#include "format/stream.h"
#include "producer/q2.h"

enum { CAPACITY = 2048 };

struct q2 {
	struct sender	to;
	struct stream	stream;
	unsigned char	header[STREAM_SIZE];
	const volatile int *stop;
	struct parcel	parcel;
	bool		held;		/* the parcel is in hand */
	bool		refused;	/* and its event is none of this stream */
	bool		failed;		/* the output did: nothing more is sent */
	uint64_t	count;
};

_Static_assert(sizeof(struct q2_error) == sizeof((struct fault){ .text = "" }.text),
    "texts are as long as ours");

static enum q2_result
result(enum q2_result r, const struct fault *f, struct q2_error *e)
{
	if (e != NULL)
		memcpy(e->text, f->text, sizeof e->text);
	return r;
}

static enum q2_result
refuse(const char *text, struct q2_error *e)
{
	struct fault f;

	(void)fault_set(&f, "%s", text);
	return result(Q2_FAULT, &f, e);
}

/* After a write failed, with errno. */
static enum q2_result
output_failed(struct q2 *q, struct q2_error *e)
{
	enum q2_result r = errno == EPIPE ? Q2_GONE : Q2_FAULT;
	struct fault f;

	q->failed = true;
	(void)fault_set(&f, "the output: %s", strerror(errno));
	/* Who waits for tokens behind another program learns it by our end. */
	if (q->to.slots != NULL)
		(void)slots_consume(q->to.slots, NULL);
	return result(r, &f, e);
}

static int
layout_make(const struct q2_layout *from, struct layout *l, struct fault *f)
{
	if (from->logits < Q2_LOGITS_F32 || from->logits > Q2_LOGITS_BF16 ||
	    (int)from->image < Q2_IMAGE_NONE || from->image > Q2_IMAGE_I32)
		return fault_set(f, "an unknown type of logits or image");
	if (from->quantities & ~(unsigned)QUANTITY_ALL)
		return fault_set(f, "unknown quantities");
	memset(l, 0, sizeof *l);
	l->panels = from->panels;
	l->classes = from->classes;
	l->real_height = from->height;
	l->real_width = from->width;
	l->height = from->padded_height ? from->padded_height : from->height;
	l->width = from->padded_width ? from->padded_width : from->width;
	l->logits_type = (enum logits_type)from->logits;
	l->image_type = (enum image_type)from->image;
	l->capacity = from->capacity ? from->capacity : CAPACITY;
	return layout_check(l, f);
}

static int
header_make(struct q2 *q, const struct q2_layout *from,
    const char *const *facts, struct fault *f)
{
	struct source s = { .n = 0 };
	struct layout l;

	if (layout_make(from, &l, f) == -1)
		return -1;
	for (; facts != NULL && *facts != NULL; facts++)
		/* All are the caller's here: there are none of a program. */
		if ((s.n == SOURCE_FACTS_MAX ? fault_set(f, "more than %d facts",
		    SOURCE_FACTS_MAX) : source_fact(&s, *facts, f)) == -1)
			return fault_prefix(f, "%.80s", *facts);
	if (source_header(&s, &l, from->quantities, q->header, f) == -1)
		return -1;
	return stream_unpack(q->header, &q->stream, f);
}

/* Slots where references may leave, and none where not. */
static int
slots_find(struct q2 *q, struct fault *f)
{
	if (slots_open(&q->to.slots, f) == -1)
		return -1;
	if (!sender_refers(&q->to)) {
		slots_close(q->to.slots);
		q->to.slots = NULL;
		return 0;
	}
	return sender_budget(&q->to, &q->stream.layout, q->stream.planes, f) == -1 ?
	    -1 : 0;
}

static void
sigpipe_ignore(void)
{
	struct sigaction sa;

	if (sigaction(SIGPIPE, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL)
		(void)signal(SIGPIPE, SIG_IGN);
}

static void
q2_free(struct q2 *q)
{
	slots_close(q->to.slots);
	sender_free(&q->to);
	free(q);
}

struct q2 *
q2_open(int fd, const struct q2_layout *l, const char *const *facts,
    const volatile int *stop, struct q2_error *e)
{
	struct q2 *q = calloc(1, sizeof *q);
	struct fault f;
	bool gone;

	errno = 0;
	if (q == NULL) {
		(void)refuse("no memory", e);
		return NULL;
	}
	q->stop = stop;
	q->to.crc = l->crc != 0;
	q->to.header = q->header;
	outlet_init(&q->to.out, fd);
	if (header_make(q, l, facts, &f) == -1 || slots_find(q, &f) == -1) {
		(void)result(Q2_FAULT, &f, e);
		q2_free(q);
		errno = 0;
		return NULL;
	}
	sigpipe_ignore();
	if (outlet_stream(&q->to.out, q->header) == -1 ||
	    outlet_flush(&q->to.out) == -1) {
		gone = output_failed(q, e) == Q2_GONE;
		q2_free(q);
		errno = gone ? EPIPE : 0;
		return NULL;
	}
	return q;
}

/* What was not put is given up. */
static void
hand_empty(struct q2 *q)
{
	/* The slot is ours: this cannot find it stale. */
	if (q->held)
		(void)parcel_drop(&q->to, &q->parcel, NULL);
	q->held = false;
}

static void *
plane(const struct q2 *q, unsigned plane)
{
	if (!(q->stream.planes & plane))
		return NULL;
	return place_plane(&q->parcel.place, &q->stream.layout, plane);
}

enum q2_result
q2_slot(struct q2 *q, struct q2_event *event, struct q2_error *e)
{
	struct fault f = { .text = "a signal asked to stop" };

	if (q->failed)
		return refuse("the output has failed before", e);
	if (q->stop != NULL && *q->stop) {
		hand_empty(q);
		return result(Q2_STOPPED, &f, e);
	}
	if (!q->held)
		switch (parcel_find(&q->to, &q->stream, q->stream.planes,
		    q->stop, &q->parcel, &f)) {
		case PARCEL_FOUND:
			q->held = true;
			break;
		case PARCEL_STOPPED:
			return result(Q2_STOPPED, &f, e);
		case PARCEL_OUTPUT:
			return output_failed(q, e);
		case PARCEL_FAULT:
			return result(Q2_FAULT, &f, e);
		}
	memset(event, 0, sizeof *event);
	event->logits = plane(q, PLANE_LOGITS);
	event->image = plane(q, PLANE_IMAGE);
	event->photon_energy = event->encoder = (double)NAN;
	return Q2_OK;
}

/* Facts as the event block has them; -1 for what is nothing for this stream. */
static int
event_make(const struct q2 *q, const struct q2_event *from, struct event *to,
    struct fault *f)
{
	event_init(to);
	if (event_time_valid(from->timestamp)) {
		to->known |= QUANTITY_TIMESTAMP;
		to->timestamp = from->timestamp;
	}
	if (isfinite(from->photon_energy) && from->photon_energy > 0) {
		to->known |= QUANTITY_ENERGY;
		to->photon_energy = from->photon_energy;
	}
	if (isfinite(from->encoder)) {
		to->known |= QUANTITY_ENCODER;
		to->encoder = from->encoder;
	}
	if (to->known & ~q->stream.quantities)
		return fault_set(f, "a timestamp, photon energy or encoder that is"
		    " not among the stream's quantities");
	if ((int)from->cause < Q2_GOOD || from->cause > Q2_NO_IMAGE ||
	    (from->cause == Q2_NO_IMAGE && !(q->stream.planes & PLANE_IMAGE)))
		return fault_set(f, "a cause of failure that this stream cannot have");
	to->cause = (enum event_cause)from->cause;
	memcpy(to->source, from->source, sizeof to->source - 1);
	return 0;
}

/* Zeros in the planes of which nothing is known, and behind those that are. */
static void
planes_finish(struct q2 *q, enum q2_cause cause)
{
	const struct layout *l = &q->stream.layout;
	uint64_t from;
	unsigned p;

	for (p = 1; p < PLANE_ALL; p <<= 1) {
		if (!(q->stream.planes & p))
			continue;
		from = layout_plane_bytes(l, p);
		if (cause == Q2_UNREADABLE ||
		    (cause == Q2_NO_IMAGE && p == PLANE_IMAGE))
			from = 0;
		place_blank(&q->parcel.place, l, p, from);
	}
}

enum q2_result
q2_put(struct q2 *q, const struct q2_event *event, struct q2_error *e)
{
	struct fault f;
	struct event facts;

	if (q->failed || !q->held)
		return refuse("there is no event in hand: q2_slot finds one", e);
	q->refused = event_make(q, event, &facts, &f) == -1;
	if (q->refused)
		return result(Q2_FAULT, &f, e);
	planes_finish(q, event->cause);
	eventblock_pack(q->parcel.place.block, &facts);
	q->parcel.record.seq = q->count;
	q->parcel.record.flags = event->cause == Q2_GOOD ? 0 : RECORD_FAILED;
	if (parcel_send(&q->to, &q->stream, &q->parcel) == -1 ||
	    outlet_flush(&q->to.out) == -1)
		return output_failed(q, e);
	q->held = false;
	q->count++;
	return Q2_OK;
}

enum q2_result
q2_close(struct q2 *q, enum q2_end how, struct q2_error *e)
{
	enum q2_result r = Q2_OK;
	struct record end = { .type = RECORD_END, .length = RECORD_SIZE };

	if (q == NULL)
		return Q2_OK;
	if (how == Q2_WHOLE && q->held && q->refused) {
		r = refuse("not whole: the event in hand was refused and not sent", e);
		how = Q2_BROKEN;
	}
	hand_empty(q);
	end.stream = q->stream.id;
	end.count = q->count;
	end.flags = how == Q2_INTERRUPTED ? RECORD_INTERRUPTED : 0;
	if (how != Q2_BROKEN && !q->failed &&
	    (outlet_record(&q->to.out, &end) == -1 ||
	    outlet_flush(&q->to.out) == -1))
		r = output_failed(q, e);
	q2_free(q);
	return r;
}

uint64_t
q2_count(const struct q2 *q)
{
	return q->count;
}
