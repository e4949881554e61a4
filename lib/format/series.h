/*
 * A series: the CXI files PREFIX_0000.cxi, PREFIX_0001.cxi, ... of one run in one
 * directory, and PREFIX.lst, which names the complete ones for indexamajig -i.
 *
 * The list is also the lock: one writer a directory and prefix. A file in the
 * making has the name of the finished one and ".tmp" behind it; it is renamed
 * when complete, and only then listed.
 */
#ifndef FORMAT_SERIES_H
#define FORMAT_SERIES_H

#include <limits.h>
#include <stdbool.h>

#include "base/fault.h"
#include "format/cxi.h"

struct series;

/*
 * Opens a series for writing. The directory is made if only its last part is
 * missing. Files of an earlier run with this prefix are an error, or with force
 * to be replaced: they stay until the first call of series_clear. NULL: fault.
 */
struct series	*series_open(const char *dir, const char *prefix, bool force,
		    struct fault *);
void		series_close(struct series *);

/* Removes files and list of an earlier run. 0 or -1. Once, before the first file. */
int	series_clear(struct series *, struct fault *);

/* Name of the next file, without directory; borrowed until series_commit. */
const char	*series_name(const struct series *);

/* Path of the file in the making; borrowed until series_close. */
const char	*series_temporary(const struct series *);

/* Removes a stale file in the making and creates the next. 0 or -1. */
int	series_create(struct series *, const struct cxi_plan *, struct cxi **,
	    struct fault *);

/* Commits a file and lists it. The cxi is freed either way. 0 or -1. */
int	series_commit(struct series *, struct cxi *, struct fault *);

/* Complete files so far. */
unsigned	series_count(const struct series *);

#endif
