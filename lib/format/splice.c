#include <string.h>

#include "format/splice.h"

int
splice_finish(struct splice *s, uint32_t flags, struct record *end)
{
	bool send = s->open && !s->lost && !s->uncounted;

	memset(end, 0, sizeof *end);
	end->type = RECORD_END;
	end->length = RECORD_SIZE;
	end->flags = flags;
	end->stream = s->stream.id;
	end->count = s->owed + s->sent;
	s->open = s->held = false;
	s->owed = s->sent = s->skipped = 0;
	return send ? SPLICE_END : SPLICE_NOTHING;
}

int
splice_begin(struct splice *s, const unsigned char *header, struct record *end,
    struct fault *f)
{
	bool same = s->open && (!s->held || s->joins) &&
	    memcmp(s->header, header, STREAM_SIZE) == 0;
	struct stream stream;
	int todo;

	if (same && s->held) {
		s->held = false;
		s->joined = true;
		return SPLICE_NOTHING;
	}
	/* The same header without an end before it: pieces of one stream. */
	if (same) {
		s->lost = false;
		return SPLICE_HEADER;
	}
	if (stream_unpack(header, &stream, f) == -1)
		return -1;
	if (s->open && !s->held)
		s->lost = true;
	todo = splice_finish(s, 0, end) | SPLICE_HEADER;
	s->stream = stream;
	memcpy(s->header, header, STREAM_SIZE);
	s->base = s->next = 0;
	s->joined = s->lost = s->uncounted = false;
	s->open = true;
	return todo;
}

uint64_t
splice_number(const struct splice *s, uint64_t seq)
{
	return s->joined && s->base + seq < s->next ? s->next : s->base + seq;
}

uint64_t
splice_event(struct splice *s, uint64_t seq, bool selected)
{
	s->base = splice_number(s, seq) - seq;
	s->joined = s->held = false;
	s->next = s->base + seq + 1;
	if (!selected)
		s->skipped++;
	return s->base + seq;
}

void
splice_sent(struct splice *s)
{
	s->sent++;
}

int
splice_end(struct splice *s, const struct record *r, struct record *end,
    struct fault *f)
{
	if (!s->open || r->stream != s->stream.id)
		return fault_set(f, "an end record of a stream that never began");
	/* Fewer than were left out: the end of an input before is missing. */
	if (r->count < s->skipped)
		s->uncounted = true;
	else
		s->owed += r->count - s->skipped;
	s->sent = s->skipped = 0;
	if (!(r->flags & RECORD_INTERRUPTED)) {
		s->held = true;
		return SPLICE_NOTHING;
	}
	return splice_finish(s, r->flags, end);
}

void
splice_lose(struct splice *s)
{
	s->uncounted = true;
}

void
splice_hold(struct splice *s)
{
	s->owed += s->sent;
	s->sent = s->skipped = 0;
	s->held = s->open;
}
