#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "format/reply.h"
#include "format/replygeom.h"

/* A line KEY = VALUE, taken apart; a panel's key has PANEL/ in front. */
struct line {
	const char	*text;		/* all of it, without its end */
	int		length;
	char		copy[512];	/* cut up; longer lines hold no path */
	const char	*panel, *key, *value;	/* panel: empty or "p0a0/" */
};

struct rewrite {
	FILE		*out;
	const struct plan *plan;
	const struct stream *stream;
	struct fault	*f;
	bool		masks;		/* have files of their own */
};

static char *
trimmed(char *s)
{
	char *end;

	s += strspn(s, " \t");
	end = s + strlen(s);
	while (end > s && strchr(" \t\r", end[-1]) != NULL)
		end--;
	*end = '\0';
	return s;
}

/* Takes the line at text; false if it has no key and value. */
static bool
line_cut(struct line *l, const char *text)
{
	size_t n = strcspn(text, "\n");
	char *equals, *slash;

	l->text = text;
	l->length = (int)n;
	if (n >= sizeof l->copy)
		n = sizeof l->copy - 1;
	memcpy(l->copy, l->text, n);
	l->copy[n] = '\0';
	l->copy[strcspn(l->copy, ";")] = '\0';
	if ((equals = strchr(l->copy, '=')) == NULL)
		return false;
	*equals = '\0';
	l->value = trimmed(equals + 1);
	l->key = trimmed(l->copy);
	l->panel = "";
	if ((slash = strchr(l->key, '/')) != NULL) {
		*slash = '\0';
		l->panel = l->key;
		l->key = trimmed(slash + 1);
	}
	return true;
}

/* Where the next begins. */
static const char *
line_next(const struct line *l)
{
	const char *end = l->text + l->length;

	return *end == '\n' ? end + 1 : end;
}

static bool
is_number(const char *value)
{
	char *end;

	(void)strtod(value, &end);
	return end != value;
}

/* mask, mask_good, mask3_data and the like. */
static bool
is_mask(const char *key)
{
	return strncmp(key, "mask", 4) == 0;
}

static bool
is_mask_file(const char *key)
{
	size_t n = strlen(key);

	return is_mask(key) && n > 5 && strcmp(key + n - 5, "_file") == 0;
}

static bool
is_dimension(const char *key)
{
	return strncmp(key, "dim", 3) == 0 && isdigit((unsigned char)key[3]);
}

static int
clen_write(struct rewrite *w, const struct line *l)
{
	size_t n = strlen(REPLY_ENCODER);
	const char *slash = l->panel[0] == '\0' ? "" : "/";

	if (strncmp(l->value, REPLY_ENCODER, n) != 0 ||
	    (l->value[n] != '\0' && !isblank((unsigned char)l->value[n])))
		return fault_set(w->f, "clen = %.100s: replies do not have that;"
		    " give clen as a number", l->value);
	if (!(w->stream->quantities & QUANTITY_ENCODER))
		return fault_set(w->f, "clen = %.100s: the stream has no encoder;"
		    " give clen as a number", l->value);
	fprintf(w->out, "%s%sclen = encoder_value%s\n", l->panel, slash,
	    l->value + n);
	return 0;
}

static int
line_write(struct rewrite *w, struct line *l, const char *text)
{
	if (line_cut(l, text)) {
		if (is_dimension(l->key) || (is_mask(l->key) && !w->masks) ||
		    (strcmp(l->key, "photon_energy") == 0 &&
		    !is_number(l->value)))
			return 0;
		if (strcmp(l->key, "clen") == 0 && !is_number(l->value))
			return clen_write(w, l);
	}
	fprintf(w->out, "%.*s\n", l->length, l->text);
	return 0;
}

/* Is there a line of which this is true? */
static bool
line_any(const char *text, bool (*is)(const struct line *))
{
	struct line l;

	for (; *text != '\0'; text = line_next(&l))
		if (line_cut(&l, text) && is(&l))
			return true;
	return false;
}

static bool
line_has_mask_file(const struct line *l)
{
	return is_mask_file(l->key);
}

static bool
line_has_energy(const struct line *l)
{
	return strcmp(l->key, "photon_energy") == 0 && is_number(l->value);
}

/* What comes first, so that it is the default of all panels. */
static void
defaults_write(const struct rewrite *w, const char *text)
{
	const struct geometry *g = &w->plan->file.geometry;

	fprintf(w->out, "; for indexamajig --data-format=msgpack"
	    " --peaks=msgpack, by q2serve\ndim0 = ss\ndim1 = fs\n");
	if (text == NULL || g->data[0] == '\0')
		fprintf(w->out, "data = %s\n", REPLY_DATA);
	if (text == NULL || g->peak_list[0] == '\0')
		fprintf(w->out, "peak_list = %s\n", REPLY_PEAKS);
	if (text == NULL || !line_any(text, line_has_energy))
		fprintf(w->out, "photon_energy = beam_energy eV\n");
}

static int
text_write(struct rewrite *w, const char *text)
{
	struct line l;

	w->masks = line_any(text, line_has_mask_file);
	defaults_write(w, text);
	for (; *text != '\0'; text = line_next(&l))
		if (line_write(w, &l, text) == -1)
			return -1;
	return 0;
}

static int
panel_write(struct rewrite *w)
{
	const struct slab *s = &w->plan->slab;

	if (s->n_panels != 1)
		return fault_set(w->f, "the stream has %u panels, and where they"
		    " are is not known: give -g", s->n_panels);
	defaults_write(w, NULL);
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
	struct rewrite w = { .out = out, .plan = p, .stream = s, .f = f };

	if (p->file.text == NULL)
		return panel_write(&w);
	if (p->slab.renumbered)
		return fault_set(f, "%s: names a 3-D slab; write one for a 2-D"
		    " slab of the panels, stacked", p->file.path);
	return text_write(&w, p->file.text) == -1 ?
	    fault_prefix(f, "%s", p->file.path) : 0;
}
