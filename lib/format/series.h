/*
 * A series: the CXI files PREFIX_0000.cxi, PREFIX_0001.cxi, ... of one run in one
 * directory, and PREFIX.lst, which names the complete ones for indexamajig -i.
 *
 * The list is also the lock: one writer a directory and prefix. A file in the
 * making has the name of the finished one and ".tmp" behind it; it is renamed
 * when complete, and only then listed.
 *
 * Syncing takes as long as the disk needs, so a committed file settles (sync,
 * rename, list) in a thread while the next one is filled: one file at a time, so
 * a slow disk still holds the writer up. The caller hears of a failure at the
 * next commit or at series_settle.
 */
#ifndef FORMAT_SERIES_H
#define FORMAT_SERIES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

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

/* Removes what is unfinished, and nothing else: for a signal handler. */
void	series_abandon(const struct series *);

/* Removes a stale file in the making and creates the next. 0 or -1. */
int	series_create(struct series *, const struct cxi_plan *, struct cxi **,
	    struct fault *);

/*
 * Closes a file and lets it settle; waits for the one before. The cxi is no more
 * the caller's. On -1 nothing is settling, and *lost rows, of this file and of
 * the one before, are not on disk under a final name.
 */
int	series_commit(struct series *, struct cxi *, uint64_t *lost,
	    struct fault *);

/* Waits until all is settled. 0, or -1 and *lost as above. */
int	series_settle(struct series *, uint64_t *lost, struct fault *);

/* Complete files so far, and one that settles. */
unsigned	series_count(const struct series *);

#endif
