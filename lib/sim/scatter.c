/*
 * The mean depends on the scattering angle only: a constant, a forward part as
 * of air, and the ring of water at 3.3 angstrom.
 *
 * Drawing two million Poisson numbers an event would take longer than all else.
 * Instead a pixel of mean b gets
 *
 *	b + a g + (g^2 - 1) / 4,	a^2 = b + r^2 - 1/8,	g normal,
 *
 * the square of a normal number around a, shifted (F. J. Anscombe, Biometrika
 * 35, 246, 1948, backwards): mean b and variance b + r^2 exactly as Poisson with
 * read-out noise r, skewed to the right as Poisson is (1.5 times too much where
 * b is large), and without steps of whole photons, which read-out noise blurs
 * anyhow. The normal numbers are stretches of one table, at a place drawn anew
 * for each row: pixels far apart may share a number, neighbours never do.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/elementary.h"
#include "sim/scatter.h"

enum { TABLE = 1 << 17 };	/* half a megabyte: stays in a core's cache */

#define READOUT 0.4		/* photons */

/* Photons a pixel at q = 1/d in 1/A. */
static double
profile(double q)
{
	double air = q / 0.12, ring = (q - 0.30) / 0.05;

	return 0.8 + 1.5 * elementary_exp(-air * air) +
	    2.5 * elementary_exp(-ring * ring);
}

/* The profile by distance from the beam in pixels, one entry a pixel. */
static void
profile_tabulate(double *table, uint32_t n, const struct detector *d,
    double distance, double k)
{
	double z = distance / d->pixel_size, cosine;
	uint32_t r;

	for (r = 0; r < n; r++) {
		cosine = z / sqrt(z * z + (double)r * r);
		table[r] = profile(k * sqrt(2 * (1 - cosine)));
	}
}

static void
asic_fill(struct scatter *s, const struct detector_asic *a,
    const double *table)
{
	const struct detector *d = s->detector;
	double x, y, radius, part, mean;
	uint32_t ss, fs, whole;
	size_t at;

	for (ss = a->ss; ss < a->ss + d->asic_height; ss++)
		for (fs = a->fs; fs < a->fs + d->asic_width; fs++) {
			detector_position(a, ss, fs, &x, &y);
			radius = sqrt(x * x + y * y);
			whole = (uint32_t)radius;
			part = radius - whole;
			mean = table[whole] * (1 - part) +
			    table[whole + 1] * part;
			at = ((size_t)a->panel * d->real_height + ss) *
			    d->real_width + fs;
			s->mean[at] = (float)mean;
			s->root[at] = (float)sqrt(mean + READOUT * READOUT -
			    0.125);
		}
}

int
scatter_make(struct scatter *s, const struct detector *d, double distance,
    double k, uint64_t seed, struct fault *f)
{
	size_t pixels = (size_t)d->panels * d->real_height * d->real_width;
	uint32_t n = (uint32_t)detector_extent(d) + 2, i;
	double *table = calloc(n, sizeof *table);
	struct rng r;

	s->detector = d;
	s->mean = calloc(pixels, sizeof *s->mean);
	s->root = calloc(pixels, sizeof *s->root);
	s->noise = calloc(TABLE, sizeof *s->noise);
	if (table == NULL || s->mean == NULL || s->root == NULL ||
	    s->noise == NULL) {
		free(table);
		scatter_free(s);
		return fault_lack(f, "no memory for a background");
	}
	profile_tabulate(table, n, d, distance, k);
	for (i = 0; i < d->n_asics; i++)
		asic_fill(s, &d->asics[i], table);
	free(table);
	rng_seed(&r, seed, 0);
	for (i = 0; i < TABLE; i++)
		s->noise[i] = (float)rng_normal(&r);
	return 0;
}

void
scatter_free(struct scatter *s)
{
	free(s->mean);
	free(s->root);
	free(s->noise);
	memset(s, 0, sizeof *s);
}

static void
row_draw(float *restrict out, const float *restrict mean,
    const float *restrict root, const float *restrict g, uint32_t n, float scale,
    float scale_root, float adu)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		out[i] = adu * (scale * mean[i] + scale_root * root[i] * g[i] +
		    0.25f * (g[i] * g[i] - 1));
}

void
scatter_draw(const struct scatter *s, struct rng *r, float scale, float adu,
    float *image)
{
	const struct detector *d = s->detector;
	float scale_root = (float)sqrt(scale);
	size_t from = 0, pad = d->width - d->real_width;
	uint32_t panel, ss;

	for (panel = 0; panel < d->panels; panel++) {
		for (ss = 0; ss < d->real_height; ss++) {
			row_draw(image, s->mean + from, s->root + from,
			    s->noise + rng_below(r, TABLE - d->real_width),
			    d->real_width, scale, scale_root, adu);
			memset(image + d->real_width, 0, pad * sizeof *image);
			image += d->width;
			from += d->real_width;
		}
		pad = (size_t)(d->height - d->real_height) * d->width;
		memset(image, 0, pad * sizeof *image);
		image += pad;
		pad = d->width - d->real_width;
	}
}

float
scatter_mean(const struct scatter *s, uint32_t panel, uint32_t ss,
    uint32_t fs)
{
	const struct detector *d = s->detector;

	return s->mean[((size_t)panel * d->real_height + ss) * d->real_width +
	    fs];
}
