/*
 * CXI files of a run, joined: whether they fit together, and the order of all their
 * events. Writing a file of them is cxijoin.h's.
 *
 * Files fit if they hold the same datasets, a row an event, with the same types and
 * shapes but for the lengths of texts of events, the same values where there is no row
 * an event, and were made alike: the version and options of cxiwrite but -n and -z, and
 * of the stream header the detector and all options of programs. Other facts may tell
 * captures apart.
 *
 * The order does not depend on how events are spread over files. Files with the same
 * stream header are one stream. Streams come in the order of their first timestamps;
 * where those are equal or one has none, as they were added. In a stream events come
 * in the order of their numbers, or, if a number occurs twice, which captures that
 * tell the same facts have, in that of their timestamps. An event with number and
 * timestamp of another one of its stream is that one.
 */
#ifndef FORMAT_JOIN_H
#define FORMAT_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/cxiparts.h"
#include "format/cxisets.h"

struct join_source {
	char		*path;		/* as given */
	uint64_t	bytes, events;
	char		digest[CXIPARTS_DIGEST_SIZE];
	uint32_t	stream;
};

struct join_row {
	uint64_t	row;		/* in its source */
	uint64_t	number, timestamp;
	uint32_t	source, stream;
	bool		timed;		/* it has a timestamp */
};

struct join_stream {
	char		*text;
	uint64_t	first;		/* timestamp, the least of any event */
	bool		timed;		/* it has one */
	bool		numbered;	/* no number occurs twice */
};

struct join {
	struct join_source *sources;
	struct join_row	*rows;		/* in order after join_order */
	struct join_stream *streams;
	size_t		n_sources, n_rows, n_streams;
	struct cxisets	sets;		/* of the first source; texts of events are as
					   wide as the longest of any */
	uint32_t	values[CXISETS_MAX];	/* CRC-32C of each set of the first source
					   that has no row an event */
	char		*options, *stream;	/* lines that all sources have */
	char		*program;
};

/* A zeroed join is an empty one. */
void	join_free(struct join *);

/*
 * Adds n files, which are read. 0, or -1: one cannot be read or does not fit, and how
 * it differs; or *stop is not 0 any more.
 */
int	join_add(struct join *, const char *const paths[], size_t n,
	    const volatile int *stop, struct fault *);

/* Puts all rows in order. -1: an event occurs twice; which, and where. */
int	join_order(struct join *, struct fault *);

/*
 * A digest of the peak lists of a file: the first 16 digits of SHA-256 over, event
 * by event, its number (u64), its number of peaks (u32), and of each peak fs, ss and
 * intensity (f32), little-endian; an intensity that is unknown is 0x7fc00000.
 */
int	join_digest(struct cxireader *, char digest[CXIPARTS_DIGEST_SIZE],
	    struct fault *);

#endif
