/*
 * The ledger: did all come that was sent? It follows the streams of one input
 * and tells where one ends and the next begins.
 *
 * A stream header that is byte for byte the one before, and whose first event has
 * a higher number than the last, goes on with its stream (pieces of GNU parallel,
 * captures cut and put together again). Any other header begins a new stream; one
 * that comes before an end record means that this end is missing. An end record
 * counts the events sent since the end before it. The same header again without an
 * end before it may be the next piece of a stream or stand behind events that are
 * missing: the next end's count tells.
 *
 * It also tells the place of each event in the whole input, by the headers that came
 * and the event's number. Filters may leave out events, but no header, so q2cat -s
 * finds the same place in the same inputs. An input that carries on where another
 * broke off (ledger_resume) must not begin before the place that is wanted.
 */
#ifndef FORMAT_LEDGER_H
#define FORMAT_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "transport/record.h"

/* Where an input is, and where another may carry on. */
struct ledger_place {
	uint64_t	stream;		/* id of the stream in hand; 0: any */
	uint64_t	header;		/* its header is this one of the input, from 0 */
	uint64_t	next;		/* number of the event wanted next in it */
};

struct ledger {
	uint64_t	missing;	/* events sent that never came */
	bool		interrupted;	/* an end record said so */
	struct ledger_place place;

	bool		resumed;	/* no event came since ledger_resume */
	struct ledger_place from;	/* where the first must not be before */
	uint64_t	headers;	/* that came */
	bool		any;		/* an event of the stream in hand came */
	uint64_t	last;		/* its number */
	bool		streaming;	/* a stream was begun */
	bool		ended;		/* nothing came since its last end record */
	bool		undecided;	/* the same header again: the next event tells */
	bool		doubtful;	/* it came without an end: the next end tells */
	bool		broken;		/* an end is missing, and more came behind it */
	bool		holed;		/* events went missing, and no input explains it */
	uint64_t	since_end;	/* events since the last end record */
};

enum ledger_answer {
	LEDGER_GOES_ON,
	LEDGER_BEGINS,		/* a new stream begins here */
	LEDGER_WRONG		/* the fault says what */
};

/*
 * The input to come carries on from a place: its first event must be that one or one
 * behind it (LEDGER_WRONG else), and of the place's stream where it has its header.
 * Before all else.
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

/*
 * Is the place in hand the one that q2cat -s counts, whatever may be missing behind
 * it? false: events may be missing before it. It stays so once an end was missing.
 */
bool	ledger_accounted(const struct ledger *);

/* Did the stream in hand come to its end, or may more of it be to come? */
bool	ledger_whole(const struct ledger *);

#endif
