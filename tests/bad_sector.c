/*
 * Preloaded into q2cat: of the second large event of a file, which it looks at before
 * it passes it on, a part cannot be read.
 */
#include <errno.h>
#include <stddef.h>
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
		return -1;
	}
	return (int)syscall(SYS_madvise, at, n, advice);
}

ssize_t
preadv(int fd, const struct iovec *v, int n, off_t at)
{
	if (bad) {
		bad = 0;
		errno = EIO;
		return -1;
	}
	return syscall(SYS_preadv, fd, v, n, at, 0L);
}
