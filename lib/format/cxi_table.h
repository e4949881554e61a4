/*
 * The small datasets of a CXI file: one row per event in each. Rows collect in
 * memory and are written some at a time, each dataset growing by as many rows
 * as it is given, so that none ever has a row beyond the last event.
 */
#ifndef FORMAT_CXI_TABLE_H
#define FORMAT_CXI_TABLE_H

#include <hdf5.h>
#include <stdint.h>

#include "base/fault.h"

enum cxi_cell { CELL_F32, CELL_F64, CELL_I32, CELL_I64, CELL_U64, CELL_U8,
	CELL_TEXT };

struct cxi_column {
	const char	*path;
	const char	*units;		/* NULL: it has none */
	enum cxi_cell	cell;
	uint32_t	width;		/* cells a row; 0: the dataset is 1-D; for
					   CELL_TEXT the bytes of the text */
};

struct cxi_table;

/*
 * An empty table of at most max columns. widest is the largest width of cells
 * among them: it decides how many rows are held, 64 or fewer. NULL when memory
 * is short.
 */
struct cxi_table	*cxi_table_new(unsigned max, uint32_t widest);

/* Closes the datasets, unwritten rows are lost; NULL is allowed. */
void	cxi_table_free(struct cxi_table *);

/*
 * Creates the dataset of a column in the file, under the number id (below max),
 * which then names it. The path is borrowed. 0 or -1.
 */
int	cxi_table_add(struct cxi_table *, hid_t file, unsigned id,
	    const struct cxi_column *, struct fault *);

/* The column's place in the row in hand, all zeros at first; NULL if absent. */
void	*cxi_table_cell(struct cxi_table *, unsigned id);

/* Ends the row in hand; writes when enough have come. 0 or -1. */
int	cxi_table_next(struct cxi_table *, struct fault *);

/* Writes the rows that are still held. 0 or -1. */
int	cxi_table_flush(struct cxi_table *, struct fault *);

#endif
