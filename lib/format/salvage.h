/*
 * Salvage: reading on behind damage. Where a record does not check out, or does
 * not belong where it is, bytes are skipped until one does, and what was in them
 * is judged.
 *
 * Numbers rise from event to event. So as many events as there are numbers free
 * between two good ones, and as had room in the bytes between them, must have been
 * there: then the loss is known to the last event. Nothing else is certain.
 *
 * Bytes may have been lost or put in, too, inside an event whose header is good: it
 * shows at its end, where no record begins. salvage_confirm tells such an event
 * from a good one in front of a damaged record. Its bytes are searched again.
 */
#ifndef FORMAT_SALVAGE_H
#define FORMAT_SALVAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/gap.h"
#include "format/place.h"
#include "format/stream.h"
#include "transport/inlet.h"
#include "transport/record.h"

/* Zeroed to begin an input. */
struct salvage {
	bool		open;		/* a stream header came */
	bool		between;	/* and its end: a header must be next */
	bool		refers;		/* references came: nothing is skipped */
	struct stream	stream;
	unsigned char	header[STREAM_SIZE];
	uint64_t	next;		/* the next number, if numbers rise by one */
	uint64_t	seen;		/* events behind this header */
	bool		row;		/* and their numbers rose by one */
	uint64_t	came;		/* events since the last end, lost ones too */
	bool		counted;	/* all of those are known */
	uint64_t	at;		/* offset of the record in hand */
	bool		damaged;	/* salvage_confirm met damage: */
	uint64_t	from;		/* where it begins */
	struct fault	cause;
};

/*
 * The next record that checks out and belongs there, as inlet_next gives it; the
 * gap is what was skipped to get there, or to the end of the input. INLET_ERROR
 * if reading fails, and where references are about, which are not salvaged.
 */
enum inlet_got	salvage_next(struct salvage *, struct inlet *, struct record *,
		    const unsigned char **bytes, struct gap *, struct fault *);

/*
 * After the payload of an inline event was taken (or skipped) with this answer:
 * is the event to be believed? at: where it lies; NULL only if the input is a file
 * and the payload was skipped. 1: yes; 0: no, it is part of the next gap; -1:
 * memory is short.
 */
int	salvage_confirm(struct salvage *, struct inlet *, const struct record *,
	    enum inlet_got, const struct place *at, struct fault *);

#endif
