/*
 * Files that a user names beside the main output: logs, tables, totals. Where
 * others may write into the directory they could have planted a link at the name,
 * for us to write over another file. So a symbolic link is followed only to what
 * is open already (/dev/stdout, /dev/fd/3, /proc/self/fd/3), which is shared and
 * written to where it stands, and a regular file must have no other name.
 */
#ifndef BASE_SIDEFILE_H
#define BASE_SIDEFILE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/fault.h"

/*
 * Opens a file, close-on-exec, with a mode of fopen(3): "w" makes or empties it,
 * "a" makes it or adds to it, "r+" changes what is there. NULL: the fault names
 * path and cause.
 */
FILE	*sidefile_open(const char *path, const char *mode, struct fault *);

/* Is it the name of what is open already? It is written to, and never replaced. */
bool	sidefile_is_descriptor(const char *path);

/* Has a regular file a second name? 0, or -1 with the fault; path is for it. */
int	sidefile_check(int fd, const char *path, struct fault *);

#endif
