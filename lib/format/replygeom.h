/*
 * The geometry that an indexer needs for the replies of reply.h. It is that of the
 * CXI files, line by line, but for what differs:
 *
 *	dimN			dim0 = ss, dim1 = fs: a message has one event
 *	data, peak_list		those of reply.h, once, for all panels
 *	photon_energy, wavelength, electron_voltage
 *				beam_energy eV; a number stays
 *	clen, the encoder in a file	encoder_value, the unit stays; a number stays
 *	detector_shift		refused, unless it is a number
 *	masks, without a file of their own	nothing: a message has no mask, and
 *				CrystFEL reads none there
 *	saturation map, likewise	refused
 *
 * Each mask is judged by itself and for each panel.
 */
#ifndef FORMAT_REPLYGEOM_H
#define FORMAT_REPLYGEOM_H

#include <stdio.h>

#include "base/fault.h"
#include "format/plan.h"
#include "format/stream.h"

/*
 * Writes it for a stream and its plan, from the geometry that the plan was made with.
 * Without one it is that of a single panel, with the beam in its
 * middle, and clen and res are left to be filled in. Whether the file could be
 * written is for the caller to check. -1: it cannot be said.
 */
int	replygeom_write(FILE *, const struct plan *, const struct stream *,
	    struct fault *);

#endif
