/* The last steps of a file: synced, then named, so a name means a whole file. */
#ifndef FORMAT_CXI_FILE_H
#define FORMAT_CXI_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

/* Syncs the file that fd has open under the path; *size in bytes. 0 or -1. */
int	cxi_file_sync(int fd, const char *path, uint64_t *size, struct fault *);

/*
 * Renames a synced file to name and syncs the directory. Without replace an
 * existing name is an error. 0; -1: the file is still at the path; 1, with a fault:
 * it has its name, but the directory could not be synced.
 */
int	cxi_file_name(const char *path, const char *name, bool replace,
	    struct fault *);

#endif
