/*
 * Compresses storage chunks into the very bytes that HDF5's own filters would
 * read: shuffle and deflate, or bitshuffle-lz4. Nothing here calls HDF5 but
 * cxi_pack_declare, so many threads may pack at once, each with its own packer.
 */
#ifndef FORMAT_CXI_PACK_H
#define FORMAT_CXI_PACK_H

#include <hdf5.h>
#include <stddef.h>

#include "base/fault.h"
#include "format/cxi.h"

/*
 * Declares the filters for elements of size bytes; 0 or -1 as HDF5 does. From then on
 * a placeholder stands for bitshuffle (format/hdf_placeholder.h).
 */
int	cxi_pack_declare(enum cxi_compression, hid_t dcpl, size_t size);

struct cxi_packer;

/* For chunks of up to n elements of up to 4 bytes. NULL when memory is short. */
struct cxi_packer	*cxi_packer_new(enum cxi_compression, size_t n);
void	cxi_packer_free(struct cxi_packer *);

/* Room for one chunk of 4-byte elements, where it can be gathered. */
void	*cxi_packer_room(struct cxi_packer *);

/* The most bytes that n elements of 4 bytes or fewer become. */
size_t	cxi_pack_bound(enum cxi_compression, size_t n);

/* Packs n elements of size bytes into out; the bytes written, 0 on failure. */
size_t	cxi_pack(struct cxi_packer *, const void *in, size_t n, size_t size,
	    void *out);

#endif
