/*
 * For targets whose input is a file: any bytes are one, given to file_try of the
 * target by a name.
 */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <sys/mman.h>

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 17 };	/* bytes */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void	file_try(const char *path);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[40];
	int fd;

	if (size > FILE_MAX)
		return 0;
	/* A child may be gone when it is written to, as in all programs. */
	signal(SIGPIPE, SIG_IGN);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	file_try(path);
	close(fd);
	return 0;
}

#endif
