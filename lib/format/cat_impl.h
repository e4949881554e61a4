/* What the parts of cat.h share. Functions that fail have told it. */
#ifndef FORMAT_CAT_IMPL_H
#define FORMAT_CAT_IMPL_H

#include "format/cat.h"

/* Tells that the input in hand failed; returns -1. */
int	cat_input_failed(struct cat *, const struct fault *);

/* The same, in a way that leaves events uncounted: there will be no end. */
int	cat_input_damaged(struct cat *, const struct fault *);

/* Sends what splicing says to send. 0 or -1. */
int	cat_send(struct cat *, int todo, const struct record *end);

/* A stream begins with this header. 0 or -1. */
int	cat_begin(struct cat *, const unsigned char *header);

/* What was gathered leaves. 0 or -1. */
int	cat_flush(struct cat *);

/* So many events are left of the input in hand: whoever uses the slots may know. */
void	cat_expect(struct cat *, uint64_t left);

/* Waits for the pace's next instant; until *stop is set (NULL: never). 0 or -1. */
int	cat_pace(struct cat *, const volatile int *stop);

/*
 * Finds a place for the next event, which brings these planes. 1: there; 0:
 * *stop was set; -1.
 */
int	cat_place(struct cat *, unsigned planes, const volatile int *stop,
	    struct parcel *);

/* It is not needed after all. */
void	cat_drop(struct cat *, struct parcel *);

/* Sends an event, or drops it: 0 or -1. */
int	cat_event(struct cat *, struct parcel *);

/* An event has left. */
void	cat_sent(struct cat *);

/* Is the next event, seq in its input, one to send? */
bool	cat_wants(struct cat *, uint64_t seq);

/* An event was met, sent or not: is that all that is wanted? */
void	cat_met(struct cat *);

/* Sends a dump, by its path. */
void	cat_dump(struct cat *, const char *path);

/* Sends a capture or stream; stop: NULL where another is the originator. */
void	cat_stream(struct cat *, int fd, const volatile int *stop);

#endif
