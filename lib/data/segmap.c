#include <string.h>

#include "data/bitplane.h"
#include "data/segmap.h"

enum { BLOCK = 64 };

static uint64_t
pack(const uint8_t *p, uint32_t n, bool nonzero)
{
	uint8_t hit[BLOCK];
	uint32_t i;

	memset(hit, 0, sizeof hit);
	for (i = 0; i < n; i++)
		hit[i] = nonzero ? p[i] != 0 : p[i] == 1;
	return bits_pack(hit);
}

/* A whole block at a time: most have no byte but 0. */
static bool
is_zero(const uint8_t *p)
{
	uint64_t word, any = 0;
	int i;

	for (i = 0; i < BLOCK; i += 8) {
		memcpy(&word, p + i, sizeof word);
		any |= word;
	}
	return any == 0;
}

static bool
row_bits(const uint8_t *p, uint32_t n, bool nonzero, uint64_t *bits)
{
	uint32_t at, m;
	uint64_t any = 0;

	for (at = 0; at < n; at += BLOCK, bits++) {
		m = n - at < BLOCK ? n - at : BLOCK;
		*bits = m == BLOCK && is_zero(p + at) ? 0 :
		    pack(p + at, m, nonzero);
		any |= *bits;
	}
	return any != 0;
}

bool
segmap_row(const uint8_t *classes, uint32_t n, uint64_t *bits)
{
	return row_bits(classes, n, false, bits);
}

bool
segmap_row_nonzero(const uint8_t *bytes, uint32_t n, uint64_t *bits)
{
	return row_bits(bytes, n, true, bits);
}

void
segmap_expand(const uint64_t *bits, uint32_t n, uint8_t *classes)
{
	uint64_t word;
	uint32_t at;

	memset(classes, 0, n);
	for (at = 0; at < n; at += BLOCK)
		for (word = bits[at / BLOCK]; word != 0; word &= word - 1)
			classes[at + (uint32_t)__builtin_ctzll(word)] = 1;
}
