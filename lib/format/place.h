/*
 * Where an event lies: its block and each of its planes, whether inline in a
 * buffer, in a slot, or, on replay, in a capture that the slot names.
 */
#ifndef FORMAT_PLACE_H
#define FORMAT_PLACE_H

#include <stdint.h>
#include <sys/uio.h>

#include "base/fault.h"
#include "data/layout.h"
#include "transport/slots.h"

struct place {
	unsigned char	*block;		/* the event block; planes behind it */
	unsigned	rooms;		/* that have a place there */
	const unsigned char *there;	/* the event block in a capture, or NULL */
	uint64_t	there_size;	/* of the event there */
	unsigned	there_rooms, there_planes;	/* planes to be taken there */
	struct capture	*capture;
	struct slots_range *zeros;	/* of the slot, or NULL */
};

enum { PLACE_PIECES = 5 };

/* In a buffer that has these planes, one behind the other. */
void	place_inline(struct place *, unsigned char *block, unsigned planes);

/*
 * In a slot that the caller owns; maps what is needed. -1 if the slot or its
 * capture cannot be mapped.
 */
int	place_slot(struct place *, struct slots *, unsigned slot,
	    const struct layout *, struct fault *);

/* A plane; those in a capture must not be written. */
unsigned char	*place_plane(const struct place *, const struct layout *,
		    unsigned plane);

/*
 * What is known to be zero in the slot; from now on nothing is, until place_clear.
 * For whoever is about to write planes there.
 */
struct slots_range	place_zeros(const struct place *);

/*
 * Zeroes a plane from a byte on, but for what place_zeros has said, and lets the
 * slot's next owner know.
 */
void	place_clear(const struct place *, const struct layout *, unsigned plane,
	    uint64_t from, struct slots_range zeros);

/* Zeroes a plane from a byte on, so that equal events are equal bytes. */
void	place_blank(const struct place *, const struct layout *, unsigned plane,
	    uint64_t from);

/* Populates the pages of these planes, each once in a slot: slotmap_populate. */
void	place_populate(const struct place *, struct slots *, unsigned slot,
	    const struct layout *, unsigned planes, bool writing);

/* Block and planes as a list for reading or writing; the number of pieces. */
int	place_pieces(const struct place *, const struct layout *,
	    unsigned planes, struct iovec *);

/*
 * Are all planes still there? -1 if the capture was truncated: asked after use,
 * what was read is then not to be believed.
 */
int	place_check(const struct place *, struct fault *);

#endif
