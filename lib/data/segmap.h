/* Rows of segmentation maps, one byte a pixel, the winning class. */
#ifndef DATA_SEGMAP_H
#define DATA_SEGMAP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Writes n pixels as (n + 63) / 64 words, 1 where the class is 1, 0 behind them.
 * Returns whether any bit is set.
 */
bool	segmap_row(const uint8_t *classes, uint32_t n, uint64_t *bits);

/* As above, 1 where a byte is not 0: masks. */
bool	segmap_row_nonzero(const uint8_t *bytes, uint32_t n, uint64_t *bits);

/* The way back: n pixels of class 0 or 1. */
void	segmap_expand(const uint64_t *bits, uint32_t n, uint8_t *classes);

#endif
