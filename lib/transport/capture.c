/*
 * The handler finds the capture by the address of the fault, in a fixed table:
 * it may run in any thread, at any moment. It maps zeros over the page, which is
 * private and writes nothing into the file, and lets the instruction go on.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/capture.h"

enum {
	CAPTURES_MAX = 64,
	KEPT = 4 << 20		/* bytes, before pages are let go */
};

struct capture {
	unsigned char		*at;	/* NULL: a free entry */
	uint64_t		size;
	int			fd;
	uint64_t		from, to;	/* handed out and not let go */
	uint64_t		budget;		/* bytes of these, about */
	volatile sig_atomic_t	torn;
};

static struct capture captures[CAPTURES_MAX];
static struct sigaction before;
static bool guarded;

static void
bus_handler(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	struct capture *c;

	(void)context;
	for (c = captures; c < captures + CAPTURES_MAX; c++)
		if (c->at != NULL && at >= (uintptr_t)c->at &&
		    at - (uintptr_t)c->at < c->size &&
		    mmap((void *)(at & ~(page - 1)), page, PROT_READ,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
		    MAP_FAILED) {
			c->torn = 1;
			return;
		}
	/* Not ours: as if we were not here. */
	sigaction(sig, &before, NULL);
}

static void
bus_guard(void)
{
	struct sigaction sa;

	if (guarded)
		return;
	memset(&sa, 0, sizeof sa);
	sigemptyset(&sa.sa_mask);
	sa.sa_flags = SA_SIGINFO;
	sa.sa_sigaction = bus_handler;
	sigaction(SIGBUS, &sa, &before);
	guarded = true;
}

int
capture_identify(int fd, struct capture_name *n)
{
	char self[40];
	struct stat st, there;
	ssize_t r;

	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	memset(n, 0, sizeof *n);
	r = readlink(self, n->path, sizeof n->path - 1);
	if (r <= 0 || (size_t)r == sizeof n->path - 1 || n->path[0] != '/' ||
	    fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    stat(n->path, &there) == -1 || there.st_ino != st.st_ino ||
	    there.st_dev != st.st_dev)
		return -1;
	n->device = st.st_dev;
	n->inode = st.st_ino;
	n->size = (uint64_t)st.st_size;
	return 0;
}

/* Memory and descriptors are the machine's; else it is the file's fault. */
static void
open_failed(const struct capture_name *n, const char *what, struct fault *f)
{
	const char *cause = strerror(errno);

	if (errno == ENOMEM || errno == EMFILE || errno == ENFILE)
		fault_lack(f, "%s: %s%s", n->path, what, cause);
	else
		fault_set(f, "%s: %s%s", n->path, what, cause);
}

struct capture *
capture_open(const struct capture_name *n, struct fault *f)
{
	struct capture *c = captures;
	struct stat st;
	void *at;
	int fd;

	while (c < captures + CAPTURES_MAX && c->at != NULL)
		c++;
	if (c == captures + CAPTURES_MAX) {
		fault_set(f, "more than %d captures at once", CAPTURES_MAX);
		return NULL;
	}
	/* Whatever is there now, opening it must not wait. */
	if ((fd = open(n->path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK)) == -1) {
		open_failed(n, "", f);
		return NULL;
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_dev != n->device || st.st_ino != n->inode) {
		fault_set(f, "%s: is not the file any more that is replayed (it was"
		    " replaced)", n->path);
		close(fd);
		return NULL;
	}
	at = mmap(NULL, n->size, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		open_failed(n, "cannot map: ", f);
		close(fd);
		return NULL;
	}
	/*
	 * Where the file system can, pages that are not in memory yet come 2 MiB at a
	 * time: then mapping a frame of 23 MB takes 0.02 ms, else 0.9. MADV_RANDOM
	 * would keep reading ahead from bringing small ones between, but kernels that
	 * know no large ones would then read page by page.
	 */
	(void)madvise(at, n->size, MADV_HUGEPAGE);
	bus_guard();
	c->fd = fd;
	c->size = n->size;
	c->from = c->to = 0;
	c->budget = KEPT;
	c->torn = 0;
	c->at = at;
	return c;
}

void
capture_close(struct capture *c)
{
	unsigned char *at;

	if (c == NULL)
		return;
	at = c->at;
	c->at = NULL;
	munmap(at, c->size);
	close(c->fd);
}

void
capture_budget(struct capture *c, uint64_t bytes)
{
	c->budget = bytes < KEPT ? KEPT : bytes;
}

/* Without this a process would seem to need as much memory as the file has. */
static void
pages_drop(struct capture *c)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t from = c->from & ~(page - 1);

	(void)madvise(c->at + from, c->to - from, MADV_DONTNEED);
}

const unsigned char *
capture_at(struct capture *c, uint64_t offset, uint64_t size)
{
	uint64_t end = offset + size, from, to;

	if (size > c->size || offset > c->size - size)
		return NULL;
	from = c->to == 0 || offset < c->from ? offset : c->from;
	to = end > c->to ? end : c->to;
	/* What is kept is one stretch, so a loop's jump back begins another. */
	if ((from != c->from || to != c->to) && to - from > c->budget) {
		pages_drop(c);
		from = offset;
		to = end;
	}
	c->from = from;
	c->to = to;
	return c->at + offset;
}

void
capture_populate(const struct capture *c, const unsigned char *at, uint64_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t offset = (uint64_t)(at - c->at);
	uint64_t from = offset & ~(page - 1);

	(void)madvise(c->at + from, offset + size - from, MADV_POPULATE_READ);
}

bool
capture_has(const struct capture *c, const unsigned char *at, uint64_t size)
{
	struct stat st;

	return !c->torn && fstat(c->fd, &st) == 0 &&
	    (uint64_t)st.st_size >= (uint64_t)(at - c->at) + size;
}

bool
capture_readable(int fd, uint64_t offset, uint64_t n)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t from = offset & ~(page - 1);
	const size_t size = (size_t)(offset + n - from);
	struct stat st;
	void *at;
	bool good;

	if (fstat(fd, &st) == -1 || (uint64_t)st.st_size < offset + n)
		return false;
	at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, (off_t)from);
	if (at == MAP_FAILED)
		return false;
	(void)madvise(at, size, MADV_HUGEPAGE);
	/* Linux before 5.14 cannot say. */
	good = madvise(at, size, MADV_POPULATE_READ) == 0 || errno == EINVAL;
	munmap(at, size);
	return good;
}
