/*
 * One panel, or the mask of a slab, as bits, a word of 64 pixels at a time, pixel
 * fs in bit fs % 64 of word fs / 64. Around the panel lies a frame of zeros, a word to the left and
 * right of each row and a row above and below, so that nobody who looks at
 * neighbours has to ask where the panel ends. Bits behind the width are zero.
 */
#ifndef DATA_BITPLANE_H
#define DATA_BITPLANE_H

#include <stddef.h>
#include <stdint.h>

#include "base/le.h"

struct bitplane {
	uint64_t	*words;
	size_t		stride;		/* words from row to row */
	uint32_t	height, width;	/* pixels */
};

/* All zero; 0, or -1 when memory is short. bitplane_free releases it. */
int	bitplane_init(struct bitplane *, uint32_t height, uint32_t width);
void	bitplane_free(struct bitplane *);

/* The word that holds the first pixel of row ss, -1 <= ss <= height. */
static inline uint64_t *
bitplane_row(const struct bitplane *b, int32_t ss)
{
	return b->words + (size_t)(ss + 1) * b->stride + 1;
}

/* The 64 pixels of a row that begin at fs, -64 <= fs < width; row as above. */
static inline uint64_t
bitplane_window(const uint64_t *row, int32_t fs)
{
	const uint64_t *w = row + fs / 64 - (fs % 64 < 0);
	unsigned shift = (unsigned)fs % 64;

	return shift == 0 ? w[0] : w[0] >> shift | w[1] << (64 - shift);
}

/* As above, but none from end on, fs < end. */
static inline uint64_t
bitplane_pixels(const uint64_t *row, uint32_t fs, uint32_t end)
{
	uint64_t bits = bitplane_window(row, (int32_t)fs);

	return end - fs < 64 ? bits & ~(~UINT64_C(0) << (end - fs)) : bits;
}

/* Pixel fs of a row. */
static inline unsigned
bitplane_get(const uint64_t *row, uint32_t fs)
{
	return row[fs / 64] >> fs % 64 & 1;
}

/* Makes pixel fs of a row 1. */
static inline void
bitplane_set(uint64_t *row, uint32_t fs)
{
	row[fs / 64] |= UINT64_C(1) << fs % 64;
}

/* Packs 64 bytes, each 0 or 1, into a word; the first becomes bit 0. */
static inline uint64_t
bits_pack(const unsigned char *bytes)
{
	uint64_t word = 0;
	int i;

	/* The product brings byte k of eight to bit 56 + k, with no carries. */
	for (i = 0; i < 8; i++)
		word |= le_get64(bytes + 8 * (size_t)i) *
		    UINT64_C(0x0102040810204080) >> 56 << 8 * i;
	return word;
}

#endif
