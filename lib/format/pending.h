/*
 * An event in peakfind's hands, from its reading until its sending. It lies in a
 * slot: one of our own that its planes were read into, or that of the reference
 * that came. Whoever holds the struct pending holds the slot.
 *
 * A worker may die when it has changed half of the event block, or all of it and
 * not yet said so. So the block is kept as it came, and whoever takes the event
 * up finds it restored.
 */
#ifndef FORMAT_PENDING_H
#define FORMAT_PENDING_H

#include "base/fault.h"
#include "data/event.h"
#include "data/layout.h"
#include "format/place.h"
#include "format/stream.h"
#include "transport/inlet.h"
#include "transport/record.h"
#include "transport/slots.h"

enum pending_state {
	PENDING_WAITING,	/* for a worker */
	PENDING_WORKING,	/* a worker has it */
	PENDING_DONE		/* may leave */
};

struct pending {
	struct record	r;		/* a reference into the slots */
	struct slots	*slots;		/* borrowed */
	enum pending_state state;
	unsigned	deaths;		/* of workers that were at it */
	unsigned char	block[LAYOUT_BLOCK_SIZE];	/* as it came */
};

/*
 * Takes an event of the stream in whose record was just met: reads the planes
 * that follow inline into one of our slots (there must be a free one), or, if it
 * is a reference, checks it against the slots it names (NULL: there are none).
 * out is the stream as it leaves. One that came failed is done already.
 * GOT, GONE (the inlet's output has lost its reader) or ERROR.
 */
enum inlet_got	pending_take(struct pending *, const struct record *,
		    struct inlet *, struct slots *own, struct slots *shared,
		    const struct stream *in, const struct stream *out,
		    struct fault *);

/* Back to what it was before a worker had it. */
void	pending_restore(struct pending *);

/*
 * Makes it a failed event, as eventfind_fail does. Planes in a capture that is
 * gone become zeros in the slot, so that the event can go on as one of the
 * stream's length. -1 if the slot cannot be mapped.
 */
int	pending_fail(struct pending *, const struct stream *in,
	    const struct stream *out, enum event_cause, struct fault *);

/*
 * For sending it inline: the record, and the pieces behind it (PLACE_PIECES at
 * most), borrowed. The number of pieces, or -1 if they cannot be mapped.
 */
int	pending_pieces(const struct pending *, const struct stream *in,
	    const struct stream *out, struct record *, struct iovec *,
	    struct fault *);

/* Gives its slot back. -1 if the reference is stale. */
int	pending_release(const struct pending *, struct fault *);

#endif
