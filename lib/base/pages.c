#include <sys/mman.h>

#include <stdint.h>
#include <stdlib.h>

#include "base/pages.h"

enum { LARGE = 2 << 20 };

void *
pages_alloc(size_t align, size_t size)
{
	void *p;

	if (size >= LARGE)
		align = LARGE;
	if (size > SIZE_MAX - align)
		return NULL;
	size = (size + align - 1) & ~(align - 1);
	p = aligned_alloc(align, size);
	if (p != NULL && size >= LARGE)
		(void)madvise(p, size, MADV_HUGEPAGE);
	return p;
}
