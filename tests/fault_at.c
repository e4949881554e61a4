/*
 * Preloaded into cxiwrite: something happens at one of its calls that change files,
 * so that tests reach every moment without luck. FAULT_AT="N HOW": at the N-th call
 * (from 1; open that creates, write, writev, fsync, fdatasync, ftruncate, rename,
 * renameat2, unlink; of all threads)
 *
 *	kill	the process is killed instead of it
 *	once	it fails with EIO
 *	full	it and all later ones but unlink fail with ENOSPC
 *	quota	the same with EDQUOT
 *
 * FAULT_COUNT=FILE: the number of calls is written there at the end.
 */
#include <sys/uio.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int calls;

/* Counts a call; -1 with errno if it is to fail. */
static int
fault(int full_too)
{
	const char *at = getenv("FAULT_AT");
	int n = atomic_fetch_add(&calls, 1) + 1, due;
	char how[8];

	if (at == NULL || sscanf(at, "%d %7s", &due, how) != 2 || n < due)
		return 0;
	if (strcmp(how, "full") == 0 || strcmp(how, "quota") == 0) {
		errno = *how == 'f' ? ENOSPC : EDQUOT;
		return full_too ? -1 : 0;
	}
	if (n > due)
		return 0;
	if (strcmp(how, "kill") == 0)
		raise(SIGKILL);
	errno = EIO;
	return -1;
}

#define NEXT(type, name, args)						\
	type (*next) args;						\
	void *symbol = dlsym(RTLD_NEXT, name);				\
	memcpy(&next, &symbol, sizeof next)

static int
file_open(const char *name, const char *path, int flags, mode_t mode)
{
	NEXT(int, name, (const char *, int, ...));

	if ((flags & O_CREAT) && fault(1) == -1)
		return -1;
	return next(path, flags, mode);
}

/* The two names that glibc has for it. */
#define OPEN(name)							\
int									\
name(const char *path, int flags, ...)					\
{									\
	mode_t mode = 0;						\
	va_list ap;							\
									\
	va_start(ap, flags);						\
	if (flags & O_CREAT)						\
		mode = va_arg(ap, mode_t);				\
	va_end(ap);							\
	return file_open(#name, path, flags, mode);			\
}

OPEN(open)
OPEN(open64)

ssize_t
write(int fd, const void *p, size_t n)
{
	NEXT(ssize_t, "write", (int, const void *, size_t));

	return fault(1) == -1 ? -1 : next(fd, p, n);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	NEXT(ssize_t, "writev", (int, const struct iovec *, int));

	return fault(1) == -1 ? -1 : next(fd, v, n);
}

int
fsync(int fd)
{
	NEXT(int, "fsync", (int));

	return fault(1) == -1 ? -1 : next(fd);
}

int
fdatasync(int fd)
{
	NEXT(int, "fdatasync", (int));

	return fault(1) == -1 ? -1 : next(fd);
}

int
ftruncate(int fd, off_t n)
{
	NEXT(int, "ftruncate", (int, off_t));

	return fault(1) == -1 ? -1 : next(fd, n);
}

int
rename(const char *from, const char *to)
{
	NEXT(int, "rename", (const char *, const char *));

	return fault(1) == -1 ? -1 : next(from, to);
}

int
renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	NEXT(int, "renameat2", (int, const char *, int, const char *, unsigned));

	return fault(1) == -1 ? -1 : next(a, from, b, to, flags);
}

int
unlink(const char *path)
{
	NEXT(int, "unlink", (const char *));

	return fault(0) == -1 ? -1 : next(path);
}

__attribute__((destructor)) static void
count_tell(void)
{
	const char *path = getenv("FAULT_COUNT");
	FILE *f = path == NULL ? NULL : fopen(path, "w");

	if (f != NULL) {
		fprintf(f, "%d\n", atomic_load(&calls));
		fclose(f);
	}
}
