#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "data/resolution.h"
#include "format/eventlog_reader.h"
#include "report/summary.h"

/* ---- events over time ---- */

static void
course_init(struct summary_course *c)
{
	histogram_init(&c->found, 0, 1);
	histogram_init(&c->time, 0, 1. / 1024);
	histogram_init(&c->order, 0, 1);
}

static void
course_add(struct summary_course *c, double time, unsigned lane, uint64_t found)
{
	double at = (double)c->events++;

	if (lane != LANE_FAILED)
		histogram_add(&c->found, (double)found);
	histogram_add(&c->order, at);
	if (isfinite(time)) {
		c->timed++;
		histogram_add(&c->time, time);
	}
	if (lane == LANE_EVENTS)
		return;
	histogram_weigh(&c->order, at, lane, 1);
	if (isfinite(time))
		histogram_weigh(&c->time, time, lane, 1);
	if (lane != LANE_HITS)
		return;
	histogram_weigh(&c->order, at, LANE_PEAKS, found);
	if (isfinite(time))
		histogram_weigh(&c->time, time, LANE_PEAKS, found);
}

/* ---- logs ---- */

static void
failure_add(struct summary *s, const struct eventlog_line *l)
{
	const char *cause = *l->cause == '\0' ? "no cause in the log" : l->cause;
	struct summary_failure *x;
	unsigned i;

	if (s->n_failures < SUMMARY_FAILURES) {
		x = &s->failures[s->n_failures++];
		x->seq = l->seq;
		strlcpy(x->source, l->source, sizeof x->source);
		strlcpy(x->cause, cause, sizeof x->cause);
	}
	for (i = 0; i < s->n_causes; i++)
		if (strncmp(s->causes[i].text, cause, sizeof x->cause - 1) == 0)
			break;
	if (i == SUMMARY_CAUSES)
		strlcpy(s->causes[--i].text, "others", sizeof s->causes[i].text);
	else if (i == s->n_causes)
		strlcpy(s->causes[s->n_causes++].text, cause,
		    sizeof s->causes[i].text);
	s->causes[i].n++;
}

static int
log_take(struct summary *s, const char *path, struct fault *f)
{
	struct eventlog_reader *r = eventlog_reader_open(path, f);
	struct eventlog_line l;
	int got;

	if (r == NULL)
		return -1;
	while ((got = eventlog_reader_next(r, &l, f)) == 1) {
		course_add(&s->logged, l.time, l.verdict == EVENTLOG_HIT ? LANE_HITS :
		    l.verdict == EVENTLOG_MISS ? LANE_EVENTS : LANE_FAILED, l.found);
		if (l.verdict == EVENTLOG_FAILED) {
			s->failed++;
			failure_add(s, &l);
			continue;
		}
		*(l.verdict == EVENTLOG_HIT ? &s->hits : &s->misses) += 1;
	}
	eventlog_reader_close(r);
	return got;
}

static int
logs_take(struct summary *s, struct fault *f)
{
	unsigned i;

	for (i = 0; i < s->sides.n_logs; i++)
		if (log_take(s, s->sides.logs[i], f) == -1)
			return -1;
	return 0;
}

/* ---- CXI files ---- */

static int
powder_begin(struct summary *s, const struct cxireader_info *info)
{
	struct assembly *a = &s->assembly;
	struct fault f = { .text = "the files have no images, so the size of the"
	    " detector is not known" };
	uint32_t longest;
	int r = -1;

	if (s->powder != NULL || s->powder_why[0] != '\0')
		return 0;
	if (info->height != 0)
		r = s->geometry != NULL ? assembly_geometry(s->geometry,
		    info->height, info->width, a, &f) :
		    assembly_slab(info->height, info->width, a, &f);
	if (r == -1) {
		strlcpy(s->powder_why, f.text, sizeof s->powder_why);
		s->misfit = s->geometry != NULL && info->height != 0 &&
		    assembly_exceeds(s->geometry, info->height, info->width);
		return 0;
	}
	if (s->geometry != NULL && assembly_reach(s->geometry, info->height,
	    info->width, &f) == -1)
		strlcpy(s->powder_doubt, f.text, sizeof s->powder_doubt);
	longest = a->height > a->width ? a->height : a->width;
	s->powder_side = (longest + SUMMARY_POWDER - 1) / SUMMARY_POWDER;
	s->powder_height = (a->height + s->powder_side - 1) / s->powder_side;
	s->powder_width = (a->width + s->powder_side - 1) / s->powder_side;
	s->powder = calloc((size_t)s->powder_height * s->powder_width,
	    sizeof s->powder[0]);
	return s->powder == NULL ? -1 : 0;
}

static void
powder_add(struct summary *s, const struct cxireader_peak *p)
{
	double x, y;
	unsigned i, j;

	assembly_locate(&s->assembly, (double)p->fs, (double)p->ss, &x, &y);
	if (!(x >= 0 && y >= 0 && x < s->assembly.width && y < s->assembly.height))
		return;
	i = (unsigned)y / s->powder_side;
	j = (unsigned)x / s->powder_side;
	s->powder[i * s->powder_width + j]++;
}

/* Where on the detector it is. */
static void
peak_place(struct summary *s, const struct cxireader_event *e,
    const struct cxireader_peak *p)
{
	struct resolution_place place;
	double d;

	if (p->panel >= 0 && p->panel < LAYOUT_MAX_PANELS) {
		s->panels[p->panel]++;
		if ((uint32_t)p->panel >= s->n_panels)
			s->n_panels = (uint32_t)p->panel + 1;
	}
	if (s->powder != NULL)
		powder_add(s, p);
	if (s->geometry == NULL)
		return;
	place = resolution_locate(s->geometry, (double)p->fs, (double)p->ss,
	    e->clen * s->geometry->clen_unit);
	d = resolution_d(&place, e->wavelength);
	histogram_add(&s->spacing, isinf(d) ? 0 : 1 / d);
}

static void
peak_take(struct summary *s, const struct cxireader_event *e,
    const struct cxireader_peak *p, bool placed)
{
	s->peaks++;
	histogram_add(&s->intensity, log10((double)p->total));
	histogram_add(&s->snr, log10((double)p->snr));
	if (placed)
		peak_place(s, e, p);
}

static void
event_take(struct summary *s, const struct cxireader_event *e,
    const struct cxireader_peak *peaks, size_t file, uint64_t row, bool placed)
{
	uint32_t i;

	s->rows++;
	s->cut += e->n_found > e->n_peaks;
	s->n_best = best_add(s->best, s->n_best, SUMMARY_BEST, e, file, row);
	course_add(&s->filed, e->has_timestamp ? (double)(e->timestamp >> 32) +
	    (double)(e->timestamp & UINT32_MAX) * 1e-9 : NAN, LANE_HITS,
	    e->n_found);
	for (i = 0; i < e->n_peaks; i++)
		peak_take(s, e, &peaks[i], placed);
}

static void
origin_add(struct summary *s, const struct cxireader_info *x)
{
	struct summary_origin *o = s->origins, *end = o + s->n_origins;

	for (; o < end; o++)
		if (strcmp(o->program, x->program) == 0 &&
		    strcmp(o->options, x->options) == 0 &&
		    strcmp(o->stream, x->stream) == 0)
			break;
	if (o == s->origins + SUMMARY_RUNS) {
		s->more_origins++;
		return;
	}
	if (o == end) {
		s->n_origins++;
		strcpy(o->program, x->program);
		strcpy(o->options, x->options);
		strcpy(o->stream, x->stream);
		strcpy(o->detector, x->detector);
	}
	o->files++;
}

static void
min_peaks_find(struct summary *s, const char *options)
{
	const char *at = strstr(options, "cxiwrite.m=");

	if (s->min_peaks == 0 && at != NULL)
		s->min_peaks = strtoul(at + strlen("cxiwrite.m="), NULL, 10);
}

/* Has it the detector of the first file? One without images does not tell. */
static bool
detector_same(struct summary *s, const struct cxireader_info *x)
{
	if (x->height == 0)
		return true;
	if (s->height == 0) {
		s->height = x->height;
		s->width = x->width;
	}
	return x->height == s->height && x->width == s->width;
}

static int
file_take(struct summary *s, size_t i, struct fault *f)
{
	const struct cxireader_peak *peaks;
	const struct cxireader_info *info;
	struct cxireader_event e;
	struct cxireader *r;
	uint64_t k;
	bool placed;
	int got = 0;

	if (cxireader_open(s->files.paths[i], s->geometry == NULL ? NULL :
	    s->geometry->clen_path, &r, f) == -1)
		return -1;
	info = cxireader_info(r);
	placed = detector_same(s, info);
	s->others += !placed;
	origin_add(s, info);
	min_peaks_find(s, info->options);
	if (powder_begin(s, info) == -1)
		got = fault_lack(f, "no memory for the powder");
	for (k = 0; got == 0 && k < info->events; k++)
		if ((got = cxireader_event(r, k, &e, &peaks, f)) == 0)
			event_take(s, &e, peaks, i, k, placed);
	cxireader_close(r);
	return got;
}

/* A lack is no fault of the file, and the next one would fare no better. */
static int
files_take(struct summary *s, struct fault *f)
{
	size_t i;

	for (i = 0; i < s->files.n; i++)
		if (file_take(s, i, f) == 0)
			s->files_read++;
		else if (f->lack)
			return -1;
		else {
			if (s->n_unread < SUMMARY_UNREAD)
				s->unread[s->n_unread] = *f;
			s->n_unread++;
		}
	return 0;
}

/* ---- whose log and statistics are they? ---- */

/*
 * A hit is in the log before it is in a file that has its name, and before the
 * journal counts it; so a log has less only if it is another run's. It may have
 * more: the run goes on, broke off, or had to give up a file.
 */
static void
log_judge(struct summary *s)
{
	const struct journal_entry *j = &s->sides.last;
	uint64_t events = s->logged.events;

	s->log_read = s->sides.n_logs > 0;
	if (!s->log_read || (s->hits >= s->rows && (s->sides.n_journals == 0 ||
	    (events >= j->in && s->hits >= j->written &&
	    (events > j->in || s->hits == j->written)))))
		return;
	s->log_read = false;
	snprintf(s->log_why, sizeof s->log_why, "the log is not that of these files:"
	    " it has %llu hits of %llu events, they have %llu hits; -l names theirs",
	    (unsigned long long)s->hits, (unsigned long long)events,
	    (unsigned long long)s->rows);
}

/* While a run is carried on they say so, and tell where it was before. */
static void
stats_judge(struct summary *s)
{
	const struct sides *d = &s->sides;

	s->stats_read = d->n_stats > 0 && d->stats.written == s->rows;
	if (d->n_stats == 0 || s->stats_read || s->n_unread > 0 ||
	    (d->incomplete && d->stats.written < s->rows))
		return;
	snprintf(s->stats_why, sizeof s->stats_why, "the statistics are not those of"
	    " these files: they count %llu hits, the files have %llu; -S names"
	    " theirs",
	    (unsigned long long)d->stats.written, (unsigned long long)s->rows);
}

static int
count_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
median_find(struct summary *s)
{
	uint64_t sorted[LAYOUT_MAX_PANELS];

	memcpy(sorted, s->panels, s->n_panels * sizeof sorted[0]);
	qsort(sorted, s->n_panels, sizeof sorted[0], count_compare);
	if (s->n_panels > 0)
		s->median = sorted[s->n_panels / 2];
}

int
summary_make(struct summary *s, struct fault *f)
{
	course_init(&s->logged);
	course_init(&s->filed);
	histogram_init(&s->intensity, -3, 0.02);
	histogram_init(&s->snr, -3, 0.02);
	histogram_init(&s->spacing, 0, 1. / 512);
	if (logs_take(s, f) == -1 || files_take(s, f) == -1)
		return -1;
	log_judge(s);
	stats_judge(s);
	median_find(s);
	return 0;
}

void
summary_free(struct summary *s)
{
	if (s->powder != NULL)
		assembly_free(&s->assembly);
	free(s->powder);
	runfiles_free(&s->files);
	sides_free(&s->sides);
}

/* ---- judgement ---- */

int
summary_panel(const struct summary *s, uint32_t panel)
{
	uint64_t median = s->median, n = s->panels[panel];

	if (median >= 20 && n * 20 < median)
		return 1;
	return n >= 20 && s->n_panels > 2 && n > 8 * median ? 2 : 0;
}

const struct summary_course *
summary_course(const struct summary *s)
{
	return s->log_read ? &s->logged : &s->filed;
}

bool
summary_counts(const struct summary *s, struct summary_counts *c)
{
	const struct sides *d = &s->sides;

	if (s->stats_read)
		*c = (struct summary_counts){ d->stats.in, d->stats.written,
		    d->stats.filtered, d->stats.failed };
	else if (s->log_read)
		*c = (struct summary_counts){ s->logged.events, s->hits, s->misses,
		    s->failed };
	else
		*c = (struct summary_counts){ d->last.in, d->last.written,
		    d->last.filtered, d->last.failed };
	return s->stats_read || s->log_read || d->n_journals > 0;
}

enum summary_verdict
summary_verdict(const struct summary *s, const char **why)
{
	const struct sides *d = &s->sides;

	*why = "A file could not be read.";
	if (s->n_unread > 0)
		return SUMMARY_BROKEN;
	*why = "The statistics say that events, or the end of a stream, are"
	    " missing.";
	if (d->incomplete)
		return SUMMARY_BROKEN;
	*why = "The statistics count other hits than the files hold.";
	if (d->n_stats > 0 && d->stats.written != s->rows)
		return SUMMARY_BROKEN;
	*why = "There are files in the making (.cxi.tmp): cxiwrite still runs, or"
	    " was stopped.";
	if (d->temporary > 0)
		return SUMMARY_BROKEN;
	*why = "The log has hits whose file is not complete.";
	if (s->log_read && s->hits > s->rows)
		return SUMMARY_BROKEN;
	*why = "The journal says that events were lost before cxiwrite.";
	if (d->lost)
		return SUMMARY_BROKEN;
	*why = "The journal says that the input broke off.";
	if (d->n_stats == 0 && d->open)
		return SUMMARY_BROKEN;
	*why = "All that the source sent is accounted for; the source itself was"
	    " interrupted.";
	if (d->n_stats > 0 && d->stats.interrupted)
		return SUMMARY_INTERRUPTED;
	*why = "All that was sent is accounted for.";
	if (d->n_stats > 0)
		return SUMMARY_COMPLETE;
	*why = "The journal says that all streams came to their end.";
	if (d->ended && (!s->log_read || s->logged.events == d->last.in))
		return SUMMARY_COMPLETE;
	*why = "Nothing tells whether all events came; cxiwrite -S would have.";
	return SUMMARY_UNKNOWN;
}
