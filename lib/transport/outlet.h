/*
 * An output of records. Small records are gathered and leave together, at most
 * 4096 bytes a write: a pipe keeps so much whole, even among several writers. Only
 * a stream record may come behind as much, in the same write. The caller flushes
 * before it waits for anything.
 *
 * All functions return 0, or -1 with errno; EPIPE means that the reader has gone.
 * SIGPIPE must be ignored.
 */
#ifndef TRANSPORT_OUTLET_H
#define TRANSPORT_OUTLET_H

#include <stddef.h>
#include <sys/uio.h>

#include "transport/record.h"

enum { OUTLET_BATCH = 4096 };

struct outlet {
	int		fd;
	int		is_pipe;	/* references may leave here */
	size_t		n;		/* bytes gathered */
	unsigned char	batch[OUTLET_BATCH + RECORD_STREAM_SIZE];
};

/* Writes to fd (borrowed). */
void	outlet_init(struct outlet *, int fd);

/* A record of RECORD_SIZE bytes: reference or end, or the header of an event whose
   payload the caller passes himself, after a flush. */
int	outlet_record(struct outlet *, const struct record *);

/* A stream record: all RECORD_STREAM_SIZE bytes. */
int	outlet_stream(struct outlet *, const unsigned char *);

/* The same of the stream in hand, RECORD_AGAIN. */
int	outlet_again(struct outlet *, const unsigned char *);

/* An inline event: header, then the pieces of its payload (at most 7). */
int	outlet_event(struct outlet *, const struct record *,
	    const struct iovec *, int n);

int	outlet_flush(struct outlet *);

#endif
