#include <math.h>
#include <string.h>

#include "data/histogram.h"

void
histogram_init(struct histogram *h, double origin, double width)
{
	memset(h, 0, sizeof *h);
	h->origin = origin;
	h->width = width;
	h->min = h->max = NAN;
}

/* Twice the range, with what is there in its lower or its upper half. */
static void
range_double(struct histogram *h, unsigned at)
{
	unsigned lane, i;
	uint64_t *n;

	for (lane = 0; lane < HISTOGRAM_LANES; lane++) {
		uint64_t merged[HISTOGRAM_BINS] = { 0 };

		n = h->n[lane];
		for (i = 0; i < HISTOGRAM_BINS / 2; i++)
			merged[at + i] = n[2 * (size_t)i] +
			    n[2 * (size_t)i + 1];
		memcpy(n, merged, sizeof merged);
	}
	if (at != 0)
		h->origin -= HISTOGRAM_BINS * h->width;
	h->width *= 2;
}

static unsigned
bin_of(const struct histogram *h, double v)
{
	double i = floor((v - h->origin) / h->width);

	return i < 0 ? 0 : i >= HISTOGRAM_BINS ? HISTOGRAM_BINS - 1 : (unsigned)i;
}

void
histogram_add(struct histogram *h, double v)
{
	/* Beyond this there is no width that would make room. */
	if (!(fabs(v) < 1e200)) {
		h->outside++;
		return;
	}
	/* Where the bins begin matters to nobody before they have something. */
	if (h->count == 0 && (v < h->origin ||
	    v >= h->origin + HISTOGRAM_BINS * h->width))
		h->origin += h->width * floor((v - h->origin) / h->width);
	while (v < h->origin)
		range_double(h, HISTOGRAM_BINS / 2);
	while (v >= h->origin + HISTOGRAM_BINS * h->width)
		range_double(h, 0);
	h->n[0][bin_of(h, v)]++;
	h->sum += v;
	h->min = h->count == 0 || v < h->min ? v : h->min;
	h->max = h->count == 0 || v > h->max ? v : h->max;
	h->count++;
}

void
histogram_weigh(struct histogram *h, double v, unsigned lane, uint64_t weight)
{
	h->n[lane][bin_of(h, v)] += weight;
}

void
histogram_range(const struct histogram *h, unsigned *first, unsigned *last)
{
	for (*first = 0; *first < HISTOGRAM_BINS && h->n[0][*first] == 0; ++*first)
		;
	for (*last = HISTOGRAM_BINS; *last > *first && h->n[0][*last - 1] == 0;
	    --*last)
		;
}

uint64_t
histogram_sum(const struct histogram *h, unsigned lane, unsigned first,
    unsigned last)
{
	uint64_t sum = 0;

	for (; first < last && first < HISTOGRAM_BINS; first++)
		sum += h->n[lane][first];
	return sum;
}

double
histogram_quantile(const struct histogram *h, double p)
{
	double want = p * (double)h->count, seen = 0;
	unsigned i;

	if (h->count == 0)
		return NAN;
	for (i = 0; i < HISTOGRAM_BINS - 1; i++)
		if ((seen += (double)h->n[0][i]) >= want && seen > 0)
			break;
	return h->origin + (i + 0.5) * h->width;
}
