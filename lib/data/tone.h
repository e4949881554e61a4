/*
 * Contrast: from what a detector counts to shades of grey.
 *
 * Diffraction has weak spots on a noisy background and a few pixels that are ten
 * thousand times brighter. The scale is asinh: linear about the background, as wide
 * as its noise, so that pixels below the pedestal have a place too; logarithmic
 * above (Lupton, Gunn and Szalay, Astronomical Journal 118, 1406 (1999)). Its
 * limits are percentiles, which a few saturated pixels do not move.
 *
 * Shades run from light to dark in equal steps of the lightness L* of CIE 1976,
 * written in sRGB (IEC 61966-2-1): strong is dark, as on film.
 */
#ifndef DATA_TONE_H
#define DATA_TONE_H

#include <stddef.h>
#include <stdint.h>

struct tone {
	double	low, high;	/* values that are lightest and darkest */
	double	knee;		/* from low, where linear becomes logarithmic */
};

/*
 * Chooses limits by the finite ones of n values, of which at most a million,
 * evenly spread, are looked at. Without any it is 0 to 1.
 */
struct tone	tone_choose(const float *values, size_t n);

/* 0 for low and what is below, 1 for high and what is above; NaN stays NaN. */
double	tone_apply(const struct tone *, double value);

/* The value that tone_apply turns into v, from 0 to 1. */
double	tone_invert(const struct tone *t, double v);

/* The grey level, 0 to 255 of sRGB, of t from 0 to 1. */
uint8_t	tone_grey(double t);

#endif
