#include <string.h>

#include "format/eventfind.h"
#include "format/pending.h"

/* Reads the planes of an inline event into a slot of our own. */
static enum inlet_got
inline_take(struct pending *p, struct inlet *inlet, const struct stream *in,
    struct fault *f)
{
	const struct layout *l = &in->layout;
	struct iovec v[PLACE_PIECES];
	struct place at;
	unsigned slot = 0;
	enum inlet_got got;
	int n;

	if (slots_take(p->slots, -1, NULL, &slot, f) != SLOTS_TAKEN)
		return INLET_ERROR;
	slots_refer(p->slots, slot, slots_claim(p->slots, slot), &p->r);
	if (p->r.generation == 0) {
		fault_set(f, "cannot map a slot");
		return INLET_ERROR;
	}
	if (place_slot(&at, p->slots, slot, l, f) == -1)
		return INLET_ERROR;
	n = place_pieces(&at, l, in->planes, v);
	got = inlet_payload(inlet, v, n, f);
	if (got == INLET_ERROR)
		fault_prefix(f, "event %llu", (unsigned long long)p->r.seq);
	return got;
}

/* What is made here lies in the slot, whatever a capture has of the kind. */
static void
origin_narrow(const struct pending *p, const struct stream *in,
    const struct stream *out)
{
	struct slots_origin o;

	slots_origin_get(p->slots, p->r.slot, &o);
	o.planes &= ~(uint32_t)eventfind_planes(in, out);
	slots_origin_set(p->slots, p->r.slot, &o);
}

static enum inlet_got
reference_take(struct pending *p, const struct stream *in,
    const struct stream *out, struct fault *f)
{
	if (slots_check(p->slots, &p->r, f) == -1)
		return INLET_ERROR;
	origin_narrow(p, in, out);
	return INLET_GOT;
}

enum inlet_got
pending_take(struct pending *p, const struct record *r, struct inlet *inlet,
    struct slots *own, struct slots *shared, const struct stream *in,
    const struct stream *out, struct fault *f)
{
	const unsigned char *block;
	enum inlet_got got;

	p->r = *r;
	p->slots = r->type == RECORD_EVENT ? own : shared;
	p->state = r->flags & RECORD_FAILED ? PENDING_DONE : PENDING_WAITING;
	p->deaths = 0;
	got = r->type == RECORD_EVENT ? inline_take(p, inlet, in, f) :
	    reference_take(p, in, out, f);
	if (got != INLET_GOT)
		return got;
	block = slots_map(p->slots, p->r.slot, LAYOUT_BLOCK_SIZE, f);
	if (block == NULL)
		return INLET_ERROR;
	memcpy(p->block, block, sizeof p->block);
	return INLET_GOT;
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
pending_fail(struct pending *p, const struct stream *in,
    const struct stream *out, enum event_cause cause, struct fault *f)
{
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
				memset(place_plane(&at, l, plane), 0,
				    layout_plane_size(l, plane));
	}
	eventfind_fail(in, out, &at, p->r.flags, cause);
	return 0;
}

int
pending_pieces(const struct pending *p, const struct stream *in,
    const struct stream *out, struct record *r, struct iovec *v,
    struct fault *f)
{
	struct place at;

	if (place_slot(&at, p->slots, p->r.slot, &in->layout, f) == -1)
		return -1;
	*r = p->r;
	r->type = RECORD_EVENT;
	r->planes = out->planes;
	r->length = stream_event_length(out);
	return place_pieces(&at, &out->layout, out->planes, v);
}

int
pending_release(const struct pending *p, struct fault *f)
{
	return slots_release(p->slots, &p->r, f);
}
