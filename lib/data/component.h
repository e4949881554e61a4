/*
 * 8-connected components of one panel, from rows of bits. Components come in
 * raster order of their first pixel, as scipy.ndimage.label with a 3x3
 * structure numbers them.
 */
#ifndef DATA_COMPONENT_H
#define DATA_COMPONENT_H

#include <stddef.h>
#include <stdint.h>

#define RUN_NONE UINT32_MAX

/* Set pixels side by side in one row. */
struct run {
	uint16_t	ss;
	uint16_t	begin, end;	/* fs; end is the first pixel behind it */
	uint32_t	up;		/* of its kin, an earlier run or itself;
					   after components_end the component */
	uint32_t	next;		/* run of the component, or RUN_NONE */
};

struct component {
	uint64_t	sum_ss, sum_fs;	/* of all pixels' coordinates */
	uint32_t	npixels;
	uint32_t	first, last;	/* runs, raster order, linked by next */
	uint16_t	min_ss, max_ss, min_fs, max_fs;	/* inclusive */
};

/* Grows as needed, keeps its memory from panel to panel. */
struct components {
	struct component *list;
	uint32_t	n;
	struct run	*runs;
	uint32_t	n_runs;
	uint32_t	above;		/* first run of the row read last */
	size_t		room, run_room;
};

/* Nothing in it, no memory taken. */
void	components_init(struct components *);
void	components_free(struct components *);

/* Begins a panel. */
void	components_begin(struct components *);

/*
 * Takes row ss, (width + 63) / 64 words and one zero word behind them. Rows come
 * from top to bottom; empty ones may be left out. 0, or -1 when memory is short.
 */
int	components_row(struct components *, uint32_t ss, const uint64_t *bits,
	    uint32_t width);

/* Finishes the panel: list and runs are complete. 0, or -1 as above. */
int	components_end(struct components *);

#endif
