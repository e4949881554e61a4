/*
 * The compressors are in cxi_gzip.c and cxi_bslz4.c; here are the choice between
 * them and what HDF5 is told about it. HDF5's own filter pipeline, which is one
 * thread only, is left out. HDF5 wants to find the filters when it makes a dataset,
 * though. Bitshuffle's is a plugin, which brings with it 6 MiB of libraries and 40 ms
 * to load them, for nothing: a placeholder takes its place.
 */
#include <stdlib.h>

#include "format/cxi_bslz4.h"
#include "format/cxi_gzip.h"
#include "format/cxi_pack.h"
#include "format/hdf_placeholder.h"

enum {
	BITSHUFFLE_FILTER = 32008,
	BITSHUFFLE_MAJOR = 0,
	BITSHUFFLE_MINOR = 3,
	BITSHUFFLE_LZ4 = 2,
	ELEMENT_MAX = 4
};

struct cxi_packer {
	unsigned char		*room;
	struct cxi_gzip		*gzip;		/* or NULL */
	struct cxi_bslz4	*bslz4;		/* or NULL */
};

int
cxi_pack_declare(enum cxi_compression c, hid_t dcpl, size_t size)
{
	/* As the filter stores them: its version, bytes an element, elements a
	   block (0: its default), the compression. */
	const unsigned values[] = { BITSHUFFLE_MAJOR, BITSHUFFLE_MINOR,
	    (unsigned)size, 0, BITSHUFFLE_LZ4 };

	switch (c) {
	case CXI_NONE:
		break;
	case CXI_GZIP:
		if (size > 1 && H5Pset_shuffle(dcpl) < 0)
			return -1;
		return H5Pset_deflate(dcpl, 1) < 0 ? -1 : 0;
	case CXI_BSLZ4:
		if (hdf_placeholder_set(BITSHUFFLE_FILTER, "bitshuffle; see"
		    " https://github.com/kiyo-masui/bitshuffle") == -1)
			return -1;
		return H5Pset_filter(dcpl, BITSHUFFLE_FILTER,
		    H5Z_FLAG_MANDATORY, sizeof values / sizeof *values, values) < 0 ?
		    -1 : 0;
	}
	return 0;
}

struct cxi_packer *
cxi_packer_new(enum cxi_compression c, size_t n)
{
	struct cxi_packer *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->room = malloc(n * ELEMENT_MAX);
	if (c == CXI_GZIP)
		p->gzip = cxi_gzip_new(n * ELEMENT_MAX);
	if (c == CXI_BSLZ4)
		p->bslz4 = cxi_bslz4_new();
	if (p->room == NULL || (c == CXI_GZIP && p->gzip == NULL) ||
	    (c == CXI_BSLZ4 && p->bslz4 == NULL)) {
		cxi_packer_free(p);
		return NULL;
	}
	return p;
}

void
cxi_packer_free(struct cxi_packer *p)
{
	if (p == NULL)
		return;
	free(p->room);
	cxi_gzip_free(p->gzip);
	cxi_bslz4_free(p->bslz4);
	free(p);
}

void *
cxi_packer_room(struct cxi_packer *p)
{
	return p->room;
}

size_t
cxi_pack_bound(enum cxi_compression c, size_t n)
{
	switch (c) {
	case CXI_NONE:
		break;
	case CXI_GZIP:
		return cxi_gzip_bound(n * ELEMENT_MAX);
	case CXI_BSLZ4:
		return cxi_bslz4_bound(n, ELEMENT_MAX);
	}
	return n * ELEMENT_MAX;
}

size_t
cxi_pack(struct cxi_packer *p, const void *in, size_t n, size_t size,
    void *out)
{
	if (p->gzip != NULL)
		return cxi_gzip_pack(p->gzip, in, n, size, out);
	if (p->bslz4 != NULL)
		return cxi_bslz4_pack(p->bslz4, in, n, size, out);
	return 0;
}
