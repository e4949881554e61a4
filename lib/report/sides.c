#include <sys/stat.h>

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/sides.h"

struct look {
	struct sides	*s;
	const char	*log, *stats;	/* named ones */
};

static int
log_add(struct sides *s, const char *path, struct fault *f)
{
	if (s->n_logs == SIDES_LOGS)
		return fault_set(f, "%s: more than %d logs", path, SIDES_LOGS);
	if ((s->logs[s->n_logs] = strdup(path)) == NULL)
		return fault_lack(f, "%s: no memory", path);
	s->n_logs++;
	return 0;
}

static int
stats_add(struct sides *s, const char *path, struct fault *f)
{
	struct totals t, *sum = &s->stats;

	if (totals_read(&t, path, f) == -1)
		return -1;
	s->incomplete |= !t.complete;
	s->n_stats++;
	sum->in += t.in;
	sum->written += t.written;
	sum->filtered += t.filtered;
	sum->failed += t.failed;
	sum->lost += t.lost;
	sum->missing += t.missing;
	sum->files += t.files;
	sum->interrupted |= t.interrupted;
	sum->seconds += t.seconds;
	return 0;
}

static int
journal_take(struct sides *s, const char *path, struct fault *f)
{
	struct journal_entry *e, *sum = &s->last;
	size_t i, n;

	if (journal_read(path, &e, &n, f) == -1)
		return -1;
	s->ended = n > 0 && e[n - 1].state == JOURNAL_END &&
	    (s->n_journals == 0 || s->ended);
	s->n_journals++;
	if (n > 0) {
		s->open |= e[n - 1].state == JOURNAL_OPEN;
		sum->in += e[n - 1].in;
		sum->written += e[n - 1].written;
		sum->filtered += e[n - 1].filtered;
		sum->failed += e[n - 1].failed;
	}
	for (i = 0; i < n; i++)
		s->lost |= e[i].state == JOURNAL_LOST;
	free(e);
	return 0;
}

/* A path without its last part's suffix, and another suffix. */
static void
path_make(char path[PATH_MAX], const char *stem, size_t n, const char *suffix)
{
	snprintf(path, PATH_MAX, "%.*s%s", (int)n, stem, suffix);
}

static bool
is_file(const char *path)
{
	return access(path, F_OK) == 0;
}

static bool
has_text(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > 0;
}

/* All of one prefix; stem is the path up to it. */
static int
prefix_look(struct look *l, const char *stem, size_t n, struct fault *f)
{
	char path[PATH_MAX];

	path_make(path, stem, n, ".journal");
	if (is_file(path) && journal_take(l->s, path, f) == -1)
		return -1;
	path_make(path, stem, n, ".tsv");
	if (l->log == NULL && has_text(path) && log_add(l->s, path, f) == -1)
		return -1;
	path_make(path, stem, n, ".json");
	if (l->stats == NULL && has_text(path) && stats_add(l->s, path, f) == -1)
		return -1;
	return 0;
}

/* Paths in a directory whose names end so, in order. */
static int
names_find(const char *stem, size_t n, const char *pattern, glob_t *g)
{
	char path[2 * PATH_MAX];
	size_t i, k = 0;

	for (i = 0; i < n && k < sizeof path - PATH_MAX; i++) {
		if (strchr("*?[\\", stem[i]) != NULL)
			path[k++] = '\\';
		path[k++] = stem[i];
	}
	snprintf(path + k, sizeof path - k, "%s", pattern);
	memset(g, 0, sizeof *g);
	return glob(path, 0, NULL, g) == 0 ? (int)g->gl_pathc : 0;
}

static void
temporary_count(struct sides *s, const char *stem, size_t n)
{
	glob_t g;

	s->temporary += (unsigned)names_find(stem, n, "_*.cxi.tmp", &g);
	globfree(&g);
}

static int
directory_look(struct look *l, const char *run, struct fault *f)
{
	char dir[PATH_MAX];
	int i, n, r = 0;
	glob_t g;

	snprintf(dir, sizeof dir, "%s/", run);
	n = names_find(dir, strlen(dir), "*.journal", &g);
	for (i = 0; i < n && r == 0; i++) {
		size_t stem = strlen(g.gl_pathv[i]) - strlen(".journal");

		r = prefix_look(l, g.gl_pathv[i], stem, f);
		temporary_count(l->s, g.gl_pathv[i], stem);
	}
	globfree(&g);
	return r;
}

/* log.tsv and stats.json, in the directory of the run. */
static int
plain_look(struct look *l, const char *dir, size_t n, struct fault *f)
{
	char path[PATH_MAX];

	path_make(path, dir, n, "log.tsv");
	if (l->log == NULL && l->s->n_logs == 0 && has_text(path) &&
	    log_add(l->s, path, f) == -1)
		return -1;
	path_make(path, dir, n, "stats.json");
	if (l->stats == NULL && l->s->n_stats == 0 && has_text(path))
		return stats_add(l->s, path, f);
	return 0;
}

static int
run_look(struct look *l, const char *run, struct fault *f)
{
	const char *slash = strrchr(run, '/');
	char dir[PATH_MAX];
	size_t n = strlen(run);
	struct stat st;

	if (stat(run, &st) == 0 && S_ISDIR(st.st_mode)) {
		snprintf(dir, sizeof dir, "%s/", run);
		return directory_look(l, run, f) == -1 ? -1 :
		    plain_look(l, dir, strlen(dir), f);
	}
	if (n < 4 || strcmp(run + n - 4, ".lst") != 0)
		return 0;
	temporary_count(l->s, run, n - 4);
	return prefix_look(l, run, n - 4, f) == -1 ? -1 :
	    plain_look(l, run, slash == NULL ? 0 : (size_t)(slash + 1 - run), f);
}

static void
logs_free(struct sides *s)
{
	while (s->n_logs > 0)
		free(s->logs[--s->n_logs]);
}

/* Leaves out what was found beside some of the journals only. */
static void
partial_forget(const struct look *l)
{
	if (l->log == NULL && l->s->n_logs < l->s->n_journals)
		logs_free(l->s);
	if (l->stats == NULL && l->s->n_stats < l->s->n_journals)
		l->s->n_stats = 0;
}

int
sides_find(struct sides *s, const char *run, const char *log, const char *stats,
    struct fault *f)
{
	struct look l = { s, log, stats };

	memset(s, 0, sizeof *s);
	if ((log != NULL && log_add(s, log, f) == -1) ||
	    (stats != NULL && stats_add(s, stats, f) == -1))
		return -1;
	if (run_look(&l, run, f) == -1)
		return -1;
	partial_forget(&l);
	return 0;
}

void
sides_free(struct sides *s)
{
	logs_free(s);
}
