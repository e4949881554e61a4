/*
 * A slot's memory as one process has it mapped, in large pages where the kernel can
 * (Linux 6.1, and shmem_enabled not at "deny"). In small ones an event of 34 MB
 * has 8400, each of which faults once in each process, and in virtual machines
 * often a second time, in the hypervisor.
 */
#ifndef TRANSPORT_SLOTMAP_H
#define TRANSPORT_SLOTMAP_H

#include <stdbool.h>
#include <stdint.h>

struct slotmap {			/* all 0: not mapped yet */
	unsigned char	*at;
	uint64_t	size;		/* bytes */
	uint32_t	populated;	/* names of slotmap_populate */
};

/*
 * Maps at least size bytes from offset, a multiple of PAGES_LARGE, of a memory
 * file. If fewer were mapped, they are at another place now and nothing of them
 * counts as populated. -1 with errno: what was mapped still is.
 */
int	slotmap_grow(struct slotmap *, int file, uint64_t offset, uint64_t size);

void	slotmap_free(struct slotmap *);

/*
 * Populates the pages of these bytes of the mapping at once that would fault in one
 * by one; best effort. Once for each name, a bit of the caller's choice for the
 * range. Who writes makes them large, and does so before others read: then theirs
 * are large as well.
 */
void	slotmap_populate(struct slotmap *, uint32_t name, uint64_t offset,
	    uint64_t size, bool writing);

#endif
