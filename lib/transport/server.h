/*
 * A server of opaque messages: a bounded queue, and a thread that gives one message
 * to each request, over ZeroMQ. It knows bytes and who asked for them.
 *
 * The socket is a ROUTER, for clients that are REQ. A REP would take one request at
 * a time and wait for it to be answered; here every request is held on its own
 * until a message is there, so a client that dies or stands still is in nobody's
 * way.
 *
 *	who waits		for			and if that is killed, stopped, slow
 *	server_put		room in the queue	killed, slow: the next client
 *				that a client makes	takes it; nobody asks: waits, or
 *							drops the oldest if it shall
 *	the thread		a request, a message,	never waits for one client:
 *				or a time that is over	sending does not block
 *	server_drain, _linger	clients, for a time	the time is over
 *	a client		a message, for a time	the server dies: see below
 *
 * Each message goes to one client, once. One whose client is gone before it is sent
 * stays first in the queue, for the next. What a client does with it is only known
 * when it asks again; until then it is unconfirmed, and it is not sent twice.
 *
 * A request that has waited for SERVER_HOLD seconds gets an empty reply: clients ask
 * again then. CrystFEL's main process kills a worker that it has not heard of for
 * 240 seconds, and one that is to end looks up only between requests. A client
 * whose server has died waits until it is killed itself: that is how REQ is.
 *
 * Memory: the queue, and two messages for each client that does not read its replies.
 * ZeroMQ bounds the size of a request's parts, but not their number, nor can we: it
 * gives us none before it has the last. q2serve(1) says so.
 */
#ifndef TRANSPORT_SERVER_H
#define TRANSPORT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"

#define SERVER_HOLD 10.0	/* seconds that a request waits for a message */

struct server;

struct server_counts {
	uint64_t	delivered;	/* messages that went to a client */
	uint64_t	unconfirmed;	/* of them: the client has not asked again */
	uint64_t	dropped;	/* they were oldest when there was no room */
	unsigned	waiting;	/* in the queue */
	unsigned	clients;	/* that are connected */
};

/*
 * Listens at tcp://HOST:PORT or ipc://PATH, as listener.h has it (unix:PATH), and
 * serves. queue: messages that wait, at most; drop: the oldest gives way when there
 * is no room. NULL: the fault.
 */
struct server	*server_open(const char *address, unsigned queue, bool drop,
		    struct fault *);

/* The address as bound; and is it TCP beyond this machine's loopback? */
const char	*server_address(const struct server *);
bool		server_is_public(const struct server *);

/*
 * Queues a message, size bytes that malloc gave; they are the server's now. Waits
 * for room, unless the oldest gives way; for ever, or when *stop is set, until
 * nobody has asked for patience seconds. 0, or -1: given up, and freed.
 */
int	server_put(struct server *, void *data, size_t size,
	    const volatile int *stop, double patience);

/*
 * Waits until the queue is empty: 0, or -1 when nobody has asked for patience
 * seconds. Then, for as long, until all clients have asked again.
 */
int	server_drain(struct server *, double patience);

/*
 * Nothing more comes: answers empty, soon, until all clients have disconnected or
 * seconds are over. The number of those that have not.
 */
unsigned	server_linger(struct server *, double seconds);

void	server_counts_get(struct server *, struct server_counts *);

/* Has the thread failed? It serves no more then, and nothing waits for it. 0, -1. */
int	server_check(struct server *, struct fault *);

/* Answers who waits, ends the thread, frees. NULL is nothing. */
void	server_close(struct server *);

/*
 * Removes the socket's path, if it is still ours, for a process that ends now;
 * async-signal-safe.
 */
void	server_remove(struct server *);

#endif
