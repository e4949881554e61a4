/*
 * A chunk as the filter writes it, byte for byte (all numbers big-endian):
 *
 *	u64	bytes of the elements in all
 *	u32	bytes of a block, before compression: 8192
 *	blocks	u32 compressed bytes, then that many; the last one may be shorter
 *	bytes	up to 7 elements that do not make eight, as they are
 *
 * A block holds the lowest bits of all its elements, then all second bits, ...;
 * LZ4 compresses it. The bits are transposed here and not by the plugin's library:
 * Debian builds that for SSE2 only, and it would have to be opened and called behind
 * HDF5's back.
 */
#include <lz4.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/cxi_bslz4.h"
#include "format/cxi_shuffle.h"

enum { BLOCK = 8192, HEADER = 12, LENGTH = 4 };

struct cxi_bslz4 {
	enum shuffle_isa	isa;
	unsigned char		bytes[BLOCK], bits[BLOCK];
};

struct cxi_bslz4 *
cxi_bslz4_new(void)
{
	struct cxi_bslz4 *b = malloc(sizeof *b);

	if (b == NULL)
		return NULL;
	b->isa = SHUFFLE_GFNI;
	while (!shuffle_isa_usable(b->isa))
		b->isa--;
	return b;
}

void
cxi_bslz4_free(struct cxi_bslz4 *b)
{
	free(b);
}

size_t
cxi_bslz4_bound(size_t n, size_t size)
{
	size_t blocks = n * size / BLOCK + 1;

	return HEADER + blocks * (LENGTH + (size_t)LZ4_compressBound(BLOCK)) +
	    7 * size;
}

static unsigned char *
put_big_endian(unsigned char *p, uint64_t v, unsigned bytes)
{
	unsigned i;

	for (i = bytes; i-- > 0; v >>= 8)
		p[i] = (unsigned char)v;
	return p + bytes;
}

/* n is a multiple of 8. Returns the end of what was written, NULL on failure. */
static unsigned char *
block_pack(struct cxi_bslz4 *b, const unsigned char *in, size_t n, size_t size,
    unsigned char *out)
{
	size_t k;
	int len;

	shuffle_bytes(b->bytes, in, n, size);
	for (k = 0; k < size; k++)
		shuffle_bits(b->isa, b->bits + k * n, b->bytes + k * n, n);
	len = LZ4_compress_default((const char *)b->bits, (char *)out + LENGTH,
	    (int)(n * size), LZ4_compressBound(BLOCK));
	if (len <= 0)
		return NULL;
	return put_big_endian(out, (uint64_t)len, LENGTH) + len;
}

size_t
cxi_bslz4_pack(struct cxi_bslz4 *b, const void *in, size_t n, size_t size,
    void *out)
{
	const unsigned char *from = in;
	unsigned char *to = put_big_endian(out, n * size, 8);
	size_t left, m;

	to = put_big_endian(to, BLOCK, 4);
	for (left = n; left >= 8; left -= m, from += m * size) {
		m = left < BLOCK / size ? left / 8 * 8 : BLOCK / size;
		to = block_pack(b, from, m, size, to);
		if (to == NULL)
			return 0;
	}
	memcpy(to, from, left * size);
	return (size_t)(to + left * size - (unsigned char *)out);
}
