#include <string.h>

#include "format/eventblock.h"
#include "format/feed.h"
#include "format/salvage.h"

/* Could the stream in hand have this event or reference next? */
static int
event_fits(const struct salvage *s, const struct record *r, struct fault *f)
{
	if (!s->open || s->between)
		return fault_set(f, "event %llu where a stream header belongs",
		    (unsigned long long)r->seq);
	if (feed_admit(&s->stream, r, f) == -1)
		return -1;
	if (r->seq < s->next)
		return fault_set(f, "event %llu where event %llu or a later one"
		    " belongs", (unsigned long long)r->seq,
		    (unsigned long long)s->next);
	return 0;
}

/* Does a record that checks out by itself belong here? 0, or -1 with the reason. */
static int
record_fits(const struct salvage *s, const struct record *r,
    const unsigned char *bytes, struct fault *f)
{
	struct stream stream;

	switch (r->type) {
	case RECORD_STREAM:
		return stream_unpack(bytes, &stream, f);
	case RECORD_EVENT:
	case RECORD_REFERENCE:
		return event_fits(s, r, f);
	case RECORD_END:
		break;
	}
	if (s->open && !s->between && r->stream == s->stream.id)
		return 0;
	return fault_set(f, "the end of a stream that never began");
}

/* The record at the inlet, if it is one and belongs there. It stays there. */
static enum inlet_got
record_look(const struct salvage *s, struct inlet *in, struct record *r,
    const unsigned char **bytes, struct fault *f)
{
	enum inlet_got got = inlet_look(in, r, bytes, f);

	if (got == INLET_GOT && record_fits(s, r, *bytes, f) == -1) {
		fault_prefix(f, "byte %llu",
		    (unsigned long long)inlet_offset(in));
		return INLET_ERROR;
	}
	return got;
}

/* Goes to the next record that belongs there; it stays at the inlet. */
static enum inlet_got
record_find(const struct salvage *s, struct inlet *in, struct record *r,
    const unsigned char **bytes, struct fault *f)
{
	enum inlet_got got;

	for (;;) {
		got = inlet_scan(in, r, bytes, f);
		if (got != INLET_GOT || record_fits(s, r, *bytes, f) == 0)
			return got;
		if ((got = inlet_skip(in, 1, f)) != INLET_GOT)
			return got;
	}
}

/*
 * What the bytes had, given the record behind them (NULL: the input ended). What
 * was put in or lost besides is taken to be less than an event.
 */
static void
gap_judge(const struct salvage *s, struct gap *g, const struct record *r)
{
	uint64_t length, n;

	g->stream = s->stream.id;
	g->in_stream = s->open && !s->between;
	if (!g->in_stream || r == NULL || r->type == RECORD_STREAM)
		return;
	length = stream_event_length(&s->stream);
	if (r->type == RECORD_END) {
		if (!s->counted || r->count < s->came)
			return;
		n = r->count - s->came;
		/* Their numbers are not told by one that comes behind them. */
		if (n > 0 && (!s->row || s->seen < 2))
			return;
	} else
		n = r->seq - s->next;
	if (n != 0 && n != g->bytes / length &&
	    n != (g->bytes + length - 1) / length)
		return;
	g->known = true;
	g->first = s->next;
	g->lost = n;
}

/* The books after a gap, up to the record behind it. */
static void
gap_book(struct salvage *s, const struct gap *g, const struct record *r)
{
	if (!g->in_stream)
		return;
	s->came += g->lost;
	s->seen += g->lost;
	s->next += g->lost;
	if (g->known)
		return;
	s->counted = s->row = false;
	if (r != NULL && r->type == RECORD_EVENT)
		s->next = r->seq;
}

static void
stream_book(struct salvage *s, const unsigned char *bytes)
{
	bool same = s->open && memcmp(s->header, bytes, STREAM_SIZE) == 0;

	/* It fitted, so it can be unpacked. */
	(void)stream_unpack(bytes, &s->stream, NULL);
	memcpy(s->header, bytes, STREAM_SIZE);
	if (!same || s->between) {
		s->came = 0;
		s->counted = true;
	}
	s->open = s->row = true;
	s->between = false;
	s->next = s->seen = 0;
}

static void
event_book(struct salvage *s, const struct record *r)
{
	if (s->seen > 0 && r->seq != s->next)
		s->row = false;
	s->next = r->seq + 1;
	s->seen++;
	s->came++;
}

/* Takes the record at the inlet. An inline event counts when it is confirmed. */
static enum inlet_got
record_take(struct salvage *s, struct inlet *in, struct record *r,
    const unsigned char **bytes, struct fault *f)
{
	enum inlet_got got;

	s->at = inlet_offset(in);
	if ((got = inlet_next(in, r, bytes, f)) != INLET_GOT)
		return got;
	switch (r->type) {
	case RECORD_STREAM:
		stream_book(s, *bytes);
		break;
	case RECORD_REFERENCE:
		s->refers = true;
		event_book(s, r);
		break;
	case RECORD_END:
		s->between = true;
		break;
	case RECORD_EVENT:
		break;
	}
	return got;
}

enum inlet_got
salvage_next(struct salvage *s, struct inlet *in, struct record *r,
    const unsigned char **bytes, struct gap *g, struct fault *f)
{
	enum inlet_got got;

	memset(g, 0, sizeof *g);
	if (!s->damaged) {
		got = record_look(s, in, r, bytes, f);
		if (got == INLET_GOT)
			return record_take(s, in, r, bytes, f);
		if (got != INLET_ERROR || inlet_broken(in) || s->refers)
			return got;
		s->damaged = true;
		s->from = inlet_offset(in);
		s->cause = *f;
	}
	got = record_find(s, in, r, bytes, f);
	if (got != INLET_GOT && got != INLET_END)
		return got;
	if (got == INLET_GOT && r->type == RECORD_REFERENCE) {
		*f = s->cause;
		return INLET_ERROR;
	}
	g->from = s->from;
	g->bytes = inlet_offset(in) - s->from;
	g->cause = s->cause;
	s->damaged = false;
	gap_judge(s, g, got == INLET_GOT ? r : NULL);
	gap_book(s, g, got == INLET_GOT ? r : NULL);
	return got == INLET_END ? got : record_take(s, in, r, bytes, f);
}

/*
 * Were so many bytes whole records, with this one behind them? Where the input
 * ended (NULL), nothing that should be behind the bytes was found in front.
 */
static bool
gap_is_whole(const struct salvage *s, uint64_t bytes, const struct record *r)
{
	uint64_t rest = bytes % stream_event_length(&s->stream);

	return r == NULL || rest == 0 ||
	    (rest == RECORD_SIZE && r->type == RECORD_STREAM);
}

/* The damage that was met begins here. */
static void
damage_set(struct salvage *s, uint64_t from, const struct fault *cause)
{
	s->damaged = true;
	s->from = from;
	s->cause = *cause;
}

/* No record begins behind the event: is that its own fault? */
static int
event_search(struct salvage *s, struct inlet *in, const struct record *r,
    const struct place *at, uint64_t end, const struct fault *cause,
    struct fault *f)
{
	struct iovec v[PLACE_PIECES];
	const unsigned char *bytes;
	struct record next;
	enum inlet_got got;
	uint64_t here = inlet_offset(in);

	if (at != NULL)
		place_pieces(at, &s->stream.layout, r->planes, v);
	if (inlet_back(in, s->at + RECORD_SIZE, v) == -1)
		return fault_lack(f, "no memory for an event that is damaged");
	got = record_find(s, in, &next, &bytes, f);
	if ((got == INLET_GOT || got == INLET_END) && here == end &&
	    inlet_offset(in) >= end && gap_is_whole(s, inlet_offset(in) - end,
	    got == INLET_GOT ? &next : NULL)) {
		event_book(s, r);
		damage_set(s, end, cause);
		return 1;
	}
	/* That it was there is certain: its header is good. */
	if (s->seen == 0)
		s->next = r->seq;
	damage_set(s, s->at, cause);
	return 0;
}

int
salvage_confirm(struct salvage *s, struct inlet *in, const struct record *r,
    enum inlet_got taken, const struct place *at, struct fault *f)
{
	uint64_t end = s->at + r->length, was = s->next;
	const unsigned char *bytes;
	struct record next;
	struct fault cause = { .text = "" };
	enum inlet_got got;

	if (taken == INLET_GOT) {
		s->next = r->seq + 1;
		got = record_look(s, in, &next, &bytes, &cause);
		s->next = was;
		if (got != INLET_ERROR || inlet_broken(in)) {
			event_book(s, r);
			return 1;
		}
		if ((r->flags & RECORD_CRC) && at != NULL && eventblock_check(at,
		    &s->stream.layout, r->planes, NULL) == 0) {
			event_book(s, r);
			damage_set(s, end, &cause);
			return 1;
		}
	} else
		cause = *f;
	return event_search(s, in, r, at, end, &cause, f);
}
