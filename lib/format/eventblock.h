/*
 * The event block: 192 bytes in front of an event's planes, little-endian:
 *
 *	  0  u64  timestamp, seconds << 32 | nanoseconds
 *	  8  f64  photon energy, eV
 *	 16  f64  camera length encoder, mm
 *	 24  u32  known: quantities this event has
 *	 28  u32  peaks found
 *	 32  u32  peaks kept: valid entries of the peaks plane
 *	 36  u32  pixels with a NaN among their logits
 *	 40  u32  cause of failure
 *	 44  u32  zero
 *	 48  u32  CRC-32C of the logits, segmentation map, image, peaks: four of
 *	          them, 0 for planes that are not there
 *	 64  u32  CRC-32C of this block with this field zero
 *	 68 to 127  zero
 *	128  64 bytes  source: UTF-8, NUL-padded
 *
 * The CRCs count only where the record has the flag RECORD_CRC.
 */
#ifndef FORMAT_EVENTBLOCK_H
#define FORMAT_EVENTBLOCK_H

#include <stdint.h>

#include "base/fault.h"
#include "data/event.h"
#include "data/layout.h"
#include "format/place.h"

/* Writes LAYOUT_BLOCK_SIZE bytes, CRCs zero. seq is in the record, not here. */
void	eventblock_pack(unsigned char *block, const struct event *);

/* The same, but the CRCs stay: for a block whose planes have not changed. */
void	eventblock_update(unsigned char *block, const struct event *);

/*
 * Puts text and a colon in front of the block's source, or text in its place if it
 * has none. What then is too long is cut off at its end, between characters. The
 * block's CRC is the caller's to make anew.
 */
void	eventblock_name(unsigned char *block, const char *text);

/*
 * Reads a block; -1 if a field is out of range for this layout. A timestamp that
 * cannot be is unknown; of the source what is neither printable nor UTF-8 is "?".
 */
int	eventblock_unpack(const unsigned char *block, const struct layout *,
	    struct event *, struct fault *);

/*
 * Seals the block of an event: writes the CRCs of the planes in fresh, keeps
 * those of the other planes in planes, zeroes the rest, and then the block's own.
 */
void	eventblock_seal(const struct place *, const struct layout *,
	    unsigned planes, unsigned fresh);

/*
 * Checks the block's own CRC and those of the planes in check (a subset of those
 * that are there). 0, or -1 with the name of the first that does not match.
 */
int	eventblock_check(const struct place *, const struct layout *,
	    unsigned check, struct fault *);

#endif
