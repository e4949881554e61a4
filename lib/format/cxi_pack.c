/*
 * The compressors are in cxi_gzip.c and cxi_bslz4.c; here are the choice between
 * them and what HDF5 is told about it. HDF5's own filter pipeline, which is one
 * thread only, is left out, but HDF5 still wants to find the filters when it makes
 * a dataset, and readers will need them.
 */
#include <fenv.h>
#include <stdlib.h>

#include "format/cxi_bslz4.h"
#include "format/cxi_gzip.h"
#include "format/cxi_pack.h"

enum {
	BITSHUFFLE_FILTER = 32008,
	BITSHUFFLE_LZ4 = 2,
	ELEMENT_MAX = 4
};

struct cxi_packer {
	unsigned char		*room;
	struct cxi_gzip		*gzip;		/* or NULL */
	struct cxi_bslz4	*bslz4;		/* or NULL */
};

/*
 * The plugin is built with -ffast-math, whose start-up code switches the thread
 * that loads it to treating subnormal numbers as zero: put that back.
 */
static int
bitshuffle_find(void)
{
	fenv_t env;
	int found;

	fegetenv(&env);
	found = H5Zfilter_avail(BITSHUFFLE_FILTER) > 0;
	fesetenv(&env);
	return found;
}

int
cxi_pack_check(enum cxi_compression c, struct fault *f)
{
	if (c == CXI_GZIP && H5Zfilter_avail(H5Z_FILTER_DEFLATE) <= 0)
		return fault_set(f, "this HDF5 library was built without deflate");
	if (c == CXI_BSLZ4 && !bitshuffle_find())
		return fault_set(f, "no bitshuffle plugin for HDF5; install the"
		    " Debian package bitshuffle, or set HDF5_PLUGIN_PATH to the"
		    " directory of libh5bshuf.so");
	return 0;
}

int
cxi_pack_declare(enum cxi_compression c, hid_t dcpl, size_t size)
{
	/* Block size 0: the default. The filter adds its own three in front. */
	static const unsigned options[] = { 0, BITSHUFFLE_LZ4 };

	switch (c) {
	case CXI_NONE:
		break;
	case CXI_GZIP:
		if (size > 1 && H5Pset_shuffle(dcpl) < 0)
			return -1;
		return H5Pset_deflate(dcpl, 1) < 0 ? -1 : 0;
	case CXI_BSLZ4:
		return H5Pset_filter(dcpl, BITSHUFFLE_FILTER,
		    H5Z_FLAG_MANDATORY, 2, options) < 0 ? -1 : 0;
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
