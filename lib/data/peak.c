/*
 * All sums run over pixels in raster order, in double, so that the same image
 * gives the same bits everywhere. The strongest peaks are selected by radix:
 * their sums as integers of the same order, the k-th largest found digit by
 * digit with a histogram each. Four sweeps, whatever the sums are; a quickselect
 * could be made to take n squared by whoever sends the images.
 */
#include <math.h>
#include <string.h>

#include "data/background.h"
#include "data/peak.h"

struct light {
	double	sum, max;		/* above background */
	double	weight, ss, fs;		/* of the positive part, and its moments */
};

/* Without branches that depend on the image: they would cost more than it. */
static struct light
light_of(const struct scene *s, const struct component *c,
    const struct run *runs, double mean)
{
	struct light l = { .max = -INFINITY };
	const struct run *r;
	uint32_t i, fs;
	double v, w;

	for (i = c->first; i != RUN_NONE; i = r->next) {
		r = &runs[i];
		for (fs = r->begin; fs < r->end; fs++) {
			v = scene_pixel(s, r->ss, fs) - mean;
			if (!isfinite(v))
				continue;
			w = v > 0 ? v : 0;
			l.sum += v;
			l.max = v > l.max ? v : l.max;
			l.weight += w;
			l.ss += w * r->ss;
			l.fs += w * fs;
		}
	}
	if (l.max < 0 && isinf(l.max))
		l.max = 0;
	return l;
}

void
peak_measure(struct peak *p, const struct component *c, const struct run *runs,
    const struct scene *s, uint32_t panel, bool weighted)
{
	struct background b;
	struct light l;

	memset(p, 0, sizeof *p);
	p->ss = (double)c->sum_ss / c->npixels;
	p->fs = (double)c->sum_fs / c->npixels;
	p->panel = panel;
	p->npixels = c->npixels;
	if (s->image == NULL)
		return;
	b = background_measure(s, c);
	l = light_of(s, c, runs, b.mean);
	p->sum = (float)l.sum;
	p->max = (float)l.max;
	p->background = (float)b.mean;
	p->sd = (float)b.sd;
	if (p->sd > 0)
		p->snr = (float)(l.sum / (b.sd * sqrt(c->npixels)));
	if (weighted && l.weight > 0) {
		p->ss = l.ss / l.weight;
		p->fs = l.fs / l.weight;
	}
}

/* Unsigned integers in the order of the floats; -0 and +0 are one. */
static uint32_t
rank(float v)
{
	uint32_t u;

	v += 0.0f;
	memcpy(&u, &v, sizeof u);
	return u & UINT32_C(0x80000000) ? ~u : u | UINT32_C(0x80000000);
}

/* The k-th largest rank (k >= 1), and how many of just that rank belong to k. */
static uint32_t
kth_rank(const struct peak *p, uint32_t n, uint32_t k, uint32_t *equals)
{
	uint32_t count[256], i, digit, r, prefix = 0, mask = 0;
	unsigned shift;

	for (shift = 32; shift > 0;) {
		shift -= 8;
		memset(count, 0, sizeof count);
		for (i = 0; i < n; i++)
			if (((r = rank(p[i].sum)) & mask) == prefix)
				count[r >> shift & 255]++;
		for (digit = 255; count[digit] < k; digit--)
			k -= count[digit];
		prefix |= digit << shift;
		mask |= UINT32_C(255) << shift;
	}
	*equals = k;
	return prefix;
}

uint32_t
peaks_strongest(struct peak *p, uint32_t n, uint32_t k)
{
	uint32_t i, r, least, equals, kept = 0;

	if (n <= k)
		return n;
	if (k == 0)
		return 0;
	least = kth_rank(p, n, k, &equals);
	for (i = 0; i < n; i++) {
		r = rank(p[i].sum);
		if (r < least || (r == least && equals == 0))
			continue;
		if (r == least)
			equals--;
		p[kept++] = p[i];
	}
	return kept;
}
