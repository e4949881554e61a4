/*
 * Where a series that broke off is carried on: what its journal says, held against
 * the files that are there.
 *
 * Complete files stay as they are. The file in which the input broke off ("open")
 * stays under its name until the one that has all its events takes its place; those
 * behind it make room, since what was missing shifts all their events. A last line
 * whose file never got its name is void.
 */
#ifndef FORMAT_RESUME_H
#define FORMAT_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/journal.h"
#include "format/seriesname.h"

struct resume {
	bool		any;		/* there is a run to carry on */
	struct journal_entry from;	/* how far its complete files got */
	uint64_t	files;		/* how many these are; number of the next */
	bool		redo;		/* a file has the next one's name: an open one */
	uint64_t	open;		/* open files, that one and those behind it */
	uint64_t	journal_size;	/* bytes of the journal that are valid */
};

/*
 * Reads the journal and looks at the files. 0, or -1: they contradict each other,
 * or there are files without a journal.
 */
int	resume_find(const struct seriesname *, struct resume *, struct fault *);

/*
 * Cuts the journal (open as fd) and the list (open as fd) back to what is complete
 * and valid, and removes files that were in the making or stand behind an open one.
 * 0 or -1.
 */
int	resume_cut(const struct seriesname *, const struct resume *, int journal,
	    int list, struct fault *);

#endif
