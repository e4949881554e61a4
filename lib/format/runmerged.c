#include <sys/stat.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "format/cxiparts.h"
#include "format/cxireaders.h"
#include "format/join.h"
#include "format/runmerged.h"

struct file {
	const char	*path;
	struct stat	st;
	struct cxiparts	*parts;		/* NULL: it is not merged */
	char		digest[CXIPARTS_DIGEST_SIZE];	/* "": not known yet */
	bool		all_there;	/* its sources */
};

struct files {
	struct file	*file;
	size_t		n;
	struct cxireaders *readers;
};

/* Of files that cannot be read their reader will say so. */
static int
parts_find(struct files *s, bool *any, struct fault *f)
{
	struct cxireader *r;
	size_t i;

	*any = false;
	for (i = 0; i < s->n; i++) {
		f->lack = false;
		r = cxireaders_at(s->readers, i, f);
		if (r != NULL && cxireader_info(r)->parts && cxiparts_load(r,
		    s->file[i].path, NULL, &s->file[i].parts, f) == 0)
			*any = true;
		else if ((r == NULL || cxireader_info(r)->parts) && f->lack)
			return -1;
	}
	return 0;
}

/* Is the file that source? By its place, if it has one, or by its peaks. */
static int
file_is(struct files *s, size_t i, const struct cxiparts_source *source,
    const struct stat *there, struct fault *f)
{
	struct file *x = &s->file[i];
	struct cxireader *r;

	if (x->parts != NULL || (uint64_t)x->st.st_size != source->bytes)
		return 0;
	if (there != NULL && x->st.st_dev == there->st_dev &&
	    x->st.st_ino == there->st_ino)
		return 1;
	f->lack = false;
	if (x->digest[0] == '\0' &&
	    ((r = cxireaders_at(s->readers, i, f)) == NULL ||
	    join_digest(r, x->digest, f) == -1))
		return f->lack ? -1 : 0;
	return strcmp(x->digest, source->digest) == 0;
}

/* Is a source of a merged file among the files? */
static int
source_find(struct files *s, const struct cxiparts_source *source,
    struct fault *f)
{
	struct stat st, *there = stat(source->path, &st) == 0 ? &st : NULL;
	int is = 0;
	size_t i;

	for (i = 0; i < s->n && is == 0; i++)
		is = file_is(s, i, source, there, f);
	return is;
}

static int
sources_find(struct files *s, struct file *x, struct fault *f)
{
	size_t n = cxiparts_count(x->parts), there = 0, i;
	int is;

	for (i = 0; i < n; i++) {
		if ((is = source_find(s, cxiparts_source(x->parts, i), f)) == -1)
			return -1;
		there += is == 1;
	}
	x->all_there = there == n;
	if (there == 0 || there == n)
		return 0;
	return fault_set(f, "%s: is merged of %zu files, and %zu of them are here,"
	    " so their events would count twice; name the files that are to count",
	    x->path, n, there);
}

static bool
sources_share(const struct cxiparts *a, const struct cxiparts *b)
{
	const struct cxiparts_source *x, *y;
	size_t i, k;

	for (i = 0; i < cxiparts_count(a); i++)
		for (k = 0; k < cxiparts_count(b); k++) {
			x = cxiparts_source(a, i);
			y = cxiparts_source(b, k);
			if (x->bytes == y->bytes && strcmp(x->digest, y->digest) == 0)
				return true;
		}
	return false;
}

/* Merged files that stay must have no source in common. */
static int
stay_check(const struct files *s, size_t i, struct fault *f)
{
	const struct file *x = &s->file[i], *y = s->file;

	for (; y < x; y++)
		if (y->parts != NULL && !y->all_there &&
		    sources_share(x->parts, y->parts))
			return fault_set(f, "%s and %s are merged of the same files,"
			    " so their events would count twice; name the one that is"
			    " to count", y->path, x->path);
	return 0;
}

static int
merged_look(struct files *s, struct fault *f)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->file[i].parts != NULL &&
		    (sources_find(s, &s->file[i], f) == -1 ||
		    (!s->file[i].all_there && stay_check(s, i, f) == -1)))
			return -1;
	return 0;
}

int
runmerged_leave(char **paths, size_t *n, struct fault *f)
{
	struct files s = { .file = calloc(*n, sizeof *s.file), .n = *n };
	size_t i, stay = 0;
	int status = -1;
	bool any;

	if (s.file == NULL)
		return fault_lack(f, "out of memory for the names of files");
	for (i = 0; i < s.n; i++) {
		s.file[i].path = paths[i];
		(void)stat(paths[i], &s.file[i].st);
	}
	if ((s.readers = cxireaders_new((const char *const *)paths, s.n,
	    f)) != NULL && parts_find(&s, &any, f) == 0)
		status = any ? merged_look(&s, f) : 0;
	cxireaders_free(s.readers);
	for (i = 0; i < s.n; i++)
		if (status == 0 && s.file[i].all_there)
			free(paths[i]);
		else
			paths[stay++] = paths[i];
	*n = stay;
	for (i = 0; i < s.n; i++)
		cxiparts_free(s.file[i].parts);
	free(s.file);
	return status;
}
