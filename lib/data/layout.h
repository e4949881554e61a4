/*
 * The layout of an event: how many panels, how large, of which element types,
 * and where each plane lies behind the event block.
 *
 * Coordinates are (panel, ss, fs) and arrays [panel][ss][fs]. A plane is the
 * data of one kind for all panels of one event:
 *
 *	logits	[panel][class][ss][fs]	padded size, logits_type
 *	segmap	[panel][ss][fs]		padded size, u8, the winning class
 *	image	[panel][ss][fs]		padded size, image_type
 *	peaks	capacity packed peaks (format/peakplane.h)
 *
 * Padding is at the bottom and the right: real data is [0:real_height,
 * 0:real_width] of each panel. Planes begin on multiples of 64 bytes.
 */
#ifndef DATA_LAYOUT_H
#define DATA_LAYOUT_H

#include <stdint.h>

#include "base/fault.h"

enum logits_type { LOGITS_NONE, LOGITS_F32, LOGITS_F16, LOGITS_BF16 };
enum image_type { IMAGE_NONE, IMAGE_F32, IMAGE_U16, IMAGE_I16, IMAGE_I32 };

/* Planes as bits of a mask, in the order in which they lie. */
enum {
	PLANE_LOGITS = 1,
	PLANE_SEGMAP = 2,
	PLANE_IMAGE = 4,
	PLANE_PEAKS = 8,
	PLANE_ALL = 15
};

enum {
	LAYOUT_ALIGN = 64,
	LAYOUT_BLOCK_SIZE = 192,	/* bytes of the event block */
	LAYOUT_PEAK_SIZE = 48,		/* bytes of one packed peak */
	LAYOUT_MAX_PANELS = 4096,
	LAYOUT_MAX_CLASSES = 255,
	LAYOUT_MAX_SIDE = 65535,	/* pixels */
	LAYOUT_MAX_CAPACITY = 1048576	/* peaks */
};

/* Bytes of an event's planes together, at most. */
#define LAYOUT_MAX_BYTES UINT64_C(0xffff0000)

struct layout {
	uint32_t	panels;
	uint32_t	classes;	/* logits a pixel, 2 or more; 0 without logits */
	uint32_t	height, width;	/* of a panel as sent: ss, fs, pixels */
	uint32_t	real_height, real_width;	/* without padding */
	enum logits_type logits_type;
	enum image_type	image_type;
	uint32_t	capacity;	/* peaks an event has room for */
};

/* Refuses what is out of range or larger than 4 GiB an event; 0 or -1. */
int	layout_check(const struct layout *, struct fault *);

/* 1 if both describe the same events, capacity included. */
int	layout_equal(const struct layout *, const struct layout *);

/* Bytes of one element; 0 for LOGITS_NONE and IMAGE_NONE. */
unsigned	logits_type_size(enum logits_type);
unsigned	image_type_size(enum image_type);

/* "f32", "f16", "bf16", "u16", "i16", "i32", "none"; NULL for a bad value. */
const char	*logits_type_name(enum logits_type);
const char	*image_type_name(enum image_type);

/*
 * Bytes of one plane (a single PLANE_ bit), rounded up to a multiple of 64.
 * Needs a layout that passed layout_check.
 */
uint64_t	layout_plane_size(const struct layout *, unsigned plane);

/* As above, without the rounding: the bytes that mean something. */
uint64_t	layout_plane_bytes(const struct layout *, unsigned plane);

/*
 * Bytes from the start of the event block to a plane, where rooms is the mask
 * of all planes that have a place: the record's own planes inline, PLANE_ALL in
 * a slot.
 */
uint64_t	layout_plane_offset(const struct layout *, unsigned rooms,
		    unsigned plane);

/* Bytes of the event block and the planes in rooms together. */
uint64_t	layout_size(const struct layout *, unsigned rooms);

#endif
