#include <string.h>
#include <strings.h>

#include "data/assembly.h"
#include "data/geometry_value.h"
#include "format/cxi.h"
#include "progress.h"
#include "remarks.h"

static bool
data_ours(const char *path)
{
	return path_same(path, CXI_IMAGE) || path_same(path, CXI_IMAGE_ALIAS);
}

/* One ASIC without its data, and CrystFEL takes none of the image. */
static void
data_remark(const struct geometry *g, const char *name)
{
	const struct geometry_asic *a = g->asics, *end = a + g->n_asics;

	while (a < end && data_ours(a->data))
		a++;
	if (a < end)
		progress_warnx("%s: ASIC %s has %s%s, so CrystFEL will find no"
		    " images: these files have them in data = " CXI_IMAGE_ALIAS,
		    name, a->name, a->data[0] != '\0' ? "data = " :
		    "no data = line, of its own or in front of it", a->data);
}

static void
shift_remark(const struct geometry *g, const char *name)
{
	const struct geometry_bad *b = g->bads, *end = b + g->n_bads;

	while (b < end && b->is_fsss)
		b++;
	if (g->shift_unknown && b < end)
		progress_warnx("%s: bad region %s is in x and y, but the shift of"
		    " the detector is not given as a number: it is left to"
		    " CrystFEL, and not in the mask", name, b->name);
}

/* The first mask of an ASIC among these bits; -1: none. */
static int
mask_first(unsigned bits)
{
	return ffs((int)(bits & ((1U << GEOMETRY_MASKS) - 1))) - 1;
}

/* A mask in a file of its own is not ours to judge. */
static void
mask_absent_remark(const struct geometry *g, const char *name)
{
	const struct geometry_asic *a, *end = g->asics + g->n_asics;
	int n;

	for (a = g->asics; a < end; a++) {
		n = mask_first(a->arrays.foreign & ~a->arrays.filed);
		if (n == -1)
			continue;
		progress_warnx("%s: ASIC %s has mask %d in a dataset that these"
		    " files do not have, so CrystFEL will find no images: the one"
		    " they have is mask = /entry_1/data_1/mask", name, a->name, n);
		return;
	}
}

static void
mask_inverted_remark(const struct geometry *g, const char *name)
{
	const struct geometry_asic *a, *end = g->asics + g->n_asics;
	int n;

	for (a = g->asics; a < end; a++) {
		n = mask_first(a->arrays.good & a->arrays.located &
		    ~a->arrays.foreign & ~a->arrays.filed);
		if (n == -1)
			continue;
		progress_warnx("%s: ASIC %s has good pixels with bits in mask %d,"
		    " so CrystFEL will take all good pixels for bad: these files"
		    " have 0 there (mask_good = 0x0000, mask_bad = 0xffff)", name,
		    a->name, n);
		return;
	}
}

/* What the geometry's text says, whatever the stream. */
static void
text_remark(const struct plan *p, const char *name)
{
	const struct geometry *g = &p->file.geometry;

	if (!g->has_peak_list)
		progress_warnx("%s: has no peak_list = /entry_1/result_1, so"
		    " CrystFEL will read no peaks with it", name);
	data_remark(g, name);
	mask_absent_remark(g, name);
	mask_inverted_remark(g, name);
	shift_remark(g, name);
}

static void
reach_remark(const struct plan *p, const char *name)
{
	struct fault f;

	if (!p->slab.renumbered && assembly_reach(&p->file.geometry, p->slab.height,
	    p->slab.width, &f) == -1)
		progress_warnx("%s: %s", name, f.text);
}

static void
slab_remark(const struct plan *p, const char *name)
{
	if (p->slab.renumbered)
		progress_warnx("%s: names a 3-D slab; panels are stacked in a 2-D"
		    " one, since CrystFEL reads peaks only from such, and needs a"
		    " geometry for that", name);
}

static void
energy_remark(const struct stream *s)
{
	if (!(s->quantities & QUANTITY_ENERGY))
		progress_warnx("the stream has no photon energies: CrystFEL needs"
		    " one in its geometry (photon_energy = ... eV)");
}

void
remarks_files(const struct plan *p, const struct stream *s, const char *name,
    bool first)
{
	const char *clen = p->file.geometry.clen_path;

	if (p->file.text != NULL && first)
		text_remark(p, name);
	if (p->file.text != NULL)
		reach_remark(p, name);
	slab_remark(p, name);
	if (p->file.text != NULL && clen[0] != '\0' &&
	    (!(s->quantities & QUANTITY_ENCODER) || !path_same(clen, CXI_ENCODER)))
		progress_warnx("%s: clen = %s, which files of this stream do not"
		    " have: give clen in metres, or CrystFEL knows no distance", name,
		    clen);
	if (!(s->planes & PLANE_IMAGE))
		progress_warnx("the stream has no images: no data and no"
		    " intensities are written, and CrystFEL will read no peaks");
	energy_remark(s);
}

void
remarks_replies(const struct plan *p, const struct stream *s, const char *name)
{
	slab_remark(p, name);
	if (!(s->planes & PLANE_IMAGE))
		progress_warnx("the stream has no images: indexamajig needs"
		    " --no-image-data, and peaks have no intensities");
	energy_remark(s);
}
