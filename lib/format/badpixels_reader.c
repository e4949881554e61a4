#include <hdf5.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/badpixels_impl.h"
#include "format/guard_hdf.h"
#include "format/hdf_fault.h"

/*
 * Reading a mask, in the child of a guard.
 *
 * The shape of the dataset must be that of the layout, as three dimensions or
 * with the panels stacked: the bytes are in the same order either way, so one
 * read takes them all, into memory whose size the layout has set. They are read
 * as signed bytes: HDF5 saturates what does not fit, so that no bit of a wide
 * flag word is lost, and whatever is not 0 stays so. numpy's booleans are an
 * enumeration and are converted like the integers.
 *
 * The innermost message of HDF5's error stack becomes the cause in the fault.
 */

static const char *const default_paths[] = {
	"/entry_1/data_1/mask", "/data/data", "/mask"
};

/* The datasets of a file: how many, and the name of the last one seen. */
struct survey {
	size_t		count;
	char		*path;
};

/* "(16, 352, 384)" */
static void
shape_text(const hsize_t *dims, int rank, char *text, size_t size)
{
	size_t n = 0;
	int i;

	text[n++] = '(';
	for (i = 0; i < rank && n + 32 < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%llu",
		    i == 0 ? "" : ", ", (unsigned long long)dims[i]);
	snprintf(text + n, size - n, ")");
}

static int
shape_check(hid_t space, const struct layout *l, struct fault *f)
{
	hsize_t dims[H5S_MAX_RANK];
	char have[200], stacked[64], apart[64];
	hsize_t want[3] = { l->panels, l->real_height, l->real_width };
	hsize_t flat[2] = { (hsize_t)l->panels * l->real_height,
	    l->real_width };
	int rank = H5Sget_simple_extent_dims(space, dims, NULL);

	if (rank < 0)
		return hdf_fault_set(f, "its shape cannot be read");
	if (rank == 3 && memcmp(dims, want, sizeof want) == 0)
		return 0;
	if (rank == 2 && memcmp(dims, flat, sizeof flat) == 0)
		return 0;
	shape_text(dims, rank, have, sizeof have);
	shape_text(want, 3, apart, sizeof apart);
	shape_text(flat, 2, stacked, sizeof stacked);
	return fault_set(f, "its shape is %s, the stream's panels need %s or %s",
	    have, apart, stacked);
}

static int
type_check(hid_t set, struct fault *f)
{
	hid_t type = H5Dget_type(set);
	H5T_class_t class = H5Tget_class(type);

	if (type >= 0)
		H5Tclose(type);
	if (class != H5T_INTEGER && class != H5T_ENUM)
		return fault_set(f, "its elements are not integers (0 good, others"
		    " bad): convert it");
	return 0;
}

static int
storage_check(hid_t set, struct fault *f)
{
	hid_t list = H5Dget_create_plist(set);
	int status;

	if (list < 0)
		return hdf_fault_set(f, "its storage is unknown");
	status = guard_hdf_storage(list, f);
	H5Pclose(list);
	return status;
}

static int
dataset_check(hid_t set, const struct layout *l, struct fault *f)
{
	hid_t space;
	int status;

	if (storage_check(set, f) == -1)
		return -1;
	if ((space = H5Dget_space(set)) < 0)
		return hdf_fault_set(f, "its shape cannot be read");
	status = shape_check(space, l, f);
	H5Sclose(space);
	return status == -1 ? -1 : type_check(set, f);
}

static int
dataset_read(hid_t set, const struct layout *l, uint8_t *bad, struct fault *f)
{
	if (dataset_check(set, l, f) == -1)
		return -1;
	if (H5Dread(set, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, bad) < 0)
		return hdf_fault_set(f, "it cannot be read");
	return 0;
}

static herr_t
object_survey(hid_t file, const char *name, const H5O_info_t *info, void *arg)
{
	struct survey *s = arg;

	(void)file;
	if (info->type != H5O_TYPE_DATASET)
		return 0;
	s->count++;
	free(s->path);
	s->path = strdup(name);
	return 0;
}

/* Opens the only dataset of a file. */
static hid_t
only_open(hid_t file, struct fault *f)
{
	struct survey s = { 0, NULL };
	hid_t set = -1;

	if (H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, object_survey, &s,
	    H5O_INFO_BASIC) < 0)
		hdf_fault_set(f, "its datasets cannot be listed");
	else if (s.count != 1)
		fault_set(f, "none of %s, %s, %s is in it, and it has %zu datasets;"
		    " name one as FILE:/dataset", default_paths[0],
		    default_paths[1], default_paths[2], s.count);
	else if (s.path == NULL)
		fault_lack(f, "out of memory");
	else if ((set = H5Dopen2(file, s.path, H5P_DEFAULT)) < 0)
		hdf_fault_set(f, s.path);
	free(s.path);
	return set;
}

/* path is NULL for the default. Negative after filling the fault. */
static hid_t
dataset_find(hid_t file, const char *path, hid_t access, struct fault *f)
{
	hid_t set;
	size_t i;

	for (i = 0; path == NULL &&
	    i < sizeof default_paths / sizeof default_paths[0]; i++)
		if (guard_hdf_exists(file, default_paths[i], access) != 0)
			path = default_paths[i];
	if (path == NULL)
		return only_open(file, f);
	if ((set = H5Dopen2(file, path, access)) < 0)
		hdf_fault_set(f, path);
	return set;
}

static hid_t
dataset_open(hid_t file, const char *path, struct fault *f)
{
	hid_t set = H5I_INVALID_HID, access = H5Pcreate(H5P_DATASET_ACCESS);
	bool linked = false;

	if (access < 0 || guard_hdf_links(access, &linked) == -1)
		fault_set(f, "HDF5 cannot be set up");
	else
		set = dataset_find(file, path, access, f);
	if (set < 0 && linked)
		fault_set(f, "%.100s: an external link; no other files are read",
		    path == NULL ? "mask" : path);
	if (access >= 0)
		H5Pclose(access);
	return set;
}

static int
open_read(hid_t file, const char *path, const struct layout *l, uint8_t *bad,
    struct fault *f)
{
	char name[160];
	hid_t set = dataset_open(file, path, f);
	int status;

	if (set < 0)
		return -1;
	if ((status = dataset_read(set, l, bad, f)) == -1) {
		if (H5Iget_name(set, name, sizeof name) <= 0)
			strcpy(name, "dataset");
		fault_prefix(f, "%s", name);
	}
	H5Dclose(set);
	return status;
}

int
badpixels_load(int fd, const char *path, const struct layout *l, uint8_t *bad,
    struct fault *f)
{
	hid_t file = guard_hdf_open(fd);
	int status;

	if (file < 0)
		return hdf_fault_set(f, "not a readable HDF5 file");
	status = open_read(file, path, l, bad, f);
	H5Fclose(file);
	return status;
}
