/* Threads and signals: which come to a thread, and that a torn capture is survived. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/thread.h"
#include "transport/capture.h"

static void *
mask_get(void *mask)
{
	pthread_sigmask(SIG_SETMASK, NULL, mask);
	return NULL;
}

static void
thread_leaves_signals_to_who_started_it(void **state)
{
	sigset_t before, here, there;
	pthread_t t;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(thread_start(&t, mask_get, &there), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_true(sigismember(&there, SIGINT));
	assert_true(sigismember(&there, SIGTERM));
	assert_true(sigismember(&there, SIGPIPE));
	assert_false(sigismember(&there, SIGBUS));
	assert_false(sigismember(&there, SIGSEGV));
	pthread_sigmask(SIG_SETMASK, NULL, &here);
	assert_int_equal(sigismember(&here, SIGINT), sigismember(&before, SIGINT));
}

static void *
byte_read(void *at)
{
	return (void *)(uintptr_t)*(volatile unsigned char *)at;
}

static void
thread_survives_a_capture_that_is_cut_short(void **state)
{
	enum { SIZE = 1 << 20 };
	char path[] = "/tmp/test_thread.XXXXXX";
	int fd = mkstemp(path);
	struct capture_name n;
	struct capture *c;
	struct fault f;
	pthread_t t;
	void *at, *got = path;

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(capture_identify(fd, &n), 0);
	assert_non_null(c = capture_open(&n, &f));
	at = (void *)(uintptr_t)capture_at(c, 0, SIZE);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(thread_start(&t, byte_read, at), 0);
	assert_int_equal(pthread_join(t, &got), 0);
	assert_null(got);
	assert_false(capture_has(c, at, SIZE));
	capture_close(c);
	close(fd);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thread_leaves_signals_to_who_started_it),
		cmocka_unit_test(thread_survives_a_capture_that_is_cut_short),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
