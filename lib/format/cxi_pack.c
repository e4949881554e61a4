/*
 * Deflate is made by ISA-L, several times faster than zlib and readable by it, at
 * its level 3: levels 1 and 2 (2.30) choose other matches for the same input
 * where their buffers happen to have other addresses, and the same events must
 * give the same bytes.
 *
 * Bitshuffle is made by the HDF5 plugin that readers need anyway: its library
 * exports the compressor beside the filter, so it is opened as a library and
 * HDF5's own filter pipeline, which is one thread only, is left out. The plugin
 * is looked for exactly where HDF5 looks.
 *
 * A bitshuffle chunk begins with 12 bytes as its filter writes them: bytes of
 * the uncompressed chunk (u64, big-endian) and bytes of a block (u32,
 * big-endian). The plugin's library may use OpenMP; inside our own threads that
 * would only make more threads than processors, so it is told to use one.
 */
#include <dlfcn.h>
#include <fenv.h>
#include <isa-l/igzip_lib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/cxi_pack.h"

enum {
	IGZIP_LEVEL = 3,
	SLACK = 64,		/* igzip looks at bytes beyond the end */
	BITSHUFFLE_FILTER = 32008,
	BITSHUFFLE_LZ4 = 2,
	BITSHUFFLE_HEADER = 12,
	ELEMENT_MAX = 4
};

/* The plugin's functions; signatures from bitshuffle.h, version 0.3. */
static struct {
	void	*library;
	size_t	(*bound)(size_t n, size_t size, size_t block);
	int64_t	(*compress)(const void *in, void *out, size_t n, size_t size,
		    size_t block);
	size_t	(*block)(size_t size);
	void	(*threads)(int);	/* NULL without OpenMP */
} bitshuffle;

struct cxi_packer {
	enum cxi_compression	compression;
	unsigned char		*room, *shuffled;
	struct isal_zstream	*stream;
	uint8_t			*level;	/* igzip's work space */
};

/* dlsym returns an object pointer; POSIX lets it be one of a function. */
static int
symbol_find(void *library, const char *name, void *function)
{
	void *p = dlsym(library, name);

	memcpy(function, &p, sizeof p);
	return p != NULL;
}

static int
library_open(const char *path)
{
	void *l = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (l == NULL)
		return 0;
	if (!symbol_find(l, "bshuf_compress_lz4_bound", &bitshuffle.bound) ||
	    !symbol_find(l, "bshuf_compress_lz4", &bitshuffle.compress) ||
	    !symbol_find(l, "bshuf_default_block_size", &bitshuffle.block)) {
		dlclose(l);
		return 0;
	}
	symbol_find(l, "omp_set_num_threads", &bitshuffle.threads);
	bitshuffle.library = l;
	return 1;
}

static int
library_find(void)
{
	char dir[4096], path[4200];
	unsigned i, n = 0;

	if (bitshuffle.library != NULL)
		return 1;
	if (H5open() < 0 || H5PLsize(&n) < 0)
		return 0;
	for (i = 0; i < n; i++) {
		if (H5PLget(i, dir, sizeof dir) <= 0)
			continue;
		snprintf(path, sizeof path, "%s/libh5bshuf.so", dir);
		if (library_open(path))
			return 1;
	}
	return 0;
}

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
	found = H5Zfilter_avail(BITSHUFFLE_FILTER) > 0 && library_find();
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
	p->compression = c;
	p->room = malloc(n * ELEMENT_MAX);
	if (c == CXI_GZIP) {
		p->shuffled = calloc(1, n * ELEMENT_MAX + SLACK);
		p->stream = calloc(1, sizeof *p->stream);
		p->level = calloc(1, ISAL_DEF_LVL3_DEFAULT);
	}
	if (p->room == NULL || (c == CXI_GZIP && (p->shuffled == NULL ||
	    p->stream == NULL || p->level == NULL))) {
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
	free(p->shuffled);
	free(p->stream);
	free(p->level);
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
	size_t bytes = n * ELEMENT_MAX;

	switch (c) {
	case CXI_NONE:
		break;
	case CXI_GZIP:
		/* Stored blocks: 5 bytes for each 65535, and zlib's frame. */
		return bytes + 5 * (bytes / 65535 + 1) + 64;
	case CXI_BSLZ4:
		return bitshuffle.bound(n, ELEMENT_MAX, 0) + BITSHUFFLE_HEADER +
		    64;
	}
	return bytes;
}

/* HDF5's shuffle: first bytes of all elements, then second bytes, ... */
static unsigned char *
shuffle(struct cxi_packer *p, const unsigned char *in, size_t n, size_t size)
{
	unsigned char *out = p->shuffled;
	size_t i;

	memset(out + n * size, 0, SLACK);
	if (size == 1)
		return memcpy(out, in, n);
	if (size == 2) {
		for (i = 0; i < n; i++) {
			out[i] = in[2 * i];
			out[n + i] = in[2 * i + 1];
		}
		return out;
	}
	for (i = 0; i < n; i++) {
		out[i] = in[4 * i];
		out[n + i] = in[4 * i + 1];
		out[2 * n + i] = in[4 * i + 2];
		out[3 * n + i] = in[4 * i + 3];
	}
	return out;
}

static size_t
pack_gzip(struct cxi_packer *p, const void *in, size_t n, size_t size,
    void *out)
{
	struct isal_zstream *z = p->stream;

	/* What an earlier chunk left must not decide which matches are found. */
	memset(z, 0, sizeof *z);
	memset(p->level, 0, ISAL_DEF_LVL3_DEFAULT);
	isal_deflate_stateless_init(z);
	z->level = IGZIP_LEVEL;
	z->level_buf = p->level;
	z->level_buf_size = ISAL_DEF_LVL3_DEFAULT;
	z->gzip_flag = IGZIP_ZLIB;
	z->end_of_stream = 1;
	z->next_in = shuffle(p, in, n, size);
	z->avail_in = (uint32_t)(n * size);
	z->next_out = out;
	z->avail_out = (uint32_t)cxi_pack_bound(CXI_GZIP, n);
	if (isal_deflate_stateless(z) != COMP_OK)
		return 0;
	return z->total_out;
}

static void
put_big_endian(unsigned char *p, uint64_t v, unsigned bytes)
{
	while (bytes-- > 0) {
		p[bytes] = (unsigned char)v;
		v >>= 8;
	}
}

static void
bitshuffle_alone(void)
{
	static _Thread_local int told;

	if (!told && bitshuffle.threads != NULL)
		bitshuffle.threads(1);
	told = 1;
}

static size_t
pack_bslz4(const void *in, size_t n, size_t size, unsigned char *out)
{
	int64_t len;

	bitshuffle_alone();
	put_big_endian(out, n * size, 8);
	put_big_endian(out + 8, bitshuffle.block(size) * size, 4);
	len = bitshuffle.compress(in, out + BITSHUFFLE_HEADER, n, size, 0);
	return len < 0 ? 0 : (size_t)len + BITSHUFFLE_HEADER;
}

size_t
cxi_pack(struct cxi_packer *p, const void *in, size_t n, size_t size,
    void *out)
{
	switch (p->compression) {
	case CXI_NONE:
		break;
	case CXI_GZIP:
		return pack_gzip(p, in, n, size, out);
	case CXI_BSLZ4:
		return pack_bslz4(in, n, size, out);
	}
	return 0;
}
