/* Who asked and waits, and who has got a reply and not asked since. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "transport/askers.h"

static struct askers *a;

static int
setup(void **state)
{
	(void)state;
	a = askers_new();
	return a == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	askers_free(a);
	return 0;
}

static bool
ask(const char *id, double now)
{
	return askers_ask(a, id, strlen(id), id[0], now);
}

static void
first_is(const char *id)
{
	const struct asker *k = askers_first(a);

	assert_non_null(k);
	assert_int_equal(k->length, strlen(id));
	assert_memory_equal(k->id, id, k->length);
}

static void
in_order(void **state)
{
	(void)state;
	assert_null(askers_first(a));
	assert_true(ask("one", 1));
	assert_true(ask("two", 2));
	assert_true(ask("one", 3));
	first_is("one");
	askers_leave(a, true, 4);
	first_is("two");
	askers_leave(a, false, 4);
	first_is("one");
	assert_true(askers_first(a)->at > 2.5);
	askers_leave(a, false, 4);
	assert_null(askers_first(a));
	assert_int_equal(askers_waiting(a), 0);
}

static void
confirmed(void **state)
{
	(void)state;
	ask("one", 1);
	ask("on", 1);
	askers_leave(a, true, 2);
	askers_leave(a, true, 2);
	assert_int_equal(askers_unconfirmed(a), 2);
	/* Others confirm nothing, nor do those whose name begins so. */
	ask("o", 3);
	ask("ones", 3);
	assert_int_equal(askers_unconfirmed(a), 2);
	ask("one", 3);
	assert_int_equal(askers_unconfirmed(a), 1);
	ask("on", 3);
	assert_int_equal(askers_unconfirmed(a), 0);
	/* An empty reply leaves nothing to be confirmed. */
	askers_leave(a, false, 4);
	assert_int_equal(askers_unconfirmed(a), 0);
}

static void
bounded(void **state)
{
	char id[32], long_id[ASKER_ID_MAX + 2];
	unsigned i;

	(void)state;
	memset(long_id, 'x', sizeof long_id);
	assert_true(askers_ask(a, long_id, ASKER_ID_MAX, 0, 0));
	assert_false(askers_ask(a, long_id, ASKER_ID_MAX + 1, 0, 0));
	for (i = 1; i < ASKERS_MAX; i++) {
		snprintf(id, sizeof id, "%u", i);
		assert_true(ask(id, i));
	}
	assert_false(ask("more", i));
	for (i = 0; i < ASKERS_MAX; i++)
		askers_leave(a, true, i + 1);
	assert_int_equal(askers_unconfirmed(a), ASKERS_MAX);
	/* One more: who has owed longest is given up, and stays counted. */
	assert_true(ask("more", i));
	askers_leave(a, true, i + 1);
	assert_int_equal(askers_unconfirmed(a), ASKERS_MAX + 1);
	assert_true(askers_ask(a, long_id, ASKER_ID_MAX, 0, i));
	assert_int_equal(askers_unconfirmed(a), ASKERS_MAX + 1);
	assert_true(ask("1", i));
	assert_int_equal(askers_unconfirmed(a), ASKERS_MAX);
}

static void
connections(void **state)
{
	(void)state;
	ask("a", 1);
	ask("b", 1);
	ask("a", 1);
	assert_int_equal(askers_waiting(a), 2);
	askers_leave(a, false, 2);
	assert_int_equal(askers_waiting(a), 2);
	askers_gone(a, 'b');
	assert_int_equal(askers_waiting(a), 1);
	/* It has its turn all the same: sending to it tells. */
	first_is("b");
	/* Another with the number of one that is gone is one more. */
	ask("b", 3);
	assert_int_equal(askers_waiting(a), 2);
	askers_gone(a, 'a');
	askers_gone(a, 'b');
	assert_int_equal(askers_waiting(a), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		{ "who asked first is first",
		    in_order, setup, teardown, NULL },
		{ "who asks again confirms its last reply, nobody else",
		    confirmed, setup, teardown, NULL },
		{ "a connection that waits is counted once, and not when it has ended",
		    connections, setup, teardown, NULL },
		{ "askers and what they owe are bounded, and none is lost from the count",
		    bounded, setup, teardown, NULL }
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
