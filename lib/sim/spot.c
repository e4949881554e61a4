/*
 * A spot is a Gaussian, a little longer along the radius: a bandwidth w smears a
 * reflection over R w pixels at R pixels from the beam (from the tangent of the
 * scattering angle, which for small angles is in proportion to the wavelength),
 * which as a uniform spread has the standard deviation R w / sqrt(12). Across,
 * the spread of the crystal, the beam and the sensor's charge is taken together.
 *
 * The value at the centre of a pixel stands for the pixel: for a Gaussian of 0.75
 * pixels or more the centre of mass of such samples is off by less than 1e-4.
 *
 * The network that the logits imitate marks what rises clearly above the noise:
 * the pixels where the mean signal exceeds CLEAR standard deviations of the
 * background. For a Gaussian of height A that is within sqrt(2 ln(A / t)) of its
 * standard deviations, here kept between what makes 2 and 5 pixels across.
 */
#include <math.h>

#include "sim/elementary.h"
#include "sim/spot.h"

#define SIGMA 0.78		/* pixels, across */
#define CLEAR 2.0
#define EXTENT_MIN 1.4		/* standard deviations */
#define EXTENT_MAX 2.6
#define DRAWN 5.0		/* beyond that a spot has no photons */

int
spot_place(struct spot *s, const struct reflection *r, const struct beam *b,
    const struct detector *d, double z)
{
	double x = z * r->towards[0] / r->towards[2];
	double y = z * r->towards[1] / r->towards[2];
	double radius = sqrt(x * x + y * y), along, across, u, v, smear;

	s->asic = detector_locate(d, x, y, &s->ss, &s->fs);
	if (s->asic == NULL)
		return 0;
	s->panel = s->asic->panel;
	s->h = r->h;
	s->k = r->k;
	s->l = r->l;
	s->resolution = 1 / r->q;
	across = 1 / (SIGMA * SIGMA);
	smear = radius * b->bandwidth / sqrt(12);
	along = 1 / (SIGMA * SIGMA + smear * smear);
	/* The direction of the radius in the ASIC's own axes. */
	u = (x * s->asic->fs_x + y * s->asic->fs_y) / radius;
	v = (y * s->asic->fs_x - x * s->asic->fs_y) / radius;
	s->ff = across + (along - across) * u * u;
	s->fs_ss = (along - across) * u * v;
	s->ss_ss = across + (along - across) * v * v;
	return 1;
}

/* Distance to the nearest edge of the ASIC. */
static double
edge_distance(const struct spot *s, const struct detector *d)
{
	double u = s->fs + 0.5 - s->asic->fs, v = s->ss + 0.5 - s->asic->ss;

	return fmin(fmin(u, d->asic_width - u), fmin(v, d->asic_height - v));
}

void
spot_brighten(struct spot *s, double photons, double background,
    const struct detector *d)
{
	double root = sqrt(s->ff * s->ss_ss - s->fs_ss * s->fs_ss);
	double ratio;

	s->photons = photons;
	s->peak = photons * root / (2 * M_PI);
	ratio = s->peak / (CLEAR * sqrt(background));
	s->extent = ratio > 1 ? sqrt(2 * elementary_log(ratio)) : 0;
	s->extent = fmin(s->extent, EXTENT_MAX);
	/* 1 / (root SIGMA) is the standard deviation along the radius. */
	s->reach = s->extent / (root * SIGMA);
	if (s->extent < EXTENT_MIN)
		s->state = SPOT_WEAK;
	else if (edge_distance(s, d) < s->reach + 1)
		s->state = SPOT_CUT;
	else
		s->state = SPOT_MARKED;
}

void
spots_separate(struct spot *s, size_t n)
{
	struct spot *weak;
	double du, dv, near;
	size_t i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++) {
			if (s[i].panel != s[j].panel)
				continue;
			du = s[i].fs - s[j].fs;
			dv = s[i].ss - s[j].ss;
			/* 3: two marks need a clear pixel, and noise one each. */
			near = s[i].reach + s[j].reach + 3;
			if (du * du + dv * dv >= near * near)
				continue;
			weak = s[i].photons < s[j].photons ? &s[i] : &s[j];
			if (weak->state == SPOT_MARKED)
				weak->state = SPOT_HIDDEN;
		}
}

double
spot_distance_square(const struct spot *s, double ss, double fs)
{
	double u = fs - s->fs, v = ss - s->ss;

	return s->ff * u * u + 2 * s->fs_ss * u * v + s->ss_ss * v * v;
}

void
spot_draw(const struct spot *s, struct rng *r, const struct detector *d,
    float adu, float *image)
{
	const struct detector_asic *a = s->asic;
	double half = DRAWN / (SIGMA * sqrt(s->ff * s->ss_ss - s->fs_ss *
	    s->fs_ss));
	int from_ss = (int)fmax(ceil(s->ss - half), a->ss);
	int from_fs = (int)fmax(ceil(s->fs - half), a->fs);
	int to_ss = (int)fmin(floor(s->ss + half), a->ss + d->asic_height - 1.0);
	int to_fs = (int)fmin(floor(s->fs + half), a->fs + d->asic_width - 1.0);
	float *row;
	double mean;
	int ss, fs;

	for (ss = from_ss; ss <= to_ss; ss++) {
		row = image + ((size_t)s->panel * d->height + (size_t)ss) *
		    d->width;
		for (fs = from_fs; fs <= to_fs; fs++) {
			mean = s->peak * elementary_exp(-spot_distance_square(s, ss,
			    fs) / 2);
			row[fs] += adu * (float)rng_poisson(r, mean);
		}
	}
}

const char *
spot_state_text(enum spot_state state)
{
	switch (state) {
	case SPOT_MARKED:
		return "marked";
	case SPOT_WEAK:
		return "weak";
	case SPOT_MISSED:
		return "missed";
	case SPOT_CUT:
		return "cut";
	case SPOT_HIDDEN:
		return "hidden";
	}
	return "unknown";
}
