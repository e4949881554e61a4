/*
 * Puts bytes, or bits, that mean the same side by side, which is what makes
 * detector images compress: the filters shuffle and bitshuffle of HDF5 without
 * HDF5.
 */
#ifndef FORMAT_CXI_SHUFFLE_H
#define FORMAT_CXI_SHUFFLE_H

#include <stdbool.h>
#include <stddef.h>

/* From the slowest to the fastest. */
enum shuffle_isa { SHUFFLE_PLAIN, SHUFFLE_AVX2, SHUFFLE_GFNI };

/* Does this processor have it? */
bool	shuffle_isa_usable(enum shuffle_isa);

/* First bytes of all n elements of 1, 2 or 4 bytes, then all second bytes, ... */
void	shuffle_bytes(void *out, const void *in, size_t n, size_t size);

/*
 * Lowest bits of n bytes, eight to a byte, then all second bits, ... n is a
 * multiple of 8. All instruction sets give the same.
 */
void	shuffle_bits(enum shuffle_isa, void *out, const void *in, size_t n);

#endif
