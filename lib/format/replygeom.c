#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "data/geometry_value.h"
#include "format/reply.h"
#include "format/replygeom.h"

/* A line of the geometry, taken apart. */
struct line {
	const char	*text;		/* all of it, without its end */
	int		length;
	char		copy[512];	/* cut up; longer lines hold no path */
	const char	*panel, *key, *value;	/* panel: empty at the top level */
};

struct rewrite {
	FILE		*out;
	const struct plan *plan;
	const struct stream *stream;
	const char	*text;		/* of the geometry; NULL: there is none */
	struct fault	*f;
};

/* Takes the line at text; false if it has no key and value. */
static bool
line_cut(struct line *l, const char *text)
{
	size_t n = strcspn(text, "\r\n");
	struct geometry_entry e;

	l->text = text;
	l->length = (int)n;
	if (n >= sizeof l->copy)
		n = sizeof l->copy - 1;
	memcpy(l->copy, l->text, n);
	l->copy[n] = '\0';
	l->copy[strcspn(l->copy, ";")] = '\0';
	if (!entry_cut(l->copy, &e))
		return false;
	l->panel = e.panel == NULL ? "" : e.panel;
	l->key = e.key;
	l->value = e.value;
	return true;
}

/* Where the next begins. */
static const char *
line_next(const struct line *l)
{
	const char *end = l->text + l->length;

	if (*end == '\r' && end[1] == '\n')
		end++;
	return *end == '\0' ? end : end + 1;
}

/* A number, and behind it at most a unit: CrystFEL takes all else for a name. */
static bool
is_number(const char *value)
{
	char *end;
	double v = strtod(value, &end);

	return end != value && isfinite(v) &&
	    (*end == '\0' || isblank((unsigned char)*end));
}

static bool
is_dimension(const char *key)
{
	return strncmp(key, "dim", 3) == 0 && isdigit((unsigned char)key[3]);
}

/* ---- masks and the saturation map ---- */

/* ASIC of the geometry that a name is of; its number of them if of none. */
static size_t
asic_find(const struct geometry *g, const char *name)
{
	size_t i;

	for (i = 0; i < g->n_asics && strcmp(g->asics[i].name, name) != 0; i++)
		;
	return i;
}

/* Where a panel has an array; SPLIT: some panels in the one, some in the other. */
enum where { NOWHERE, IN_IMAGE, IN_FILE, SPLIT };

static enum where
panel_place(const struct geometry_arrays *a, int array)
{
	if (!(a->located & 1U << array))
		return NOWHERE;
	return (a->filed & 1U << array) != 0 ? IN_FILE : IN_IMAGE;
}

/* Where the panels of a line have its array. */
static enum where
line_place(const struct rewrite *w, const struct line *l, int array)
{
	const struct geometry *g = &w->plan->file.geometry;
	enum where one, all = NOWHERE;
	size_t i;

	if (l->panel[0] != '\0') {
		i = asic_find(g, l->panel);
		return i == g->n_asics ? NOWHERE :
		    panel_place(&g->asics[i].arrays, array);
	}
	for (i = 0; i < g->n_asics; i++) {
		one = panel_place(&g->asics[i].arrays, array);
		if (one != NOWHERE && all != NOWHERE && one != all)
			return SPLIT;
		if (one != NOWHERE)
			all = one;
	}
	return all;
}

/* ---- lines ---- */

static int
value_refuse(const struct rewrite *w, const struct line *l, const char *why)
{
	return fault_set(w->f, "%.60s%s%.60s = %.100s: %s", l->panel,
	    l->panel[0] == '\0' ? "" : "/", l->key, l->value, why);
}

/* 1: the line stays; 0: it goes; -1: it cannot be said. */
static int
array_decide(const struct rewrite *w, const struct line *l, int array)
{
	switch (line_place(w, l, array)) {
	case IN_FILE:
		return 1;
	case IN_IMAGE:
		return array != GEOMETRY_SATURATION ? 0 : value_refuse(w, l,
		    "replies do not have that; give saturation_map_file, too, or"
		    " leave it out");
	case NOWHERE:
		return 0;
	case SPLIT:
		break;
	}
	return value_refuse(w, l, "only some panels have it in a file of its own;"
	    " give one for all");
}

/* The encoder becomes that of a reply; l is no number. */
static int
clen_write(const struct rewrite *w, const struct line *l)
{
	size_t n = strlen(CXI_ENCODER);
	const char *slash = l->panel[0] == '\0' ? "" : "/";

	if (strncmp(l->value, CXI_ENCODER, n) != 0 ||
	    (l->value[n] != '\0' && !isblank((unsigned char)l->value[n])))
		return value_refuse(w, l, "replies do not have that; give clen as"
		    " a number");
	if (!(w->stream->quantities & QUANTITY_ENCODER))
		return value_refuse(w, l, "the stream has no encoder; give clen as"
		    " a number");
	fprintf(w->out, "%s%sclen = encoder_value%s\n", l->panel, slash,
	    l->value + n);
	return 0;
}

/* What becomes of the lines of a key. */
enum fate {
	KEPT,
	DROPPED,		/* what comes first says it */
	NUMBER_KEPT,		/* others go: what comes first says it */
	NUMBER_WANTED,		/* others are refused */
	CLEN
};

static const struct {
	const char	*key;
	enum fate	fate;
} fates[] = {
	{ "data", DROPPED }, { "peak_list", DROPPED },
	{ "photon_energy", NUMBER_KEPT }, { "wavelength", NUMBER_KEPT },
	{ "electron_voltage", NUMBER_KEPT },
	{ "detector_shift_x", NUMBER_WANTED }, { "detector_shift_y", NUMBER_WANTED },
	{ "clen", CLEN }
};

static enum fate
key_fate(const char *key)
{
	size_t i;

	for (i = 0; i < sizeof fates / sizeof fates[0]; i++)
		if (strcmp(key, fates[i].key) == 0)
			return fates[i].fate;
	return is_dimension(key) ? DROPPED : KEPT;
}

/* 1: the line stays as it is; 0: that is done; -1: it cannot be said. */
static int
line_decide(const struct rewrite *w, const struct line *l)
{
	int array = geometry_array(l->key);

	if (array != -1)
		return array_decide(w, l, array);
	switch (key_fate(l->key)) {
	case KEPT:
		return 1;
	case DROPPED:
		return 0;
	case NUMBER_KEPT:
		return is_number(l->value);
	case NUMBER_WANTED:
		return is_number(l->value) ? 1 : value_refuse(w, l, "replies do"
		    " not have that; give it as a number");
	case CLEN:
		break;
	}
	return is_number(l->value) ? 1 : clen_write(w, l);
}

/* Is there a line that gives the energy of photons, or what it follows from? */
static bool
energy_given(const char *text)
{
	struct line l;

	for (; *text != '\0'; text = line_next(&l))
		if (line_cut(&l, text) && key_fate(l.key) == NUMBER_KEPT &&
		    is_number(l.value))
			return true;
	return false;
}

/* What comes first, so that it is the default of all panels. */
static void
defaults_write(const struct rewrite *w)
{
	const struct geometry *g = &w->plan->file.geometry;

	fprintf(w->out, "; for indexamajig --data-format=msgpack"
	    " --peaks=msgpack, by q2serve\ndim0 = ss\ndim1 = fs\n");
	fprintf(w->out, "data = %s\npeak_list = %s\n",
	    w->text != NULL && g->data[0] != '\0' ? g->data : REPLY_DATA,
	    w->text != NULL && g->peak_list[0] != '\0' ? g->peak_list :
	    REPLY_PEAKS);
	if (w->text == NULL || !energy_given(w->text))
		fprintf(w->out, "photon_energy = beam_energy eV\n");
}

static int
text_write(const struct rewrite *w)
{
	const char *text;
	struct line l;
	int stays;

	defaults_write(w);
	for (text = w->text; *text != '\0'; text = line_next(&l)) {
		stays = line_cut(&l, text) ? line_decide(w, &l) : 1;
		if (stays == -1)
			return -1;
		if (stays)
			fprintf(w->out, "%.*s\n", l.length, l.text);
	}
	return 0;
}

static int
panel_write(const struct rewrite *w)
{
	const struct slab *s = &w->plan->slab;

	if (s->n_panels != 1)
		return fault_set(w->f, "the stream has %u panels, and where they"
		    " are is not known: give -g", s->n_panels);
	defaults_write(w);
	fprintf(w->out, "; clen = ... m\n; res = ... pixels a metre\n\n"
	    "p0/min_fs = 0\np0/max_fs = %u\np0/min_ss = 0\np0/max_ss = %u\n"
	    "p0/fs = +1.0x +0.0y\np0/ss = +0.0x +1.0y\n"
	    "p0/corner_x = %.1f\np0/corner_y = %.1f\n", s->width - 1,
	    s->height - 1, -0.5 * s->width, -0.5 * s->height);
	return 0;
}

int
replygeom_write(FILE *out, const struct plan *p, const struct stream *s,
    struct fault *f)
{
	struct rewrite w = {
		.out = out, .plan = p, .stream = s, .text = p->file.text, .f = f
	};

	if (w.text == NULL)
		return panel_write(&w);
	if (p->slab.renumbered)
		return fault_set(f, "%s: names a 3-D slab; write one for a 2-D"
		    " slab of the panels, stacked", p->file.path);
	return text_write(&w) == -1 ? fault_prefix(f, "%s", p->file.path) : 0;
}
