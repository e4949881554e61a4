/*
 * A name that was mistyped, or forgotten before a list of files, must not cost a
 * run: what is written over is a file of the kind that is written, and nothing else.
 */
#ifndef BASE_OWNFILE_H
#define BASE_OWNFILE_H

#include "base/fault.h"

/*
 * May a new file take the place of what is at path? 0: nothing is there, or no
 * regular file, or what is open already, or an empty file, or one that begins as such
 * files do: that is an extended regular expression (regex(7)), which sees the first
 * 8 KiB up to a NUL. -1: it is something else, or cannot be read; the fault names path
 * and kind ("a picture").
 */
int	ownfile_check(const char *path, const char *begins, const char *kind,
	    struct fault *);

#endif
