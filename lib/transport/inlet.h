/*
 * An input of records. Small records come from a buffer that takes all that is
 * ready with one read; the planes of inline events go straight to where the
 * caller wants them. An inlet knows lengths and nothing of what the bytes mean.
 *
 * Every reader answers: got one, clean end, or error. An end of input inside a
 * record is an error that says where.
 */
#ifndef TRANSPORT_INLET_H
#define TRANSPORT_INLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/fault.h"
#include "transport/capture.h"
#include "transport/record.h"

struct inlet;

enum inlet_got { INLET_ERROR = -1, INLET_END = 0, INLET_GOT = 1,
	INLET_GONE = 2,		/* the watched output has lost its reader */
	INLET_STOPPED = 3	/* *stop was set while waiting, or among junk */
};

/* Reads from fd (borrowed). NULL when memory is short. */
struct inlet	*inlet_new(int fd);
void		inlet_free(struct inlet *);

/*
 * While waiting for input, also watch an output for a reader that has gone (-1:
 * none), and *stop for a signal (NULL: none). A regular file is never waited for.
 */
void	inlet_watch(struct inlet *, int out, const volatile int *stop);

/*
 * From now on, heads of records come out of the mapping of this file, which is
 * borrowed (NULL: are read again). Reading would bring small pages where mapping
 * brings large ones, capture.h, and these cannot lie beside each other.
 */
void	inlet_map(struct inlet *, struct capture *);

/* Is a whole small record (or the header of an event) here without a read? */
int	inlet_ready(const struct inlet *);

/* Reads what is there, once, without waiting longer for more: for callers that
   poll the descriptor themselves. GOT, END or ERROR; then see inlet_ready. */
enum inlet_got	inlet_fill(struct inlet *, struct fault *);

/* A regular file: reading never waits, and its descriptor's offset stays. */
int	inlet_regular(const struct inlet *);

/* Bytes of a regular file from here to its end, as it was when last looked; else 0. */
uint64_t	inlet_left(const struct inlet *);

/* 1 when input has ended and nothing is left in the buffer. */
int	inlet_ended(const struct inlet *);

/*
 * The next record. For a stream record all RECORD_STREAM_SIZE bytes are behind
 * *bytes, for others its header; borrowed until the next call. After an inline
 * event the caller must take its payload, with inlet_payload or inlet_skip.
 */
enum inlet_got	inlet_next(struct inlet *, struct record *,
		    const unsigned char **bytes, struct fault *);

/* The same, but the record stays: inlet_next or inlet_look give it again. */
enum inlet_got	inlet_look(struct inlet *, struct record *,
		    const unsigned char **bytes, struct fault *);

/*
 * Behind damage: takes bytes until a record begins that checks out by itself
 * (magic, checksum, type, length), at any byte, and leaves it for inlet_next.
 */
enum inlet_got	inlet_scan(struct inlet *, struct record *,
		    const unsigned char **bytes, struct fault *);

/* After INLET_ERROR: was it reading that failed, and not what was read? */
bool	inlet_broken(const struct inlet *);

/*
 * Goes back to an earlier offset. A file is read again; of other inputs v has the
 * bytes from there to here. -1 when memory is short.
 */
int	inlet_back(struct inlet *, uint64_t offset, const struct iovec *v);

/*
 * Reads the payload of the event just met into the pieces, which together are as
 * long as it (record length less RECORD_SIZE). The list is used up.
 */
enum inlet_got	inlet_payload(struct inlet *, struct iovec *, int n,
		    struct fault *);

/* A payload on its way: the pieces that it still wants. */
struct inlet_want {
	struct iovec	v[8];
	int		first, n;	/* v[first] to v[n - 1] are not full yet */
};

/*
 * The same for callers that poll the descriptor themselves: takes what the buffer
 * has and what one read gives of it, without waiting (if the descriptor does not
 * block). GOT: it is complete when first has reached n; END: the input has ended
 * before that; or ERROR.
 */
enum inlet_got	inlet_gather(struct inlet *, struct inlet_want *, struct fault *);

/* Bytes of the input that are in the buffer. */
uint64_t	inlet_buffered(const struct inlet *);

/* Bytes that have come since it was made, taken or not; of a pipe or socket. */
uint64_t	inlet_arrived(const struct inlet *);

/* Bytes taken since the inlet was made; in a regular file, the place in it. */
uint64_t	inlet_offset(const struct inlet *);

/*
 * Does a regular file have the next n bytes, as it is now, and can they be read?
 * They are in the page cache then.
 */
bool	inlet_readable(const struct inlet *, uint64_t n);

/*
 * Passes the next n bytes of a regular file to a pipe: by splice(2), so that nothing
 * is copied before the pipe's reader does it, and the last ones, as many as the pipe
 * holds, by copying. So the pipe has nothing left of the file itself afterwards, and
 * whoever changes the file then changes nothing that was passed (unless the reader
 * splices it on into another pipe). GOT; GONE: writing failed, errno; ERROR: the file
 * has them no more, or reading failed, when part of them may have been passed.
 */
enum inlet_got	inlet_pass(struct inlet *, uint64_t n, int to, struct fault *);

/* Skips n bytes of payload: steps over them in a file, else reads them. */
enum inlet_got	inlet_skip(struct inlet *, uint64_t n, struct fault *);

#endif
