/*
 * Are the sources of a merged file still what they were when it was made, as far as
 * its tables tell: their sizes, numbers of events, and digests of peaks?
 */
#ifndef FORMAT_JOINCHECK_H
#define FORMAT_JOINCHECK_H

#include "base/fault.h"
#include "format/cxiparts.h"

/* Reads the tables of a merged file, for cxiparts_free. -1 also for a copy. */
int	joincheck_open(const char *path, struct cxiparts **, struct fault *);

/*
 * Looks at all sources; *bad is how many are missing, short, changed or damaged, and
 * tell is called with the fault of each. -1: they cannot be looked at, or *stop is
 * not 0 any more.
 */
int	joincheck_sources(const struct cxiparts *, void (*tell)(const struct fault *),
	    const volatile int *stop, size_t *bad, struct fault *);

#endif
