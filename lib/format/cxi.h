/*
 * CXI files as CrystFEL, Cheetah and people expect them. A file is made under a
 * temporary name, filled event by event, closed, synced, and committed: renamed.
 * After the first failure nothing but cxi_abort may follow: HDF5's close reports
 * success after a failed write, so the first error is kept here and a commit after
 * it fails.
 */
#ifndef FORMAT_CXI_H
#define FORMAT_CXI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/event.h"
#include "data/slab.h"
#include "data/layout.h"
#include "data/peaklist.h"

enum cxi_compression { CXI_NONE, CXI_GZIP, CXI_BSLZ4 };

#define CXI_ENCODER "/LCLS/detector_1/EncoderValue"	/* mm; clen of LCLS geometries */
#define CXI_IMAGE "/entry_1/instrument_1/detector_1/data"
#define CXI_IMAGE_ALIAS "/entry_1/data_1/data"	/* the same dataset; of geometries */

/* What every file of one stream looks like. All pointers are borrowed. */
struct cxi_plan {
	const struct layout	*layout;
	const struct slab	*slab;
	unsigned		planes;	/* PLANE_IMAGE: data; PLANE_SEGMAP and
					   PLANE_LOGITS: the debug datasets */
	unsigned		quantities;	/* QUANTITY_ bits of the stream */
	enum cxi_compression	compression;
	unsigned		threads;	/* that compress; 1: the caller's own */
	double			pixel_size;	/* metres; NaN if unknown */
	double			distance;	/* metres; NaN if unknown */
	const char		*experiment;	/* NULL if unknown */
	const char		*run;		/* NULL if unknown */
	const char		*detector;	/* NULL if unknown */
	const char		*program;	/* "cxiwrite 1.0" for the provenance */
	const char		*options;	/* lines key=value, those that change
						   results */
	const char		*stream;	/* the stream header's text */
};

/* One event to be written. All pointers are borrowed for the call. */
struct cxi_event {
	const struct event	*event;
	const struct peak	*peaks;	/* event->peaks_kept of them */
	const void		*image;	/* planes as in layout.h; NULL if not in */
	const uint8_t		*segmap;	/* the plan's planes */
	const void		*logits;
	/* After the planes were read: -1 if they were not what they should be.
	   NULL: they cannot change. */
	int	(*intact)(const void *arg, struct fault *);
	const void		*arg;
};

struct cxi;

/*
 * Creates path, which must not exist (it is not followed if it is a link),
 * readable by the owner's umask. The plan must outlive the file.
 */
int	cxi_create(const char *path, const struct cxi_plan *, struct cxi **,
	    struct fault *);

/*
 * Appends one row to every dataset: 0. 1: the event's planes were not intact, and
 * the file is as before. -1: nothing more can be written.
 */
int	cxi_add(struct cxi *, const struct cxi_event *, struct fault *);

/* Rows so far. */
uint64_t	cxi_rows(const struct cxi *);

/*
 * Writes all rows and closes the HDF5 file; what follows, cxi_sync and cxi_commit
 * or cxi_abort, touches HDF5 no more and may run in another thread. 0 or -1.
 */
int	cxi_close(struct cxi *, struct fault *);

/* Closes if that was not done, and syncs to the disk; *size in bytes. 0 or -1. */
int	cxi_sync(struct cxi *, uint64_t *size, struct fault *);

/*
 * Finishes: synced if it was not, renamed to name, and the directory synced. With
 * replace an existing name is replaced, else it is an error. 0; -1: the temporary
 * file is removed; 1, with a fault: the file is whole and has its name, which may be
 * gone after a crash of the machine. The cxi is freed in every case.
 */
int	cxi_commit(struct cxi *, const char *name, bool replace, struct fault *);

/* Gives up: closes without a word, removes the temporary file, frees. */
void	cxi_abort(struct cxi *);

#endif
