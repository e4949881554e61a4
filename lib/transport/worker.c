#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "transport/sandbox.h"
#include "transport/shared.h"
#include "transport/worker.h"

struct worker {
	pid_t	pid;
	int	fd;		/* the parent's end; -1 in the workers */
	size_t	have;		/* bytes of a result that came in part */
	struct worker_message part;
};

struct crew {
	unsigned	n;
	struct worker_duty duty;
	_Atomic uint64_t *begun;	/* an entry a worker, shared with it */
	bool		alone;
	const int	*files;		/* what a worker alone may keep */
	int		n_files;
	void		*memory;
	struct worker	w[];
};

/*
 * Keeps only what crew_start_alone says, so that nobody's records, tokens, slots
 * or terminals are in reach. The socket's descriptor, or -1.
 */
static int
worker_bare(const struct crew *c, int socket)
{
	void *const keep[] = { (void *)c->begun, c->memory };
	int end = WORKER_FILE + c->n_files, files[WORKER_FILES], i;

	/* First out of the way of the numbers that they are to have. */
	for (i = 0; i < c->n_files; i++)
		if ((files[i] = fcntl(c->files[i], F_DUPFD, end)) == -1)
			return -1;
	if ((socket = fcntl(socket, F_DUPFD, end)) == -1 ||
	    dup2(socket, WORKER_SOCKET) == -1)
		return -1;
	for (i = 0; i < c->n_files; i++)
		if (dup2(files[i], WORKER_FILE + i) == -1)
			return -1;
	if (close_range((unsigned)end, ~0U, 0) == -1)
		return -1;
	/* Valgrind shares memory of its own, which it does not let go. */
	if (shared_only(keep, sizeof keep / sizeof keep[0]) == -1 &&
	    !sandbox_watched())
		return -1;
	if (!sandbox_watched() && dup2(STDIN_FILENO, STDERR_FILENO) == -1)
		return -1;
	return WORKER_SOCKET;
}

/* No standard input or output, no sibling's socket. */
static void
worker_isolate(struct crew *c, pid_t parent)
{
	int null = open("/dev/null", O_RDWR);
	unsigned i;

	if (null != -1) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	for (i = 0; i < c->n; i++)
		if (c->w[i].fd != -1)
			close(c->w[i].fd);
	/* These reach the whole group; the parent decides when we end. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
}

/*
 * Takes the jobs that are there, with one read: whole ones in m, the number of
 * them; part of one waits in *have bytes behind them. 0 at the end.
 */
static int
jobs_read(int fd, struct worker_message *m, size_t *have)
{
	ssize_t r;

	for (;;) {
		r = read(fd, (char *)m + *have, WORKER_BATCH * sizeof *m - *have);
		if (r == -1 && errno == EINTR)
			continue;
		if (r <= 0)
			return 0;
		*have += (size_t)r;
		if (*have >= sizeof *m)
			return (int)(*have / sizeof *m);
	}
}

/* Never returns: a worker must not run its parent's exit handlers. */
static void
worker_run(struct crew *c, unsigned self, int fd)
{
	struct worker_message m[WORKER_BATCH];
	size_t have = 0;
	int i, n, sent;

	if (c->duty.prepare(c->duty.ctx, self) == -1)
		_exit(1);
	atomic_store(&c->begun[self], 1);
	while ((n = jobs_read(fd, m, &have)) > 0) {
		for (i = sent = 0; i < n; i++) {
			atomic_fetch_add(&c->begun[self], 1);
			if (c->duty.work(c->duty.ctx, &m[i]) == -1)
				_exit(1);
			if (i + 1 < n && i + 1 - sent < c->duty.gather)
				continue;
			if (io_write(fd, &m[sent], (size_t)(i + 1 - sent) *
			    sizeof m[0]) == -1)
				_exit(1);
			sent = i + 1;
		}
		have -= (size_t)n * sizeof m[0];
		memmove(m, &m[n], have);
	}
	_exit(0);
}

static int
worker_start(struct crew *c, unsigned i, struct fault *f)
{
	pid_t parent = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		return fault_lack(f, "cannot make a socket for a worker: %s",
		    strerror(errno));
	c->w[i].have = 0;
	atomic_store(&c->begun[i], 0);
	if ((c->w[i].pid = fork()) == 0) {
		close(ends[0]);
		worker_isolate(c, parent);
		if (c->alone && (ends[1] = worker_bare(c, ends[1])) == -1)
			_exit(1);
		worker_run(c, i, ends[1]);
	}
	close(ends[1]);
	if (c->w[i].pid == -1) {
		close(ends[0]);
		return fault_lack(f, "cannot start a worker: %s", strerror(errno));
	}
	c->w[i].fd = ends[0];
	return 0;
}

static struct crew *
crew_new(unsigned n, const struct worker_duty *duty, struct fault *f)
{
	struct crew *c = calloc(1, sizeof *c + n * sizeof c->w[0]);
	unsigned i;

	if (c == NULL) {
		fault_lack(f, "no memory for %u workers", n);
		return NULL;
	}
	c->begun = shared_alloc(n * sizeof c->begun[0]);
	if (c->begun == NULL) {
		free(c);
		fault_lack(f, "no memory for %u workers", n);
		return NULL;
	}
	c->n = n;
	c->duty = *duty;
	for (i = 0; i < n; i++)
		c->w[i].fd = -1;
	return c;
}

/* Frees the crew if not all can be started. */
static struct crew *
crew_fill(struct crew *c, struct fault *f)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		if (worker_start(c, i, f) == -1) {
			crew_stop(c);
			return NULL;
		}
	return c;
}

struct crew *
crew_start(unsigned n, const struct worker_duty *duty, struct fault *f)
{
	struct crew *c = crew_new(n, duty, f);

	return c == NULL ? NULL : crew_fill(c, f);
}

struct crew *
crew_start_alone(const struct worker_duty *duty, const int *files, int n,
    void *memory, struct fault *f)
{
	struct crew *c = crew_new(1, duty, f);

	if (c == NULL)
		return NULL;
	c->alone = true;
	c->files = files;
	c->n_files = n;
	c->memory = memory;
	return crew_fill(c, f);
}

void
crew_stop(struct crew *c)
{
	unsigned i;

	if (c == NULL)
		return;
	/* By a signal: one that is stopped never sees the end of its input. */
	for (i = 0; i < c->n; i++) {
		crew_kill(c, i);
		if (c->w[i].fd != -1)
			close(c->w[i].fd);
	}
	for (i = 0; i < c->n; i++)
		if (c->w[i].pid > 0)
			while (waitpid(c->w[i].pid, NULL, 0) == -1 &&
			    errno == EINTR)
				;
	shared_free((void *)c->begun, c->n * sizeof c->begun[0]);
	free(c);
}

int
crew_pid(const struct crew *c, unsigned i)
{
	return (int)c->w[i].pid;
}

double
crew_seconds(const struct crew *c, unsigned i)
{
	struct timespec t;
	clockid_t clock;

	if (c->w[i].pid <= 0 ||
	    clock_getcpuclockid(c->w[i].pid, &clock) != 0 ||
	    clock_gettime(clock, &t) == -1)
		return -1;
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void
crew_kill(const struct crew *c, unsigned i)
{
	if (c->w[i].pid > 0)
		kill(c->w[i].pid, SIGKILL);
}

void
crew_poll(const struct crew *c, struct pollfd *p)
{
	unsigned i;

	for (i = 0; i < c->n; i++) {
		p[i].fd = c->w[i].fd;
		p[i].events = POLLIN;
		p[i].revents = 0;
	}
}

int
crew_send(struct crew *c, unsigned i, const struct worker_message *m, int n)
{
	return io_write(c->w[i].fd, m, (size_t)n * sizeof *m);
}

uint64_t
crew_begun(const struct crew *c, unsigned i)
{
	return atomic_load(&c->begun[i]);
}

int
crew_receive(struct crew *c, unsigned i, struct worker_message *m, int max)
{
	struct worker *w = &c->w[i];
	size_t room = (size_t)max * sizeof *m;
	ssize_t r;

	memcpy(m, &w->part, w->have);
	do
		r = recv(w->fd, (char *)m + w->have, room - w->have, MSG_DONTWAIT);
	while (r == -1 && errno == EINTR);
	if (r == -1 && errno == EAGAIN)
		return 0;
	if (r <= 0)
		return -1;
	r += (ssize_t)w->have;
	w->have = (size_t)r % sizeof *m;
	r /= (ssize_t)sizeof *m;
	memcpy(&w->part, &m[r], w->have);
	return (int)r;
}

int
crew_replace(struct crew *c, unsigned i, struct fault *how, struct fault *f)
{
	struct worker *w = &c->w[i];
	int status = 0;

	close(w->fd);
	w->fd = -1;
	while (waitpid(w->pid, &status, 0) == -1 && errno == EINTR)
		;
	w->pid = 0;
	if (WIFSIGNALED(status))
		fault_set(how, "killed by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		fault_set(how, "ended with status %d", WEXITSTATUS(status));
	return worker_start(c, i, f);
}
