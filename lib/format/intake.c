#include <string.h>
#include <unistd.h>

#include "format/intake.h"

int
intake_init(struct intake *in, struct slots *slots, unsigned want)
{
	memset(in, 0, sizeof *in);
	return feed_init(&in->feed, STDIN_FILENO, slots, want);
}

void
intake_close(struct intake *in)
{
	feed_close(&in->feed);
}

static void
missing_note(struct intake *in, const char *text)
{
	fault_set(&in->missing, "%s", text);
	in->lacks = true;
}

/* The next of what was put off; false if there is none. */
static bool
deferred_take(struct intake *in, enum intake_got *got, struct fault *f)
{
	if (in->lacks) {
		in->lacks = false;
		*f = in->missing;
		*got = INTAKE_MISSING;
	} else if (in->begins) {
		in->begins = false;
		*got = INTAKE_STREAM;
	} else if (in->event) {
		in->event = false;
		if (in->feed.record.flags & RECORD_FAILED)
			*f = in->failed;
		*got = INTAKE_EVENT;
	} else
		return false;
	return true;
}

static enum intake_got
broken(struct fault *f)
{
	fault_prefix(f, "standard input");
	return INTAKE_BROKEN;
}

/* Puts off what the ledger says of a header or an event. */
static void
answer_note(struct intake *in, enum ledger_answer answer, bool no_end)
{
	if (no_end)
		missing_note(in, LEDGER_NO_END);
	in->begins = answer == LEDGER_BEGINS;
}

static void
stream_take(struct intake *in)
{
	bool no_end;
	enum ledger_answer answer = ledger_stream(&in->ledger,
	    in->feed.stream.id, in->feed.continued, &no_end);

	answer_note(in, answer, no_end);
}

static int
event_take(struct intake *in, struct fault *f)
{
	struct fault wrong;
	bool no_end;
	enum ledger_answer answer = ledger_event(&in->ledger,
	    in->feed.event.seq, &no_end, &wrong);

	if (answer == LEDGER_WRONG) {
		*f = wrong;
		return -1;
	}
	answer_note(in, answer, no_end);
	if (in->feed.record.flags & RECORD_FAILED)
		in->failed = *f;
	in->event = true;
	return 0;
}

/* True if the source was interrupted. */
static bool
end_take(struct intake *in, struct fault *f)
{
	struct fault wrong;

	if (ledger_end(&in->ledger, &in->feed.record, &wrong) == LEDGER_WRONG)
		missing_note(in, wrong.text);
	if (!(in->feed.record.flags & RECORD_INTERRUPTED))
		return false;
	fault_set(f, "the source was interrupted");
	return true;
}

static enum intake_got
input_end(struct intake *in, struct fault *f)
{
	if (ledger_finish(&in->ledger, f) == 0)
		return INTAKE_EOF;
	fault_prefix(f, "standard input");
	return INTAKE_CUT;
}

enum intake_got
intake_next(struct intake *in, struct fault *f)
{
	enum intake_got got;

	while (!deferred_take(in, &got, f)) {
		f->text[0] = '\0';
		switch (feed_next(&in->feed, f)) {
		case FEED_STREAM:
			stream_take(in);
			break;
		case FEED_EVENT:
			if (event_take(in, f) == -1)
				return broken(f);
			break;
		case FEED_END:
			if (end_take(in, f))
				return INTAKE_REMARK;
			break;
		case FEED_EOF:
			return input_end(in, f);
		case FEED_ERROR:
			return broken(f);
		}
	}
	return got;
}
