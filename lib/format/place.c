#include <string.h>

#include "format/place.h"

enum { POPULATE_MIN = 1 << 18 };	/* bytes */

void
place_inline(struct place *p, unsigned char *block, unsigned planes)
{
	memset(p, 0, sizeof *p);
	p->block = block;
	p->rooms = planes;
}

int
place_slot(struct place *p, struct slots *s, unsigned slot,
    const struct layout *l, struct fault *f)
{
	struct slots_origin o;
	uint64_t size;

	memset(p, 0, sizeof *p);
	p->rooms = PLANE_ALL;
	p->block = slots_map(s, slot, layout_size(l, PLANE_ALL), f);
	if (p->block == NULL)
		return -1;
	slots_origin_get(s, slot, &o);
	if (o.planes == 0)
		return 0;
	if ((p->capture = slots_capture(s, o.capture, f)) == NULL)
		return -1;
	p->zeros = slots_zeros(s, slot);
	p->there_planes = o.planes & PLANE_ALL;
	p->there_rooms = o.rooms & PLANE_ALL;
	/* Four processes share a pipeline's promise: slots times record. */
	size = layout_size(l, p->there_rooms);
	capture_budget(p->capture, slots_count(s) * size / 4);
	p->there = capture_at(p->capture, o.offset, size);
	p->there_size = size;
	if (p->there == NULL)
		return fault_set(f, "the capture has no event at byte %llu",
		    (unsigned long long)o.offset);
	return 0;
}

unsigned char *
place_plane(const struct place *p, const struct layout *l, unsigned plane)
{
	if (p->there_planes & plane)
		return (unsigned char *)(uintptr_t)p->there +
		    layout_plane_offset(l, p->there_rooms, plane);
	return p->block + layout_plane_offset(l, p->rooms, plane);
}

struct slots_range
place_zeros(const struct place *p)
{
	struct slots_range zeros = { 0, 0 };

	if (p->zeros != NULL) {
		zeros = *p->zeros;
		p->zeros->to = 0;
	}
	return zeros;
}

void
place_clear(const struct place *p, const struct layout *l, unsigned plane,
    uint64_t from, struct slots_range zeros)
{
	const uint64_t at = layout_plane_offset(l, p->rooms, plane);
	const uint64_t end = at + layout_plane_size(l, plane);
	const uint64_t to = zeros.to == end && zeros.from < end ? zeros.from : end;

	from += at;
	if (from < to)
		memset(p->block + from, 0, to - from);
	if (p->zeros != NULL)
		*p->zeros = (struct slots_range){ from, end };
}

void
place_blank(const struct place *p, const struct layout *l, unsigned plane,
    uint64_t from)
{
	memset(place_plane(p, l, plane) + from, 0,
	    layout_plane_size(l, plane) - from);
}

void
place_populate(const struct place *p, struct slots *s, unsigned slot,
    const struct layout *l, unsigned planes, bool writing)
{
	unsigned plane;
	uint64_t size;

	for (plane = 1; plane < PLANE_ALL; plane <<= 1) {
		size = layout_plane_size(l, plane);
		/* A few page faults cost less than the call. */
		if (!(planes & plane) || size < POPULATE_MIN)
			continue;
		if (p->there_planes & plane)
			capture_populate(p->capture, place_plane(p, l, plane), size);
		else
			slots_populate(s, slot, plane,
			    layout_plane_offset(l, p->rooms, plane), size, writing);
	}
}

int
place_pieces(const struct place *p, const struct layout *l, unsigned planes,
    struct iovec *v)
{
	unsigned plane;
	int n = 0;

	v[n].iov_base = p->block;
	v[n++].iov_len = LAYOUT_BLOCK_SIZE;
	for (plane = 1; plane < PLANE_ALL; plane <<= 1)
		if (planes & plane) {
			v[n].iov_base = place_plane(p, l, plane);
			v[n++].iov_len = layout_plane_size(l, plane);
		}
	return n;
}

int
place_check(const struct place *p, struct fault *f)
{
	if (p->capture != NULL &&
	    !capture_has(p->capture, p->there, p->there_size))
		return fault_set(f, "the capture was truncated while it was"
		    " replayed");
	return 0;
}
