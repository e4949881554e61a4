/*
 * The guard: here the child is hostile code itself, with no HDF5 in between. What
 * it tries fails, and whatever becomes of it is a fault for its parent, who goes
 * on. That HDF5's filters fare alike is tests/guard.t's.
 */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "format/guard.h"
#include "transport/sandbox.h"
#include "transport/shared.h"
#include "transport/worker.h"

enum order {
	ECHO, REFUSE, COUNT, CREATE, OPEN, STAT, UNLINK, SOCKET, FORK, EXEC, KILL,
	TRACE, LIMIT, CODE, WRITE, DESCRIPTORS, FOREIGN, THREAD, HOG, SEGFAULT,
	ABORT, EXIT, LOOP, SLEEP, HANG_UP, FORGE, SCRIBBLE, MUTE, END
};

/* What the child writes for us. */
struct notes {
	int64_t	value;
	int	error;
	pid_t	pid;
};

static char file_name[] = "/tmp/test_guard.XXXXXX";
static int file = -1;
static pid_t parent;
static volatile unsigned spins;		/* of a request that never ends */
static volatile unsigned char *foreign;	/* shared memory of others */
static int fail_prepare;
static int calls;			/* in this child */

static int
prepare(void *ctx, struct fault *f)
{
	(void)ctx;
	/* cmocka has handlers of its own. */
	signal(SIGSEGV, SIG_DFL);
	return fail_prepare ? fault_set(f, "not today") : 0;
}

static void *
thread_run(void *arg)
{
	*(int64_t *)arg = 42;
	return NULL;
}

static void
thread_try(struct notes *n)
{
	int64_t value = 0;
	pthread_t t;

	n->error = pthread_create(&t, NULL, thread_run, &value);
	if (n->error == 0)
		pthread_join(t, NULL);
	n->value = value;
}

static int
descriptors_count(void)
{
	int fd, n = 0;

	/* Of the calls on a descriptor lseek is one that may be made. */
	for (fd = 0; fd < 1024; fd++)
		if (lseek(fd, 0, SEEK_CUR) != -1 || errno != EBADF)
			n++;
	return n;
}

/* Takes memory and uses it, until there is no more; how much. */
static int64_t
memory_hog(void)
{
	enum { PIECE = 16 << 20 };
	int64_t n = 0;
	char *p;

	while (n < INT64_C(4) << 30) {
		p = mmap(NULL, PIECE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return n;
		p[0] = p[PIECE / 2] = 1;
		n += PIECE;
	}
	return n;
}

static int64_t
attempt(enum order what, void *memory)
{
	static const char *const argv[] = { "true", NULL };
	struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };
	struct worker_message forged = { { 1 } };
	struct stat st;
	void *p;

	switch (what) {
	case CREATE:
		return open("/tmp/test_guard.written", O_WRONLY | O_CREAT, 0600);
	case OPEN:
		return open("/etc/passwd", O_RDONLY);
	case STAT:
		return stat("/etc/passwd", &st);
	case UNLINK:
		return unlink(file_name);
	case SOCKET:
		return socket(AF_UNIX, SOCK_STREAM, 0);
	case FORK:
		return fork();
	case EXEC:
		return execv("/bin/true", (char *const *)(uintptr_t)argv);
	case KILL:
		return kill(parent, SIGUSR1);
	case TRACE:
		return ptrace(PTRACE_ATTACH, parent, NULL, NULL);
	case LIMIT:
		return setrlimit(RLIMIT_DATA, &more);
	case CODE:
		p = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return p == MAP_FAILED ? -1 : 0;
	case WRITE:
		return write(WORKER_FILE, "x", 1);
	case DESCRIPTORS:
		return descriptors_count();
	case FOREIGN:
		return *foreign = 66;
	case HOG:
		return memory_hog();
	case SEGFAULT:
		return raise(SIGSEGV);
	case ABORT:
		abort();
	case EXIT:
		_exit(0);
	case LOOP:
		for (;;)
			spins++;
	case SLEEP:
		for (;;)
			nanosleep(&(struct timespec){ 1, 0 }, NULL);
	case HANG_UP:
		/* Closing it is not allowed; who reads no more is as mute. */
		for (;;)
			(void)!read(WORKER_SOCKET, &forged, sizeof forged);
	case FORGE:
		return writev(WORKER_SOCKET, &(struct iovec){ &forged,
		    sizeof forged }, 1);
	case SCRIBBLE:
		memset((unsigned char *)memory - sizeof(struct fault), 'x',
		    sizeof(struct fault));
		raise(SIGSEGV);
		return 0;
	default:
		return 7;
	}
}

static int
serve(void *ctx, int fd, void *memory, uint64_t request, struct fault *f)
{
	struct notes *n = memory;

	(void)ctx;
	if (request == END) {
		n->value = lseek(fd, 0, SEEK_END);
		return 0;
	}
	if (fd != WORKER_FILE)
		return fault_set(f, "descriptor %d", fd);
	n->pid = getpid();
	calls++;
	switch (request) {
	case REFUSE:
		return fault_set(f, "no\033[2J, not\nthat");
	case COUNT:
		n->value = calls;
		return 0;
	case THREAD:
		thread_try(n);
		return 0;
	case MUTE:
		return -1;
	}
	errno = 0;
	n->value = attempt((enum order)request, memory);
	n->error = errno;
	return 0;
}

static const struct guard_duty duty = { prepare, serve, NULL,
    sizeof(struct notes) };

/* Enough for all but those who take too much on purpose. */
static const struct guard_limits wide = { 20, 60, 64 << 20 };

static struct guard *
started(const struct guard_limits *l)
{
	struct fault f = { .text = "" };
	struct guard *g = guard_start(&duty, &file, 1, l, &f);

	if (g == NULL)
		fail_msg("%s", f.text);
	return g;
}

static void
answers(struct guard *g, int64_t value)
{
	struct notes *n = guard_memory(g);
	struct fault f = { .text = "" };

	if (guard_ask(g, COUNT, &f) != GUARD_DONE)
		fail_msg("%s", f.text);
	assert_int_equal(n->value, value);
}

static void
says(const struct fault *f, const char *words)
{
	assert_non_null(memchr(f->text, '\0', sizeof f->text));
	if (strstr(f->text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", f->text, words);
}

/* The child dies of it, with these words, and another one serves. */
static void
dies(const struct guard_limits *l, enum order what, const char *words)
{
	struct guard *g = started(l);
	struct fault f;

	memset(&f, 0xff, sizeof f);
	assert_int_equal(guard_ask(g, what, &f), GUARD_DIED);
	says(&f, words);
	answers(g, 1);
	assert_int_equal(guard_ask(g, what, NULL), GUARD_DIED);
	answers(g, 1);
	guard_stop(g);
}

/* It fails, and the child lives. */
static void
denied(struct guard *g, enum order what)
{
	struct notes *n = guard_memory(g);
	struct fault f = { .text = "" };

	if (guard_ask(g, what, &f) != GUARD_DONE)
		fail_msg("%d: %s", what, f.text);
	if (n->value != -1 || n->error != EACCES)
		fail_msg("attempt %d: %lld, %s", what, (long long)n->value,
		    strerror(n->error));
}

static void
a_child_serves_many_requests(void **state)
{
	struct guard *g = started(&wide);
	struct fault f = { .text = "" };
	int i;

	(void)state;
	for (i = 1; i <= 100; i++)
		answers(g, i);
	assert_int_equal(guard_ask(g, REFUSE, &f), GUARD_REFUSED);
	assert_string_equal(f.text, "no?[2J, not?that");
	answers(g, 102);
	guard_stop(g);
	guard_stop(NULL);
}

static void
only_computing_is_allowed(void **state)
{
	static const enum order what[] = { CREATE, OPEN, STAT, UNLINK, SOCKET,
	    FORK, EXEC, KILL, TRACE, LIMIT, CODE, WRITE };
	struct guard *g;
	unsigned i;

	(void)state;
	/* Valgrind has the door open. */
	if (sandbox_watched() && getenv("LD_PRELOAD") != NULL)
		skip();
	g = started(&wide);
	for (i = 0; i < sizeof what / sizeof what[0]; i++)
		denied(g, what[i]);
	answers(g, (int64_t)i + 1);
	assert_int_equal(access(file_name, F_OK), 0);
	assert_int_equal(access("/tmp/test_guard.written", F_OK), -1);
	guard_stop(g);
}

static void
nothing_of_the_parent_is_in_reach(void **state)
{
	struct guard *g = started(&wide);
	struct notes *n = guard_memory(g);
	struct fault f = { .text = "" };

	(void)state;
	/* Three of /dev/null, the socket and the file. */
	assert_int_equal(guard_ask(g, DESCRIPTORS, &f), GUARD_DONE);
	assert_int_equal(n->value, 5);
	assert_int_equal(guard_ask(g, FOREIGN, &f), GUARD_DIED);
	assert_int_equal(*foreign, 65);
	answers(g, 1);
	guard_stop(g);
}

/* Numbers that clash with those that the child has them under. */
static void
a_child_takes_its_files_in_turn(void **state)
{
	static const int turns[] = { 0, GUARD_FILES - 1, 1, 1, 0, 17 };
	int fds[GUARD_FILES];
	struct fault f = { .text = "" };
	struct notes *n;
	struct guard *g;
	size_t i;

	(void)state;
	for (i = 0; i < GUARD_FILES; i++) {
		FILE *t = tmpfile();

		assert_non_null(t);
		/* Backwards, so that each is in another's way. */
		fds[GUARD_FILES - 1 - i] = dup(fileno(t));
		fclose(t);
	}
	for (i = 0; i < GUARD_FILES; i++)
		assert_int_equal(ftruncate(fds[i], (off_t)(100 + i)), 0);
	g = guard_start(&duty, fds, GUARD_FILES, &wide, &f);
	assert_non_null(g);
	n = guard_memory(g);
	for (i = 0; i < sizeof turns / sizeof turns[0]; i++) {
		guard_turn(g, turns[i]);
		assert_int_equal(guard_ask(g, END, &f), GUARD_DONE);
		assert_int_equal(n->value, 100 + turns[i]);
	}
	/* The turn stays when the child does not. */
	guard_turn(g, 0);
	assert_int_equal(guard_ask(g, DESCRIPTORS, &f), GUARD_DONE);
	assert_int_equal(n->value, 4 + GUARD_FILES);
	assert_int_equal(guard_ask(g, SEGFAULT, &f), GUARD_DIED);
	guard_turn(g, 5);
	assert_int_equal(guard_ask(g, END, &f), GUARD_DONE);
	assert_int_equal(n->value, 105);
	guard_stop(g);
	for (i = 0; i < GUARD_FILES; i++)
		close(fds[i]);
}

static void
filters_may_start_threads(void **state)
{
	struct guard *g = started(&wide);
	struct notes *n = guard_memory(g);

	(void)state;
	assert_int_equal(guard_ask(g, THREAD, NULL), GUARD_DONE);
	assert_int_equal(n->error, 0);
	assert_int_equal(n->value, 42);
	guard_stop(g);
}

static void
memory_is_limited(void **state)
{
	struct guard *g;
	struct notes *n;

	(void)state;
	if (sandbox_watched())
		skip();
	g = started(&wide);
	n = guard_memory(g);
	assert_int_equal(guard_ask(g, HOG, NULL), GUARD_DONE);
	assert_int_equal(n->error, ENOMEM);
	assert_in_range(n->value, 32 << 20, 64 << 20);
	guard_stop(g);
}

static void
a_crash_is_a_fault(void **state)
{
	(void)state;
	dies(&wide, SEGFAULT, "crashed");
	dies(&wide, EXIT, "crashed (ended with status 0)");
	if (sandbox_watched())
		return;
	dies(&wide, SEGFAULT, "killed by signal 11 (Segmentation fault)");
	dies(&wide, ABORT, "killed by signal 6 (Aborted)");
}

static void
time_is_limited(void **state)
{
	static const struct guard_limits cpu = { 0.3, 60, 64 << 20 };
	static const struct guard_limits wall = { 60, 0.3, 64 << 20 };

	(void)state;
	dies(&cpu, LOOP, "more than 0.3 s of processor time");
	dies(&wall, SLEEP, "did not answer within 0.3 s");
	dies(&wall, HANG_UP, "did not answer within 0.3 s");
}

static void
a_child_cannot_lie_about_its_answers(void **state)
{
	(void)state;
	dies(&wide, FORGE, "ran wild");
	dies(&wide, SCRIBBLE, "crashed");
	dies(&wide, MUTE, "ran wild");
}

static void
a_child_that_cannot_begin_says_why(void **state)
{
	struct guard *g;
	struct fault f = { .text = "" };
	int i;

	(void)state;
	fail_prepare = 1;
	g = started(&wide);
	/* Often: the next one may fail while the words of the last are read. */
	for (i = 0; i < 300; i++) {
		assert_int_equal(guard_ask(g, COUNT, &f), GUARD_DIED);
		assert_string_equal(f.text, "not today");
	}
	fail_prepare = 0;
	guard_stop(g);
}

static void
a_child_does_not_outlive_its_guard(void **state)
{
	struct guard *g = started(&wide);
	const struct notes *n = guard_memory(g);
	pid_t pid;

	(void)state;
	answers(g, 1);
	pid = n->pid;
	assert_true(pid > 0 && pid != getpid());
	assert_int_equal(kill(pid, 0), 0);
	guard_stop(g);
	assert_int_equal(kill(pid, 0), -1);
}

static void
texts_of_others_are_made_plain(void **state)
{
	char text[8] = "\r\n\177 a";
	char endless[4] = { 'a', 'b', 'c', 'd' };

	(void)state;
	assert_int_equal(guard_text(text, sizeof text), 0);
	assert_string_equal(text, "??? a");
	assert_int_equal(guard_text(text, sizeof text), 1);
	assert_int_equal(guard_text(endless, sizeof endless), 0);
	assert_string_equal(endless, "abc");
}

static int
file_make(void **state)
{
	(void)state;
	parent = getpid();
	if ((file = mkstemp(file_name)) == -1 ||
	    (foreign = shared_alloc(1)) == NULL)
		return -1;
	*foreign = 65;
	return 0;
}

static int
file_remove(void **state)
{
	(void)state;
	close(file);
	return unlink(file_name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_serves_many_requests),
		cmocka_unit_test(only_computing_is_allowed),
		cmocka_unit_test(nothing_of_the_parent_is_in_reach),
		cmocka_unit_test(a_child_takes_its_files_in_turn),
		cmocka_unit_test(filters_may_start_threads),
		cmocka_unit_test(memory_is_limited),
		cmocka_unit_test(a_crash_is_a_fault),
		cmocka_unit_test(time_is_limited),
		cmocka_unit_test(a_child_cannot_lie_about_its_answers),
		cmocka_unit_test(a_child_that_cannot_begin_says_why),
		cmocka_unit_test(a_child_does_not_outlive_its_guard),
		cmocka_unit_test(texts_of_others_are_made_plain),
	};

	/* A child may be gone when it is written to, as in all programs. */
	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, file_make, file_remove);
}
