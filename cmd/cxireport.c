/* cxireport: a page of HTML that tells what a run is worth. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/filename.h"
#include "base/newfile.h"
#include "base/ownfile.h"
#include "format/geofile.h"
#include "report/report.h"
#include "status.h"
#include "tool.h"

struct options {
	const char	*geometry, *log, *out, *stats;
};

static struct newfile report;

/* For the second signal. */
static void
report_remove(void)
{
	newfile_remove(&report);
}

/* Everything that is found beside the run and in it. */
static int
run_read(struct summary *s, const struct options *o)
{
	struct fault f;
	uint64_t i;

	if (runfiles_add(&s->files, s->run, &f) == -1 ||
	    runfiles_distinct(&s->files, &f) == -1 ||
	    sides_find(&s->sides, s->run, o->log, o->stats, &f) == -1 ||
	    summary_make(s, &f) == -1)
		errx(status_of(&f, STATUS_INPUT), "%s", f.text);
	for (i = 0; i < s->n_unread && i < SUMMARY_UNREAD; i++)
		warnx("%s", s->unread[i].text);
	if (s->files.n > 0 && s->files_read == 0)
		errx(STATUS_INPUT, "%s: none of its CXI files can be read, so there"
		    " is nothing to report", s->run);
	if (s->others > 0)
		warnx("%s: %llu files have images of another size than the first one,"
		    " which has %u x %u: their peaks have no place in the report", s->run,
		    (unsigned long long)s->others, s->height, s->width);
	if (s->log_why[0] != '\0')
		warnx("%s: %s", s->sides.logs[0], s->log_why);
	if (s->stats_why[0] != '\0')
		warnx("%s: %s", o->stats != NULL ? o->stats : s->run, s->stats_why);
	if (s->misfit || s->powder_doubt[0] != '\0')
		warnx("-g %s: %s", o->geometry, s->misfit ? s->powder_why :
		    s->powder_doubt);
	return s->n_unread > 0 || s->others > 0 || s->misfit || s->log_why[0] != '\0' ||
	    s->stats_why[0] != '\0' ? STATUS_INPUT : STATUS_OK;
}

int
main(int argc, char *argv[])
{
	static struct summary s;
	struct options o = { .out = "report.html" };
	struct geofile g = { .text = NULL };
	struct fault f;
	int ch, status;

	tool_begin(argc, argv, "[-g geometry] [-l log.tsv] [-o report.html]"
	    " [-S stats.json] dir-or-list");
	while ((ch = getopt(argc, argv, "+S:g:l:o:")) != -1)
		switch (ch) {
		case 'S':
			o.stats = optarg;
			break;
		case 'g':
			o.geometry = optarg;
			break;
		case 'l':
			o.log = optarg;
			break;
		case 'o':
			o.out = optarg;
			break;
		default:
			tool_usage();
		}
	s.run = *tool_operands(argc, argv, 1, 1);
	if (ownfile_check(o.out, report_begins, "a report", &f) == -1)
		errx(status_of(&f, STATUS_OUTPUT), "-o %s", f.text);
	tool_signals(report_remove);
	if (o.geometry != NULL) {
		if (geofile_read(&g, o.geometry, &f) == -1)
			errx(status_of(&f, STATUS_INPUT), "-g %s", f.text);
		s.geometry = &g.geometry;
	}
	status = run_read(&s, &o);
	if (newfile_open(&report, o.out, &f) == -1)
		errx(status_of(&f, STATUS_OUTPUT), "-o %s", f.text);
	report_write(report.f, &s, o.geometry == NULL ? NULL :
	    filename_base(o.geometry), o.geometry == NULL ? NULL : g.digest);
	if (newfile_commit(&report, &f) == -1) {
		warnx("-o %s", f.text);
		status = STATUS_OUTPUT;
	}
	summary_free(&s);
	geofile_free(&g);
	return status;
}
