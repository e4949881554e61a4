/*
 * Who asked a server and waits, and who got a reply and has not asked since. An
 * asker is known by its identity, bytes that a reply is sent to, and by the number
 * of its connection, which another one has when it has ended.
 *
 * Who asks again has got the reply before: that confirms it. One that never asks
 * again may have got it or not. Memory is bounded: askers wait in a queue of
 * ASKERS_MAX, and of as many it is known that they owe a question; of more, the one
 * that has owed longest is taken for gone.
 */
#ifndef TRANSPORT_ASKERS_H
#define TRANSPORT_ASKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASKERS_MAX = 4096, ASKER_ID_MAX = 255, ASKER_GONE = -1 };

struct asker {
	unsigned char	id[ASKER_ID_MAX];
	size_t		length;		/* of the identity, bytes */
	int		connection;	/* ASKER_GONE: it has ended */
	double		at;		/* when it asked, or got its reply; seconds */
};

struct askers;

/* NULL without memory. */
struct askers	*askers_new(void);
void		askers_free(struct askers *);

/*
 * One asks, which confirms the reply it got before, if any. False if there are too
 * many: it does not wait here, and the caller answers it now.
 */
bool	askers_ask(struct askers *, const void *id, size_t length,
	    int connection, double now);

/* A connection has ended. Its askers stay; they will be found to be gone. */
void	askers_gone(struct askers *, int connection);

/* Who waits longest; NULL if nobody does. Borrowed until askers_leave. */
const struct asker	*askers_first(const struct askers *);

/* The first waits no longer: it got a reply that it has to confirm, or not. */
void	askers_leave(struct askers *, bool owes, double now);

/* Connections of which somebody waits, each counted once. */
unsigned	askers_waiting(const struct askers *);

/* Replies that nobody has confirmed. */
uint64_t	askers_unconfirmed(const struct askers *);

#endif
