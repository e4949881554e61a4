#include <sys/mman.h>

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "base/pages.h"
#include "transport/slotmap.h"

/* madvise(2); libc before 2.37 does not name it. */
enum { COLLAPSE = 25 };

/* The kernel aligns only what the system's setting gives large pages unasked. */
static void *
aligned_map(int file, uint64_t offset, uint64_t size)
{
	const int prot = PROT_READ | PROT_WRITE;
	unsigned char *room, *at;
	uint64_t before;

	if (size < PAGES_LARGE)
		return mmap(NULL, size, prot, MAP_SHARED, file, (off_t)offset);
	room = mmap(NULL, size + PAGES_LARGE, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return room;
	before = -(uintptr_t)room & (PAGES_LARGE - 1);
	at = mmap(room + before, size, prot, MAP_SHARED | MAP_FIXED, file,
	    (off_t)offset);
	if (at == MAP_FAILED) {
		munmap(room, size + PAGES_LARGE);
		return at;
	}
	if (before > 0)
		munmap(room, before);
	munmap(at + size, PAGES_LARGE - before);
	return at;
}

int
slotmap_grow(struct slotmap *m, int file, uint64_t offset, uint64_t size)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	void *at;

	if (m->at != NULL && m->size >= size)
		return 0;
	size = (size + page - 1) & ~(page - 1);
	if ((at = aligned_map(file, offset, size)) == MAP_FAILED)
		return -1;
	slotmap_free(m);
	m->at = at;
	m->size = size;
	return 0;
}

void
slotmap_free(struct slotmap *m)
{
	if (m->at != NULL)
		munmap(m->at, m->size);
	*m = (struct slotmap){ .at = NULL };
}

/*
 * Whatever the setting for shared memory is: "never", as a rule. The kernel leaves
 * alone what has no page at all, so each gets a first one.
 */
static void
pages_enlarge(const struct slotmap *m, uint64_t from, uint64_t to)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t at;

	from &= ~(uint64_t)(PAGES_LARGE - 1);
	to = (to + PAGES_LARGE - 1) & ~(uint64_t)(PAGES_LARGE - 1);
	while (to > m->size)
		to -= PAGES_LARGE;
	if (to <= from)
		return;
	for (at = from; at < to; at += PAGES_LARGE)
		(void)madvise(m->at + at, page, MADV_POPULATE_WRITE);
	(void)madvise(m->at + from, to - from, COLLAPSE);
}

void
slotmap_populate(struct slotmap *m, uint32_t name, uint64_t offset, uint64_t size,
    bool writing)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t from = offset & ~(page - 1);
	const uint64_t to = (offset + size + page - 1) & ~(page - 1);

	if (m->at == NULL || (m->populated & name))
		return;
	m->populated |= name;
	if (writing)
		pages_enlarge(m, from, to);
	(void)madvise(m->at + from, to - from,
	    writing ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
}
