/*
 * 8-connected components of one panel of bits. They come in raster order of their
 * first pixel, as scipy.ndimage.label with a 3x3 structure numbers them.
 */
#ifndef DATA_COMPONENT_H
#define DATA_COMPONENT_H

#include <stddef.h>
#include <stdint.h>

#include "data/bitplane.h"

/* Two rows, the upper one even; the last may be one row and the frame below. */
struct strip {
	uint32_t	ss;
	uint32_t	first, end;	/* its runs; end is the first behind them */
};

/* Columns side by side in which one of a strip's rows, or both, have a pixel. */
struct run {
	uint16_t	begin, end;	/* fs; end is the first column behind it */
	uint32_t	component;	/* a label until components_end */
};

struct component {
	uint64_t	sum_ss, sum_fs;	/* of all pixels' coordinates */
	uint32_t	npixels;
	uint16_t	min_ss, max_ss, min_fs, max_fs;	/* inclusive */
};

/* Grows as needed, keeps its memory from panel to panel. */
struct components {
	struct component *list;
	struct strip	*strips;	/* from top to bottom, without empty ones */
	struct run	*runs;
	uint32_t	*up;		/* by label: its kin, an earlier one or
					   itself; at last the component */
	uint32_t	n, n_strips, n_runs, n_labels;
	size_t		room, strip_room, run_room, label_room;
};

/* Nothing in it, no memory taken. */
void	components_init(struct components *);
void	components_free(struct components *);

/* Begins a panel. */
void	components_begin(struct components *);

/*
 * Takes the rows ss, an even number, and ss + 1. Strips come from top to bottom,
 * empty ones may be left out; the row above must be there, too. 0, or -1 when
 * memory is short.
 */
int	components_strip(struct components *, const struct bitplane *, uint32_t ss);

/* Finishes the panel: list and runs are complete. 0, or -1 as above. */
int	components_end(struct components *, const struct bitplane *);

/*
 * The first run from i on, but not behind end, that is of another component than
 * i. From the begin of i to the end of the run before it all pixels of the strip
 * are of one component.
 */
static inline uint32_t
components_other(const struct components *c, uint32_t i, uint32_t end)
{
	const uint32_t component = c->runs[i].component;

	while (++i < end && c->runs[i].component == component)
		;
	return i;
}

#endif
