#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libutil.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/filename.h"
#include "base/io.h"
#include "base/sidefile.h"
#include "base/thread.h"
#include "format/resume.h"
#include "format/series.h"
#include "format/seriesname.h"

/* A file that settles: the thread's from its start until it is joined. */
struct settling {
	pthread_t	thread;
	bool		running;	/* the thread; else the caller settles it */
	volatile bool	unfinished;	/* the temporary name may be there */
	struct cxi	*cxi;
	struct journal_entry entry;
	char		final[SERIES_PATH_SIZE];
	char		temporary[SERIES_PATH_SIZE];
	char		lock[SERIES_PATH_SIZE];	/* name of the list */
	int		journal, log, list;
	bool		replace;	/* an open file may have its name */
	bool		listed;		/* already */
	int		result;
	uint64_t	lost;
	struct fault	fault;
};

struct series {
	struct seriesname n;
	enum series_mode mode;
	struct resume	resume;		/* what there was, in that mode */
	char		name[SERIES_NAME_SIZE];
	char		temporary[SERIES_PATH_SIZE];
	char		lock[SERIES_PATH_SIZE];	/* PREFIX.lst */
	int		list;		/* it, locked */
	int		journal;	/* -1 before series_begin */
	uint64_t	count;		/* of files committed; names the next */
	uint64_t	given_up;	/* of these, that never settled */
	struct settling	past;		/* the file committed last */
};

static void
name_make(struct series *s)
{
	seriesname_file(&s->n, s->count, s->name);
	seriesname_path(&s->n, s->count, true, s->temporary);
}

static int
list_lock(struct series *s, struct fault *f)
{
	const char *path = s->lock;

	seriesname_side(&s->n, "lst", s->lock);
	s->list = flopen(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK |
	    O_NOFOLLOW | O_CLOEXEC, 0666);
	if (s->list != -1)
		return sidefile_check(s->list, path, f);
	if (errno == EWOULDBLOCK)
		return fault_set(f, "%s: another cxiwrite writes this series; -p"
		    " names another", path);
	return fault_set(f, "%s: %s", path, strerror(errno));
}

/*
 * Is the list still the one that we have locked? Else the directory was moved, or
 * emptied, and what is at our names may be another run's.
 */
static int
lock_check(int list, const char *path, struct fault *f)
{
	if (filename_is(list, path))
		return 0;
	return fault_set(f, "%s: was removed or replaced by others while the run wrote"
	    " here", path);
}

/* ---- an earlier run ---- */

static int
earlier_refuse(void *arg, const char *path, uint64_t i, bool temporary,
    struct fault *f)
{
	const struct series *s = arg;

	(void)i;
	if (temporary)
		return 0;
	return fault_set(f, "%s exists; -f replaces all of %s_*.cxi, -r carries on,"
	    " -p names another series", path, s->n.prefix);
}

static int
earlier_remove(void *arg, const char *path, uint64_t i, bool temporary,
    struct fault *f)
{
	(void)arg;
	(void)i;
	(void)temporary;
	if (unlink(path) == -1 && errno != ENOENT)
		return fault_set(f, "%s: %s", path, strerror(errno));
	return 0;
}

/* A list or journal that names files is an earlier run's, wherever they are now. */
static int
sides_refuse(struct series *s, struct fault *f)
{
	char path[SERIES_PATH_SIZE];
	struct journal_entry *e;
	struct stat st;
	size_t lines;

	seriesname_side(&s->n, "journal", path);
	if (journal_read(path, &e, &lines, f) == -1)
		return fault_prefix(f, "-f replaces it");
	free(e);
	if (lines > 1)
		return fault_set(f, "%s exists; -f replaces it, -r carries on, -p"
		    " names another series", path);
	seriesname_side(&s->n, "lst", path);
	if (fstat(s->list, &st) == -1 || st.st_size > 0)
		return fault_set(f, "%s exists; -f replaces it, -p names another"
		    " series", path);
	return 0;
}

static int
earlier_find(struct series *s, struct fault *f)
{
	if (s->mode == SERIES_REPLACE)
		return 0;
	if (s->mode == SERIES_RESUME && resume_find(&s->n, &s->resume, f) == -1)
		return -1;
	s->count = s->resume.files;
	if (s->resume.any)
		return 0;
	if (seriesname_scan(&s->n, earlier_refuse, s, f) == -1)
		return -1;
	return sides_refuse(s, f);
}

/* ---- opening ---- */

struct series *
series_open(const char *dir, const char *prefix, enum series_mode mode,
    struct fault *f)
{
	struct series *s = calloc(1, sizeof *s);

	if (s == NULL) {
		fault_lack(f, "no memory");
		return NULL;
	}
	s->list = s->journal = -1;
	s->mode = mode;
	if (mkdir(dir, 0777) == -1 && errno != EEXIST)
		fault_set(f, "cannot make the directory %s: %s", dir,
		    strerror(errno));
	else if (seriesname_set(&s->n, dir, prefix, f) == 0 &&
	    list_lock(s, f) == 0 && earlier_find(s, f) == 0) {
		name_make(s);
		return s;
	}
	series_close(s);
	return NULL;
}

void
series_close(struct series *s)
{
	if (s->journal != -1)
		close(s->journal);
	if (s->list != -1)
		close(s->list);
	free(s);
}

const struct journal_entry *
series_from(const struct series *s)
{
	return s->resume.any ? &s->resume.from : NULL;
}

/* A line of the journal that is no file's. */
static int
fileless_add(struct series *s, const struct journal_entry *entry, struct fault *f)
{
	struct journal_entry e = *entry;

	strcpy(e.file, "-");
	if (journal_add(s->journal, &e, f) == -1)
		return fault_prefix(f, "%s/%s.journal", s->n.dir, s->n.prefix);
	return 0;
}

static int
anew_begin(struct series *s, const struct journal_entry *begin, const char *path,
    struct fault *f)
{
	/* First what names files: it must not know of those that are going. */
	if (ftruncate(s->list, 0) == -1)
		return fault_set(f, "%s/%s.lst: %s", s->n.dir, s->n.prefix,
		    strerror(errno));
	if (journal_begin(s->journal, f) == -1)
		return fault_prefix(f, "%s", path);
	if (s->mode == SERIES_REPLACE &&
	    seriesname_scan(&s->n, earlier_remove, NULL, f) == -1)
		return -1;
	return fileless_add(s, begin, f);
}

int
series_begin(struct series *s, const struct journal_entry *begin, struct fault *f)
{
	char path[SERIES_PATH_SIZE];

	seriesname_side(&s->n, "journal", path);
	s->journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC, 0666);
	if (s->journal == -1)
		return fault_set(f, "%s: %s", path, strerror(errno));
	if (sidefile_check(s->journal, path, f) == -1)
		return -1;
	if (s->resume.any)
		return resume_cut(&s->n, &s->resume, s->journal, s->list, f);
	return anew_begin(s, begin, path, f);
}

const char *
series_name(const struct series *s)
{
	return s->name;
}

void
series_abandon(const struct series *s)
{
	if (!filename_is(s->list, s->lock))
		return;
	unlink(s->temporary);
	if (s->past.unfinished)
		unlink(s->past.temporary);
}

int
series_create(struct series *s, const struct cxi_plan *plan, struct cxi **cxi,
    struct fault *f)
{
	if (lock_check(s->list, s->lock, f) == -1)
		return -1;
	/* What has this name was left by one that was killed. */
	if (unlink(s->temporary) == -1 && errno != ENOENT)
		return fault_set(f, "%s: %s", s->temporary, strerror(errno));
	return cxi_create(s->temporary, plan, cxi, f);
}

bool
series_owns(const struct series *s, const char *path)
{
	return seriesname_owns(&s->n, path);
}

/* ---- settling ---- */

static int
journal_write(struct settling *p)
{
	if (p->log != -1 && fdatasync(p->log) == -1 && errno != EINVAL &&
	    errno != EROFS)
		return fault_set(&p->fault, "the log cannot be synced: %s",
		    strerror(errno));
	if (journal_add(p->journal, &p->entry, &p->fault) == -1)
		return fault_prefix(&p->fault, "the journal of %s", p->final);
	return 0;
}

/* The line's newline uses the place of the NUL. */
static int
list_write(struct settling *p)
{
	size_t n = strlen(p->final);
	int r;

	if (p->listed)
		return 0;
	p->final[n] = '\n';
	r = io_write(p->list, p->final, n + 1) == -1 || fsync(p->list) == -1 ?
	    -1 : 0;
	p->final[n] = '\0';
	if (r == -1)
		fault_set(&p->fault, "%s is complete, but could not be listed: %s",
		    p->final, strerror(errno));
	return r;
}

static void *
settle(void *arg)
{
	struct settling *p = arg;
	int r;

	p->lost = p->entry.rows;
	p->result = -1;
	if (cxi_sync(p->cxi, &p->entry.bytes, &p->fault) == -1 ||
	    lock_check(p->list, p->lock, &p->fault) == -1 ||
	    journal_write(p) == -1) {
		cxi_abort(p->cxi);
		return NULL;
	}
	if ((r = cxi_commit(p->cxi, p->final, p->replace, &p->fault)) == -1)
		return NULL;
	p->lost = 0;
	p->result = list_write(p) == -1 || r == 1 ? -1 : 0;
	return NULL;
}

static int
settle_result(struct series *s, uint64_t *lost, struct fault *f)
{
	struct settling *p = &s->past;

	*lost = 0;
	p->unfinished = false;
	if (p->result == 0)
		return 0;
	if (p->lost > 0)
		s->given_up++;
	*lost = p->lost;
	return fault_set(f, "%s", p->fault.text);
}

int
series_settle(struct series *s, uint64_t *lost, struct fault *f)
{
	struct settling *p = &s->past;

	*lost = 0;
	if (!p->running)
		return 0;
	pthread_join(p->thread, NULL);
	p->running = false;
	return settle_result(s, lost, f);
}

static void
settling_prepare(struct series *s, struct cxi *cxi,
    const struct journal_entry *e, int log)
{
	struct settling *p = &s->past;

	p->cxi = cxi;
	p->entry = *e;
	p->entry.rows = cxi_rows(cxi);
	strcpy(p->entry.file, s->name);
	p->journal = s->journal;
	p->log = log;
	p->list = s->list;
	p->listed = s->resume.redo && s->count == s->resume.files;
	p->replace = p->listed;
	seriesname_path(&s->n, s->count, false, p->final);
	strcpy(p->temporary, s->temporary);
	strcpy(p->lock, s->lock);
}

int
series_commit(struct series *s, struct cxi *cxi, const struct journal_entry *e,
    int log, uint64_t *lost, struct fault *f)
{
	struct settling *p = &s->past;
	uint64_t rows = cxi_rows(cxi);
	sigset_t all, before;

	if (series_settle(s, lost, f) == -1 || cxi_close(cxi, f) == -1) {
		cxi_abort(cxi);
		*lost += rows;
		return -1;
	}
	settling_prepare(s, cxi, e, log);
	/* A handler looks at the names: series_abandon. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	p->unfinished = true;
	p->running = thread_start(&p->thread, settle, p) == 0;
	s->count++;
	name_make(s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (p->running)
		return 0;
	/* No thread to be had: then here and now. */
	settle(p);
	return settle_result(s, lost, f);
}

int
series_note_loss(struct series *s, const struct journal_entry *e, uint64_t *lost,
    struct fault *f)
{
	if (series_settle(s, lost, f) == -1)
		return -1;
	return fileless_add(s, e, f);
}

int
series_complete(const struct series *s, struct fault *f)
{
	char path[SERIES_PATH_SIZE];

	if (!s->resume.redo || s->count != s->resume.files)
		return 0;
	seriesname_path(&s->n, s->count, false, path);
	return fault_set(f, "%s: its events did not come again: give the inputs that"
	    " the run began with, or begin anew, with -f", path);
}

uint64_t
series_count(const struct series *s)
{
	return s->count - s->given_up;
}

/* ---- asking ---- */

int
series_wanted(const char *dir, const char *prefix, struct ledger_place *wanted,
    struct fault *f)
{
	struct seriesname n;
	struct resume r;
	struct stat st;

	if (stat(dir, &st) == -1 && errno == ENOENT)
		return 0;
	/* Not locked: the writer in the same pipeline has the lock already. */
	if (seriesname_set(&n, dir, prefix, f) == -1 ||
	    resume_find(&n, &r, f) == -1)
		return -1;
	*wanted = r.from.place;
	return r.any ? 1 : 0;
}
