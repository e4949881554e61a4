/*
 * cxiwrite: keep the hits, place the panels, write CXI files, give the tokens
 * back, and judge whether all came that was sent.
 *
 * An event is a failed one, a miss or a hit: failed and filtered ones give their
 * token back at once, a hit when its row is written. A file is committed when it
 * has its events, when another stream begins, and at the end of the input, also
 * of a damaged one: what was good is kept. After a failed write the file in the
 * making is given up, its events are counted as lost, and we stop; the programs
 * in front see their reader gone.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "data/geometry.h"
#include "format/badpixels.h"
#include "format/eventlog.h"
#include "format/feed.h"
#include "format/ledger.h"
#include "format/peakplane.h"
#include "format/series.h"
#include "status.h"
#include "tool.h"

#define GEOMETRY_MAX (64u << 20)	/* bytes; the largest real ones have 1 MB */
#define LIVE_SECONDS 0.5

struct options {
	bool		force, verbose, debug;
	const char	*dir, *prefix, *geometry, *mask, *log, *stats, *z;
	uint64_t	events;		/* a file */
	uint32_t	min_peaks, max_peaks;	/* of a hit; max 0: no limit */
	enum cxi_compression compression;
	unsigned	threads;
};

struct totals {
	uint64_t	in, written, filtered, failed;
	uint64_t	lost;		/* taken, but in a file that was given up */
	uint64_t	no_energy, odd_energy, cut;
};

struct writer {
	const struct options *o;
	struct slots	*slots;
	struct feed	feed;
	struct series	*series;
	struct cxi	*cxi;		/* in the making; NULL: none */
	struct totals	t;
	struct ledger	ledger;
	struct progress	progress;
	double		live;		/* when the live line was drawn */
	bool		terminal;	/* standard error is one */
	int		status;
	struct eventlog	*log;		/* NULL: none */

	struct geometry	geometry;
	char		geometry_digest[SHA256_DIGEST_STRING_LENGTH];
	bool		have_geometry;

	/* of the stream in hand */
	struct cxi_plan	plan;
	struct slab	slab;
	struct peak	*peaks;
	char		options[1024];
	char		experiment[256], run[256], detector[256];
	bool		begun;		/* files of an earlier run are replaced */
};

/* For the second signal: no unfinished file is left. */
static const struct series *unfinished;

static void
unfinished_remove(void)
{
	if (unfinished != NULL)
		series_abandon(unfinished);
}

static void
writer_failed(struct writer *w, int status, const char *text)
{
	if (w->terminal && w->live != 0)
		fputc('\n', stderr);
	warnx("%s", text);
	w->status = tool_worse(w->status, status);
}

/* The file in the making cannot be finished. */
static int
output_failed(struct writer *w, uint64_t rows, const struct fault *f)
{
	writer_failed(w, STATUS_OUTPUT, f->text);
	w->t.written -= rows;
	w->t.lost += rows;
	w->cxi = NULL;
	return -1;
}

static int
file_commit(struct writer *w)
{
	struct cxi *cxi = w->cxi;
	struct fault f;
	uint64_t lost;

	if (cxi == NULL)
		return 0;
	w->cxi = NULL;
	if (series_commit(w->series, cxi, &lost, &f) == -1)
		return output_failed(w, lost, &f);
	return 0;
}

/* The last files, and what became of them. */
static void
files_finish(struct writer *w)
{
	struct fault f;
	uint64_t lost;

	if (file_commit(w) == 0 && series_settle(w->series, &lost, &f) == -1)
		output_failed(w, lost, &f);
}

/* ---- geometry, mask and plan ---- */

/*
 * Reads the geometry when the first stream has begun, not before: a simulation
 * in front writes it as it starts.
 */
static int
geometry_load(struct writer *w, struct fault *f)
{
	const char *path = w->o->geometry;
	char *text;
	size_t n;
	int r;

	if (path == NULL || w->have_geometry)
		return 0;
	if ((text = io_slurp(path, GEOMETRY_MAX, &n)) == NULL)
		return fault_set(f, "%s: %s", path, strerror(errno));
	r = geometry_parse(text, n, &w->geometry, f);
	SHA256Data((const uint8_t *)text, n, w->geometry_digest);
	free(text);
	if (r == -1)
		return fault_prefix(f, "%s", path);
	w->have_geometry = true;
	if (!w->geometry.has_peak_list)
		warnx("%s: has no peak_list = /entry_1/result_1, so CrystFEL will"
		    " read no peaks with it", path);
	return 0;
}

/* One value for all ASICs, or NaN. */
static double
asics_agree(const struct geometry *g, double (*value)(const struct geometry_asic *))
{
	double v = NAN;
	size_t i;

	for (i = 0; i < g->n_asics; i++)
		if (i == 0)
			v = value(&g->asics[0]);
		else if (!(value(&g->asics[i]) == v))
			return NAN;
	return v;
}

static double
asic_pixel(const struct geometry_asic *a)
{
	return 1 / a->res;
}

static double
asic_distance(const struct geometry_asic *a)
{
	return a->clen + a->coffset;
}

/* Adds the bad pixels of -b to those of the geometry. */
static int
mask_add(struct writer *w, char digest[65], struct fault *f)
{
	const struct layout *l = &w->feed.stream.layout;
	const struct slab *s = &w->slab;
	uint8_t *bad, *b;
	uint32_t p, y, x;
	size_t row;

	if (w->o->mask == NULL)
		return 0;
	if (badpixels_read(w->o->mask, l, &bad, f) == -1)
		return -1;
	badpixels_digest(bad, l, digest);
	for (p = 0, b = bad; p < l->panels; p++)
		for (y = 0; y < l->real_height; y++) {
			row = (size_t)(s->panels[p].ss + y) * s->width +
			    s->panels[p].fs;
			for (x = 0; x < l->real_width; x++)
				if (*b++ != 0)
					s->mask[row + x] = 1;
		}
	free(bad);
	return 0;
}

static const char *
fact_get(struct writer *w, const char *key, char *buf, size_t size)
{
	return stream_value(&w->feed.stream, key, buf, size);
}

static int
plan_make(struct writer *w, struct fault *f)
{
	const struct options *o = w->o;
	const struct stream *s = &w->feed.stream;
	struct cxi_plan *p = &w->plan;
	char digest[65] = "";

	if (geometry_load(w, f) == -1)
		return -1;
	slab_free(&w->slab);
	memset(&w->slab, 0, sizeof w->slab);
	if (w->have_geometry ?
	    slab_from_geometry(&w->geometry, &s->layout, &w->slab, f) == -1 :
	    slab_stacked(&s->layout, &w->slab, f) == -1) {
		memset(&w->slab, 0, sizeof w->slab);
		return w->have_geometry ? fault_prefix(f, "%s", o->geometry) : -1;
	}
	if (w->slab.renumbered)
		warnx("%s: names a 3-D slab; panels are stacked in a 2-D one, since"
		    " CrystFEL reads peaks only from such, and need a geometry"
		    " for that", o->geometry);
	if (mask_add(w, digest, f) == -1)
		return -1;
	snprintf(w->options, sizeof w->options, "cxiwrite.b=%s\ncxiwrite.d=%d\n"
	    "cxiwrite.g=%s\ncxiwrite.m=%u\ncxiwrite.M=%u\ncxiwrite.n=%llu\n"
	    "cxiwrite.z=%s\n", digest, o->debug, w->geometry_digest,
	    o->min_peaks, o->max_peaks, (unsigned long long)o->events, o->z);
	p->layout = &s->layout;
	p->slab = &w->slab;
	p->mask = w->slab.mask;
	p->planes = s->planes & PLANE_IMAGE;
	if (o->debug)
		p->planes |= PLANE_SEGMAP | PLANE_LOGITS;
	p->quantities = s->quantities;
	p->compression = o->compression;
	p->threads = o->threads;
	p->pixel_size = w->have_geometry ?
	    asics_agree(&w->geometry, asic_pixel) : NAN;
	p->distance = w->have_geometry ?
	    asics_agree(&w->geometry, asic_distance) : NAN;
	p->experiment = fact_get(w, "experiment", w->experiment,
	    sizeof w->experiment);
	p->run = fact_get(w, "run", w->run, sizeof w->run);
	p->detector = fact_get(w, "detector", w->detector, sizeof w->detector);
	p->program = "cxiwrite " VERSION;
	p->options = w->options;
	p->stream = s->text;
	return 0;
}

/* ---- streams ---- */

static int
stream_begin(struct writer *w)
{
	const struct stream *s = &w->feed.stream;
	struct fault f;

	if (file_commit(w) == -1)
		return -1;
	if (!(s->planes & PLANE_PEAKS)) {
		writer_failed(w, STATUS_INPUT, "the stream carries no peaks: put"
		    " peakfind in front");
		return -1;
	}
	if (!(s->planes & PLANE_IMAGE))
		warnx("the stream has no images: no data and no intensities are"
		    " written, and CrystFEL will read no peaks");
	if (!(s->quantities & QUANTITY_ENERGY))
		warnx("the stream has no photon energies: CrystFEL needs one in its"
		    " geometry (photon_energy = ... eV)");
	if (w->o->debug && (s->planes & (PLANE_SEGMAP | PLANE_LOGITS)) !=
	    (PLANE_SEGMAP | PLANE_LOGITS)) {
		writer_failed(w, STATUS_INPUT, "-d: the stream carries no logits"
		    " or no segmentation map: see peakfind -k");
		return -1;
	}
	free(w->peaks);
	w->peaks = calloc(s->layout.capacity, sizeof w->peaks[0]);
	if (w->peaks == NULL || plan_make(w, &f) == -1) {
		writer_failed(w, w->peaks == NULL ? STATUS_SYSTEM : STATUS_INPUT,
		    w->peaks == NULL ? "no memory for peaks" : f.text);
		return -1;
	}
	return 0;
}

/* What the ledger says of a header or an event. */
static int
answer_take(struct writer *w, enum ledger_answer answer, bool no_end)
{
	if (no_end)
		writer_failed(w, STATUS_INCOMPLETE, "a stream ended without its"
		    " end record: events may be missing");
	return answer == LEDGER_BEGINS ? stream_begin(w) : 0;
}

static int
stream_take(struct writer *w)
{
	bool no_end;
	enum ledger_answer answer;

	answer = ledger_stream(&w->ledger, w->feed.continued, &no_end);
	return answer_take(w, answer, no_end);
}

static void
end_take(struct writer *w)
{
	struct fault f;

	if (w->feed.record.flags & RECORD_INTERRUPTED)
		warnx("the source was interrupted");
	if (ledger_end(&w->ledger, &w->feed.record, &f) == LEDGER_WRONG)
		writer_failed(w, STATUS_INCOMPLETE, f.text);
}

/* ---- events ---- */

static void
event_failed(struct writer *w, const char *why)
{
	const struct event *e = &w->feed.event;

	w->t.failed++;
	w->status = tool_worse(w->status, STATUS_FAILED);
	warnx("event %llu%s%s%s of stream %016llx failed: %s",
	    (unsigned long long)e->seq, e->source[0] == '\0' ? "" : " (",
	    e->source, e->source[0] == '\0' ? "" : ")",
	    (unsigned long long)w->feed.stream.id, why);
	eventlog_failed(w->log, e);
}

/* Energies that nobody could have measured: said once, counted, and written. */
static void
energy_check(struct writer *w)
{
	const struct event *e = &w->feed.event;
	double ev = e->photon_energy;

	if (!(w->feed.stream.quantities & QUANTITY_ENERGY))
		return;
	if (!(e->known & QUANTITY_ENERGY) || !(ev > 0)) {
		if (w->t.no_energy++ == 0)
			warnx("event %llu: PHOTON ENERGY IS UNKNOWN or not"
			    " positive; it is written as NaN, and CrystFEL cannot"
			    " index it",
			    (unsigned long long)e->seq);
	} else if (ev < 1e3 || ev > 3e4) {
		if (w->t.odd_energy++ == 0)
			warnx("event %llu: PHOTON ENERGY OF %.6g eV is %s%s",
			    (unsigned long long)e->seq, ev,
			    ev < 1e3 || ev > 1e5 ? "outside 1 to 100 keV" :
			    "unusually high", ev >= 1e4 && ev <= 1e6 ?
			    "; a tenth of it would fit: are the wavelengths in"
			    " nanometres (q2cat -w nm)?" : "");
	}
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
		.event = &w->feed.event, .peaks = w->peaks,
		.intact = planes_intact, .arg = &w->feed.place
	};
	uint64_t rows;
	int r;

	if (w->cxi == NULL) {
		if (series_create(w->series, &w->plan, &w->cxi, f) == -1) {
			w->t.lost++;
			return output_failed(w, 0, f);
		}
	}
	if (w->feed.record.type == RECORD_REFERENCE)
		place_populate(&w->feed.place, w->slots, w->feed.record.slot,
		    w->plan.layout, PLANE_IMAGE, false);
	c.image = feed_plane(&w->feed, PLANE_IMAGE);
	c.segmap = feed_plane(&w->feed, PLANE_SEGMAP);
	c.logits = feed_plane(&w->feed, PLANE_LOGITS);
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
	eventlog_hit(w->log, &w->feed.event, series_name(w->series), rows);
	return rows + 1 == w->o->events ? file_commit(w) : 0;
}

/*
 * At the first event, and not before: what an earlier run left under these names
 * makes room. A run that fails at once has replaced nothing.
 */
static int
outputs_begin(struct writer *w)
{
	struct fault f;

	if (w->begun)
		return 0;
	w->begun = true;
	if (series_clear(w->series, &f) == 0 && (w->o->log == NULL ||
	    w->log != NULL || (w->log = eventlog_open(w->o->log, w->o->force,
	    &f)) != NULL))
		return 0;
	writer_failed(w, STATUS_OUTPUT, f.text);
	return -1;
}

/* One event: failed, a miss, or a hit. -1: nothing can be written any more. */
static int
event_judge(struct writer *w, struct fault *f)
{
	const struct event *e = &w->feed.event;

	w->t.in++;
	if (w->feed.record.flags & RECORD_FAILED) {
		event_failed(w, f->text);
		return 0;
	}
	if (peakplane_unpack(feed_plane(&w->feed, PLANE_PEAKS), e->peaks_kept,
	    &w->feed.stream.layout, w->peaks, f) == -1) {
		event_failed(w, f->text);
		return 0;
	}
	energy_check(w);
	if (e->peaks_kept < e->peaks_found && w->t.cut++ == 0)
		warnx("event %llu: %u peaks found, the strongest %u kept (see"
		    " q2cat -C)", (unsigned long long)e->seq, e->peaks_found,
		    e->peaks_kept);
	if (e->peaks_found < w->o->min_peaks ||
	    (w->o->max_peaks != 0 && e->peaks_found > w->o->max_peaks)) {
		w->t.filtered++;
		eventlog_miss(w->log, e);
		return 0;
	}
	if (place_check(&w->feed.place, f) == -1) {
		event_failed(w, f->text);
		return 0;
	}
	return hit_write(w, f);
}

/* -v: one line kept up to date on a terminal, else now and then a line. */
static void
progress_say(struct writer *w)
{
	const struct totals *t = &w->t;
	double rate, now;

	if (w->o->verbose && w->terminal) {
		now = tool_clock();
		if (now - w->live < LIVE_SECONDS)
			return;
		w->live = now;
		fprintf(stderr, "\r%s: %llu events, %llu hits, %u files, %.1f"
		    " events/s\033[K", getprogname(),
		    (unsigned long long)t->in, (unsigned long long)t->written,
		    series_count(w->series), (double)t->in /
		    fmax(now - w->progress.start, 1e-3));
		fflush(stderr);
	} else if (progress_due(&w->progress, t->in, &rate))
		warnx("%llu events, %llu hits, %u files, %.1f events/s",
		    (unsigned long long)t->in, (unsigned long long)t->written,
		    series_count(w->series), rate);
}

static int
event_take(struct writer *w, struct fault *f)
{
	enum ledger_answer answer;
	uint64_t written = w->t.written;
	struct fault wrong;
	bool no_end;
	int r;

	answer = ledger_event(&w->ledger, w->feed.event.seq, &no_end, &wrong);
	if (answer == LEDGER_WRONG) {
		fault_prefix(&wrong, "standard input");
		writer_failed(w, STATUS_INPUT, wrong.text);
		return -1;
	}
	if (answer_take(w, answer, no_end) == -1 || outputs_begin(w) == -1)
		return -1;
	r = event_judge(w, f);
	if (feed_done(&w->feed, &wrong) == -1) {
		writer_failed(w, STATUS_INPUT, wrong.text);
		return -1;
	}
	/* A hit took long: whoever waits for its slot need not wait for the next. */
	if (w->slots != NULL && w->t.written > written)
		slots_settle(w->slots);
	progress_say(w);
	return r;
}

/* Takes the input to its end, or to where nothing more can be done. */
static void
writer_run(struct writer *w)
{
	struct fault f = { "" };
	enum feed_got got;
	int r = 0;

	while (r == 0 && (got = feed_next(&w->feed, &f)) != FEED_EOF)
		switch (got) {
		case FEED_STREAM:
			r = stream_take(w);
			break;
		case FEED_EVENT:
			r = event_take(w, &f);
			break;
		case FEED_END:
			end_take(w);
			break;
		case FEED_ERROR:
		case FEED_EOF:
			fault_prefix(&f, "standard input");
			writer_failed(w, STATUS_INPUT, f.text);
			r = -1;
			break;
		}
	if (r == 0 && ledger_finish(&w->ledger, &f) == -1) {
		fault_prefix(&f, "standard input");
		writer_failed(w, STATUS_INCOMPLETE, f.text);
	}
	files_finish(w);
}

/* ---- totals ---- */

static void
stats_write(struct writer *w, double seconds, double rate)
{
	const struct totals *t = &w->t;
	json_t *j;
	char text[PATH_MAX + 80];
	FILE *f;
	int r;

	if (w->o->stats == NULL || (!w->begun && eventlog_exists(w->o->stats)))
		return;
	j = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:b, s:b, s:f, s:f}",
	    "events_in", (json_int_t)t->in, "written", (json_int_t)t->written,
	    "filtered", (json_int_t)t->filtered, "failed",
	    (json_int_t)t->failed, "lost", (json_int_t)t->lost, "missing",
	    (json_int_t)w->ledger.missing, "files", (int)series_count(w->series),
	    "complete", w->status < STATUS_INCOMPLETE, "interrupted",
	    w->ledger.interrupted,
	    "seconds", seconds, "events_per_second", rate);
	f = fopen(w->o->stats, "we");
	r = j == NULL || f == NULL || json_dumpf(j, f, JSON_INDENT(1) |
	    JSON_REAL_PRECISION(6)) == -1 || fputc('\n', f) == EOF ? -1 : 0;
	if (f != NULL && fclose(f) == EOF)
		r = -1;
	json_decref(j);
	if (r == -1) {
		snprintf(text, sizeof text, "%s: %s", w->o->stats,
		    strerror(errno));
		writer_failed(w, STATUS_OUTPUT, text);
	}
}

static void
totals_say(struct writer *w)
{
	const struct totals *t = &w->t;
	double seconds = tool_clock() - w->progress.start;
	double rate = (double)t->in / fmax(seconds, 1e-6);

	if (w->terminal && w->live != 0)
		fputc('\n', stderr);
	if (t->no_energy + t->odd_energy > 0)
		warnx("PHOTON ENERGY: unknown in %llu events, out of the ordinary"
		    " in %llu", (unsigned long long)t->no_energy,
		    (unsigned long long)t->odd_energy);
	if (t->cut > 0)
		warnx("%llu events had more peaks than there was room for",
		    (unsigned long long)t->cut);
	if (t->lost > 0)
		warnx("%llu events were taken but are NOT WRITTEN",
		    (unsigned long long)t->lost);
	warnx("%llu events in = %llu written + %llu filtered + %llu failed%s; %u"
	    " files, %.2f seconds, %.1f events/s", (unsigned long long)t->in,
	    (unsigned long long)t->written, (unsigned long long)t->filtered,
	    (unsigned long long)t->failed, t->lost > 0 ? " + lost" : "",
	    series_count(w->series), seconds, rate);
	stats_write(w, seconds, rate);
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

	while ((ch = getopt(argc, argv, "+M:S:b:dfg:j:l:m:n:o:p:vz:")) != -1)
		switch (ch) {
		case 'M':
			o->max_peaks = (uint32_t)tool_int('M', optarg, 0,
			    UINT32_MAX);
			break;
		case 'S':
			o->stats = optarg;
			break;
		case 'b':
			o->mask = optarg;
			break;
		case 'd':
			o->debug = true;
			break;
		case 'f':
			o->force = true;
			break;
		case 'g':
			o->geometry = optarg;
			break;
		case 'j':
			o->threads = (unsigned)tool_int('j', optarg, 1, 256);
			break;
		case 'l':
			o->log = optarg;
			break;
		case 'm':
			o->min_peaks = (uint32_t)tool_int('m', optarg, 0,
			    UINT32_MAX);
			break;
		case 'n':
			o->events = (uint64_t)tool_int('n', optarg, 1, INT32_MAX);
			break;
		case 'o':
			o->dir = optarg;
			break;
		case 'p':
			o->prefix = optarg;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'z':
			o->z = optarg;
			o->compression = compression_parse(optarg);
			break;
		default:
			tool_usage();
		}
	if (*o->prefix == '\0' || strchr(o->prefix, '/') != NULL)
		errx(STATUS_USAGE, "-p \"%s\": not empty, and no slash", o->prefix);
	if (o->max_peaks != 0 && o->max_peaks < o->min_peaks)
		errx(STATUS_USAGE, "-M %u is less than -m %u", o->max_peaks,
		    o->min_peaks);
}

/* Files beside the CXI files: neither is written over by mistake, nor early. */
static void
side_files_open(struct writer *w)
{
	const struct options *o = w->o;
	struct fault why;
	FILE *f = NULL;

	if (o->stats != NULL && !o->force && eventlog_exists(o->stats))
		errx(STATUS_OUTPUT, "-S %s exists; -f replaces it", o->stats);
	if (o->stats != NULL && (f = fopen(o->stats, "ae")) == NULL)
		err(STATUS_OUTPUT, "-S %s", o->stats);
	if (f != NULL)
		fclose(f);
	if (o->log != NULL && !o->force &&
	    (w->log = eventlog_open(o->log, false, &why)) == NULL)
		errx(STATUS_OUTPUT, "-l %s", why.text);
}

int
main(int argc, char *argv[])
{
	static struct writer w;
	struct options o = {
		.dir = ".", .prefix = "peaknet", .z = "none", .events = 100,
		.min_peaks = 10, .threads = 1
	};
	struct fault f;

	tool_begin(argc, argv, "[-dfv] [-b mask] [-g geometry] [-j threads]"
	    " [-l log.tsv] [-M maxpeaks] [-m minpeaks] [-n events] [-o dir]"
	    " [-p prefix] [-S stats.json] [-z none|gzip|bslz4]");
	tool_signals(unfinished_remove);
	/* Before anything can fail: producers must see that we were here. */
	if (slots_open(&w.slots, &f) == -1 ||
	    (w.slots != NULL && slots_consume(w.slots, &f) == -1))
		errx(STATUS_SYSTEM, "%s", f.text);
	options_parse(argc, argv, &o);
	if (optind != argc)
		tool_usage();
	w.o = &o;
	w.terminal = isatty(STDERR_FILENO);
	if (cxi_compression_check(o.compression, &f) == -1)
		errx(STATUS_USAGE, "-z %s: %s", o.z, f.text);
	if ((w.series = series_open(o.dir, o.prefix, o.force, &f)) == NULL)
		errx(STATUS_OUTPUT, "%s", f.text);
	unfinished = w.series;
	side_files_open(&w);
	if (feed_init(&w.feed, STDIN_FILENO, w.slots, PLANE_PEAKS | PLANE_IMAGE |
	    (o.debug ? PLANE_SEGMAP | PLANE_LOGITS : 0)) == -1)
		errx(STATUS_SYSTEM, "no memory");
	progress_begin(&w.progress, o.verbose);

	writer_run(&w);
	if (eventlog_close(w.log, &f) == -1)
		writer_failed(&w, STATUS_OUTPUT, f.text);
	totals_say(&w);
	unfinished = NULL;
	series_close(w.series);
	feed_close(&w.feed);
	slots_close(w.slots);
	slab_free(&w.slab);
	if (w.have_geometry)
		geometry_free(&w.geometry);
	free(w.peaks);
	return w.status;
}
