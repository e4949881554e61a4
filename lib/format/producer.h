/*
 * A producer: one that has connected to send, and what it is at. It has the buffer
 * of its inlet (64 KiB) and at most one event, on its way into a slot or, where
 * there are none, into a buffer of its own. None of these functions waits for it.
 */
#ifndef FORMAT_PRODUCER_H
#define FORMAT_PRODUCER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/parcel.h"
#include "format/stream.h"
#include "transport/inlet.h"
#include "transport/record.h"

struct producer {
	unsigned	number;		/* in the order of connecting, from 1 */
	char		peer[64];	/* who it is, for messages */
	int		fd;
	struct inlet	*in;
	bool		readable;	/* poll said so; a read uses it up */
	bool		begun;		/* its header was taken */
	bool		owes;		/* and since then no end record */
	uint64_t	until;		/* bytes that were here when we were stopped */
	struct stream	stream;		/* its own */
	uint64_t	since;		/* events since its last end record */
	uint64_t	since_header;	/* the same since its last header */
	uint64_t	last;		/* number of the last of these */
	double		silence;	/* seconds in which nothing came, and we listened */
	bool		filling;	/* an event is on its way: */
	struct record	record;		/* as it came */
	struct parcel	parcel;		/* as it will leave */
	struct inlet_want want;
	unsigned char	*buffer;	/* for the parcel; NULL: none yet */
};

/* Takes fd over, whatever it returns; NULL when memory is short. */
struct producer	*producer_new(int fd, unsigned number, const char *peer);

/* Closes the connection; an event on its way is dropped. NULL is nothing. */
void	producer_free(struct producer *, struct sender *);

/* Could it go on with what it has, without a read? */
bool	producer_ready(const struct producer *);

/*
 * The next record, which stays (inlet_next takes it). GOT; STOPPED: it is not
 * there yet; END, with the reason if that was inside a record (else the text is
 * empty); or ERROR.
 */
enum inlet_got	producer_look(struct producer *, struct record *,
		    const unsigned char **bytes, struct fault *);

/*
 * Finds a place for the event that producer_look gave, of the merged stream, and
 * takes its record. Waits for a token, until *stop is set (NULL: never).
 */
enum parcel_got	producer_begin(struct producer *, struct sender *,
		    const struct stream *, const struct record *,
		    const volatile int *stop, struct fault *);

/*
 * Reads on in the event on its way. GOT: it is whole; STOPPED: not yet; END or
 * ERROR: it never will be, and how much of it came.
 */
enum inlet_got	producer_fill(struct producer *, struct fault *);

/* Says how much of the event on its way has come. */
void	producer_unfinished(const struct producer *, const char *why,
	    struct fault *);

#endif
