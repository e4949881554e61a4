/* What an intake tells of a stream, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "format/eventblock.h"
#include "format/intake.h"

static struct stream stream = {
	.layout = { .panels = 1, .height = 8, .width = 8, .real_height = 8,
	    .real_width = 8, .capacity = 1 },
	.planes = PLANE_PEAKS
};

/*
 * Writes records, one for each letter: S the stream's header, T another one's; a
 * digit an event of that number, preceded by ! a failed one; E an end record that
 * counts the events before it, L one that counts one more, I one of a source
 * that was interrupted; X bytes that are none.
 */
static void
record_write(int fd, char letter, int failed, uint64_t *count)
{
	static unsigned char bytes[STREAM_SIZE];
	struct event e;
	struct record r = { .stream = stream.id };

	memset(bytes, 0, sizeof bytes);
	r.length = RECORD_SIZE;
	if (letter == 'S' || letter == 'T') {
		stream.id = (uint64_t)letter;
		*count = 0;
		stream_pack(&stream, bytes);
		r.length = STREAM_SIZE;
	} else if (letter >= '0' && letter <= '9') {
		r.type = RECORD_EVENT;
		r.seq = (uint64_t)(letter - '0');
		r.planes = stream.planes;
		r.length = stream_event_length(&stream);
		r.flags = failed ? RECORD_FAILED : 0;
		event_init(&e);
		e.cause = failed ? EVENT_UNREADABLE : EVENT_OK;
		record_pack(bytes, &r);
		eventblock_pack(bytes + RECORD_SIZE, &e);
		++*count;
	} else if (letter != 'X') {
		r.type = RECORD_END;
		r.count = *count + (letter == 'L');
		r.flags = letter == 'I' ? RECORD_INTERRUPTED : 0;
		record_pack(bytes, &r);
		*count = 0;
	}
	assert_int_equal(io_write(fd, bytes, r.length), 0);
}

static void
input_make(const char *letters)
{
	FILE *file = tmpfile();
	uint64_t count = 0;
	int failed = 0;

	assert_non_null(file);
	for (; *letters != '\0'; letters++) {
		if (*letters == '!') {
			failed = 1;
			continue;
		}
		record_write(fileno(file), *letters, failed, &count);
		failed = 0;
	}
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	assert_int_equal(dup2(fileno(file), STDIN_FILENO), STDIN_FILENO);
	fclose(file);
}

/* What is told, a letter each; of an event its number, of a failed one ! before. */
static const char *
told_of(const char *letters, struct fault *f)
{
	static const char letter_of[] = {
		[INTAKE_REMARK] = 'R', [INTAKE_MISSING] = 'M', [INTAKE_EOF] = '.',
		[INTAKE_CUT] = 'C', [INTAKE_BROKEN] = 'B'
	};
	static char told[40];
	static struct intake in;
	size_t n = 0;
	enum intake_got got;

	input_make(letters);
	assert_int_equal(intake_init(&in, NULL, PLANE_PEAKS), 0);
	do {
		got = intake_next(&in, f);
		assert_true(n + 3 < sizeof told);
		if (got == INTAKE_EVENT) {
			if (in.feed.record.flags & RECORD_FAILED) {
				told[n++] = '!';
				assert_true(f->text[0] != '\0');
			}
			told[n++] = (char)('0' + in.feed.event.seq);
			assert_int_equal(feed_done(&in.feed, f), 0);
		} else if (got == INTAKE_STREAM)
			told[n++] = (char)in.feed.stream.id;
		else
			told[n++] = letter_of[got];
	} while (got < INTAKE_EOF);
	told[n] = '\0';
	intake_close(&in);
	return told;
}

static void
tells(const char *letters, const char *want)
{
	struct fault f;

	assert_string_equal(told_of(letters, &f), want);
}

static void
streams_and_events_come_in_order(void **state)
{
	(void)state;
	tells("S012E", "S012.");
	tells("S01ET0E", "S01T0.");
	tells("SE", "S.");
}

static void
the_same_header_again_begins_or_goes_on_at_its_first_event(void **state)
{
	(void)state;
	/* Pieces of one stream, and the same capture twice. */
	tells("S01ES23E", "S0123.");
	tells("S01ES01E", "S01S01.");
}

static void
what_is_missing_is_told_before_what_follows_it(void **state)
{
	(void)state;
	tells("S01T0E", "S01MT0.");
	tells("S01LT0E", "S01MT0.");
	tells("S01L", "S01M.");
}

static void
an_interrupted_source_is_a_remark(void **state)
{
	(void)state;
	tells("S01I", "S01R.");
}

static void
failed_events_come_with_their_reason(void **state)
{
	(void)state;
	tells("S0!12E", "S0!12.");
}

static void
an_end_that_came_too_early_is_told_last(void **state)
{
	struct fault f;

	(void)state;
	assert_string_equal(told_of("S01", &f), "S01C");
	assert_int_equal(strncmp(f.text, "standard input: ", 16), 0);
	tells("", "C");
}

static void
what_cannot_be_read_ends_it(void **state)
{
	struct fault f;

	(void)state;
	assert_string_equal(told_of("S01XE", &f), "S01B");
	assert_int_equal(strncmp(f.text, "standard input: ", 16), 0);
	tells("X", "B");
	tells("S10E", "S1B");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_and_events_come_in_order),
		cmocka_unit_test(
		    the_same_header_again_begins_or_goes_on_at_its_first_event),
		cmocka_unit_test(what_is_missing_is_told_before_what_follows_it),
		cmocka_unit_test(an_interrupted_source_is_a_remark),
		cmocka_unit_test(failed_events_come_with_their_reason),
		cmocka_unit_test(an_end_that_came_too_early_is_told_last),
		cmocka_unit_test(what_cannot_be_read_ends_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
