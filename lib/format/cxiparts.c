#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/cxiparts.h"
#include "format/cxireader_impl.h"
#include "format/cxisets.h"
#include "format/guard.h"

/* Children at once: shards of a run, whose events take turns, are seldom more. */
enum { OPEN_MAX_SOURCES = 16 };

struct open_source {
	struct cxireader *reader;	/* NULL: none */
	uint32_t	source;
	uint64_t	used;
};

struct cxiparts {
	const char	*clen_path;
	char		*path;
	struct cxiparts_source *sources;
	size_t		n;
	uint64_t	events;
	uint32_t	*source;	/* of each event */
	uint64_t	*row;
	struct open_source open[OPEN_MAX_SOURCES];
	uint64_t	clock;
};

/* ---- the tables ---- */

/* All rows of a column, with a NUL behind; *n rows of *width bytes. NULL: fault. */
static char *
column_load(const struct cxiparts *p, struct cxireader *r,
    const struct cxisets *x, const char *name, uint32_t kind, uint64_t *n,
    uint32_t *width, struct fault *f)
{
	const struct cxiset *s = cxisets_find(x, name);
	uint64_t at, got;
	const void *from;
	char *all;

	if (s == NULL || s->kind != kind || s->rank != 1 || !s->growing ||
	    (kind != CXISET_TEXT && s->size != *width)) {
		fault_set(f, "%s: %s: is not there as cximerge writes it",
		    p->path, name);
		return NULL;
	}
	*width = s->size;
	*n = s->dims[0];
	if (*n > (SIZE_MAX >> 1) / *width ||
	    (all = malloc((size_t)*n * *width + 1)) == NULL) {
		fault_lack(f, "%s: %s: out of memory", p->path, name);
		return NULL;
	}
	for (at = 0; at < *n; at += got) {
		from = cxireader_rows(r, x, s, at, *n - at, &got, f);
		if (from == NULL) {
			free(all);
			return NULL;
		}
		memcpy(all + at * *width, from, (size_t)got * *width);
	}
	all[*n * *width] = '\0';
	return all;
}

static int
contradiction(const struct cxiparts *p, struct fault *f)
{
	return fault_set(f, "%s: its tables in " CXIPARTS_GROUP " contradict"
	    " each other", p->path);
}

/* A name in the file is relative to the file. */
static char *
path_make(const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');
	char *path;

	if (name[0] == '/' || slash == NULL)
		return strdup(name);
	if (asprintf(&path, "%.*s/%s", (int)(slash - file), file, name) == -1)
		return NULL;
	return path;
}

static int
names_load(struct cxiparts *p, struct cxireader *r, const struct cxisets *x,
    struct fault *f)
{
	uint32_t width = 0;
	uint64_t n, i;
	char *all, *name;

	all = column_load(p, r, x, CXIPARTS_NAME, CXISET_TEXT, &n, &width, f);
	if (all == NULL)
		return -1;
	p->sources = calloc(n > 0 ? n : 1, sizeof *p->sources);
	for (i = 0; i < n && p->sources != NULL; i++) {
		if ((name = strndup(all + i * width, width)) == NULL)
			break;
		p->sources[i].path = path_make(p->path, name);
		free(name);
		if (p->sources[i].path == NULL)
			break;
		p->n++;
	}
	free(all);
	if (p->n != n || p->sources == NULL)
		return fault_lack(f, "out of memory for the names of sources");
	return 0;
}

static int
digests_load(struct cxiparts *p, struct cxireader *r, const struct cxisets *x,
    struct fault *f)
{
	uint32_t width = 0;
	uint64_t n, i;
	char *all;

	all = column_load(p, r, x, CXIPARTS_DIGEST, CXISET_TEXT, &n, &width, f);
	if (all == NULL)
		return -1;
	if (n == p->n && width == CXIPARTS_DIGEST_SIZE - 1)
		for (i = 0; i < n; i++)
			memcpy(p->sources[i].digest, all + i * width, width);
	free(all);
	return n == p->n && width == CXIPARTS_DIGEST_SIZE - 1 ? 0 :
	    contradiction(p, f);
}

static uint64_t *
numbers_load(const struct cxiparts *p, struct cxireader *r,
    const struct cxisets *x, const char *name, uint64_t *n, struct fault *f)
{
	uint32_t width = sizeof(uint64_t);

	return (uint64_t *)(void *)column_load(p, r, x, name, CXISET_UNSIGNED,
	    n, &width, f);
}

static int
sizes_load(struct cxiparts *p, struct cxireader *r, const struct cxisets *x,
    struct fault *f)
{
	uint64_t nb = 0, ne = 0, i, *bytes, *events;
	int status = -1;

	bytes = numbers_load(p, r, x, CXIPARTS_BYTES, &nb, f);
	events = bytes == NULL ? NULL :
	    numbers_load(p, r, x, CXIPARTS_EVENTS, &ne, f);
	if (events != NULL && (nb != p->n || ne != p->n))
		contradiction(p, f);
	else if (events != NULL) {
		for (i = 0; i < p->n; i++) {
			p->sources[i].bytes = bytes[i];
			p->sources[i].events = events[i];
		}
		status = 0;
	}
	free(bytes);
	free(events);
	return status;
}

static int
events_load(struct cxiparts *p, struct cxireader *r, const struct cxisets *x,
    struct fault *f)
{
	uint32_t width = sizeof(uint32_t);
	uint64_t n, i;

	p->row = numbers_load(p, r, x, CXIPARTS_ROW, &p->events, f);
	if (p->row == NULL)
		return -1;
	p->source = (uint32_t *)(void *)column_load(p, r, x, CXIPARTS_SOURCE,
	    CXISET_SIGNED, &n, &width, f);
	if (p->source == NULL)
		return -1;
	if (n != p->events || n != cxireader_info(r)->events)
		return contradiction(p, f);
	for (i = 0; i < n; i++)
		if (p->source[i] >= p->n ||
		    p->row[i] >= p->sources[p->source[i]].events)
			return contradiction(p, f);
	return 0;
}

int
cxiparts_load(struct cxireader *r, const char *path, const char *clen_path,
    struct cxiparts **out, struct fault *f)
{
	struct cxiparts *p = calloc(1, sizeof *p);
	struct cxisets *x = malloc(sizeof *x);

	*out = NULL;
	if (p == NULL || x == NULL)
		fault_lack(f, "%s: no memory for its tables", path);
	else if ((p->path = realpath(path, NULL)) == NULL)
		fault_set(f, "%s: %s", path, strerror(errno));
	else {
		p->clen_path = clen_path;
		if (cxireader_sets(r, x, f) == 0 && names_load(p, r, x, f) == 0 &&
		    digests_load(p, r, x, f) == 0 && sizes_load(p, r, x, f) == 0 &&
		    events_load(p, r, x, f) == 0)
			*out = p;
	}
	free(x);
	if (*out == NULL)
		cxiparts_free(p);
	return *out == NULL ? -1 : 0;
}

void
cxiparts_free(struct cxiparts *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < OPEN_MAX_SOURCES; i++)
		cxireader_close(p->open[i].reader);
	for (i = 0; i < p->n; i++)
		free(p->sources[i].path);
	free(p->sources);
	free(p->source);
	free(p->row);
	free(p->path);
	free(p);
}

size_t
cxiparts_count(const struct cxiparts *p)
{
	return p->n;
}

uint64_t
cxiparts_events(const struct cxiparts *p)
{
	return p->events;
}

const struct cxiparts_source *
cxiparts_source(const struct cxiparts *p, size_t i)
{
	return &p->sources[i];
}

/* ---- sources ---- */

static int
source_open(struct cxiparts *p, struct open_source *o, uint32_t i,
    struct fault *f)
{
	const struct cxiparts_source *s = &p->sources[i];

	cxireader_close(o->reader);
	if (cxireader_open_alone(s->path, p->clen_path, &o->reader, f) == -1)
		return fault_prefix(f, "source of %s", p->path);
	o->source = i;
	if (!cxireader_info(o->reader)->merged &&
	    cxireader_info(o->reader)->events == s->events)
		return 0;
	cxireader_close(o->reader);
	o->reader = NULL;
	return fault_set(f, "%s: has changed since %s was made; see"
	    " cximerge -c", s->path, p->path);
}

struct cxireader *
cxiparts_reader(struct cxiparts *p, uint64_t k, uint64_t *row, struct fault *f)
{
	struct open_source *o = p->open, *oldest = p->open;

	*row = p->row[k];
	for (; o < p->open + OPEN_MAX_SOURCES; o++) {
		if (o->reader != NULL && o->source == p->source[k])
			break;
		if (o->reader == NULL || (oldest->reader != NULL &&
		    o->used < oldest->used))
			oldest = o;
	}
	if (o == p->open + OPEN_MAX_SOURCES) {
		o = oldest;
		if (source_open(p, o, p->source[k], f) == -1)
			return NULL;
	}
	o->used = ++p->clock;
	return o->reader;
}
