#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/cxi.h"
#include "format/cxiparts.h"
#include "format/cxireader_file.h"
#include "format/guard_hdf.h"
#include "format/hdf_fault.h"

/*
 * The survey opens every dataset that we know the name of, by the first of its
 * names that is there, and looks at its shape. The rows of the image say how many
 * events there are, or without images those of nPeaks. Datasets that lie in other
 * files are errors.
 */

enum { CACHE_BYTES = 256 << 20, CACHE_SLOTS = 12421 };

static const char *const names[SET_COUNT][2] = {
	[SET_N_PEAKS] = { "/entry_1/result_1/nPeaks" },
	[SET_N_FOUND] = { "/entry_1/result_1/nPeaksFound" },
	[SET_ENERGY] = { "/LCLS/photon_energy_eV" },
	[SET_ENERGY_JOULE] = { "/entry_1/instrument_1/source_1/energy" },
	[SET_WAVELENGTH] = { "/LCLS/photon_wavelength_A" },
	[SET_DISTANCE] = { "/entry_1/instrument_1/detector_1/distance" },
	[SET_PIXEL_X] = { "/entry_1/instrument_1/detector_1/x_pixel_size" },
	[SET_PIXEL_Y] = { "/entry_1/instrument_1/detector_1/y_pixel_size" },
	[SET_ENCODER] = { CXI_ENCODER },
	[SET_TIMESTAMP] = { "/LCLS/detector_1/timestamp" },
	[SET_TIMESTAMP_VALID] = { "/LCLS/detector_1/timestamp_valid" },
	[SET_SECONDS] = { "/LCLS/machineTime" },
	[SET_NANOSECONDS] = { "/LCLS/machineTimeNanoSeconds" },
	[SET_NUMBER] = { "/LCLS/eventNumber" },
	[SET_PEAK_FS] = { "/entry_1/result_1/peakXPosRaw" },
	[SET_PEAK_SS] = { "/entry_1/result_1/peakYPosRaw" },
	[SET_PEAK_TOTAL] = { "/entry_1/result_1/peakTotalIntensity" },
	[SET_PEAK_MAX] = { "/entry_1/result_1/peakMaximumValue",
	    "/entry_1/result_1/peakMaxIntensity" },
	[SET_PEAK_SNR] = { "/entry_1/result_1/peakSNR" },
	[SET_PEAK_NPIXELS] = { "/entry_1/result_1/peakNPixels" },
	[SET_PEAK_PANEL] = { "/entry_1/result_1/peakSegPosRaw" },
	[SET_IMAGE] = { "/entry_1/data_1/data",
	    "/entry_1/instrument_1/detector_1/data" },
	[SET_MASK] = { "/entry_1/data_1/mask",
	    "/entry_1/instrument_1/detector_1/mask" },
};

/* ---- opening ---- */

/* 1 if every part of the path is there, 0 if not, -1 with a fault. */
static int
path_exists(struct cxireader_file *c, const char *path, struct fault *f)
{
	int there;

	if (strlen(path) >= GUARD_HDF_PATH)
		return fault_set(f, "%.100s: a path this long", path);
	c->linked = false;
	if ((there = guard_hdf_exists(c->file, path, c->access)) != -1)
		return there;
	return c->linked ? fault_set(f, "%.100s: an external link; no other files are"
	    " read", path) : hdf_fault_set(f, path);
}

/* What is behind the last link of a path that exists: a dataset of this file? */
static int
dataset_check(struct cxireader_file *c, const char *path, struct fault *f)
{
	H5O_info_t info;

	if (H5Oget_info_by_name2(c->file, path, &info, H5O_INFO_BASIC,
	    c->access) < 0)
		return fault_set(f, "%.100s: %s", path, c->linked ?
		    "an external link; no other files are read" :
		    "a link that leads nowhere");
	if (info.type != H5O_TYPE_DATASET)
		return fault_set(f, "%.100s: not a dataset", path);
	return 0;
}

static int
storage_check(struct cxireader_set *s, struct fault *f)
{
	hid_t list = H5Dget_create_plist(s->id);
	int r = 0;

	if (list < 0)
		r = hdf_fault_set(f, s->path);
	else if (guard_hdf_storage(list, f) == -1)
		r = fault_prefix(f, "%s", s->path);
	else if (H5Pget_layout(list) == H5D_CHUNKED &&
	    H5Pget_chunk(list, CXIREADER_RANK, s->chunk) != s->rank)
		r = fault_set(f, "%s: its chunks do not fit its shape", s->path);
	if (list >= 0)
		H5Pclose(list);
	return r;
}

static int
shape_check(struct cxireader_set *s, struct fault *f)
{
	hid_t space = H5Dget_space(s->id), type = H5Dget_type(s->id);
	H5T_class_t class = H5Tget_class(type);
	int r = 0;

	s->real = class == H5T_FLOAT;
	s->rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
	if (s->rank < 0 || class == H5T_NO_CLASS || (s->rank <= CXIREADER_RANK &&
	    H5Sget_simple_extent_dims(space, s->dims, NULL) != s->rank))
		r = hdf_fault_set(f, s->path);
	else if (s->rank > CXIREADER_RANK)
		r = fault_set(f, "%.100s: has %d dimensions, at most %d make sense",
		    s->path, s->rank, CXIREADER_RANK);
	else if (class != H5T_INTEGER && class != H5T_FLOAT && class != H5T_ENUM)
		r = fault_set(f, "%.100s: holds no numbers", s->path);
	if (type >= 0)
		H5Tclose(type);
	if (space >= 0)
		H5Sclose(space);
	return r;
}

/* As many unpacked bytes kept that chunks of several events are unpacked once. */
static hid_t
image_access(void)
{
	hid_t list = H5Pcreate(H5P_DATASET_ACCESS);

	if (list >= 0)
		H5Pset_chunk_cache(list, CACHE_SLOTS, CACHE_BYTES, 1);
	return list;
}

static int
set_open(struct cxireader_file *c, int i, const char *path, struct fault *f)
{
	struct cxireader_set *s = &c->sets[i];
	hid_t list = H5P_DEFAULT;
	int r = path_exists(c, path, f);

	if (r != 1)
		return r;
	if (dataset_check(c, path, f) == -1)
		return -1;
	if (i == SET_IMAGE)
		list = image_access();
	else
		list = c->access;
	s->path = path;
	s->id = H5Dopen2(c->file, path, list);
	if (i == SET_IMAGE && list >= 0)
		H5Pclose(list);
	if (s->id < 0)
		return hdf_fault_set(f, path);
	return shape_check(s, f) == -1 || storage_check(s, f) == -1 ? -1 : 1;
}

static int
sets_open(struct cxireader_file *c, struct fault *f)
{
	int i, n, r;

	for (i = 0; i < SET_COUNT; i++)
		for (n = 0, r = 0; n < 2 && r == 0 && names[i][n] != NULL; n++)
			if ((r = set_open(c, i, names[i][n], f)) == -1)
				return -1;
	if (c->clen_path != NULL && set_open(c, SET_CLEN, c->clen_path, f) == -1)
		return -1;
	return 0;
}

/* The reader goes on without the dataset. */
static void
set_drop(struct cxireader_set *s)
{
	if (s->id >= 0)
		H5Dclose(s->id);
	s->id = H5I_INVALID_HID;
}

/* ---- the survey ---- */

static void
type_name(hid_t set, char name[8])
{
	hid_t type = H5Dget_type(set);
	H5T_class_t class = H5Tget_class(type);

	snprintf(name, 8, "%s%u", class == H5T_FLOAT ? "f" :
	    class == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "i",
	    (unsigned)H5Tget_size(type) * 8 % 1000);
	H5Tclose(type);
}

static int
images_survey(struct cxireader_file *c, struct fault *f)
{
	const struct cxireader_set *s = &c->sets[SET_IMAGE];
	struct cxireader_info *x = &c->info;

	if (s->id < 0)
		return 0;
	if (s->rank != 3)
		return fault_set(f, "%s: has %d dimensions, not the three of (event,"
		    " ss, fs)", s->path, s->rank);
	if (s->dims[1] == 0 || s->dims[2] == 0 ||
	    s->dims[1] > CXIREADER_MAX_PIXELS / s->dims[2])
		return fault_set(f, "%s: images of %llu x %llu pixels; 1 to %d are"
		    " read", s->path, (unsigned long long)s->dims[1],
		    (unsigned long long)s->dims[2], CXIREADER_MAX_PIXELS);
	x->events = s->dims[0];
	x->height = (uint32_t)s->dims[1];
	x->width = (uint32_t)s->dims[2];
	type_name(s->id, x->type);
	return 0;
}

/* A mask for images, one for all or one for each. */
static int
mask_survey(struct cxireader_file *c, struct fault *f)
{
	struct cxireader_set *s = &c->sets[SET_MASK];
	const hsize_t *d = s->dims + (s->rank == 3);

	if (s->id < 0 || c->info.height == 0) {
		set_drop(s);
		return 0;
	}
	if (s->rank < 2 || d[0] != c->info.height || d[1] != c->info.width ||
	    (s->rank == 3 && s->dims[0] < c->info.events))
		return fault_set(f, "%s: is not of the images' shape", s->path);
	c->info.mask = s->rank == 3 ? 2 : 1;
	return 0;
}

/* Peaks that have no number or no place are no peaks. */
static int
peaks_survey(struct cxireader_file *c, struct fault *f)
{
	const struct cxireader_set *first = &c->sets[SET_PEAK_FS];
	bool there = c->sets[SET_N_PEAKS].id >= 0 && first->id >= 0 &&
	    c->sets[SET_PEAK_SS].id >= 0;
	struct cxireader_set *s;

	for (s = &c->sets[SET_PEAK_FS]; s < &c->sets[SET_PEAK_END]; s++) {
		if (!there)
			set_drop(s);
		if (s->id < 0)
			continue;
		if (s->rank != 2 || s->dims[1] != first->dims[1] ||
		    s->dims[1] == 0 || s->dims[1] > CXIREADER_MAX_CAPACITY)
			return fault_set(f, "%s: is not (event, peak) like"
			    " %s, with 1 to %d peaks", s->path, first->path,
			    CXIREADER_MAX_CAPACITY);
	}
	if (!there) {
		set_drop(&c->sets[SET_N_PEAKS]);
		return 0;
	}
	c->info.capacity = (uint32_t)first->dims[1];
	c->scratch = malloc(cxireader_block(c->info.capacity) *
	    c->info.capacity * sizeof *c->scratch);
	return c->scratch == NULL ? fault_lack(f, "out of memory for peaks") : 0;
}

static int
columns_survey(struct cxireader_file *c, struct fault *f)
{
	const struct cxireader_set *s;

	for (s = c->sets; s < &c->sets[SET_COLUMNS]; s++)
		if (s->id >= 0 && s->rank > 1)
			return fault_set(f, "%s: has %d dimensions, not a number an"
			    " event", s->path, s->rank);
	return 0;
}

/* The first text of a dataset, in the memory type given; varying: a pointer. */
static int
text_take(hid_t set, hid_t type, hid_t space, hid_t transfer, bool varying,
    char *text, size_t size)
{
	hsize_t one = 1;
	hid_t memory = H5Screate_simple(1, &one, NULL);
	int rank = H5Sget_simple_extent_ndims(space), r = -1;
	hsize_t start[CXIREADER_RANK] = { 0 }, count[CXIREADER_RANK] = { 1, 1, 1 };
	char *p = NULL;

	if (rank >= 0 && rank <= CXIREADER_RANK && (rank == 0 ||
	    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count,
	    NULL) >= 0))
		r = H5Dread(set, type, memory, space, transfer,
		    varying ? (void *)&p : text) < 0 ? -1 : 0;
	if (r == 0 && varying && p != NULL) {
		snprintf(text, size, "%s", p);
		H5Dvlen_reclaim(type, memory, H5P_DEFAULT, &p);
	}
	H5Sclose(memory);
	return r;
}

/* A text of our own making; anything else under its name is not looked at. */
static int
text_read(struct cxireader_file *c, const char *path, char *text, size_t size,
    struct fault *f)
{
	int r = path_exists(c, path, f);
	hid_t set, type, space, memory;
	bool varying;

	if (r != 1)
		return r;
	if ((set = H5Dopen2(c->file, path, c->access)) < 0)
		return hdf_fault_set(f, path);
	type = H5Dget_type(set);
	space = H5Dget_space(set);
	if (H5Tget_class(type) == H5T_STRING && space >= 0 &&
	    H5Sget_simple_extent_npoints(space) > 0) {
		memory = H5Tcopy(H5T_C_S1);
		varying = H5Tis_variable_str(type) > 0;
		H5Tset_size(memory, varying ? H5T_VARIABLE : size);
		H5Tset_cset(memory, H5Tget_cset(type));
		if (text_take(set, memory, space, H5Tget_size(type) >
		    CXIREADER_TRANSFER ? H5P_DEFAULT : c->transfer, varying, text, size) == -1)
			r = hdf_fault_set(f, path);
		H5Tclose(memory);
	}
	H5Sclose(space);
	H5Tclose(type);
	H5Dclose(set);
	return r;
}

static int
texts_survey(struct cxireader_file *c, struct fault *f)
{
	struct cxireader_info *x = &c->info;

	return text_read(c, "/entry_1/process_1/program", x->program,
	    sizeof x->program, f) == -1 ||
	    text_read(c, "/entry_1/process_1/options", x->options,
	    sizeof x->options, f) == -1 ||
	    text_read(c, "/entry_1/process_1/stream", x->stream,
	    sizeof x->stream, f) == -1 ||
	    text_read(c, "/entry_1/instrument_1/detector_1/description",
	    x->detector, sizeof x->detector, f) == -1 ? -1 : 0;
}

/* How many rows a dataset of one dimension has. */
static int
rows_count(struct cxireader_file *c, const char *path, uint64_t *n,
    struct fault *f)
{
	hid_t set = H5Dopen2(c->file, path, c->access), space = H5I_INVALID_HID;
	hsize_t rows = 0;

	if (set >= 0)
		space = H5Dget_space(set);
	if (space < 0 || H5Sget_simple_extent_ndims(space) != 1 ||
	    H5Sget_simple_extent_dims(space, &rows, NULL) != 1) {
		rows = UINT64_MAX;
		fault_set(f, "%.100s: is not a row an event", path);
	}
	if (space >= 0)
		H5Sclose(space);
	if (set >= 0)
		H5Dclose(set);
	*n = rows;
	return rows == UINT64_MAX ? -1 : 0;
}

/* 1: a merged file with virtual datasets, of which only the tables are read. */
static int
merged_survey(struct cxireader_file *c, struct fault *f)
{
	int r = path_exists(c, CXIPARTS_SOURCE, f);
	hid_t set, list = H5I_INVALID_HID;
	bool virtual = false;

	c->info.parts = r == 1;
	if (r == 1)
		r = path_exists(c, names[SET_N_PEAKS][0], f);
	if (r != 1)
		return r;
	if ((set = H5Dopen2(c->file, names[SET_N_PEAKS][0], c->access)) >= 0)
		list = H5Dget_create_plist(set);
	if (list >= 0) {
		virtual = H5Pget_layout(list) == H5D_VIRTUAL;
		H5Pclose(list);
	}
	if (set >= 0)
		H5Dclose(set);
	if (!virtual)
		return 0;
	c->info.merged = 1;
	return rows_count(c, CXIPARTS_SOURCE, &c->info.events, f) == -1 ||
	    texts_survey(c, f) == -1 ? -1 : 1;
}

/* Each event has a byte there, or a file of no size could keep its reader for ever. */
static int
events_check(const struct cxireader_file *c, struct fault *f)
{
	hsize_t bytes;

	if (H5Fget_filesize(c->file, &bytes) < 0)
		return hdf_fault_set(f, "the size of the file");
	if (c->info.events > bytes)
		return fault_set(f, "%llu events cannot be in a file of %llu bytes",
		    (unsigned long long)c->info.events, (unsigned long long)bytes);
	return 0;
}

int
cxireader_survey(struct cxireader_file *c, struct fault *f)
{
	struct cxireader_info *x = &c->info;
	int r;

	if ((c->file = guard_hdf_open(c->fd)) < 0)
		return hdf_fault_set(f, "not a readable HDF5 file");
	if ((r = merged_survey(c, f)) != 0)
		return r == -1 ? -1 : 0;
	if (sets_open(c, f) == -1 || images_survey(c, f) == -1 ||
	    mask_survey(c, f) == -1 || peaks_survey(c, f) == -1 ||
	    columns_survey(c, f) == -1 || texts_survey(c, f) == -1)
		return -1;
	if (x->height == 0 && x->capacity == 0)
		return fault_set(f, "not a CXI file with images or peaks: it has"
		    " neither %s nor %s", names[SET_IMAGE][0], names[SET_N_PEAKS][0]);
	if (x->height == 0)
		x->events = c->sets[SET_N_PEAKS].rank == 0 ? 1 :
		    c->sets[SET_N_PEAKS].dims[0];
	return events_check(c, f);
}
