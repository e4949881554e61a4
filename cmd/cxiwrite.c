/*
 * cxiwrite: keep the hits, place the panels, write CXI files, give the tokens
 * back, and judge whether all came that was sent.
 *
 * An event is a failed one, a miss or a hit: failed and filtered ones give their
 * token back at once, a hit when its row is written. A file is committed when it
 * has its events, when another stream begins, and at the end of the input, also
 * of a damaged one: what was good is kept. After a failed write the file in the
 * making is given up, its events are counted as lost, and we stop; the programs
 * in front see their reader gone. The journal of the series knows how far its
 * complete files got; -r carries on from there.
 */
#include <err.h>
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "format/eventlog.h"
#include "format/intake.h"
#include "format/outlook.h"
#include "format/peakplane.h"
#include "format/plan.h"
#include "format/series.h"
#include "format/seriesname.h"
#include "format/totals.h"
#include "accounts.h"
#include "oddities.h"
#include "progress.h"
#include "remarks.h"
#include "status.h"
#include "tool.h"

#define OPTIONS "+M:RS:b:dfg:j:l:m:n:o:p:rvz:"

struct options {
	bool		verbose;
	const char	*dir, *prefix;
	struct accounts	accounts;
	struct plan_options plan;
};

/* What -v's thread may read while we work, and what only it looks at. */
struct counts {
	_Atomic uint64_t in, written, files;
	_Atomic uint64_t expected;	/* in all; 0: unknown */
	struct recent	recent;
};

struct writer {
	const struct options *o;
	struct slots	*slots;
	struct intake	in;
	struct series	*series;
	struct cxi	*cxi;		/* in the making; NULL: none */
	struct totals	t;
	uint64_t	before;		/* events of the run that is carried on */
	struct oddities	odd;
	struct ledger_place place;	/* behind the event in hand */
	double		start;		/* of the run, seconds */
	struct counts	counts;
	int		status;
	struct eventlog	*log;		/* NULL: none */

	struct plan	plan;		/* of the stream in hand */
	struct peak	*peaks;
	bool		begun;		/* the first event has come */
	bool		loss_noted;	/* in the journal */
};

/* For the second signal: no unfinished file is left. */
static const struct series *unfinished;

static void
unfinished_remove(void)
{
	if (unfinished != NULL)
		series_abandon(unfinished);
	accounts_abandon();
}

static void
writer_failed(struct writer *w, int status, const char *text)
{
	progress_warnx("%s", text);
	w->status = tool_worse(w->status, status);
}

/* The file in the making cannot be finished. */
static int
output_failed(struct writer *w, uint64_t rows, const struct fault *f)
{
	writer_failed(w, status_of(f, STATUS_OUTPUT), f->text);
	w->t.written -= rows;
	w->t.lost += rows;
	w->cxi = NULL;
	return -1;
}

/* What the journal is to say: how far the run got, without the file in hand. */
static void
entry_make(const struct writer *w, enum journal_state state,
    struct journal_entry *e)
{
	memset(e, 0, sizeof *e);
	e->state = state;
	e->place = w->place;
	strcpy(e->options, w->plan.options_digest);
	strcpy(e->header, w->plan.header_digest);
	e->in = w->t.in;
	e->written = w->t.written;
	e->filtered = w->t.filtered;
	e->failed = w->t.failed;
	e->log = eventlog_size(w->log);
}

/* A side file failed, and with it the file in the making, and rows before that. */
static int
side_failed(struct writer *w, uint64_t rows, const struct fault *f)
{
	if (w->cxi != NULL) {
		rows += cxi_rows(w->cxi);
		cxi_abort(w->cxi);
	}
	return output_failed(w, rows, f);
}

/* The log lacks a line: what it knows no more must not be written either. */
static int
log_failed(struct writer *w, const struct fault *f)
{
	return side_failed(w, 0, f);
}

/* Events that a program in front lost: a run that is carried on would forget it. */
static int
loss_note(struct writer *w)
{
	struct journal_entry e;
	struct fault f;
	uint64_t lost;

	if (!w->in.ledger.holed || w->loss_noted)
		return 0;
	w->loss_noted = true;
	entry_make(w, JOURNAL_LOST, &e);
	if (series_note_loss(w->series, &e, &lost, &f) == -1)
		return side_failed(w, lost, &f);
	return 0;
}

static int
file_commit(struct writer *w, enum journal_state state)
{
	struct cxi *cxi = w->cxi;
	struct journal_entry e;
	struct fault f;
	uint64_t lost;

	if (cxi == NULL)
		return 0;
	if (eventlog_written(w->log, &f) == -1)
		return log_failed(w, &f);
	w->cxi = NULL;
	/* Its only hits failed while they were written. */
	if (cxi_rows(cxi) == 0) {
		cxi_abort(cxi);
		return 0;
	}
	/* Behind missing events no place is what q2cat -s counts. */
	entry_make(w, ledger_accounted(&w->in.ledger) ? state : JOURNAL_OPEN, &e);
	if (series_commit(w->series, cxi, &e, eventlog_descriptor(w->log), &lost,
	    &f) == -1)
		return output_failed(w, lost, &f);
	return 0;
}

/* The last files, and what became of them. */
static void
files_finish(struct writer *w)
{
	bool whole = ledger_whole(&w->in.ledger) && w->status < STATUS_INCOMPLETE;
	struct fault f;
	uint64_t lost;

	if (file_commit(w, whole ? JOURNAL_END : JOURNAL_OPEN) == 0 &&
	    series_settle(w->series, &lost, &f) == -1)
		output_failed(w, lost, &f);
	else if (whole && w->status < STATUS_INCOMPLETE &&
	    series_complete(w->series, &f) == -1)
		writer_failed(w, STATUS_INCOMPLETE, f.text);
}

/* ---- what -v says ---- */

static void
counts_set(struct writer *w)
{
	struct counts *c = &w->counts;

	atomic_store_explicit(&c->in, w->t.in, memory_order_relaxed);
	atomic_store_explicit(&c->written, w->t.written, memory_order_relaxed);
	atomic_store_explicit(&c->files, series_count(w->series),
	    memory_order_relaxed);
}

/* What is left of an input file is taken for events of the stream that begins. */
static void
expected_set(struct writer *w)
{
	uint64_t left = inlet_left(w->in.feed.in) /
	    stream_event_length(&w->in.feed.stream);

	atomic_store_explicit(&w->counts.expected, left == 0 ? 0 :
	    w->t.in + left, memory_order_relaxed);
}

static void
progress_line(void *arg, char *text, size_t size)
{
	struct writer *w = arg;
	struct outlook_counts c = {
		.in = w->counts.in, .hits = w->counts.written,
		.files = w->counts.files, .expected = w->counts.expected
	};

	if (w->slots != NULL) {
		c.slots = slots_count(w->slots);
		c.pending = slots_pending(w->slots);
		if (c.expected == 0 && slots_expected(w->slots) > 0)
			c.expected = w->before + slots_expected(w->slots);
	}
	outlook_print(&w->counts.recent, clock_seconds(), &c, text, size);
}

/* ---- streams ---- */

/* A run that is carried on must be the same run: its streams, its options. */
static int
resume_check(struct writer *w)
{
	const struct journal_entry *from = series_from(w->series);

	if (from == NULL || w->begun)
		return 0;
	if (strcmp(w->plan.options_digest, from->options) != 0) {
		writer_failed(w, STATUS_USAGE, "-r: options -d -g -m -M -n -z, the"
		    " geometry or the version are not those that the run began"
		    " with; its files tell them in /entry_1/process_1/options");
		return -1;
	}
	if (w->in.feed.stream.id == from->place.stream &&
	    strcmp(w->plan.header_digest, from->header) != 0) {
		writer_failed(w, STATUS_INPUT, "-r: the options or versions of the"
		    " programs in front, or the mask, are not those that the run"
		    " began with; its files tell them in"
		    " /entry_1/process_1/stream");
		return -1;
	}
	return 0;
}

static int
stream_begin(struct writer *w)
{
	const struct stream *s = &w->in.feed.stream;
	struct fault f;

	expected_set(w);
	slots_settle(w->slots);
	if (file_commit(w, JOURNAL_END) == -1)
		return -1;
	if (!(s->planes & PLANE_PEAKS)) {
		writer_failed(w, STATUS_INPUT, "the stream carries no peaks: put"
		    " peakfind in front");
		return -1;
	}
	if (w->o->plan.debug && (s->planes & (PLANE_SEGMAP | PLANE_LOGITS)) !=
	    (PLANE_SEGMAP | PLANE_LOGITS)) {
		writer_failed(w, STATUS_INPUT, "-d: the stream carries no logits"
		    " or no segmentation map: see peakfind -k");
		return -1;
	}
	free(w->peaks);
	w->peaks = calloc(s->layout.capacity, sizeof w->peaks[0]);
	if (w->peaks == NULL)
		fault_lack(&f, "no memory for peaks");
	if (w->peaks == NULL || plan_make(&w->plan, &w->o->plan, s,
	    w->in.feed.header, &f) == -1) {
		writer_failed(w, status_of(&f, STATUS_INPUT), f.text);
		return -1;
	}
	remarks_files(&w->plan, s, w->o->plan.geometry, !w->begun);
	oddities_begin(&w->odd, &w->plan);
	return resume_check(w);
}

/* ---- events ---- */

static void
event_failed(struct writer *w, const char *why)
{
	struct fault f;

	w->t.failed++;
	feed_failure(&w->in.feed, why, &f);
	writer_failed(w, STATUS_FAILED, f.text);
	eventlog_failed(w->log, &w->in.feed.event, why);
}

/* A capture may be truncated while an event of it is written. */
static int
planes_intact(const void *place, struct fault *f)
{
	return place_check(place, f);
}

static int
hit_write(struct writer *w, struct fault *f)
{
	struct cxi_event c = {
		.event = &w->in.feed.event, .peaks = w->peaks,
		.intact = planes_intact, .arg = &w->in.feed.place
	};
	uint64_t rows;
	int r;

	/* This may take long; misses before it are not to wait. */
	slots_settle(w->slots);
	if (w->cxi == NULL) {
		if (series_create(w->series, &w->plan.cxi, &w->cxi, f) == -1) {
			w->t.lost++;
			return output_failed(w, 0, f);
		}
	}
	if (w->in.feed.record.type == RECORD_REFERENCE)
		place_populate(&w->in.feed.place, w->slots, w->in.feed.record.slot,
		    w->plan.cxi.layout, PLANE_IMAGE, false);
	c.image = feed_plane(&w->in.feed, PLANE_IMAGE);
	c.segmap = feed_plane(&w->in.feed, PLANE_SEGMAP);
	c.logits = feed_plane(&w->in.feed, PLANE_LOGITS);
	rows = cxi_rows(w->cxi);
	r = cxi_add(w->cxi, &c, f);
	if (r == 1) {
		event_failed(w, f->text);
		return 0;
	}
	if (r == -1) {
		cxi_abort(w->cxi);
		w->t.lost++;
		fault_prefix(f, "%s", series_name(w->series));
		return output_failed(w, rows, f);
	}
	w->t.written++;
	eventlog_hit(w->log, &w->in.feed.event, series_name(w->series), rows);
	return rows + 1 == w->o->plan.events ? file_commit(w, JOURNAL_FULL) : 0;
}

/* An earlier run's files and accounts make room, or are cut back to be carried on. */
static int
outputs_clear(struct writer *w, const struct journal_entry *begin, struct fault *f)
{
	if (series_begin(w->series, begin, f) == -1)
		return -1;
	return accounts_clear(&w->o->accounts, w->log, w->series, f);
}

/*
 * At the first event, and not before: what an earlier run left under these names
 * makes room, or is cut back to where it is carried on. A run that fails at once
 * has replaced nothing.
 */
static int
outputs_begin(struct writer *w)
{
	struct journal_entry e;
	struct fault f;

	if (w->begun)
		return 0;
	w->begun = true;
	entry_make(w, JOURNAL_BEGIN, &e);
	e.place.next--;			/* the event that is in hand */
	/* Missing before it: then nobody knows what comes first. */
	if (!ledger_accounted(&w->in.ledger))
		e.place = (struct ledger_place){ 0 };
	if (e.log >= 0)
		e.log = sizeof eventlog_heading - 1;
	if (outputs_clear(w, &e, &f) == 0 &&
	    accounts_begin(&w->o->accounts, &w->t, &f) == 0)
		return loss_note(w);
	writer_failed(w, status_of(&f, STATUS_OUTPUT), f.text);
	return -1;
}

/* A run that had all its events when it broke off may lack its last line. */
static void
outputs_end(struct writer *w)
{
	const struct journal_entry *from = series_from(w->series);
	struct fault f;

	if (w->begun || from == NULL)
		return;
	if (w->in.ledger.place.header < from->place.header) {
		fault_set(&f, "standard input: ends before stream %llu of the input,"
		    " where the run goes on: give q2cat -s %llu:%llu, and the inputs"
		    " that the run began with",
		    (unsigned long long)from->place.header,
		    (unsigned long long)from->place.header,
		    (unsigned long long)from->place.next);
		writer_failed(w, STATUS_INCOMPLETE, f.text);
		return;
	}
	if (outputs_clear(w, from, &f) == -1)
		writer_failed(w, status_of(&f, STATUS_OUTPUT), f.text);
	else
		(void)loss_note(w);
}

/* One event: failed, a miss, or a hit. -1: nothing can be written any more. */
static int
event_judge(struct writer *w, struct fault *f)
{
	const struct event *e = &w->in.feed.event;

	w->t.in++;
	if (w->in.feed.record.flags & RECORD_FAILED) {
		event_failed(w, f->text);
		return 0;
	}
	if (peakplane_unpack(feed_plane(&w->in.feed, PLANE_PEAKS), e->peaks_kept,
	    &w->in.feed.stream.layout, w->peaks, f) == -1) {
		event_failed(w, f->text);
		return 0;
	}
	oddities_look(&w->odd, &w->in.feed);
	if (!plan_hits(&w->o->plan, e->peaks_found)) {
		w->t.filtered++;
		eventlog_miss(w->log, e);
		return 0;
	}
	if (place_check(&w->in.feed.place, f) == -1) {
		event_failed(w, f->text);
		return 0;
	}
	return hit_write(w, f);
}

static int
event_take(struct writer *w, struct fault *f)
{
	uint64_t written = w->t.written;
	struct fault wrong;
	int r;

	w->place = w->in.ledger.place;
	if (outputs_begin(w) == -1)
		return -1;
	r = event_judge(w, f);
	if (feed_done(&w->in.feed, &wrong) == -1) {
		writer_failed(w, status_of(&wrong, STATUS_INPUT), wrong.text);
		return -1;
	}
	/* A hit took long: whoever waits for its slot need not wait for the next. */
	if (w->t.written > written)
		slots_settle(w->slots);
	counts_set(w);
	return r == 0 && eventlog_written(w->log, f) == -1 ? log_failed(w, f) : r;
}

/* What comes next: 0, or -1 when nothing more can be done. */
static int
input_take(struct writer *w, enum intake_got got, struct fault *f)
{
	switch (got) {
	case INTAKE_STREAM:
		return stream_begin(w);
	case INTAKE_EVENT:
		return event_take(w, f);
	case INTAKE_REMARK:
		progress_warnx("%s", f->text);
		break;
	case INTAKE_MISSING:
	case INTAKE_CUT:
		writer_failed(w, STATUS_INCOMPLETE, f->text);
		return w->begun ? loss_note(w) : 0;
	case INTAKE_EOF:
		outputs_end(w);
		break;
	case INTAKE_BROKEN:
		writer_failed(w, status_of(f, STATUS_INPUT), f->text);
		return -1;
	}
	return 0;
}

/* Takes the input to its end, or to where nothing more can be done. */
static void
writer_run(struct writer *w)
{
	enum intake_got got;
	struct fault f;

	do
		got = intake_next(&w->in, &f);
	while (input_take(w, got, &f) == 0 && got != INTAKE_EOF &&
	    got != INTAKE_CUT);
	files_finish(w);
}

/* ---- totals ---- */

/* Nothing was wrong but for events that had failed. */
static bool
all_through(const struct writer *w)
{
	return w->status == STATUS_OK || w->status == STATUS_FAILED;
}

static void
stats_write(struct writer *w)
{
	const struct accounts *a = &w->o->accounts;
	struct fault f;

	/* A run that fails at once replaces nothing. One may have had all before. */
	if (a->stats == NULL || (!w->begun && eventlog_exists(a->stats) &&
	    (!all_through(w) || (series_from(w->series) == NULL && !a->resume) ||
	    accounts_hold(a, &w->t))))
		return;
	if (accounts_write(a, &w->t, &f) == -1)
		writer_failed(w, status_of(&f, STATUS_OUTPUT), f.text);
}

static void
totals_say(struct writer *w)
{
	struct totals *t = &w->t;
	struct ledger_place p;
	struct fault f;

	oddities_sum(&w->odd);
	if (t->lost > 0)
		progress_warnx("%llu events were taken but are NOT WRITTEN",
		    (unsigned long long)t->lost);
	progress_warnx("%llu events in = %llu written + %llu filtered + %llu"
	    " failed%s; %llu files, %.2f seconds, %.1f events/s",
	    (unsigned long long)t->in,
	    (unsigned long long)t->written, (unsigned long long)t->filtered,
	    (unsigned long long)t->failed, t->lost > 0 ? " + lost" : "",
	    (unsigned long long)t->files, t->seconds, t->rate);
	/* As -R tells it: of the last file it may not be certain. */
	if (w->in.ledger.holed)
		progress_warnx("a program between the source and here lost events:"
		    " carrying on does not bring them; begin anew, with -f");
	else if (w->begun && (!t->complete || t->interrupted) &&
	    series_wanted(w->o->dir, w->o->prefix, &p, &f) == 1)
		progress_warnx("not complete: where the inputs can be read again,"
		    " q2cat -s %llu:%llu with the same, and cxiwrite -r with the"
		    " same options, carry on",
		    (unsigned long long)p.header, (unsigned long long)p.next);
}

static void
totals_finish(struct writer *w)
{
	struct totals *t = &w->t;

	t->missing = w->in.ledger.missing;
	t->files = series_count(w->series);
	t->complete = w->status < STATUS_INCOMPLETE;
	t->interrupted = w->in.ledger.interrupted;
	t->seconds = clock_seconds() - w->start;
	t->rate = (double)(t->in - w->before) / fmax(t->seconds, 1e-6);
	/* One that may not be carried on has totals of its earlier part only. */
	if (w->begun || w->before == 0 || all_through(w))
		totals_say(w);
	stats_write(w);
}

/* ---- beginning ---- */

static enum cxi_compression
compression_parse(const char *text)
{
	if (strcmp(text, "none") == 0)
		return CXI_NONE;
	if (strcmp(text, "gzip") == 0)
		return CXI_GZIP;
	if (strcmp(text, "bslz4") == 0)
		return CXI_BSLZ4;
	errx(STATUS_USAGE, "-z %s: not none, gzip or bslz4", text);
}

static void
options_parse(int argc, char *argv[], struct options *o)
{
	int ch;

	while ((ch = getopt(argc, argv, OPTIONS)) != -1)
		switch (ch) {
		case 'M':
			o->plan.max_peaks = (uint32_t)tool_int('M', optarg, 0,
			    UINT32_MAX);
			break;
		case 'R':
			break;	/* see asked_where */
		case 'S':
			o->accounts.stats = optarg;
			break;
		case 'b':
			o->plan.mask = optarg;
			break;
		case 'd':
			o->plan.debug = true;
			break;
		case 'f':
			o->accounts.force = true;
			break;
		case 'g':
			o->plan.geometry = optarg;
			break;
		case 'j':
			o->plan.threads = (unsigned)tool_int('j', optarg, 1, 256);
			break;
		case 'l':
			o->accounts.log = optarg;
			break;
		case 'm':
			o->plan.min_peaks = (uint32_t)tool_int('m', optarg, 0,
			    UINT32_MAX);
			break;
		case 'n':
			o->plan.events = (uint64_t)tool_int('n', optarg, 1, INT32_MAX);
			break;
		case 'o':
			o->dir = optarg;
			break;
		case 'p':
			o->prefix = optarg;
			break;
		case 'r':
			o->accounts.resume = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'z':
			o->plan.z = optarg;
			o->plan.compression = compression_parse(optarg);
			break;
		default:
			tool_usage();
		}
	if (!seriesname_allows(o->prefix))
		errx(STATUS_USAGE, "-p \"%s\": not empty, no slash, no control"
		    " character, at most %d bytes", o->prefix, SERIES_PREFIX_MAX);
	if (o->accounts.force && o->accounts.resume)
		errx(STATUS_USAGE, "-f replaces an earlier run, -r carries it on:"
		    " not both");
	if (o->plan.max_peaks != 0 && o->plan.max_peaks < o->plan.min_peaks)
		errx(STATUS_USAGE, "-M %u is less than -m %u", o->plan.max_peaks,
		    o->plan.min_peaks);
}

/* -r: the totals and the place of the run so far. */
static void
run_resume(struct writer *w)
{
	const struct journal_entry *from = series_from(w->series);

	if (from == NULL)
		return;
	w->t.in = w->before = from->in;
	w->t.written = from->written;
	w->t.filtered = from->filtered;
	w->t.failed = from->failed;
	if (from->failed > 0)
		w->status = STATUS_FAILED;
	ledger_resume(&w->in.ledger, &from->place);
	if (w->o->verbose)
		progress_warnx("carries on after %llu complete files, at event %llu"
		    " of stream %llu", (unsigned long long)series_count(w->series),
		    (unsigned long long)from->place.next,
		    (unsigned long long)from->place.header);
}

/* -R: prints where the input is wanted from, for q2cat -s, and no more. */
static int
wanted_print(const struct options *o)
{
	struct ledger_place p;
	struct fault f;

	switch (series_wanted(o->dir, o->prefix, &p, &f)) {
	case -1:
		errx(status_of(&f, STATUS_INPUT), "%s", f.text);
	case 0:
		printf("0\n");
		break;
	default:
		printf("%llu:%llu\n", (unsigned long long)p.header,
		    (unsigned long long)p.next);
	}
	if (fflush(stdout) == 0)
		return STATUS_OK;
	if (errno == EPIPE)
		return STATUS_GONE;
	err(STATUS_OUTPUT, "standard output");
}

/* Is -R among the options? It is no part of the pipeline that it may stand in. */
static bool
asked_where(int argc, char *argv[])
{
	bool asked = false;
	int ch;

	opterr = 0;
	while ((ch = getopt(argc, argv, OPTIONS)) != -1)
		if (ch == 'R')
			asked = true;
	opterr = optind = 1;
	return asked;
}

int
main(int argc, char *argv[])
{
	static struct writer w;
	struct options o = {
		.dir = ".", .prefix = "peaknet", .plan = {
			.program = "cxiwrite " VERSION, .z = "none",
			.events = 100, .min_peaks = 10, .threads = 1
		}
	};
	struct fault f;
	bool asked;

	tool_begin(argc, argv, "[-dfRrv] [-b mask] [-g geometry] [-j threads]"
	    " [-l log.tsv] [-M maxpeaks] [-m minpeaks] [-n events] [-o dir]"
	    " [-p prefix] [-S stats.json] [-z none|gzip|bslz4]");
	tool_signals(unfinished_remove);
	asked = asked_where(argc, argv);
	/* Before anything can fail: producers must see that we were here. */
	if (!asked && (slots_open(&w.slots, &f) == -1 ||
	    (w.slots != NULL && slots_consume(w.slots, &f) == -1)))
		errx(STATUS_SYSTEM, "%s", f.text);
	options_parse(argc, argv, &o);
	if (asked) {
		(void)tool_operands(argc, argv, 0, 0);
		return wanted_print(&o);
	}
	tool_filter(argc, argv);
	w.o = &o;
	w.series = series_open(o.dir, o.prefix, o.accounts.force ? SERIES_REPLACE :
	    o.accounts.resume ? SERIES_RESUME : SERIES_NEW, &f);
	if (w.series == NULL)
		errx(status_of(&f, STATUS_OUTPUT), "%s", f.text);
	unfinished = w.series;
	w.log = accounts_open(&o.accounts, w.series);
	if (intake_init(&w.in, w.slots, PLANE_PEAKS | PLANE_IMAGE |
	    (o.plan.debug ? PLANE_SEGMAP | PLANE_LOGITS : 0)) == -1)
		errx(STATUS_SYSTEM, "no memory");
	w.start = clock_seconds();
	run_resume(&w);
	counts_set(&w);
	if (o.verbose)
		progress_begin(progress_line, &w, true);

	writer_run(&w);
	if (eventlog_close(w.log, &f) == -1)
		writer_failed(&w, status_of(&f, STATUS_OUTPUT), f.text);
	progress_end();
	totals_finish(&w);
	unfinished = NULL;
	series_close(w.series);
	intake_close(&w.in);
	slots_close(w.slots);
	plan_free(&w.plan);
	free(w.peaks);
	return w.status;
}
