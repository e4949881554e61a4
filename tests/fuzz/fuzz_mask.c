/*
 * libFuzzer target: any bytes as a mask, read as peakfind -b reads it. HDF5 may
 * crash on them, in its child; what comes back must be in order all the same.
 * Build with clang -fsanitize=fuzzer,address,undefined; HDF5_PLUGIN_PRELOAD=:: in
 * the environment saves loading plugins each time.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/badpixels.h"
#include "format/badpixels_impl.h"
#include "fuzz_file.h"

enum { PANELS = 2, HEIGHT = 6, WIDTH = 5 };

static void
file_try(const char *path)
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
