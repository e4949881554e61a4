/*
 * Histograms of values whose range nobody knows before. Bins are of one width; a
 * value outside makes them merge by two, so that twice the range fits, to the side
 * where the value is. So memory is fixed, and nothing is looked at twice. A bin
 * counts several things at once, in lanes: events and hits, for example.
 */
#ifndef DATA_HISTOGRAM_H
#define DATA_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BINS = 512, HISTOGRAM_LANES = 4 };

struct histogram {
	double		origin, width;	/* bin i: from origin + i * width on */
	uint64_t	n[HISTOGRAM_LANES][HISTOGRAM_BINS];
	uint64_t	count;		/* values in the bins, by histogram_add */
	uint64_t	outside;	/* values that are not finite */
	double		sum, min, max;	/* of the values; NaN, NaN without any */
};

/* Bins of this width, the first from origin on. */
void	histogram_init(struct histogram *, double origin, double width);

/* Adds a value, counted once in lane 0. */
void	histogram_add(struct histogram *, double);

/* Adds weight to a lane at a place that histogram_add was just given. */
void	histogram_weigh(struct histogram *, double, unsigned lane, uint64_t weight);

/* First bin with something in lane 0, and one behind the last; equal if none has. */
void	histogram_range(const struct histogram *, unsigned *first, unsigned *last);

/* The sum of a lane over bins from first to one before last. */
uint64_t	histogram_sum(const struct histogram *, unsigned lane,
		    unsigned first, unsigned last);

/* The value below which a fraction p lies, to the middle of its bin; NaN if empty. */
double	histogram_quantile(const struct histogram *, double p);

#endif
