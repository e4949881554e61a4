#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "format/guard.h"
#include "transport/sandbox.h"
#include "transport/slots.h"
#include "transport/worker.h"

/*
 * The child is a crew of one. A request and its answer are a message each; the
 * answer repeats serial number and request, so that a child cannot answer before
 * it is asked. The shared memory is a private slot, which is sparse: it costs what
 * is touched. In front lies a fault, for the child's words.
 *
 * Who waits on whom: the parent in guard_ask for the child, no longer than the
 * limits say, which it watches itself: the child has no say in them. The child
 * waits for its parent only. It is always ended by SIGKILL: it has nothing to
 * finish, and cannot be trusted to end when it is told.
 */

enum { HEAD_SIZE = 2048, TICK_MS = 100 };

const struct guard_limits guard_limits = { GUARD_CPU, GUARD_WALL, GUARD_MEMORY };

_Static_assert(sizeof(struct fault) <= HEAD_SIZE, "it lies there");
_Static_assert((int)GUARD_FILES <= (int)WORKER_FILES, "a child has them all");

static const volatile int *heeded;	/* guard_heed; NULL: nothing */

struct message {
	uint64_t	serial, request;
	int64_t		file, result;
};

struct guard {
	struct guard_duty duty;
	struct guard_limits limits;
	int		file;		/* that requests are about */
	struct slots	*slots;
	unsigned char	*head;		/* the shared memory: a fault first */
	struct crew	*crew;		/* NULL: no child could be started */
	uint64_t	serial;
};

/* HDF5's own switch, for file systems whose locks are no good. */
static bool
locks_off(void)
{
	const char *e = getenv("HDF5_USE_FILE_LOCKING");

	return e != NULL && (strcmp(e, "FALSE") == 0 || strcmp(e, "0") == 0);
}

static int
file_check(int fd, struct fault *f)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return fault_set(f, "%s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return fault_set(f, "%s", strerror(EISDIR));
	if (!S_ISREG(st.st_mode))
		return fault_set(f, "not a regular file");
	/* A file system without locks has nobody to fear. */
	if (!locks_off() && flock(fd, LOCK_SH | LOCK_NB) == -1 &&
	    errno == EWOULDBLOCK)
		return fault_set(f, "locked by a program that writes it");
	return 0;
}

int
guard_open(const char *path, struct fault *f)
{
	/* A FIFO would wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1)
		return fault_set(f, "%s", strerror(errno));
	if (file_check(fd, f) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
child_prepare(void *ctx, unsigned self)
{
	struct guard *g = ctx;
	struct fault f = { .text = "" };

	(void)self;
	/* What the child before left there is not its words. */
	memcpy(g->head, &f, sizeof f);
	if (g->duty.prepare(g->duty.ctx, &f) == 0 &&
	    sandbox_enter(WORKER_SOCKET, g->limits.memory, &f) == 0)
		return 0;
	memcpy(g->head, &f, sizeof f);
	return -1;
}

static int
child_work(void *ctx, struct worker_message *bytes)
{
	struct guard *g = ctx;
	struct fault f = { .text = "" };
	struct message m;

	memcpy(&m, bytes, sizeof m);
	m.result = g->duty.serve(g->duty.ctx, WORKER_FILE + (int)m.file,
	    guard_memory(g), m.request, &f);
	memcpy(g->head, &f, sizeof f);
	memcpy(bytes, &m, sizeof m);
	return 0;
}

struct guard *
guard_start(const struct guard_duty *duty, const int *fds, int n,
    const struct guard_limits *limits, struct fault *f)
{
	struct worker_duty work = { child_prepare, child_work, NULL, 1 };
	struct guard *g = calloc(1, sizeof *g);

	if (g == NULL) {
		fault_lack(f, "out of memory");
		return NULL;
	}
	g->duty = *duty;
	g->limits = *limits;
	work.ctx = g;
	if ((g->slots = slots_private(1, f)) == NULL ||
	    (g->head = slots_map(g->slots, 0, HEAD_SIZE + duty->memory, f)) == NULL
	    || (g->crew = crew_start_alone(&work, fds, n, g->head, f)) == NULL) {
		guard_stop(g);
		return NULL;
	}
	return g;
}

void
guard_stop(struct guard *g)
{
	if (g == NULL)
		return;
	crew_stop(g->crew);
	slots_close(g->slots);
	free(g);
}

void
guard_turn(struct guard *g, int i)
{
	g->file = i;
}

void *
guard_memory(const struct guard *g)
{
	return g->head + HEAD_SIZE;
}

int
guard_text(char *text, size_t size)
{
	size_t i;
	int plain = memchr(text, '\0', size) != NULL;

	text[size - 1] = '\0';
	for (i = 0; text[i] != '\0'; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == '\177') {
			text[i] = '?';
			plain = 0;
		}
	return plain;
}

/* The child's words. They are gone as soon as another one begins. */
static void
words_take(const struct guard *g, struct fault *f)
{
	memcpy(f->text, g->head, sizeof f->text);
	guard_text(f->text, sizeof f->text);
	/* What a file asked for more of than a child may have is the file's fault. */
	f->lack = false;
}

void
guard_heed(const volatile int *stop)
{
	heeded = stop;
}

/* Ends a child that nobody waits for any longer. 1 if it did, and why. */
static int
limits_watch(const struct guard *g, double cpu, double wall, struct fault *why)
{
	if (heeded != NULL && *heeded != 0)
		fault_set(why, "stopped");
	else if (crew_seconds(g->crew, 0) - cpu > g->limits.cpu)
		fault_set(why, "HDF5 took more than %g s of processor time for it",
		    g->limits.cpu);
	else if (clock_seconds() - wall > g->limits.wall)
		fault_set(why, "HDF5 did not answer within %g s", g->limits.wall);
	else
		return 0;
	crew_kill(g->crew, 0);
	return 1;
}

/* 1: an answer in *m; 0: the child has died, or was ended for the reason why. */
static int
answer_wait(const struct guard *g, struct worker_message *m, struct fault *why)
{
	double cpu = crew_seconds(g->crew, 0), wall = clock_seconds();
	struct pollfd p;
	int n;

	for (;;) {
		crew_poll(g->crew, &p);
		(void)poll(&p, 1, TICK_MS);
		if ((n = crew_receive(g->crew, 0, m, 1)) != 0)
			return n == 1;
		if (limits_watch(g, cpu, wall, why))
			return 0;
	}
}

/* Says what became of the child, and starts another. */
static enum guard_answer
child_died(struct guard *g, const struct fault *why, struct fault *f)
{
	/* Before it was prepared it had not seen the file, and its word counts. */
	bool honest = crew_begun(g->crew, 0) == 0;
	struct fault how = { .text = "" }, words;

	/* One that only closed its socket would be waited for without end. */
	crew_kill(g->crew, 0);
	words_take(g, &words);
	if (crew_replace(g->crew, 0, &how, f) == -1) {
		crew_stop(g->crew);
		g->crew = NULL;
		return GUARD_DIED;
	}
	if (why->text[0] != '\0')
		*f = *why;
	else if (honest && words.text[0] != '\0')
		*f = words;
	else if (honest)
		fault_lack(f, "the child that is to read it cannot begin (%s)",
		    how.text);
	else
		fault_set(f, "HDF5, or a filter of it, crashed (%s)", how.text);
	return GUARD_DIED;
}

enum guard_answer
guard_ask(struct guard *g, uint64_t request, struct fault *f)
{
	struct message m = { ++g->serial, request, g->file, 0 }, answer;
	struct fault why = { .text = "" }, own;
	struct worker_message bytes;

	if (f == NULL)
		f = &own;
	if (g->crew == NULL) {
		fault_set(f, "cannot start a process to read it");
		return GUARD_DIED;
	}
	memset(&bytes, 0, sizeof bytes);
	memcpy(&bytes, &m, sizeof m);
	if (crew_send(g->crew, 0, &bytes, 1) == -1 ||
	    answer_wait(g, &bytes, &why) == 0)
		return child_died(g, &why, f);
	memcpy(&answer, &bytes, sizeof answer);
	if (answer.serial == m.serial && answer.request == request) {
		words_take(g, f);
		if (answer.result == 0)
			return GUARD_DONE;
		if (f->text[0] != '\0')
			return GUARD_REFUSED;
	}
	fault_set(&why, "HDF5, or a filter of it, ran wild");
	return child_died(g, &why, f);
}
