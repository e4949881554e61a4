#include <math.h>
#include <string.h>

#include "base/filename.h"
#include "report/html.h"
#include "report/report.h"
#include "report/report_parts.h"
#include "report/svg.h"

/* ---- head: the verdict and the totals ---- */

static void
total_put(FILE *f, const char *key, const char *label, uint64_t v, bool alarm)
{
	fprintf(f, "<div><dt>%s</dt><dd data-key=\"%s\" data-value=\"%llu\"%s>%llu"
	    "</dd></div>\n", label, key, (ull)v, alarm ? " class=\"alarm\"" : "",
	    (ull)v);
}

static void
total_absent(FILE *f, const char *key, const char *label, const char *option)
{
	fprintf(f, "<div><dt>%s</dt><dd class=\"off\" data-key=\"%s\""
	    " data-absent=\"\">not known; %s tells</dd></div>\n", label, key,
	    option);
}

static void
totals_put(FILE *f, const struct summary *s)
{
	struct summary_counts c;
	bool known = summary_counts(s, &c);

	fputs("<dl class=\"totals\">\n", f);
	if (known && c.in > 0)
		fprintf(f, "<div><dt>hit rate</dt><dd data-key=\"hit-rate\""
		    " data-value=\"%.6f\">%.1f&nbsp;%%</dd></div>\n",
		    (double)c.hits / (double)c.in, 100 * (double)c.hits /
		    (double)c.in);
	else
		total_absent(f, "hit-rate", "hit rate", "cxiwrite -l or -S");
	total_put(f, "hits", "hits in the files", s->rows, false);
	if (known) {
		total_put(f, "events", "events in", c.in, false);
		total_put(f, "misses", "misses", c.misses, false);
		total_put(f, "failed", "failed", c.failed, c.failed > 0);
	} else
		total_absent(f, "events", "events in", "cxiwrite -l or -S");
	if (s->stats_read)
		total_put(f, "missing", "missing or lost", s->sides.stats.missing +
		    s->sides.stats.lost, s->sides.stats.missing +
		    s->sides.stats.lost > 0);
	else
		total_absent(f, "missing", "missing or lost", "cxiwrite -S");
	if (s->rows > 0)
		fprintf(f, "<div><dt>peaks a hit</dt><dd data-key=\"peaks-a-hit\""
		    " data-value=\"%.6f\">%.1f</dd></div>\n",
		    (double)s->peaks / (double)s->rows,
		    (double)s->peaks / (double)s->rows);
	total_put(f, "peaks", "peaks", s->peaks, false);
	total_put(f, "files", "CXI files", s->files_read, false);
	fputs("</dl>\n", f);
}

static void
verdict_put(FILE *f, const struct summary *s)
{
	static const char *const words[] = { "Complete", "Interrupted",
		"Not complete", "Completeness not known" };
	static const char *const classes[] = { "complete", "interrupted", "broken",
		"unknown" };
	const char *why;
	enum summary_verdict v = summary_verdict(s, &why);

	fprintf(f, "<p class=\"verdict %s\" data-verdict=\"%s\"><b>%s.</b> %s</p>\n",
	    classes[v], classes[v], words[v], why);
}

const char report_begins[] = "^<!DOCTYPE html>\n(<[^>]*>\n)*<meta"
    " name=\"generator\" content=\"cxireport\">\n";

/* The same with a slash behind it as without. */
static void
run_put(FILE *f, const char *run)
{
	const char *base = filename_base(run);

	html_textn(f, base, *base == '/' ? 1 : strcspn(base, "/"));
}

static void
head_put(FILE *f, const struct summary *s)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"
	    "\n<meta name=\"generator\" content=\"cxireport\">"
	    "\n<meta name=\"viewport\" content=\"width=device-width,"
	    " initial-scale=1\">\n<title>Run report: ", f);
	run_put(f, s->run);
	fprintf(f, "</title>\n<style>\n%s\n</style>\n</head>\n<body>\n<main>\n<h1>Run"
	    " report: ", report_style);
	run_put(f, s->run);
	fputs("</h1>\n", f);
	verdict_put(f, s);
	totals_put(f, s);
}

/* ---- panels and powder ---- */

static void
panel_bars(FILE *f, const struct summary *s, const struct svg_plot *p)
{
	static const char *const words[] = { "", "dead", "hot" };
	char title[120];
	uint32_t i;
	double v;
	int flag;

	for (i = 0; i < s->n_panels; i++) {
		v = (double)s->panels[i] / (double)s->rows;
		flag = summary_panel(s, i);
		snprintf(title, sizeof title, "panel %u: %llu peaks, %.4g a hit%s%s",
		    i, (ull)s->panels[i], v, flag ? ", " : "", words[flag]);
		svg_bar(f, p, i - 0.5, i + 0.5, v, flag ? "flag" : "bar", title);
		if (flag)
			svg_mark(f, p, i, v, words[flag]);
	}
}

static void
panels_say(FILE *f, const struct summary *s)
{
	const char *lead[] = { "", "Dead: ", "Hot: " };
	int flag, any;
	uint32_t i;

	fputs("<figcaption>", f);
	for (flag = 1; flag <= 2; flag++) {
		for (i = 0, any = 0; i < s->n_panels; i++)
			if (summary_panel(s, i) == flag)
				fprintf(f, "%s<b data-panel=\"%u\" data-flag=\"%s\">"
				    "panel %u</b>", any++ ? ", " : lead[flag], i,
				    flag == 1 ? "dead" : "hot", i);
		fputs(any ? ". " : "", f);
	}
	fputs("Dead is less than a twentieth of the median of the panels, hot more"
	    " than eight times. A dead panel behind the last one with a peak does not"
	    " show.</figcaption>\n", f);
}

static void
panels_put(FILE *f, const struct summary *s)
{
	struct svg_plot p = { .id = "panels", .title = "Peaks a hit on each panel",
	    .summary = "One bar a panel." };
	double most = 0, v;
	uint32_t i;

	if (s->n_panels == 0) {
		report_figure_absent(f, p.id, p.title, "No peaks.");
		return;
	}
	for (i = 0; i < s->n_panels; i++) {
		v = (double)s->panels[i] / (double)s->rows;
		most = v > most ? v : most;
	}
	p.x = (struct svg_axis){ SVG_INTEGER, -0.5, s->n_panels - 0.5,
	    "panel, from 0" };
	p.y = (struct svg_axis){ SVG_LINEAR, 0, svg_ceiling(most * 1.1),
	    "peaks a hit" };
	report_figure_begin(f, p.title);
	svg_begin(f, &p);
	panel_bars(f, s, &p);
	svg_end(f);
	panels_say(f, s);
	fputs("</figure>\n", f);
}

static void
powder_put(FILE *f, const struct summary *s)
{
	struct svg_plot p = { .id = "powder", .title = "Powder of peaks",
	    .summary = "Where on the detector peaks were found, all hits together." };

	if (s->powder == NULL) {
		fprintf(f, "<figure id=\"powder\" data-absent=\"\">\n<h3>%s</h3>\n<p"
		    " class=\"soft\">None: ", p.title);
		html_text(f, s->powder_why[0] != '\0' ? s->powder_why :
		    "there are no hits");
		fputs(".</p>\n</figure>\n", f);
		return;
	}
	fputs("<figure class=\"powder\">\n", f);
	fprintf(f, "<h3>%s</h3>\n", p.title);
	svg_heat(f, &p, s->powder, s->powder_height, s->powder_width);
	if (s->powder_doubt[0] != '\0') {
		fputs("<p class=\"soft\">The geometry: ", f);
		html_text(f, s->powder_doubt);
		fputs("</p>\n", f);
	}
	fprintf(f, "<figcaption>Peaks of all hits in cells of %u x %u pixels, darker"
	    " is more, logarithmic. %s</figcaption>\n</figure>\n", s->powder_side,
	    s->powder_side, s->geometry != NULL ? "Assembled by the geometry, seen"
	    " into the beam." : "The image as it is in the files; cxireport -g"
	    " assembles it.");
}

/* ---- tables ---- */

static void
best_put(FILE *f, const struct summary *s)
{
	const struct best_hit *b;
	unsigned i;

	fputs("<h2>Hits with most peaks</h2>\n", f);
	if (s->n_best == 0) {
		fputs("<p data-absent=\"best\">There are no hits.</p>\n", f);
		return;
	}
	report_hits(f, s);
	fputs("<div class=\"scroll\"><table>\n<tr><th class=\"n\">peaks</th><th>file"
	    "</th><th class=\"n\">row</th><th class=\"n\">event</th><th class=\"n\">"
	    "energy (eV)</th></tr>\n", f);
	for (i = 0; i < s->n_best; i++) {
		b = &s->best[i];
		fprintf(f, "<tr data-best=\"%u\" data-peaks=\"%llu\" data-row=\"%llu\">"
		    "<td class=\"n\">%llu</td><td>", i, (ull)b->found, (ull)b->row,
		    (ull)b->found);
		html_text(f, filename_base(s->files.paths[b->file]));
		fprintf(f, "</td><td class=\"n\">%llu</td><td class=\"n\">",
		    (ull)b->row);
		fprintf(f, b->has_number ? "%llu" : "unknown", (ull)b->number);
		fputs("</td><td class=\"n\">", f);
		fprintf(f, isnan(b->energy) ? "unknown" : "%.1f", b->energy);
		fputs("</td></tr>\n", f);
	}
	fputs("</table></div>\n", f);
}

static void
failures_list(FILE *f, const struct summary *s)
{
	unsigned i;

	fputs("<div class=\"scroll\"><table>\n<tr><th class=\"n\">events</th><th>why"
	    "</th></tr>\n", f);
	for (i = 0; i < s->n_causes; i++) {
		fprintf(f, "<tr data-cause=\"%llu\"><td class=\"n\">%llu</td><td>",
		    (ull)s->causes[i].n, (ull)s->causes[i].n);
		html_text(f, s->causes[i].text);
		fputs("</td></tr>\n", f);
	}
	fputs("</table></div>\n<div class=\"scroll\"><table>\n<tr><th class=\"n\">"
	    "event</th><th>source</th><th>why</th></tr>\n", f);
	for (i = 0; i < s->n_failures; i++) {
		fprintf(f, "<tr data-failed=\"%llu\"><td class=\"n\">%llu</td><td>",
		    (ull)s->failures[i].seq, (ull)s->failures[i].seq);
		html_text(f, s->failures[i].source);
		fputs("</td><td>", f);
		html_text(f, s->failures[i].cause);
		fputs("</td></tr>\n", f);
	}
	fputs("</table></div>\n", f);
	if (s->failed > s->n_failures)
		fprintf(f, "<p>The first %u of %llu.</p>\n", s->n_failures,
		    (ull)s->failed);
}

static void
misfit_put(FILE *f, const char *what, const char *why)
{
	if (*why != '\0')
		fprintf(f, "<p data-misfit=\"%s\">Left out: %s.</p>\n", what, why);
}

static void
failures_put(FILE *f, const struct summary *s)
{
	uint64_t i;

	fputs("<h2>What failed</h2>\n", f);
	if (s->others > 0)
		fprintf(f, "<p data-misfit=\"detector\">%llu files have images of"
		    " another size than the first one, %u x %u: their peaks are left"
		    " out of panels, powder and resolutions.</p>\n", (ull)s->others,
		    s->height, s->width);
	misfit_put(f, "log", s->log_why);
	misfit_put(f, "statistics", s->stats_why);
	for (i = 0; i < s->n_unread && i < SUMMARY_UNREAD; i++) {
		fputs("<p data-unread=\"\">Could not be read: ", f);
		html_text(f, s->unread[i].text);
		fputs("</p>\n", f);
	}
	if (s->n_unread > i)
		fprintf(f, "<p>And %llu more files.</p>\n", (ull)(s->n_unread - i));
	if (!s->log_read)
		fputs("<p data-absent=\"failures\">Which events failed is not known:"
		    " there is no log. cxiwrite -l keeps one.</p>\n", f);
	else if (s->failed == 0)
		fputs("<p>No event of the log failed.</p>\n", f);
	else
		failures_list(f, s);
}

static void
origin_put(FILE *f, const struct summary_origin *o, const char *geometry,
    const char *digest)
{
	fprintf(f, "<h3>%llu %s by ", (ull)o->files, o->files == 1 ?
	    "file" : "files");
	html_text(f, *o->program == '\0' ? "an unknown program" : o->program);
	fputs("</h3>\n", f);
	if (*o->options == '\0') {
		fputs("<p data-absent=\"provenance\">They do not say how they were"
		    " made.</p>\n", f);
		return;
	}
	fputs("<p>The commands that make the same bytes from the same input:</p>\n"
	    "<pre data-commands=\"\">", f);
	report_commands(f, o, geometry, digest);
	fputs("</pre>\n", f);
	if (digest != NULL)
		fprintf(f, "<p data-geometry=\"%s\">The geometry of this report is %s"
		    " that the files were written with.</p>\n",
		    strstr(o->options, digest) ? "same" : "other",
		    strstr(o->options, digest) ? "the one" : "not the one");
	fputs("<p class=\"soft\">INPUT, EVENTS, GEOMETRY and MASK stand for what files"
	    " do not tell, FILTER for a program that is none of ours; a geometry is"
	    " told by the SHA-256 of its text, a mask by that of its pixels. What the"
	    " files say, word for word:</p>\n<pre>", f);
	html_text(f, o->options);
	fputs("</pre>\n<pre>", f);
	html_text(f, o->stream);
	fputs("</pre>\n", f);
}

static void
sources_put(FILE *f, const struct summary *s)
{
	unsigned i;

	fputs("<h3>This report is from</h3>\n<p>", f);
	fprintf(f, "%zu CXI %s; ", s->files.n, s->files.n == 1 ? "file" : "files");
	if (!s->log_read)
		fputs("no log (cxiwrite -l); ", f);
	for (i = 0; s->log_read && i < s->sides.n_logs; i++) {
		fputs("log ", f);
		html_text(f, filename_base(s->sides.logs[i]));
		fputs("; ", f);
	}
	fputs(s->stats_read ? "statistics; " :
	    "no statistics (cxiwrite -S); ", f);
	fputs(s->sides.n_journals > 0 ? "journal." : "no journal.", f);
	fputs(" By cxireport " VERSION ".</p>\n", f);
}

void
report_write(FILE *f, const struct summary *s, const char *geometry,
    const char *digest)
{
	unsigned i;

	head_put(f, s);
	report_plots(f, s);
	fputs("<h2>Detector</h2>\n<div class=\"plots\">\n", f);
	panels_put(f, s);
	powder_put(f, s);
	report_maximum(f, s);
	fputs("</div>\n", f);
	best_put(f, s);
	failures_put(f, s);
	fputs("<h2>Provenance</h2>\n", f);
	if (s->n_origins == 0)
		fputs("<p data-absent=\"provenance\">No CXI file was read.</p>\n", f);
	for (i = 0; i < s->n_origins; i++)
		origin_put(f, &s->origins[i], geometry, digest);
	if (s->more_origins > 0)
		fprintf(f, "<p>And %llu more files, made in other ways.</p>\n",
		    (ull)s->more_origins);
	sources_put(f, s);
	fputs("</main>\n</body>\n</html>\n", f);
}
