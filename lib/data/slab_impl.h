/*
 * What the files of the slab share:
 *
 *	slab.c		where panels and ASICs go
 *	slab_mask.c	the mask
 */
#ifndef DATA_SLAB_IMPL_H
#define DATA_SLAB_IMPL_H

#include "data/slab.h"

/* Slab pixels, the ends exclusive. */
struct box {
	int64_t		ss, fs, end_ss, end_fs;
};

static inline struct box
asic_box(const struct geometry_asic *a)
{
	return (struct box){ a->min_ss, a->min_fs, (int64_t)a->max_ss + 1,
	    (int64_t)a->max_fs + 1 };
}

static inline int64_t
box_height(struct box b)
{
	return b.end_ss - b.ss;
}

static inline int64_t
box_width(struct box b)
{
	return b.end_fs - b.fs;
}

static inline struct box
box_intersect(struct box a, struct box b)
{
	if (a.ss < b.ss)
		a.ss = b.ss;
	if (a.fs < b.fs)
		a.fs = b.fs;
	if (a.end_ss > b.end_ss)
		a.end_ss = b.end_ss;
	if (a.end_fs > b.end_fs)
		a.end_fs = b.end_fs;
	return a;
}

static inline int
box_empty(struct box b)
{
	return b.ss >= b.end_ss || b.fs >= b.end_fs;
}

static inline int
box_inside(struct box a, struct box b)
{
	return a.ss >= b.ss && a.fs >= b.fs && a.end_ss <= b.end_ss &&
	    a.end_fs <= b.end_fs;
}

/*
 * Makes the mask: bad where no ASIC is. at: the slab's pixel where each ASIC begins.
 * 0; 1: ASIC *late lies on pixels of one before it; -1 without memory.
 */
int	slab_asics_paint(struct slab *, const struct geometry *,
	    const struct slab_panel *at, size_t *late, struct fault *);

/* Marks the bad regions, but none in x and y where the shift is not known. */
void	slab_bads_paint(struct slab *, const struct geometry *,
	    const struct slab_panel *at);

/* Most detectors have no bad pixels: then a writer need not hold a mask. */
void	slab_mask_settle(struct slab *);

#endif
