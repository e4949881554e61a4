/*
 * Peak finding on an event where it lies: planes in, peaks plane and event block
 * out. What a peakfind worker does with each event.
 */
#ifndef FORMAT_EVENTFIND_H
#define FORMAT_EVENTFIND_H

#include <stdint.h>

#include "base/fault.h"
#include "data/event.h"
#include "data/peakfinder.h"
#include "format/place.h"
#include "format/stream.h"

struct eventfind {
	const struct stream	*in;	/* as events come; borrowed */
	const struct stream	*out;	/* as they leave: planes, capacity; borrowed */
	struct peakfinder	*finder;
	struct peaklist		list;
};

/*
 * 0, or -1 when memory is short. The options' mask is borrowed. It is a worker's,
 * and lasts as long as that.
 */
int	eventfind_init(struct eventfind *, const struct stream *in,
	    const struct stream *out, const struct peakfinder_options *);

/*
 * Checks an event (CRCs by the record's flags), finds its peaks, writes those of
 * the planes in out that are made here, and the block. Fills *e. Returns 0; 1 if
 * the event has failed, e->cause says why; -1 when memory is short.
 */
int	eventfind_run(struct eventfind *, const struct place *, uint32_t flags,
	    struct event *e, struct fault *);

/*
 * Makes an event a failed one: no peaks, planes made here zero, and the cause in
 * the block, unless it is EVENT_OK and the block has one.
 */
void	eventfind_fail(const struct stream *in, const struct stream *out,
	    const struct place *, uint32_t flags, enum event_cause);

/* Planes of out that are made here, whatever planes in has. */
unsigned	eventfind_planes(const struct stream *in,
		    const struct stream *out);

#endif
