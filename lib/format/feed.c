#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "format/eventblock.h"
#include "format/feed.h"

int
feed_init(struct feed *d, int fd, struct slots *slots, unsigned want)
{
	memset(d, 0, sizeof *d);
	d->slots = slots;
	d->want = want;
	d->in = inlet_new(fd);
	return d->in == NULL ? -1 : 0;
}

void
feed_close(struct feed *d)
{
	inlet_free(d->in);
	free(d->buffer);
}

int
feed_admit(const struct stream *s, const struct record *r, struct fault *f)
{
	uint64_t length = stream_event_length(s);

	if (r->stream != s->id)
		return fault_set(f, "event %llu belongs to stream %016llx, not to"
		    " %016llx", (unsigned long long)r->seq,
		    (unsigned long long)r->stream, (unsigned long long)s->id);
	if (r->planes != s->planes)
		return fault_set(f, "event %llu has planes %#x, its stream %#x",
		    (unsigned long long)r->seq, r->planes, s->planes);
	if (r->type == RECORD_EVENT && r->length != length)
		return fault_set(f, "event %llu has %llu bytes, its stream's have"
		    " %llu", (unsigned long long)r->seq,
		    (unsigned long long)r->length, (unsigned long long)length);
	return 0;
}

static enum feed_got
got_of(enum inlet_got got)
{
	return got == INLET_END ? FEED_EOF : FEED_ERROR;
}

static enum feed_got
stream_take(struct feed *d, const unsigned char *bytes, struct fault *f)
{
	if (stream_unpack(bytes, &d->stream, f) == -1)
		return FEED_ERROR;
	d->continued = d->open && memcmp(d->header, bytes, STREAM_SIZE) == 0;
	memcpy(d->header, bytes, STREAM_SIZE);
	d->open = true;
	return FEED_STREAM;
}

/* Reads the block and the wanted planes of an inline event to their places. */
static enum inlet_got
inline_take(struct feed *d, struct fault *f)
{
	uint64_t size = layout_size(&d->stream.layout, d->stream.planes);
	struct iovec v[PLACE_PIECES];
	enum inlet_got got = INLET_GOT;
	unsigned plane = 0;
	int i, n;

	if (d->room < size) {
		free(d->buffer);
		d->room = 0;
		if ((d->buffer = pages_alloc(LAYOUT_ALIGN, size)) == NULL) {
			fault_lack(f, "no memory for an event of %llu bytes",
			    (unsigned long long)size);
			return INLET_ERROR;
		}
		d->room = size;
	}
	place_inline(&d->place, d->buffer, d->stream.planes);
	n = place_pieces(&d->place, &d->stream.layout, d->stream.planes, v);
	for (i = 0; i < n && got == INLET_GOT; i++) {
		if (i > 0)
			do
				plane = plane == 0 ? 1 : plane << 1;
			while (!(d->stream.planes & plane));
		if (i == 0 || (d->want & plane))
			got = inlet_payload(d->in, &v[i], 1, f);
		else
			got = inlet_skip(d->in, v[i].iov_len, f);
	}
	return got;
}

/* What the event says and has, checked; -1 with the reason why it failed. */
static int
event_open(struct feed *d, struct fault *f)
{
	const struct layout *l = &d->stream.layout;
	const bool sealed = (d->record.flags & RECORD_CRC) != 0;

	if (d->record.type == RECORD_REFERENCE) {
		d->event.cause = EVENT_UNREADABLE;
		if (place_slot(&d->place, d->slots, d->record.slot, l, f) == -1)
			return -1;
	}
	d->event.cause = EVENT_CHECKSUM;
	if (sealed && eventblock_check(&d->place, l, 0, f) == -1)
		return -1;
	if (eventblock_unpack(d->place.block, l, &d->event, f) == -1) {
		/* Nothing of it is to be believed. */
		event_init(&d->event);
		d->event.seq = d->record.seq;
		d->event.cause = EVENT_UNREADABLE;
		return -1;
	}
	/* What it says is, also where its planes are damaged. */
	if (!sealed || (d->record.flags & RECORD_FAILED) ||
	    eventblock_check(&d->place, l, d->want & d->stream.planes, f) == 0)
		return 0;
	d->event.cause = EVENT_CHECKSUM;
	return -1;
}

/* We cannot take it; its slot is free. */
static enum feed_got
event_refuse(struct feed *d, struct fault *f)
{
	if (d->record.type == RECORD_REFERENCE)
		(void)slots_release(d->slots, &d->record, NULL);
	fault_prefix(f, "event %llu", (unsigned long long)d->record.seq);
	return FEED_ERROR;
}

static enum feed_got
event_take(struct feed *d, struct fault *f)
{
	struct record *r = &d->record;

	if (!d->open) {
		fault_set(f, "an event before any stream header");
		return FEED_ERROR;
	}
	if (feed_admit(&d->stream, r, f) == -1)
		return FEED_ERROR;
	if (r->type == RECORD_EVENT) {
		if (inline_take(d, f) != INLET_GOT) {
			fault_prefix(f, "event %llu",
			    (unsigned long long)r->seq);
			return FEED_ERROR;
		}
	} else if (slots_check(d->slots, r, f) == -1)
		return FEED_ERROR;
	event_init(&d->event);
	d->event.seq = r->seq;
	if (event_open(d, f) == -1) {
		/* Not its fault: a run that is carried on has it again. */
		if (f->lack)
			return event_refuse(d, f);
		r->flags |= RECORD_FAILED;
		d->event.peaks_kept = d->event.peaks_found = 0;
	} else if (r->flags & RECORD_FAILED) {
		if (d->event.cause == EVENT_OK)
			d->event.cause = EVENT_UNREADABLE;
		fault_set(f, "%s", event_cause_text(d->event.cause));
	}
	return FEED_EVENT;
}

enum feed_got
feed_next(struct feed *d, struct fault *f)
{
	const unsigned char *bytes;
	enum inlet_got got;

	do {
		/* Before each record that may be waited for, also behind one that
		   says nothing: whoever sends the next may wait for our tokens. */
		if (!inlet_ready(d->in))
			slots_settle(d->slots);
		got = inlet_next(d->in, &d->record, &bytes, f);
	} while (got == INLET_GOT && d->open &&
	    d->record.type == RECORD_STREAM && (d->record.flags & RECORD_AGAIN));
	if (got != INLET_GOT)
		return got_of(got);
	switch (d->record.type) {
	case RECORD_STREAM:
		return stream_take(d, bytes, f);
	case RECORD_EVENT:
	case RECORD_REFERENCE:
		return event_take(d, f);
	case RECORD_END:
		break;
	}
	if (d->open && d->record.stream == d->stream.id)
		return FEED_END;
	fault_set(f, "an end record of stream %016llx, which never began",
	    (unsigned long long)d->record.stream);
	return FEED_ERROR;
}

const void *
feed_plane(const struct feed *d, unsigned plane)
{
	if (!(d->stream.planes & d->want & plane))
		return NULL;
	return place_plane(&d->place, &d->stream.layout, plane);
}

void
feed_name(const struct feed *d, char name[FEED_NAME_SIZE])
{
	const struct event *e = &d->event;
	bool named = e->source[0] != '\0';

	snprintf(name, FEED_NAME_SIZE, "event %llu%s%s%s",
	    (unsigned long long)e->seq, named ? " (" : "", e->source,
	    named ? ")" : "");
}

void
feed_failure(const struct feed *d, const char *why, struct fault *f)
{
	char name[FEED_NAME_SIZE];

	feed_name(d, name);
	fault_set(f, "%s of stream %016llx failed: %s", name,
	    (unsigned long long)d->stream.id, why);
}

int
feed_done(struct feed *d, struct fault *f)
{
	if (d->record.type != RECORD_REFERENCE)
		return 0;
	return slots_release_later(d->slots, &d->record, f);
}
