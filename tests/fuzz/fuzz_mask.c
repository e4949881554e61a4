/*
 * libFuzzer target: any bytes as a mask, read as peakfind -b reads it. HDF5 may
 * crash on them, in its child; what comes back must be in order all the same.
 * Build with clang -fsanitize=fuzzer,address,undefined; HDF5_PLUGIN_PRELOAD=:: in
 * the environment saves loading plugins each time.
 */
#include <sys/mman.h>

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/badpixels.h"
#include "format/badpixels_impl.h"

enum { INPUT_MAX = 1 << 17, PANELS = 2, HEIGHT = 6, WIDTH = 5 };

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
mask_try(const char *path)
{
	static const struct layout l = { .panels = PANELS, .classes = 2,
	    .height = 8, .width = 8, .real_height = HEIGHT, .real_width = WIDTH,
	    .logits_type = LOGITS_F32, .capacity = 1 };
	const struct guard_limits limits = { 5, 20, 256 << 20 };
	uint8_t *bad;
	struct fault f;
	unsigned i;

	memset(&f, 0xff, sizeof f);
	if (badpixels_read_within(path, &l, &limits, &bad, &f) == -1) {
		if (bad != NULL || f.text[0] == '\0' ||
		    memchr(f.text, '\0', sizeof f.text) == NULL)
			abort();
		return;
	}
	for (i = 0; i < PANELS * HEIGHT * WIDTH; i++)
		if (bad[i] > 1)
			abort();
	free(bad);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[40];
	int fd;

	if (size > INPUT_MAX)
		return 0;
	/* A child may be gone when it is written to, as in all programs. */
	signal(SIGPIPE, SIG_IGN);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	mask_try(path);
	close(fd);
	return 0;
}
