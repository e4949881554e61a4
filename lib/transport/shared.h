/*
 * Memory that a process and its children share across fork; and how a child that
 * is not to be trusted is kept from what it has no business with.
 */
#ifndef TRANSPORT_SHARED_H
#define TRANSPORT_SHARED_H

#include <stddef.h>

/* Zeroed memory that stays shared with children across fork. NULL: errno. */
void	*shared_alloc(size_t);
void	shared_free(void *, size_t);

/*
 * For a child that shall share no more than this with others: unmaps all shared
 * memory but the mappings that these n addresses lie in. 0, or -1 with errno.
 */
int	shared_only(void *const keep[], unsigned n);

#endif
