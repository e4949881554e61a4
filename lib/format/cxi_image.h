/*
 * The large datasets of a CXI file, (event, ss, fs), written chunk by chunk past
 * HDF5's own filter pipeline.
 */
#ifndef FORMAT_CXI_IMAGE_H
#define FORMAT_CXI_IMAGE_H

#include <hdf5.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/cxi.h"
#include "format/cxi_chunk.h"
#include "format/cxi_disk.h"

/* What all pictures of one file share: chunk map, compressors, threads. */
struct cxi_press;

/*
 * The plan's slab and compression, for a file on the disk; both must outlive it.
 * NULL on error.
 */
struct cxi_press	*cxi_press_new(const struct cxi_plan *,
			    struct cxi_disk *, struct fault *);
void			cxi_press_free(struct cxi_press *);

/*
 * An empty dataset for elements of the type; the caller's to close. -1 with the
 * fault set.
 */
hid_t	cxi_image_create(const struct cxi_press *, hid_t file, const char *path,
	    hid_t type, struct fault *);

/* Grows the dataset to row + 1 events and writes that row. 0 or -1. */
int	cxi_image_write(struct cxi_press *, hid_t set, const char *path,
	    uint64_t row, const struct cxi_source *, struct fault *);

/* Sets the number of rows; those behind are gone. 0 or -1. */
int	cxi_image_extent(const struct cxi_press *, hid_t set, const char *path,
	    uint64_t rows, struct fault *);

#endif
