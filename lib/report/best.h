/*
 * The best hits of a run: those with most peaks, strongest first, kept while its
 * events pass by. Only where they are is kept, so many can be.
 */
#ifndef REPORT_BEST_H
#define REPORT_BEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/cxireader.h"

struct best_hit {
	uint64_t	found;		/* peaks, also those that were not kept */
	uint64_t	row, number;	/* in its file; of the event */
	size_t		file;		/* index in the run */
	bool		has_number;
	double		energy;		/* eV; NaN if unknown */
};

/*
 * Keeps an event, at a row of a file, if it is among the best; of equals the earlier
 * call's come first. hits is the caller's, with room for that many, and holds n, at
 * most room. Returns how many it holds now.
 */
size_t	best_add(struct best_hit *hits, size_t n, size_t room,
	    const struct cxireader_event *, size_t file, uint64_t row);

#endif
