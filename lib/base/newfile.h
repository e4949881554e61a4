/*
 * A file that has its name only when it is whole: written under another name beside
 * it, synced, renamed. What is no regular file (a device, a FIFO), or is open already
 * (/dev/stdout), cannot be replaced so and is written where it is.
 */
#ifndef BASE_NEWFILE_H
#define BASE_NEWFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/fault.h"

struct newfile {
	FILE		*f;		/* to be written to */
	const char	*path;		/* borrowed until the end */
	char		temporary[PATH_MAX];	/* empty: there is none */
	bool		fresh;		/* nothing had the name when it was opened */
};

/*
 * Opens it, close-on-exec, with the mode that the umask leaves of 0666. A symbolic
 * link is an error. 0, or -1 with a fault that names path and cause, and nothing is
 * left.
 */
int	newfile_open(struct newfile *, const char *path, struct fault *);

/*
 * Closes it and gives it its name. A file is replaced that was there when this one was
 * opened, not one that came since. -1 if not all could be written or the name given:
 * then what was there before is still there.
 */
int	newfile_commit(struct newfile *, struct fault *);

/* Gives it up without a word. */
void	newfile_abort(struct newfile *);

/* Removes the temporary name, for a process that ends now; async-signal-safe. */
void	newfile_remove(const struct newfile *);

#endif
