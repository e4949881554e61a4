/*
 * A listener: a UNIX or TCP socket at which others connect to send. Descriptors
 * and addresses only; what comes is the caller's to read.
 *
 * A UNIX socket is bound with mode 0600: the mode is set before it has a name. Its
 * name is taken while the directory is locked (flock), so that of two programs
 * that begin at once neither takes the other's socket, bound but not yet
 * listening, for that of a dead one. Only a socket at which nobody listens is
 * replaced. The lock is tried for two seconds.
 *
 * Who connects waits in the kernel's queue until listener_accept takes it.
 */
#ifndef TRANSPORT_LISTENER_H
#define TRANSPORT_LISTENER_H

#include <sys/types.h>
#include <sys/un.h>

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"

enum { LISTENER_NAME = 128 };	/* bytes of an address in words */

struct listener {
	int	fd;			/* to be polled; -1: closed */
	char	name[LISTENER_NAME];	/* unix:PATH or tcp:ADDRESS:PORT, bound */
	bool	open_to_others;		/* TCP, and not bound to loopback */
	char	path[sizeof ((struct sockaddr_un *)NULL)->sun_path];
	dev_t	device;			/* of the socket file, if there is a path */
	ino_t	inode;
};

/*
 * Listens at unix:PATH, tcp:PORT (loopback) or tcp:HOST:PORT, where HOST is a
 * name, an address, an IPv6 address in brackets, or * for all of the machine's IPv4
 * ones;
 * port 0 lets the kernel choose one: see name. 0 or -1, a lack where the machine
 * has no descriptor or memory for it.
 */
int	listener_open(struct listener *, const char *address, struct fault *);

/*
 * Closes it, and removes its socket file if it is still ours. May be called by a
 * signal handler, and twice.
 */
void	listener_close(struct listener *);

/*
 * Takes one that has connected; its descriptor, which does not block, is the
 * caller's. peer becomes who it is: "pid 77" or "127.0.0.1:4000". -1 with errno;
 * EAGAIN: there is none (any more).
 */
int	listener_accept(const struct listener *, char *peer, size_t size);

/* Is that errno a lack of descriptors or memory, which may be over later? */
bool	listener_lacks(int error);

#endif
