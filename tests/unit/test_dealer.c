/*
 * The dealer and the events it deals: their order, who has which, what a death
 * does to a hand, and that an event is taken up as it came.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "format/dealer.h"
#include "format/eventblock.h"
#include "format/findstream.h"
#include "format/findwork.h"

enum { WORKERS = 2, DEPTH = 2, SLOTS = 40 };

static struct fault f;
static struct stream in;
static struct findstream stream;
static struct slots *slots;
static struct dealer *d;
static struct pending_source from;

/* What findstream_begin answers to the record of a stream. */
static enum findstream_answer
header_begin(const struct stream *s, const struct findstream_options *o)
{
	unsigned char p[STREAM_SIZE];

	stream_pack(s, p);
	findstream_free(&stream);
	return findstream_begin(&stream, p, o, &f);
}

static int
begin(void **state)
{
	struct findstream_options o = { .min_pixels = 1 };

	(void)state;
	memset(&in, 0, sizeof in);
	in.layout = (struct layout){
		.panels = 1, .classes = 2, .height = 8, .width = 8,
		.real_height = 8, .real_width = 8, .logits_type = LOGITS_F32,
		.image_type = IMAGE_F32, .capacity = 4
	};
	in.planes = PLANE_LOGITS | PLANE_IMAGE;
	in.id = 7;
	if (header_begin(&in, &o) != FINDSTREAM_BEGINS ||
	    (slots = slots_private(SLOTS, &f)) == NULL ||
	    (d = dealer_new(WORKERS)) == NULL)
		return -1;
	dealer_begin(d, DEPTH);
	from = (struct pending_source){ .own = slots, .stream = &stream };
	return 0;
}

static int
end(void **state)
{
	(void)state;
	slots_close(slots);
	dealer_free(d);
	findstream_free(&stream);
	return 0;
}

/* Bytes of an event as they come inline, each plane with a value of its own. */
static size_t
event_make(unsigned char *p, uint64_t seq, struct record *r)
{
	size_t size = layout_size(&in.layout, in.planes);
	struct event e;
	size_t i;

	memset(r, 0, sizeof *r);
	r->type = RECORD_EVENT;
	r->stream = in.id;
	r->seq = seq;
	r->planes = in.planes;
	r->length = RECORD_SIZE + size;
	event_init(&e);
	eventblock_pack(p, &e);
	for (i = LAYOUT_BLOCK_SIZE; i < size; i++)
		p[i] = (unsigned char)(seq + i);
	return size;
}

/* The next event comes inline, through a pipe, and is added. */
static struct pending *
added(uint64_t seq, uint32_t flags)
{
	unsigned char bytes[8192];
	struct pending *p = dealer_room(d);
	struct record r;
	int ends[2];
	size_t n = event_make(bytes, seq, &r);

	r.flags = flags;
	assert_true(n <= sizeof bytes);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], bytes, n), (ssize_t)n);
	close(ends[1]);
	assert_non_null(from.inlet = inlet_new(ends[0]));
	assert_int_equal(pending_take(p, &r, &from, &f), INLET_GOT);
	inlet_free(from.inlet);
	close(ends[0]);
	dealer_add(d);
	return p;
}

static unsigned char *
block_of(const struct pending *p)
{
	return slots_map(slots, p->r.slot, layout_size(&in.layout, PLANE_ALL), &f);
}

static void
events_leave_in_the_order_of_the_input(void **state)
{
	const struct pending *jobs[WORKER_BATCH];
	uint64_t seq;

	(void)state;
	for (seq = 0; seq < 6; seq++)
		added(seq, 0);
	dealer_deal(d);
	assert_int_equal(dealer_jobs(d, 0, jobs), DEPTH);
	assert_int_equal(jobs[0]->r.seq, 0);
	assert_int_equal(jobs[1]->r.seq, 2);
	assert_int_equal(dealer_jobs(d, 1, jobs), DEPTH);
	assert_int_equal(jobs[0]->r.seq, 1);
	assert_int_equal(jobs[1]->r.seq, 3);
	assert_int_equal(dealer_result(d, 1)->r.seq, 1);
	assert_int_equal(dealer_head(d)->state, PENDING_WORKING);
	assert_int_equal(dealer_result(d, 0)->r.seq, 0);
	for (seq = 0; seq < 2; seq++) {
		assert_int_equal(dealer_head(d)->state, PENDING_DONE);
		assert_int_equal(dealer_head(d)->r.seq, seq);
		assert_int_equal(pending_release(dealer_head(d), &f), 0);
		dealer_drop(d);
	}
	assert_int_equal(dealer_head(d)->r.seq, 2);
	assert_int_equal(dealer_head(d)->state, PENDING_WORKING);
	assert_int_equal(dealer_count(d), 4);
	dealer_deal(d);
	assert_int_equal(dealer_jobs(d, 0, jobs), 1);
	assert_int_equal(jobs[0]->r.seq, 4);
	assert_int_equal(dealer_jobs(d, 0, jobs), 0);
}

static void
what_came_failed_is_dealt_to_nobody(void **state)
{
	const struct pending *jobs[WORKER_BATCH];

	(void)state;
	added(0, RECORD_FAILED);
	dealer_deal(d);
	assert_int_equal(dealer_jobs(d, 0, jobs), 0);
	assert_int_equal(dealer_head(d)->state, PENDING_DONE);
	dealer_drop(d);
	assert_null(dealer_head(d));
}

static void
a_death_gives_the_hand_back_and_blames_one_event(void **state)
{
	const struct pending *jobs[WORKER_BATCH];
	struct pending *p[4];
	uint64_t seq;

	(void)state;
	for (seq = 0; seq < 4; seq++)
		p[seq] = added(seq, 0);
	dealer_deal(d);
	dealer_jobs(d, 0, jobs);
	dealer_result(d, 0);
	/* Prepared, 0 done, at 2. */
	assert_ptr_equal(dealer_death(d, 0, 3), p[2]);
	assert_int_equal(p[2]->deaths, 1);
	assert_int_equal(p[2]->state, PENDING_WAITING);
	assert_int_equal(p[0]->state, PENDING_DONE);
	assert_int_equal(p[1]->state, PENDING_WORKING);
	dealer_deal(d);
	assert_int_equal(dealer_jobs(d, 0, jobs), 1);
	assert_ptr_equal(jobs[0], p[2]);
	assert_ptr_equal(dealer_death(d, 0, 2), p[2]);
	assert_int_equal(p[2]->deaths, DEALER_DEATHS);
	assert_int_equal(p[2]->state, PENDING_DONE);
}

static void
an_event_not_yet_begun_is_not_to_blame(void **state)
{
	struct pending *p[2];

	(void)state;
	p[0] = added(0, 0);
	p[1] = added(1, 0);
	dealer_deal(d);
	assert_null(dealer_death(d, 0, 1));
	assert_int_equal(p[0]->state, PENDING_WAITING);
	assert_int_equal(p[0]->deaths, 0);
	assert_int_equal(dealer_vain_deaths(d, 0), 0);
	dealer_deal(d);
	/* Not even prepared. */
	assert_null(dealer_death(d, 0, 0));
	assert_null(dealer_death(d, 0, 0));
	assert_int_equal(dealer_vain_deaths(d, 0), 2);
	dealer_deal(d);
	dealer_result(d, 0);
	assert_int_equal(dealer_vain_deaths(d, 0), 0);
}

static void
the_ring_goes_round(void **state)
{
	uint64_t seq;

	(void)state;
	for (seq = 0; seq < 3 * DEALER_ROOM; seq++) {
		added(seq, 0);
		if (seq < SLOTS - 1)
			continue;
		assert_int_equal(dealer_head(d)->r.seq, seq - (SLOTS - 1));
		assert_int_equal(pending_release(dealer_head(d), &f), 0);
		dealer_drop(d);
	}
	assert_int_equal(dealer_count(d), SLOTS - 1);
}

static void
a_block_is_restored_as_it_came(void **state)
{
	unsigned char came[LAYOUT_BLOCK_SIZE];
	struct pending *p;

	(void)state;
	p = added(3, 0);
	memcpy(came, block_of(p), sizeof came);
	memset(block_of(p), 0x5a, LAYOUT_BLOCK_SIZE);
	dealer_deal(d);
	assert_ptr_equal(dealer_death(d, 0, 2), p);
	assert_memory_equal(block_of(p), came, sizeof came);
}

static void
a_failed_event_has_the_length_of_its_stream(void **state)
{
	struct iovec v[PLACE_PIECES];
	struct pending *p;
	struct record r;
	struct event e;
	uint64_t size = RECORD_SIZE;
	int i, n;

	(void)state;
	p = added(3, 0);
	assert_int_equal(pending_fail(p, &stream, EVENT_WORKER, &f), 0);
	n = pending_pieces(p, &stream, &r, v, &f);
	assert_int_equal(n, 3);
	for (i = 0; i < n; i++)
		size += v[i].iov_len;
	assert_int_equal(r.type, RECORD_EVENT);
	assert_int_equal(r.length, size);
	assert_int_equal(r.length, stream_event_length(&stream.out));
	assert_int_equal(r.flags, RECORD_FAILED);
	assert_int_equal(eventblock_unpack(v[0].iov_base, &stream.out.layout, &e, &f), 0);
	assert_int_equal(e.cause, EVENT_WORKER);
}

static void
an_event_cut_short_is_an_error(void **state)
{
	struct record r;
	unsigned char bytes[8192];
	int ends[2];
	size_t n = event_make(bytes, 0, &r);

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], bytes, n - 1), (ssize_t)n - 1);
	close(ends[1]);
	assert_non_null(from.inlet = inlet_new(ends[0]));
	assert_int_equal(pending_take(dealer_room(d), &r, &from, &f),
	    INLET_ERROR);
	assert_non_null(strstr(f.text, "event 0"));
	inlet_free(from.inlet);
	close(ends[0]);
	assert_int_equal(dealer_count(d), 0);
}

static void
a_reference_without_slots_is_an_error(void **state)
{
	struct record r = { .type = RECORD_REFERENCE, .session = 1 };

	(void)state;
	assert_int_equal(pending_take(dealer_room(d), &r, &from, &f),
	    INLET_ERROR);
	assert_non_null(strstr(f.text, "Q2_SLOTS"));
}

static void
jobs_and_results_come_out_as_they_went_in(void **state)
{
	struct findwork_job j = { .seq = UINT64_MAX - 1, .slot = 254,
	    .flags = RECORD_CRC, .own = true }, j2;
	struct findwork_result r = { .cause = EVENT_CHECKSUM, .found = 1 << 20,
	    .nans = 77 }, r2;
	struct worker_message m;

	(void)state;
	findwork_job_pack(&m, &j);
	findwork_job_unpack(&m, &j2);
	assert_int_equal(j2.seq, j.seq);
	assert_int_equal(j2.slot, j.slot);
	assert_int_equal(j2.flags, j.flags);
	assert_true(j2.own);
	memset(r.text, 'x', sizeof r.text - 1);
	r.text[sizeof r.text - 1] = '\0';
	findwork_result_pack(&m, &r);
	findwork_result_unpack(&m, &r2);
	assert_int_equal(r2.cause, r.cause);
	assert_int_equal(r2.found, r.found);
	assert_int_equal(r2.nans, r.nans);
	assert_string_equal(r2.text, r.text);
}

static void
the_header_says_what_changes_results(void **state)
{
	struct findstream_options o = {
		.min_pixels = 2, .max_pixels = 90, .capacity = 3,
		.weighted = true
	};
	char value[100];

	(void)state;
	assert_int_equal(header_begin(&in, &o), FINDSTREAM_BEGINS);
	assert_int_equal(stream.out.id, in.id);
	assert_int_equal(stream.out.planes, PLANE_PEAKS | PLANE_IMAGE);
	assert_int_equal(stream.out.layout.capacity, 3);
	assert_string_equal(stream.out.text, "peakfind.version=" VERSION "\n"
	    "peakfind.a=2\npeakfind.A=90\npeakfind.c=3\npeakfind.w=1\n");
	o.keep = true;
	o.capacity = 99;
	assert_int_equal(header_begin(&in, &o), FINDSTREAM_BEGINS);
	assert_int_equal(stream.out.planes, PLANE_ALL);
	assert_int_equal(stream.out.layout.capacity, in.layout.capacity);
	assert_string_equal(stream_value(&stream.out, "peakfind.c", value,
	    sizeof value), "4");
}

static void
the_same_header_again_is_no_other_stream(void **state)
{
	struct findstream_options o = { .min_pixels = 1 };
	unsigned char p[STREAM_SIZE];
	struct stream s = in;

	(void)state;
	stream_pack(&s, p);
	assert_int_equal(findstream_begin(&stream, p, &o, &f),
	    FINDSTREAM_SAME);
	s.id++;
	stream_pack(&s, p);
	assert_int_equal(findstream_begin(&stream, p, &o, &f),
	    FINDSTREAM_BEGINS);
	assert_int_equal(findstream_begin(&stream, p, &o, &f),
	    FINDSTREAM_SAME);
	assert_memory_equal(stream.header, p, STREAM_SIZE);
	p[STREAM_SIZE - 1] = 1;
	assert_int_equal(findstream_begin(&stream, p, &o, &f),
	    FINDSTREAM_WRONG);
	assert_false(stream.open);
}

static void
a_stream_without_logits_or_map_is_refused(void **state)
{
	struct findstream_options o = { .min_pixels = 1 };
	struct stream s = in;

	(void)state;
	s.planes = PLANE_IMAGE | PLANE_PEAKS;
	assert_int_equal(header_begin(&s, &o), FINDSTREAM_WRONG);
	assert_non_null(strstr(f.text, "neither logits nor"));
	s.planes = PLANE_SEGMAP;
	assert_int_equal(header_begin(&s, &o), FINDSTREAM_BEGINS);
	o.mask = "/nonexistent/mask.h5";
	assert_int_equal(header_begin(&s, &o), FINDSTREAM_NO_MASK);
	assert_non_null(strstr(f.text, "/nonexistent/mask.h5"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(events_leave_in_the_order_of_the_input),
		TEST(what_came_failed_is_dealt_to_nobody),
		TEST(a_death_gives_the_hand_back_and_blames_one_event),
		TEST(an_event_not_yet_begun_is_not_to_blame),
		TEST(the_ring_goes_round),
		TEST(a_block_is_restored_as_it_came),
		TEST(a_failed_event_has_the_length_of_its_stream),
		TEST(an_event_cut_short_is_an_error),
		TEST(a_reference_without_slots_is_an_error),
		TEST(jobs_and_results_come_out_as_they_went_in),
		TEST(the_header_says_what_changes_results),
		TEST(the_same_header_again_is_no_other_stream),
		TEST(a_stream_without_logits_or_map_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
