/* Names of files, and the last steps of one that gets its name when it is whole. */
#ifndef BASE_FILENAME_H
#define BASE_FILENAME_H

#include <stdbool.h>

/*
 * Renames a file, which never replaces another one: -1 with errno EEXIST where the
 * name is there. 0 or -1 with errno.
 */
int	filename_new(const char *from, const char *to);

/*
 * Is that still the name of the file that fd has open? Others may have removed,
 * moved or replaced it. Async-signal-safe.
 */
bool	filename_is(int fd, const char *name);

/*
 * Syncs the directory that a name is in, so that the name outlives a crash of the
 * machine. 0 or -1 with errno; 0 where the file system has no such sync.
 */
int	filename_sync(const char *name);

/* A path's last part, with the slashes behind it; points into the path. */
const char	*filename_base(const char *path);

#endif
