#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "transport/listener.h"

enum { LOCK_TRIES = 200, LOCK_PAUSE_MS = 10 };

bool
listener_lacks(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM ||
	    error == ENOBUFS;
}

static int
errno_tell(struct fault *f, int error)
{
	return listener_lacks(error) ? fault_lack(f, "%s", strerror(error)) :
	    fault_set(f, "%s", strerror(error));
}

/* ---- UNIX ---- */

/* Locks the directory of a path; its descriptor, or -1 with errno. */
static int
directory_lock(const char *path)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	char copy[sizeof ((struct listener *)NULL)->path];
	int fd, tries;

	memcpy(copy, path, strlen(path) + 1);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	for (tries = 0; flock(fd, LOCK_EX | LOCK_NB) == -1; tries++) {
		if (errno != EWOULDBLOCK || tries == LOCK_TRIES) {
			close(fd);
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* What has the name already: a socket of the dead (it is removed), or else? */
static int
leftover_remove(const struct sockaddr_un *a, struct fault *f)
{
	struct stat st;
	int fd, r, saved;

	/* Who listened there may end at any moment, and remove it. */
	if (lstat(a->sun_path, &st) == -1)
		return errno == ENOENT ? 0 : errno_tell(f, errno);
	if (!S_ISSOCK(st.st_mode))
		return fault_set(f, "is there and is not a socket");
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0)) == -1)
		return errno_tell(f, errno);
	r = connect(fd, (const struct sockaddr *)a, sizeof *a);
	saved = errno;
	close(fd);
	/* EAGAIN: somebody listens, and others wait already. */
	if (r == 0 || saved == EAGAIN)
		return fault_set(f, "another program listens there");
	if (saved != ECONNREFUSED && saved != ENOENT)
		return errno_tell(f, saved);
	if (unlink(a->sun_path) == -1 && errno != ENOENT)
		return fault_set(f, "a socket where nobody listens: %s",
		    strerror(errno));
	return 0;
}

/* With the directory locked. */
static int
unix_bind(struct listener *l, struct fault *f)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const struct sockaddr *sa = (const struct sockaddr *)&a;
	struct stat st;

	memcpy(a.sun_path, l->path, sizeof a.sun_path);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The file gets the mode of the socket. */
	if (l->fd == -1 || fchmod(l->fd, 0600) == -1)
		return errno_tell(f, errno);
	if (bind(l->fd, sa, sizeof a) == -1) {
		if (errno != EADDRINUSE)
			return errno_tell(f, errno);
		if (leftover_remove(&a, f) == -1)
			return -1;
		if (bind(l->fd, sa, sizeof a) == -1)
			return errno_tell(f, errno);
	}
	if (lstat(l->path, &st) == -1)
		return errno_tell(f, errno);
	l->device = st.st_dev;
	l->inode = st.st_ino;
	if (listen(l->fd, SOMAXCONN) == -1)
		return errno_tell(f, errno);
	return 0;
}

static int
unix_open(struct listener *l, const char *path, struct fault *f)
{
	int directory, r;

	if (*path == '\0' || strlen(path) >= sizeof l->path)
		return fault_set(f, "a path of 1 to %zu bytes is wanted",
		    sizeof l->path - 1);
	memcpy(l->path, path, strlen(path) + 1);
	snprintf(l->name, sizeof l->name, "unix:%s", path);
	if ((directory = directory_lock(path)) == -1) {
		errno_tell(f, errno);
		return fault_prefix(f, "its directory");
	}
	r = unix_bind(l, f);
	close(directory);
	return r;
}

/* ---- TCP ---- */

/* "ADDRESS:PORT" in numbers. */
static void
address_text(const struct sockaddr *sa, socklen_t size, char *text, size_t room)
{
	char host[64] = "?", port[8] = "?";

	(void)getnameinfo(sa, size, host, sizeof host, port, sizeof port,
	    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(text, room, sa->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
	    host, port);
}

static bool
address_loopback(const struct sockaddr *sa)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	if (sa->sa_family == AF_INET) {
		memcpy(&four, sa, sizeof four);
		return ntohl(four.sin_addr.s_addr) >> 24 == 127;
	}
	memcpy(&six, sa, sizeof six);
	return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
}

static int
tcp_bind(struct listener *l, const struct addrinfo *a)
{
	const int on = 1;

	l->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (l->fd == -1)
		return -1;
	/* So that the port of an ended program can be had again at once. */
	(void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	return bind(l->fd, a->ai_addr, a->ai_addrlen) == -1 ? -1 :
	    listen(l->fd, SOMAXCONN);
}

/* Splits [HOST:]PORT; 0 or -1. */
static int
tcp_split(const char *text, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(text, ':'), *from = text, *cause;
	size_t n = colon == NULL ? 0 : (size_t)(colon - text);
	long long number;

	*port = colon == NULL ? text : colon + 1;
	if (number_int(*port, 0, 65535, &number, &cause) == -1)
		return -1;
	if (colon == NULL)
		n = strlen(from = "127.0.0.1");
	else if (n == 1 && *from == '*')
		n = strlen(from = "0.0.0.0");
	else if (n > 2 && from[0] == '[' && from[n - 1] == ']') {
		from++;
		n -= 2;
	} else if (memchr(from, ':', n) != NULL)
		return -1;
	if (n == 0 || n >= size)
		return -1;
	snprintf(host, size, "%.*s", (int)n, from);
	return 0;
}

static int
tcp_open(struct listener *l, const char *text, struct fault *f)
{
	const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM
	};
	struct sockaddr_storage bound = { .ss_family = AF_UNSPEC };
	struct sockaddr *sa = (struct sockaddr *)&bound;
	struct addrinfo *a;
	socklen_t size = sizeof bound;
	const char *port;
	char host[256];
	int r;

	if (tcp_split(text, host, sizeof host, &port) == -1)
		return fault_set(f, "not [HOST:]PORT with a port of 0 to 65535");
	if ((r = getaddrinfo(host, port, &hints, &a)) != 0)
		return fault_set(f, "%s", gai_strerror(r));
	r = tcp_bind(l, a);
	freeaddrinfo(a);
	if (r == -1 || getsockname(l->fd, sa, &size) == -1)
		return errno_tell(f, errno);
	l->open_to_others = !address_loopback(sa);
	memcpy(l->name, "tcp:", 4);
	address_text(sa, size, l->name + 4, sizeof l->name - 4);
	return 0;
}

/* ---- both ---- */

int
listener_open(struct listener *l, const char *address, struct fault *f)
{
	int r;

	memset(l, 0, sizeof *l);
	l->fd = -1;
	if (strncmp(address, "unix:", 5) == 0)
		r = unix_open(l, address + 5, f);
	else if (strncmp(address, "tcp:", 4) == 0)
		r = tcp_open(l, address + 4, f);
	else
		r = fault_set(f, "not unix:PATH or tcp:[HOST:]PORT");
	if (r == -1)
		listener_close(l);
	return r;
}

void
listener_close(struct listener *l)
{
	struct stat st;

	if (l->fd == -1)
		return;
	if (l->inode != 0 && lstat(l->path, &st) == 0 &&
	    st.st_dev == l->device && st.st_ino == l->inode)
		(void)unlink(l->path);
	close(l->fd);
	l->fd = -1;
}

/* A machine that is gone without a word is noticed after two minutes. */
static void
peer_watch(int fd)
{
	const int on = 1, idle = 60, interval = 10, probes = 6;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval,
	    sizeof interval);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

int
listener_accept(const struct listener *l, char *peer, size_t size)
{
	struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
	struct sockaddr *sa = (struct sockaddr *)&from;
	socklen_t n = sizeof from;
	struct ucred who = { .pid = 0 };
	socklen_t m = sizeof who;
	int fd = accept4(l->fd, sa, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd == -1)
		return -1;
	if (l->path[0] == '\0') {
		peer_watch(fd);
		address_text(sa, n, peer, size);
		return fd;
	}
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &m);
	snprintf(peer, size, "pid %ld", (long)who.pid);
	return fd;
}
