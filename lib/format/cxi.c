/*
 * What is in a CXI file is told by three tables: groups and pictures (a value a
 * pixel) here, columns (a row an event) in cxi_columns.c. Pictures and columns have
 * the condition under which a stream has them; conditions look at the plan only, never
 * at an event, so all files of a stream hold the same datasets.
 *
 * Pictures go straight to storage chunks (cxi_image.c), columns by way of rows
 * held in memory (cxi_table.c). Three things keep the same events giving the
 * same bytes: no object has times, chunks are written in one order, and texts
 * have a fixed length, since the heap of HDF5's variable ones holds leftovers.
 *
 * HDF5's close reports success after a failed write. So the first error is kept:
 * every later call fails with it, and the file never gets its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/cxi.h"
#include "format/cxi_columns.h"
#include "format/cxi_file.h"
#include "format/cxi_hdf5.h"
#include "format/cxi_image.h"
#include "format/cxi_pack.h"
#include "format/cxi_table.h"
#include "format/hdf_fault.h"

#define DETECTOR "/entry_1/instrument_1/detector_1/"
#define RESULT "/entry_1/result_1/"

enum { CXI_VERSION = 160 };

static const char *const groups[] = {
	"/entry_1",
	"/entry_1/data_1",
	"/entry_1/instrument_1",
	"/entry_1/instrument_1/detector_1",
	"/entry_1/instrument_1/source_1",
	"/entry_1/process_1",
	"/entry_1/result_1",
	"/LCLS",
	"/LCLS/detector_1",
};

enum { PICTURES = 4 };

static const struct picture {
	const char	*path;
	const char	*link;		/* its second name, or NULL */
	unsigned	plane;		/* PLANE_ bit it comes from */
	uint32_t	class;		/* of the logits */
} pictures[PICTURES] = {
	{ CXI_IMAGE, CXI_IMAGE_ALIAS, PLANE_IMAGE, 0 },
	{ RESULT "segmentation_map", NULL, PLANE_SEGMAP, 0 },
	{ RESULT "logit_map_class0", NULL, PLANE_LOGITS, 0 },
	{ RESULT "logit_map_class1", NULL, PLANE_LOGITS, 1 },
};

struct cxi {
	const struct cxi_plan	*plan;
	char			*path;		/* the temporary name */
	struct cxi_disk		disk;		/* fd -1: not created by us */
	hid_t			file;		/* -1: not open */
	hid_t			pictures[PICTURES];	/* -1: absent */
	struct cxi_press	*press;
	struct cxi_table	*table;
	uint64_t		rows;
	bool			synced;
	bool			failed;
	struct fault		first;		/* why, if failed */
};

/* In the file as on the wire: little-endian. */
static hid_t
picture_type(const struct cxi_plan *p, unsigned plane)
{
	if (plane == PLANE_SEGMAP)
		return H5T_STD_U8LE;
	if (plane == PLANE_LOGITS)
		return H5T_IEEE_F32LE;
	switch (p->layout->image_type) {
	case IMAGE_U16:
		return H5T_STD_U16LE;
	case IMAGE_I16:
		return H5T_STD_I16LE;
	case IMAGE_I32:
		return H5T_STD_I32LE;
	case IMAGE_F32:
	case IMAGE_NONE:
		break;
	}
	return H5T_IEEE_F32LE;
}

static int
pictures_create(struct cxi *c, struct fault *f)
{
	const struct picture *p;
	unsigned i;

	for (i = 0; i < PICTURES; i++) {
		p = &pictures[i];
		if (!(c->plan->planes & p->plane))
			continue;
		c->pictures[i] = cxi_image_create(c->press, c->file, p->path,
		    picture_type(c->plan, p->plane), f);
		if (c->pictures[i] < 0)
			return -1;
		if (p->link != NULL &&
		    cxi_hdf5_link(c->file, p->path, p->link, f) == -1)
			return -1;
	}
	return 0;
}

/* What does not grow with the events. */
static int
constants_write(struct cxi *c, struct fault *f)
{
	const struct cxi_plan *p = c->plan;
	size_t i;

	for (i = 0; i < sizeof groups / sizeof groups[0]; i++)
		if (cxi_hdf5_group(c->file, groups[i], f) == -1)
			return -1;
	if (p->detector != NULL && cxi_hdf5_text(c->file,
	    DETECTOR "description", p->detector, f) == -1)
		return -1;
	if (cxi_hdf5_int(c->file, "/cxi_version", CXI_VERSION, f) == -1 ||
	    cxi_hdf5_text(c->file, "/entry_1/process_1/program", p->program,
	    f) == -1 ||
	    cxi_hdf5_text(c->file, "/entry_1/process_1/options", p->options,
	    f) == -1 ||
	    cxi_hdf5_text(c->file, "/entry_1/process_1/stream", p->stream,
	    f) == -1)
		return -1;
	if (cxi_hdf5_mask(c->file, "/entry_1/data_1/mask", p->slab, f) == -1)
		return -1;
	return cxi_hdf5_link(c->file, "/entry_1/data_1/mask", DETECTOR "mask",
	    f);
}

static int
file_create(struct cxi *c, struct fault *f)
{
	c->disk.fd = open(c->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (c->disk.fd == -1)
		return fault_set(f, "%s: %s", c->path, strerror(errno));
	if ((c->file = cxi_hdf5_file(&c->disk, c->path, f)) < 0)
		return -1;
	if (constants_write(c, f) == -1 || pictures_create(c, f) == -1 ||
	    (c->table = cxi_columns_create(c->plan, c->file, f)) == NULL)
		return fault_prefix(f, "%s", c->path);
	return 0;
}

/*
 * Closes all; HDF5 says whether the last of it could be written. What a file needs
 * to be filled goes now: it may take long to settle, beside the next one.
 */
static int
file_close(struct cxi *c)
{
	herr_t rc = 0;
	unsigned i;

	cxi_table_free(c->table);
	c->table = NULL;
	cxi_press_free(c->press);
	c->press = NULL;
	for (i = 0; i < PICTURES; i++) {
		if (c->pictures[i] >= 0 && H5Dclose(c->pictures[i]) < 0)
			rc = -1;
		c->pictures[i] = -1;
	}
	if (c->file >= 0 && H5Fclose(c->file) < 0)
		rc = -1;
	c->file = -1;
	return rc < 0 ? -1 : 0;
}

static void
cxi_free(struct cxi *c)
{
	if (c->disk.fd != -1)
		close(c->disk.fd);
	free(c->path);
	free(c);
}

void
cxi_abort(struct cxi *c)
{
	file_close(c);
	if (c->disk.fd != -1)
		cxi_file_remove(c->disk.fd, c->path);
	cxi_free(c);
}

static struct cxi *
cxi_new(const char *path, const struct cxi_plan *plan)
{
	struct cxi *c = calloc(1, sizeof *c);
	unsigned i;

	if (c == NULL)
		return NULL;
	c->plan = plan;
	c->disk.fd = -1;
	c->file = -1;
	for (i = 0; i < PICTURES; i++)
		c->pictures[i] = -1;
	if ((c->path = strdup(path)) == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

int
cxi_create(const char *path, const struct cxi_plan *plan, struct cxi **out,
    struct fault *f)
{
	struct cxi *c;

	cxi_hdf5_quiet();
	if ((c = cxi_new(path, plan)) == NULL)
		return fault_lack(f, "out of memory");
	if ((c->press = cxi_press_new(plan, &c->disk, f)) == NULL ||
	    file_create(c, f) == -1) {
		cxi_abort(c);
		return -1;
	}
	*out = c;
	return 0;
}

/* Refuses what would be read beyond its end, or written as nonsense. */
static int
event_check(const struct cxi_plan *p, const struct cxi_event *e,
    struct fault *f)
{
	uint32_t i;

	if (((p->planes & PLANE_IMAGE) && e->image == NULL) ||
	    ((p->planes & PLANE_SEGMAP) && e->segmap == NULL) ||
	    ((p->planes & PLANE_LOGITS) && e->logits == NULL))
		return fault_set(f, "the event lacks a plane of its stream");
	if (e->event->peaks_kept > p->layout->capacity)
		return fault_set(f, "%u peaks where there is room for %u",
		    e->event->peaks_kept, p->layout->capacity);
	for (i = 0; i < e->event->peaks_kept; i++)
		if (e->peaks[i].panel >= p->slab->n_panels)
			return fault_set(f, "a peak in panel %u of %u",
			    e->peaks[i].panel, p->slab->n_panels);
	return 0;
}

static struct cxi_source
picture_source(const struct picture *p, const struct layout *l,
    const struct cxi_event *e)
{
	size_t pixels = (size_t)l->height * l->width;
	struct cxi_source s = { .panel_stride = pixels,
	    .row_stride = l->width };

	switch (p->plane) {
	case PLANE_IMAGE:
		s.plane = e->image;
		s.size = image_type_size(l->image_type);
		break;
	case PLANE_SEGMAP:
		s.plane = e->segmap;
		s.size = 1;
		break;
	case PLANE_LOGITS:
		s.size = logits_type_size(l->logits_type);
		s.plane = (const char *)e->logits + p->class * pixels * s.size;
		s.panel_stride = l->classes * pixels;
		if (l->logits_type == LOGITS_F16)
			s.convert = CONVERT_F16;
		if (l->logits_type == LOGITS_BF16)
			s.convert = CONVERT_BF16;
		break;
	}
	return s;
}

/* Takes back what was written of an event; 1, or -1 if that fails too. */
static int
pictures_undo(struct cxi *c, struct fault *f)
{
	unsigned i;

	for (i = 0; i < PICTURES; i++)
		if (c->pictures[i] >= 0 && cxi_image_extent(c->press,
		    c->pictures[i], pictures[i].path, c->rows, f) == -1)
			return -1;
	return 1;
}

static int
event_write(struct cxi *c, const struct cxi_event *e, struct fault *f)
{
	struct cxi_source source;
	unsigned i;

	if (event_check(c->plan, e, f) == -1)
		return -1;
	for (i = 0; i < PICTURES; i++) {
		if (c->pictures[i] < 0)
			continue;
		source = picture_source(&pictures[i], c->plan->layout, e);
		if (cxi_image_write(c->press, c->pictures[i], pictures[i].path,
		    c->rows, &source, f) == -1)
			return -1;
	}
	if (e->intact != NULL && e->intact(e->arg, f) == -1)
		return pictures_undo(c, f);
	return cxi_columns_add(c->table, c->plan, e, f);
}

static int
fault_keep(struct cxi *c, struct fault *f)
{
	c->failed = true;
	if (f != NULL)
		*f = c->first;
	return -1;
}

int
cxi_add(struct cxi *c, const struct cxi_event *e, struct fault *f)
{
	int r;

	if (c->failed)
		return fault_keep(c, f);
	if ((r = event_write(c, e, &c->first)) == -1) {
		fault_prefix(&c->first, "%s", c->path);
		return fault_keep(c, f);
	}
	if (r == 1) {
		fault_set(f, "%s", c->first.text);
		return 1;
	}
	c->rows++;
	return 0;
}

uint64_t
cxi_rows(const struct cxi *c)
{
	return c->rows;
}

static int
file_finish(struct cxi *c, struct fault *f)
{
	if (cxi_table_flush(c->table, f) == -1)
		return fault_prefix(f, "%s", c->path);
	if (H5Fflush(c->file, H5F_SCOPE_GLOBAL) < 0)
		return hdf_fault_set(f, c->path);
	if (file_close(c) == -1)
		return hdf_fault_set(f, c->path);
	if (c->disk.error != 0)
		return fault_set(f, "%s: %s", c->path, strerror(c->disk.error));
	return 0;
}

int
cxi_close(struct cxi *c, struct fault *f)
{
	if (c->failed || (c->file >= 0 && file_finish(c, &c->first) == -1))
		return fault_keep(c, f);
	return 0;
}

int
cxi_sync(struct cxi *c, uint64_t *size, struct fault *f)
{
	if (cxi_close(c, f) == -1)
		return -1;
	if (cxi_file_sync(c->disk.fd, c->path, size, &c->first) == -1)
		return fault_keep(c, f);
	c->synced = true;
	return 0;
}

int
cxi_commit(struct cxi *c, const char *name, bool replace, struct fault *f)
{
	uint64_t size;
	int rc;

	if (!c->synced && cxi_sync(c, &size, f) == -1) {
		cxi_abort(c);
		return -1;
	}
	rc = cxi_file_name(c->disk.fd, c->path, name, replace, f);
	if (rc == -1)
		cxi_file_remove(c->disk.fd, c->path);
	cxi_free(c);
	return rc;
}
