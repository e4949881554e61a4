#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/layout.h"
#include "format/cxi_hdf5.h"
#include "format/hdf_fault.h"

/*
 * Blocks of the file that begin at multiples of what planes begin at: the kernel
 * copies a quarter faster then, where it is copying that takes the time.
 */
enum { ALIGNED = LAYOUT_ALIGN, ALIGNED_MIN = 4096 };

/* Of a mask that are made u16 at a time. */
enum { MASK_ROWS = 32 };

/*
 * HDF5 1.10 frees a file that it could not write the rest of on closing, but
 * keeps its number, and crashes over that when it tidies up at exit. All that we
 * open we close, so it need not tidy up. This has an effect only before the first
 * other call of HDF5, which may come from another module: hence so early.
 */
__attribute__((constructor)) static void
exit_untidied(void)
{
	H5dont_atexit();
}

void
cxi_hdf5_quiet(void)
{
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static hid_t
file_create(struct cxi_disk *d, const char *name, hid_t fcpl, hid_t fapl)
{
	if (fcpl < 0 || fapl < 0 || cxi_disk_use(fapl, d) == -1 ||
	    H5Pset_obj_track_times(fcpl, false) < 0 ||
	    H5Pset_alignment(fapl, ALIGNED_MIN, ALIGNED) < 0 ||
	    H5Pset_libver_bounds(fapl, H5F_LIBVER_EARLIEST,
	    H5F_LIBVER_LATEST) < 0 ||
	    H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) < 0)
		return -1;
	return H5Fcreate(name, H5F_ACC_TRUNC, fcpl, fapl);
}

hid_t
cxi_hdf5_file(struct cxi_disk *d, const char *what, struct fault *f)
{
	hid_t fcpl = H5Pcreate(H5P_FILE_CREATE);
	hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
	hid_t file;

	if ((file = file_create(d, what, fcpl, fapl)) < 0)
		hdf_fault_set(f, what);
	H5Pclose(fapl);
	H5Pclose(fcpl);
	return file;
}

int
cxi_hdf5_group(hid_t file, const char *path, struct fault *f)
{
	hid_t gcpl = H5Pcreate(H5P_GROUP_CREATE);
	hid_t group = -1;

	if (gcpl >= 0 && H5Pset_obj_track_times(gcpl, false) >= 0)
		group = H5Gcreate2(file, path, H5P_DEFAULT, gcpl, H5P_DEFAULT);
	if (group < 0)
		hdf_fault_set(f, path);
	else
		H5Gclose(group);
	H5Pclose(gcpl);
	return group < 0 ? -1 : 0;
}

int
cxi_hdf5_link(hid_t file, const char *target, const char *name,
    struct fault *f)
{
	if (H5Lcreate_hard(file, target, file, name, H5P_DEFAULT,
	    H5P_DEFAULT) < 0)
		return hdf_fault_set(f, name);
	return 0;
}

hid_t
cxi_hdf5_dcpl(struct fault *f)
{
	hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);

	if (dcpl < 0 || H5Pset_obj_track_times(dcpl, false) < 0)
		return hdf_fault_set(f, "dataset properties");
	return dcpl;
}

hid_t
cxi_hdf5_text_type(size_t size, struct fault *f)
{
	hid_t type = H5Tcopy(H5T_C_S1);

	if (type < 0 || H5Tset_size(type, size) < 0 ||
	    H5Tset_strpad(type, H5T_STR_NULLPAD) < 0 ||
	    H5Tset_cset(type, H5T_CSET_UTF8) < 0)
		return hdf_fault_set(f, "text type");
	return type;
}

/* Creates a dataset that is written once and whole; NULL: it is all zeros. */
static int
set_write(hid_t file, const char *path, hid_t filetype, hid_t memtype,
    hid_t space, const void *data, struct fault *f)
{
	hid_t dcpl, set;
	int rc = 0;

	if ((dcpl = cxi_hdf5_dcpl(f)) < 0)
		return -1;
	set = H5Dcreate2(file, path, filetype, space, H5P_DEFAULT, dcpl,
	    H5P_DEFAULT);
	if (set < 0 || (data != NULL && H5Dwrite(set, memtype, H5S_ALL, H5S_ALL,
	    H5P_DEFAULT, data) < 0))
		rc = hdf_fault_set(f, path);
	if (set >= 0 && H5Dclose(set) < 0 && rc == 0)
		rc = hdf_fault_set(f, path);
	H5Pclose(dcpl);
	return rc;
}

static int
scalar_write(hid_t file, const char *path, hid_t filetype, hid_t memtype,
    const void *data, struct fault *f)
{
	hid_t space = H5Screate(H5S_SCALAR);
	int rc;

	if (space < 0)
		return hdf_fault_set(f, path);
	rc = set_write(file, path, filetype, memtype, space, data, f);
	H5Sclose(space);
	return rc;
}

int
cxi_hdf5_text(hid_t file, const char *path, const char *text, struct fault *f)
{
	size_t n = strlen(text);
	hid_t type;
	int rc;

	/* A text type of no bytes does not exist: one NUL stands for empty. */
	if ((type = cxi_hdf5_text_type(n > 0 ? n : 1, f)) < 0)
		return -1;
	rc = scalar_write(file, path, type, type, text, f);
	H5Tclose(type);
	return rc;
}

int
cxi_hdf5_int(hid_t file, const char *path, int32_t value, struct fault *f)
{
	return scalar_write(file, path, H5T_STD_I32LE, H5T_NATIVE_INT32, &value,
	    f);
}

int
cxi_hdf5_units(hid_t set, const char *path, const char *units,
    struct fault *f)
{
	hid_t type, space, attr = -1;
	int rc = 0;

	if ((type = cxi_hdf5_text_type(strlen(units), f)) < 0)
		return -1;
	space = H5Screate(H5S_SCALAR);
	if (space >= 0)
		attr = H5Acreate2(set, "units", type, space, H5P_DEFAULT,
		    H5P_DEFAULT);
	if (attr < 0 || H5Awrite(attr, type, units) < 0)
		rc = hdf_fault_set(f, path);
	if (attr >= 0)
		H5Aclose(attr);
	H5Sclose(space);
	H5Tclose(type);
	return rc;
}

/* Rows of a mask from ss on as the file has them. */
static void
mask_rows(const struct bitplane *mask, uint32_t ss, uint32_t rows, uint16_t *out)
{
	const uint64_t *row;
	uint32_t i, fs;

	for (i = 0; i < rows; i++) {
		row = bitplane_row(mask, (int32_t)(ss + i));
		for (fs = 0; fs < mask->width; fs++)
			*out++ = (uint16_t)bitplane_get(row, fs);
	}
}

static int
mask_write(hid_t set, hid_t space, const struct bitplane *mask,
    const char *path, struct fault *f)
{
	uint16_t *rows = calloc(MASK_ROWS, mask->width * sizeof *rows);
	hsize_t at[2] = { 0, 0 }, n[2] = { MASK_ROWS, mask->width };
	hid_t memory;
	int rc = 0;

	if (rows == NULL)
		return fault_lack(f, "%s: out of memory", path);
	for (; at[0] < mask->height && rc == 0; at[0] += n[0]) {
		if (n[0] > mask->height - at[0])
			n[0] = mask->height - at[0];
		mask_rows(mask, (uint32_t)at[0], (uint32_t)n[0], rows);
		memory = H5Screate_simple(2, n, NULL);
		if (memory < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, at,
		    NULL, n, NULL) < 0 || H5Dwrite(set, H5T_NATIVE_UINT16, memory,
		    space, H5P_DEFAULT, rows) < 0)
			rc = hdf_fault_set(f, path);
		H5Sclose(memory);
	}
	free(rows);
	return rc;
}

int
cxi_hdf5_mask(hid_t file, const char *path, const struct slab *s,
    struct fault *f)
{
	hsize_t dims[2] = { s->height, s->width };
	hid_t space = H5Screate_simple(2, dims, NULL), set;
	int rc;

	if (space < 0)
		return hdf_fault_set(f, path);
	rc = set_write(file, path, H5T_STD_U16LE, -1, space, NULL, f);
	if (rc == 0 && s->mask.words != NULL) {
		if ((set = H5Dopen2(file, path, H5P_DEFAULT)) < 0)
			rc = hdf_fault_set(f, path);
		else {
			rc = mask_write(set, space, &s->mask, path, f);
			if (H5Dclose(set) < 0 && rc == 0)
				rc = hdf_fault_set(f, path);
		}
	}
	H5Sclose(space);
	return rc;
}
