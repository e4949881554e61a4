/*
 * Merged files, cximerge(1), among the files of a run: their events are those of
 * their sources, which are known by what is in them, wherever they lie by now.
 */
#ifndef FORMAT_RUNMERGED_H
#define FORMAT_RUNMERGED_H

#include <stddef.h>

#include "base/fault.h"

/*
 * Frees and leaves out those of the *n paths, distinct files, that are merged files
 * with all their sources among the others, and lowers *n. A file that cannot be
 * read, stays. -1: a merged file has only some of them there, or one with another,
 * so events would count twice; or a lack. Then nothing is left out.
 */
int	runmerged_leave(char **paths, size_t *n, struct fault *);

#endif
