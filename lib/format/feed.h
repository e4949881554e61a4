/*
 * A feed: streams and events as a consumer sees them, whether the planes come
 * inline or lie in a slot. It checks that every record belongs to its stream, and
 * CRCs where there are any.
 *
 *	FEED_STREAM	a stream begins or goes on: stream, header, continued
 *	FEED_EVENT	record, event, place; until feed_done
 *	FEED_END	record: its count and flags
 *	FEED_EOF	clean end of input
 *
 * A damaged or missing plane does not end a feed: the event is then a failed one
 * (record.flags, event.cause), with the reason in the fault. Memory that is short
 * does end it: FEED_ERROR, and the fault says lack.
 */
#ifndef FORMAT_FEED_H
#define FORMAT_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/event.h"
#include "format/place.h"
#include "format/stream.h"
#include "transport/inlet.h"
#include "transport/record.h"
#include "transport/slots.h"

enum { FEED_NAME_SIZE = EVENT_SOURCE_SIZE + 32 };

enum feed_got { FEED_ERROR = -1, FEED_EOF, FEED_STREAM, FEED_EVENT, FEED_END };

struct feed {
	struct inlet	*in;
	struct slots	*slots;		/* borrowed; NULL: no references */
	unsigned	want;		/* planes that the consumer looks at */
	struct stream	stream;
	unsigned char	header[STREAM_SIZE];	/* the stream record as it came */
	bool		open;		/* a stream record was seen */
	bool		continued;	/* FEED_STREAM: the same header as before */
	struct record	record;
	struct event	event;
	struct place	place;		/* where it lies */
	unsigned char	*buffer;	/* of inline events */
	uint64_t	room;		/* of the buffer */
};

/* Reads records from fd (borrowed); want as above. 0, or -1 without memory. */
int	feed_init(struct feed *, int fd, struct slots *, unsigned want);
void	feed_close(struct feed *);

enum feed_got	feed_next(struct feed *, struct fault *);

/* A wanted plane of the event in hand; NULL if the stream does not carry it. */
const void	*feed_plane(const struct feed *, unsigned plane);

/* The event in hand for a message: "event 3 (where it came from)". */
void	feed_name(const struct feed *, char name[FEED_NAME_SIZE]);

/* Says that the event in hand failed: which one, of which stream, and why. */
void	feed_failure(const struct feed *, const char *why, struct fault *);

/*
 * Ends the event in hand: a reference gives its token back, at the latest when
 * feed_next would wait; who spends long on events calls slots_settle after each.
 * -1 if it is stale.
 */
int	feed_done(struct feed *, struct fault *);

/*
 * Does this event or reference belong to this stream: id, planes, length? 0, or
 * -1 with what disagrees.
 */
int	feed_admit(const struct stream *, const struct record *, struct fault *);

#endif
