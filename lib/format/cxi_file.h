/* The last steps of a file: synced, then named, so a name means a whole file. */
#ifndef FORMAT_CXI_FILE_H
#define FORMAT_CXI_FILE_H

#include <stdbool.h>

#include "base/fault.h"

/*
 * Syncs the file that fd has open under the path, renames it to name, and syncs
 * the directory. Without replace an existing name is an error. 0 or -1; fd stays
 * open. On -1 the path may be there still, but when only the directory could not
 * be synced.
 */
int	cxi_file_settle(int fd, const char *path, const char *name,
	    bool replace, struct fault *);

#endif
