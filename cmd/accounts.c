#include <sys/stat.h>

#include <err.h>
#include <stdio.h>
#include <string.h>

#include "base/sidefile.h"
#include "accounts.h"
#include "status.h"

static struct newfile unfinished;	/* the statistics in the making */

/* Not one that opening and closing would end for its reader, as a FIFO. */
static bool
is_plain(const char *path)
{
	struct stat st;

	return !sidefile_is_descriptor(path) && (stat(path, &st) == -1 ||
	    S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

static bool
is_same(const char *a, const char *b)
{
	struct stat s, t;

	if (!is_plain(a))
		return false;
	return strcmp(a, b) == 0 || (stat(a, &s) == 0 && S_ISREG(s.st_mode) &&
	    stat(b, &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino);
}

/* The log that a run is carried on with: its own, from where its files end. */
static struct eventlog *
log_resume(const char *path, const struct journal_entry *from)
{
	const uint64_t last = from->place.next - 1;
	struct eventlog *log;
	struct fault why;

	if (path == NULL)
		errx(STATUS_USAGE, "-r: the run has a log; give -l and its path");
	log = eventlog_resume(path, (uint64_t)from->log,
	    from->state == JOURNAL_BEGIN ? NULL : &last, &why);
	if (log == NULL)
		errx(status_of(&why, STATUS_OUTPUT), "-l %s", why.text);
	return log;
}

static struct eventlog *
log_open(const struct accounts *a, const struct series *series)
{
	const struct journal_entry *from = series_from(series);
	struct eventlog *log;
	struct fault why;

	if (a->log != NULL && series_owns(series, a->log))
		errx(STATUS_USAGE, "-l %s is a file of the series", a->log);
	if (from != NULL && from->log >= 0)
		return log_resume(a->log, from);
	if (a->log == NULL)
		return NULL;
	if (from != NULL && is_plain(a->log))
		errx(STATUS_USAGE, "-r: the run has no log; leave out -l");
	if ((log = eventlog_open(a->log, a->force, &why)) == NULL)
		errx(status_of(&why, STATUS_OUTPUT), "-l %s", why.text);
	if (!a->force)
		eventlog_begin(log);
	return log;
}

/* The statistics come at the end; whether they can is found now. */
static void
stats_prepare(const struct accounts *a, const struct series *series)
{
	struct fault why;
	FILE *f;

	if (series_owns(series, a->stats))
		errx(STATUS_USAGE, "-S %s is a file of the series", a->stats);
	if (a->log != NULL && is_same(a->stats, a->log))
		errx(STATUS_USAGE, "-S and -l are the same file, %s", a->log);
	if (totals_check(a->stats, &why) == -1)
		errx(status_of(&why, STATUS_OUTPUT), "-S %s", why.text);
	if (!a->force && !a->resume && eventlog_exists(a->stats))
		errx(STATUS_OUTPUT, "-S %s exists; -f replaces it", a->stats);
	if (!is_plain(a->stats))
		return;
	if ((f = sidefile_open(a->stats, "a", &why)) == NULL)
		errx(status_of(&why, STATUS_OUTPUT), "-S %s", why.text);
	fclose(f);
}

struct eventlog *
accounts_open(const struct accounts *a, const struct series *series)
{
	if (a->stats != NULL)
		stats_prepare(a, series);
	return log_open(a, series);
}

int
accounts_clear(const struct accounts *a, struct eventlog *log,
    const struct series *series, struct fault *f)
{
	const struct journal_entry *from = series_from(series);

	if (log != NULL && from != NULL && from->log >= 0) {
		if (eventlog_cut(log, (uint64_t)from->log, f) == -1)
			return -1;
	} else if (log != NULL && a->force)
		eventlog_begin(log);
	return 0;
}

int
accounts_begin(const struct accounts *a, const struct totals *t, struct fault *f)
{
	return a->stats == NULL || !is_plain(a->stats) ||
	    !eventlog_exists(a->stats) ? 0 : accounts_write(a, t, f);
}

bool
accounts_hold(const struct accounts *a, const struct totals *t)
{
	struct totals told;

	return is_plain(a->stats) && totals_read(&told, a->stats, NULL) == 0 &&
	    totals_same(&told, t);
}

int
accounts_write(const struct accounts *a, const struct totals *t, struct fault *f)
{
	return totals_write(t, &unfinished, a->stats, f);
}

void
accounts_abandon(void)
{
	newfile_remove(&unfinished);
}
