/*
 * libq2: a producer in C of a stream of detector events, libq2(3). A producer
 * opens, fills and puts one event after the other, and closes:
 *
 *	q = q2_open(1, &layout, facts, NULL, &error);
 *	r = q != NULL ? Q2_OK : Q2_FAULT;
 *	while (r == Q2_OK && more)
 *		if ((r = q2_slot(q, &e, &error)) == Q2_OK) {
 *			(fill e.logits, e.image, e.timestamp, e.photon_energy)
 *			r = q2_put(q, &e, &error);
 *		}
 *	if (r == Q2_OK)
 *		r = q2_close(q, Q2_WHOLE, &error);
 *	else
 *		q2_close(q, Q2_BROKEN, NULL);
 *
 * Under q2slots(1), into a pipe or socket, an event is filled in shared memory and
 * a reference leaves; elsewhere the event itself does. Nothing is printed. A handle
 * is for one thread and for the process that opened it.
 */
#ifndef Q2_H
#define Q2_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct q2;

/* What went wrong: one sentence without a newline. */
struct q2_error {
	char		text[1024];
};

enum q2_result {
	Q2_OK = 0,
	Q2_FAULT = -1,		/* refused, or the machine failed: the text says */
	Q2_GONE = -2,		/* the reader of the output has gone */
	Q2_STOPPED = -3		/* *stop was set */
};

enum q2_logits { Q2_LOGITS_F32 = 1, Q2_LOGITS_F16, Q2_LOGITS_BF16 };

enum q2_image {
	Q2_IMAGE_NONE, Q2_IMAGE_F32, Q2_IMAGE_U16, Q2_IMAGE_I16, Q2_IMAGE_I32
};

/* Quantities, a mask: what the events of a stream may know. */
enum { Q2_TIMESTAMP = 1, Q2_ENERGY = 2, Q2_ENCODER = 4 };

/* What the events of a stream look like. Padding is at the bottom and the right. */
struct q2_layout {
	uint32_t	panels;		/* 1 to 4096 */
	uint32_t	classes;	/* logits a pixel, 2 to 255; 0 is background */
	uint32_t	height, width;	/* of a panel, without padding: ss, fs; pixels */
	uint32_t	padded_height, padded_width;	/* with it; 0: there is none */
	enum q2_logits	logits;
	enum q2_image	image;
	uint32_t	capacity;	/* peaks, to 1048576; 0: as others have, 2048 */
	unsigned	quantities;	/* Q2_TIMESTAMP, ... */
	int		crc;		/* not 0: add a CRC-32C of each plane */
};

/* Why an event has failed; it then keeps its place and is counted. */
enum q2_cause {
	Q2_GOOD = 0,
	Q2_UNREADABLE = 1,	/* could not be read: all planes become zero */
	Q2_NO_IMAGE = 2		/* has no image, but its stream has: that becomes zero */
};

/*
 * One event. The arrays lie where the event will leave from, have the padded size
 * and hold anything at all before they are filled:
 *
 *	logits	[panels][classes][ss][fs]
 *	image	[panels][ss][fs]; NULL if the stream has none
 */
struct q2_event {
	void		*logits;
	void		*image;
	uint64_t	timestamp;	/* seconds since 1970 << 32 | nanoseconds;
					   0, or 1e9 and more of these: unknown */
	double		photon_energy;	/* eV; unknown if not above 0 */
	double		encoder;	/* camera length encoder, mm; NaN: unknown */
	enum q2_cause	cause;
	char		source[64];	/* where it comes from; text, may be empty */
};

/*
 * Begins a stream on fd, which is borrowed and stays open: writes its header.
 * facts: "key=value" each, at most 34, the key of 1 to 63 letters, digits, '.', '-'
 * and '_', NULL behind the last, and NULL if there are none; cxiwrite(1) knows
 * experiment, run and detector. stop: an int that a signal
 * handler sets, for q2_slot; borrowed; NULL if there is none. If the action of
 * SIGPIPE is the default one it is ignored from now on. The handle is the caller's
 * to q2_close. NULL with the text: a layout out of range or of more than 4 GiB an
 * event, a bad fact, a wrong Q2_SLOTS, more memory than there is, a failed write;
 * errno is EPIPE where the reader has gone, else 0.
 */
struct q2	*q2_open(int fd, const struct q2_layout *,
		    const char *const *facts, const volatile int *stop,
		    struct q2_error *);

/*
 * Finds the place of the next event, waiting for one that is free, and sets *event
 * to it with nothing known. The arrays are the caller's until q2_put or q2_close. An
 * event that was not put is found again. Q2_STOPPED once *stop is set, Q2_GONE or
 * Q2_FAULT; nothing is then in hand, and an event that was not put is dropped.
 */
enum q2_result	q2_slot(struct q2 *, struct q2_event *, struct q2_error *);

/*
 * Sends the event that q2_slot found, whose arrays were filled; the pointers in
 * *event are not looked at. Waits where the reader is slow. Q2_FAULT if the event is
 * none of this stream (a quantity or image that the stream does not have, an unknown
 * cause): it is then still in hand; and if the output failed: after that, and after
 * Q2_GONE, only q2_close is of use.
 */
enum q2_result	q2_put(struct q2 *, const struct q2_event *, struct q2_error *);

/* How a stream ends. */
enum q2_end {
	Q2_WHOLE,		/* all was sent */
	Q2_INTERRUPTED,		/* stopped early, by a signal; said in the end record */
	Q2_BROKEN		/* no end record: readers call it incomplete */
};

/*
 * Sends the end record, drops an event in hand, gives slots back and frees. The
 * result is that of the end record; what failed before has no second end. Q2_FAULT,
 * and no end, for Q2_WHOLE while an event that q2_put refused is in hand. NULL is
 * nothing.
 */
enum q2_result	q2_close(struct q2 *, enum q2_end, struct q2_error *);

/* Events sent so far. */
uint64_t	q2_count(const struct q2 *);

#ifdef __cplusplus
}
#endif

#endif
