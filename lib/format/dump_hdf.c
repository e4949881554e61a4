#include <stdio.h>
#include <string.h>

#include "format/dump_impl.h"
#include "format/guard_hdf.h"
#include "format/hdf_fault.h"

/*
 * Datasets of a file that is not trusted.
 *
 * HDF5 follows links into other files, gathers virtual datasets from them, and
 * shows fill values where nothing was ever written, all without a word. Here a
 * dataset is what this file stores: external links are refused by a callback,
 * which also covers soft links that lead to one; virtual datasets and external
 * storage are refused before HDF5 looks for their extent, because that already
 * opens the other files; and chunks that were never written are an error.
 *
 * Every failure takes its cause from the innermost entry of HDF5's error stack,
 * which the next call to HDF5 clears.
 *
 * HDF5 1.10 itself can be led astray by a file made for the purpose: it believes
 * the length of a text in its heap, and that a decompressed chunk is as large as
 * chunks are. That is what the guard is for.
 */

static int
fault_hdf(struct fault *f, const char *path, const char *what)
{
	hdf_fault_set(f, what);
	return fault_prefix(f, "%s", path);
}

/* 1 if there is something of that path, 0 if not, -1 if it cannot be reached. */
static int
path_exists(struct dump_reader *d, const char *path, H5O_type_t *type,
    struct fault *f)
{
	H5O_info_t info;
	H5L_info_t link;
	htri_t there;

	there = H5Lexists(d->file, path, d->access);
	if (there == 0)
		return 0;
	if (there > 0 && H5Oget_info_by_name2(d->file, path, &info,
	    H5O_INFO_BASIC, d->access) >= 0) {
		*type = info.type;
		return 1;
	}
	if (d->external)
		return fault_set(f, "%s: an external link; no other files are read", path);
	fault_hdf(f, path, "cannot be opened");
	if (there > 0 && H5Lget_info(d->file, path, &link, d->access) >= 0 &&
	    link.type == H5L_TYPE_SOFT)
		fault_set(f, "%s: a link that leads nowhere", path);
	return -1;
}

/* As above for a path whose upper parts must be groups and the last a dataset. */
static int
dataset_exists(struct dump_reader *d, const char *path, struct fault *f)
{
	char part[DUMP_PATH_SIZE];
	const char *slash = path;
	H5O_type_t type;
	int r;

	while ((slash = strchr(slash, '/')) != NULL) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		if ((r = path_exists(d, part, &type, f)) <= 0)
			return r;
		if (type != H5O_TYPE_GROUP)
			return fault_set(f, "%s: not a group", part);
		slash++;
	}
	if ((r = path_exists(d, path, &type, f)) <= 0)
		return r;
	if (type != H5O_TYPE_DATASET)
		return fault_set(f, "%s: not a dataset", path);
	return 1;
}

static int
storage_check(struct dump_dataset *s, struct fault *f)
{
	hid_t list;
	H5D_layout_t layout;
	int r = 0;

	if ((list = H5Dget_create_plist(s->id)) < 0)
		return fault_hdf(f, s->path, "cannot be opened");
	layout = H5Pget_layout(list);
	if (layout < 0)
		r = fault_hdf(f, s->path, "storage unknown");
	else if (layout == H5D_CHUNKED &&
	    H5Pget_chunk(list, DUMP_MAX_RANK, s->chunk) < 0)
		r = fault_hdf(f, s->path, "chunks unknown");
	else if (guard_hdf_storage(list, f) == -1)
		r = fault_prefix(f, "%s", s->path);
	H5Pclose(list);
	return r;
}

static bool
chunks_plausible(const struct dump_dataset *s)
{
	int i;

	for (i = 0; i < DUMP_MAX_RANK; i++)
		if ((s->chunk[i] == 0) != (i >= s->rank))
			return false;
	return true;
}

static int
extent_read(struct dump_dataset *s, struct fault *f)
{
	H5D_space_status_t status;
	int rank;

	if ((s->space = H5Dget_space(s->id)) < 0 ||
	    (s->type = H5Dget_type(s->id)) < 0)
		return fault_hdf(f, s->path, "shape or type unknown");
	s->class = H5Tget_class(s->type);
	if (H5Sget_simple_extent_type(s->space) == H5S_NULL)
		return fault_set(f, "%s: holds nothing", s->path);
	rank = H5Sget_simple_extent_ndims(s->space);
	if (rank < 0 || rank > DUMP_MAX_RANK)
		return fault_set(f, "%s: %d dimensions, at most %d make sense",
		    s->path, rank, DUMP_MAX_RANK);
	if (H5Sget_simple_extent_dims(s->space, s->dims, NULL) != rank)
		return fault_hdf(f, s->path, "shape unknown");
	s->rank = rank;
	if (s->chunk[0] != 0 && !chunks_plausible(s))
		return fault_set(f, "%s: chunks that do not fit its shape", s->path);
	if (H5Dget_space_status(s->id, &status) < 0)
		return fault_hdf(f, s->path, "storage unknown");
	if (status == H5D_SPACE_STATUS_NOT_ALLOCATED &&
	    H5Sget_simple_extent_npoints(s->space) != 0)
		return fault_set(f, "%s: made but never written", s->path);
	return 0;
}

void
dump_dataset_init(struct dump_dataset *s)
{
	memset(s, 0, sizeof *s);
	s->id = s->space = s->type = H5I_INVALID_HID;
}

void
dump_dataset_close(struct dump_dataset *s)
{
	if (s->type >= 0)
		H5Tclose(s->type);
	if (s->space >= 0)
		H5Sclose(s->space);
	if (s->id >= 0)
		H5Dclose(s->id);
	dump_dataset_init(s);
}

int
dump_dataset_open(struct dump_reader *d, const char *batch, const char *name,
    struct dump_dataset *s, struct fault *f)
{
	int r;

	dump_dataset_init(s);
	d->external = false;
	snprintf(s->path, sizeof s->path, "%s/%s", batch, name);
	if ((r = dataset_exists(d, s->path, f)) <= 0)
		return r;
	if ((s->id = H5Dopen2(d->file, s->path, d->access)) < 0)
		return fault_hdf(f, s->path, "cannot be opened");
	if (storage_check(s, f) == -1 || extent_read(s, f) == -1) {
		dump_dataset_close(s);
		return -1;
	}
	return 1;
}

int
dump_dataset_numeric(const struct dump_dataset *s)
{
	return s->class == H5T_INTEGER || s->class == H5T_FLOAT;
}

int
dump_dataset_half(const struct dump_reader *d, const struct dump_dataset *s)
{
	hid_t t;
	htri_t same = 0;

	if (s->class != H5T_FLOAT || (t = H5Tcopy(s->type)) < 0)
		return 0;
	if (H5Tset_order(t, H5Tget_order(d->f16)) >= 0)
		same = H5Tequal(t, d->f16);
	H5Tclose(t);
	return same > 0;
}

/* Steps to the next chunk in raster order; 0 when past the row last. */
static int
chunk_next(const struct dump_dataset *s, hsize_t last, hsize_t *at)
{
	int i;

	for (i = s->rank - 1; i > 0; i--) {
		at[i] += s->chunk[i];
		if (at[i] < s->dims[i])
			return 1;
		at[i] = 0;
	}
	at[0] += s->chunk[0];
	return at[0] <= last;
}

static int
chunks_check(const struct dump_dataset *s, hsize_t first, hsize_t count,
    struct fault *f)
{
	hsize_t at[DUMP_MAX_RANK] = { 0 }, bytes;

	if (s->chunk[0] == 0 || s->rank < 1)
		return 0;
	at[0] = first - first % s->chunk[0];
	do {
		/* HDF5 1.10 fails on a chunk that has no storage, 1.12 has 0. */
		if (H5Dget_chunk_storage_size(s->id, at, &bytes) < 0 ||
		    bytes == 0)
			return fault_set(f, "%s: the chunk of %s %llu was never"
			    " written", s->path, s->rank < 3 ? "value" : "plane",
			    (unsigned long long)at[0]);
	} while (chunk_next(s, first + count - 1, at));
	return 0;
}

int
dump_dataset_read(const struct dump_dataset *s, hsize_t first, hsize_t count,
    hid_t type, void *buf, struct fault *f)
{
	hsize_t start[DUMP_MAX_RANK] = { first }, n[DUMP_MAX_RANK];
	hid_t memory;
	int r = 0;

	if (s->rank == 0) {
		if (H5Dread(s->id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buf) < 0)
			return fault_hdf(f, s->path, "cannot be read");
		return 0;
	}
	if (chunks_check(s, first, count, f) == -1)
		return -1;
	memcpy(n, s->dims, sizeof n);
	n[0] = count;
	if ((memory = H5Screate_simple(s->rank, n, NULL)) < 0)
		return fault_hdf(f, s->path, "cannot be read");
	if (H5Sselect_hyperslab(s->space, H5S_SELECT_SET, start, NULL, n,
	    NULL) < 0 || H5Dread(s->id, type, memory, s->space, H5P_DEFAULT,
	    buf) < 0)
		r = fault_hdf(f, s->path, "cannot be read");
	H5Sclose(memory);
	return r;
}
