/*
 * Events set aside for later study: a file of those that killed the workers that
 * were at them. It is a capture, q2(5): for each stream its header, byte for byte
 * as it came, then events inline with block and planes as they came, then an end
 * record with their count.
 *
 * The first event makes the file, so that where there is none no file is left.
 * The name must be new, and a link is not followed. Each event is on the disk
 * when setaside_event returns: whatever happens later, it stays, and a capture
 * without its end record is still read. What could not be written whole is taken
 * back, so the file never ends inside an event.
 */
#ifndef FORMAT_SETASIDE_H
#define FORMAT_SETASIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fault.h"
#include "format/findstream.h"
#include "format/pending.h"
#include "transport/outlet.h"

struct setaside {
	const char	*path;		/* borrowed; NULL: nothing is set aside */
	struct outlet	out;
	bool		made;		/* out.fd is open */
	off_t		size;		/* of what was written whole */
	int		broken;		/* errno: the rest cannot be taken back */
	unsigned char	header[STREAM_SIZE];	/* of the stream in the file */
	uint64_t	stream;		/* its id */
	uint64_t	count;		/* its events there */
	uint64_t	last;		/* the number of the last of them */
};

/*
 * Looks whether the file could be made, and makes nothing yet. -1 if the name is
 * taken, or its directory is not there or not writable.
 */
int	setaside_init(struct setaside *, const char *path, struct fault *);

/*
 * Writes an event of the stream, before it is made a failed one. -1: it is not in
 * the file, the fault says why; others may be tried.
 */
int	setaside_event(struct setaside *, const struct findstream *,
	    const struct pending *, struct fault *);

/* Writes the end record, if there were events, and closes. 0 or -1. */
int	setaside_end(struct setaside *, struct fault *);

#endif
