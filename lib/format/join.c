#include <inttypes.h>
#include <math.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "base/le.h"
#include "format/cxireader_impl.h"
#include "format/cxireaders.h"
#include "format/join.h"

static int
memory_fault(struct fault *f)
{
	return fault_lack(f, "out of memory for the events of the run");
}

/* Room for one more, the array doubling whenever n is a power of two. */
static int
room_make(void *array, size_t n, size_t size, struct fault *f)
{
	void **at = array, *larger;

	if ((n & (n - 1)) != 0)
		return 0;
	larger = reallocarray(*at, n == 0 ? 1 : 2 * n, size);
	if (larger == NULL)
		return memory_fault(f);
	*at = larger;
	return 0;
}

void
join_free(struct join *j)
{
	size_t i;

	for (i = 0; i < j->n_sources; i++)
		free(j->sources[i].path);
	for (i = 0; i < j->n_streams; i++)
		free(j->streams[i].text);
	free(j->sources);
	free(j->rows);
	free(j->streams);
	free(j->options);
	free(j->stream);
	free(j->program);
	memset(j, 0, sizeof *j);
}

/* ---- do they fit? ---- */

static size_t
line_length(const char *line)
{
	return strcspn(line, "\n");
}

static const char *
line_next(const char *line)
{
	line += line_length(line);
	return *line == '\n' ? line + 1 : line;
}

/* Has the text a line like this one? */
static bool
line_in(const char *text, const char *line)
{
	size_t n = line_length(line);

	for (; *text != '\0'; text = line_next(text))
		if (line_length(text) == n && strncmp(text, line, n) == 0)
			return true;
	return false;
}

static bool
key_is(const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 && line[n] == '=';
}

/* Must all sources have this line of a stream header? */
static bool
fact_binds(const char *line)
{
	size_t key = strcspn(line, "=\n");

	return key_is(line, "detector") || memchr(line, '.', key) != NULL;
}

static bool
option_binds(const char *line)
{
	return !key_is(line, "cxiwrite.n") && !key_is(line, "cxiwrite.z");
}

/* The first line of a that binds and that b lacks; NULL: none. */
static const char *
line_lacking(const char *a, const char *b, bool (*binds)(const char *))
{
	for (; *a != '\0'; a = line_next(a))
		if (binds(a) && !line_in(b, a))
			return a;
	return NULL;
}

static int
lines_accord(const char *path, const char *text, const char *first,
    const char *other, bool (*binds)(const char *), struct fault *f)
{
	const char *line = line_lacking(text, other, binds);

	if (line != NULL)
		return fault_set(f, "%s: does not fit: it was made with %.*s,"
		    " %s was not", path, (int)line_length(line), line, first);
	if ((line = line_lacking(other, text, binds)) != NULL)
		return fault_set(f, "%s: does not fit: %s was made with %.*s,"
		    " it was not", path, first, (int)line_length(line), line);
	return 0;
}

/* Takes away what the text lacks. */
static void
lines_keep(char *all, const char *text)
{
	const char *from = all;
	size_t n;

	for (; *from != '\0'; from += n) {
		n = (size_t)(line_next(from) - from);
		if (!line_in(text, from))
			continue;
		memmove(all, from, n);
		all += n;
	}
	*all = '\0';
}

/* Texts of events may differ in length: there are runs 9 and 10. */
static bool
is_text_of_events(const struct cxiset *s)
{
	return s->kind == CXISET_TEXT && s->growing;
}

static bool
shapes_equal(const struct cxiset *a, const struct cxiset *b)
{
	uint32_t i;

	if (a->kind != b->kind)
		return false;
	if (a->kind == CXISET_GROUP)
		return true;
	if ((a->size != b->size && !is_text_of_events(a)) || a->rank != b->rank ||
	    a->growing != b->growing || strcmp(a->units, b->units) != 0)
		return false;
	for (i = a->growing; i < a->rank; i++)
		if (a->dims[i] != b->dims[i])
			return false;
	return true;
}

static bool
is_process(const struct cxiset *s)
{
	return strncmp(s->name, "/entry_1/process_1/", 19) == 0;
}

/* Are both second names of a dataset with the same name, or both none? */
static bool
names_equal(const struct cxisets *x, const struct cxiset *s,
    const struct cxisets *y, const struct cxiset *t)
{
	if (s->same < 0 || t->same < 0)
		return s->same < 0 && t->same < 0;
	return strcmp(x->sets[s->same].name, y->sets[t->same].name) == 0;
}

static int
sets_accord(const struct join *j, const char *path, const struct cxisets *x,
    struct fault *f)
{
	const char *first = j->sources[0].path;
	const struct cxiset *s, *t;
	char a[100], b[100];
	uint32_t i;

	for (i = 0; i < x->n; i++)
		if (cxisets_find(&j->sets, x->sets[i].name) == NULL)
			return fault_set(f, "%s: does not fit: it has %s,"
			    " %s has not", path, x->sets[i].name, first);
	for (i = 0; i < j->sets.n; i++) {
		t = &j->sets.sets[i];
		if ((s = cxisets_find(x, t->name)) == NULL)
			return fault_set(f, "%s: does not fit: %s has %s,"
			    " it has not", path, first, t->name);
		if (!names_equal(x, s, &j->sets, t))
			return fault_set(f, "%s: does not fit: its %.60s and that"
			    " of %s are not names of the same", path, t->name,
			    first);
		/* Texts of process_1 may differ in length. */
		if (shapes_equal(s, t) || (is_process(s) && is_process(t)))
			continue;
		cxiset_words(s, a, sizeof a);
		cxiset_words(t, b, sizeof b);
		return fault_set(f, "%s: does not fit: its %.60s is %s, that of"
		    " %.60s is %s", path, s->name, a, first, b);
	}
	return 0;
}

/* A merged file has it once, for all sources. */
static bool
is_common(const struct cxiset *s)
{
	return s->kind != CXISET_GROUP && !s->growing && s->same < 0 &&
	    !is_process(s);
}

/* The values of what all sources have in common, beside those of the first one. */
static int
values_accord(struct join *j, const char *path, struct cxireader *r,
    const struct cxisets *x, struct fault *f)
{
	const struct cxiset *s;
	const void *bytes;
	uint64_t got;
	uint32_t i, crc;

	for (i = 0; i < j->sets.n; i++) {
		if (!is_common(&j->sets.sets[i]))
			continue;
		s = cxisets_find(x, j->sets.sets[i].name);
		if ((bytes = cxireader_rows(r, x, s, 0, 1, &got, f)) == NULL)
			return -1;
		crc = crc32c(bytes, cxiset_row(s));
		if (j->n_sources == 0)
			j->values[i] = crc;
		else if (j->values[i] != crc)
			return fault_set(f, "%s: does not fit: its %.100s has other"
			    " values than that of %s", path, s->name,
			    j->sources[0].path);
	}
	return 0;
}

/* Makes texts as wide as the longest of them. */
static void
texts_widen(struct cxisets *all, const struct cxisets *x)
{
	const struct cxiset *s;
	uint32_t i;

	for (i = 0; i < all->n; i++) {
		s = cxisets_find(x, all->sets[i].name);
		if (s != NULL && is_text_of_events(s) &&
		    s->size > all->sets[i].size)
			all->sets[i].size = s->size;
	}
}

/* Every row an event, none more and none less. */
static int
rows_check(const char *path, const struct cxisets *x, uint64_t events,
    struct fault *f)
{
	uint32_t i;

	for (i = 0; i < x->n; i++) {
		if (x->sets[i].elsewhere)
			return fault_set(f, "%s: %s is a virtual dataset;"
			    " name the files that it is of", path,
			    x->sets[i].name);
		if (x->sets[i].growing && x->sets[i].dims[0] != events)
			return fault_set(f, "%s: %s has %" PRIu64 " rows, but"
			    " there are %" PRIu64 " events", path,
			    x->sets[i].name, x->sets[i].dims[0], events);
	}
	return 0;
}

/* Only what cxiwrite wrote says what the order is made of. */
static int
kind_check(const char *path, const struct cxireader_info *x,
    const struct cxisets *sets, struct fault *f)
{
	const struct cxiset *number = cxisets_find(sets, "/LCLS/eventNumber");

	if (x->merged || cxisets_find(sets, CXIPARTS_GROUP) != NULL)
		return fault_set(f, "%s: is a merged file; name the files that it"
		    " is of", path);
	if (x->program[0] == '\0' || x->stream[0] == '\0' || number == NULL ||
	    !number->growing)
		return fault_set(f, "%s: not a file of cxiwrite: it lacks"
		    " /LCLS/eventNumber or the texts of /entry_1/process_1", path);
	return rows_check(path, sets, x->events, f);
}

static int
first_take(struct join *j, const struct cxireader_info *x,
    const struct cxisets *sets, struct fault *f)
{
	j->sets = *sets;
	j->program = strdup(x->program);
	j->options = strdup(x->options);
	j->stream = strdup(x->stream);
	return j->program == NULL || j->options == NULL || j->stream == NULL ?
	    memory_fault(f) : 0;
}

static int
fit_check(struct join *j, const char *path, const struct cxireader_info *x,
    const struct cxisets *sets, struct fault *f)
{
	const char *first;

	if (kind_check(path, x, sets, f) == -1)
		return -1;
	if (j->n_sources == 0)
		return first_take(j, x, sets, f);
	first = j->sources[0].path;
	if (strcmp(x->program, j->program) != 0)
		return fault_set(f, "%s: does not fit: it was made by %s, %s by"
		    " %s", path, x->program, first, j->program);
	if (lines_accord(path, x->options, first, j->options, option_binds,
	    f) == -1 || lines_accord(path, x->stream, first, j->stream, fact_binds,
	    f) == -1 || sets_accord(j, path, sets, f) == -1)
		return -1;
	texts_widen(&j->sets, sets);
	lines_keep(j->options, x->options);
	lines_keep(j->stream, x->stream);
	return 0;
}

/* ---- adding ---- */

static int
stream_find(struct join *j, const char *text, uint32_t *at, struct fault *f)
{
	struct join_stream *s;
	size_t i;

	for (i = 0; i < j->n_streams; i++)
		if (strcmp(j->streams[i].text, text) == 0)
			break;
	*at = (uint32_t)i;
	if (i < j->n_streams)
		return 0;
	if (room_make(&j->streams, j->n_streams, sizeof *s, f) == -1)
		return -1;
	s = &j->streams[i];
	memset(s, 0, sizeof *s);
	if ((s->text = strdup(text)) == NULL)
		return memory_fault(f);
	j->n_streams++;
	return 0;
}

static int
row_add(struct join *j, uint32_t source, uint64_t row,
    const struct cxireader_event *e, struct fault *f)
{
	struct join_stream *s = &j->streams[j->sources[source].stream];

	if (room_make(&j->rows, j->n_rows, sizeof *j->rows, f) == -1)
		return -1;
	j->rows[j->n_rows++] = (struct join_row){ .row = row,
	    .number = e->number, .timestamp = e->timestamp, .source = source,
	    .stream = j->sources[source].stream, .timed = e->has_timestamp };
	if (e->has_timestamp && (!s->timed || e->timestamp < s->first)) {
		s->timed = true;
		s->first = e->timestamp;
	}
	return 0;
}

static void
real_put(unsigned char *to, float v)
{
	uint32_t bits = 0x7fc00000;

	if (!isnan(v))
		memcpy(&bits, &v, sizeof bits);
	le_put32(to, bits);
}

static void
event_digest(SHA2_CTX *sha, const struct cxireader_event *e,
    const struct cxireader_peak *p)
{
	unsigned char b[12];
	uint32_t i;

	le_put64(b, e->number);
	le_put32(b + 8, e->n_peaks);
	SHA256Update(sha, b, sizeof b);
	for (i = 0; i < e->n_peaks; i++) {
		real_put(b, p[i].fs);
		real_put(b + 4, p[i].ss);
		real_put(b + 8, p[i].total);
		SHA256Update(sha, b, sizeof b);
	}
}

/* Goes through all events: their digest, and rows of the join unless j is NULL. */
static int
events_walk(struct join *j, struct cxireader *r, uint32_t source,
    char digest[CXIPARTS_DIGEST_SIZE], struct fault *f)
{
	uint64_t n = cxireader_info(r)->events, k;
	const struct cxireader_peak *peaks;
	struct cxireader_event e;
	char hex[65];
	SHA2_CTX sha;

	SHA256Init(&sha);
	for (k = 0; k < n; k++) {
		if (cxireader_event(r, k, &e, &peaks, f) == -1)
			return -1;
		event_digest(&sha, &e, peaks);
		if (j != NULL && row_add(j, source, k, &e, f) == -1)
			return -1;
	}
	SHA256End(&sha, hex);
	snprintf(digest, CXIPARTS_DIGEST_SIZE, "%.*s", CXIPARTS_DIGEST_SIZE - 1,
	    hex);
	return 0;
}

int
join_digest(struct cxireader *r, char digest[CXIPARTS_DIGEST_SIZE],
    struct fault *f)
{
	return events_walk(NULL, r, 0, digest, f);
}

static int
source_add(struct join *j, const char *path, struct cxireader *r,
    struct fault *f)
{
	const struct cxireader_info *x = cxireader_info(r);
	struct join_source s = { .events = x->events };

	if (cxireader_bytes(r, &s.bytes, f) == -1 ||
	    stream_find(j, x->stream, &s.stream, f) == -1 ||
	    room_make(&j->sources, j->n_sources, sizeof s, f) == -1)
		return -1;
	if ((s.path = strdup(path)) == NULL)
		return memory_fault(f);
	j->sources[j->n_sources++] = s;
	return events_walk(j, r, (uint32_t)j->n_sources - 1,
	    j->sources[j->n_sources - 1].digest, f);
}

/* The name of a file in the making, series.h. */
static bool
is_unfinished(const char *path)
{
	size_t n = strlen(path);

	return n > 8 && strcmp(path + n - 8, ".cxi.tmp") == 0;
}

static int
file_add(struct join *j, const char *path, struct cxireader *r, struct fault *f)
{
	struct cxisets *sets = malloc(sizeof *sets);
	int status = -1;

	if (sets == NULL)
		return memory_fault(f);
	if (cxireader_sets(r, sets, f) == 0 &&
	    fit_check(j, path, cxireader_info(r), sets, f) == 0 &&
	    values_accord(j, path, r, sets, f) == 0)
		status = source_add(j, path, r, f);
	free(sets);
	return status;
}

int
join_add(struct join *j, const char *const paths[], size_t n,
    const volatile int *stop, struct fault *f)
{
	struct cxireaders *readers = cxireaders_new(paths, n, f);
	struct cxireader *r;
	int status = readers == NULL ? -1 : 0;
	size_t i;

	for (i = 0; i < n && status == 0; i++)
		if (*stop)
			status = fault_set(f, "stopped");
		else if (is_unfinished(paths[i]))
			status = fault_set(f, "%s: unfinished", paths[i]);
		else if ((r = cxireaders_at(readers, i, f)) == NULL)
			status = -1;
		else
			status = file_add(j, paths[i], r, f);
	cxireaders_free(readers);
	return status;
}
