/*
 * The plots of a report: hits and peaks over the run, and histograms of peaks by
 * number, intensity, SNR and resolution. In place of one for which there are no values
 * stands a figure that says why.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "report/report_parts.h"
#include "report/svg.h"

enum { BARS = 60 };

void
report_figure_begin(FILE *f, const char *title)
{
	fprintf(f, "<figure>\n<h3>%s</h3>\n", title);
}

void
report_figure_absent(FILE *f, const char *id, const char *title, const char *why)
{
	fprintf(f, "<figure id=\"%s\" data-absent=\"\">\n<h3>%s</h3>\n<p class=\"soft"
	    "\">%s</p>\n</figure>\n", id, title, why);
}

/* ---- histograms ---- */

/* Bins a bar so that there are not too many; and a range of whole bars. */
static unsigned
bars_choose(const struct histogram *h, unsigned bars, unsigned *first,
    unsigned *last)
{
	unsigned a, each;

	histogram_range(h, &a, last);
	for (each = 1; (*last - a) / each >= bars; each *= 2)
		;
	*first = a - a % each;
	return each;
}

struct wish {
	const char	*id, *title, *x, *y;
	enum svg_scale	scale;
	const char	*quantity;	/* for the text of a bar */
	double		rule;		/* NaN: none */
	const char	*rule_text;
	const char	*absent;
};

/* What a value on the axis stands for. */
static double
value_shown(enum svg_scale scale, double v)
{
	return scale == SVG_LOG ? pow(10, v) : scale == SVG_SPACING ? 1 / v : v;
}

static void
histogram_bars(FILE *f, const struct svg_plot *p, const struct histogram *h,
    const struct wish *w, unsigned first, unsigned last, unsigned each)
{
	double x0, x1, half = w->scale == SVG_INTEGER ? 0.5 : 0;
	char title[160];
	uint64_t n;
	unsigned i;

	for (i = first; i < last; i += each) {
		if ((n = histogram_sum(h, 0, i, i + each)) == 0)
			continue;
		x0 = h->origin + i * h->width;
		x1 = x0 + each * h->width;
		snprintf(title, sizeof title, "%s %.5g to %.5g: %llu", w->quantity,
		    value_shown(w->scale, x0), value_shown(w->scale, x1 - 2 * half),
		    (ull)n);
		svg_bar(f, p, x0 - half, x1 - half, (double)n, "bar", title);
	}
}

static void
histogram_put(FILE *f, const struct histogram *h, const struct wish *w)
{
	unsigned first, last, each, i;
	double half = w->scale == SVG_INTEGER ? 0.5 : 0, most = 0, n, middle;
	/* Spacings stand in the histogram as 1/d. */
	double min = w->scale == SVG_SPACING ? h->max : h->min;
	double max = w->scale == SVG_SPACING ? h->min : h->max;
	struct svg_plot p = { .id = w->id, .title = w->title };
	char summary[200];

	if (h->count == 0) {
		report_figure_absent(f, w->id, w->title, w->absent);
		return;
	}
	each = bars_choose(h, BARS, &first, &last);
	for (i = first; i < last; i += each) {
		n = (double)histogram_sum(h, 0, i, i + each);
		most = n > most ? n : most;
	}
	last = first + (last - first + each - 1) / each * each;
	p.x = (struct svg_axis){ w->scale, h->origin + first * h->width - half,
	    h->origin + last * h->width - half, w->x };
	p.y = (struct svg_axis){ SVG_INTEGER, 0, svg_ceiling(most), w->y };
	middle = histogram_quantile(h, 0.5) - half;
	if (w->scale == SVG_INTEGER && h->width <= 1)
		middle = floor(middle + 0.5);
	snprintf(summary, sizeof summary, "%llu values, %.5g to %.5g, median %.4g",
	    (ull)h->count, value_shown(w->scale, min), value_shown(w->scale, max),
	    value_shown(w->scale, middle));
	p.summary = summary;
	report_figure_begin(f, w->title);
	svg_begin(f, &p);
	histogram_bars(f, &p, h, w, first, last, each);
	if (!isnan(w->rule))
		svg_rule(f, &p, w->rule - half, w->rule_text);
	svg_end(f);
	fprintf(f, "<figcaption data-hist=\"%s\" data-count=\"%llu\" data-outside="
	    "\"%llu\" data-min=\"%.9g\" data-max=\"%.9g\" data-median=\"%.6g\">%s",
	    w->id, (ull)h->count, (ull)h->outside, value_shown(w->scale, min),
	    value_shown(w->scale, max), value_shown(w->scale, middle), summary);
	if (h->outside > 0)
		fprintf(f, "; %llu have none that can be shown", (ull)h->outside);
	fputs("</figcaption>\n</figure>\n", f);
}

/* ---- over the run ---- */

/* The start of the clock on the time axis. */
static void
start_text(double seconds, char text[64])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(text, 64, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		strcpy(text, "the first event");
}

struct clock {
	const struct histogram *h;
	double		zero, unit;
	enum svg_scale	scale;
	char		label[120];
};

/* By time where all events have one and it passes; else by their order. */
static void
clock_choose(const struct summary *s, struct clock *c)
{
	const struct summary_course *course = summary_course(s);
	double span = course->time.max - course->time.min;
	char start[64];

	c->h = &course->order;
	c->zero = 0;
	c->unit = 1;
	c->scale = SVG_INTEGER;
	snprintf(c->label, sizeof c->label, "%s, in their order",
	    s->log_read ? "events" : "hits");
	if (course->timed != course->events || !(span > 0))
		return;
	c->h = &course->time;
	c->zero = course->time.min;
	c->scale = SVG_LINEAR;
	c->unit = span > 7200 ? 3600 : span > 120 ? 60 : 1;
	start_text(c->zero, start);
	snprintf(c->label, sizeof c->label, "time (%s since %s)", span > 7200 ? "h" :
	    span > 120 ? "min" : "s", start);
}

static double
bar_value(const struct clock *c, unsigned i, unsigned each, bool rate)
{
	double events = (double)histogram_sum(c->h, LANE_EVENTS, i, i + each);
	double hits = (double)histogram_sum(c->h, LANE_HITS, i, i + each);
	double peaks = (double)histogram_sum(c->h, LANE_PEAKS, i, i + each);

	if (rate)
		return events > 0 ? hits / events : NAN;
	return hits > 0 ? peaks / hits : NAN;
}

static void
clock_bars(FILE *f, const struct svg_plot *p, const struct clock *c, bool rate,
    unsigned first, unsigned last, unsigned each)
{
	char title[160];
	double v, x0;
	unsigned i;

	for (i = first; i < last; i += each) {
		if (isnan(v = bar_value(c, i, each, rate)))
			continue;
		x0 = (c->h->origin + i * c->h->width - c->zero) / c->unit;
		snprintf(title, sizeof title, "from %.4g on: %.4g%s, %llu events, %llu"
		    " hits, %llu failed", x0, rate ? 100 * v : v, rate ? " %" :
		    " peaks a hit", (ull)histogram_sum(c->h, LANE_EVENTS, i,
		    i + each), (ull)histogram_sum(c->h, LANE_HITS, i, i + each),
		    (ull)histogram_sum(c->h, LANE_FAILED, i, i + each));
		svg_bar(f, p, x0, x0 + each * c->h->width / c->unit, v, "bar", title);
	}
}

static void
clock_put(FILE *f, const struct summary *s, bool rate)
{
	const char *title = rate ? "Hit rate over the run" :
	    "Peaks a hit over the run";
	struct clock c;
	struct svg_plot p = { .id = rate ? "hit-rate" : "peaks-a-hit",
	    .title = title, .summary = "One bar a stretch of the run." };
	uint64_t events = summary_course(s)->events;
	unsigned first, last, each, i, bars;
	double most = 0, v;

	clock_choose(s, &c);
	if (events == 0 || (rate && !s->log_read)) {
		report_figure_absent(f, p.id, title, events == 0 ? "No events." :
		    "Not known: the files hold hits alone. cxiwrite -l keeps a log of"
		    " all events.");
		return;
	}
	bars = events < 40 ? 4 : events > 600 ? BARS : (unsigned)(events / 10);
	each = bars_choose(c.h, bars, &first, &last);
	for (i = first; i < last; i += each) {
		v = bar_value(&c, i, each, rate);
		most = v > most ? v : most;
	}
	last = first + (last - first + each - 1) / each * each;
	p.x = (struct svg_axis){ c.scale, (c.h->origin + first * c.h->width -
	    c.zero) / c.unit, (c.h->origin + last * c.h->width - c.zero) / c.unit,
	    c.label };
	p.y = (struct svg_axis){ rate ? SVG_PERCENT : SVG_LINEAR, 0,
	    rate ? 1 : svg_ceiling(most), rate ? "hits (% of events)" :
	    "peaks found, mean" };
	report_figure_begin(f, title);
	svg_begin(f, &p);
	clock_bars(f, &p, &c, rate, first, last, each);
	svg_end(f);
	fputs("</figure>\n", f);
}

/* ---- all of them ---- */

void
report_plots(FILE *f, const struct summary *s)
{
	struct wish found = { "peaks", s->log_read ? "Peaks an event" :
	    "Peaks a hit", "peaks found", s->log_read ? "events" : "hits",
	    SVG_INTEGER, "peaks", s->min_peaks > 0 ? (double)s->min_peaks : NAN,
	    "hits from here", "No events." };
	static const struct wish intensity = { "intensity", "Intensity of peaks",
	    "sum above background (units of the image)", "peaks", SVG_LOG,
	    "intensity", NAN, "", "No peaks with an intensity: the stream had no"
	    " images, or there were no hits." };
	static const struct wish snr = { "snr", "Signal to noise of peaks",
	    "SNR (no unit)", "peaks", SVG_LOG, "SNR", NAN, "", "No peaks with an"
	    " SNR: the stream had no images, or there were no hits." };
	struct wish spacing = { "resolution", "Resolution of peaks",
	    "d (\u00e5ngstr\u00f6m), even in 1/d", "peaks", SVG_SPACING,
	    "d in \u00e5ngstr\u00f6m from", NAN, "", s->geometry == NULL ? "Not"
	    " known: give the geometry of the detector with cxireport -g." :
	    "Not known: there are no peaks, or the files have no photon energy, or"
	    " the geometry no camera length." };

	fputs("<h2>Hits and peaks</h2>\n", f);
	if (!s->log_read)
		fputs("<p data-absent=\"log\">There is no log of the run, so misses"
		    " are not shown; cxiwrite -l keeps one.</p>\n", f);
	fputs("<div class=\"plots\">\n", f);
	clock_put(f, s, true);
	clock_put(f, s, false);
	histogram_put(f, &summary_course(s)->found, &found);
	histogram_put(f, &s->intensity, &intensity);
	histogram_put(f, &s->snr, &snr);
	histogram_put(f, &s->spacing, &spacing);
	fputs("</div>\n", f);
	if (s->cut > 0)
		fprintf(f, "<p data-key=\"cut\" data-value=\"%llu\">%llu hits had more"
		    " peaks than there was room for (q2cat -C).</p>\n", (ull)s->cut,
		    (ull)s->cut);
}
