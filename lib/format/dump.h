/*
 * Captured Q2 dumps in HDF5: /batch_0, /batch_1, ... with logits (B*C, K, H, W),
 * original_image (B*C, 1, H, W), preprocessing_metadata/original_shape (B, C, H0,
 * W0), metadata/timestamp (B,), metadata/photon_wavelength (B,). Everything but
 * logits may be missing, numeric types vary, the last batch is often short, and
 * numbers may be missing in the row of batches.
 *
 * HDF5 crashes on damaged files, and does worse on hostile ones: it reads the file
 * in a child that can do no harm (format/guard.h). A crash there is a fault here.
 *
 * The whole file is surveyed on opening (no pixel is read), so that the layouts
 * and the quantities are known before the first event. Consecutive batches of
 * one layout form a section; a section becomes a stream.
 *
 * Logits keep f16, all other types become f32. Images: 8- and 16-bit integers
 * and i32 keep their values in u16, i16, i32, all others become f32. Timestamps:
 * integers as they are (sec << 32 | nsec), floats as seconds, text as either,
 * a scalar as one for all of a batch of one.
 */
#ifndef FORMAT_DUMP_H
#define FORMAT_DUMP_H

#include <stdint.h>

#include "base/fault.h"
#include "data/event.h"
#include "data/layout.h"
#include "format/guard.h"

struct dump_options {
	double		wavelength_unit;	/* angstrom in one unit: 1 (A), 10 (nm) */
	uint32_t	capacity;	/* goes into the layouts */
	const struct guard_limits *limits;	/* NULL: guard_limits */
};

struct dump_section {
	struct layout	layout;		/* image_type IMAGE_NONE: no batch has one */
	uint64_t	first, count;	/* events, numbered through the dump */
	unsigned	quantities;	/* QUANTITY_ bits; of the whole dump */
};

struct dump;

/*
 * 1 if the file begins as an HDF5 file does, 0 if not, -1 on error. Its offset stays.
 * Faults of these functions do not name the file: the caller knows it.
 */
int	dump_probe(int fd, struct fault *);

/*
 * Opens and surveys. A batch that cannot be used (ranks, plane count, shapes
 * that disagree) is left out and noted as damage; no usable batch at all is -1.
 * The path is only used now; the options are copied.
 */
int	dump_open(const char *path, const struct dump_options *, struct dump **,
	    struct fault *);
void	dump_close(struct dump *);

/* Borrowed, valid until dump_close. */
const struct dump_section	*dump_sections(const struct dump *, unsigned *n);

/* Events in all sections together. */
uint64_t	dump_events(const struct dump *);

/*
 * Things a person should know, one sentence each, i from 0, NULL past the last:
 * numbers missing, short batches, no original_shape, ... *damage is set to 1 for
 * a note that means events were lost. Borrowed, valid until dump_close.
 */
const char	*dump_note(const struct dump *, unsigned i, int *damage);

/*
 * Reads event k (0 <= k < dump_events) into planes of its section's layout:
 * logits, and image unless NULL (layout without image). The planes' rounding
 * bytes are not touched. Fills *e, with seq 0 and no peaks; source becomes
 * "batch_3/1" (batch, event in it). What the event lacks is left unknown; what it
 * has but cannot be read of its metadata, too, and the fault says so, else it is
 * empty. An image missing where the section has images zeroes the plane and sets
 * cause EVENT_NO_IMAGE. A plane that cannot be read, or whose reading crashes, is
 * -1: the caller makes it a failed event and may go on with the next.
 */
int	dump_read(struct dump *, uint64_t k, void *logits, void *image,
	    struct event *e, struct fault *);

#endif
