/* cximerge: one CXI file over all files of a run. */
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/newfile.h"
#include "base/ownfile.h"
#include "format/cxijoin.h"
#include "format/guard.h"
#include "format/join.h"
#include "format/joincheck.h"
#include "format/runfiles.h"
#include "status.h"
#include "tool.h"

struct options {
	const char	*out;
	bool		check, copy;
};

static struct newfile merged, events;

/* For the second signal. */
static void
outputs_remove(void)
{
	newfile_remove(&merged);
	newfile_remove(&events);
}

/* Where we were told to stop, takes away what was begun, and ends. */
static void
stop_heed(void)
{
	if (!tool_stop)
		return;
	newfile_abort(&merged);
	newfile_abort(&events);
	errx(STATUS_INTERRUPTED, "stopped; no file was made");
}

/* Takes away what was begun, and ends. */
static void
give_up(const struct fault *f, int status)
{
	stop_heed();
	newfile_abort(&merged);
	newfile_abort(&events);
	errx(status_of(f, status), "%s", f->text);
}

/* ---- checking ---- */

static void
fault_tell(const struct fault *f)
{
	warnx("%s", f->text);
}

static int
check(const char *path)
{
	struct cxiparts *p;
	struct fault f;
	size_t bad;

	if (joincheck_open(path, &p, &f) == -1) {
		warnx("%s", f.text);
		return tool_stop ? STATUS_INTERRUPTED : status_of(&f, STATUS_INPUT);
	}
	if (joincheck_sources(p, fault_tell, &tool_stop, &bad, &f) == -1)
		errx(tool_stop ? STATUS_INTERRUPTED : STATUS_SYSTEM, "%s", f.text);
	if (bad > 0)
		fault_set(&f, "%s: %zu of its %zu sources are not what they were;"
		    " name the files again to make it anew", path, bad,
		    cxiparts_count(p));
	else
		fault_set(&f, "%s: all %zu sources are as many bytes as they were,"
		    " with the same %" PRIu64 " events and peaks; images and energies"
		    " were not compared", path, cxiparts_count(p), cxiparts_events(p));
	warnx("%s", f.text);
	cxiparts_free(p);
	return bad > 0 ? STATUS_INPUT : STATUS_OK;
}

/* ---- merging ---- */

static void
run_read(struct join *j, char *operands[])
{
	struct runfiles run = { .whole = true };
	struct fault f;

	for (; *operands != NULL; operands++)
		if (runfiles_add(&run, *operands, &f) == -1)
			errx(status_of(&f, STATUS_INPUT), "%s", f.text);
	if (join_add(j, (const char *const *)run.paths, run.n, &tool_stop, &f) == -1)
		give_up(&f, STATUS_INPUT);
	runfiles_free(&run);
	if (j->n_rows == 0)
		errx(STATUS_INPUT, "there are no events in the run");
	if (join_order(j, &f) == -1)
		errx(status_of(&f, STATUS_INPUT), "%s", f.text);
}

/*
 * What is there already is replaced only if it is a view that we made, whatever has
 * become of its sources. A copy may be all that is left of its own.
 */
static void
output_check(const char *path)
{
	struct cxiparts *p;
	struct stat st;
	struct fault f;

	if (lstat(path, &st) == -1) {
		if (errno != ENOENT)
			err(STATUS_OUTPUT, "-o %s", path);
		return;
	}
	if (!S_ISREG(st.st_mode))
		errx(STATUS_OUTPUT, "-o %s: is no regular file; name another", path);
	if (joincheck_open(path, &p, &f) == -1) {
		stop_heed();
		errx(status_of(&f, STATUS_OUTPUT), "-o: only a merged file made without"
		    " -x is replaced: %s; name another", f.text);
	}
	cxiparts_free(p);
}

/* NAME.cxi gives NAME.events. */
static void
events_name(const char *path, char out[PATH_MAX])
{
	size_t n = strlen(path);

	if (n < 5 || strcmp(path + n - 4, ".cxi") != 0)
		errx(STATUS_USAGE, "-o %s: CrystFEL reads peaks only from names that"
		    " end in .cxi", path);
	if (n + 4 > PATH_MAX)
		errx(STATUS_USAGE, "-o %.60s...: too long a name", path);
	sprintf(out, "%.*s.events", (int)(n - 4), path);
}

static int
name_check(const char *path, struct fault *f)
{
	if (strchr(path, '\n') == NULL)
		return 0;
	return fault_set(f, "%s: there is a line break in its name, which the list of"
	    " events cannot have; rename it", path);
}

/*
 * The lines of CrystFEL, "file //row". They name the sources, so that indexamajig
 * opens small files; a copy has none. -1: the name of one is to blame.
 */
static int
events_write(const struct join *j, const struct options *o, FILE *out,
    struct fault *f)
{
	char **paths = calloc(j->n_sources + 1, sizeof *paths);
	size_t i, k;

	if (paths == NULL)
		return fault_lack(f, "out of memory for the list of events");
	for (i = 0; i < j->n_sources; i++) {
		paths[i] = cxijoin_source(o->copy ? o->out : j->sources[i].path, f);
		if (paths[i] == NULL || name_check(paths[i], f) == -1)
			break;
	}
	for (k = 0; k < j->n_rows && i == j->n_sources; k++)
		fprintf(out, "%s //%" PRIu64 "\n", paths[j->rows[k].source],
		    o->copy ? k : j->rows[k].row);
	for (k = 0; k <= i; k++)
		free(paths[k]);
	free(paths);
	return i == j->n_sources ? 0 : -1;
}

static void
merge(const struct join *j, const struct options *o)
{
	const struct cxijoin c = { j, o->out, "cximerge " VERSION, o->copy,
	    &tool_stop };
	char list[PATH_MAX];
	struct fault f;
	int status;

	events_name(o->out, list);
	/* Reading took long: a copy may have come meanwhile. */
	output_check(o->out);
	if (newfile_open(&merged, o->out, &f) == -1)
		errx(status_of(&f, STATUS_OUTPUT), "-o %s", f.text);
	if (newfile_open(&events, list, &f) == -1)
		give_up(&f, STATUS_OUTPUT);
	if (events_write(j, o, events.f, &f) == -1)
		give_up(&f, o->copy ? STATUS_OUTPUT : STATUS_INPUT);
	status = cxijoin_write(&c, fileno(merged.f), &f);
	if (status == CXIJOIN_SOURCE)
		give_up(&f, STATUS_INPUT);
	if (status == -1) {
		fault_prefix(&f, "-o %s", o->out);
		give_up(&f, STATUS_OUTPUT);
	}
	stop_heed();
	if (newfile_commit_both(&events, &merged, &f) == -1)
		give_up(&f, STATUS_OUTPUT);
	/* As a fault, for what the name may do to a terminal. */
	fault_set(&f, "%s: %zu events of %zu files%s", o->out, j->n_rows,
	    j->n_sources, o->copy ? ", copied" : "");
	warnx("%s", f.text);
}

static void
options_parse(int argc, char *argv[], struct options *o)
{
	bool named = false;
	int ch;

	while ((ch = getopt(argc, argv, "+co:x")) != -1)
		switch (ch) {
		case 'c':
			o->check = true;
			break;
		case 'o':
			o->out = optarg;
			named = true;
			break;
		case 'x':
			o->copy = true;
			break;
		default:
			tool_usage();
		}
	(void)tool_operands(argc, argv, 1, INT_MAX);
	if (o->check && (o->copy || named))
		errx(STATUS_USAGE, "-c goes with neither -o nor -x");
}

int
main(int argc, char *argv[])
{
	struct options o = { .out = "run.cxi" };
	struct join *j = calloc(1, sizeof *j);
	int status = STATUS_OK;
	char list[PATH_MAX];
	struct fault f;

	tool_begin(argc, argv, "[-cx] [-o run.cxi] file ...");
	if (j == NULL)
		err(STATUS_SYSTEM, NULL);
	options_parse(argc, argv, &o);
	tool_signals(outputs_remove);
	guard_heed(&tool_stop);
	argv += optind;
	if (o.check) {
		for (; *argv != NULL && !tool_stop; argv++)
			status = tool_worse(status, check(*argv));
	} else {
		events_name(o.out, list);
		output_check(o.out);
		if (ownfile_check(list, "^[^\n]* //[0-9]+\n",
		    "a list of events", &f) == -1)
			errx(status_of(&f, STATUS_OUTPUT), "-o %s", f.text);
		run_read(j, argv);
		merge(j, &o);
	}
	join_free(j);
	free(j);
	return status;
}
