/*
 * exp, log, sine and cosine from additions, multiplications and divisions only.
 * The C library's own differ in their last bit between versions, and a bit in a
 * random number is another simulation; these give the same bits everywhere
 * (IEEE 754, no contraction). Good to a few units in the last place.
 */
#ifndef SIM_ELEMENTARY_H
#define SIM_ELEMENTARY_H

/* e to the x; 0 below -700, and x above 700 counts as 700. */
double	elementary_exp(double x);

/* Natural logarithm of a finite x > 0. */
double	elementary_log(double x);

/* Sine and cosine of an angle in turns (1 is a full circle), |turns| < 2^50. */
void	elementary_sincos(double turns, double *sine, double *cosine);

#endif
