/* Are the sources of a merged file still what they were when it was made? */
#ifndef FORMAT_JOINCHECK_H
#define FORMAT_JOINCHECK_H

#include "base/fault.h"
#include "format/cxiparts.h"

/* Reads the tables of a merged file, for cxiparts_free. -1 also for a copy. */
int	joincheck_open(const char *path, struct cxiparts **, struct fault *);

/* 0; or -1: it is missing, short, changed or damaged. */
int	joincheck_source(const struct cxiparts_source *, struct fault *);

#endif
