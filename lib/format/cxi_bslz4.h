/*
 * Makes chunks that HDF5's bitshuffle filter (32008, with LZ4) reads.
 */
#ifndef FORMAT_CXI_BSLZ4_H
#define FORMAT_CXI_BSLZ4_H

#include <stddef.h>

struct cxi_bslz4;

/* NULL when memory is short. */
struct cxi_bslz4	*cxi_bslz4_new(void);
void	cxi_bslz4_free(struct cxi_bslz4 *);

/* The most bytes that n elements of size bytes become. */
size_t	cxi_bslz4_bound(size_t n, size_t size);

/* Packs n elements of 1, 2 or 4 bytes; the bytes written, 0 on failure. */
size_t	cxi_bslz4_pack(struct cxi_bslz4 *, const void *in, size_t n,
	    size_t size, void *out);

#endif
