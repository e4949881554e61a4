#include <stdlib.h>
#include <string.h>

#include "format/eventfind.h"
#include "format/pending.h"

/* Reads the planes of an inline event into a slot of our own. */
static enum inlet_got
inline_take(struct pending *p, const struct pending_source *from,
    struct fault *f)
{
	const struct layout *l = &from->stream->in.layout;
	struct iovec v[PLACE_PIECES];
	struct place at;
	unsigned slot = 0;
	enum inlet_got got;
	int n;

	if (slots_take(p->slots, -1, NULL, &slot, f) != SLOTS_TAKEN)
		return INLET_ERROR;
	slots_refer(p->slots, slot, slots_claim(p->slots, slot, f), &p->r);
	if (p->r.generation == 0 || place_slot(&at, p->slots, slot, l, f) == -1)
		return INLET_ERROR;
	place_populate(&at, p->slots, slot, l, from->stream->in.planes, true);
	n = place_pieces(&at, l, from->stream->in.planes, v);
	got = inlet_payload(from->inlet, v, n, f);
	if (got == INLET_ERROR)
		fault_prefix(f, "event %llu", (unsigned long long)p->r.seq);
	return got;
}

static int
planes_keep(struct pending *p, const struct layout *l, unsigned planes,
    struct fault *f)
{
	struct place at;
	unsigned char *to;
	unsigned plane;

	if (place_slot(&at, p->slots, p->r.slot, l, f) == -1)
		return -1;
	p->kept = malloc(layout_size(l, planes) - LAYOUT_BLOCK_SIZE);
	if ((to = p->kept) == NULL)
		return fault_lack(f, "no memory to keep planes of event %llu",
		    (unsigned long long)p->r.seq);
	p->kept_planes = planes;
	for (plane = 1; plane < PLANE_ALL; plane <<= 1)
		if (planes & plane) {
			memcpy(to, place_plane(&at, l, plane),
			    layout_plane_size(l, plane));
			to += layout_plane_size(l, plane);
		}
	return 0;
}

/* Block and planes as they came, before anybody writes to them. */
static int
event_keep(struct pending *p, const struct pending_source *from,
    struct fault *f)
{
	unsigned planes = from->stream->in.planes &
	    eventfind_planes(&from->stream->in, &from->stream->out);
	const unsigned char *block = slots_map(p->slots, p->r.slot,
	    LAYOUT_BLOCK_SIZE, f);

	if (block == NULL)
		return -1;
	memcpy(p->block, block, sizeof p->block);
	if (!from->keep || planes == 0 || p->state == PENDING_DONE)
		return 0;
	return planes_keep(p, &from->stream->in.layout, planes, f);
}

/* What is made here lies in the slot, whatever a capture has of the kind. */
static void
origin_narrow(const struct pending *p, const struct pending_source *from)
{
	struct slots_origin o;

	slots_origin_get(p->slots, p->r.slot, &o);
	o.planes &= ~(uint32_t)eventfind_planes(&from->stream->in, &from->stream->out);
	slots_origin_set(p->slots, p->r.slot, &o);
}

enum inlet_got
pending_take(struct pending *p, const struct record *r,
    const struct pending_source *from, struct fault *f)
{
	bool whole = r->type == RECORD_EVENT;
	enum inlet_got got;

	p->r = *r;
	p->slots = whole ? from->own : from->shared;
	p->state = r->flags & RECORD_FAILED ? PENDING_DONE : PENDING_WAITING;
	p->deaths = 0;
	if (whole && (got = inline_take(p, from, f)) != INLET_GOT)
		return got;
	if (!whole && slots_check(p->slots, r, f) == -1)
		return INLET_ERROR;
	if (event_keep(p, from, f) == -1) {
		(void)slots_release(p->slots, &p->r, NULL);
		return INLET_ERROR;
	}
	if (!whole)
		origin_narrow(p, from);
	return INLET_GOT;
}

void
pending_forget(struct pending *p)
{
	free(p->kept);
	p->kept = NULL;
	p->kept_planes = 0;
}

void
pending_restore(struct pending *p)
{
	unsigned char *block = slots_map(p->slots, p->r.slot, LAYOUT_BLOCK_SIZE,
	    NULL);

	/* It is mapped since pending_take. */
	if (block != NULL)
		memcpy(block, p->block, sizeof p->block);
	p->state = PENDING_WAITING;
}

int
pending_fail(struct pending *p, const struct findstream *s,
    enum event_cause cause, struct fault *f)
{
	const struct stream *in = &s->in, *out = &s->out;
	const struct layout *l = &out->layout;
	struct slots_origin none = { 0 };
	struct place at;
	unsigned plane;

	p->r.flags |= RECORD_FAILED;
	if (place_slot(&at, p->slots, p->r.slot, &in->layout, f) == -1) {
		slots_origin_set(p->slots, p->r.slot, &none);
		if (place_slot(&at, p->slots, p->r.slot, &in->layout, f) == -1)
			return -1;
		for (plane = 1; plane < PLANE_ALL; plane <<= 1)
			if (out->planes & plane)
				place_blank(&at, l, plane, 0);
	}
	eventfind_fail(in, out, &at, p->r.flags, cause);
	return 0;
}

int
pending_pieces(const struct pending *p, const struct findstream *s,
    struct record *r, struct iovec *v, struct fault *f)
{
	const struct stream *out = &s->out;
	struct place at;

	if (place_slot(&at, p->slots, p->r.slot, &s->in.layout, f) == -1)
		return -1;
	*r = p->r;
	r->type = RECORD_EVENT;
	r->planes = out->planes;
	r->length = stream_event_length(out);
	return place_pieces(&at, &out->layout, out->planes, v);
}

int
pending_came(const struct pending *p, const struct findstream *s,
    struct place *at, struct record *r, struct iovec *v, struct fault *f)
{
	const struct stream *in = &s->in;
	const struct layout *l = &in->layout;
	unsigned char *kept = p->kept;
	unsigned plane;
	int n = 1;

	if (place_slot(at, p->slots, p->r.slot, l, f) == -1)
		return -1;
	*r = p->r;
	r->type = RECORD_EVENT;
	r->planes = in->planes;
	r->length = stream_event_length(in);
	v[0].iov_base = (void *)(uintptr_t)p->block;
	v[0].iov_len = LAYOUT_BLOCK_SIZE;
	for (plane = 1; plane < PLANE_ALL; plane <<= 1) {
		if (!(in->planes & plane))
			continue;
		v[n].iov_base = place_plane(at, l, plane);
		v[n].iov_len = layout_plane_size(l, plane);
		if (p->kept_planes & plane) {
			v[n].iov_base = kept;
			kept += v[n].iov_len;
		}
		n++;
	}
	return n;
}

int
pending_release(const struct pending *p, struct fault *f)
{
	return slots_release(p->slots, &p->r, f);
}
