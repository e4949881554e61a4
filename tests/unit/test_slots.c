/*
 * Slots and tokens: who owns what, that a reference that is not fresh never
 * becomes a token, and that nobody waits for one who has gone.
 */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
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

#include "transport/slots.h"

enum { N = 5, SIZE = 10000, ROUNDS = 20000 };

static struct fault f;

/* The descriptors that Q2_SLOTS names. */
struct named {
	int	memory, take, give;
};

static struct named
named_get(void)
{
	struct named d;

	assert_int_equal(sscanf(getenv("Q2_SLOTS"), "1:%d:%d:%d:", &d.memory,
	    &d.take, &d.give), 3);
	return d;
}

/* Tokens in the pipe: those in nobody's hands. */
static int
tokens_count(void)
{
	unsigned char t[SLOTS_MAX];
	struct named d = named_get();
	struct pollfd p = { .fd = d.take, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, 0) == 0)
		return 0;
	n = read(d.take, t, sizeof t);
	assert_int_equal(write(d.give, t, (size_t)n), n);
	return (int)n;
}

static int
publish(void **state)
{
	(void)state;
	unsetenv("Q2_SLOTS");
	return slots_publish(N, &f);
}

static int
unpublish(void **state)
{
	struct named d = named_get();

	(void)state;
	close(d.memory);
	close(d.take);
	close(d.give);
	return unsetenv("Q2_SLOTS");
}

static struct slots *
opened(void)
{
	struct slots *s;

	assert_int_equal(slots_open(&s, &f), 1);
	return s;
}

static unsigned
taken(struct slots *s)
{
	unsigned slot = SLOTS_MAX;

	assert_int_equal(slots_take(s, -1, NULL, &slot, &f), SLOTS_TAKEN);
	return slot;
}

/* A fresh reference. */
static struct record
reference(struct slots *s)
{
	unsigned slot = taken(s);
	struct record r;

	memset(&r, 0, sizeof r);
	assert_non_null(slots_map(s, slot, SIZE, &f));
	slots_refer(s, slot, slots_claim(s, slot, NULL), &r);
	return r;
}

/* Runs a function in a child; its exit status. */
static int
in_child(int (*run)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(run());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
descriptors_are_high_and_survive_exec(void **state)
{
	struct named d = named_get();
	int fds[3] = { d.memory, d.take, d.give }, i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_true(fds[i] >= 100);
		assert_int_equal(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, 0);
	}
	assert_int_equal(tokens_count(), N);
}

static void
segment_cannot_change_size(void **state)
{
	struct named d = named_get();

	(void)state;
	assert_int_equal(ftruncate(d.memory, 0), -1);
	assert_int_equal(ftruncate(d.memory, (off_t)(N + 1) << 32), -1);
	assert_int_equal(fcntl(d.memory, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

static void
without_environment_there_are_no_slots(void **state)
{
	struct slots *s = (struct slots *)&f;

	(void)state;
	assert_int_equal(slots_open(&s, &f), 0);
	assert_null(s);
}

static void
foreign_environments_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "1", "x", "2:100:101:102:5:1:1:1", "1:100:101:102:0:1:1:1",
		"1:0:1:2:5:1:1:1", "1:-1:-1:-1:5:1:1:1", "1:100:101:102:256:1:1:1",
		"1:99999999999999999999:1:1:1:1:1:1",
	};
	char *good = strdup(getenv("Q2_SLOTS")), text[200];
	struct slots *s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		setenv("Q2_SLOTS", bad[i], 1);
		assert_int_equal(slots_open(&s, &f), -1);
		assert_null(s);
	}
	snprintf(text, sizeof text, "%s9", good);	/* another inode */
	setenv("Q2_SLOTS", text, 1);
	assert_int_equal(slots_open(&s, &f), -1);
	snprintf(text, sizeof text, "%s ", good);
	setenv("Q2_SLOTS", text, 1);
	assert_int_equal(slots_open(&s, &f), -1);
	setenv("Q2_SLOTS", good, 1);
	free(good);
	assert_int_equal(tokens_count(), N);
}

/* Writes through a reference of the parent's slot 0, generation 3 (see below). */
static struct record passed;

static int
child_consumes(void)
{
	struct slots *s;
	unsigned char *p;

	if (slots_open(&s, &f) != 1 || slots_check(s, &passed, &f) == -1 ||
	    (p = slots_map(s, passed.slot, SIZE, &f)) == NULL ||
	    p[0] != 17 || p[SIZE - 1] != 18)
		return 1;
	if (slots_release(s, &passed, &f) == -1)
		return 2;
	slots_close(s);
	return 0;
}

static void
reference_is_consumed_in_another_process(void **state)
{
	struct slots *s = opened();
	unsigned char *p;

	(void)state;
	passed = reference(s);
	p = slots_map(s, passed.slot, SIZE, &f);
	p[0] = 17;
	p[SIZE - 1] = 18;
	assert_int_equal(in_child(child_consumes), 0);
	assert_int_equal(tokens_count() + (int)slots_held(s), N);
	/* It has been consumed: here, too, it is stale now. */
	assert_int_equal(slots_check(s, &passed, &f), -1);
	assert_int_equal(slots_release(s, &passed, &f), -1);
	slots_close(s);
	assert_int_equal(tokens_count(), N);
}

static void
slot_freed_last_is_handed_out_first(void **state)
{
	struct slots *s = opened();
	struct record a = reference(s), b = reference(s);

	(void)state;
	assert_int_not_equal(a.slot, b.slot);
	assert_int_equal(slots_release(s, &a, &f), 0);
	assert_int_equal(taken(s), a.slot);
	slots_untake(s, a.slot);
	assert_int_equal(slots_release(s, &b, &f), 0);
	slots_close(s);
	assert_int_equal(tokens_count(), N);
}

static void
bad_references_never_become_tokens(void **state)
{
	struct slots *s = opened();
	struct record r = reference(s), bad[6], newer;
	int i, before = tokens_count();

	(void)state;
	for (i = 0; i < 6; i++)
		bad[i] = r;
	bad[0].session ^= 2;
	bad[1].slot = N;
	bad[2].slot = UINT32_MAX;
	bad[3].generation += 2;
	bad[4].generation -= 1;
	bad[5].slot = (r.slot + 1) % N;
	for (i = 0; i < 6; i++) {
		assert_int_equal(slots_check(s, &bad[i], &f), -1);
		assert_int_equal(slots_release(s, &bad[i], &f), -1);
	}
	assert_int_equal(tokens_count(), before);
	assert_int_equal(slots_release(s, &r, &f), 0);
	assert_int_equal(slots_release(s, &r, &f), -1);
	/* The slot is filled again: the old reference stays stale. */
	newer = reference(s);
	assert_int_equal(newer.slot, r.slot);
	assert_true(newer.generation > r.generation);
	assert_int_equal(slots_release(s, &r, &f), -1);
	assert_int_equal(slots_release(s, &newer, &f), 0);
	slots_close(s);
	assert_int_equal(tokens_count(), N);
}

/* Any order of takes, claims, releases and bad releases keeps the tokens. */
static void
tokens_are_conserved(void **state)
{
	struct slots *s = opened();
	struct record live[N], dead = { 0 };
	unsigned n = 0, i, seen;
	int k;

	(void)state;
	srandom(2027);
	for (k = 0; k < ROUNDS; k++) {
		i = n == 0 ? 0 : (unsigned)random() % n;
		switch (random() % 5) {
		case 0:
		case 1:
			if (n < N)
				live[n++] = reference(s);
			break;
		case 2:
			if (n == 0)
				break;
			assert_int_equal(slots_release(s, &live[i], &f), 0);
			dead = live[i];
			live[i] = live[--n];
			break;
		case 3:
			if (dead.type != 0)
				assert_int_equal(slots_release(s, &dead, &f), -1);
			break;
		case 4:
			if (n < N)
				slots_untake(s, taken(s));
			break;
		}
		for (i = 0, seen = 0; i < n; i++) {
			assert_false(seen & 1u << live[i].slot);
			seen |= 1u << live[i].slot;
		}
	}
	while (n > 0)
		assert_int_equal(slots_release(s, &live[--n], &f), 0);
	slots_close(s);
	assert_int_equal(tokens_count(), N);
}

static void
generation_goes_on_in_every_process(void **state)
{
	struct slots *a = opened(), *b;
	struct record r = reference(a), q;

	(void)state;
	assert_int_equal(slots_release(a, &r, &f), 0);
	slots_close(a);
	b = opened();
	do
		q = reference(b);
	while (q.slot != r.slot);
	assert_true(q.generation > r.generation);
	slots_close(b);
}

static void
private_slots_never_wait(void **state)
{
	struct slots *s = slots_private(N, &f);
	struct record r[N];
	unsigned i;

	(void)state;
	assert_non_null(s);
	assert_int_equal(slots_count(s), N);
	assert_int_equal(slots_held(s), N);
	for (i = 0; i < N; i++) {
		r[i] = reference(s);
		assert_int_equal(r[i].session, 0);
	}
	assert_int_equal(slots_held(s), 0);
	for (i = 0; i < N; i++)
		assert_int_equal(slots_release(s, &r[i], &f), 0);
	assert_int_equal(slots_release(s, &r[0], &f), -1);
	assert_int_equal(slots_held(s), N);
	slots_close(s);
}

static void
maps_are_bounded(void **state)
{
	struct slots *s = slots_private(N, &f);
	unsigned char *p, *q;

	(void)state;
	assert_null(slots_map(s, N, SIZE, &f));
	assert_null(slots_map(s, 0, UINT64_C(1) << 32, &f));
	assert_null(slots_map(s, 0, UINT64_MAX, &f));
	p = slots_map(s, 0, SIZE, &f);
	p[SIZE - 1] = 5;
	/* A larger map shows the same bytes; a smaller wish changes nothing. */
	q = slots_map(s, 0, 100 * SIZE, &f);
	assert_int_equal(q[SIZE - 1], 5);
	assert_ptr_equal(slots_map(s, 0, SIZE, &f), q);
	slots_close(s);
}

static void
take_sees_the_reader_of_the_output_go(void **state)
{
	struct slots *s = opened();
	unsigned slot, i;
	int ends[2];

	(void)state;
	for (i = 0; i < N; i++)
		(void)taken(s);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(slots_take(s, ends[1], NULL, &slot, &f), SLOTS_GONE);
	close(ends[1]);
	/* A closed descriptor is an error, not a busy wait. */
	assert_int_equal(slots_take(s, ends[1], NULL, &slot, &f), SLOTS_FAULT);
	for (i = 0; i < N; i++)
		slots_untake(s, i);
	slots_close(s);
	assert_int_equal(tokens_count(), N);
}

static void
take_hears_a_stop_only_where_it_would_wait(void **state)
{
	struct slots *s = opened();
	static const volatile int stop = 1;
	unsigned slot, i;

	(void)state;
	for (i = 0; i < N; i++)
		assert_int_equal(slots_take(s, -1, &stop, &slot, &f),
		    SLOTS_TAKEN);
	assert_int_equal(slots_take(s, -1, &stop, &slot, &f), SLOTS_STOP);
	for (i = 0; i < N; i++)
		slots_untake(s, i);
	slots_close(s);
}

static int
child_was_a_consumer(void)
{
	struct slots *s;
	int r;

	if (slots_open(&s, &f) != 1)
		return 1;
	r = slots_consume(s, &f) == 0 ? 0 : 1;
	slots_close(s);
	return r;
}

static void
take_sees_that_all_consumers_have_gone(void **state)
{
	struct slots *s = opened();
	unsigned slot, i;

	(void)state;
	for (i = 0; i < N; i++)
		(void)taken(s);
	assert_int_equal(in_child(child_was_a_consumer), 0);
	assert_int_equal(slots_take(s, -1, NULL, &slot, &f), SLOTS_GONE);
	for (i = 0; i < N; i++)
		slots_untake(s, i);
	slots_close(s);
}

/* A consumer that gives a token back after a while, long before it ends. */
static int
child_releases(void)
{
	struct slots *s;

	if (slots_open(&s, &f) != 1 || slots_consume(s, &f) == -1)
		return 1;
	usleep(300000);
	slots_untake(s, 2);
	pause();
	return 0;
}

static void
take_waits_while_there_is_a_consumer(void **state)
{
	struct slots *s = opened();
	unsigned slot, i;
	pid_t pid;

	(void)state;
	for (i = 0; i < N; i++)
		(void)taken(s);
	if ((pid = fork()) == 0)
		_exit(child_releases());
	assert_int_equal(slots_take(s, -1, NULL, &slot, &f), SLOTS_TAKEN);
	assert_int_equal(slot, 2);
	kill(pid, SIGKILL);
	assert_int_equal(slots_take(s, -1, NULL, &slot, &f), SLOTS_GONE);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (i = 0; i < N; i++)
		slots_untake(s, i);
	slots_close(s);
}

static void
foreign_token_is_an_error(void **state)
{
	struct slots *s = opened();
	unsigned char token = N;
	unsigned slot, i;

	(void)state;
	for (i = 0; i < N; i++)
		(void)taken(s);
	assert_int_equal(write(named_get().give, &token, 1), 1);
	assert_int_equal(slots_take(s, -1, NULL, &slot, &f), SLOTS_FAULT);
	slots_close(s);
}

#define WITH_SLOTS(t) cmocka_unit_test_setup_teardown(t, publish, unpublish)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_environment_there_are_no_slots),
		cmocka_unit_test(private_slots_never_wait),
		cmocka_unit_test(maps_are_bounded),
		WITH_SLOTS(descriptors_are_high_and_survive_exec),
		WITH_SLOTS(segment_cannot_change_size),
		WITH_SLOTS(foreign_environments_are_refused),
		WITH_SLOTS(reference_is_consumed_in_another_process),
		WITH_SLOTS(slot_freed_last_is_handed_out_first),
		WITH_SLOTS(bad_references_never_become_tokens),
		WITH_SLOTS(tokens_are_conserved),
		WITH_SLOTS(generation_goes_on_in_every_process),
		WITH_SLOTS(take_sees_the_reader_of_the_output_go),
		WITH_SLOTS(take_hears_a_stop_only_where_it_would_wait),
		WITH_SLOTS(take_sees_that_all_consumers_have_gone),
		WITH_SLOTS(take_waits_while_there_is_a_consumer),
		WITH_SLOTS(foreign_token_is_an_error),
	};

	unsetenv("Q2_SLOTS");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
