#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "format/resume.h"

static const size_t list_max = 64u << 20;	/* bytes */

/* Is file i there under its name, as a journal's line has it? */
static bool
file_matches(const struct seriesname *n, uint64_t i,
    const struct journal_entry *e)
{
	char path[SERIES_PATH_SIZE];
	struct stat st;

	seriesname_path(n, i, false, path);
	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size == e->bytes;
}

static bool
file_exists(const struct seriesname *n, uint64_t i, bool temporary)
{
	char path[SERIES_PATH_SIZE];
	struct stat st;

	seriesname_path(n, i, temporary, path);
	return lstat(path, &st) == 0;
}

/*
 * Which file does a line name? The next one, or the last open one again. 0, or -1 and
 * the fault.
 */
static int
entry_file(const struct seriesname *n, const struct journal_entry *e,
    const struct resume *r, uint64_t *i, struct fault *f)
{
	char name[SERIES_NAME_SIZE];

	*i = r->files + r->open;
	seriesname_file(n, *i, name);
	if (e->state != JOURNAL_BEGIN && strcmp(e->file, name) == 0)
		return 0;
	if (r->open > 0 && strcmp(e->file, e[-1].file) == 0) {
		--*i;
		return 0;
	}
	return fault_set(f, "%s.journal: names %s where %s must come", n->prefix,
	    e->file, name);
}

static int
file_check(const struct seriesname *n, const struct journal_entry *e, uint64_t i,
    struct fault *f)
{
	if (file_matches(n, i, e))
		return 0;
	return fault_set(f, "%s/%s: is not there, or not with the %llu bytes that"
	    " %s.journal tells: bring it back, or begin anew with another -p",
	    n->dir, e->file, (unsigned long long)e->bytes, n->prefix);
}

/*
 * Did the file of the last line get its name? One that replaces an open file of as
 * many bytes may be either: then what is in it is made again.
 */
static bool
last_named(const struct seriesname *n, const struct journal_entry *e, uint64_t i)
{
	bool again = strcmp(e->file, e[-1].file) == 0;

	return file_matches(n, i, e) && !(again && e->bytes == e[-1].bytes) &&
	    (e->state == JOURNAL_OPEN || !file_exists(n, i, true));
}

/* A file is complete, and so are the open ones before it, of the lines from first. */
static int
files_count(const struct seriesname *n, const struct journal_entry *first,
    const struct journal_entry *e, uint64_t i, struct resume *r, struct fault *f)
{
	uint64_t k = r->files;

	for (; first < e; first++)
		if (strcmp(first->file, first[1].file) != 0 &&
		    file_check(n, first, k++, f) == -1)
			return -1;
	r->from = *e;
	r->files = i + 1;
	r->open = 0;
	r->journal_size = e->end;
	return 0;
}

static int
entries_judge(const struct seriesname *n, const struct journal_entry *e,
    size_t lines, struct resume *r, struct fault *f)
{
	const struct journal_entry *end = e + lines, *first = e + 1;
	uint64_t i;

	if (e->state != JOURNAL_BEGIN)
		return fault_set(f, "%s.journal: does not tell how the run began",
		    n->prefix);
	r->any = true;
	r->from = *e;
	r->journal_size = e->end;
	while (++e < end) {
		if (e->state == JOURNAL_LOST)
			return fault_set(f, "%s/%s.journal: a program in front lost"
			    " events of this run, which carrying on does not bring:"
			    " begin anew, with -f", n->dir, n->prefix);
		if (entry_file(n, e, r, &i, f) == -1)
			return -1;
		if (e + 1 == end && !last_named(n, e, i))
			break;
		if (e->state == JOURNAL_OPEN) {
			r->open = i + 1 - r->files;
			/* Replaced by a later line, which may be void. */
			if (r->open == 1)
				r->journal_size = e->end;
			continue;
		}
		if ((e + 1 < end && file_check(n, e, i, f) == -1) ||
		    files_count(n, first, e, i, r, f) == -1)
			return -1;
		first = e + 1;
	}
	r->redo = (e < end || r->open > 0) && file_exists(n, r->files, false);
	return 0;
}

struct stray {
	const struct seriesname *n;
	uint64_t	limit;		/* files from this number on are strangers */
	bool		journal;
};

static int
stray_find(void *arg, const char *path, uint64_t i, bool temporary,
    struct fault *f)
{
	const struct stray *s = arg;

	if (temporary || i < s->limit)
		return 0;
	if (!s->journal)
		return fault_set(f, "%s: exists, but there is no %s.journal to carry"
		    " on from; -f replaces it, -p names another series", path,
		    s->n->prefix);
	return fault_set(f, "%s: exists, but %s.journal does not know it: move it"
	    " away, or name another series with -p", path, s->n->prefix);
}

int
resume_find(const struct seriesname *n, struct resume *r, struct fault *f)
{
	struct stray s = { .n = n };
	struct journal_entry *e;
	char path[SERIES_PATH_SIZE];
	size_t lines;
	int result = 0;

	memset(r, 0, sizeof *r);
	seriesname_side(n, "journal", path);
	if (journal_read(path, &e, &lines, f) == -1)
		return -1;
	if (lines > 0)
		result = entries_judge(n, e, lines, r, f);
	free(e);
	if (result == -1)
		return -1;
	s.limit = r->files + (r->open > 0 ? r->open : r->redo ? 1 : 0);
	s.journal = r->any;
	return seriesname_scan(n, stray_find, &s, f);
}

/* ---- cutting ---- */

static int
temporary_remove(void *arg, const char *path, uint64_t i, bool temporary,
    struct fault *f)
{
	(void)arg;
	(void)i;
	if (temporary && unlink(path) == -1 && errno != ENOENT)
		return fault_set(f, "%s: %s", path, strerror(errno));
	return 0;
}

/* The list as it should be: malloc'd; NULL without memory. */
static char *
list_make(const struct seriesname *n, uint64_t files, size_t *size)
{
	char path[SERIES_PATH_SIZE], *text = NULL;
	FILE *m = open_memstream(&text, size);
	uint64_t i;

	if (m == NULL)
		return NULL;
	for (i = 0; i < files; i++) {
		seriesname_path(n, i, false, path);
		fprintf(m, "%s\n", path);
	}
	if (fclose(m) == EOF) {
		free(text);
		return NULL;
	}
	return text;
}

/* Changes only what differs, so that a list which is right is left alone. */
static int
list_cut(const struct seriesname *n, uint64_t files, int fd, struct fault *f)
{
	char path[SERIES_PATH_SIZE], *want, *have;
	size_t want_size, have_size, same = 0;
	int r = -1;

	seriesname_side(n, "lst", path);
	want = list_make(n, files, &want_size);
	have = io_slurp(path, list_max, &have_size);
	if (want != NULL && have != NULL) {
		while (same < want_size && same < have_size &&
		    want[same] == have[same])
			same++;
		if ((same == have_size || ftruncate(fd, (off_t)same) == 0) &&
		    io_write(fd, want + same, want_size - same) == 0)
			r = fsync(fd);
	}
	if (want == NULL)
		fault_lack(f, "%s: no memory for the list", path);
	else if (r == -1)
		fault_set(f, "%s: %s", path, strerror(errno));
	free(want);
	free(have);
	return r;
}

/* The files behind the open one that is made again, the last of them first. */
static int
behind_remove(const struct seriesname *n, const struct resume *r, struct fault *f)
{
	char path[SERIES_PATH_SIZE];
	uint64_t k;

	for (k = r->open; k > 1; k--) {
		seriesname_path(n, r->files + k - 1, false, path);
		if (unlink(path) == -1 && errno != ENOENT)
			return fault_set(f, "%s: %s", path, strerror(errno));
	}
	return 0;
}

/*
 * The list first, which names no file that is going. The journal before what is in
 * the making: that is what makes a line void; but behind what it alone knows.
 */
int
resume_cut(const struct seriesname *n, const struct resume *r, int journal,
    int list, struct fault *f)
{
	if (list_cut(n, r->files + (r->redo ? 1 : 0), list, f) == -1 ||
	    behind_remove(n, r, f) == -1)
		return -1;
	if (ftruncate(journal, (off_t)r->journal_size) == -1 ||
	    fsync(journal) == -1)
		return fault_set(f, "%s/%s.journal: %s", n->dir, n->prefix,
		    strerror(errno));
	return seriesname_scan(n, temporary_remove, NULL, f);
}
