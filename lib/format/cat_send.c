#include <errno.h>

#include "format/cat_impl.h"

/* ---- failures ---- */

int
cat_output_failed(struct cat *c)
{
	c->tell(c->arg, CAT_OUTPUT, NULL, NULL);
	c->finished = true;
	c->splice.open = false;
	/* Who waits for tokens behind another program learns it by our end. */
	if (c->to.slots != NULL)
		(void)slots_consume(c->to.slots, NULL);
	return -1;
}

int
cat_system_failed(struct cat *c, const char *text)
{
	c->tell(c->arg, CAT_SYSTEM, NULL, text);
	c->finished = true;
	return -1;
}

int
cat_input_failed(struct cat *c, const struct fault *f)
{
	c->tell(c->arg, f->lack ? CAT_SYSTEM : CAT_INPUT, c->name, f->text);
	return -1;
}

int
cat_input_damaged(struct cat *c, const struct fault *f)
{
	c->damaged = c->missing = true;
	return cat_input_failed(c, f);
}

/* ---- headers and ends ---- */

int
cat_flush(struct cat *c)
{
	return outlet_flush(&c->to.out) == -1 ? cat_output_failed(c) : 0;
}

/*
 * No end record once events are missing that nobody has counted: cxiwrite then
 * says so. The next header tells where: it comes where an end is missing.
 */
int
cat_send(struct cat *c, int todo, const struct record *end)
{
	if ((todo & SPLICE_END) && !c->damaged &&
	    outlet_record(&c->to.out, end) == -1)
		return cat_output_failed(c);
	if (todo & SPLICE_HEADER) {
		c->headers++;
		if (outlet_stream(&c->to.out, c->splice.header) == -1)
			return cat_output_failed(c);
	}
	return cat_flush(c);
}

int
cat_begin(struct cat *c, const unsigned char *header)
{
	struct record end;
	struct fault f;
	bool first = !c->splice.open;
	int todo = splice_begin(&c->splice, header, &end, &f);

	if (todo == -1)
		return cat_input_damaged(c, &f);
	if (!c->missing)
		return cat_send(c, todo, &end);
	/* No stream before it has lost its end: then it has, as it stands here. */
	if (first && cat_send(c, SPLICE_HEADER, NULL) == -1)
		return -1;
	return cat_send(c, SPLICE_HEADER, NULL);
}

void
cat_expect(struct cat *c, uint64_t left)
{
	if (c->to.slots != NULL && c->loops == 1)
		slots_expect(c->to.slots, !c->last ? 0 :
		    c->total + selection_count(&c->selection, left));
}

/* ---- events ---- */

int
cat_pace(struct cat *c, const volatile int *stop)
{
	if (c->pace.rate == 0)
		return 0;
	if (outlet_flush(&c->to.out) == -1 ||
	    pace_wait(&c->pace, c->to.out.fd, stop) == -1)
		return cat_output_failed(c);
	return 0;
}

static int
memory_check(struct cat *c, unsigned planes)
{
	struct fault f;

	switch (sender_budget(&c->to, &c->splice.stream.layout, planes, &f)) {
	case 1:
		c->tell(c->arg, CAT_NOTE, NULL, f.text);
		return 0;
	case 0:
		return 0;
	}
	return cat_system_failed(c, f.text);
}

int
cat_place(struct cat *c, unsigned planes, const volatile int *stop,
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
		return cat_output_failed(c);
	case PARCEL_FAULT:
		break;
	}
	return cat_system_failed(c, f.text);
}

void
cat_drop(struct cat *c, struct parcel *p)
{
	struct fault f;

	if (parcel_drop(&c->to, p, &f) == -1)
		c->tell(c->arg, CAT_NOTE, NULL, f.text);
}

int
cat_event(struct cat *c, struct parcel *p)
{
	if (parcel_send(&c->to, &c->splice.stream, p) == -1) {
		cat_drop(c, p);
		return cat_output_failed(c);
	}
	cat_sent(c);
	return 0;
}

void
cat_sent(struct cat *c)
{
	splice_sent(&c->splice);
	atomic_store_explicit(&c->total, c->total + 1, memory_order_relaxed);
}

bool
cat_wants(struct cat *c, uint64_t seq)
{
	return selection_wants(&c->selection, c->headers - 1,
	    splice_number(&c->splice, seq));
}

void
cat_met(struct cat *c)
{
	selection_advance(&c->selection);
	if (selection_over(&c->selection))
		c->finished = true;
}
