#include <sys/mman.h>

#include <stdint.h>
#include <stdlib.h>

#include "base/pages.h"

void *
pages_alloc(size_t align, size_t size)
{
	void *p;

	if (size >= PAGES_LARGE)
		align = PAGES_LARGE;
	if (size > SIZE_MAX - align)
		return NULL;
	size = (size + align - 1) & ~(align - 1);
	p = aligned_alloc(align, size);
	if (p != NULL && size >= PAGES_LARGE)
		(void)madvise(p, size, MADV_HUGEPAGE);
	return p;
}
