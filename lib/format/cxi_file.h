/* The last steps of a file: synced, then named, so a name means a whole file. */
#ifndef FORMAT_CXI_FILE_H
#define FORMAT_CXI_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

/* Syncs the file that fd has open under the path; *size in bytes. 0 or -1. */
int	cxi_file_sync(int fd, const char *path, uint64_t *size, struct fault *);

/*
 * Renames a synced file, open as fd, from path to name and syncs the directory. Without
 * replace an existing name is an error, and so is another file at the path. 0; -1: the
 * file is where it was; 1, with a fault: it has its name, but the directory could not
 * be synced.
 */
int	cxi_file_name(int fd, const char *path, const char *name, bool replace,
	    struct fault *);

/* Removes the path if it still is that of the file that fd has open. */
void	cxi_file_remove(int fd, const char *path);

#endif
