/*
 * All sums run over a component's pixels in raster order, in double, so that the
 * same image gives the same bits everywhere. All components are summed at once,
 * in one sweep over the panel's runs: the image is read from top to bottom, however
 * components are entangled, and a row of many runs of one component is one loop
 * over bits. The strongest peaks are selected by radix:
 * their sums as integers of the same order, the k-th largest found digit by
 * digit with a histogram each. Four sweeps, whatever the sums are; a quickselect
 * could be made to take n squared by whoever sends the images.
 */
#include <math.h>
#include <string.h>

#include "data/peak.h"

void
light_begin(struct light *l, const struct component *c, const struct scene *s)
{
	*l = (struct light){
		.background = background_measure(s, c),
		.max = -INFINITY,
		.counts = true
	};
}

/* One row's pixels of a component, from begin on, before end. */
static void
add_row(struct light *light, const struct scene *s, uint32_t ss, uint32_t begin,
    uint32_t end)
{
	const uint64_t *row = bitplane_row(s->taken, (int32_t)ss);
	struct light l = *light;
	uint64_t bits;
	uint32_t at, fs;
	double v, w;

	for (at = begin; at < end; at += 64) {
		bits = bitplane_pixels(row, at, end);
		for (; bits != 0; bits &= bits - 1) {
			fs = at + (uint32_t)__builtin_ctzll(bits);
			v = scene_pixel(s, ss, fs) - l.background.mean;
			if (!isfinite(v))
				continue;
			w = v > 0 ? v : 0;
			l.sum += v;
			l.max = v > l.max ? v : l.max;
			l.weight += w;
			l.ss += w * ss;
			l.fs += w * fs;
		}
	}
	*light = l;
}

void
lights_add(struct light *lights, const struct components *c,
    const struct scene *s)
{
	const struct strip *strip = c->strips, *last = strip + c->n_strips;
	struct light *l;
	uint32_t ss, i, next;

	for (; strip < last; strip++)
		for (ss = strip->ss; ss < strip->ss + 2; ss++)
			for (i = strip->first; i < strip->end; i = next) {
				next = components_other(c, i, strip->end);
				l = &lights[c->runs[i].component];
				if (l->counts)
					add_row(l, s, ss, c->runs[i].begin,
					    c->runs[next - 1].end);
			}
}

void
peak_make(struct peak *p, const struct component *c, const struct light *l,
    uint32_t panel, bool weighted)
{
	memset(p, 0, sizeof *p);
	p->ss = (double)c->sum_ss / c->npixels;
	p->fs = (double)c->sum_fs / c->npixels;
	p->panel = panel;
	p->npixels = c->npixels;
	if (l == NULL)
		return;
	p->sum = (float)l->sum;
	p->max = (float)(isinf(l->max) && l->max < 0 ? 0 : l->max);
	p->background = (float)l->background.mean;
	p->sd = (float)l->background.sd;
	if (p->sd > 0)
		p->snr = (float)(l->sum / (l->background.sd * sqrt(c->npixels)));
	if (weighted && l->weight > 0) {
		p->ss = l->ss / l->weight;
		p->fs = l->fs / l->weight;
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
