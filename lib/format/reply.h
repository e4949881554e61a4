/*
 * The reply to an indexer: an event as one map of MessagePack, as CrystFEL's
 * indexamajig takes it with --data-format=msgpack and --peaks=msgpack.
 *
 *	key			value
 *	event_id		text: EXPERIMENT-rRUN-SEQ as in CXI files, or SEQ
 *	timestamp		f64, seconds since 1970; NaN if unknown
 *	beam_energy		f64, eV; NaN if unknown
 *	detector_distance	f64, metres, as in CXI files
 *	encoder_value		f64, mm; NaN if unknown
 *	the geometry's peak_list	{ fs, ss, intensity }: arrays of f64
 *	the geometry's data	{ type, shape, data }: "<f4" or "<i4", [ss, fs], bin
 *
 * What the whole stream lacks is absent. Image and positions are those of the CXI
 * file: the slab of the geometry, 0 in gaps, an integer for the centre of a pixel.
 *
 * CrystFEL does not look at the types of numbers in peaks and shapes: peaks must be
 * floating point and shapes integers. It takes a key of the map that is the
 * beginning of the one that it wants for that: so no key here begins another.
 */
#ifndef FORMAT_REPLY_H
#define FORMAT_REPLY_H

#include <stddef.h>

#include "base/fault.h"
#include "data/event.h"
#include "data/slab.h"
#include "data/peaklist.h"
#include "format/cxi_chunk.h"
#include "format/plan.h"
#include "format/stream.h"

#define REPLY_DATA "/entry_1/data_1/data"	/* where the geometry names none */
#define REPLY_PEAKS "/entry_1/result_1"

/* What all replies of a stream have in common. Zeroed at first. */
struct reply {
	const struct plan	*plan;		/* borrowed */
	const struct stream	*stream;	/* borrowed */
	struct cxi_chunkmap	map;		/* the slab in one piece */
	const char		*data, *peaks;	/* keys */
};

/*
 * For a stream and its plan, which must stay. May be called again for the next. -1:
 * the slab is too large for a reply, or a key of the geometry would be taken for
 * another. reply_free in any case.
 */
int	reply_begin(struct reply *, const struct plan *, const struct stream *,
	    struct fault *);
void	reply_free(struct reply *);

/*
 * The reply for an event with its peaks_kept peaks and its image plane, NULL if the
 * stream has none: *size bytes, the caller's to free. NULL: no memory.
 */
void	*reply_make(const struct reply *, const struct event *,
	    const struct peak *, const void *image, size_t *size);

#endif
