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

/* Silences HDF5, which else prints to standard error. */
void	cxi_hdf5_quiet(void);

/*
 * Right after a failed call: "what: cause", the cause being the operating
 * system's words if there are any, else HDF5's innermost description.
 */
int	cxi_hdf5_fault(struct fault *, const char *what);

/*
 * Makes the empty file that fd has open an HDF5 file in the oldest format. By
 * descriptor, since a file that HDF5 creates by name and then fails on (a full
 * disk) cannot be told from one that was there before. fd stays the caller's;
 * what is the name for a fault.
 */
hid_t	cxi_hdf5_file(int fd, const char *what, struct fault *);

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

/* The whole 2-D mask (height, width), u16, contiguous. */
int	cxi_hdf5_mask(hid_t file, const char *path, uint32_t height,
	    uint32_t width, const uint16_t *mask, struct fault *);

#endif
