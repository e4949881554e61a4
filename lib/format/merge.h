/*
 * Merging: one stream out of those of several producers. Bookkeeping only; the
 * caller sends.
 *
 * The header is that of the first producer, byte for byte, and stays. Who comes
 * later must agree with it in all but the id. Events are numbered anew, from 0, in
 * the order in which they leave; each names its producer and its number there in
 * front of its source:
 *
 *	p3:17:run7.h5
 *
 * is event 17 of the third that connected. The end's count is the sum of those of
 * the producers' ends, so what was lost before us is missing from ours as well. If
 * a producer lost events that nobody has counted there is no end.
 */
#ifndef FORMAT_MERGE_H
#define FORMAT_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/parcel.h"
#include "format/stream.h"
#include "transport/record.h"

struct merge {
	bool		open;		/* there is a header */
	bool		uncounted;	/* events were lost, nobody knows how many */
	bool		interrupted;	/* a producer was */
	struct stream	stream;		/* being sent */
	unsigned char	header[STREAM_SIZE];
	uint64_t	sent;		/* events, and the next one's number */
	uint64_t	owed;		/* events, by the ends of producers */
};

/*
 * A producer brings a good header. 1: it is the first, and the header is to be
 * sent; 0: it agrees; -1: the difference.
 */
int	merge_header(struct merge *, const struct stream *,
	    const unsigned char *header, struct fault *);

/*
 * Makes an event, whole in its place, one of the merged stream: number, flags, and
 * its producer's name. r is its record as it came.
 */
void	merge_event(struct merge *, unsigned producer, const struct record *r,
	    struct parcel *);

/*
 * A producer brings an end record, after so many events since its last one. -1: it
 * cannot be true, and nothing is taken of it.
 */
int	merge_end(struct merge *, const struct record *, uint64_t came,
	    struct fault *);

/* A producer is left without an end: so many of its events came, and count. */
void	merge_cut(struct merge *, uint64_t came);

/* Nothing more comes. True if the end is to be sent, with these flags more. */
bool	merge_finish(struct merge *, uint32_t flags, struct record *end);

#endif
