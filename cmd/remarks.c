#include <string.h>

#include "data/assembly.h"
#include "format/cxi.h"
#include "progress.h"
#include "remarks.h"

static bool
data_ours(const char *path)
{
	return strcmp(path, CXI_IMAGE) == 0 || strcmp(path, CXI_IMAGE_ALIAS) == 0;
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

/* What the geometry's text says, whatever the stream. */
static void
text_remark(const struct plan *p, const char *name)
{
	const struct geometry *g = &p->file.geometry;

	if (!g->has_peak_list)
		progress_warnx("%s: has no peak_list = /entry_1/result_1, so"
		    " CrystFEL will read no peaks with it", name);
	data_remark(g, name);
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
	    (!(s->quantities & QUANTITY_ENCODER) || strcmp(clen, CXI_ENCODER) != 0))
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
