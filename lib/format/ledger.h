/*
 * The ledger: did all come that was sent? It follows the streams of one input
 * and tells where one ends and the next begins.
 *
 * A stream header that is byte for byte the one before, and whose first event has
 * a higher number than the last, goes on with its stream (pieces of GNU parallel,
 * captures cut and put together again). Any other header begins a new stream; one
 * that comes before an end record means that this end is missing. An end record
 * counts the events sent since the end before it.
 */
#ifndef FORMAT_LEDGER_H
#define FORMAT_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "transport/record.h"

struct ledger {
	uint64_t	missing;	/* events sent that never came */
	bool		interrupted;	/* an end record said so */

	bool		streaming;	/* a stream was begun */
	bool		ended;		/* nothing came since its last end record */
	bool		undecided;	/* the same header again: the next event tells */
	bool		any;		/* events of the stream in hand came */
	uint64_t	last;		/* the number of the last */
	uint64_t	since_end;	/* events since the last end record */
};

enum ledger_answer {
	LEDGER_GOES_ON,
	LEDGER_BEGINS,		/* a new stream begins here */
	LEDGER_WRONG		/* the fault says what */
};

/*
 * A stream header; same: byte for byte the one before. *no_end is set where an
 * end record is missing before it.
 */
enum ledger_answer	ledger_stream(struct ledger *, bool same, bool *no_end);

/* An event; before it the answer to a header may have been put off. */
enum ledger_answer	ledger_event(struct ledger *, uint64_t seq, bool *no_end,
			    struct fault *);

/* An end record; WRONG when its count is not what came. */
enum ledger_answer	ledger_end(struct ledger *, const struct record *,
			    struct fault *);

/* The end of the input; 0, or -1 when it came too early. */
int	ledger_finish(struct ledger *, struct fault *);

#endif
