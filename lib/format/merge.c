#include <stdio.h>
#include <string.h>

#include "format/eventblock.h"
#include "format/merge.h"

int
merge_header(struct merge *m, const struct stream *s,
    const unsigned char *header, struct fault *f)
{
	if (m->open)
		return stream_accord(&m->stream, s, f);
	m->stream = *s;
	memcpy(m->header, header, STREAM_SIZE);
	m->open = true;
	return 1;
}

/* A block that does not match its CRC stays as it is: readers shall find it. */
static void
source_name(const struct merge *m, const char *name, const struct record *r,
    struct parcel *p)
{
	const struct layout *l = &m->stream.layout;
	bool sealed = r->flags & RECORD_CRC;

	if (sealed && eventblock_check(&p->place, l, 0, NULL) == -1)
		return;
	eventblock_name(p->place.block, name);
	if (sealed)
		eventblock_seal(&p->place, l, r->planes, 0);
}

void
merge_event(struct merge *m, unsigned producer, const struct record *r,
    struct parcel *p)
{
	char name[40];

	snprintf(name, sizeof name, "p%u:%llu", producer,
	    (unsigned long long)r->seq);
	source_name(m, name, r, p);
	p->record.flags = r->flags;
	p->record.seq = m->sent++;
}

/* Can so many more be counted? */
static bool
count_fits(const struct merge *m, uint64_t count)
{
	return count <= UINT64_MAX - m->owed;
}

int
merge_end(struct merge *m, const struct record *r, uint64_t came,
    struct fault *f)
{
	if (r->count < came || !count_fits(m, r->count))
		return fault_set(f, "its end record counts %llu events, %s: %llu"
		    " came", (unsigned long long)r->count, r->count < came ?
		    "fewer than came" : "more than can be added to the others'",
		    (unsigned long long)came);
	m->owed += r->count;
	if (r->flags & RECORD_INTERRUPTED)
		m->interrupted = true;
	return 0;
}

void
merge_cut(struct merge *m, uint64_t came)
{
	if (count_fits(m, came))
		m->owed += came;
	else
		m->uncounted = true;
}

bool
merge_finish(struct merge *m, uint32_t flags, struct record *end)
{
	memset(end, 0, sizeof *end);
	end->type = RECORD_END;
	end->length = RECORD_SIZE;
	end->flags = flags | (m->interrupted ? RECORD_INTERRUPTED : 0);
	end->stream = m->stream.id;
	end->count = m->owed;
	return m->open && !m->uncounted;
}
