/*
 * The few HDF5 calls a CXI file is made of, each with its error turned into a
 * fault, and each object without times: two seconds must not give two files.
 * Functions that return an hid_t return -1 with the fault set.
 */
#ifndef FORMAT_CXI_HDF5_H
#define FORMAT_CXI_HDF5_H

#include <hdf5.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/cxi_disk.h"

/* Silences HDF5, which else prints to standard error. */
void	cxi_hdf5_quiet(void);

/*
 * Makes the empty file on the disk an HDF5 file in the oldest format; the disk
 * must outlive it. what is its name, for a fault.
 */
hid_t	cxi_hdf5_file(struct cxi_disk *, const char *what, struct fault *);

int	cxi_hdf5_group(hid_t file, const char *path, struct fault *);

/* A second name for the same object; both paths from the root. */
int	cxi_hdf5_link(hid_t file, const char *target, const char *name,
	    struct fault *);

/* Dataset creation properties without times; H5Pclose is the caller's. */
hid_t	cxi_hdf5_dcpl(struct fault *);

/* A text type of exactly size bytes, padded with NULs; H5Tclose as above. */
hid_t	cxi_hdf5_text_type(size_t size, struct fault *);

/* A dataset of one text, which may be empty. */
int	cxi_hdf5_text(hid_t file, const char *path, const char *text,
	    struct fault *);

/* A scalar 32-bit integer. */
int	cxi_hdf5_int(hid_t file, const char *path, int32_t value, struct fault *);

/* The attribute "units" of a dataset. */
int	cxi_hdf5_units(hid_t set, const char *path, const char *units,
	    struct fault *);

/*
 * The slab's mask (height, width), u16, contiguous. Where nothing is masked it takes
 * no place in the file: readers get zeros, HDF5's fill value.
 */
int	cxi_hdf5_mask(hid_t file, const char *path, const struct slab *,
	    struct fault *);

#endif
