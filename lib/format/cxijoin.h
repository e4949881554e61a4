/*
 * Writes one CXI file of many, in the order of a join: either virtual, with datasets
 * that lie in the sources, named relative to the file; or a copy, in which storage
 * chunks of images are those of the sources, byte for byte, and all else is copied.
 * What is no row an event comes from the first source, but options and stream header
 * have the lines that all sources have. In front lie the tables of cxiparts.h.
 */
#ifndef FORMAT_CXIJOIN_H
#define FORMAT_CXIJOIN_H

#include "format/join.h"

struct cxijoin {
	const struct join *join;	/* ordered */
	const char	*path;		/* of the file, at its end */
	const char	*program;	/* "cximerge 1.0" */
	bool		copy;
	const volatile int *stop;	/* not 0: give up */
};

/* A source is to blame: it cannot be read, has changed, does not fit. */
enum { CXIJOIN_SOURCE = -2 };

/*
 * Writes to an empty file that is open for reading and writing and stays the
 * caller's. 0, CXIJOIN_SOURCE, or -1: the file is to blame.
 */
int	cxijoin_write(const struct cxijoin *, int fd, struct fault *);

/* The absolute path of a source, links in its directory followed; malloc'd. */
char	*cxijoin_source(const char *path, struct fault *);

#endif
