#include <math.h>
#include <stdlib.h>

#include "data/tone.h"

enum { SAMPLE = 1 << 20 };

/* Of good pixels: below LOW is noise of the pedestal, above HIGH there is glare. */
static const double low_rank = 0.02, knee_rank = 0.9, high_rank = 0.9998;
static const double lightest = 98, darkest = 4;		/* L* */

static int
floats_compare(const void *x, const void *y)
{
	float a = *(const float *)x, b = *(const float *)y;

	return a < b ? -1 : a > b;
}

struct tone
tone_choose(const float *values, size_t n)
{
	size_t step = n / SAMPLE + 1, i, m = 0;
	struct tone t = { 0, 1, 1 };
	float *sample = malloc((n / step + 1) * sizeof *sample);

	for (i = 0; sample != NULL && i < n; i += step)
		if (isfinite(values[i]))
			sample[m++] = values[i];
	if (m > 0) {
		qsort(sample, m, sizeof *sample, floats_compare);
		t.low = sample[(size_t)(low_rank * (double)(m - 1))];
		t.knee = sample[(size_t)(knee_rank * (double)(m - 1))] - t.low;
		t.high = sample[(size_t)(high_rank * (double)(m - 1))];
		/* Where nearly all pixels are alike, as in counts of peaks. */
		if (!(t.high > t.low))
			t.high = sample[m - 1];
		if (!(t.high > t.low))
			t.high = t.low + fmax(1, fabs(t.low) / 1000);
		if (!(t.knee > 0))
			t.knee = (t.high - t.low) / 4;
	}
	free(sample);
	return t;
}

double
tone_apply(const struct tone *t, double value)
{
	double v = asinh((value - t->low) / t->knee) /
	    asinh((t->high - t->low) / t->knee);

	return v < 0 ? 0 : v > 1 ? 1 : v;
}

double
tone_invert(const struct tone *t, double v)
{
	return t->low + t->knee * sinh(v * asinh((t->high - t->low) / t->knee));
}

uint8_t
tone_grey(double t)
{
	double l = lightest + (darkest - lightest) * t, y, s;

	y = l > 8 ? pow((l + 16) / 116, 3) : l * 27 / 24389;
	s = y <= 0.0031308 ? 12.92 * y : 1.055 * pow(y, 1 / 2.4) - 0.055;
	return (uint8_t)(255 * s + 0.5);
}
