/*
 * Memory for something large, by large pages where the machine has them: to find
 * small ones costs more than to fill them with an event that comes through a pipe.
 */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stddef.h>

/* Bytes of a large page. */
enum { PAGES_LARGE = 2 << 20 };

/*
 * As aligned_alloc, but size may be any; freed with free. align is a power of two,
 * at most PAGES_LARGE.
 */
void	*pages_alloc(size_t align, size_t size);

#endif
