/*
 * Preloaded into q2cat: of the second large event of a file a part cannot be read.
 * q2cat finds out when it looks whether it can; or, with LATE in the environment, when
 * it passes the event on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>

static int looks, bad;

int
madvise(void *at, size_t n, int advice)
{
	if (advice == MADV_POPULATE_READ && ++looks == 2) {
		bad = 1;
		errno = EFAULT;
		if (getenv("LATE") == NULL)
			return -1;
	}
	return (int)syscall(SYS_madvise, at, n, advice);
}

/* True once it is time. */
static int
fails(void)
{
	errno = EIO;
	return bad;
}

ssize_t
splice(int in, off64_t *from, int out, off64_t *to, size_t n, unsigned flags)
{
	return fails() ? -1 : syscall(SYS_splice, in, from, out, to, n, flags);
}

ssize_t
pread(int fd, void *to, size_t n, off_t at)
{
	/* Only an event is asked for in so large pieces. */
	return n > 4096 && fails() ? -1 : syscall(SYS_pread64, fd, to, n, at);
}

ssize_t
preadv(int fd, const struct iovec *v, int n, off_t at)
{
	if (fails()) {
		bad = 0;
		return -1;
	}
	return syscall(SYS_preadv, fd, v, n, at, 0L);
}
