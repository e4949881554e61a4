/*
 * A parcel: an event on its way out of a source. It finds its place (a slot if the
 * event may go by reference, else the one buffer of inline output), is filled by
 * the caller, and sent or dropped.
 *
 * Who holds a parcel holds its slot, from parcel_find until parcel_send or
 * parcel_drop.
 */
#ifndef FORMAT_PARCEL_H
#define FORMAT_PARCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/place.h"
#include "format/stream.h"
#include "transport/inlet.h"
#include "transport/outlet.h"
#include "transport/record.h"
#include "transport/slots.h"

struct parcel {
	struct place	place;
	struct record	record;
};

/* Where parcels leave. */
struct sender {
	struct slots	*slots;		/* borrowed; NULL: none */
	struct outlet	out;
	const unsigned char *header;	/* of the stream in hand; borrowed */
	bool		crc;		/* add CRCs to what has none */
	bool		maps;		/* parcel_fill maps planes in a capture */
	unsigned char	*buffer;	/* of inline output */
	uint64_t	room;
	uint64_t	checked;	/* bytes of a slot, by sender_budget */
};

enum parcel_got { PARCEL_FAULT = -1, PARCEL_STOPPED, PARCEL_FOUND,
	PARCEL_OUTPUT		/* the output failed, errno; EPIPE: reader gone */
};

/* References leave only into a pipe or socket. */
bool	sender_refers(const struct sender *);
void	sender_free(struct sender *);

/*
 * Memory that the slots may come to need for events that come with these planes,
 * with what is made of them, against what there is: budget_check. 1 with the need in
 * the fault's text; 0: no more than was checked before; -1. Only where
 * sender_refers.
 */
int	sender_budget(struct sender *, const struct layout *, unsigned planes,
	    struct fault *);

/*
 * Finds a place for the next event of a stream, which brings these planes. Waits
 * for a token, until *stop is set (NULL: never).
 */
enum parcel_got	parcel_find(struct sender *, const struct stream *,
		    unsigned planes, const volatile int *stop, struct parcel *,
		    struct fault *);

/* The same, but in the buffer in any case: for an event that will not be sent. */
enum parcel_got	parcel_inline(struct sender *, const struct stream *,
		    struct parcel *, struct fault *);

/*
 * The same, in a buffer of the caller's, who keeps it until the parcel has left:
 * as long as layout_size of the stream's planes, aligned to LAYOUT_ALIGN.
 */
void	parcel_at(const struct stream *, unsigned char *buffer, struct parcel *);

/*
 * Reads the payload of the event just met to its place. The planes of a capture
 * that the slots know by this number (-1: none) are left where they are; crc and
 * whoever else looks at them needs maps.
 */
enum inlet_got	parcel_fill(struct sender *, const struct stream *,
		    struct inlet *, const struct record *, int capture,
		    struct parcel *, struct fault *);

/* It is not needed after all; -1 if its slot is not what it was. */
int	parcel_drop(struct sender *, struct parcel *, struct fault *);

/* Makes it a failed event that nobody could read: zeros, and no facts. */
void	parcel_blank(struct parcel *, const struct stream *);

/* Seals it, if asked for, and sends it. -1 with errno; it is then still held. */
int	parcel_send(struct sender *, const struct stream *, struct parcel *);

#endif
