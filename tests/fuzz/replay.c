/*
 * Runs a fuzz target once on each file that is named, without a fuzzer: what
 * crashed once, or is hard to reach, stays tested.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
main(int argc, char *argv[])
{
	char *data;
	size_t n;
	int i;

	for (i = 1; i < argc; i++) {
		if ((data = io_slurp(argv[i], 1 << 20, &n)) == NULL)
			err(1, "%s", argv[i]);
		/* The last line before a crash. */
		fprintf(stderr, "%s\n", argv[i]);
		LLVMFuzzerTestOneInput((const uint8_t *)data, n);
		free(data);
	}
	printf("%d replayed\n", argc - 1);
	return 0;
}
