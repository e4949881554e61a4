/*
 * The free pixels of the box are found 62 at a time: a window of 64 bits from
 * the component plane's three rows around, ORed, spread by one to both sides,
 * inverted; the two outer bits only lend their neighbours' state.
 *
 * Mean and variance come from one sweep in raster order, with sums of v - s and
 * (v - s)^2, s being the first free pixel. Since s is one of the values, the
 * variance is at least (mean - s)^2 / n, so what cancels is at most n times as
 * large as what remains: with doubles at least ten digits are left. A constant
 * background gives exactly itself and 0.
 */
#include <math.h>

#include "data/background.h"

enum { MIN_PIXELS = 8, SPAN = 62 };

struct box {
	uint32_t	ss0, ss1, fs0, fs1;	/* inclusive */
};

struct sums {
	double		shift, d, dd;
	uint32_t	n;
};

static struct box
box_grown(const struct scene *s, const struct component *c, uint32_t by)
{
	struct box b;

	b.ss0 = c->min_ss > by ? c->min_ss - by : 0;
	b.fs0 = c->min_fs > by ? c->min_fs - by : 0;
	b.ss1 = c->max_ss + by;
	if (b.ss1 > s->taken->height - 1)
		b.ss1 = s->taken->height - 1;
	b.fs1 = c->max_fs + by;
	if (b.fs1 > s->taken->width - 1)
		b.fs1 = s->taken->width - 1;
	return b;
}

/* Bit k is set if pixel fs - 1 + k of the row is of a component. */
static uint64_t
taken(const struct scene *s, int32_t ss, uint32_t fs)
{
	return bitplane_window(bitplane_row(s->taken, ss), (int32_t)fs - 1);
}

/* Bit k is set if pixel fs + k is free; t is taken of three rows, ORed. */
static uint64_t
free_pixels(const struct scene *s, uint32_t ss, uint32_t fs, uint64_t t)
{
	t = (t << 1 | t | t >> 1) >> 1;
	if (s->bad != NULL)
		t |= bitplane_window(bitplane_row(s->bad, (int32_t)ss),
		    (int32_t)fs);
	return ~t;
}

static void
sums_add(struct sums *u, double v)
{
	double d;

	if (!isfinite(v))
		return;
	if (u->n++ == 0)
		u->shift = v;
	d = v - u->shift;
	u->d += d;
	u->dd += d * d;
}

/*
 * With the free ones of the first n <= SPAN pixels from fs on. Inline, or the sums
 * go through memory: that makes it slower by half.
 */
static inline __attribute__((always_inline)) struct sums
sum_free(struct sums u, const struct scene *s, uint32_t ss, uint32_t fs,
    uint32_t n, uint64_t bits)
{
	bits &= (UINT64_C(1) << n) - 1;
	for (; bits != 0; bits &= bits - 1)
		sums_add(&u, scene_pixel(s, ss,
		    fs + (uint32_t)__builtin_ctzll(bits)));
	return u;
}

/* Where one window holds a row of the box, each row is fetched once. */
static struct sums
sum_narrow(const struct scene *s, const struct box *b)
{
	struct sums u = { 0, 0, 0, 0 };
	uint64_t above, row, below;
	uint32_t ss;

	above = taken(s, (int32_t)b->ss0 - 1, b->fs0);
	row = taken(s, (int32_t)b->ss0, b->fs0);
	for (ss = b->ss0; ss <= b->ss1; ss++) {
		below = taken(s, (int32_t)ss + 1, b->fs0);
		u = sum_free(u, s, ss, b->fs0, b->fs1 - b->fs0 + 1,
		    free_pixels(s, ss, b->fs0, above | row | below));
		above = row;
		row = below;
	}
	return u;
}

static struct sums
sum_box(const struct scene *s, struct box b)
{
	struct sums u = { 0, 0, 0, 0 };
	uint32_t ss, fs, n;
	uint64_t t;

	if (b.fs1 - b.fs0 < SPAN)
		return sum_narrow(s, &b);
	for (ss = b.ss0; ss <= b.ss1; ss++)
		for (fs = b.fs0; fs <= b.fs1; fs += SPAN) {
			n = b.fs1 - fs + 1 < SPAN ? b.fs1 - fs + 1 : SPAN;
			t = taken(s, (int32_t)ss - 1, fs) |
			    taken(s, (int32_t)ss, fs) |
			    taken(s, (int32_t)ss + 1, fs);
			u = sum_free(u, s, ss, fs, n,
			    free_pixels(s, ss, fs, t));
		}
	return u;
}

struct background
background_measure(const struct scene *s, const struct component *c)
{
	struct background b = { 0, 0 };
	struct sums u;
	double d, variance;

	u = sum_box(s, box_grown(s, c, 3));
	if (u.n < MIN_PIXELS)
		u = sum_box(s, box_grown(s, c, 5));
	if (u.n < MIN_PIXELS)
		return b;
	d = u.d / u.n;
	variance = (u.dd - u.d * d) / u.n;
	b.mean = u.shift + d;
	b.sd = variance > 0 ? sqrt(variance) : 0;
	return b;
}

void
background_prefetch(const struct scene *s, const struct component *c)
{
	enum { ROWS = 16, LINE = 64 };
	struct box b = box_grown(s, c, 3);
	size_t size = image_type_size(s->type);
	const unsigned char *p, *end;
	uint32_t ss;

	/* A large component keeps the hardware's own prefetcher busy. */
	if (b.ss1 - b.ss0 >= ROWS)
		b.ss1 = b.ss0 + ROWS - 1;
	if (b.fs1 - b.fs0 >= LINE)
		b.fs1 = b.fs0 + LINE - 1;
	for (ss = b.ss0; ss <= b.ss1; ss++) {
		p = s->image + (ss * s->stride + b.fs0) * size;
		end = s->image + (ss * s->stride + b.fs1) * size;
		for (; p < end; p += LINE)
			__builtin_prefetch(p);
		__builtin_prefetch(end);
	}
}
