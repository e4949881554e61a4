/*
 * Cat: files and streams in, one stream of records out: by reference into slots
 * where there are any, else inline.
 *
 * Each event that the selection wants becomes a parcel, its place in a slot or in
 * the one buffer of inline output; planes are read straight to it, or, on replay of
 * a capture into slots, stay where they are. Headers, numbers and end records are
 * the splice's. Behind damage the salvage says which records are to be believed,
 * and what was between them.
 *
 *	cat.c		inputs, one after the other, and the end
 *	cat_send.c	the way out: failures, headers and ends, places, parcels
 *	cat_dump.c	from HDF5 dumps
 *	cat_stream.c	from captures and streams
 *
 * Who waits: for a token (slots_take watches the output), for input (inlet_watch
 * does), for the output (EPIPE), and for the pace's next instant (pace_wait watches
 * the output). Tokens in hand go back by slots_close, which is the caller's.
 */
#ifndef FORMAT_CAT_H
#define FORMAT_CAT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "format/gap.h"
#include "format/parcel.h"
#include "format/selection.h"
#include "format/source.h"
#include "format/splice.h"
#include "transport/pace.h"

/* What there is to tell; name is that of the input, or NULL. */
enum cat_news {
	CAT_NOTE,	/* text; nothing is lost by it */
	CAT_INPUT,	/* text: an input is missing or damaged */
	CAT_OUTPUT,	/* errno: it is over; EPIPE: the reader has gone */
	CAT_SYSTEM	/* text: memory or slots are wanting */
};

struct cat {
	/* The caller's; what is not set is zero. */
	void		(*tell)(void *arg, enum cat_news, const char *name,
			    const char *text);
	void		*arg;
	const volatile int *stop;	/* set by a signal */
	struct sender	to;
	struct selection selection;
	struct pace	pace;
	struct source	source;		/* facts for the headers of dumps */
	double		unit;		/* of their wavelengths, angstrom */
	uint32_t	capacity;	/* in those headers */
	uint64_t	loops;		/* 0: for ever */
	bool		keep_going;	/* behind damage */

	/* For the caller to read. */
	_Atomic uint64_t total;		/* events sent; by any thread */
	bool		interrupted;	/* a signal stopped us, the originator */

	/* Cat's own. */
	struct splice	splice;
	const char	*name;		/* of the input in hand */
	bool		last;		/* no other input comes behind it */
	bool		finished;	/* all selected is sent, or it is over */
	bool		damaged;	/* an input failed: what follows is not whole */
	bool		missing;	/* the end of one, or all: what follows is not
					   where it will be when that is there */
	uint64_t	headers;	/* sent */
	struct losses	losses;
};

/*
 * Sends what is in the n files, loops times; "-", and no file at all, is standard
 * input. Goes on behind an input that fails.
 */
void	cat_files(struct cat *, int n, char *files[]);

/* Sends the end, if the stream is whole, and tells what damage took in all. */
void	cat_finish(struct cat *);

/* The output failed, errno: it is told, nothing more is sent. Returns -1. */
int	cat_output_failed(struct cat *);

/* The same for memory and slots. */
int	cat_system_failed(struct cat *, const char *text);

#endif
