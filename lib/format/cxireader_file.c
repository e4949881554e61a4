#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/event.h"
#include "format/cxiparts.h"
#include "format/cxireader_impl.h"
#include "format/cxisets_file.h"
#include "format/guard_hdf.h"

/*
 * Reading a CXI file, in the child of a guard.
 *
 * The survey opens every dataset that we know the name of, by the first of its
 * names that is there, and looks at its shape. The rows of the image say how many
 * events there are, or without images those of nPeaks. A column with one element
 * is that of all events; one with fewer rows than events knows nothing of the
 * others. Chunks that nobody wrote are errors, HDF5 would show zeros for them, and
 * so are datasets that lie in other files.
 *
 * Columns are read as doubles but for whole numbers of 64 bits.
 *
 * A file stays open until a request comes that is about another one.
 */

enum { MAX_RANK = 3, CACHE_BYTES = 256 << 20, CACHE_SLOTS = 12421,
	TRANSFER = 1 << 16	/* HDF5 would clear 1 MiB for each few numbers */
};

/* Datasets by number: first those with a number an event, then peaks, then planes. */
enum {
	N_PEAKS, N_FOUND, ENERGY, ENERGY_JOULE, WAVELENGTH, DISTANCE, PIXEL_X,
	PIXEL_Y, ENCODER, CLEN, TIMESTAMP, TIMESTAMP_VALID, SECONDS, NANOSECONDS,
	NUMBER, COLUMNS,
	PEAK_FS = COLUMNS, PEAK_SS, PEAK_TOTAL, PEAK_MAX, PEAK_SNR, PEAK_NPIXELS,
	PEAK_PANEL, PEAK_END,
	IMAGE = PEAK_END, MASK, SETS
};

static const double joule = 1.602176634e-19;	/* of one electronvolt, exact */

static const char *const names[SETS][2] = {
	[N_PEAKS] = { "/entry_1/result_1/nPeaks" },
	[N_FOUND] = { "/entry_1/result_1/nPeaksFound" },
	[ENERGY] = { "/LCLS/photon_energy_eV" },
	[ENERGY_JOULE] = { "/entry_1/instrument_1/source_1/energy" },
	[WAVELENGTH] = { "/LCLS/photon_wavelength_A" },
	[DISTANCE] = { "/entry_1/instrument_1/detector_1/distance" },
	[PIXEL_X] = { "/entry_1/instrument_1/detector_1/x_pixel_size" },
	[PIXEL_Y] = { "/entry_1/instrument_1/detector_1/y_pixel_size" },
	[ENCODER] = { "/LCLS/detector_1/EncoderValue" },
	[TIMESTAMP] = { "/LCLS/detector_1/timestamp" },
	[TIMESTAMP_VALID] = { "/LCLS/detector_1/timestamp_valid" },
	[SECONDS] = { "/LCLS/machineTime" },
	[NANOSECONDS] = { "/LCLS/machineTimeNanoSeconds" },
	[NUMBER] = { "/LCLS/eventNumber" },
	[PEAK_FS] = { "/entry_1/result_1/peakXPosRaw" },
	[PEAK_SS] = { "/entry_1/result_1/peakYPosRaw" },
	[PEAK_TOTAL] = { "/entry_1/result_1/peakTotalIntensity" },
	[PEAK_MAX] = { "/entry_1/result_1/peakMaximumValue",
	    "/entry_1/result_1/peakMaxIntensity" },
	[PEAK_SNR] = { "/entry_1/result_1/peakSNR" },
	[PEAK_NPIXELS] = { "/entry_1/result_1/peakNPixels" },
	[PEAK_PANEL] = { "/entry_1/result_1/peakSegPosRaw" },
	[IMAGE] = { "/entry_1/data_1/data",
	    "/entry_1/instrument_1/detector_1/data" },
	[MASK] = { "/entry_1/data_1/mask",
	    "/entry_1/instrument_1/detector_1/mask" },
};

struct set {
	hid_t		id;		/* negative: not there */
	const char	*path;
	int		rank;
	hsize_t		dims[MAX_RANK];
	hsize_t		chunk[MAX_RANK];
	bool		gaps;		/* some chunks were never written */
};

struct cxireader_file {
	int		fd;		/* that it is about; -1: none yet */
	hid_t		file, access, transfer;
	bool		linked;		/* an external link was met */
	const char	*clen_path;
	struct cxireader_info info;
	struct set	sets[SETS];
	float		*scratch;	/* rows of one peak dataset */
	struct cxisets	*all;		/* NULL: not asked for */
};

/* "path: cause", the cause being HDF5's innermost one; returns -1. */
static int
hdf_fault(struct fault *f, const char *path)
{
	char cause[160];

	guard_hdf_cause(cause, sizeof cause);
	return fault_set(f, "%.100s: %s", path, cause);
}

uint64_t
cxireader_block(uint32_t capacity)
{
	uint64_t n = CXIREADER_BLOCK_PEAKS / (capacity > 0 ? capacity : 1);

	return n > CXIREADER_BLOCK_EVENTS ? CXIREADER_BLOCK_EVENTS : n;
}

struct cxireader_file *
cxireader_file_new(const char *clen_path)
{
	struct cxireader_file *c = calloc(1, sizeof *c);
	int i;

	if (c == NULL)
		return NULL;
	c->fd = -1;
	c->file = c->access = c->transfer = H5I_INVALID_HID;
	c->clen_path = clen_path != NULL && *clen_path != '\0' ? clen_path : NULL;
	for (i = 0; i < SETS; i++)
		c->sets[i].id = H5I_INVALID_HID;
	return c;
}

void
cxireader_file_free(struct cxireader_file *c)
{
	if (c != NULL) {
		free(c->scratch);
		free(c->all);
	}
	free(c);
}

/* ---- opening ---- */

/* 1 if every part of the path is there, 0 if not, -1 with a fault. */
static int
path_exists(struct cxireader_file *c, const char *path, struct fault *f)
{
	const char *slash = path;
	char part[160];
	htri_t there;

	if (strlen(path) >= sizeof part)
		return fault_set(f, "%.100s: a path this long", path);
	do {
		slash = strchr(slash + 1, '/');
		snprintf(part, sizeof part, "%.*s", slash == NULL ?
		    (int)strlen(path) : (int)(slash - path), path);
		c->linked = false;
		there = H5Lexists(c->file, part, c->access);
		if (there < 0)
			return c->linked ? fault_set(f, "%.100s: an external link;"
			    " no other files are read", path) :
			    hdf_fault(f, path);
		if (there == 0)
			return 0;
	} while (slash != NULL);
	return 1;
}

static int
storage_check(struct set *s, struct fault *f)
{
	hid_t list = H5Dget_create_plist(s->id);
	H5D_space_status_t status;
	int r = 0;

	if (list < 0 || H5Dget_space_status(s->id, &status) < 0)
		r = hdf_fault(f, s->path);
	else if (guard_hdf_storage(list, f) == -1)
		r = fault_prefix(f, "%.100s", s->path);
	else if (H5Pget_layout(list) == H5D_CHUNKED) {
		s->gaps = status != H5D_SPACE_STATUS_ALLOCATED;
		if (H5Pget_chunk(list, MAX_RANK, s->chunk) != s->rank)
			r = fault_set(f, "%.100s: its chunks do not fit its shape",
			    s->path);
	}
	if (list >= 0)
		H5Pclose(list);
	return r;
}

static int
shape_check(struct set *s, struct fault *f)
{
	hid_t space = H5Dget_space(s->id), type = H5Dget_type(s->id);
	H5T_class_t class = H5Tget_class(type);
	int r = 0;

	s->rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
	if (s->rank < 0 || class == H5T_NO_CLASS || (s->rank <= MAX_RANK &&
	    H5Sget_simple_extent_dims(space, s->dims, NULL) != s->rank))
		r = hdf_fault(f, s->path);
	else if (s->rank > MAX_RANK)
		r = fault_set(f, "%.100s: has %d dimensions, at most %d make sense",
		    s->path, s->rank, MAX_RANK);
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
	struct set *s = &c->sets[i];
	hid_t list = H5P_DEFAULT;
	int r = path_exists(c, path, f);

	if (r != 1)
		return r;
	if (i == IMAGE)
		list = image_access();
	else
		list = c->access;
	s->path = path;
	s->id = H5Dopen2(c->file, path, list);
	if (i == IMAGE && list >= 0)
		H5Pclose(list);
	if (s->id < 0)
		return hdf_fault(f, path);
	return shape_check(s, f) == -1 || storage_check(s, f) == -1 ? -1 : 1;
}

static int
sets_open(struct cxireader_file *c, struct fault *f)
{
	int i, n, r;

	for (i = 0; i < SETS; i++)
		for (n = 0, r = 0; n < 2 && r == 0 && names[i][n] != NULL; n++)
			if ((r = set_open(c, i, names[i][n], f)) == -1)
				return -1;
	if (c->clen_path != NULL && set_open(c, CLEN, c->clen_path, f) == -1)
		return -1;
	return 0;
}

/* The reader goes on without the dataset. */
static void
set_drop(struct set *s)
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
	const struct set *s = &c->sets[IMAGE];
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
	struct set *s = &c->sets[MASK];
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
	const struct set *first = &c->sets[PEAK_FS];
	bool there = c->sets[N_PEAKS].id >= 0 && first->id >= 0 &&
	    c->sets[PEAK_SS].id >= 0;
	struct set *s;

	for (s = &c->sets[PEAK_FS]; s < &c->sets[PEAK_END]; s++) {
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
		set_drop(&c->sets[N_PEAKS]);
		return 0;
	}
	c->info.capacity = (uint32_t)first->dims[1];
	c->scratch = malloc(cxireader_block(c->info.capacity) *
	    c->info.capacity * sizeof *c->scratch);
	return c->scratch == NULL ? fault_set(f, "out of memory for peaks") : 0;
}

static int
columns_survey(struct cxireader_file *c, struct fault *f)
{
	const struct set *s;

	for (s = c->sets; s < &c->sets[COLUMNS]; s++)
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
	hsize_t start[MAX_RANK] = { 0 }, count[MAX_RANK] = { 1, 1, 1 };
	char *p = NULL;

	if (rank >= 0 && rank <= MAX_RANK && (rank == 0 ||
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
		return hdf_fault(f, path);
	type = H5Dget_type(set);
	space = H5Dget_space(set);
	if (H5Tget_class(type) == H5T_STRING && space >= 0 &&
	    H5Sget_simple_extent_npoints(space) > 0) {
		memory = H5Tcopy(H5T_C_S1);
		varying = H5Tis_variable_str(type) > 0;
		H5Tset_size(memory, varying ? H5T_VARIABLE : size);
		H5Tset_cset(memory, H5Tget_cset(type));
		if (text_take(set, memory, space, H5Tget_size(type) >
		    TRANSFER ? H5P_DEFAULT : c->transfer, varying, text, size) == -1)
			r = hdf_fault(f, path);
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

	if (r == 1)
		r = path_exists(c, names[N_PEAKS][0], f);
	if (r != 1)
		return r;
	if ((set = H5Dopen2(c->file, names[N_PEAKS][0], c->access)) >= 0)
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

static int
survey(struct cxireader_file *c, struct fault *f)
{
	struct cxireader_info *x = &c->info;
	int r;

	if ((c->file = guard_hdf_open(c->fd)) < 0)
		return hdf_fault(f, "not a readable HDF5 file");
	if ((r = merged_survey(c, f)) != 0)
		return r == -1 ? -1 : 0;
	if (sets_open(c, f) == -1 || images_survey(c, f) == -1 ||
	    mask_survey(c, f) == -1 || peaks_survey(c, f) == -1 ||
	    columns_survey(c, f) == -1 || texts_survey(c, f) == -1)
		return -1;
	if (x->height == 0 && x->capacity == 0)
		return fault_set(f, "not a CXI file with images or peaks: it has"
		    " neither %s nor %s", names[IMAGE][0], names[N_PEAKS][0]);
	if (x->height == 0)
		x->events = c->sets[N_PEAKS].rank == 0 ? 1 :
		    c->sets[N_PEAKS].dims[0];
	return 0;
}

/* ---- taking files in turn ---- */

/* What all files are read with. */
static int
lists_make(struct cxireader_file *c, struct fault *f)
{
	if (c->access >= 0)
		return 0;
	c->access = H5Pcreate(H5P_DATASET_ACCESS);
	c->transfer = H5Pcreate(H5P_DATASET_XFER);
	if (c->access < 0 || c->transfer < 0 ||
	    H5Pset_buffer(c->transfer, TRANSFER, NULL, NULL) < 0 ||
	    guard_hdf_links(c->access, &c->linked) == -1)
		return fault_set(f, "HDF5 cannot be set up");
	return 0;
}

/* Closes the file, and with it all that is open of it, guard_hdf.h. */
static void
file_leave(struct cxireader_file *c)
{
	int i;

	if (c->file >= 0)
		H5Fclose(c->file);
	c->file = H5I_INVALID_HID;
	c->fd = -1;
	memset(&c->info, 0, sizeof c->info);
	memset(c->sets, 0, sizeof c->sets);
	for (i = 0; i < SETS; i++)
		c->sets[i].id = H5I_INVALID_HID;
	free(c->scratch);
	c->scratch = NULL;
	if (c->all != NULL)
		c->all->n = 0;
}

/* After a crash there is a new child, which has not opened the file yet. */
static int
file_enter(struct cxireader_file *c, int fd, struct fault *f)
{
	if (c->fd == fd)
		return 0;
	file_leave(c);
	if (lists_make(c, f) == -1)
		return -1;
	c->fd = fd;
	if (survey(c, f) == 0)
		return 0;
	file_leave(c);
	return -1;
}

/* ---- reading ---- */

/* Every chunk of row k must have been written. */
static int
chunks_check(const struct set *s, hsize_t k, struct fault *f)
{
	hsize_t at[MAX_RANK] = { 0 }, bytes;
	int i;

	if (!s->gaps)
		return 0;
	at[0] = k - k % s->chunk[0];
	do {
		/* HDF5 1.10 fails on a chunk that has no storage, 1.12 has 0. */
		if (H5Dget_chunk_storage_size(s->id, at, &bytes) < 0 ||
		    bytes == 0)
			return fault_set(f, "%s: a chunk of row %llu was never"
			    " written", s->path, (unsigned long long)k);
		for (i = s->rank - 1; i > 0; i--) {
			if ((at[i] += s->chunk[i]) < s->dims[i])
				break;
			at[i] = 0;
		}
	} while (i > 0);
	return 0;
}

/* Rows first to first + n, width elements of the last dimension of rank 2. */
static int
rows_read(const struct cxireader_file *c, const struct set *s, hsize_t first,
    hsize_t n, hsize_t width, hid_t type, void *out, struct fault *f)
{
	hsize_t start[MAX_RANK] = { 0 }, count[MAX_RANK] = { 0 };
	hid_t space = H5Dget_space(s->id), memory;
	int r = 0;

	memcpy(count, s->dims, sizeof count);
	start[0] = first;
	count[0] = n;
	if (s->rank == 2)
		count[1] = width;
	memory = H5Screate_simple(s->rank, count, NULL);
	if (space < 0 || memory < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET,
	    start, NULL, count, NULL) < 0 || H5Dread(s->id, type, memory, space,
	    c->transfer, out) < 0)
		r = hdf_fault(f, s->path);
	if (memory >= 0)
		H5Sclose(memory);
	if (space >= 0)
		H5Sclose(space);
	return r;
}

/*
 * A column's rows of a block, size bytes each; *got is how many there are. The one
 * value of a column that has but one is that of every event.
 */
static int
column_read(const struct cxireader_file *c, const struct set *s, hsize_t first,
    hsize_t n, hid_t type, size_t size, void *out, hsize_t *got,
    struct fault *f)
{
	char *to = out;
	hsize_t i;

	*got = 0;
	if (s->id < 0 || (s->rank == 1 && s->dims[0] <= first &&
	    s->dims[0] != 1))
		return 0;
	if (s->rank == 0 || s->dims[0] == 1) {
		if (H5Dread(s->id, type, H5S_ALL, H5S_ALL, c->transfer, out) < 0)
			return hdf_fault(f, s->path);
		for (i = 1; i < n; i++)
			memcpy(to + i * size, to, size);
		*got = n;
		return 0;
	}
	*got = s->dims[0] - first < n ? s->dims[0] - first : n;
	return rows_read(c, s, first, *got, 0, type, out, f);
}

static int
reals_read(struct cxireader_file *c, int i, hsize_t first, hsize_t n,
    double *out, struct fault *f)
{
	hsize_t got;

	if (column_read(c, &c->sets[i], first, n, H5T_NATIVE_DOUBLE, sizeof *out,
	    out, &got, f) == -1)
		return -1;
	for (; got < n; got++)
		out[got] = NAN;
	return 0;
}

/* 0 where there is none. */
static int
wholes_read(struct cxireader_file *c, int i, hsize_t first, hsize_t n,
    uint64_t *out, hsize_t *got, struct fault *f)
{
	if (column_read(c, &c->sets[i], first, n, H5T_NATIVE_UINT64, sizeof *out,
	    out, got, f) == -1)
		return -1;
	if (*got < n)
		memset(out + *got, 0, (n - *got) * sizeof *out);
	return 0;
}

/* Columns that become doubles as they are. */
static const struct {
	int	set;
	size_t	at;
} reals[] = {
	{ DISTANCE, offsetof(struct cxireader_event, distance) },
	{ PIXEL_X, offsetof(struct cxireader_event, pixel_x) },
	{ PIXEL_Y, offsetof(struct cxireader_event, pixel_y) },
	{ ENCODER, offsetof(struct cxireader_event, encoder) },
	{ CLEN, offsetof(struct cxireader_event, clen) },
	{ WAVELENGTH, offsetof(struct cxireader_event, wavelength) },
	{ ENERGY, offsetof(struct cxireader_event, energy) },
};

/* A size, distance or energy of 0 is a way of saying nothing. */
static double
positive(double v)
{
	return v > 0 && isfinite(v) ? v : NAN;
}

static int
energies_read(struct cxireader_file *c, struct cxireader_event *e,
    hsize_t first, hsize_t n, struct fault *f)
{
	double energy[CXIREADER_BLOCK_EVENTS];
	hsize_t i;

	if (reals_read(c, ENERGY_JOULE, first, n, energy, f) == -1)
		return -1;
	for (i = 0; i < n; i++, e++) {
		e->energy = positive(e->energy);
		e->wavelength = positive(e->wavelength);
		if (isnan(e->energy))
			e->energy = positive(energy[i] / joule);
		if (isnan(e->energy))
			e->energy = EVENT_HC / e->wavelength;
		if (isnan(e->wavelength))
			e->wavelength = EVENT_HC / e->energy;
		e->distance = positive(e->distance);
		e->pixel_x = positive(e->pixel_x);
		e->pixel_y = positive(e->pixel_y);
	}
	return 0;
}

/* Our column if it is there, else Cheetah's two. */
static int
times_read(struct cxireader_file *c, struct cxireader_event *e, hsize_t first,
    hsize_t n, struct fault *f)
{
	uint64_t time[CXIREADER_BLOCK_EVENTS], part[CXIREADER_BLOCK_EVENTS];
	hsize_t got, marked, i;

	if (wholes_read(c, TIMESTAMP, first, n, time, &got, f) == -1 ||
	    wholes_read(c, TIMESTAMP_VALID, first, n, part, &marked, f) == -1)
		return -1;
	for (i = 0; i < got; i++) {
		e[i].has_timestamp = i < marked ? part[i] != 0 : time[i] != 0;
		e[i].timestamp = e[i].has_timestamp ? time[i] : 0;
	}
	if (got > 0)
		return 0;
	if (wholes_read(c, SECONDS, first, n, time, &got, f) == -1 ||
	    wholes_read(c, NANOSECONDS, first, n, part, &marked, f) == -1)
		return -1;
	for (i = 0; i < got; i++) {
		e[i].has_timestamp = time[i] != 0;
		e[i].timestamp = time[i] << 32 | (part[i] & UINT32_MAX);
	}
	return 0;
}

static int
counts_read(struct cxireader_file *c, struct cxireader_event *e, hsize_t first,
    hsize_t n, struct fault *f)
{
	double peaks[CXIREADER_BLOCK_EVENTS], found[CXIREADER_BLOCK_EVENTS];
	uint64_t number[CXIREADER_BLOCK_EVENTS];
	hsize_t got, i;

	if (reals_read(c, N_PEAKS, first, n, peaks, f) == -1 ||
	    reals_read(c, N_FOUND, first, n, found, f) == -1 ||
	    wholes_read(c, NUMBER, first, n, number, &got, f) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		e[i].has_number = i < got;
		e[i].number = number[i];
		e[i].has_peaks = peaks[i] >= 0 && peaks[i] <= UINT32_MAX &&
		    first + i < c->sets[PEAK_FS].dims[0] &&
		    first + i < c->sets[PEAK_SS].dims[0];
		if (!e[i].has_peaks)
			continue;
		e[i].n_found = (uint32_t)(found[i] >= 0 &&
		    found[i] <= UINT32_MAX ? found[i] : peaks[i]);
		e[i].n_peaks = (uint32_t)fmin(peaks[i], c->info.capacity);
	}
	return 0;
}

static void
peak_set(struct cxireader_peak *p, int set, float v)
{
	switch (set) {
	case PEAK_FS:
		p->fs = v;
		break;
	case PEAK_SS:
		p->ss = v;
		break;
	case PEAK_TOTAL:
		p->total = v;
		break;
	case PEAK_MAX:
		p->max = v;
		break;
	case PEAK_SNR:
		p->snr = v;
		break;
	case PEAK_NPIXELS:
		p->npixels = v;
		break;
	default:
		p->panel = v >= 0 && v < (float)INT32_MAX ? (int32_t)v : -1;
		break;
	}
}

/* One dataset's part of all peaks of a block. */
static int
peaks_read(struct cxireader_file *c, int set, const struct cxireader_event *e,
    hsize_t first, hsize_t n, struct cxireader_peak *p, struct fault *f)
{
	const struct set *s = &c->sets[set];
	hsize_t width = 1, rows, i, k;

	for (i = 0; i < n; i++)
		if (width < e[i].n_peaks)
			width = e[i].n_peaks;
	rows = s->id < 0 || s->dims[0] <= first ? 0 :
	    s->dims[0] - first < n ? s->dims[0] - first : n;
	if (rows > 0 && rows_read(c, s, first, rows, width, H5T_NATIVE_FLOAT,
	    c->scratch, f) == -1)
		return -1;
	for (i = 0; i < n; i++)
		for (k = 0; k < e[i].n_peaks; k++)
			peak_set(p++, set, i < rows ? c->scratch[i * width + k] :
			    NAN);
	return 0;
}

static int
block_read(struct cxireader_file *c, uint64_t block, void *memory,
    struct fault *f)
{
	hsize_t size = cxireader_block(c->info.capacity), first = block * size;
	hsize_t n = c->info.events - first, i, r;
	struct cxireader_event *e = memory;
	double column[CXIREADER_BLOCK_EVENTS];

	if (n > size)
		n = size;
	memset(e, 0, CXIREADER_BLOCK_EVENTS * sizeof *e);
	for (r = 0; r < sizeof reals / sizeof reals[0]; r++) {
		if (reals_read(c, reals[r].set, first, n, column, f) == -1)
			return -1;
		for (i = 0; i < n; i++)
			memcpy((char *)&e[i] + reals[r].at, &column[i],
			    sizeof column[i]);
	}
	if (energies_read(c, e, first, n, f) == -1 ||
	    times_read(c, e, first, n, f) == -1 ||
	    counts_read(c, e, first, n, f) == -1)
		return -1;
	for (r = PEAK_FS; r < PEAK_END && c->info.capacity > 0; r++)
		if (peaks_read(c, (int)r, e, first, n, (struct cxireader_peak *)
		    (e + CXIREADER_BLOCK_EVENTS), f) == -1)
			return -1;
	return 0;
}

/* As signed bytes HDF5 saturates, so what is not 0 stays so. */
static int
mask_read(struct cxireader_file *c, uint64_t k, void *memory, struct fault *f)
{
	const struct set *s = &c->sets[MASK];

	if (s->rank == 3)
		return chunks_check(s, k, f) == -1 ? -1 :
		    rows_read(c, s, k, 1, 0, H5T_NATIVE_INT8, memory, f);
	if (H5Dread(s->id, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, c->transfer,
	    memory) < 0)
		return hdf_fault(f, s->path);
	return 0;
}

static int
image_read(struct cxireader_file *c, uint64_t k, void *memory, struct fault *f)
{
	const struct set *s = &c->sets[IMAGE];

	return chunks_check(s, k, f) == -1 ? -1 :
	    rows_read(c, s, k, 1, 0, H5T_NATIVE_FLOAT, memory, f);
}

static int
all_survey(struct cxireader_file *c, struct fault *f)
{
	if (c->all == NULL && (c->all = calloc(1, sizeof *c->all)) == NULL)
		return fault_set(f, "out of memory");
	if (c->all->n > 0)
		return 0;
	if (cxisets_survey(c->file, c->access, c->all, f) == 0)
		return 0;
	c->all->n = 0;
	return -1;
}

/* Rows or chunks of any dataset; what is wanted of which is in k. */
static int
all_serve(struct cxireader_file *c, enum cxireader_what what, void *memory,
    uint64_t k, struct fault *f)
{
	uint64_t row = k & ((UINT64_C(1) << 48) - 1);
	const struct cxiset *s;

	if (all_survey(c, f) == -1)
		return -1;
	s = &c->all->sets[k >> 48];
	if (k >> 48 >= c->all->n || s->kind == CXISET_GROUP ||
	    row >= (s->growing ? s->dims[0] : 1))
		return fault_set(f, "an unknown request");
	return what == CXIREADER_ROWS ?
	    cxisets_rows(c->file, c->access, s, row, memory, CXIREADER_MEMORY, f) :
	    cxisets_chunks(c->file, c->access, s, row, memory, CXIREADER_MEMORY, f);
}

int
cxireader_file_serve(struct cxireader_file *c, int fd, void *memory,
    uint64_t request, struct fault *f)
{
	uint64_t k = request & ((UINT64_C(1) << 56) - 1);

	if (file_enter(c, fd, f) == -1)
		return -1;
	switch ((enum cxireader_what)(request >> 56)) {
	case CXIREADER_SURVEY:
		memcpy(memory, &c->info, sizeof c->info);
		return 0;
	case CXIREADER_BLOCK:
		return block_read(c, k, memory, f);
	case CXIREADER_IMAGE:
		return image_read(c, k, memory, f);
	case CXIREADER_MASK:
		return mask_read(c, k, memory, f);
	case CXIREADER_SETS:
		if (all_survey(c, f) == -1)
			return -1;
		memcpy(memory, c->all, sizeof *c->all);
		return 0;
	case CXIREADER_ROWS:
	case CXIREADER_CHUNKS:
		return all_serve(c, (enum cxireader_what)(request >> 56), memory,
		    k, f);
	}
	return fault_set(f, "an unknown request");
}
