#include <sys/mman.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "transport/shared.h"

void *
shared_alloc(size_t n)
{
	void *at = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

void
shared_free(void *at, size_t n)
{
	munmap(at, n);
}

/* One line of /proc/self/maps. */
static int
mapping_judge(const char *line, void *const keep[], unsigned n)
{
	unsigned long begin, end;
	char shared;
	unsigned i;

	if (sscanf(line, "%lx-%lx %*3c%c", &begin, &end, &shared) != 3) {
		errno = EINVAL;
		return -1;
	}
	if (shared != 's')
		return 0;
	for (i = 0; i < n; i++)
		if ((uintptr_t)keep[i] >= begin && (uintptr_t)keep[i] < end)
			return 0;
	return munmap((void *)begin, end - begin);
}

int
shared_only(void *const keep[], unsigned n)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t room = 0;
	int r = 0;

	if (maps == NULL)
		return -1;
	while (getline(&line, &room, maps) != -1)
		r |= mapping_judge(line, keep, n);
	free(line);
	fclose(maps);
	return r;
}
