#include <sys/ioctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "transport/inlet.h"

enum {
	BUFFER_SIZE = 65536,
	FILE_FILL = RECORD_STREAM_SIZE,	/* of a file: what is behind is skipped */
	SMALL = BUFFER_SIZE / 2,	/* events that one read had better bring */
	WATCH_MS = 1000
};

struct inlet {
	int		fd;
	int		out;		/* watched while waiting; -1: none */
	const volatile int *stop;
	int		regular;	/* a file: never waits, is read by place */
	struct capture	*map;		/* of it, to be read from; NULL: none */
	uint64_t	size;		/* of that file, when last asked */
	size_t		fill;		/* bytes to ask for at once */
	int		ended;
	int		broken;		/* it was reading that failed */
	uint64_t	at;		/* bytes consumed so far, for messages */
	size_t		from, to;	/* valid bytes of the buffer */
	size_t		room;		/* of the buffer; BUFFER_SIZE unless gone back */
	unsigned char	*buffer;
};

struct inlet *
inlet_new(int fd)
{
	struct inlet *in = malloc(sizeof *in);
	struct stat st;

	if (in == NULL)
		return NULL;
	in->room = BUFFER_SIZE;
	if ((in->buffer = malloc(in->room)) == NULL) {
		free(in);
		return NULL;
	}
	in->fd = fd;
	in->out = -1;
	in->stop = NULL;
	in->map = NULL;
	in->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	in->size = in->regular ? (uint64_t)st.st_size : 0;
	in->fill = in->regular ? FILE_FILL : BUFFER_SIZE;
	in->ended = in->broken = 0;
	in->at = in->regular ? (uint64_t)lseek(fd, 0, SEEK_CUR) : 0;
	in->from = in->to = 0;
	io_pipe_enlarge(fd);
	return in;
}

void
inlet_free(struct inlet *in)
{
	if (in != NULL)
		free(in->buffer);
	free(in);
}

void
inlet_watch(struct inlet *in, int out, const volatile int *stop)
{
	in->out = out;
	in->stop = stop;
}

/* Reading failed, which is not the same as having read something bad. */
static enum inlet_got
input_broken(struct inlet *in, const char *what, struct fault *f)
{
	in->broken = 1;
	fault_set(f, "%s: %s", what, strerror(errno));
	return INLET_ERROR;
}

/*
 * Waits until the input has something (or has ended). A signal stops it only
 * between records: what has begun to come is taken.
 */
static enum inlet_got
input_wait(struct inlet *in, const volatile int *stop, struct fault *f)
{
	struct pollfd p[2] = {
		{ .fd = in->fd, .events = POLLIN },
		{ .fd = in->out, .events = 0 }
	};

	if (in->regular || (in->out == -1 && stop == NULL))
		return INLET_GOT;
	for (;;) {
		if (stop != NULL && *stop)
			return INLET_STOPPED;
		if (poll(p, 2, WATCH_MS) == -1) {
			if (errno == EINTR)
				continue;
			return input_broken(in, "poll", f);
		}
		if ((p[0].revents | p[1].revents) & POLLNVAL) {
			in->broken = 1;
			fault_set(f, "a descriptor is closed");
			return INLET_ERROR;
		}
		if (p[1].revents & (POLLERR | POLLHUP))
			return INLET_GONE;
		if (p[0].revents != 0)
			return INLET_GOT;
	}
}

void
inlet_map(struct inlet *in, struct capture *map)
{
	in->map = map;
}

/* As pread(2). What the mapping does not have, the file may. */
static ssize_t
file_read(const struct inlet *in, unsigned char *to, size_t n, uint64_t at)
{
	const unsigned char *from = NULL;

	if (in->map != NULL)
		from = capture_at(in->map, at, n);
	if (from != NULL && capture_has(in->map, from, n)) {
		memcpy(to, from, n);
		if (capture_has(in->map, from, n))
			return (ssize_t)n;
	}
	return pread(in->fd, to, n, (off_t)at);
}

/* Whoever shares our input's description may have made it non-blocking. */
static int
read_again(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (errno == EAGAIN)
		return poll(&p, 1, -1) != -1 || errno == EINTR;
	return errno == EINTR;
}

static enum inlet_got
input_short(struct inlet *in, const char *what, struct fault *f)
{
	fault_set(f, "the input ends inside %s, at byte %llu (truncated)", what,
	    (unsigned long long)(in->at + in->to - in->from));
	return INLET_ERROR;
}

/* Are we past the end? Planes that were skipped may be gone by now. */
static bool
file_shrunk(const struct inlet *in)
{
	struct stat st;

	return in->regular && fstat(in->fd, &st) == 0 &&
	    in->at > (uint64_t)st.st_size;
}

enum inlet_got
inlet_fill(struct inlet *in, struct fault *f)
{
	size_t room;
	ssize_t r;

	if (in->from > 0) {
		memmove(in->buffer, in->buffer + in->from, in->to - in->from);
		in->to -= in->from;
		in->from = 0;
	}
	room = in->room - in->to;
	if (room > in->fill)
		room = in->fill;
	do
		r = in->regular ? file_read(in, in->buffer + in->to, room,
		    in->at + in->to) :
		    read(in->fd, in->buffer + in->to, room);
	while (r == -1 && read_again(in->fd));
	if (r == -1)
		return input_broken(in, "read", f);
	if (r == 0) {
		in->ended = 1;
		return file_shrunk(in) ? input_short(in, "an event", f) : INLET_END;
	}
	in->to += (size_t)r;
	return INLET_GOT;
}

/* Gets n bytes into the buffer; END when there are fewer. */
static enum inlet_got
buffer_want(struct inlet *in, size_t n, const volatile int *stop,
    struct fault *f)
{
	enum inlet_got got;

	while (in->to - in->from < n) {
		got = input_wait(in, in->from == in->to ? stop : NULL, f);
		if (got != INLET_GOT)
			return got;
		if ((got = inlet_fill(in, f)) != INLET_GOT)
			return got;
	}
	return INLET_GOT;
}

/* Bytes of the record that starts in the buffer; an event counts its header. */
static size_t
record_small_size(const struct inlet *in)
{
	struct record r;

	if (record_unpack(in->buffer + in->from, &r, NULL) == 0 &&
	    r.type == RECORD_STREAM)
		return RECORD_STREAM_SIZE;
	return RECORD_SIZE;
}

int
inlet_ready(const struct inlet *in)
{
	size_t n = in->to - in->from;

	return n >= RECORD_SIZE && n >= record_small_size(in);
}

int
inlet_regular(const struct inlet *in)
{
	return in->regular;
}

uint64_t
inlet_left(const struct inlet *in)
{
	return in->size > in->at ? in->size - in->at : 0;
}

int
inlet_ended(const struct inlet *in)
{
	return in->ended && in->from == in->to;
}

/* Too little for a record header: the start of one, or something else? */
static enum inlet_got
header_short(struct inlet *in, struct fault *f)
{
	struct record r = { .type = RECORD_END, .length = RECORD_SIZE };
	unsigned char p[RECORD_SIZE];
	size_t n = in->to - in->from, magic = sizeof record_magic;

	record_pack(p, &r);
	memcpy(p, in->buffer + in->from, n < magic ? n : magic);
	if (record_unpack(p, &r, f) == 0)
		return input_short(in, "a record header", f);
	fault_prefix(f, "byte %llu", (unsigned long long)in->at);
	return INLET_ERROR;
}

/* Bytes that inlet_next gives of a record. */
static size_t
record_given(const struct record *r)
{
	return r->type == RECORD_STREAM ? RECORD_STREAM_SIZE : RECORD_SIZE;
}

enum inlet_got
inlet_look(struct inlet *in, struct record *r, const unsigned char **bytes,
    struct fault *f)
{
	enum inlet_got got;

	got = buffer_want(in, RECORD_SIZE, in->stop, f);
	if (got == INLET_END && in->from != in->to)
		return header_short(in, f);
	if (got != INLET_GOT)
		return got;
	if (record_unpack(in->buffer + in->from, r, f) == -1) {
		fault_prefix(f, "byte %llu", (unsigned long long)in->at);
		return INLET_ERROR;
	}
	if (in->regular && r->type == RECORD_EVENT)
		in->fill = r->length <= SMALL ? BUFFER_SIZE : FILE_FILL;
	got = buffer_want(in, record_given(r), NULL, f);
	if (got == INLET_END)
		return input_short(in, "a stream header", f);
	if (got == INLET_GOT)
		*bytes = in->buffer + in->from;
	return got;
}

/* Takes n bytes that are in the buffer. */
static void
buffer_take(struct inlet *in, size_t n)
{
	in->from += n;
	in->at += n;
}

enum inlet_got
inlet_next(struct inlet *in, struct record *r, const unsigned char **bytes,
    struct fault *f)
{
	enum inlet_got got = inlet_look(in, r, bytes, f);

	if (got == INLET_GOT)
		buffer_take(in, record_given(r));
	return got;
}

/* Takes what cannot be the beginning of a record; true if one may begin here. */
static bool
magic_find(struct inlet *in)
{
	const unsigned char *p = in->buffer + in->from, *at;
	size_t n = in->to - in->from;

	at = memmem(p, n, record_magic, sizeof record_magic);
	if (at == NULL)
		buffer_take(in, n - (sizeof record_magic - 1));
	else
		buffer_take(in, (size_t)(at - p));
	return at != NULL;
}

enum inlet_got
inlet_scan(struct inlet *in, struct record *r, const unsigned char **bytes,
    struct fault *f)
{
	enum inlet_got got;

	for (;;) {
		in->fill = BUFFER_SIZE;
		got = buffer_want(in, RECORD_SIZE, in->stop, f);
		if (got == INLET_END)
			buffer_take(in, in->to - in->from);
		if (got != INLET_GOT)
			return got;
		if (!magic_find(in)) {
			/* Junk may come for ever, and waits for it do not look. */
			if (in->stop != NULL && *in->stop)
				return INLET_STOPPED;
			continue;
		}
		got = inlet_look(in, r, bytes, f);
		if (got != INLET_ERROR || in->broken)
			return got;
		/* Less than a record is left of the input, or it is none. */
		buffer_take(in, 1);
	}
}

bool
inlet_broken(const struct inlet *in)
{
	return in->broken;
}

/* Puts n bytes of the pieces in front of those that are in the buffer. */
static int
buffer_return(struct inlet *in, size_t n, const struct iovec *v)
{
	size_t have = in->to - in->from, done, piece;
	unsigned char *p;

	if ((p = malloc(n + BUFFER_SIZE + have)) == NULL)
		return -1;
	for (done = 0; done < n; done += piece, v++) {
		piece = v->iov_len < n - done ? v->iov_len : n - done;
		memcpy(p + done, v->iov_base, piece);
	}
	memcpy(p + n, in->buffer + in->from, have);
	free(in->buffer);
	in->buffer = p;
	in->room = n + BUFFER_SIZE + have;
	in->from = 0;
	in->to = n + have;
	return 0;
}

int
inlet_back(struct inlet *in, uint64_t offset, const struct iovec *v)
{
	if (in->regular)
		in->from = in->to = 0;
	else if (buffer_return(in, (size_t)(in->at - offset), v) == -1)
		return -1;
	in->at = offset;
	return 0;
}

/* What the buffer has of a payload goes first; returns the bytes it had. */
static size_t
buffer_give(struct inlet *in, struct iovec *v)
{
	size_t n = in->to - in->from;

	if (n > v->iov_len)
		n = v->iov_len;
	memcpy(v->iov_base, in->buffer + in->from, n);
	buffer_take(in, n);
	v->iov_base = (char *)v->iov_base + n;
	v->iov_len -= n;
	return n;
}

enum inlet_got
inlet_payload(struct inlet *in, struct iovec *v, int n, struct fault *f)
{
	enum inlet_got got;
	ssize_t r;

	for (; n > 0; v++, n--) {
		buffer_give(in, v);
		while (v->iov_len > 0) {
			if ((got = input_wait(in, NULL, f)) != INLET_GOT)
				return got;
			do
				r = in->regular ? preadv(in->fd, v, n, (off_t)in->at) :
				    readv(in->fd, v, n);
			while (r == -1 && read_again(in->fd));
			if (r == -1)
				return input_broken(in, "read", f);
			if (r == 0)
				return input_short(in, "an event", f);
			in->at += (uint64_t)r;
			while (n > 1 && (size_t)r >= v->iov_len) {
				r -= (ssize_t)v->iov_len;
				v++;
				n--;
			}
			v->iov_base = (char *)v->iov_base + r;
			v->iov_len -= (size_t)r;
		}
	}
	return INLET_GOT;
}

/* So many bytes of it have come. */
static void
want_advance(struct inlet_want *w, size_t n)
{
	struct iovec *v;

	while (w->first < w->n && n >= (v = &w->v[w->first])->iov_len) {
		n -= v->iov_len;
		w->first++;
	}
	if (w->first == w->n)
		return;
	v = &w->v[w->first];
	v->iov_base = (char *)v->iov_base + n;
	v->iov_len -= n;
}

enum inlet_got
inlet_gather(struct inlet *in, struct inlet_want *w, struct fault *f)
{
	ssize_t r;

	for (; w->first < w->n; w->first++) {
		buffer_give(in, &w->v[w->first]);
		if (w->v[w->first].iov_len > 0)
			break;
	}
	if (w->first == w->n)
		return INLET_GOT;
	do
		r = readv(in->fd, &w->v[w->first], w->n - w->first);
	while (r == -1 && errno == EINTR);
	if (r == -1 && errno != EAGAIN)
		return input_broken(in, "read", f);
	if (r == 0)
		return INLET_END;
	if (r > 0) {
		in->at += (uint64_t)r;
		want_advance(w, (size_t)r);
	}
	return INLET_GOT;
}

uint64_t
inlet_buffered(const struct inlet *in)
{
	return in->to - in->from;
}

uint64_t
inlet_arrived(const struct inlet *in)
{
	int waiting = 0;

	(void)ioctl(in->fd, FIONREAD, &waiting);
	return in->at + inlet_buffered(in) + (uint64_t)waiting;
}

uint64_t
inlet_offset(const struct inlet *in)
{
	return in->at;
}

bool
inlet_readable(const struct inlet *in, uint64_t n)
{
	return capture_readable(in->fd, in->at, n);
}

enum inlet_got
inlet_pass(struct inlet *in, uint64_t n, int to, struct fault *f)
{
	struct pollfd p = { .fd = to, .events = POLLOUT };
	const int held = fcntl(to, F_GETPIPE_SZ);
	/* Its reader may still enlarge it so far. */
	uint64_t tail = held == -1 ? n : held < IO_PIPE_SIZE ? IO_PIPE_SIZE :
	    (uint64_t)held;
	bool copies;
	ssize_t r;
	off_t at;

	in->from = in->to = 0;
	while (n > 0) {
		at = (off_t)in->at;
		copies = n <= tail;
		r = copies ? pread(in->fd, in->buffer,
		    n < in->room ? (size_t)n : in->room, at) :
		    splice(in->fd, &at, to, NULL, (size_t)(n - tail), 0);
		if (r == 0)
			return input_short(in, "an event", f);
		if (r == -1 && errno == EAGAIN)
			(void)poll(&p, 1, -1);
		else if (r == -1 && errno == EPIPE)
			return INLET_GONE;
		else if (r == -1 && errno != EINTR && !copies)
			tail = n;	/* not of this file; or reading tells why */
		else if (r == -1 && errno != EINTR)
			return input_broken(in, "read", f);
		if (r == -1)
			continue;
		if (copies && io_write(to, in->buffer, (size_t)r) == -1)
			return INLET_GONE;
		in->at += (uint64_t)r;
		n -= (uint64_t)r;
	}
	return INLET_GOT;
}

/* Moves past n bytes of a file that has them; it may have grown. */
static enum inlet_got
file_skip(struct inlet *in, uint64_t n, struct fault *f)
{
	struct stat st;

	if (in->at + n > in->size && fstat(in->fd, &st) == 0)
		in->size = (uint64_t)st.st_size;
	if (in->at > in->size || n > in->size - in->at) {
		in->at = in->size;
		return input_short(in, "an event", f);
	}
	in->at += n;
	return INLET_GOT;
}

enum inlet_got
inlet_skip(struct inlet *in, uint64_t n, struct fault *f)
{
	enum inlet_got got;
	size_t have;

	while (n > 0) {
		have = in->to - in->from;
		if (have > n)
			have = (size_t)n;
		buffer_take(in, have);
		n -= have;
		if (n == 0)
			break;
		if (in->regular)
			return file_skip(in, n, f);
		got = buffer_want(in, 1, NULL, f);
		if (got == INLET_END)
			return input_short(in, "an event", f);
		if (got != INLET_GOT)
			return got;
	}
	return INLET_GOT;
}
