/* The two bookkeepers of streams: ledger (did all come?) and splice (cut, joined). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "data/event.h"
#include "format/ledger.h"
#include "format/splice.h"

static struct fault f;
static bool no_end;

static struct record
end_of(uint64_t stream, uint64_t count, uint32_t flags)
{
	struct record r = {
		.type = RECORD_END, .length = RECORD_SIZE, .stream = stream,
		.count = count, .flags = flags
	};

	return r;
}

static void
events(struct ledger *g, uint64_t from, uint64_t to)
{
	for (; from < to; from++)
		assert_int_equal(ledger_event(g, from, &no_end, &f),
		    LEDGER_GOES_ON);
}

static void
a_stream_with_its_end_is_complete(void **state)
{
	struct ledger g = { 0 };
	struct record end = end_of(1, 3, 0);

	(void)state;
	assert_int_equal(ledger_stream(&g, 1, false, &no_end), LEDGER_BEGINS);
	events(&g, 0, 3);
	assert_int_equal(ledger_end(&g, &end, &f), LEDGER_GOES_ON);
	assert_int_equal(ledger_finish(&g, &f), 0);
}

static void
missing_events_are_counted(void **state)
{
	struct ledger g = { 0 };
	struct record end = end_of(1, 5, RECORD_INTERRUPTED);

	(void)state;
	ledger_stream(&g, 1, false, &no_end);
	events(&g, 0, 3);
	assert_int_equal(ledger_end(&g, &end, &f), LEDGER_WRONG);
	assert_int_equal(g.missing, 2);
	assert_true(g.holed);
	assert_true(g.interrupted);
}

static void
pieces_with_one_end_are_one_stream(void **state)
{
	struct ledger g = { 0 };
	struct record end = end_of(1, 4, 0);

	(void)state;
	ledger_stream(&g, 1, false, &no_end);
	events(&g, 0, 2);
	assert_int_equal(ledger_stream(&g, 1, true, &no_end), LEDGER_GOES_ON);
	events(&g, 2, 4);
	assert_false(no_end);
	assert_int_equal(ledger_end(&g, &end, &f), LEDGER_GOES_ON);
	assert_int_equal(ledger_finish(&g, &f), 0);
}

static void
the_same_header_with_lower_numbers_begins_anew(void **state)
{
	struct ledger g = { 0 };
	struct record end = end_of(1, 2, 0);

	(void)state;
	ledger_stream(&g, 1, false, &no_end);
	events(&g, 0, 2);
	ledger_end(&g, &end, &f);
	ledger_stream(&g, 1, true, &no_end);
	assert_int_equal(ledger_event(&g, 0, &no_end, &f), LEDGER_BEGINS);
}

static void
a_lost_end_is_told(void **state)
{
	struct ledger g = { 0 };
	struct record end = end_of(1, 0, 0);

	(void)state;
	assert_int_equal(ledger_finish(&g, &f), -1);
	ledger_stream(&g, 1, false, &no_end);
	events(&g, 0, 2);
	assert_int_equal(ledger_stream(&g, 1, false, &no_end), LEDGER_BEGINS);
	assert_true(no_end);
	ledger_end(&g, &end, &f);
	/* A header alone is a stream that never ended, also the same again. */
	ledger_stream(&g, 1, true, &no_end);
	assert_int_equal(ledger_finish(&g, &f), -1);
	assert_int_equal(ledger_stream(&g, 1, false, &no_end), LEDGER_BEGINS);
	assert_true(no_end);
}

static void
numbers_that_go_back_are_wrong(void **state)
{
	struct ledger g = { 0 };

	(void)state;
	ledger_stream(&g, 1, false, &no_end);
	events(&g, 5, 7);
	assert_int_equal(ledger_event(&g, 6, &no_end, &f), LEDGER_WRONG);
}

static void
a_place_is_a_header_and_a_number(void **state)
{
	struct ledger g = { 0 };
	struct record end = end_of(1, 3, 0);

	(void)state;
	ledger_stream(&g, 1, false, &no_end);
	events(&g, 0, 3);
	assert_int_equal(g.place.header, 0);
	assert_int_equal(g.place.next, 3);
	ledger_end(&g, &end, &f);
	assert_true(ledger_whole(&g));
	ledger_stream(&g, 2, false, &no_end);
	assert_false(ledger_whole(&g));
	ledger_event(&g, 7, &no_end, &f);
	assert_int_equal(g.place.header, 1);
	assert_int_equal(g.place.next, 8);
	assert_int_equal(g.place.stream, 2);
}

/* A run got so far; what says the ledger to a first event behind these headers? */
static enum ledger_answer
first_event(const struct ledger_place *p, unsigned headers, uint64_t stream,
    uint64_t seq)
{
	struct ledger g = { 0 };
	struct record none = end_of(stream, 0, 0);

	ledger_resume(&g, p);
	for (; headers > 0; headers--) {
		ledger_stream(&g, 99, false, &no_end);
		ledger_end(&g, &none, &f);
	}
	ledger_stream(&g, stream, false, &no_end);
	assert_false(no_end);
	return ledger_event(&g, seq, &no_end, &f);
}

static void
a_resumed_run_takes_no_event_before_its_place(void **state)
{
	struct ledger_place p = { .stream = 1, .header = 2, .next = 10 };

	(void)state;
	assert_int_equal(first_event(&p, 2, 1, 10), LEDGER_GOES_ON);
	assert_int_equal(first_event(&p, 2, 1, 9), LEDGER_WRONG);
	assert_non_null(strstr(f.text, "q2cat -s 2:10"));
	assert_int_equal(first_event(&p, 1, 1, 10), LEDGER_WRONG);
	/* A filter, or q2cat -i, leaves events out. */
	assert_int_equal(first_event(&p, 2, 1, 15), LEDGER_GOES_ON);
	assert_int_equal(first_event(&p, 3, 2, 0), LEDGER_GOES_ON);
}

static void
a_resumed_run_refuses_another_stream_in_its_place(void **state)
{
	struct ledger_place p = { .stream = 1, .header = 2, .next = 10 };

	(void)state;
	assert_int_equal(first_event(&p, 2, 3, 10), LEDGER_WRONG);
	assert_non_null(strstr(f.text, "give the inputs that it began with"));
}

static void
a_run_that_began_behind_missing_events_takes_any(void **state)
{
	struct ledger_place p = { 0 };

	(void)state;
	assert_int_equal(first_event(&p, 0, 3, 0), LEDGER_GOES_ON);
	assert_int_equal(first_event(&p, 0, 1, 7), LEDGER_GOES_ON);
}

static void
behind_a_missing_end_no_place_is_accounted_for(void **state)
{
	struct record end = end_of(1, 2, 0);
	struct ledger g = { 0 };

	(void)state;
	ledger_stream(&g, 1, false, &no_end);
	events(&g, 0, 2);
	assert_true(ledger_accounted(&g));
	ledger_stream(&g, 2, false, &no_end);
	assert_true(no_end);
	assert_false(ledger_accounted(&g));
	events(&g, 0, 2);
	ledger_end(&g, &end, &f);
	assert_false(ledger_accounted(&g));
}

static void
the_same_header_without_an_end_is_doubted_until_an_end_accounts_for_all(void **state)
{
	struct record all = end_of(1, 4, 0), half = end_of(1, 2, 0);
	struct ledger g = { 0 }, cut;

	(void)state;
	ledger_stream(&g, 1, false, &no_end);
	events(&g, 0, 2);
	ledger_stream(&g, 1, true, &no_end);
	events(&g, 5, 7);
	assert_false(ledger_accounted(&g));
	cut = g;
	assert_int_equal(ledger_end(&g, &all, &f), LEDGER_GOES_ON);
	assert_true(ledger_accounted(&g));
	assert_int_equal(ledger_end(&cut, &half, &f), LEDGER_WRONG);
	assert_false(ledger_accounted(&cut));
}

static void
behind_an_end_the_same_header_is_beyond_doubt(void **state)
{
	struct record end = end_of(1, 2, 0);
	struct ledger g = { 0 };

	(void)state;
	ledger_stream(&g, 1, false, &no_end);
	events(&g, 0, 2);
	ledger_end(&g, &end, &f);
	ledger_stream(&g, 1, true, &no_end);
	events(&g, 2, 4);
	assert_true(ledger_accounted(&g));
	assert_int_equal(g.place.header, 1);
}

static void
a_header_that_nothing_followed_is_doubted(void **state)
{
	struct ledger g = { 0 };

	(void)state;
	ledger_stream(&g, 1, false, &no_end);
	ledger_stream(&g, 1, true, &no_end);
	events(&g, 0, 1);
	assert_false(ledger_accounted(&g));
}

static void
header_make(unsigned char *p, const char *run)
{
	static struct stream s;

	memset(&s, 0, sizeof s);
	s.layout = (struct layout){ 1, 2, 8, 8, 8, 8, LOGITS_F32, IMAGE_NONE, 4 };
	s.planes = PLANE_LOGITS;
	assert_int_equal(stream_add(&s, "run", run, &f), 0);
	stream_identify(&s);
	stream_pack(&s, p);
}

static void
send(struct splice *s, uint64_t from, uint64_t to, uint64_t first)
{
	for (; from < to; from++, first++) {
		assert_int_equal(splice_event(s, from, true), first);
		splice_sent(s);
	}
}

static void
a_cut_keeps_what_was_lost_before_it(void **state)
{
	static struct splice s;
	unsigned char h[STREAM_SIZE];
	struct record end, r;

	(void)state;
	memset(&s, 0, sizeof s);
	header_make(h, "1");
	assert_int_equal(splice_begin(&s, h, &r, &f), SPLICE_HEADER);
	splice_event(&s, 0, false);
	send(&s, 1, 3, 1);
	/* Ten were sent before us, three came, one was not selected. */
	end = end_of(s.stream.id, 10, 0);
	assert_int_equal(splice_end(&s, &end, &r, &f), SPLICE_NOTHING);
	assert_int_equal(splice_finish(&s, 0, &r), SPLICE_END);
	assert_int_equal(r.count, 9);
}

static void
loops_join_and_their_numbers_go_on(void **state)
{
	static struct splice s;
	unsigned char h[STREAM_SIZE];
	struct record end, r;

	(void)state;
	memset(&s, 0, sizeof s);
	s.joins = true;
	header_make(h, "1");
	splice_begin(&s, h, &r, &f);
	send(&s, 5, 8, 5);
	end = end_of(s.stream.id, 3, 0);
	splice_end(&s, &end, &r, &f);
	assert_int_equal(splice_begin(&s, h, &r, &f), SPLICE_NOTHING);
	send(&s, 5, 8, 8);
	splice_end(&s, &end, &r, &f);
	assert_int_equal(splice_finish(&s, RECORD_INTERRUPTED, &r), SPLICE_END);
	assert_int_equal(r.count, 6);
	assert_int_equal(r.flags, RECORD_INTERRUPTED);
}

static void
another_header_sends_the_end_that_was_held(void **state)
{
	static struct splice s;
	unsigned char h[STREAM_SIZE], g[STREAM_SIZE];
	struct record end, r;

	(void)state;
	memset(&s, 0, sizeof s);
	header_make(h, "1");
	header_make(g, "2");
	splice_begin(&s, h, &r, &f);
	send(&s, 0, 2, 0);
	end = end_of(s.stream.id, 2, 0);
	splice_end(&s, &end, &r, &f);
	assert_int_equal(splice_begin(&s, g, &r, &f), SPLICE_END | SPLICE_HEADER);
	assert_int_equal(r.count, 2);
	/* This one's end never comes, so none is made up for it. */
	send(&s, 0, 1, 0);
	assert_int_equal(splice_begin(&s, h, &r, &f), SPLICE_HEADER);
	end = end_of(99, 0, 0);
	assert_int_equal(splice_end(&s, &end, &r, &f), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_with_its_end_is_complete),
		cmocka_unit_test(missing_events_are_counted),
		cmocka_unit_test(pieces_with_one_end_are_one_stream),
		cmocka_unit_test(the_same_header_with_lower_numbers_begins_anew),
		cmocka_unit_test(a_lost_end_is_told),
		cmocka_unit_test(numbers_that_go_back_are_wrong),
		cmocka_unit_test(a_place_is_a_header_and_a_number),
		cmocka_unit_test(a_resumed_run_takes_no_event_before_its_place),
		cmocka_unit_test(a_resumed_run_refuses_another_stream_in_its_place),
		cmocka_unit_test(a_run_that_began_behind_missing_events_takes_any),
		cmocka_unit_test(behind_a_missing_end_no_place_is_accounted_for),
		cmocka_unit_test(
		    the_same_header_without_an_end_is_doubted_until_an_end_accounts_for_all),
		cmocka_unit_test(behind_an_end_the_same_header_is_beyond_doubt),
		cmocka_unit_test(a_header_that_nothing_followed_is_doubted),
		cmocka_unit_test(a_cut_keeps_what_was_lost_before_it),
		cmocka_unit_test(loops_join_and_their_numbers_go_on),
		cmocka_unit_test(another_header_sends_the_end_that_was_held),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
