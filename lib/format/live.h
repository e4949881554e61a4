/*
 * Live input: producers connect, and what they send is merged into one stream.
 *
 * In rounds: poll tells who has sent something, and each of those is served once:
 * what one read brings, and at most one event leaves. So a producer that is fast
 * gets no more than its turn, and one that sends slowly, stops in the middle of a
 * record or says nothing costs the others no time. An event leaves when it is
 * whole.
 *
 * Who waits, on what, and what becomes of it:
 *
 *	we, in poll	for producers; also watches the output. Nobody's silence
 *			holds us up. Killed: the producers get EPIPE, readers of the
 *			output a missing end; the kernel has closed the sockets, and a
 *			socket file left behind is replaced by the next one.
 *	we, for a token	in slots_take, which watches the output and the consumers'
 *			lock. Meanwhile no socket is read.
 *	we, in a write	while the pipe is full; EPIPE when its reader has gone. No
 *			socket is read meanwhile.
 *	a producer	in its write, while we do not read: that is the backpressure.
 *			Killed: its socket ends, its unfinished event is dropped, its
 *			token goes back. Stopped or slow: it keeps one slot.
 *	one in the queue	of a listener, while LIVE_PRODUCERS are connected; for
 *			one of them to end.
 *	our reader	for records, in its read. Killed: poll and write tell us.
 *			Stopped: the pipe or the slots fill up, we wait, the
 *			producers wait.
 *
 * A producer in the middle of an event has one slot. There are never more
 * producers than slots, so if all others have stopped there, there is a slot left
 * for the one that goes on.
 *
 * On the first signal nobody is accepted any more; of each producer those records
 * are taken of which something is here by then, read or not, and it is left. One
 * that is silent in the middle of such a record is given two seconds.
 */
#ifndef FORMAT_LIVE_H
#define FORMAT_LIVE_H

#include <stdint.h>

#include "base/fault.h"
#include "format/parcel.h"
#include "transport/listener.h"

enum {
	LIVE_PRODUCERS = 64,	/* at once, and not more than there are slots */
	LIVE_LISTENERS = 8
};

enum live_got {
	LIVE_FAULT = -1,	/* memory, slots or poll: the text; it is over */
	LIVE_GOING,		/* nothing to tell */
	LIVE_EVENT,		/* an event has left */
	LIVE_NEWS,		/* text: for who wants to know */
	LIVE_WARNING,		/* text: to be said; the stream lacks nothing */
	LIVE_LOST,		/* text: a producer ended before its end */
	LIVE_REFUSED,		/* text: what a producer sent is not accepted */
	LIVE_OUTPUT,		/* the output failed, errno; it is over */
	LIVE_OVER		/* all is sent, the end too if there is one */
};

struct live;

/*
 * Takes from n listeners (borrowed, LIVE_LISTENERS at most; closed when nobody
 * more is wanted) and sends to where the sender says (borrowed). Over when ends
 * producers have ended (0: never) or *stop is set. NULL when memory is short.
 */
struct live	*live_new(struct sender *, struct listener *, unsigned n,
		    uint64_t ends, const volatile int *stop);
void		live_free(struct live *);

/* Goes on until something is to be told, or after one round. */
enum live_got	live_next(struct live *, struct fault *);

#endif
