/*
 * How the files of a stream will look, worked out from its header, the geometry,
 * the mask and the options: what cxi_create needs, and the digests by which a
 * resumed run knows that none of it has changed.
 */
#ifndef FORMAT_PLAN_H
#define FORMAT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/cxi.h"
#include "format/geofile.h"
#include "format/journal.h"
#include "format/stream.h"

/* What the user chose; all pointers are borrowed. */
struct plan_options {
	const char	*program;	/* "cxiwrite 1.0" for the provenance */
	const char	*geometry;	/* path, NULL: none */
	const char	*mask;		/* FILE[:/dataset], NULL: none */
	bool		debug;		/* logits and segmentation map, too */
	uint32_t	min_peaks, max_peaks;	/* of a hit; max 0: no limit */
	uint64_t	events;		/* a file */
	const char	*z;		/* the name of the compression */
	enum cxi_compression compression;
	unsigned	threads;
};

/* Is an event with so many peaks, also those that were not kept, a hit? */
bool	plan_hits(const struct plan_options *, uint32_t peaks_found);

/* Zeroed at first; plan_make may be called again for the next stream. */
struct plan {
	struct cxi_plan	cxi;
	struct slab	slab;
	struct geofile	file;		/* text NULL: no geometry */
	char		options[1024];	/* lines of the provenance */
	char		experiment[256], run[256], detector[256];
	/* Of the options that change results but the mask; of header and mask. */
	char		options_digest[JOURNAL_DIGEST_SIZE];
	char		header_digest[JOURNAL_DIGEST_SIZE];
};

/*
 * Works out the plan of a stream, which must stay until the next call; header: its
 * STREAM_SIZE bytes. The geometry is read with the first stream, not before: a
 * simulation in front writes it as it starts. 0 or -1.
 */
int	plan_make(struct plan *, const struct plan_options *, const struct stream *,
	    const unsigned char *header, struct fault *);
void	plan_free(struct plan *);

#endif
