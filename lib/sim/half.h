/* Floats to the smaller types that a network writes; nearest, ties to even. */
#ifndef SIM_HALF_H
#define SIM_HALF_H

#include <stdint.h>

/* IEEE 754 binary16; what is too large becomes infinity. Not for NaN. */
uint16_t	half_from_float(float);

/* bfloat16: the upper half of a float. Not for NaN. */
uint16_t	bfloat_from_float(float);

#endif
