/*
 * The crew: results in order, a death noticed and told, the dead replaced, and no
 * worker that outlives its parent.
 */
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "transport/worker.h"

enum { N = 3, WAIT_MS = 20000 };

/* What a job may order, in byte 0. */
enum { ADD, DIE, FAIL, LEAVE, TELL };

static struct fault f, how;
static int fail_prepare;

static int
prepare(void *ctx, unsigned self)
{
	*(unsigned *)ctx = self;
	return fail_prepare ? -1 : 0;
}

static int
work(void *ctx, struct worker_message *m)
{
	switch (m->bytes[0]) {
	case DIE:
		raise(SIGKILL);
		break;
	case FAIL:
		return -1;
	case LEAVE:
		_exit(7);
	case TELL:
		m->bytes[1] = (unsigned char)*(unsigned *)ctx;
		break;
	default:
		m->bytes[1]++;
		break;
	}
	return 0;
}

static unsigned self;
static const struct worker_duty duty = { prepare, work, &self, 1 };

static struct crew *
started(unsigned n)
{
	struct crew *c = crew_start(n, &duty, &f);

	assert_non_null(c);
	return c;
}

static void
ordered(struct crew *c, unsigned worker, unsigned char order, unsigned char arg)
{
	struct worker_message m;

	memset(&m, 0, sizeof m);
	m.bytes[0] = order;
	m.bytes[1] = arg;
	m.bytes[WORKER_MESSAGE - 1] = 99;
	(void)crew_send(c, worker, &m, 1);
}

/* What crew_receive says when it says something other than "none yet". */
static int
received(struct crew *c, unsigned worker, struct worker_message *m, int max)
{
	struct pollfd p[N];
	int n;

	crew_poll(c, p);
	do
		assert_int_equal(poll(&p[worker], 1, WAIT_MS), 1);
	while ((n = crew_receive(c, worker, m, max)) == 0);
	return n;
}

static int
is_gone(pid_t pid)
{
	char path[40], line[200] = "";
	FILE *s;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if ((s = fopen(path, "re")) == NULL)
		return 1;
	(void)!fgets(line, sizeof line, s);
	fclose(s);
	return strstr(line, ") Z ") != NULL;
}

static void
each_worker_knows_its_number(void **state)
{
	struct crew *c = started(N);
	struct worker_message m;
	unsigned i;

	(void)state;
	for (i = 0; i < N; i++) {
		ordered(c, i, TELL, 0);
		assert_int_equal(received(c, i, &m, 1), 1);
		assert_int_equal(m.bytes[1], i);
		assert_int_equal(m.bytes[WORKER_MESSAGE - 1], 99);
	}
	crew_stop(c);
}

static void
results_come_in_order(void **state)
{
	struct crew *c = started(1);
	struct worker_message m[7];
	unsigned char next = 1;
	int i, n;

	(void)state;
	for (i = 0; i < 100; i++)
		ordered(c, 0, ADD, (unsigned char)i);
	while (next <= 100) {
		n = received(c, 0, m, 7);
		assert_true(n > 0 && n <= 7);
		for (i = 0; i < n; i++)
			assert_int_equal(m[i].bytes[1], next++);
	}
	assert_int_equal(crew_receive(c, 0, m, 7), 0);
	crew_stop(c);
}

/* order makes worker 1 die; the others go on, and a new one takes its place. */
static void
dies_and_is_replaced(unsigned char order, const char *text)
{
	struct crew *c = started(N);
	struct worker_message m;
	int dead = crew_pid(c, 1);

	ordered(c, 1, ADD, 40);
	ordered(c, 1, order, 0);
	ordered(c, 1, ADD, 41);
	/* What was finished before the death is not lost. */
	assert_int_equal(received(c, 1, &m, 1), 1);
	assert_int_equal(m.bytes[1], 41);
	assert_int_equal(received(c, 1, &m, 1), -1);
	/* A job for the dead is no reason to die. */
	ordered(c, 1, ADD, 0);
	assert_int_equal(received(c, 1, &m, 1), -1);
	assert_int_equal(crew_replace(c, 1, &how, &f), 0);
	assert_non_null(strstr(how.text, text));
	assert_int_not_equal(crew_pid(c, 1), dead);
	assert_true(is_gone(dead));
	ordered(c, 0, TELL, 0);
	assert_int_equal(received(c, 0, &m, 1), 1);
	ordered(c, 1, TELL, 0);
	assert_int_equal(received(c, 1, &m, 1), 1);
	assert_int_equal(m.bytes[1], 1);
	crew_stop(c);
}

static void
killed_worker_is_replaced(void **state)
{
	(void)state;
	dies_and_is_replaced(DIE, "signal 9");
}

static void
worker_that_gives_up_is_replaced(void **state)
{
	(void)state;
	dies_and_is_replaced(FAIL, "status 1");
}

static void
worker_that_exits_is_replaced(void **state)
{
	(void)state;
	dies_and_is_replaced(LEAVE, "status 7");
}

static void
worker_that_cannot_prepare_is_noticed(void **state)
{
	struct worker_message m;
	struct crew *c;

	(void)state;
	fail_prepare = 1;
	c = started(1);
	assert_int_equal(received(c, 0, &m, 1), -1);
	fail_prepare = 0;
	assert_int_equal(crew_replace(c, 0, &how, &f), 0);
	ordered(c, 0, ADD, 1);
	assert_int_equal(received(c, 0, &m, 1), 1);
	crew_stop(c);
}

static void
workers_ignore_the_signals_of_their_group(void **state)
{
	struct crew *c = started(1);
	struct worker_message m;

	(void)state;
	ordered(c, 0, ADD, 1);
	assert_int_equal(received(c, 0, &m, 1), 1);
	kill(crew_pid(c, 0), SIGINT);
	kill(crew_pid(c, 0), SIGTERM);
	ordered(c, 0, ADD, 2);
	assert_int_equal(received(c, 0, &m, 1), 1);
	assert_int_equal(m.bytes[1], 3);
	crew_stop(c);
}

static void
stopping_leaves_no_worker(void **state)
{
	struct crew *c = started(N);
	int pids[N];
	unsigned i;

	(void)state;
	for (i = 0; i < N; i++)
		pids[i] = crew_pid(c, i);
	/* Replaced workers know their siblings' sockets too, and close them. */
	ordered(c, 0, DIE, 0);
	assert_int_equal(crew_replace(c, 0, &how, &f), 0);
	crew_stop(c);
	for (i = 0; i < N; i++)
		assert_true(is_gone(pids[i]));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	crew_stop(NULL);
}

static void
stopping_does_not_wait_for_a_worker_that_is_stopped(void **state)
{
	struct crew *c = started(N);
	int pid = crew_pid(c, 1);

	(void)state;
	kill(pid, SIGSTOP);
	alarm(WAIT_MS / 1000);
	crew_stop(c);
	alarm(0);
	assert_true(is_gone(pid));
}

/* Waits until a process is gone that is not ours to wait for. */
static int
goes(pid_t pid)
{
	int i;

	for (i = 0; i < WAIT_MS / 10 && !is_gone(pid); i++)
		usleep(10000);
	return is_gone(pid);
}

static void
workers_die_with_their_parent(void **state)
{
	int ends[2], pids[N];
	struct crew *c;
	pid_t parent;
	unsigned i;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	if ((parent = fork()) == 0) {
		if ((c = crew_start(N, &duty, &f)) == NULL)
			_exit(1);
		for (i = 0; i < N; i++)
			pids[i] = crew_pid(c, i);
		if (write(ends[1], pids, sizeof pids) != sizeof pids)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ends[0], pids, sizeof pids), sizeof pids);
	for (i = 0; i < N; i++)
		assert_int_equal(kill(pids[i], 0), 0);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	for (i = 0; i < N; i++)
		assert_true(goes(pids[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_worker_knows_its_number),
		cmocka_unit_test(results_come_in_order),
		cmocka_unit_test(killed_worker_is_replaced),
		cmocka_unit_test(worker_that_gives_up_is_replaced),
		cmocka_unit_test(worker_that_exits_is_replaced),
		cmocka_unit_test(worker_that_cannot_prepare_is_noticed),
		cmocka_unit_test(workers_ignore_the_signals_of_their_group),
		cmocka_unit_test(stopping_leaves_no_worker),
		cmocka_unit_test(stopping_does_not_wait_for_a_worker_that_is_stopped),
		cmocka_unit_test(workers_die_with_their_parent),
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
