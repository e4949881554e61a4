/*
 * What went wrong, in words. lib/ never prints: a function that fails fills a
 * fault and returns -1; cmd/ puts program and stream in front and prints it.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>

struct fault {
	char	text[1024];	/* one sentence, no newline: item, cause, way out */
	bool	lack;		/* the machine's, of memory or processes: neither
				input nor output is to blame */
};

/*
 * Formats the text and returns -1, so that "return fault_set(...)" reads well. What
 * is no UTF-8 or controls a terminal becomes '?'.
 * f may be NULL for a caller that only wants to know that it failed.
 */
int	fault_set(struct fault *f, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* As above for a lack. */
int	fault_lack(struct fault *f, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/*
 * Puts "prefix: " in front of the text that is there; returns -1. A long prefix, a
 * path, loses its beginning, so that the text keeps half of the room.
 */
int	fault_prefix(struct fault *f, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
