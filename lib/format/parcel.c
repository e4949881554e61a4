#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "format/eventblock.h"
#include "format/parcel.h"
#include "transport/budget.h"

bool
sender_refers(const struct sender *s)
{
	return s->slots != NULL && s->out.is_pipe;
}

void
sender_free(struct sender *s)
{
	free(s->buffer);
	s->buffer = NULL;
	s->room = 0;
}

int
sender_budget(struct sender *s, const struct layout *l, unsigned planes,
    struct fault *f)
{
	uint64_t size = RECORD_SIZE +
	    layout_size(l, planes | PLANE_SEGMAP | PLANE_PEAKS);

	if (size <= s->checked)
		return 0;
	s->checked = size;
	return budget_check(slots_count(s->slots), size, f) == -1 ? -1 : 1;
}

void
parcel_at(const struct stream *stream, unsigned char *buffer, struct parcel *p)
{
	memset(p, 0, sizeof *p);
	p->record.type = RECORD_EVENT;
	p->record.stream = stream->id;
	p->record.planes = stream->planes;
	p->record.length = stream_event_length(stream);
	place_inline(&p->place, buffer, stream->planes);
}

enum parcel_got
parcel_inline(struct sender *s, const struct stream *stream, struct parcel *p,
    struct fault *f)
{
	uint64_t size = layout_size(&stream->layout, stream->planes);

	if (s->room < size) {
		free(s->buffer);
		s->buffer = pages_alloc(LAYOUT_ALIGN, size);
		s->room = s->buffer == NULL ? 0 : size;
	}
	if (s->buffer == NULL) {
		fault_lack(f, "no memory for an event");
		return PARCEL_FAULT;
	}
	parcel_at(stream, s->buffer, p);
	return PARCEL_FOUND;
}

/* A token, at once or after waiting. */
static enum parcel_got
token_take(struct sender *s, const volatile int *stop, unsigned *slot,
    struct fault *f)
{
	int r = slots_try(s->slots, slot, f);

	if (r != 0)
		return r == -1 ? PARCEL_FAULT : PARCEL_FOUND;
	for (;;) {
		if (outlet_flush(&s->out) == -1)
			return PARCEL_OUTPUT;
		switch (slots_take(s->slots, s->out.fd, stop, slot, f)) {
		case SLOTS_TAKEN:
			return PARCEL_FOUND;
		case SLOTS_STOP:
			return PARCEL_STOPPED;
		case SLOTS_GONE:
			errno = EPIPE;
			return PARCEL_OUTPUT;
		case SLOTS_FAULT:
			return PARCEL_FAULT;
		case SLOTS_LONELY:
			/* It changes nothing: the stream goes on. */
			if (outlet_again(&s->out, s->header) == -1)
				return PARCEL_OUTPUT;
		}
	}
}

static enum parcel_got
slot_find(struct sender *s, const struct stream *stream,
    const volatile int *stop, struct parcel *p, struct fault *f)
{
	enum parcel_got got;
	uint64_t generation;
	unsigned slot = 0;

	if ((got = token_take(s, stop, &slot, f)) != PARCEL_FOUND)
		return got;
	generation = slots_claim(s->slots, slot, f);
	slots_refer(s->slots, slot, generation, &p->record);
	if (generation != 0 &&
	    place_slot(&p->place, s->slots, slot, &stream->layout, f) == 0)
		return PARCEL_FOUND;
	slots_untake(s->slots, slot);
	return PARCEL_FAULT;
}

enum parcel_got
parcel_find(struct sender *s, const struct stream *stream, unsigned planes,
    const volatile int *stop, struct parcel *p, struct fault *f)
{
	enum parcel_got got;

	if (!sender_refers(s))
		return parcel_inline(s, stream, p, f);
	memset(p, 0, sizeof *p);
	p->record.stream = stream->id;
	p->record.planes = stream->planes;
	if ((got = slot_find(s, stream, stop, p, f)) != PARCEL_FOUND)
		return got;
	place_populate(&p->place, s->slots, p->record.slot, &stream->layout, planes,
	    true);
	return PARCEL_FOUND;
}

enum inlet_got
parcel_fill(struct sender *s, const struct stream *stream, struct inlet *in,
    const struct record *r, int capture, struct parcel *p, struct fault *f)
{
	const struct layout *l = &stream->layout;
	struct slots_origin o = {
		.capture = (uint32_t)capture, .planes = r->planes,
		.rooms = r->planes, .offset = inlet_offset(in)
	};
	struct iovec v[PLACE_PIECES];
	enum inlet_got got;
	int n = place_pieces(&p->place, l, r->planes, v);

	if (capture == -1)
		return inlet_payload(in, v, n, f);
	/* The block is copied in any case: others write to it. */
	if ((got = inlet_payload(in, v, 1, f)) != INLET_GOT ||
	    (got = inlet_skip(in, r->length - RECORD_SIZE - LAYOUT_BLOCK_SIZE,
	    f)) != INLET_GOT)
		return got;
	slots_origin_set(s->slots, p->record.slot, &o);
	return s->maps && place_slot(&p->place, s->slots, p->record.slot, l,
	    f) == -1 ? INLET_ERROR : INLET_GOT;
}

int
parcel_drop(struct sender *s, struct parcel *p, struct fault *f)
{
	if (p->record.type != RECORD_REFERENCE)
		return 0;
	return slots_release(s->slots, &p->record, f);
}

void
parcel_blank(struct parcel *p, const struct stream *stream)
{
	struct iovec v[PLACE_PIECES];
	struct event e;
	int i, n;

	n = place_pieces(&p->place, &stream->layout, stream->planes, v);
	for (i = 0; i < n; i++)
		memset(v[i].iov_base, 0, v[i].iov_len);
	event_init(&e);
	e.cause = EVENT_UNREADABLE;
	eventblock_pack(p->place.block, &e);
	p->record.flags = RECORD_FAILED;
}

int
parcel_send(struct sender *s, const struct stream *stream, struct parcel *p)
{
	struct iovec v[PLACE_PIECES];
	int n;

	if (s->crc && !(p->record.flags & RECORD_CRC)) {
		eventblock_seal(&p->place, &stream->layout, stream->planes,
		    stream->planes);
		p->record.flags |= RECORD_CRC;
	}
	if (p->record.type == RECORD_REFERENCE)
		return outlet_record(&s->out, &p->record);
	n = place_pieces(&p->place, &stream->layout, stream->planes, v);
	return outlet_event(&s->out, &p->record, v, n);
}
