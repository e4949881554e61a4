/*
 * Makes chunks that HDF5's filters shuffle and deflate read.
 */
#ifndef FORMAT_CXI_GZIP_H
#define FORMAT_CXI_GZIP_H

#include <stddef.h>

struct cxi_gzip;

/* For chunks of up to so many bytes. NULL when memory is short. */
struct cxi_gzip	*cxi_gzip_new(size_t bytes);
void	cxi_gzip_free(struct cxi_gzip *);

/* The most that so many bytes become. */
size_t	cxi_gzip_bound(size_t bytes);

/* Packs n elements of 1, 2 or 4 bytes; the bytes written, 0 on failure. */
size_t	cxi_gzip_pack(struct cxi_gzip *, const void *in, size_t n, size_t size,
	    void *out);

#endif
