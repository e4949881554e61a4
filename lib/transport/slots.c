/*
 * See slots.h for who owns what. Notes on the means:
 *
 * The pipe's flags belong to all processes that share it, so waiting without
 * blocking needs an open file description of our own: /proc/self/fd/N reopened.
 *
 * The pipe is first in, first out: it hands out the slot that has been cold the
 * longest. So all tokens are taken at once and kept on a stack whose top is the
 * slot freed last, whose pages are still in a cache.
 *
 * The consumers' lock is a POSIX read lock on the first byte of the control
 * page; the kernel drops it however the process ends. Beside it a counter says
 * how many consumers there ever were: a producer that starts before its consumer
 * must not take "not yet" for "gone".
 */
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "transport/slotmap.h"
#include "transport/slots.h"

#define STRIDE (UINT64_C(1) << 32)

enum {
	FIRST_FD = 100,		/* a shell cannot clobber these */
	SLOT_HEAD = 64,
	CONTROL_SIZE = 1 << 19,
	WATCH_MS = 200,		/* between two looks at the consumers' lock */
	LONELY_LOOKS = 10	/* in vain, before slots_take says so */
};

struct slot_head {
	_Atomic uint64_t generation;	/* odd: filled or being filled; even: free */
	struct slots_origin origin;
	struct slots_range zeros;	/* void once planes were copied here */
};

_Static_assert(sizeof(struct slot_head) <= SLOT_HEAD, "a head fits");

struct control {
	_Atomic uint32_t consumers;	/* that ever took the lock */
	_Atomic uint32_t captures;	/* entries ever asked for; may exceed all */
	struct capture_name names[SLOTS_CAPTURES];
	_Atomic uint64_t expected;	/* events in all; 0: unknown */
};

_Static_assert(sizeof(struct control) <= CONTROL_SIZE, "the control fits");

struct slots {
	int		memory;		/* the memory file */
	int		take, give;	/* our ends of the token pipe; -1: private */
	unsigned	n;
	uint32_t	session;
	uint32_t	consumers;	/* when we opened */
	bool		seen;		/* a consumer held its lock */
	bool		consumes;	/* this process does */
	struct control	*control;
	struct slotmap	maps[SLOTS_MAX];
	struct capture	*captures[SLOTS_CAPTURES];	/* mapped; NULL: not yet */
	unsigned char	stack[SLOTS_MAX];	/* tokens in hand, hottest last */
	volatile unsigned held;	/* a handler looks at it: slots_abandon */
	unsigned char	owed[SLOTS_MAX];	/* tokens that wait for slots_settle */
	unsigned	n_owed;
};

static int
descriptor_raise(int fd)
{
	int high = fcntl(fd, F_DUPFD, FIRST_FD);

	if (high != -1)
		close(fd);
	return high;
}

static int
memory_create(unsigned n, unsigned flags)
{
	int fd = memfd_create("q2slots", MFD_ALLOW_SEALING | flags);

	if (fd == -1)
		return -1;
	if (ftruncate(fd, (off_t)(n * STRIDE + CONTROL_SIZE)) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ==
	    -1) {
		close(fd);
		return -1;
	}
	return fd;
}

/* For errno; a low limit on descriptors is EINVAL or EMFILE. */
static int
publish_failed(unsigned n, struct fault *f)
{
	bool number = errno == EINVAL || errno == EMFILE;
	const char *cause = strerror(errno);
	struct rlimit limit;

	if (number && getrlimit(RLIMIT_NOFILE, &limit) == 0)
		return fault_lack(f, "cannot prepare %u slots: their descriptors are %d"
		    " and more, but the limit is %llu; raise it, as with ulimit -n 1024",
		    n, FIRST_FD, (unsigned long long)limit.rlim_cur);
	return fault_lack(f, "cannot prepare %u slots: %s", n, cause);
}

int
slots_publish(unsigned n, struct fault *f)
{
	unsigned char tokens[SLOTS_MAX];
	char env[160];
	struct stat ms, ps;
	uint32_t session;
	int memory, ends[2];
	unsigned i;

	if ((memory = memory_create(n, 0)) == -1 || pipe(ends) == -1)
		return fault_lack(f, "cannot make %u slots: %s", n,
		    strerror(errno));
	for (i = 0; i < n; i++)
		tokens[i] = (unsigned char)(n - 1 - i);
	if (getrandom(&session, sizeof session, 0) != sizeof session ||
	    io_write(ends[1], tokens, n) == -1 ||
	    (memory = descriptor_raise(memory)) == -1 ||
	    (ends[0] = descriptor_raise(ends[0])) == -1 ||
	    (ends[1] = descriptor_raise(ends[1])) == -1 ||
	    fstat(memory, &ms) == -1 || fstat(ends[0], &ps) == -1)
		return publish_failed(n, f);
	/* Session 0 is that of private slots. */
	session |= 1;
	snprintf(env, sizeof env, "1:%d:%d:%d:%u:%08x:%llu:%llu", memory, ends[0],
	    ends[1], n, session, (unsigned long long)ms.st_ino,
	    (unsigned long long)ps.st_ino);
	if (setenv("Q2_SLOTS", env, 1) == -1)
		return fault_set(f, "cannot set Q2_SLOTS: %s", strerror(errno));
	return 0;
}

/* Is fd a file of this kind with this inode? */
static int
descriptor_is(int fd, mode_t kind, unsigned long long ino, off_t size)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == kind &&
	    st.st_ino == ino && (size == 0 || st.st_size == size);
}

static int
control_map(struct slots *s)
{
	s->control = mmap(NULL, CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
	    s->memory, (off_t)(s->n * STRIDE));
	if (s->control == MAP_FAILED) {
		s->control = NULL;
		return -1;
	}
	s->consumers = atomic_load(&s->control->consumers);
	return 0;
}

/* Fills *s from the text of Q2_SLOTS; -1 if it is malformed or names others. */
static int
environment_parse(const char *env, struct slots *s, struct fault *f)
{
	unsigned long long mi, pi;
	int memory, take, give, seals, end = -1;
	unsigned n, session;

	if (sscanf(env, "1:%9d:%9d:%9d:%3u:%8x:%20llu:%20llu%n", &memory, &take,
	    &give, &n, &session, &mi, &pi, &end) != 7 || env[end] != '\0' ||
	    n < 1 || n > SLOTS_MAX || session == 0)
		return fault_set(f, "Q2_SLOTS is malformed: \"%.100s\"; start the"
		    " pipeline with q2slots", env);
	seals = fcntl(memory, F_GET_SEALS);
	if (!descriptor_is(memory, S_IFREG, mi,
	    (off_t)(n * STRIDE + CONTROL_SIZE)) ||
	    seals == -1 || !(seals & F_SEAL_SHRINK) ||
	    !descriptor_is(take, S_IFIFO, pi, 0) ||
	    !descriptor_is(give, S_IFIFO, pi, 0) ||
	    (fcntl(give, F_GETFL) & O_ACCMODE) != O_WRONLY)
		return fault_set(f, "Q2_SLOTS names descriptors that are closed or"
		    " are not its slots; start the pipeline with q2slots");
	s->memory = memory;
	s->give = give;
	s->n = n;
	s->session = session;
	s->take = take;
	return 0;
}

/* Were there consumers since we opened, and is none left? */
static int
consumers_gone(struct slots *s)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET,
		.l_start = (off_t)(s->n * STRIDE), .l_len = 1
	};

	if (fcntl(s->memory, F_GETLK, &lock) == -1)
		return 0;
	if (lock.l_type != F_UNLCK) {
		s->seen = true;
		return 0;
	}
	return s->seen || atomic_load(&s->control->consumers) != s->consumers;
}

int
slots_open(struct slots **out, struct fault *f)
{
	const char *env = getenv("Q2_SLOTS");
	char path[40];
	struct slots *s;

	*out = NULL;
	if (env == NULL)
		return 0;
	if ((s = calloc(1, sizeof *s)) == NULL)
		return fault_lack(f, "no memory for the slots");
	if (environment_parse(env, s, f) == -1) {
		free(s);
		return -1;
	}
	snprintf(path, sizeof path, "/proc/self/fd/%d", s->take);
	s->take = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (s->take == -1 || control_map(s) == -1) {
		fault_set(f, "cannot open the slots of Q2_SLOTS: %s",
		    strerror(errno));
		if (s->take != -1)
			close(s->take);
		free(s);
		return -1;
	}
	/* One that is here now and dies before we first wait was here. */
	(void)consumers_gone(s);
	*out = s;
	return 1;
}

struct slots *
slots_private(unsigned n, struct fault *f)
{
	struct slots *s = calloc(1, sizeof *s);

	if (s == NULL) {
		fault_lack(f, "no memory for the slots");
		return NULL;
	}
	s->take = s->give = -1;
	s->n = n;
	for (; s->held < n; s->held++)
		s->stack[s->held] = (unsigned char)(n - 1 - s->held);
	s->memory = memory_create(n, MFD_CLOEXEC);
	if (s->memory == -1 || control_map(s) == -1) {
		fault_lack(f, "cannot make %u private slots: %s%s", n,
		    strerror(errno), errno != EFBIG ? "" : ": each may grow to"
		    " 4 GiB; raise the limit, as with ulimit -f unlimited");
		if (s->memory != -1)
			close(s->memory);
		free(s);
		return NULL;
	}
	return s;
}

void
slots_close(struct slots *s)
{
	int saved = errno;
	unsigned i;

	if (s == NULL)
		return;
	slots_settle(s);
	slots_abandon(s);
	for (i = 0; i < s->n; i++)
		slotmap_free(&s->maps[i]);
	for (i = 0; i < SLOTS_CAPTURES; i++)
		capture_close(s->captures[i]);
	munmap(s->control, CONTROL_SIZE);
	/* The shared descriptors stay: closing one would drop the lock. */
	if (s->take != -1)
		close(s->take);
	else
		close(s->memory);
	free(s);
	errno = saved;
}

unsigned
slots_count(const struct slots *s)
{
	return s->n;
}

unsigned
slots_pending(const struct slots *s)
{
	unsigned i, n = 0;
	uint64_t g;

	/* Read, not mapped: who looks at a slot must not make pages of it. */
	for (i = 0; s->take != -1 && i < s->n; i++)
		if (pread(s->memory, &g, sizeof g, (off_t)(i * STRIDE)) == sizeof g)
			n += g % 2;
	return n;
}

void
slots_expect(struct slots *s, uint64_t events)
{
	atomic_store_explicit(&s->control->expected, events,
	    memory_order_relaxed);
}

uint64_t
slots_expected(const struct slots *s)
{
	return atomic_load_explicit(&s->control->expected,
	    memory_order_relaxed);
}

unsigned
slots_held(const struct slots *s)
{
	return s->held;
}

static unsigned char *
slot_map(struct slots *s, unsigned slot, uint64_t size)
{
	struct slotmap *m = &s->maps[slot];

	return slotmap_grow(m, s->memory, slot * STRIDE, size) == -1 ? NULL :
	    m->at;
}

unsigned char *
slots_map(struct slots *s, unsigned slot, uint64_t size, struct fault *f)
{
	unsigned char *at;

	if (slot >= s->n || size > STRIDE - SLOT_HEAD) {
		fault_set(f, "slot %u with %llu bytes is out of range", slot,
		    (unsigned long long)size);
		return NULL;
	}
	if ((at = slot_map(s, slot, SLOT_HEAD + size)) == NULL) {
		fault_lack(f, "cannot map slot %u (%llu bytes): %s", slot,
		    (unsigned long long)size, strerror(errno));
		return NULL;
	}
	return at + SLOT_HEAD;
}

void
slots_populate(struct slots *s, unsigned slot, uint32_t name, uint64_t offset,
    uint64_t size, bool writing)
{
	slotmap_populate(&s->maps[slot], name, SLOT_HEAD + offset, size, writing);
}

/* The head of a slot; NULL only if it was never mapped and cannot be. */
static struct slot_head *
slot_head(struct slots *s, unsigned slot)
{
	return (struct slot_head *)(void *)slot_map(s, slot, SLOT_HEAD);
}

/* Reads what tokens there are; the pipe's order is coldest first. */
static int
tokens_read(struct slots *s, struct fault *f)
{
	ssize_t r, i;

	r = read(s->take, s->stack + s->held, SLOTS_MAX - s->held);
	if (r == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (r <= 0)
		return fault_set(f, "the token pipe: %s",
		    r == 0 ? "closed" : strerror(errno));
	for (i = 0; i < r; i++)
		if (s->stack[s->held + (unsigned)i] >= s->n)
			return fault_set(f, "a token for slot %u of %u",
			    s->stack[s->held + (unsigned)i], s->n);
	s->held += (unsigned)r;
	return 0;
}

int
slots_try(struct slots *s, unsigned *slot, struct fault *f)
{
	if (s->take != -1 && s->held < SLOTS_MAX && tokens_read(s, f) == -1)
		return -1;
	if (s->held == 0)
		return 0;
	*slot = s->stack[--s->held];
	return 1;
}

enum slots_wait
slots_take(struct slots *s, int out, const volatile int *stop, unsigned *slot,
    struct fault *f)
{
	struct pollfd p[2] = {
		{ .fd = s->take, .events = POLLIN },
		{ .fd = out, .events = 0 }
	};

	int looks, r;

	for (looks = 0;; looks++) {
		if ((r = slots_try(s, slot, f)) != 0)
			return r == 1 ? SLOTS_TAKEN : SLOTS_FAULT;
		if (stop != NULL && *stop)
			return SLOTS_STOP;
		if (poll(p, 2, WATCH_MS) == -1 && errno != EINTR) {
			fault_set(f, "poll: %s", strerror(errno));
			return SLOTS_FAULT;
		}
		if (p[0].revents & POLLNVAL || p[1].revents & POLLNVAL) {
			fault_set(f, "a descriptor is closed");
			return SLOTS_FAULT;
		}
		if (p[1].revents & (POLLERR | POLLHUP))
			return SLOTS_GONE;
		if (p[0].revents & POLLIN)
			continue;
		if (consumers_gone(s))
			return SLOTS_GONE;
		if (looks >= LONELY_LOOKS && !s->seen)
			return SLOTS_LONELY;
	}
}

static int
head_lack(unsigned slot, struct fault *f)
{
	return fault_lack(f, "cannot map slot %u: %s", slot, strerror(errno));
}

uint64_t
slots_claim(struct slots *s, unsigned slot, struct fault *f)
{
	struct slot_head *h = slot_head(s, slot);
	uint64_t g;

	if (h == NULL) {
		head_lack(slot, f);
		return 0;
	}
	g = (atomic_load(&h->generation) | 1) + 2;

	if (h->origin.planes == 0)
		h->zeros.to = 0;
	h->origin.planes = 0;
	atomic_store(&h->generation, g);
	return g;
}

void
slots_origin_get(struct slots *s, unsigned slot, struct slots_origin *o)
{
	*o = slot_head(s, slot)->origin;
}

void
slots_origin_set(struct slots *s, unsigned slot, const struct slots_origin *o)
{
	slot_head(s, slot)->origin = *o;
}

struct slots_range *
slots_zeros(struct slots *s, unsigned slot)
{
	struct slot_head *h = slot_head(s, slot);

	return h->origin.planes == 0 ? NULL : &h->zeros;
}

int
slots_capture_add(struct slots *s, const struct capture_name *name)
{
	uint32_t n = atomic_load(&s->control->captures), i;

	for (i = 0; i < n && i < SLOTS_CAPTURES; i++)
		if (memcmp(&s->control->names[i], name, sizeof *name) == 0)
			return (int)i;
	n = atomic_fetch_add(&s->control->captures, 1);
	if (n >= SLOTS_CAPTURES)
		return -1;
	s->control->names[n] = *name;
	return (int)n;
}

struct capture *
slots_capture(struct slots *s, unsigned number, struct fault *f)
{
	struct capture_name name;

	if (number >= SLOTS_CAPTURES ||
	    number >= atomic_load(&s->control->captures)) {
		fault_set(f, "a slot names capture %u, which nobody made known",
		    number);
		return NULL;
	}
	if (s->captures[number] == NULL) {
		name = s->control->names[number];
		name.path[sizeof name.path - 1] = '\0';
		s->captures[number] = capture_open(&name, f);
	}
	return s->captures[number];
}

void
slots_refer(const struct slots *s, unsigned slot, uint64_t generation,
    struct record *r)
{
	r->type = RECORD_REFERENCE;
	r->length = RECORD_SIZE;
	r->slot = slot;
	r->generation = generation;
	r->session = s->session;
}

int
slots_check(struct slots *s, const struct record *r, struct fault *f)
{
	struct slot_head *h;

	if (s == NULL)
		return fault_set(f, "a reference, but Q2_SLOTS is not set; start"
		    " the whole pipeline with q2slots");
	if (r->session != s->session)
		return fault_set(f, "a reference of another session (%08x, ours is"
		    " %08x): references cannot be kept or sent elsewhere",
		    r->session, s->session);
	if (r->slot >= s->n)
		return fault_set(f, "a reference to slot %u of %u", r->slot, s->n);
	if ((h = slot_head(s, r->slot)) == NULL)
		return head_lack(r->slot, f);
	if (atomic_load(&h->generation) != r->generation)
		return fault_set(f, "a stale reference to slot %u (generation %llu,"
		    " the slot has %llu): one reader only can have references;"
		    " what tee(1) copies must be inline, without q2slots", r->slot,
		    (unsigned long long)r->generation,
		    (unsigned long long)atomic_load(&h->generation));
	return 0;
}

/* Ends the life of a reference; its token is then the caller's to give. */
static int
reference_end(struct slots *s, const struct record *r, struct fault *f)
{
	uint64_t g = r->generation;

	if (slots_check(s, r, f) == -1)
		return -1;
	if (!atomic_compare_exchange_strong(&slot_head(s, r->slot)->generation,
	    &g, g + 1))
		return fault_set(f, "slot %u was released twice", r->slot);
	return 0;
}

int
slots_release(struct slots *s, const struct record *r, struct fault *f)
{
	if (reference_end(s, r, f) == -1)
		return -1;
	slots_untake(s, r->slot);
	return 0;
}

int
slots_release_later(struct slots *s, const struct record *r, struct fault *f)
{
	if (reference_end(s, r, f) == -1)
		return -1;
	if (s->give == -1) {
		slots_untake(s, r->slot);
		return 0;
	}
	if (s->n_owed == SLOTS_MAX)
		slots_settle(s);
	s->owed[s->n_owed++] = (unsigned char)r->slot;
	return 0;
}

void
slots_settle(struct slots *s)
{
	unsigned n = s == NULL ? 0 : s->n_owed;

	if (n == 0)
		return;
	s->n_owed = 0;
	/* Cannot block, and fails only if the pipe has lost all its readers. */
	(void)io_write(s->give, s->owed, n);
}

void
slots_untake(struct slots *s, unsigned slot)
{
	unsigned char token = (unsigned char)slot;

	/* Cannot block, and fails only if the pipe has lost all its readers. */
	if (s->give != -1)
		(void)io_write(s->give, &token, 1);
	else
		s->stack[s->held++] = token;
}

void
slots_abandon(struct slots *s)
{
	unsigned n = s == NULL ? 0 : s->held;

	/* Of private slots there is nobody to give to. */
	if (n == 0 || s->take == -1)
		return;
	s->held = 0;
	(void)io_write(s->give, s->stack, n);
}

int
slots_consume(struct slots *s, struct fault *f)
{
	struct flock lock = {
		.l_type = F_RDLCK, .l_whence = SEEK_SET,
		.l_start = (off_t)(s->n * STRIDE), .l_len = 1
	};

	if (s->consumes)
		return 0;
	if (fcntl(s->memory, F_SETLK, &lock) == -1)
		return fault_set(f, "cannot lock the slots: %s", strerror(errno));
	s->consumes = true;
	atomic_fetch_add(&s->control->consumers, 1);
	return 0;
}
