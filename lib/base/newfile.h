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
 * then what was there before is still there. Also -1 if its directory could not be
 * synced, as the fault says then: it has its name, but a crash of the machine may
 * take that away.
 */
int	newfile_commit(struct newfile *, struct fault *);

/*
 * As above for two that belong together: neither gets its name before both are whole
 * and synced, and then one does right after the other. Only where the second name
 * cannot be given the first one stands.
 */
int	newfile_commit_both(struct newfile *, struct newfile *, struct fault *);

/* Gives it up without a word. */
void	newfile_abort(struct newfile *);

/* Removes the temporary name, for a process that ends now; async-signal-safe. */
void	newfile_remove(const struct newfile *);

#endif
