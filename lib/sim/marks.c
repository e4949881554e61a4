/*
 * The difference of the two logits, l1 - l0, is
 *
 *	SLOPE (e^2 - r^2) / e	within CORE and -QUIET, plus noise
 *
 * where r is the distance from a spot's centre in its standard deviations and e
 * its extent: 0 on the edge of the spot, and there falling by 2 SLOPE a standard
 * deviation. The noise moves the edge by a fraction of a pixel, so that the
 * centroid of the marked pixels is off by a tenth or two, as that of a network
 * is. In the background the difference is 8 standard deviations below zero:
 * nothing appears there that was not put there.
 *
 * The background costs what copying costs: each row is a stretch of a table of
 * ready logits, at a place drawn anew for each row and class.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/elementary.h"
#include "sim/half.h"
#include "sim/marks.h"

enum { TABLE = 1 << 16 };

#define QUIET 8.0		/* l0 - l1 in the background */
#define CORE 9.0		/* l1 - l0 at most */
#define NOISE 0.7		/* standard deviation of each logit */
#define NOISE_MAX 3.5		/* standard deviations: the table has no more */
#define SLOPE 2.0

static void
logit_put(unsigned char *plane, enum logits_type type, size_t at, float v)
{
	uint16_t h;

	if (type == LOGITS_F32) {
		memcpy(plane + 4 * at, &v, 4);
		return;
	}
	h = type == LOGITS_F16 ? half_from_float(v) : bfloat_from_float(v);
	memcpy(plane + 2 * at, &h, 2);
}

int
marks_make(struct marks *m, const struct layout *l, uint64_t seed,
    struct fault *f)
{
	unsigned size = logits_type_size(l->logits_type), i;
	struct rng r;
	double n;

	m->layout = *l;
	m->noise = calloc(TABLE, sizeof *m->noise);
	m->quiet[0] = calloc(TABLE, size);
	m->quiet[1] = calloc(TABLE, size);
	if (m->noise == NULL || m->quiet[0] == NULL || m->quiet[1] == NULL) {
		marks_free(m);
		return fault_lack(f, "no memory for logits");
	}
	rng_seed(&r, seed, 1);
	for (i = 0; i < TABLE; i++) {
		n = fmax(-NOISE_MAX, fmin(NOISE_MAX, rng_normal(&r)));
		m->noise[i] = (float)(NOISE * n);
		logit_put(m->quiet[0], l->logits_type, i,
		    (float)(QUIET / 2) + m->noise[i]);
		logit_put(m->quiet[1], l->logits_type, i,
		    (float)(-QUIET / 2) + m->noise[i]);
	}
	return 0;
}

void
marks_free(struct marks *m)
{
	free(m->noise);
	free(m->quiet[0]);
	free(m->quiet[1]);
	memset(m, 0, sizeof *m);
}

void
marks_clear(const struct marks *m, struct rng *r, void *logits)
{
	const struct layout *l = &m->layout;
	unsigned size = logits_type_size(l->logits_type);
	size_t row = (size_t)l->width * size;
	unsigned char *out = logits;
	uint32_t plane, ss;

	for (plane = 0; plane < 2 * l->panels; plane++)
		for (ss = 0; ss < l->height; ss++) {
			memcpy(out, m->quiet[plane % 2] + (size_t)size *
			    rng_below(r, TABLE - l->width), row);
			out += row;
		}
}

/* Both logits of one pixel, for a difference of their means. */
static void
pixel_mark(const struct marks *m, struct rng *r, uint32_t panel, int ss, int fs,
    double difference, void *logits)
{
	const struct layout *l = &m->layout;
	size_t pixels = (size_t)l->height * l->width;
	size_t at = (size_t)2 * panel * pixels + (size_t)ss * l->width + (size_t)fs;

	difference = fmin(difference, CORE);
	logit_put(logits, l->logits_type, at,
	    (float)(-difference / 2) + m->noise[rng_below(r, TABLE)]);
	logit_put(logits, l->logits_type, at + pixels,
	    (float)(difference / 2) + m->noise[rng_below(r, TABLE)]);
}

void
marks_spot(const struct marks *m, struct rng *r, const struct spot *s,
    void *logits)
{
	const struct layout *l = &m->layout;
	/* Beyond that many standard deviations the mark is background. */
	double e = s->extent, end = sqrt(e * e + QUIET * e / SLOPE);
	double half = s->reach * end / e, difference;
	int from_ss = (int)fmax(ceil(s->ss - half), 0);
	int from_fs = (int)fmax(ceil(s->fs - half), 0);
	int to_ss = (int)fmin(floor(s->ss + half), l->height - 1.0);
	int to_fs = (int)fmin(floor(s->fs + half), l->width - 1.0);
	int ss, fs;

	for (ss = from_ss; ss <= to_ss; ss++)
		for (fs = from_fs; fs <= to_fs; fs++) {
			difference = SLOPE * (e * e - spot_distance_square(s, ss, fs)) /
			    e;
			if (difference > -QUIET)
				pixel_mark(m, r, s->panel, ss, fs, difference,
				    logits);
		}
}

static int
is_clear(const struct spot *speck, const struct spot *s, size_t n)
{
	double u, v;
	size_t i;

	for (i = 0; i < n; i++) {
		u = s[i].fs - speck->fs;
		v = s[i].ss - speck->ss;
		if (s[i].panel == speck->panel && u * u + v * v < 12 * 12)
			return 0;
	}
	return 1;
}

void
marks_speck(const struct marks *m, struct rng *r, const struct spot *s,
    size_t n, void *logits)
{
	const struct layout *l = &m->layout;
	struct spot speck = { 0 };
	/* One in five may lie in the padding, for there networks err too. */
	int anywhere = rng_below(r, 5) == 0, tries = 10;
	uint32_t height = anywhere ? l->height : l->real_height;
	uint32_t width = anywhere ? l->width : l->real_width;

	do {
		speck.panel = rng_below(r, l->panels);
		speck.ss = rng_uniform(r) * height - 0.5;
		speck.fs = rng_uniform(r) * width - 0.5;
	} while (!is_clear(&speck, s, n) && --tries > 0);
	if (tries == 0)
		return;
	speck.ff = speck.ss_ss = 1 / (0.7 * 0.7);
	speck.extent = rng_between(r, 1.2, 2.2);
	speck.reach = 0.7 * speck.extent;
	marks_spot(m, r, &speck, logits);
}
