/*
 * Names of the files of a series: DIR/PREFIX_0000.cxi and so on, with ".tmp" behind
 * while in the making, and DIR/PREFIX.lst and DIR/PREFIX.journal beside them.
 */
#ifndef FORMAT_SERIESNAME_H
#define FORMAT_SERIESNAME_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

/* A prefix leaves room for "_N.cxi.tmp" in a name. */
enum { SERIES_NAME_SIZE = 256, SERIES_PREFIX_MAX = 224,
	SERIES_PATH_SIZE = PATH_MAX + SERIES_NAME_SIZE };

struct seriesname {
	char		dir[PATH_MAX];			/* absolute */
	char		prefix[SERIES_PREFIX_MAX + 1];
};

/* Is a prefix not empty, not too long, without slashes and control characters? */
bool	seriesname_allows(const char *prefix);

/*
 * Checks the prefix and finds the directory, which must be there. Neither may have
 * control characters. 0 or -1.
 */
int	seriesname_set(struct seriesname *, const char *dir, const char *prefix,
	    struct fault *);

/* Name of file i, without directory. */
void	seriesname_file(const struct seriesname *, uint64_t i,
	    char name[SERIES_NAME_SIZE]);

/* Path of file i; temporary: while in the making. */
void	seriesname_path(const struct seriesname *, uint64_t i, bool temporary,
	    char path[SERIES_PATH_SIZE]);

/* Path of PREFIX.lst or PREFIX.journal: suffix "lst" or "journal". */
void	seriesname_side(const struct seriesname *, const char *suffix,
	    char path[SERIES_PATH_SIZE]);

/* Is this the path of one of the files above, whether it is there or not? */
bool	seriesname_owns(const struct seriesname *, const char *path);

/*
 * Calls each for all files of the series in the directory, in no order, until it
 * returns other than 0, and returns that. -1: the directory cannot be read.
 */
int	seriesname_scan(const struct seriesname *, int (*each)(void *arg,
	    const char *path, uint64_t i, bool temporary, struct fault *),
	    void *arg, struct fault *);

#endif
