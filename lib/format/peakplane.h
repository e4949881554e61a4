/*
 * The peaks plane: packed peaks of LAYOUT_PEAK_SIZE bytes, little-endian:
 *
 *	0  f64  ss		24  f32  sum
 *	8  f64  fs		28  f32  max
 *	16 u32  panel		32  f32  background
 *	20 u32  npixels		36  f32  sd
 *				40  f32  snr
 *				44  u32  zero
 */
#ifndef FORMAT_PEAKPLANE_H
#define FORMAT_PEAKPLANE_H

#include <stdint.h>

#include "base/fault.h"
#include "data/layout.h"
#include "data/peaklist.h"

/* Packs n peaks; plane has room for them. Bytes behind them are not touched. */
void	peakplane_pack(unsigned char *plane, const struct peak *, uint32_t n);

/*
 * Unpacks n peaks and refuses what no peak finder writes: panels or positions
 * outside the layout, positions that are not finite. 0 or -1.
 */
int	peakplane_unpack(const unsigned char *plane, uint32_t n,
	    const struct layout *, struct peak *, struct fault *);

#endif
