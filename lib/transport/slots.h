/*
 * Slots: shared memory in which events wait, and the tokens that bound them.
 *
 * The segment is an anonymous memory file of n slots at a stride of 4 GiB, sparse
 * until touched, and a control page behind them. A slot begins with 64 bytes of
 * its own (generation, origin, what is zero), then event block and planes. A pipe
 * holds one byte, a token, for each free slot: its number.
 *
 *	who takes a token	owns that slot and fills it: slots_claim
 *	who holds a reference	owns the slot named in it
 *	who passes it on	owns it no more
 *	who consumes it		gives the token back: slots_release
 *
 * Claim and release each raise the generation, so that a reference that was
 * consumed, or one of another filling, is known as stale and never becomes a
 * second token. Nothing has a name in the file system: when the last process
 * ends, the memory is gone.
 *
 * Who waits on whom: only slots_take waits, for a token, and it also watches the
 * caller's output and the consumers' lock, so that it ends when whoever gives
 * tokens back has died. The token pipe is as large as its tokens: giving one
 * back never waits.
 *
 * Replay does not copy: where an event comes from a capture in a regular file, its
 * slot says which capture and where in it (struct slots_origin), and holds only
 * the event block and what peakfind adds. The control page names the captures;
 * each process maps them itself. It is one token an event all the same.
 *
 * A private set of slots (slots_private) has the memory but no tokens and no
 * name: peakfind's room for inline events, shared with its workers by fork. All
 * of them are in hand at first; slots_take must not be called when none is.
 */
#ifndef TRANSPORT_SLOTS_H
#define TRANSPORT_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "transport/capture.h"
#include "transport/record.h"

enum { SLOTS_MAX = 255, SLOTS_CAPTURES = 64 };

struct slots;

/*
 * Makes a segment of n slots (1 to SLOTS_MAX) and its tokens on descriptors of
 * 100 and more that survive exec, and sets Q2_SLOTS in the environment. For
 * q2slots; 0 or -1.
 */
int	slots_publish(unsigned n, struct fault *);

/*
 * Opens the segment that Q2_SLOTS names. 1: *s is the caller's to slots_close;
 * 0: there is no Q2_SLOTS, *s is NULL; -1: it names something else.
 */
int	slots_open(struct slots **s, struct fault *);

/* Slots for this process and its children; NULL when memory is short. */
struct slots	*slots_private(unsigned n, struct fault *);

/* Gives tokens in hand back, unmaps, frees. Keeps errno. NULL is nothing. */
void	slots_close(struct slots *);

unsigned	slots_count(const struct slots *);

/*
 * Slots that are filled or being filled. A source may have the tokens of others in
 * hand. 0 for private ones. For display; another thread may ask.
 */
unsigned	slots_pending(const struct slots *);

/*
 * How many events will come in all, as far as their source knows: 0 is unknown.
 * The source tells it to whoever uses the slots; for display only.
 */
void	slots_expect(struct slots *, uint64_t events);
uint64_t	slots_expected(const struct slots *);

/* Free slots in this process's hands: what slots_take gives without waiting. */
unsigned	slots_held(const struct slots *);

/*
 * The event block of a slot, with size bytes behind it mapped (block included).
 * Borrowed until slots_close or until a larger size is asked for. NULL: fault.
 */
unsigned char	*slots_map(struct slots *, unsigned slot, uint64_t size,
		    struct fault *);

/* slotmap_populate of a slot; offset 0 is its event block. */
void	slots_populate(struct slots *, unsigned slot, uint32_t name,
	    uint64_t offset, uint64_t size, bool writing);

/* Takes a free slot if there is one: 1, 0 if none, -1 on a fault. Never waits. */
int	slots_try(struct slots *, unsigned *slot, struct fault *);

enum slots_wait { SLOTS_TAKEN, SLOTS_GONE, SLOTS_LONELY, SLOTS_STOP, SLOTS_FAULT };

/*
 * Takes a free slot: waits for a token, takes all that are there, hands out the
 * one freed last, and keeps the rest for the next calls. While it waits it
 * watches out (a descriptor; POLLERR: SLOTS_GONE), the consumers' lock (held
 * before and now no more: SLOTS_GONE), and *stop (set by a signal handler;
 * SLOTS_STOP; may be NULL). SLOTS_LONELY: it has waited two seconds, and nobody
 * ever had the lock. Whoever should have may have died before it could, and with
 * another program between only a write tells: the caller writes, and waits again.
 */
enum slots_wait	slots_take(struct slots *, int out,
		    const volatile int *stop, unsigned *slot, struct fault *);

/* Begins to fill a slot that was taken; its new generation, 0 if it cannot be mapped. */
uint64_t	slots_claim(struct slots *, unsigned slot, struct fault *);

/* Planes that a slot does not hold, since they lie in a capture. */
struct slots_origin {
	uint32_t	capture;	/* number from slots_capture_add */
	uint32_t	planes;		/* which; 0: all are in the slot */
	uint32_t	rooms;		/* all planes of the event there */
	uint64_t	offset;		/* of its event block in the file */
};

/*
 * The owner of a slot reads and changes its origin; slots_claim clears it. Who
 * sets one with planes has not written planes of his own there since the claim.
 */
void	slots_origin_get(struct slots *, unsigned slot, struct slots_origin *);
void	slots_origin_set(struct slots *, unsigned slot,
	    const struct slots_origin *);

/* Bytes [from, to) behind the beginning of a slot's event block; to 0: none. */
struct slots_range {
	uint64_t	from, to;
};

/*
 * What is known to be zero in a slot that holds no copies of planes: NULL where it
 * does. It outlives the event, so that the next owner need not clear again what
 * few write to. Its owner empties it before he writes planes there, and tells it
 * afterwards. Borrowed until slots_close, or as slots_map says.
 */
struct slots_range	*slots_zeros(struct slots *, unsigned slot);

/*
 * Makes a capture known to all who use the slots: its number, or -1 when there
 * are SLOTS_CAPTURES already (then planes must be copied).
 */
int	slots_capture_add(struct slots *, const struct capture_name *);

/* Maps a capture, once; borrowed until slots_close. NULL: fault. */
struct capture	*slots_capture(struct slots *, unsigned number, struct fault *);

/* Makes the reference fields of a record: slot, generation, session. */
void	slots_refer(const struct slots *, unsigned slot, uint64_t generation,
	    struct record *);

/*
 * Is this reference one of ours, in range, and fresh? 0 or -1; also -1 where there
 * are no slots (NULL). Its slot is mapped afterwards.
 */
int	slots_check(struct slots *, const struct record *, struct fault *);

/* Ends the life of a reference and gives its token back; -1 if it is stale. */
int	slots_release(struct slots *, const struct record *, struct fault *);

/*
 * The same, but the token waits for slots_settle, so that one write gives many
 * back. The caller settles before it waits for anything or does something slow.
 * NULL is nothing.
 */
int	slots_release_later(struct slots *, const struct record *,
	    struct fault *);
void	slots_settle(struct slots *);

/* Gives a token back that was taken and not used for a reference. */
void	slots_untake(struct slots *, unsigned slot);

/*
 * Gives the tokens in hand back; for a signal handler, in the thread that has them,
 * that ends the process next. NULL is nothing.
 */
void	slots_abandon(struct slots *);

/*
 * Tells slots_take of other processes that this process consumes references.
 * Held until the process ends; a second call does nothing.
 */
int	slots_consume(struct slots *, struct fault *);

#endif
