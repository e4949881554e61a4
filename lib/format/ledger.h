/*
 * The ledger: did all come that was sent? It follows the streams of one input
 * and tells where one ends and the next begins.
 *
 * A stream header that is byte for byte the one before, and whose first event has
 * a higher number than the last, goes on with its stream (pieces of GNU parallel,
 * captures cut and put together again). Any other header begins a new stream; one
 * that comes before an end record means that this end is missing. An end record
 * counts the events sent since the end before it.
 *
 * It also numbers the events of the whole input: the position of an event is its
 * seq and, for each stream before, the last seq there and one; what q2cat -s
 * counts, as long as no stream was cut short. An input that carries on where
 * another broke off (ledger_resume) must begin at the position that is wanted.
 */
#ifndef FORMAT_LEDGER_H
#define FORMAT_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "transport/record.h"

/* Where an input is, and where another may carry on. */
struct ledger_place {
	uint64_t	stream;		/* id of the stream in hand */
	uint64_t	base;		/* events of the streams before it */
	bool		any;		/* events of it came */
	uint64_t	last;		/* seq of the last, if any */
	uint64_t	step;		/* from seq to seq there, or one of these */
	uint64_t	wanted;		/* position of the event that comes next; the
					   least one where the step is none */
};

enum { LEDGER_STEP_UNKNOWN = 0 };	/* one event came, or none */
#define LEDGER_STEP_UNEVEN UINT64_MAX	/* now so, now so */

struct ledger {
	uint64_t	missing;	/* events sent that never came */
	bool		interrupted;	/* an end record said so */
	struct ledger_place place;

	bool		resumed;	/* no event came since ledger_resume */
	uint64_t	from;		/* id of the stream that was in hand then */
	unsigned	passes;		/* headers of it since */
	bool		streaming;	/* a stream was begun */
	bool		ended;		/* nothing came since its last end record */
	bool		undecided;	/* the same header again: the next event tells */
	uint64_t	since_end;	/* events since the last end record */
};

enum ledger_answer {
	LEDGER_GOES_ON,
	LEDGER_BEGINS,		/* a new stream begins here */
	LEDGER_WRONG		/* the fault says what */
};

/*
 * The input to come carries on from a place. Its first event must be the one
 * wanted there (LEDGER_WRONG else). Before all else.
 */
void	ledger_resume(struct ledger *, const struct ledger_place *);

/* What there is to say of no_end. */
#define LEDGER_NO_END "a stream ended without its end record: events may be missing"

/*
 * The header of a stream with this id; same: byte for byte the one before.
 * *no_end is set where an end record is missing before it.
 */
enum ledger_answer	ledger_stream(struct ledger *, uint64_t id, bool same,
			    bool *no_end);

/* An event; before it the answer to a header may have been put off. */
enum ledger_answer	ledger_event(struct ledger *, uint64_t seq, bool *no_end,
			    struct fault *);

/* An end record; WRONG when its count is not what came. */
enum ledger_answer	ledger_end(struct ledger *, const struct record *,
			    struct fault *);

/* The end of the input; 0, or -1 when it came too early. */
int	ledger_finish(struct ledger *, struct fault *);

/* Did the stream in hand come to its end, or may more of it be to come? */
bool	ledger_whole(const struct ledger *);

#endif
