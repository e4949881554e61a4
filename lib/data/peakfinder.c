/*
 * Panel by panel: each row of logits (or of a segmentation map) becomes a row of
 * bits, bad pixels are taken out, and what remains goes straight to the
 * components while it is near. The bits of the whole panel are kept until its
 * peaks are measured: they tell which pixels around a peak are background. The
 * image is touched around peaks only; each peak asks for the image of one
 * further on, so that memory works while the processor does.
 *
 * More peaks than the capacity are collected up to twice the capacity, then cut
 * down to the strongest. Each is cut down at most once a capacity, so the cost a
 * peak is constant, and so is the memory. Being among the k strongest, ties in
 * raster order, does not depend on where the cuts fall.
 */
#include <stdlib.h>
#include <string.h>

#include "data/bitplane.h"
#include "data/component.h"
#include "data/logits.h"
#include "data/peak.h"
#include "data/peakfinder.h"
#include "data/scene.h"
#include "data/background.h"
#include "data/segmap.h"

enum { AHEAD = 6 };	/* peaks whose image is on its way */

struct peakfinder {
	struct layout			layout;
	struct peakfinder_options	options;
	enum logits_isa			isa;
	struct bitplane			bits;	/* of the panel in hand */
	struct bitplane			*bad;	/* one a panel, or NULL */
	struct components		components;
	struct light			*lights;	/* one a component */
	size_t				light_room;
	struct peak			*peaks;
	uint32_t			n_peaks, room;
};

/* The planes of the event in hand. */
struct planes {
	const void	*logits;
	uint8_t		*segmap;
	const void	*image;
};

static int
pack_bad(struct peakfinder *f)
{
	const struct layout *l = &f->layout;
	const uint8_t *row = f->options.bad;
	uint32_t panel, ss;

	if ((f->bad = calloc(l->panels, sizeof *f->bad)) == NULL)
		return -1;
	for (panel = 0; panel < l->panels; panel++) {
		if (bitplane_init(&f->bad[panel], l->real_height,
		    l->real_width) == -1)
			return -1;
		for (ss = 0; ss < l->real_height; ss++, row += l->real_width)
			segmap_row_nonzero(row, l->real_width,
			    bitplane_row(&f->bad[panel], (int32_t)ss));
	}
	return 0;
}

struct peakfinder *
peakfinder_new(const struct layout *l, const struct peakfinder_options *o)
{
	struct peakfinder *f;

	if ((f = calloc(1, sizeof *f)) == NULL)
		return NULL;
	f->layout = *l;
	f->options = *o;
	f->isa = logits_isa_usable(LOGITS_AVX2) ? LOGITS_AVX2 : LOGITS_PLAIN;
	components_init(&f->components);
	if (bitplane_init(&f->bits, l->real_height, l->real_width) == -1 ||
	    (o->bad != NULL && pack_bad(f) == -1)) {
		peakfinder_free(f);
		return NULL;
	}
	return f;
}

void
peakfinder_free(struct peakfinder *f)
{
	uint32_t panel;

	if (f == NULL)
		return;
	for (panel = 0; f->bad != NULL && panel < f->layout.panels; panel++)
		bitplane_free(&f->bad[panel]);
	free(f->bad);
	bitplane_free(&f->bits);
	components_free(&f->components);
	free(f->lights);
	free(f->peaks);
	free(f);
}

static void
write_segmap_row(const struct layout *l, const void *logits, uint32_t panel,
    uint32_t ss, const uint64_t *bits, uint8_t *row)
{
	if (l->classes == 2)
		segmap_expand(bits, l->real_width, row);
	else
		logits_classes(l, logits, panel, ss, row);
	memset(row + l->real_width, 0, l->width - l->real_width);
}

static bool
take_out(uint64_t *bits, const uint64_t *bad, uint32_t width)
{
	uint32_t w;
	uint64_t any = 0;

	for (w = 0; w < (width + 63) / 64; w++) {
		bits[w] &= ~bad[w];
		any |= bits[w];
	}
	return any != 0;
}

/* One row to bits, bad pixels still in; true if any is set. */
static bool
read_row(const struct peakfinder *f, const struct planes *in, uint32_t panel,
    uint32_t ss, uint64_t *bits, uint32_t *nans)
{
	const struct layout *l = &f->layout;
	uint8_t *row = NULL;
	bool any;

	if (in->segmap != NULL)
		row = in->segmap + ((size_t)panel * l->height + ss) * l->width;
	if (in->logits == NULL)
		return segmap_row(row, l->real_width, bits);
	any = logits_row(f->isa, l, in->logits, panel, ss, bits, nans);
	if (row != NULL)
		write_segmap_row(l, in->logits, panel, ss, bits, row);
	return any;
}

/* As above without bad pixels. */
static bool
read_good_row(const struct peakfinder *f, const struct planes *in, uint32_t panel,
    uint32_t ss, uint32_t *nans)
{
	uint64_t *bits = bitplane_row(&f->bits, (int32_t)ss);

	if (!read_row(f, in, panel, ss, bits, nans))
		return false;
	return f->bad == NULL || take_out(bits,
	    bitplane_row(&f->bad[panel], (int32_t)ss), f->layout.real_width);
}

static int
read_panel(struct peakfinder *f, const struct planes *in, uint32_t panel,
    uint32_t *nans)
{
	const struct layout *l = &f->layout;
	uint32_t ss;
	bool any = false;

	components_begin(&f->components);
	for (ss = 0; ss < l->real_height; ss++) {
		any |= read_good_row(f, in, panel, ss, nans);
		/* Strips of two rows, the last one may be one. */
		if (ss % 2 == 0 && ss + 1 < l->real_height)
			continue;
		if (any && components_strip(&f->components, &f->bits,
		    ss & ~UINT32_C(1)) == -1)
			return -1;
		any = false;
	}
	if (in->logits != NULL && in->segmap != NULL)
		memset(in->segmap + ((size_t)panel * l->height + ss) * l->width,
		    0, (size_t)(l->height - ss) * l->width);
	return components_end(&f->components, &f->bits);
}

static struct scene
scene_of(const struct peakfinder *f, const struct planes *in, uint32_t panel)
{
	const struct layout *l = &f->layout;
	struct scene s;

	s.taken = &f->bits;
	s.bad = f->bad == NULL ? NULL : &f->bad[panel];
	s.type = l->image_type;
	s.stride = l->width;
	s.image = in->image == NULL ? NULL : (const unsigned char *)in->image +
	    (size_t)panel * l->height * l->width * image_type_size(s.type);
	return s;
}

/* A place for one more peak; NULL when memory is short. */
static struct peak *
next_peak(struct peakfinder *f)
{
	const uint32_t most = 2 * f->options.capacity;
	struct peak *p;
	uint32_t room;

	if (f->n_peaks == most)
		f->n_peaks = peaks_strongest(f->peaks, f->n_peaks,
		    f->options.capacity);
	if (f->n_peaks == f->room) {
		room = f->room < most / 2 ? 2 * f->room + 2 : most;
		if (room > most)
			room = most;
		if ((p = reallocarray(f->peaks, room, sizeof *p)) == NULL)
			return NULL;
		f->peaks = p;
		f->room = room;
	}
	return &f->peaks[f->n_peaks++];
}

static bool
is_peak(const struct peakfinder_options *o, const struct component *c)
{
	return c->npixels >= o->min_pixels &&
	    (o->max_pixels == 0 || c->npixels <= o->max_pixels);
}

/* Brings near the image of the components up to i + AHEAD. */
static void
prefetch(const struct peakfinder *f, const struct scene *s, uint32_t i,
    uint32_t *ahead)
{
	const struct components *c = &f->components;

	for (; *ahead < c->n && *ahead <= i + AHEAD; (*ahead)++)
		if (is_peak(&f->options, &c->list[*ahead]))
			background_prefetch(s, &c->list[*ahead]);
}

static int
measure_lights(struct peakfinder *f, const struct scene *s)
{
	const struct components *c = &f->components;
	struct light *l;
	uint32_t i, ahead = 0;

	if (c->n > f->light_room) {
		free(f->lights);
		f->light_room = 0;
		if ((f->lights = calloc(c->room, sizeof *l)) == NULL)
			return -1;
		f->light_room = c->room;
	}
	for (i = 0; i < c->n; i++) {
		prefetch(f, s, i, &ahead);
		f->lights[i].counts = is_peak(&f->options, &c->list[i]);
		if (f->lights[i].counts)
			light_begin(&f->lights[i], &c->list[i], s);
	}
	lights_add(f->lights, c, s);
	return 0;
}

static int
measure_panel(struct peakfinder *f, const struct planes *in, uint32_t panel,
    uint32_t *found)
{
	const struct components *c = &f->components;
	const struct scene s = scene_of(f, in, panel);
	struct peak *p;
	uint32_t i;

	if (s.image != NULL && measure_lights(f, &s) == -1)
		return -1;
	for (i = 0; i < c->n; i++) {
		if (!is_peak(&f->options, &c->list[i]))
			continue;
		if ((p = next_peak(f)) == NULL)
			return -1;
		peak_make(p, &c->list[i], s.image == NULL ? NULL :
		    &f->lights[i], panel, f->options.weighted);
		(*found)++;
	}
	return 0;
}

int
peakfinder_run(struct peakfinder *f, const void *logits, uint8_t *segmap,
    const void *image, struct peaklist *out, struct fault *fault)
{
	const struct planes in = { logits, segmap, image };
	uint32_t panel;

	out->kept = out->found = out->nans = 0;
	f->n_peaks = 0;
	for (panel = 0; panel < f->layout.panels; panel++)
		if (read_panel(f, &in, panel, &out->nans) == -1 ||
		    measure_panel(f, &in, panel, &out->found) == -1)
			return fault_lack(fault, "panel %u: not enough memory"
			    " for its components", panel);
	out->kept = peaks_strongest(f->peaks, f->n_peaks, f->options.capacity);
	if (out->kept > 0)
		memcpy(out->peaks, f->peaks, out->kept * sizeof *out->peaks);
	return 0;
}
