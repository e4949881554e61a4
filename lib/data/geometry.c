/*
 * CrystFEL geometry files, read as CrystFEL reads them.
 *
 * A file is lines of "key = value" or "panel/key = value", with comments behind
 * semicolons. A panel comes into being with the first line that mentions it, as
 * a copy of the top-level values seen until then; what the top level says later
 * does not reach it any more. The camera length is the exception: it belongs to
 * the whole detector wherever it stands. Names that begin with "bad" are regions
 * to be masked. Keys that we do not need (gains, groups, whatever a later CrystFEL
 * invents) are passed over.
 *
 * While parsing, a panel is a draft: the ASIC that it will be, and what each
 * dimension of its dataset means. When the text has ended the drafts are checked
 * for what is missing and become the ASICs of the geometry. So a value that
 * cannot be is refused with its line, and a value that is not there with the
 * name of its panel.
 *
 * Where this is stricter than CrystFEL, which takes "12abc" for 12 and a region
 * without limits for an empty one, it is to show a slip before it costs a run.
 * Names are kept in binary search trees (tsearch(3)), which stay balanced
 * whatever the file contains.
 */
#include <ctype.h>
#include <math.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/geometry.h"
#include "data/geometry_value.h"
#include "data/layout.h"

enum {
	LINE_MAX_BYTES = 65536,	/* lists of rigid groups are long */
	MAX_ENTRIES = 65536,	/* panels; bad regions */
	MAX_DIMS = 8,
	MAX_REGION = 1000000000	/* regions may reach beyond the slab */
};

/* What a dimension of the dataset means; from 0 a fixed index. */
enum { DIM_NONE = -1, DIM_SS = -2, DIM_FS = -3, DIM_EVENT = -4 };

/* CrystFEL looks for peaks only in the group that the geometry names. */
static const char our_peak_list[] = "/entry_1/result_1";

struct draft {
	struct geometry_asic asic;
	int		dims[MAX_DIMS];
};

struct bad_draft {
	struct geometry_bad bad;
	unsigned	seen;	/* bits: the limits given, as in bad_limits */
};

struct name {
	char		name[GEOMETRY_NAME_SIZE];
	size_t		index;
};

struct parser {
	struct geometry	*g;
	struct fault	*f;
	size_t		line;
	char		text[LINE_MAX_BYTES + 1];	/* the line */
	struct draft	defaults;
	struct draft	*drafts;
	size_t		n_drafts, room_drafts;
	struct bad_draft *bads;
	size_t		n_bads, room_bads;
	void		*draft_names, *bad_names;	/* trees of struct name */
	double		clen;
	bool		shifted;	/* detector_shift_x is there */
	double		shift_x, shift_y;	/* of all, metres; NaN: not known */
};

enum kind { KIND_PIXEL, KIND_REAL, KIND_POSITIVE, KIND_INVERSE };

static const struct field {
	const char	*key;
	enum kind	kind;
	size_t		at;
} asic_fields[] = {
	{ "min_fs", KIND_PIXEL, offsetof(struct geometry_asic, min_fs) },
	{ "max_fs", KIND_PIXEL, offsetof(struct geometry_asic, max_fs) },
	{ "min_ss", KIND_PIXEL, offsetof(struct geometry_asic, min_ss) },
	{ "max_ss", KIND_PIXEL, offsetof(struct geometry_asic, max_ss) },
	{ "corner_x", KIND_REAL, offsetof(struct geometry_asic, corner_x) },
	{ "corner_y", KIND_REAL, offsetof(struct geometry_asic, corner_y) },
	{ "coffset", KIND_REAL, offsetof(struct geometry_asic, coffset) },
	{ "res", KIND_POSITIVE, offsetof(struct geometry_asic, res) },
	{ "pixel_pitch", KIND_INVERSE, offsetof(struct geometry_asic, res) },
};

/* The first four are slab pixels, the others lab frame. */
static const struct {
	const char	*key;
	size_t		at;
} bad_limits[8] = {
	{ "min_fs", offsetof(struct geometry_bad, min_fs) },
	{ "max_fs", offsetof(struct geometry_bad, max_fs) },
	{ "min_ss", offsetof(struct geometry_bad, min_ss) },
	{ "max_ss", offsetof(struct geometry_bad, max_ss) },
	{ "min_x", offsetof(struct geometry_bad, min_x) },
	{ "max_x", offsetof(struct geometry_bad, max_x) },
	{ "min_y", offsetof(struct geometry_bad, min_y) },
	{ "max_y", offsetof(struct geometry_bad, max_y) },
};

enum { SEEN_FSSS = 0x0f, SEEN_XY = 0xf0 };

static int
memory_fault(struct parser *p)
{
	return fault_lack(p->f, "out of memory");
}

/* "/LCLS/detector_1/EncoderValue m": without a unit, CrystFEL takes mm. */
static void
clen_place(struct parser *p, const char *value)
{
	size_t n = strcspn(value, " \t");
	const char *unit = value + n + strspn(value + n, " \t");

	if (*value != '/' || n >= sizeof p->g->clen_path)
		return;
	memcpy(p->g->clen_path, value, n);
	p->g->clen_path[n] = '\0';
	p->g->clen_unit = strcmp(unit, "m") == 0 ? 1 : 1e-3;
}

/* "dim1 = fs": what a dimension of the dataset means. */
static int
dimension_parse(const struct geometry_entry *e, int *dims)
{
	struct geometry_entry number = *e;
	int n;

	number.value = e->key + strlen("dim");
	if (entry_integer(&number, 0, MAX_DIMS - 1, &n) == -1)
		return -1;
	if (strcmp(e->value, "ss") == 0)
		dims[n] = DIM_SS;
	else if (strcmp(e->value, "fs") == 0)
		dims[n] = DIM_FS;
	else if (strcmp(e->value, "%") == 0)
		dims[n] = DIM_EVENT;
	else
		return entry_integer(e, 0, LAYOUT_MAX_SIDE, &dims[n]);
	return 0;
}

static int
field_set(struct geometry_asic *a, const struct field *field,
    const struct geometry_entry *e)
{
	char *at = (char *)a + field->at;
	double v;
	int i;

	if (field->kind == KIND_PIXEL) {
		if (entry_integer(e, 0, LAYOUT_MAX_SIDE - 1, &i) == -1)
			return -1;
		memcpy(at, &i, sizeof i);
		return 0;
	}
	if (entry_number(e, &v) == -1)
		return -1;
	if (field->kind != KIND_REAL && v <= 0)
		return entry_fault(e, "not larger than 0");
	if (field->kind == KIND_INVERSE && !isfinite(v = 1 / v))
		return entry_fault(e, "out of range");
	memcpy(at, &v, sizeof v);
	return 0;
}

static int
clen_parse(struct parser *p, const struct geometry_entry *e, double *out)
{
	p->g->clen_path[0] = '\0';
	if (entry_length(e, out) == -1)
		return -1;
	if (isnan(*out))
		clen_place(p, e->value);
	return 0;
}

static int
draft_set(struct parser *p, struct draft *d, const struct geometry_entry *e)
{
	struct geometry_asic *a = &d->asic;
	const char *key = e->key;
	size_t i;

	for (i = 0; i < sizeof asic_fields / sizeof asic_fields[0]; i++)
		if (strcmp(key, asic_fields[i].key) == 0)
			return field_set(a, &asic_fields[i], e);
	if (strcmp(key, "fs") == 0)
		return entry_direction(e, &a->fs_x, &a->fs_y);
	if (strcmp(key, "ss") == 0)
		return entry_direction(e, &a->ss_x, &a->ss_y);
	if (strcmp(key, "clen") == 0)
		return clen_parse(p, e, &a->clen);
	if (strcmp(key, "no_index") == 0)
		return entry_truth(e, &a->no_index);
	if (strcmp(key, "data") == 0)
		return entry_text(e, a->data, sizeof a->data);
	if (strncmp(key, "dim", 3) == 0 && isdigit((unsigned char)key[3]))
		return dimension_parse(e, d->dims);
	geometry_arrays_set(&a->arrays, key, e->value);
	return 0;
}

static int
bad_set(struct bad_draft *b, const struct geometry_entry *e)
{
	char *at;
	double v;
	size_t i;
	int n;

	if (strcmp(e->key, "panel") == 0)
		return entry_text(e, b->bad.panel, sizeof b->bad.panel);
	for (i = 0; i < 8 && strcmp(e->key, bad_limits[i].key) != 0; i++)
		;
	if (i == 8)
		return 0;
	at = (char *)&b->bad + bad_limits[i].at;
	b->seen |= 1U << i;
	if (SEEN_XY & 1U << i) {
		if (entry_number(e, &v) == -1)
			return -1;
		memcpy(at, &v, sizeof v);
	} else {
		if (entry_integer(e, -MAX_REGION, MAX_REGION, &n) == -1)
			return -1;
		memcpy(at, &n, sizeof n);
	}
	if ((b->seen & SEEN_XY) && (b->seen & SEEN_FSSS))
		return entry_fault(e,
		    "a bad region has limits in fs/ss or in x/y, not in both");
	return 0;
}

static int
name_compare(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->name,
	    ((const struct name *)b)->name);
}

/*
 * Finds the index that goes with a name; a new name gets the index n. 0 or -1.
 */
static int
name_index(struct parser *p, void **tree, const char *text, size_t n,
    size_t *out)
{
	struct name key, **found, *fresh;

	if (*text == '\0')
		return fault_set(p->f, "line %zu: no name before the slash",
		    p->line);
	if (strlen(text) >= sizeof key.name)
		return fault_set(p->f, "line %zu: the name %.80s is longer than"
		    " %zu bytes", p->line, text, sizeof key.name - 1);
	strcpy(key.name, text);
	if ((found = tfind(&key, tree, name_compare)) != NULL) {
		*out = (*found)->index;
		return 0;
	}
	if (n == MAX_ENTRIES)
		return fault_set(p->f, "line %zu: %.80s is one more than %d panels"
		    " or bad regions", p->line, text, MAX_ENTRIES);
	if ((fresh = malloc(sizeof *fresh)) == NULL)
		return memory_fault(p);
	strcpy(fresh->name, text);
	fresh->index = *out = n;
	if (tsearch(fresh, tree, name_compare) == NULL) {
		free(fresh);
		return memory_fault(p);
	}
	return 0;
}

/* Makes room for one more of n elements. The array, or NULL without memory. */
static void *
array_grow(void *array, size_t n, size_t *room, size_t size)
{
	void *larger;

	if (n < *room)
		return array;
	if ((larger = realloc(array, (*room * 2 + 64) * size)) != NULL)
		*room = *room * 2 + 64;
	return larger;
}

static int
panel_line(struct parser *p, const char *name, const struct geometry_entry *e)
{
	void *larger;
	size_t i;

	if (name_index(p, &p->draft_names, name, p->n_drafts, &i) == -1)
		return -1;
	/* fault_set is always -1, so here i is set. */
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	if (i == p->n_drafts) {
		if ((larger = array_grow(p->drafts, p->n_drafts,
		    &p->room_drafts, sizeof *p->drafts)) == NULL)
			return memory_fault(p);
		p->drafts = larger;
		p->drafts[i] = p->defaults;
		strcpy(p->drafts[i].asic.name, name);
		p->n_drafts++;
	}
	return draft_set(p, &p->drafts[i], e);
}

static int
bad_line(struct parser *p, const char *name, const struct geometry_entry *e)
{
	void *larger;
	size_t i;

	if (name_index(p, &p->bad_names, name, p->n_bads, &i) == -1)
		return -1;
	/* As above: i is set. */
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	if (i == p->n_bads) {
		if ((larger = array_grow(p->bads, p->n_bads, &p->room_bads,
		    sizeof *p->bads)) == NULL)
			return memory_fault(p);
		p->bads = larger;
		memset(&p->bads[i], 0, sizeof p->bads[i]);
		strcpy(p->bads[i].bad.name, name);
		p->n_bads++;
	}
	return bad_set(&p->bads[i], e);
}

static int
toplevel_line(struct parser *p, const struct geometry_entry *e)
{
	const char *key = e->key;

	if (strcmp(key, "clen") == 0)
		return clen_parse(p, e, &p->clen);
	if (strcmp(key, "detector_shift_x") == 0) {
		p->shifted = true;
		return entry_length(e, &p->shift_x);
	}
	if (strcmp(key, "detector_shift_y") == 0)
		return entry_length(e, &p->shift_y);
	if (strcmp(key, "peak_list") == 0) {
		p->g->has_peak_list = path_same(e->value, our_peak_list);
		return entry_text(e, p->g->peak_list, sizeof p->g->peak_list);
	}
	return draft_set(p, &p->defaults, e);
}

/* p->text holds a line without comment and line end. */
static int
line_parse(struct parser *p)
{
	struct geometry_entry e = { .line = p->line, .fault = p->f };
	char *text = p->text + strspn(p->text, " \t");

	if (*text == '\0')
		return 0;
	if (!entry_cut(text, &e))
		return fault_set(p->f, "line %zu: no '=' in \"%.60s\"", p->line,
		    text);
	if (e.panel == NULL)
		return toplevel_line(p, &e);
	if (strncmp(e.panel, "bad", 3) == 0)
		return bad_line(p, e.panel, &e);
	return panel_line(p, e.panel, &e);
}

/* Of one byte, or of two in UTF-8: terminals would do as it says. */
static bool
control_is(const char *at, size_t n)
{
	const unsigned char *c = (const unsigned char *)at;

	return (iscntrl(*c) && *c != '\t') || (n > 1 && c[0] == 0xc2 &&
	    c[1] < 0xa0);
}

/* Copies a line into p->text, up to its comment, and refuses what is no text. */
static int
line_copy(struct parser *p, const char *from, size_t n)
{
	size_t i;

	if (n > LINE_MAX_BYTES)
		return fault_set(p->f, "line %zu is longer than %d bytes", p->line,
		    LINE_MAX_BYTES);
	if (memchr(from, '\0', n) != NULL)
		return fault_set(p->f, "line %zu: a zero byte; this is no text",
		    p->line);
	for (i = 0; i < n && from[i] != ';'; i++) {
		if (control_is(from + i, n - i))
			return fault_set(p->f, "line %zu: byte 0x%02x is no text",
			    p->line, (unsigned char)from[i]);
		p->text[i] = from[i];
	}
	p->text[i] = '\0';
	return 0;
}

/* Lines end as CrystFEL has it: at a newline, a return, or both. */
static int
lines_parse(struct parser *p, const char *text, size_t len)
{
	const char *end = text + len;
	size_t n;

	for (; text < end; text += n) {
		p->line++;
		for (n = 0; text + n < end && text[n] != '\n' && text[n] != '\r';)
			n++;
		if (line_copy(p, text, n) == -1 || line_parse(p) == -1)
			return -1;
		if (text + n + 1 < end && text[n] == '\r' && text[n + 1] == '\n')
			n++;
		if (text + n < end)
			n++;
	}
	return 0;
}

static int
range_check(struct parser *p, const struct geometry_asic *a, const char *axis,
    int min, int max)
{
	if (min == -1 || max == -1)
		return fault_set(p->f, "panel %s has no %s_%s", a->name,
		    min == -1 ? "min" : "max", axis);
	if (min > max)
		return fault_set(p->f, "panel %s: min_%s %d is larger than max_%s"
		    " %d", a->name, axis, min, axis, max);
	return 0;
}

/* From what the dimensions mean to the layer. */
static int
dimensions_check(struct parser *p, struct draft *d)
{
	const char *name = d->asic.name;
	int i, ss = -1, fs = -1;

	for (i = 0; i < MAX_DIMS; i++) {
		if (d->dims[i] == DIM_SS)
			ss = i;
		else if (d->dims[i] == DIM_FS)
			fs = i;
		else if (d->dims[i] >= 0 && d->asic.layer != -1)
			return fault_set(p->f, "panel %s: two dimensions have a"
			    " fixed index, one is the most there can be", name);
		else if (d->dims[i] >= 0)
			d->asic.layer = d->dims[i];
	}
	if (ss == -1 || fs == -1)
		return fault_set(p->f, "panel %s: no dimension is %s", name,
		    ss == -1 ? "ss" : "fs");
	if (fs < ss)
		return fault_set(p->f, "panel %s: dim%d is fs and dim%d is ss, but"
		    " fast scan comes after slow scan", name, fs, ss);
	return 0;
}

/* CrystFEL looks at the shift in y only where there is one in x. */
static void
asic_shift(const struct parser *p, struct geometry_asic *a)
{
	if (!p->shifted || isnan(a->res))
		return;
	if (!isnan(p->shift_x))
		a->corner_x += p->shift_x * a->res;
	if (!isnan(p->shift_y))
		a->corner_y += p->shift_y * a->res;
}

static int
drafts_finish(struct parser *p)
{
	struct geometry_asic *a;
	size_t i;

	if (p->n_drafts == 0)
		return fault_set(p->f, "no panels in %zu lines", p->line);
	if ((p->g->asics = calloc(p->n_drafts, sizeof *p->g->asics)) == NULL)
		return memory_fault(p);
	for (i = 0; i < p->n_drafts; i++) {
		a = &p->drafts[i].asic;
		if (range_check(p, a, "fs", a->min_fs, a->max_fs) == -1 ||
		    range_check(p, a, "ss", a->min_ss, a->max_ss) == -1 ||
		    dimensions_check(p, &p->drafts[i]) == -1)
			return -1;
		if (isnan(a->clen))
			a->clen = p->clen;
		asic_shift(p, a);
		p->g->mask_good |= a->arrays.good != 0;
		p->g->asics[i] = *a;
	}
	p->g->n_asics = p->n_drafts;
	p->g->shift_unknown = p->shifted && isnan(p->shift_x + p->shift_y);
	strcpy(p->g->data, p->g->asics[0].data);
	return 0;
}

static int
limits_check(struct parser *p, const struct bad_draft *d)
{
	const struct geometry_bad *b = &d->bad;
	unsigned wanted = d->seen & SEEN_XY ? SEEN_XY : SEEN_FSSS, i;

	for (i = 0; i < 8; i++)
		if ((wanted & ~d->seen) & 1U << i)
			return fault_set(p->f, "bad region %s has no %s", b->name,
			    bad_limits[i].key);
	if (b->min_fs > b->max_fs || b->min_ss > b->max_ss ||
	    b->min_x > b->max_x || b->min_y > b->max_y)
		return fault_set(p->f, "bad region %s: a minimum is larger than"
		    " its maximum", b->name);
	return 0;
}

/* Which pixels an x and y region has, the place of an ASIC must tell. */
static int
places_check(struct parser *p, const struct geometry_bad *b)
{
	const struct geometry_asic *a, *end = p->g->asics + p->g->n_asics;

	for (a = p->g->asics; a < end; a++)
		if (isnan(a->corner_x + a->corner_y + a->fs_x + a->fs_y + a->ss_x +
		    a->ss_y))
			return fault_set(p->f, "bad region %s is in x and y, but panel"
			    " %s has no corner_x, corner_y, fs or ss", b->name,
			    a->name);
	return 0;
}

static int
bads_finish(struct parser *p)
{
	struct bad_draft *d;
	struct name key;
	size_t i;

	if (p->n_bads == 0)
		return 0;
	if ((p->g->bads = calloc(p->n_bads, sizeof *p->g->bads)) == NULL)
		return memory_fault(p);
	for (i = 0; i < p->n_bads; i++) {
		d = &p->bads[i];
		if (limits_check(p, d) == -1)
			return -1;
		strcpy(key.name, d->bad.panel);
		if (d->bad.panel[0] != '\0' &&
		    tfind(&key, &p->draft_names, name_compare) == NULL)
			return fault_set(p->f, "bad region %s: there is no panel"
			    " %s", d->bad.name, d->bad.panel);
		d->bad.is_fsss = (d->seen & SEEN_FSSS) != 0;
		if (!d->bad.is_fsss && places_check(p, &d->bad) == -1)
			return -1;
		p->g->bads[i] = d->bad;
	}
	p->g->n_bads = p->n_bads;
	return 0;
}

static void
defaults_init(struct draft *d)
{
	struct geometry_asic *a = &d->asic;
	int i;

	a->min_fs = a->max_fs = a->min_ss = a->max_ss = a->layer = -1;
	a->fs_x = a->fs_y = a->ss_x = a->ss_y = NAN;
	a->corner_x = a->corner_y = a->res = a->clen = NAN;
	d->dims[0] = DIM_SS;
	d->dims[1] = DIM_FS;
	for (i = 2; i < MAX_DIMS; i++)
		d->dims[i] = DIM_NONE;
}

int
geometry_parse(const char *text, size_t len, struct geometry *g,
    struct fault *f)
{
	struct parser p = { .g = g, .f = f };
	int status = -1;

	memset(g, 0, sizeof *g);
	p.clen = NAN;
	defaults_init(&p.defaults);
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		fault_set(f, "line 1: begins with a byte order mark: save the file"
		    " without it");
	else if (lines_parse(&p, text, len) == 0 && drafts_finish(&p) == 0 &&
	    bads_finish(&p) == 0)
		status = 0;
	tdestroy(p.draft_names, free);
	tdestroy(p.bad_names, free);
	free(p.drafts);
	free(p.bads);
	if (status == -1)
		geometry_free(g);
	return status;
}

void
geometry_free(struct geometry *g)
{
	free(g->asics);
	free(g->bads);
	memset(g, 0, sizeof *g);
}

void
geometry_locate(const struct geometry_asic *a, double fs, double ss, double *x,
    double *y)
{
	/* Corners are those of the first pixel, not its centre. */
	double i = fs - a->min_fs + 0.5, j = ss - a->min_ss + 0.5;

	*x = a->corner_x + i * a->fs_x + j * a->ss_x;
	*y = a->corner_y + i * a->fs_y + j * a->ss_y;
}
