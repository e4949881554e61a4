/*
 * An event in peakfind's hands, from its reading until its sending. It lies in a
 * slot: one of our own that its planes were read into, or that of the reference
 * that came. Whoever holds the struct pending holds the slot.
 *
 * A worker may die when it has changed half of the event block, or all of it and
 * not yet said so. So the block is kept as it came, and whoever takes the event
 * up finds it restored. Planes that came and are made anew here (those of a stream
 * that went through peakfind before) are kept only if they are asked for.
 */
#ifndef FORMAT_PENDING_H
#define FORMAT_PENDING_H

#include <stdbool.h>

#include "base/fault.h"
#include "data/event.h"
#include "data/layout.h"
#include "format/findstream.h"
#include "format/place.h"
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
	unsigned	kept_planes;	/* PLANE_ bits; 0: kept is NULL */
	unsigned char	*kept;		/* these planes as they came */
};

/* Where events come from, all borrowed. */
struct pending_source {
	struct inlet	*inlet;
	struct slots	*own;		/* for inline events */
	struct slots	*shared;	/* of Q2_SLOTS; NULL: none */
	const struct findstream *stream;
	bool		keep;		/* planes that came and are made anew */
};

/*
 * Takes the event whose record was just met: reads the planes that follow inline
 * into one of our slots (there must be a free one), or, if it is a reference,
 * checks it against the slots it names. One that came failed is done already.
 * GOT, GONE (the inlet's output has lost its reader) or ERROR.
 */
enum inlet_got	pending_take(struct pending *, const struct record *,
		    const struct pending_source *, struct fault *);

/* Frees what was kept: once the event has left, or is given up. */
void	pending_forget(struct pending *);

/* Back to what it was before a worker had it. */
void	pending_restore(struct pending *);

/*
 * Makes it a failed event, as eventfind_fail does. Planes in a capture that is
 * gone become zeros in the slot, so that the event can go on as one of the
 * stream's length. -1 if the slot cannot be mapped.
 */
int	pending_fail(struct pending *, const struct findstream *,
	    enum event_cause, struct fault *);

/*
 * For sending it inline: the record, and the pieces behind it (PLACE_PIECES at
 * most), borrowed. The number of pieces, or -1 if they cannot be mapped.
 */
int	pending_pieces(const struct pending *, const struct findstream *,
	    struct record *, struct iovec *, struct fault *);

/*
 * The same as it came, before pending_fail. Where in a capture the planes lie is
 * in *at, for place_check after use.
 */
int	pending_came(const struct pending *, const struct findstream *,
	    struct place *at, struct record *, struct iovec *, struct fault *);

/* Gives its slot back. -1 if the reference is stale. */
int	pending_release(const struct pending *, struct fault *);

#endif
