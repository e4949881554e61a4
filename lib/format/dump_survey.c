#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/dump_impl.h"
#include "format/hdf_fault.h"

/*
 * The survey: every batch is looked at once (dump_batch.c), in the order of the
 * numbers. One that contradicts itself is dropped with a note, so that reading
 * later meets only sound shapes and can fail only on the bytes themselves.
 *
 * Consecutive batches of one layout then become a section. Whether a batch has
 * images does not part it from its neighbours: a batch that lost them keeps its
 * place, with failed events.
 */

/* What the walk over the root group collects. */
struct walk {
	struct dump_reader *dump;
	size_t		room;
	int		overflow;
};

static int
batch_number(const char *name, uint64_t *number)
{
	const char *p = name + 6;

	if (strncmp(name, "batch_", 6) != 0 || *p == '\0' ||
	    p[strspn(p, "0123456789")] != '\0')
		return 0;
	if (strlen(p) > 18)
		return -1;
	*number = strtoull(p, NULL, 10);
	return 1;
}

static int
batches_grow(struct walk *w)
{
	struct dump_reader *d = w->dump;
	struct dump_batch *more;

	if (d->n_batches < w->room)
		return 0;
	if (w->room >= DUMP_MAX_BATCHES)
		return -1;
	w->room = w->room == 0 ? 64 : 2 * w->room;
	if ((more = reallocarray(d->batches, w->room, sizeof *more)) == NULL)
		return -1;
	d->batches = more;
	return 0;
}

static herr_t
walk_link(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
	struct walk *w = data;
	struct dump_batch *b;
	uint64_t number;
	int r;

	(void)group;
	(void)info;
	if ((r = batch_number(name, &number)) == 0)
		return 0;
	if (r == -1) {
		dump_remark(w->dump, 1, "%.24s...: its number has more than 18"
		    " digits, left out", name);
		return 0;
	}
	if (batches_grow(w) == -1) {
		w->overflow = 1;
		return -1;
	}
	b = &w->dump->batches[w->dump->n_batches++];
	memset(b, 0, sizeof *b);
	b->number = number;
	snprintf(b->name, sizeof b->name, "%s", name);
	return 0;
}

static int
batch_compare(const void *va, const void *vb)
{
	const struct dump_batch *a = va, *b = vb;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int
batches_list(struct dump_reader *d, struct fault *f)
{
	struct walk w = { d, 0, 0 };

	if (H5Literate(d->file, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, walk_link,
	    &w) < 0) {
		if (w.overflow)
			return fault_set(f, "too many batches to survey (%zu)",
			    d->n_batches);
		return hdf_fault_set(f, "its list of batches cannot be read");
	}
	if (d->n_batches == 0)
		return fault_set(f, "no batch in it (/batch_0, /batch_1, ...)");
	qsort(d->batches, d->n_batches, sizeof *d->batches, batch_compare);
	return 0;
}

static void
gaps_remark(struct dump_reader *d)
{
	uint64_t next = 0, number;
	size_t i;

	for (i = 0; i < d->n_batches; i++) {
		number = d->batches[i].number;
		if (number == next + 1)
			dump_remark(d, 0, "batch_%llu missing, reading on",
			    (unsigned long long)next);
		else if (number > next)
			dump_remark(d, 0, "batch_%llu to batch_%llu missing,"
			    " reading on", (unsigned long long)next,
			    (unsigned long long)number - 1);
		next = number + 1;
	}
}

/* Surveys all and keeps the usable ones, in place. */
static int
batches_survey(struct dump_reader *d, struct fault *f)
{
	struct fault why = { .text = "" };
	size_t i, kept = 0;
	int r;

	for (i = 0; i < d->n_batches; i++) {
		r = dump_batch_survey(d, &d->batches[i], &why);
		if (r == -1)
			dump_remark(d, 1, "%s: the batch is left out", why.text);
		if (r != 1)
			continue;
		d->batches[kept] = d->batches[i];
		d->batches[kept].first = d->events;
		d->events += d->batches[kept++].count;
	}
	d->n_batches = kept;
	if (kept == 0)
		return fault_set(f, "no usable batch in it; the last: %s",
		    why.text[0] != '\0' ? why.text : "no planes");
	return 0;
}

static void
shapeless_remark(struct dump_reader *d)
{
	const struct dump_batch *first = NULL;
	size_t i, n = 0;

	for (i = 0; i < d->n_batches; i++)
		if (!d->batches[i].shaped && n++ == 0)
			first = &d->batches[i];
	if (n > 0)
		dump_remark(d, 0, "no original_shape in %zu batch%s (%s%s): each"
		    " plane is taken as an event of one panel without padding", n,
		    n == 1 ? "" : "es", first->name, n == 1 ? "" : ", ...");
}

/* Whether a batch goes on with a section; a missing image is no obstacle. */
static int
section_takes(const struct dump_section *s, const struct dump_batch *b)
{
	struct layout l = b->layout;

	if (l.image_type == IMAGE_NONE || s->layout.image_type == IMAGE_NONE)
		l.image_type = s->layout.image_type;
	return layout_equal(&s->layout, &l);
}

/* With images, an event may grow beyond the limit; then they stay apart. */
static int
section_join(struct dump_section *s, const struct dump_batch *b)
{
	struct layout l = s->layout;

	if (!section_takes(s, b))
		return 0;
	if (l.image_type == IMAGE_NONE)
		l.image_type = b->layout.image_type;
	if (layout_check(&l, NULL) == -1)
		return 0;
	s->layout = l;
	s->count += b->count;
	return 1;
}

static int
sections_make(struct dump_reader *d, struct fault *f)
{
	struct dump_section *s = NULL;
	struct dump_batch *b;
	size_t i;

	if ((d->sections = calloc(d->n_batches, sizeof *d->sections)) == NULL)
		return fault_lack(f, "out of memory for %zu batches", d->n_batches);
	for (i = 0; i < d->n_batches; i++) {
		b = &d->batches[i];
		if (s == NULL || !section_join(s, b)) {
			s = &d->sections[d->n_sections++];
			s->layout = b->layout;
			s->first = b->first;
			s->count = b->count;
			s->quantities = d->quantities;
		}
		b->section = d->n_sections - 1;
	}
	return 0;
}

static void
imageless_remark(struct dump_reader *d)
{
	const struct dump_batch *b;
	size_t i;

	for (i = 0; i < d->n_batches; i++) {
		b = &d->batches[i];
		if (b->layout.image_type == IMAGE_NONE &&
		    d->sections[b->section].layout.image_type != IMAGE_NONE)
			dump_remark(d, 0, "%s: no original_image, others have it:"
			    " its %llu events will be failed ones", b->name,
			    (unsigned long long)b->count);
	}
}

int
dump_survey(struct dump_reader *d, struct fault *f)
{
	if (batches_list(d, f) == -1)
		return -1;
	gaps_remark(d);
	if (batches_survey(d, f) == -1)
		return -1;
	shapeless_remark(d);
	if (sections_make(d, f) == -1)
		return -1;
	imageless_remark(d);
	dump_remarks_end(d);
	return 0;
}
