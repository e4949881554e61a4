/*
 * What a CXI file says of each event beside its pictures: peaks, identifier, beam,
 * detector, time, encoder. Each is a dataset with a row an event; together they are
 * the columns of one table. The plan alone decides which there are.
 */
#ifndef FORMAT_CXI_COLUMNS_H
#define FORMAT_CXI_COLUMNS_H

#include <hdf5.h>

#include "base/fault.h"
#include "format/cxi.h"
#include "format/cxi_table.h"

/*
 * Creates the plan's columns, empty, in a file that has their groups: peak arrays
 * (event, the layout's capacity), all others (event). The table is the caller's to
 * flush, and to free before the file is closed; it keeps nothing of the plan. NULL on
 * error.
 */
struct cxi_table	*cxi_columns_create(const struct cxi_plan *, hid_t file,
			    struct fault *);

/*
 * Appends an event's row to the table; the plan is the one it was created for. Peaks
 * become pixels of the slab, so the caller must have checked that they fit the
 * capacity and that their panels are in the slab. The event's planes are not looked
 * at. 0; -1: rows held until now could not be written.
 */
int	cxi_columns_add(struct cxi_table *, const struct cxi_plan *,
	    const struct cxi_event *, struct fault *);

#endif
