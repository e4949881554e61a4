#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"

static int
io_wait(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	while (poll(&p, 1, -1) == -1)
		if (errno != EINTR)
			return -1;
	return 0;
}

/* Takes n bytes off the front of a list; returns the pieces that remain. */
static int
io_advance(struct iovec **iov, int count, size_t n)
{
	while (count > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		count--;
	}
	if (count > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
	return count;
}

ssize_t
io_read(int fd, void *buf, size_t n)
{
	size_t total = 0;
	ssize_t r;

	while (total < n) {
		r = read(fd, (char *)buf + total, n - total);
		if (r == 0)
			break;
		if (r == -1) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN && io_wait(fd, POLLIN) == 0)
				continue;
			return -1;
		}
		total += (size_t)r;
	}
	return (ssize_t)total;
}

int
io_writev(int fd, struct iovec *iov, int count)
{
	ssize_t w;

	count = io_advance(&iov, count, 0);
	while (count > 0) {
		w = writev(fd, iov, count);
		if (w == -1) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN && io_wait(fd, POLLOUT) == 0)
				continue;
			return -1;
		}
		count = io_advance(&iov, count, (size_t)w);
	}
	return 0;
}

int
io_write(int fd, const void *buf, size_t n)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = n };

	return io_writev(fd, &iov, 1);
}

int
io_is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

int
io_feeds_itself(int in, int out)
{
	struct stat i, o;

	return fstat(in, &i) == 0 && fstat(out, &o) == 0 && S_ISREG(o.st_mode) &&
	    i.st_dev == o.st_dev && i.st_ino == o.st_ino &&
	    lseek(in, 0, SEEK_CUR) < i.st_size;
}

void
io_pipe_enlarge(int fd)
{
	int size = fcntl(fd, F_GETPIPE_SZ);

	if (size != -1 && size < IO_PIPE_SIZE)
		(void)fcntl(fd, F_SETPIPE_SZ, IO_PIPE_SIZE);
}

char *
io_slurp(const char *path, size_t max, size_t *n)
{
	struct stat st;
	char *text = NULL;
	ssize_t r;
	int fd, saved;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return NULL;
	if (fstat(fd, &st) == -1)
		goto out;
	errno = S_ISDIR(st.st_mode) ? EISDIR : EFBIG;
	if (S_ISDIR(st.st_mode) || st.st_size > (off_t)max)
		goto out;
	/* One byte more than allowed: a pipe or a file that grows is noticed. */
	if ((text = malloc(max + 1)) == NULL)
		goto out;
	r = io_read(fd, text, max + 1);
	if (r < 0 || (size_t)r > max) {
		saved = r < 0 ? errno : EFBIG;
		free(text);
		text = NULL;
		errno = saved;
		goto out;
	}
	*n = (size_t)r;
	text[r] = '\0';
out:
	saved = errno;
	close(fd);
	errno = saved;
	return text;
}
