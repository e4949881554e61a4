/*
 * A name that was mistyped, or forgotten before a list of files, must not cost a
 * run: what is written over is a file of the kind that is written, and nothing else.
 */
#ifndef BASE_OWNFILE_H
#define BASE_OWNFILE_H

#include "base/fault.h"

enum { OWNFILE_HEAD = 512 };	/* bytes that are looked at */

/*
 * May a new file take the place of what is at path? 0: nothing is there, or no
 * regular file, or what is open already, or an empty file, or one that has the mark
 * in its head. -1: it is something else, or cannot be read; the fault names path and
 * kind ("a picture").
 */
int	ownfile_check(const char *path, const char *mark, const char *kind,
	    struct fault *);

#endif
