/*
 * Whole reads and whole writes. Every reader answers: got one, clean end, or
 * error. EINTR is retried, and a descriptor that would block is waited for.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/*
 * Reads until n bytes are there or the input ends. Returns the bytes read (fewer
 * than n only at the end of the input), or -1 with errno.
 */
ssize_t	io_read(int fd, void *, size_t n);

/* Writes all n bytes; 0, or -1 with errno. Waits where the descriptor would block. */
int	io_write(int fd, const void *, size_t n);

/* The same for a list of pieces. The list is used up: its contents change. */
int	io_writev(int fd, struct iovec *, int n);

/* 1 if fd is a FIFO or a socket: something with a reader, not a place to keep. */
int	io_is_pipe(int fd);

/*
 * 1 if both are one regular file and in has not been read to its end: what is
 * written comes back, and a copy has no end but that of the disk. As in cat(1).
 */
int	io_feeds_itself(int in, int out);

/* What a pipe can be enlarged to without privilege, as Linux comes. */
enum { IO_PIPE_SIZE = 1 << 20 };

/*
 * Enlarges a smaller pipe to IO_PIPE_SIZE, which saves switches with large events;
 * best effort. Of both ends, since only one may be ours.
 */
void	io_pipe_enlarge(int fd);

/*
 * Reads a whole regular file of at most max bytes into malloc'd memory, with a
 * NUL behind it. Returns NULL with errno (EFBIG when it is larger).
 */
char	*io_slurp(const char *path, size_t max, size_t *n);

#endif
