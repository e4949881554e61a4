#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/cxireader_impl.h"
#include "format/cxisets.h"
#include "format/cxisets_file.h"
#include "format/guard.h"

uint64_t
cxiset_row(const struct cxiset *s)
{
	uint64_t n = s->size;
	uint32_t i;

	for (i = s->growing ? 1 : 0; i < s->rank; i++)
		n *= s->dims[i];
	return n;
}

void
cxiset_words(const struct cxiset *s, char *text, size_t size)
{
	static const char letters[CXISET_KINDS] = "?uif";
	size_t n = 0;
	uint32_t i;

	if (s->kind == CXISET_GROUP) {
		snprintf(text, size, "a group");
		return;
	}
	for (i = 0; i < s->rank && n < size; i++)
		n += (size_t)(i == 0 && s->growing ?
		    snprintf(text + n, size - n, "(N") :
		    snprintf(text + n, size - n, "%s%" PRIu64,
		    i == 0 ? "(" : ", ", s->dims[i]));
	if (n >= size)
		return;
	if (s->kind == CXISET_TEXT)
		snprintf(text + n, size - n, "%stext of %u bytes%s%s",
		    s->rank > 0 ? ") " : "", s->size, s->units[0] != '\0' ?
		    " in " : "", s->units);
	else
		snprintf(text + n, size - n, "%s%c%u%s%s", s->rank > 0 ? ") " : "",
		    letters[s->kind], s->size * 8, s->units[0] != '\0' ? " in " :
		    "", s->units);
}

const struct cxiset *
cxisets_find(const struct cxisets *x, const char *name)
{
	uint32_t i;

	for (i = 0; i < x->n; i++)
		if (strcmp(x->sets[i].name, name) == 0)
			return &x->sets[i];
	return NULL;
}

/* Is what can be asked for, a row or the whole, what the memory has room for? */
static bool
extent_ok(const struct cxiset *s)
{
	uint64_t n = s->size;
	uint32_t i;

	if (n == 0 || n > CXISETS_ROOM)
		return false;
	for (i = 0; i < s->rank; i++) {
		if (s->dims[i] > CXIREADER_MAX_EVENTS ||
		    (s->chunk[0] != 0 && (s->chunk[i] == 0 ||
		    s->chunk[i] > CXIREADER_MAX_PIXELS)))
			return false;
		/* Of what lies elsewhere nothing is read. */
		if (s->elsewhere || (i == 0 && s->growing))
			continue;
		if (s->dims[i] != 0 && n > CXIREADER_MEMORY / s->dims[i])
			return false;
		n *= s->dims[i];
	}
	return true;
}

static bool
set_ok(struct cxiset *s, uint32_t at)
{
	uint32_t i;

	if (!guard_text(s->name, sizeof s->name) || s->name[0] != '/' ||
	    !guard_text(s->units, sizeof s->units) || s->same < -1 ||
	    s->same >= (int64_t)at || s->kind >= CXISET_KINDS ||
	    s->rank > CXISETS_RANK || s->growing > 1 || s->elsewhere > 1 ||
	    (s->growing && s->rank == 0) || s->n_filters > CXISETS_FILTERS)
		return false;
	for (i = 0; i < s->n_filters; i++) {
		if (s->filters[i].n > CXISETS_VALUES)
			return false;
		(void)guard_text(s->filters[i].name, sizeof s->filters[i].name);
	}
	return s->kind == CXISET_GROUP || extent_ok(s);
}

int
cxireader_sets(struct cxireader *r, struct cxisets *out, struct fault *f)
{
	uint32_t i;

	if (cxireader_ask(r, CXIREADER_SETS, 0, f) == -1)
		return -1;
	memcpy(out, cxireader_memory(r), sizeof *out);
	if (out->n > CXISETS_MAX)
		return cxireader_wild(r, f);
	for (i = 0; i < out->n; i++)
		if (!set_ok(&out->sets[i], i))
			return cxireader_wild(r, f);
	return 0;
}

const void *
cxireader_rows(struct cxireader *r, const struct cxisets *x,
    const struct cxiset *s, uint64_t first, uint64_t n, uint64_t *got,
    struct fault *f)
{
	uint64_t k = (uint64_t)(s - x->sets) << 48 | first;

	if (cxireader_ask(r, CXIREADER_ROWS, k, f) == -1)
		return NULL;
	*got = cxisets_step(s);
	if (*got > n)
		*got = n;
	return cxireader_memory(r);
}

int
cxireader_chunks(struct cxireader *r, const struct cxisets *x,
    const struct cxiset *s, uint64_t row, int (*each)(void *arg,
    const struct cxichunk *, const void *bytes, struct fault *), void *arg,
    struct fault *f)
{
	uint64_t k = (uint64_t)(s - x->sets) << 48 | row;
	const char *memory = cxireader_memory(r);
	size_t at = 0, left;
	struct cxichunk c;
	int status;

	if (cxireader_ask(r, CXIREADER_CHUNKS, k, f) == -1)
		return -1;
	for (;;) {
		left = CXIREADER_MEMORY - at;
		if (left < sizeof c)
			return cxireader_wild(r, f);
		memcpy(&c, memory + at, sizeof c);
		if (c.bytes == 0)
			return 0;
		left -= sizeof c;
		if (c.bytes > left || left - c.bytes < 8)
			return cxireader_wild(r, f);
		if ((status = each(arg, &c, memory + at + sizeof c, f)) != 0)
			return status;
		at += sizeof c + ((size_t)c.bytes + 7) / 8 * 8;
	}
}
