/*
 * A capture in a regular file, mapped read-only: replay without copies. Readers
 * get the planes of an event where the page cache has them.
 *
 * A file may be truncated while it is mapped. Touching what is gone would kill
 * with SIGBUS; a handler puts zeros there instead and marks the capture as torn,
 * so that whoever used it asks capture_has afterwards and does not believe it.
 */
#ifndef TRANSPORT_CAPTURE_H
#define TRANSPORT_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

enum {
	CAPTURE_PATH_SIZE = 4000
};

/* Which file it is; path is absolute, the others tell whether it still is it. */
struct capture_name {
	uint64_t	device, inode, size;
	char		path[CAPTURE_PATH_SIZE];
};

struct capture;

/* Names the regular file open as fd; -1 where it has no path (or is no file). */
int	capture_identify(int fd, struct capture_name *);

/* Opens and maps a named file; NULL if it is not there or another. One that
   is shorter by now is mapped all the same: capture_has knows what it has. */
struct capture	*capture_open(const struct capture_name *, struct fault *);
void		capture_close(struct capture *);

/*
 * Size bytes at an offset; NULL if the file has not so many. Borrowed until
 * capture_close. Pages handed out by earlier calls leave this process's memory now
 * and then, but not the page cache: they may still be read, for the price of a
 * page fault each.
 */
const unsigned char	*capture_at(struct capture *, uint64_t offset,
			    uint64_t size);

/* Bytes that may stay mapped before pages are let go; small at first. */
void	capture_budget(struct capture *, uint64_t);

/* Asks for pages at once that would fault in one by one; best effort. */
void	capture_populate(const struct capture *, const unsigned char *at,
	    uint64_t size);

/*
 * Does the file still have all of these bytes, and was nothing read that is gone?
 * Asked before use, it spares most of the zeros; asked after, it is certain.
 */
bool	capture_has(const struct capture *, const unsigned char *at,
	    uint64_t size);

/*
 * Does a file have n bytes from offset on, as it is now, and can they be read? They
 * are in the page cache then. Of a mapping that lasts no longer than the call.
 */
bool	capture_readable(int fd, uint64_t offset, uint64_t n);

#endif
