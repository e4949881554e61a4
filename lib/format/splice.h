/*
 * Splicing: what becomes of headers, numbers and end records when streams are
 * cut, looped and joined on their way through q2cat. Bookkeeping only; the caller
 * sends.
 *
 * A stream goes out as header, events, end. An input's end is held: if the
 * next input brings the same header and joins (the next dump of a run, the next
 * loop), its events go on in the same stream, with numbers that go on too. The
 * end's count is that of the input's ends less the events that were not selected,
 * so what was lost before us is missing from ours as well, not hidden by it.
 */
#ifndef FORMAT_SPLICE_H
#define FORMAT_SPLICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/stream.h"
#include "transport/record.h"

struct splice {
	struct stream	stream;		/* being sent */
	unsigned char	header[STREAM_SIZE];
	bool		open;		/* a header went out, its end did not */
	bool		held;		/* its end waits for the next input */
	bool		joins;		/* and the same header there goes on with it;
					   the caller's choice, at any time */
	bool		joined;		/* and did; its first event sets base */
	bool		lost;		/* its end never came */
	bool		uncounted;	/* it lost an unknown number of events */
	uint64_t	base;		/* added to numbers, modulo 2^64 */
	uint64_t	next;		/* number behind the last event met */
	uint64_t	owed;		/* events, by the counts of ends held so far */
	uint64_t	sent, skipped;	/* events since the last end */
};

/* What to send, in this order; a mask. */
enum { SPLICE_NOTHING = 0, SPLICE_END = 1, SPLICE_HEADER = 2 };

/*
 * An input brings a stream record. Returns the mask of what to send (*end filled
 * in if SPLICE_END), or -1 if the record is none.
 */
int	splice_begin(struct splice *, const unsigned char *header,
	    struct record *end, struct fault *);

/* The number that the next event, seq in its input, has in the stream being sent. */
uint64_t	splice_number(const struct splice *, uint64_t seq);

/* It is met, selected or not: its number. */
uint64_t	splice_event(struct splice *, uint64_t seq, bool selected);

/* And, if selected, it has left. */
void	splice_sent(struct splice *);

/*
 * An input brings the end of the stream in hand. It is held until the next input
 * is known to be good (an interrupted one is not). Returns SPLICE_END or
 * SPLICE_NOTHING, or -1 if that stream never began.
 */
int	splice_end(struct splice *, const struct record *, struct record *end,
	    struct fault *);

/* The stream in hand lost an unknown number of events: it gets no end. */
void	splice_lose(struct splice *);

/* An input that has no end records of its own has ended: as if it had. */
void	splice_hold(struct splice *);

/*
 * Nothing more comes. Returns SPLICE_END, unless there is no stream, or one whose
 * own end never came, or one that lost events. flags: RECORD_INTERRUPTED or 0.
 */
int	splice_finish(struct splice *, uint32_t flags, struct record *end);

#endif
