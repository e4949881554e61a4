/*
 * Each function brings its argument into a small range with steps that are exact
 * or nearly so, and sums a series there by Horner's rule, last term first.
 */
#include <math.h>

#include "sim/elementary.h"

/* ln 2 in two parts; the first has trailing zeros, so n * LN2_HIGH is exact. */
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define LOG2_E 0x1.71547652b82fep+0
#define TWO_PI 0x1.921fb54442d18p+2

double
elementary_exp(double x)
{
	double n, r, sum = 1;
	int i;

	if (x < -700)
		return 0;
	if (x > 700)
		x = 700;
	n = floor(x * LOG2_E + 0.5);
	r = x - n * LN2_HIGH - n * LN2_LOW;
	for (i = 14; i > 0; i--)
		sum = 1 + sum * r / i;
	return ldexp(sum, (int)n);
}

double
elementary_log(double x)
{
	double m, s, square, sum = 0;
	int e, i;

	/* x = m * 2^e with m around 1, ln m = 2 artanh((m-1) / (m+1)). */
	m = frexp(x, &e);
	if (m < 0x1.6a09e667f3bcdp-1) {
		m *= 2;
		e--;
	}
	s = (m - 1) / (m + 1);
	square = s * s;
	for (i = 23; i > 0; i -= 2)
		sum = sum * square + 1.0 / i;
	return e * LN2_HIGH + (2 * s * sum + e * LN2_LOW);
}

void
elementary_sincos(double turns, double *sine, double *cosine)
{
	double r, square, s = 1, c = 1, quarter;
	int i;

	turns -= floor(turns);
	quarter = floor(turns * 4 + 0.5);
	r = (turns - quarter / 4) * TWO_PI;
	square = r * r;
	for (i = 18; i > 0; i -= 2) {
		s = 1 - s * square / (i * (i + 1));
		c = 1 - c * square / (i * (i - 1));
	}
	s *= r;
	switch ((int)quarter & 3) {
	case 0:
		*sine = s, *cosine = c;
		break;
	case 1:
		*sine = c, *cosine = -s;
		break;
	case 2:
		*sine = -s, *cosine = -c;
		break;
	default:
		*sine = -c, *cosine = s;
		break;
	}
}
