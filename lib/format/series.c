#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libutil.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "format/series.h"

enum { NAME_SIZE = 256, TAIL = 32 };	/* a prefix leaves room for "_N.cxi.tmp" */

/* A file that settles: the thread's from its start until it is joined. */
struct settling {
	pthread_t	thread;
	bool		running;
	struct cxi	*cxi;
	uint64_t	rows;
	char		final[PATH_MAX + NAME_SIZE];
	char		temporary[PATH_MAX + NAME_SIZE + 4];
	int		list;
	bool		replace;
	int		result;
	struct fault	fault;
};

struct series {
	char		dir[PATH_MAX];	/* absolute */
	char		prefix[NAME_SIZE];
	char		name[NAME_SIZE];
	char		final[PATH_MAX + NAME_SIZE];
	char		temporary[PATH_MAX + NAME_SIZE + 4];
	int		list;		/* PREFIX.lst, locked */
	bool		force;
	unsigned	count;		/* of files committed; names the next */
	unsigned	given_up;	/* of these, that never settled */
	struct settling	past;		/* the file committed last */
};

static void
name_make(struct series *s)
{
	snprintf(s->name, sizeof s->name, "%.*s_%04u.cxi", NAME_SIZE - TAIL,
	    s->prefix, s->count);
	snprintf(s->final, sizeof s->final, "%s/%s", s->dir, s->name);
	snprintf(s->temporary, sizeof s->temporary, "%s.tmp", s->final);
}

/* Is this one of PREFIX_<digits>.cxi? */
static int
name_match(const struct series *s, const char *name)
{
	size_t n = strlen(s->prefix), digits;

	if (strncmp(name, s->prefix, n) != 0 || name[n] != '_')
		return 0;
	digits = strspn(name + n + 1, "0123456789");
	return digits >= 4 && strcmp(name + n + 1 + digits, ".cxi") == 0;
}

/* Looks for files of the series; removes them, or stops at the first. */
static int
earlier_find(struct series *s, bool clear, struct fault *f)
{
	char path[PATH_MAX + NAME_SIZE];
	struct dirent *e;
	DIR *d = opendir(s->dir);
	int r = 0;

	if (d == NULL)
		return fault_set(f, "%s: %s", s->dir, strerror(errno));
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (!name_match(s, e->d_name))
			continue;
		snprintf(path, sizeof path, "%s/%s", s->dir, e->d_name);
		if (!clear)
			r = fault_set(f, "%s exists; -f replaces all of %s_*.cxi,"
			    " -p names another series", path, s->prefix);
		else if (unlink(path) == -1)
			r = fault_set(f, "%s: %s", path, strerror(errno));
	}
	closedir(d);
	return r;
}

static int
directory_make(const char *dir, struct series *s, struct fault *f)
{
	if (mkdir(dir, 0777) == -1 && errno != EEXIST)
		return fault_set(f, "cannot make the directory %s: %s", dir,
		    strerror(errno));
	if (realpath(dir, s->dir) == NULL)
		return fault_set(f, "%s: %s", dir, strerror(errno));
	return 0;
}

/* A list that names files is an earlier run's, wherever they are now. */
static int
list_check(struct series *s, struct fault *f)
{
	struct stat st;

	if (fstat(s->list, &st) == -1 || st.st_size > 0)
		return fault_set(f, "%s/%s.lst exists; -f replaces it, -p names"
		    " another series", s->dir, s->prefix);
	return 0;
}

static int
list_lock(struct series *s, struct fault *f)
{
	char path[PATH_MAX + NAME_SIZE + 8];

	snprintf(path, sizeof path, "%s/%s.lst", s->dir, s->prefix);
	s->list = flopen(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK |
	    O_NOFOLLOW | O_CLOEXEC, 0666);
	if (s->list != -1)
		return 0;
	if (errno == EWOULDBLOCK)
		return fault_set(f, "%s: another cxiwrite writes this series; -p"
		    " names another", path);
	return fault_set(f, "%s: %s", path, strerror(errno));
}

struct series *
series_open(const char *dir, const char *prefix, bool force, struct fault *f)
{
	struct series *s = calloc(1, sizeof *s);

	if (s == NULL) {
		fault_set(f, "no memory");
		return NULL;
	}
	s->list = -1;
	s->force = force;
	snprintf(s->prefix, sizeof s->prefix, "%s", prefix);
	if (*prefix == '\0' || strchr(prefix, '/') != NULL ||
	    strlen(prefix) > NAME_SIZE - TAIL)
		fault_set(f, "prefix \"%.100s\": not empty, no slash, at most %d"
		    " bytes", prefix, NAME_SIZE - TAIL);
	else if (directory_make(dir, s, f) == 0 && list_lock(s, f) == 0 &&
	    (force || (earlier_find(s, false, f) == 0 &&
	    list_check(s, f) == 0))) {
		name_make(s);
		return s;
	}
	series_close(s);
	return NULL;
}

void
series_close(struct series *s)
{
	if (s->list != -1)
		close(s->list);
	free(s);
}

int
series_clear(struct series *s, struct fault *f)
{
	if (s->force && earlier_find(s, true, f) == -1)
		return -1;
	if (ftruncate(s->list, 0) == -1)
		return fault_set(f, "%s/%s.lst: %s", s->dir, s->prefix,
		    strerror(errno));
	return 0;
}

const char *
series_name(const struct series *s)
{
	return s->name;
}

void
series_abandon(const struct series *s)
{
	unlink(s->temporary);
	if (s->past.running)
		unlink(s->past.temporary);
}

int
series_create(struct series *s, const struct cxi_plan *plan, struct cxi **cxi,
    struct fault *f)
{
	/* We hold the lock: what has this name was left by one that was killed. */
	if (unlink(s->temporary) == -1 && errno != ENOENT)
		return fault_set(f, "%s: %s", s->temporary, strerror(errno));
	return cxi_create(s->temporary, plan, cxi, f);
}

static void *
settle(void *arg)
{
	struct settling *p = arg;
	size_t n = strlen(p->final);

	p->result = cxi_commit(p->cxi, p->final, p->replace, &p->fault);
	if (p->result == -1)
		return NULL;
	/* The line's newline uses the place of the NUL. */
	p->final[n] = '\n';
	if (io_write(p->list, p->final, n + 1) == -1 || fsync(p->list) == -1) {
		p->final[n] = '\0';
		p->rows = 0;
		p->result = fault_set(&p->fault, "%s is complete, but could not be"
		    " listed: %s", p->final, strerror(errno));
	}
	return NULL;
}

static int
settle_result(struct series *s, uint64_t *lost, struct fault *f)
{
	struct settling *p = &s->past;

	*lost = 0;
	if (p->result == 0)
		return 0;
	s->given_up++;
	*lost = p->rows;
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

int
series_commit(struct series *s, struct cxi *cxi, uint64_t *lost,
    struct fault *f)
{
	struct settling *p = &s->past;
	uint64_t rows = cxi_rows(cxi);
	sigset_t all, before;

	if (series_settle(s, lost, f) == -1 || cxi_close(cxi, f) == -1) {
		cxi_abort(cxi);
		*lost += rows;
		return -1;
	}
	p->cxi = cxi;
	p->rows = rows;
	p->list = s->list;
	p->replace = s->force;
	strcpy(p->final, s->final);
	strcpy(p->temporary, s->temporary);
	/* The thread takes no signals: a sync that is interrupted would fail. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	p->running = pthread_create(&p->thread, NULL, settle, p) == 0;
	s->count++;
	name_make(s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (p->running)
		return 0;
	/* No thread to be had: then here and now. */
	settle(p);
	return settle_result(s, lost, f);
}

unsigned
series_count(const struct series *s)
{
	return s->count - s->given_up;
}
