/*
 * Bad-pixel masks in HDF5 files.
 *
 * The shape of the dataset must be that of the layout, as three dimensions or
 * with the panels stacked: the bytes are in the same order either way, so one
 * read takes them all, into memory whose size the layout has set. They are read
 * as signed bytes: HDF5 saturates what does not fit, so that no bit of a wide
 * flag word is lost, and whatever is not 0 stays so. numpy's booleans are an
 * enumeration and are converted like the integers.
 *
 * HDF5 prints its errors unless told otherwise. It is told so for the length of
 * a call, and the innermost message of its error stack becomes the cause in the
 * fault.
 *
 * In a specification the last ":/" separates the file from the dataset.
 */
#include <errno.h>
#include <hdf5.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "format/badpixels.h"

static const char *const default_paths[] = {
	"/entry_1/data_1/mask", "/data/data", "/mask"
};

/* The datasets of a file: how many, and the name of the last one seen. */
struct survey {
	size_t		count;
	char		*path;
};

static herr_t
cause_take(unsigned n, const H5E_error2_t *e, void *text)
{
	if (n == 0 && e->desc != NULL)
		snprintf(text, 160, "%s", e->desc);
	return 0;
}

/* Appends what HDF5 says of the call that has just failed; returns -1. */
static int
hdf5_fault(struct fault *f, const char *what)
{
	char cause[160] = "no cause given";

	H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, cause_take, cause);
	return fault_set(f, "%s: %s", what, cause);
}

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
		return hdf5_fault(f, "its shape cannot be read");
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
dataset_check(hid_t set, const struct layout *l, struct fault *f)
{
	hid_t space = H5Dget_space(set);
	int status;

	if (space < 0)
		return hdf5_fault(f, "its shape cannot be read");
	status = shape_check(space, l, f);
	H5Sclose(space);
	return status == -1 ? -1 : type_check(set, f);
}

static int
dataset_read(hid_t set, const struct layout *l, uint8_t **bad, struct fault *f)
{
	size_t i, n = (size_t)l->panels * l->real_height * l->real_width;
	uint8_t *b;

	if (dataset_check(set, l, f) == -1)
		return -1;
	if ((b = malloc(n)) == NULL)
		return fault_set(f, "out of memory for %zu pixels", n);
	if (H5Dread(set, H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, b) < 0) {
		hdf5_fault(f, "it cannot be read");
		free(b);
		return -1;
	}
	for (i = 0; i < n; i++)
		b[i] = b[i] != 0;
	*bad = b;
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
		hdf5_fault(f, "its datasets cannot be listed");
	else if (s.count != 1)
		fault_set(f, "none of %s, %s, %s is in it, and it has %zu datasets;"
		    " name one as FILE:/dataset", default_paths[0],
		    default_paths[1], default_paths[2], s.count);
	else if (s.path == NULL)
		fault_set(f, "out of memory");
	else if ((set = H5Dopen2(file, s.path, H5P_DEFAULT)) < 0)
		hdf5_fault(f, s.path);
	free(s.path);
	return set;
}

/* path is NULL for the default. Negative after filling the fault. */
static hid_t
dataset_open(hid_t file, const char *path, struct fault *f)
{
	hid_t set;
	size_t i;

	if (path != NULL) {
		if ((set = H5Dopen2(file, path, H5P_DEFAULT)) < 0)
			hdf5_fault(f, path);
		return set;
	}
	for (i = 0; i < sizeof default_paths / sizeof default_paths[0]; i++)
		if ((set = H5Dopen2(file, default_paths[i], H5P_DEFAULT)) >= 0)
			return set;
	return only_open(file, f);
}

static int
open_read(hid_t file, const char *path, const struct layout *l, uint8_t **bad,
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
		fault_prefix(f, "%.100s", name);
	}
	H5Dclose(set);
	return status;
}

static hid_t
file_open(const char *name, struct fault *f)
{
	struct stat st;
	hid_t file;

	if (stat(name, &st) == -1)
		return fault_set(f, "%s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return fault_set(f, "%s", strerror(EISDIR));
	if (!S_ISREG(st.st_mode))
		return fault_set(f, "not a regular file");
	if ((file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT)) < 0)
		hdf5_fault(f, "not a readable HDF5 file");
	return file;
}

static int
file_read(const char *name, const char *path, const struct layout *l,
    uint8_t **bad, struct fault *f)
{
	hid_t file = file_open(name, f);
	int status;

	if (file < 0)
		return -1;
	status = open_read(file, path, l, bad, f);
	H5Fclose(file);
	return status;
}

/* The last ":/" of a specification; NULL if it names no dataset. */
static const char *
spec_separator(const char *spec)
{
	const char *s, *last = NULL;

	for (s = strstr(spec, ":/"); s != NULL; s = strstr(s + 1, ":/"))
		last = s;
	return last;
}

int
badpixels_read(const char *spec, const struct layout *l, uint8_t **bad,
    struct fault *f)
{
	const char *colon = spec_separator(spec);
	char *name = colon == NULL ? strdup(spec) :
	    strndup(spec, (size_t)(colon - spec));
	H5E_auto2_t print;
	void *data;
	int status;

	*bad = NULL;
	if (name == NULL)
		return fault_set(f, "out of memory");
	H5Eget_auto2(H5E_DEFAULT, &print, &data);
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	status = file_read(name, colon == NULL ? NULL : colon + 1, l, bad, f);
	H5Eset_auto2(H5E_DEFAULT, print, data);
	if (status == -1)
		fault_prefix(f, "%.120s", name);
	free(name);
	return status;
}

void
badpixels_digest(const uint8_t *bad, const struct layout *l, char hex[65])
{
	uint8_t part[4096];
	size_t i, n, left = (size_t)l->panels * l->real_height * l->real_width;
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	for (; left > 0; left -= n, bad += n) {
		n = left < sizeof part ? left : sizeof part;
		for (i = 0; i < n; i++)
			part[i] = bad[i] != 0;
		SHA256Update(&ctx, part, n);
	}
	SHA256End(&ctx, hex);
}
