#include <sys/eventfd.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/thread.h"
#include "transport/askers.h"
#include "transport/listener.h"
#include "transport/server.h"

#define LINGER_HOLD 0.2		/* seconds; as SERVER_HOLD, when nothing more comes */
#define STOP_LOOK 0.25		/* seconds between looks at *stop */

enum {
	REQUEST_MAX = 4096,	/* bytes; CrystFEL's is a word */
	FLUSH_MS = 1000,	/* for last replies, when the server closes */
	KEEPALIVE_S = 30
};

static const char monitor_name[] = "inproc://monitor";

struct server {
	void		*context, *socket, *monitor;
	int		wake;		/* eventfd: the queue has changed */
	struct listener	listener;
	char		address[LISTENER_NAME + 8];
	pthread_t	thread;

	pthread_mutex_t	lock;		/* of all below */
	pthread_cond_t	moved;		/* something of it has changed */
	struct askers	*askers;
	zmq_msg_t	*queue;		/* a ring of room */
	unsigned	room, first, n;
	bool		drop;
	bool		lingering, closing;
	int		broken;		/* errno of the thread that failed */
	double		asked;		/* when somebody did last, seconds */
	double		stopped;	/* when server_put saw *stop set; 0: not yet */
	struct server_counts counts;
};

/* ---- the thread: requests ---- */

/* Sends an envelope and a body, which is taken if that succeeds: 0, or errno. */
static int
reply_send(struct server *s, const void *id, size_t length, zmq_msg_t *body)
{
	if (zmq_send(s->socket, id, length, ZMQ_SNDMORE | ZMQ_DONTWAIT) == -1 ||
	    zmq_send(s->socket, NULL, 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) == -1 ||
	    zmq_msg_send(body, s->socket, ZMQ_DONTWAIT) == -1)
		return errno;
	return 0;
}

static void
reply_empty(struct server *s, const void *id, size_t length)
{
	zmq_msg_t empty;

	zmq_msg_init(&empty);
	/* Who is gone by now needs no answer. */
	(void)reply_send(s, id, length, &empty);
	zmq_msg_close(&empty);
}

/*
 * A request: identity, an empty frame, what is asked. False if it is none.
 * connection becomes its descriptor, as the monitor names it: the identity itself,
 * which the ROUTER makes, does not always have that.
 */
static bool
request_read(struct server *s, zmq_msg_t *id, int *connection)
{
	bool empty, more;
	zmq_msg_t part;
	unsigned parts = 0;

	for (more = zmq_msg_more(id), empty = false; more; parts++) {
		zmq_msg_init(&part);
		if (zmq_msg_recv(&part, s->socket, 0) == -1)
			return false;
		if (parts == 0)
			empty = zmq_msg_size(&part) == 0;
		*connection = zmq_msg_get(&part, ZMQ_SRCFD);
		more = zmq_msg_more(&part);
		zmq_msg_close(&part);
	}
	return empty && parts == 2;
}

static void
asker_take(struct server *s, zmq_msg_t *id, int connection)
{
	double now = clock_seconds();

	s->asked = now;
	if (!askers_ask(s->askers, zmq_msg_data(id), zmq_msg_size(id), connection,
	    now))
		reply_empty(s, zmq_msg_data(id), zmq_msg_size(id));
	s->counts.unconfirmed = askers_unconfirmed(s->askers);
}

/* Takes the requests that are there. 0, or -1 with errno. */
static int
requests_take(struct server *s)
{
	zmq_msg_t id;
	int connection;

	for (;;) {
		zmq_msg_init(&id);
		if (zmq_msg_recv(&id, s->socket, ZMQ_DONTWAIT) == -1)
			return errno == EAGAIN ? 0 : -1;
		if (request_read(s, &id, &connection))
			asker_take(s, &id, connection);
		zmq_msg_close(&id);
	}
}

/* ---- the thread: replies ---- */

/* Gives messages to askers; one whose asker is gone stays the first. */
static void
messages_give(struct server *s)
{
	const struct asker *to;
	bool sent;

	while (s->n > 0 && (to = askers_first(s->askers)) != NULL) {
		sent = reply_send(s, to->id, to->length,
		    &s->queue[s->first]) == 0;
		askers_leave(s->askers, sent, clock_seconds());
		if (!sent)
			continue;
		s->first = (s->first + 1) % s->room;
		s->n--;
		s->counts.delivered++;
	}
	s->counts.unconfirmed = askers_unconfirmed(s->askers);
}

/* Answers those who have waited long; the milliseconds until the next has, or -1. */
static long
held_answer(struct server *s)
{
	double hold = s->closing ? 0 : s->lingering ? LINGER_HOLD : SERVER_HOLD;
	const struct asker *k;
	double left;

	while ((k = askers_first(s->askers)) != NULL) {
		left = k->at + hold - clock_seconds();
		if (left > 0)
			return (long)ceil(left * 1000);
		reply_empty(s, k->id, k->length);
		askers_leave(s->askers, false, 0);
	}
	return -1;
}

/*
 * Counts who comes and goes: two frames, of which the first has what and whose
 * descriptor. 0, or -1 with errno.
 */
static int
monitor_read(struct server *s)
{
	unsigned char event[6], address[256];
	uint16_t what;
	int32_t fd;

	while (zmq_recv(s->monitor, event, sizeof event, ZMQ_DONTWAIT) ==
	    (int)sizeof event) {
		(void)zmq_recv(s->monitor, address, sizeof address, ZMQ_DONTWAIT);
		memcpy(&what, event, sizeof what);
		memcpy(&fd, event + sizeof what, sizeof fd);
		if (what == ZMQ_EVENT_ACCEPTED) {
			s->counts.clients++;
			continue;
		}
		if (s->counts.clients > 0)
			s->counts.clients--;
		/* What it asked before it went is here by now. */
		if (requests_take(s) == -1)
			return -1;
		askers_gone(s->askers, fd);
	}
	return 0;
}

/* One turn: takes what came, gives what there is. -1 with errno. */
static int
server_turn(struct server *s, long *wait)
{
	int r, saved;

	pthread_mutex_lock(&s->lock);
	r = requests_take(s) == -1 ? -1 : monitor_read(s);
	saved = errno;
	messages_give(s);
	*wait = held_answer(s);
	pthread_cond_broadcast(&s->moved);
	pthread_mutex_unlock(&s->lock);
	errno = saved;
	return r;
}

static bool
is_closing(struct server *s)
{
	bool closing;

	pthread_mutex_lock(&s->lock);
	closing = s->closing;
	pthread_mutex_unlock(&s->lock);
	return closing;
}

static int
server_work(struct server *s)
{
	zmq_pollitem_t p[3] = {
		{ .socket = s->socket, .events = ZMQ_POLLIN },
		{ .socket = s->monitor, .events = ZMQ_POLLIN },
		{ .fd = s->wake, .events = ZMQ_POLLIN }
	};
	uint64_t woken;
	long wait = -1;

	for (;;) {
		if (server_turn(s, &wait) == -1)
			return -1;
		if (is_closing(s))
			return 0;
		if (zmq_poll(p, 3, wait) == -1 && errno != EINTR)
			return -1;
		if (p[2].revents != 0 &&
		    read(s->wake, &woken, sizeof woken) == -1 &&
		    errno != EAGAIN)
			return -1;
	}
}

static void *
server_run(void *arg)
{
	struct server *s = arg;

	if (server_work(s) == 0)
		return NULL;
	pthread_mutex_lock(&s->lock);
	s->broken = errno == 0 ? EIO : errno;
	pthread_cond_broadcast(&s->moved);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- the address ---- */

/* CrystFEL's names of an address, and those of listener.h. */
static const struct {
	const char	*zmq, *ours;
} schemes[] = { { "tcp://", "tcp:" }, { "ipc://", "unix:" } };

enum { SCHEMES = sizeof schemes / sizeof schemes[0] };

static int
listener_begin(struct server *s, const char *address, struct fault *f)
{
	char text[512];
	unsigned i;
	size_t n;

	for (i = 0; i < SCHEMES; i++)
		if (strncmp(address, schemes[i].zmq, 6) == 0)
			break;
	if (i == SCHEMES || strlen(address) >= sizeof text)
		return fault_set(f, "not tcp://HOST:PORT or ipc://PATH");
	snprintf(text, sizeof text, "%s%s", schemes[i].ours, address + 6);
	if (listener_open(&s->listener, text, f) == -1)
		return -1;
	n = strlen(schemes[i].ours);
	snprintf(s->address, sizeof s->address, "%s%s", schemes[i].zmq,
	    s->listener.name + n);
	return 0;
}

static int
option_set(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value);
}

static int
options_set(void *socket)
{
	int64_t most = REQUEST_MAX;

	/*
	 * Few replies that a client has not read, or memory has no bound. A REQ
	 * has one; who asks on and on without reading loses requests.
	 */
	return option_set(socket, ZMQ_ROUTER_MANDATORY, 1) == -1 ||
	    option_set(socket, ZMQ_SNDHWM, 2) == -1 ||
	    option_set(socket, ZMQ_RCVHWM, 16) == -1 ||
	    option_set(socket, ZMQ_LINGER, FLUSH_MS) == -1 ||
	    option_set(socket, ZMQ_TCP_KEEPALIVE, 1) == -1 ||
	    option_set(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_S) == -1 ||
	    option_set(socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_S) == -1 ||
	    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most) == -1 ?
	    -1 : 0;
}

/*
 * Our listener does the listening: ZeroMQ would take any path's place, in use or
 * not, socket or not. It gets a descriptor of its own.
 */
static int
listener_give(struct server *s)
{
	int fd = fcntl(s->listener.fd, F_DUPFD_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	if (option_set(s->socket, ZMQ_USE_FD, fd) == 0 &&
	    zmq_bind(s->socket, s->address) == 0)
		return 0;
	close(fd);
	return -1;
}

static int
sockets_open(struct server *s)
{
	if ((s->context = zmq_ctx_new()) == NULL ||
	    (s->socket = zmq_socket(s->context, ZMQ_ROUTER)) == NULL ||
	    options_set(s->socket) == -1 ||
	    zmq_socket_monitor(s->socket, monitor_name, ZMQ_EVENT_ACCEPTED |
	    ZMQ_EVENT_DISCONNECTED) == -1 ||
	    (s->monitor = zmq_socket(s->context, ZMQ_PAIR)) == NULL ||
	    option_set(s->monitor, ZMQ_LINGER, 0) == -1 ||
	    zmq_connect(s->monitor, monitor_name) == -1 ||
	    (s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1)
		return -1;
	return listener_give(s);
}

/* ---- what the owner calls ---- */

static void
server_free(struct server *s)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		zmq_msg_close(&s->queue[(s->first + i) % s->room]);
	if (s->monitor != NULL)
		zmq_close(s->monitor);
	if (s->socket != NULL)
		zmq_close(s->socket);
	if (s->context != NULL)
		zmq_ctx_term(s->context);
	listener_close(&s->listener);
	if (s->wake != -1)
		close(s->wake);
	askers_free(s->askers);
	free(s->queue);
	pthread_cond_destroy(&s->moved);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static struct server *
server_new(unsigned queue, bool drop)
{
	struct server *s = calloc(1, sizeof *s);
	pthread_condattr_t attr;

	if (s == NULL)
		return NULL;
	s->wake = s->listener.fd = -1;
	s->room = queue;
	s->drop = drop;
	s->asked = clock_seconds();
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->moved, &attr);
	pthread_condattr_destroy(&attr);
	s->queue = calloc(queue, sizeof *s->queue);
	s->askers = askers_new();
	if (s->queue != NULL && s->askers != NULL)
		return s;
	server_free(s);
	return NULL;
}

struct server *
server_open(const char *address, unsigned queue, bool drop, struct fault *f)
{
	struct server *s = server_new(queue, drop);
	int e;

	if (s == NULL) {
		fault_lack(f, "no memory for a server");
		return NULL;
	}
	if (listener_begin(s, address, f) == 0) {
		if (sockets_open(s) == -1)
			fault_lack(f, "ZeroMQ: %s", zmq_strerror(errno));
		else if ((e = thread_start(&s->thread, server_run, s)) == 0)
			return s;
		else
			fault_lack(f, "no thread to serve: %s", strerror(e));
	}
	server_free(s);
	return NULL;
}

const char *
server_address(const struct server *s)
{
	return s->address;
}

bool
server_is_public(const struct server *s)
{
	return s->listener.open_to_others;
}

static void
server_wake(struct server *s)
{
	uint64_t one = 1;

	/* It can only fail where it is not needed: when it is full. */
	if (write(s->wake, &one, sizeof one) == -1)
		return;
}

/* Waits for a change, under the lock, but not long. */
static void
change_wait(struct server *s, double seconds)
{
	double end = clock_seconds() + fmax(seconds, 0);
	struct timespec t = { .tv_sec = (time_t)end };

	t.tv_nsec = (long)((end - (double)t.tv_sec) * 1e9);
	pthread_cond_timedwait(&s->moved, &s->lock, &t);
}

/*
 * Waits until fewer than n are in the queue. Under the lock. Patience begins when
 * *stop is set, at *begun (0: not yet). 0, or -1: given up.
 */
static int
room_wait(struct server *s, unsigned n, const volatile int *stop,
    double patience, double *begun)
{
	while (s->n >= n && s->broken == 0) {
		if (*stop != 0 && *begun <= 0)
			*begun = clock_seconds();
		if (*begun > 0 && clock_seconds() >= fmax(*begun, s->asked) + patience)
			return -1;
		change_wait(s, STOP_LOOK);
	}
	return s->broken == 0 ? 0 : -1;
}

static void
oldest_drop(struct server *s)
{
	zmq_msg_close(&s->queue[s->first]);
	s->first = (s->first + 1) % s->room;
	s->n--;
	s->counts.dropped++;
}

static void
data_free(void *data, void *unused)
{
	(void)unused;
	free(data);
}

int
server_put(struct server *s, void *data, size_t size, const volatile int *stop,
    double patience)
{
	int r = 0;

	pthread_mutex_lock(&s->lock);
	if (s->drop && s->n == s->room)
		oldest_drop(s);
	/* It begins once for all: or each of many messages would wait so long. */
	r = room_wait(s, s->room, stop, patience, &s->stopped);
	if (r == 0 && (r = zmq_msg_init_data(&s->queue[(s->first + s->n) %
	    s->room], data, size, data_free, NULL)) == 0)
		s->n++;
	pthread_mutex_unlock(&s->lock);
	if (r == -1)
		free(data);
	else
		server_wake(s);
	return r;
}

int
server_drain(struct server *s, double patience)
{
	static const volatile int now = 1;
	double begun = 0, end;
	int r;

	pthread_mutex_lock(&s->lock);
	r = room_wait(s, 1, &now, patience, &begun);
	/*
	 * Who asks again has done with the last message. One who asked and went
	 * is in neither number.
	 */
	for (end = clock_seconds() + patience; r == 0 && s->broken == 0 &&
	    askers_waiting(s->askers) < s->counts.clients && clock_seconds() < end;)
		change_wait(s, end - clock_seconds());
	pthread_mutex_unlock(&s->lock);
	return r;
}

unsigned
server_linger(struct server *s, double seconds)
{
	double end = clock_seconds() + seconds;
	unsigned left;

	pthread_mutex_lock(&s->lock);
	s->lingering = true;
	server_wake(s);
	while (s->counts.clients > 0 && s->broken == 0 && clock_seconds() < end)
		change_wait(s, end - clock_seconds());
	left = s->counts.clients;
	pthread_mutex_unlock(&s->lock);
	return left;
}

void
server_counts_get(struct server *s, struct server_counts *c)
{
	pthread_mutex_lock(&s->lock);
	*c = s->counts;
	c->waiting = s->n;
	pthread_mutex_unlock(&s->lock);
}

int
server_check(struct server *s, struct fault *f)
{
	int e;

	pthread_mutex_lock(&s->lock);
	e = s->broken;
	pthread_mutex_unlock(&s->lock);
	return e == 0 ? 0 : fault_set(f, "ZeroMQ: %s", zmq_strerror(e));
}

void
server_close(struct server *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_mutex_unlock(&s->lock);
	server_wake(s);
	pthread_join(s->thread, NULL);
	server_free(s);
}

void
server_remove(struct server *s)
{
	listener_close(&s->listener);
}
