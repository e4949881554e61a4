#include <string.h>

#include "sim/half.h"

static uint32_t
bits_of(float v)
{
	uint32_t u;

	memcpy(&u, &v, sizeof u);
	return u;
}

/* Drops the low n bits, 1 <= n <= 31: nearest, ties to even. */
static uint32_t
round_off(uint32_t u, uint32_t n)
{
	uint32_t odd = u >> n & 1;

	return (u + (UINT32_C(1) << (n - 1)) - 1 + odd) >> n;
}

uint16_t
half_from_float(float v)
{
	uint32_t u = bits_of(v), sign = u >> 16 & 0x8000;
	uint32_t exponent = u >> 23 & 0xff, fraction = u & 0x7fffff, h;

	if (exponent < 102)	/* below half the smallest subnormal, 2^-25 */
		return (uint16_t)sign;
	if (exponent < 113)	/* subnormal: the hidden bit becomes visible */
		h = round_off(fraction | 0x800000, 126 - exponent);
	else if (exponent < 143)
		h = round_off((exponent - 112) << 23 | fraction, 13);
	else
		h = 0x7c00;
	return (uint16_t)(sign | h);
}

uint16_t
bfloat_from_float(float v)
{
	return (uint16_t)round_off(bits_of(v), 16);
}
