/*
 * How a run goes, in a line of text, while it goes: so far, lately, and when it
 * will end. The caller brings the numbers and the time.
 */
#ifndef FORMAT_OUTLOOK_H
#define FORMAT_OUTLOOK_H

#include <stddef.h>
#include <stdint.h>

#include "base/recent.h"

/* Counts of a moment. */
struct outlook_counts {
	uint64_t	in, hits, files;	/* so far */
	uint64_t	expected;	/* events in all; 0: unknown */
	unsigned	pending, slots;	/* slots in use, and in all; 0: there are none */
};

/*
 * Notes the counts at a time (seconds) and writes the line: events, events a second
 * over the last 10 seconds, hits and their share over the last minute, files, slots
 * pending, and how long it will take at that rate to the end, where that is known.
 * Recent begins as zeros. 192 bytes are enough.
 */
void	outlook_print(struct recent *, double now, const struct outlook_counts *,
	    char *text, size_t size);

#endif
