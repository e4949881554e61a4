#include <stdlib.h>
#include <string.h>

#include "format/eventblock.h"
#include "format/eventfind.h"
#include "format/peakplane.h"

int
eventfind_init(struct eventfind *c, const struct stream *in,
    const struct stream *out, const struct peakfinder_options *o)
{
	c->in = in;
	c->out = out;
	c->finder = peakfinder_new(&in->layout, o);
	c->list.peaks = calloc(o->capacity, sizeof c->list.peaks[0]);
	if (c->finder != NULL && c->list.peaks != NULL)
		return 0;
	peakfinder_free(c->finder);
	free(c->list.peaks);
	memset(c, 0, sizeof *c);
	return -1;
}

unsigned
eventfind_planes(const struct stream *in, const struct stream *out)
{
	unsigned made = PLANE_PEAKS;

	if (in->planes & PLANE_LOGITS)
		made |= PLANE_SEGMAP;
	return made & out->planes;
}

static int
peaks_make(struct eventfind *c, const struct place *p, struct event *e,
    struct fault *f)
{
	const struct layout *l = &c->in->layout;
	unsigned planes = c->in->planes, made = eventfind_planes(c->in, c->out);
	const struct slots_range zeros = place_zeros(p);
	const void *logits = NULL, *image = NULL;
	unsigned char *segmap = NULL;

	if (planes & PLANE_LOGITS)
		logits = place_plane(p, l, PLANE_LOGITS);
	if (planes & PLANE_IMAGE)
		image = place_plane(p, l, PLANE_IMAGE);
	if (logits == NULL || (made & PLANE_SEGMAP))
		segmap = place_plane(p, l, PLANE_SEGMAP);
	if (peakfinder_run(c->finder, logits, segmap, image, &c->list, f) == -1)
		return -1;
	peakplane_pack(place_plane(p, &c->out->layout, PLANE_PEAKS),
	    c->list.peaks, c->list.kept);
	place_clear(p, &c->out->layout, PLANE_PEAKS,
	    (uint64_t)c->list.kept * LAYOUT_PEAK_SIZE, zeros);
	if (made & PLANE_SEGMAP)
		place_blank(p, l, PLANE_SEGMAP,
		    layout_plane_bytes(l, PLANE_SEGMAP));
	e->peaks_found = c->list.found;
	e->peaks_kept = c->list.kept;
	e->nans = c->list.nans;
	return 0;
}

int
eventfind_run(struct eventfind *c, const struct place *p, uint32_t flags,
    struct event *e, struct fault *f)
{
	const struct layout *l = &c->in->layout;
	const bool sealed = (flags & RECORD_CRC) != 0;
	/* A map is made anew where there are logits, also over one that came. */
	const unsigned read = c->in->planes & (PLANE_IMAGE |
	    (c->in->planes & PLANE_LOGITS ? PLANE_LOGITS : PLANE_SEGMAP));

	event_init(e);
	if (sealed && eventblock_check(p, l, read, f) == -1) {
		e->cause = EVENT_CHECKSUM;
		return 1;
	}
	if (eventblock_unpack(p->block, l, e, f) == -1) {
		e->cause = EVENT_UNREADABLE;
		return 1;
	}
	if (peaks_make(c, p, e, f) == -1)
		return -1;
	if (place_check(p, f) == -1) {
		e->cause = EVENT_UNREADABLE;
		return 1;
	}
	eventblock_update(p->block, e);
	if (sealed)
		eventblock_seal(p, &c->out->layout, c->out->planes,
		    eventfind_planes(c->in, c->out));
	return 0;
}

void
eventfind_fail(const struct stream *in, const struct stream *out,
    const struct place *p, uint32_t flags, enum event_cause cause)
{
	const struct layout *l = &out->layout;
	struct event e;
	unsigned plane;

	event_init(&e);
	/* It came with as many peaks as fit there. */
	if (eventblock_unpack(p->block, &in->layout, &e, NULL) == -1)
		event_init(&e);
	e.peaks_found = e.peaks_kept = 0;
	if (cause != EVENT_OK || e.cause == EVENT_OK)
		e.cause = cause == EVENT_OK ? EVENT_UNREADABLE : cause;
	eventblock_update(p->block, &e);
	for (plane = 1; plane < PLANE_ALL; plane <<= 1)
		if (eventfind_planes(in, out) & plane)
			place_blank(p, l, plane, 0);
	if (flags & RECORD_CRC)
		eventblock_seal(p, l, out->planes, eventfind_planes(in, out));
}
