/*
 * Rows are held so that HDF5 is asked once for many, and written a storage chunk
 * at a time. A row of a peak array is as wide as the stream's capacity, up to a
 * million cells, hence the bound in bytes beside the bound in rows.
 */
#include <stdlib.h>
#include <string.h>

#include "format/cxi_hdf5.h"
#include "format/cxi_table.h"
#include "format/hdf_fault.h"

enum {
	ROWS_MAX = 64,
	BYTES_MAX = 1 << 17	/* of one column's held rows; below HDF5's cache
				   of 1 MiB, so that readers profit too */
};

struct column {
	const char	*path;		/* NULL: absent */
	hid_t		set, memtype;
	uint32_t	width;		/* 0: 1-D */
	size_t		row;		/* bytes */
	unsigned char	*held;
};

struct cxi_table {
	struct column	*columns;
	unsigned	max;
	uint32_t	rows;		/* held at most */
	uint32_t	held;
	uint64_t	written;
};

struct cxi_table *
cxi_table_new(unsigned max, uint32_t widest)
{
	struct cxi_table *t = calloc(1, sizeof *t);
	uint64_t rows = BYTES_MAX / ((uint64_t)widest * 4 + 1) + 1;

	if (t == NULL)
		return NULL;
	t->columns = calloc(max, sizeof *t->columns);
	if (t->columns == NULL) {
		free(t);
		return NULL;
	}
	t->max = max;
	t->rows = rows < ROWS_MAX ? (uint32_t)rows : ROWS_MAX;
	return t;
}

static void
column_close(struct column *c)
{
	if (c->path == NULL)
		return;
	H5Dclose(c->set);
	H5Tclose(c->memtype);
	free(c->held);
}

void
cxi_table_free(struct cxi_table *t)
{
	unsigned i;

	if (t == NULL)
		return;
	for (i = 0; i < t->max; i++)
		column_close(&t->columns[i]);
	free(t->columns);
	free(t);
}

/* The little-endian type in the file and the machine's own for one cell. */
static hid_t
cell_types(const struct cxi_column *d, hid_t *memtype, struct fault *f)
{
	hid_t mem = -1, file = -1;

	switch (d->cell) {
	case CELL_F32:
		mem = H5T_NATIVE_FLOAT;
		file = H5T_IEEE_F32LE;
		break;
	case CELL_F64:
		mem = H5T_NATIVE_DOUBLE;
		file = H5T_IEEE_F64LE;
		break;
	case CELL_I32:
		mem = H5T_NATIVE_INT32;
		file = H5T_STD_I32LE;
		break;
	case CELL_I64:
		mem = H5T_NATIVE_INT64;
		file = H5T_STD_I64LE;
		break;
	case CELL_U64:
		mem = H5T_NATIVE_UINT64;
		file = H5T_STD_U64LE;
		break;
	case CELL_U8:
		mem = H5T_NATIVE_UINT8;
		file = H5T_STD_U8LE;
		break;
	case CELL_TEXT:
		if ((*memtype = cxi_hdf5_text_type(d->width, f)) < 0)
			return -1;
		return *memtype;
	}
	if ((*memtype = H5Tcopy(mem)) < 0)
		return hdf_fault_set(f, d->path);
	return file;
}

static hid_t
set_create(hid_t file, const struct column *c, hid_t type, uint32_t rows,
    struct fault *f)
{
	hsize_t dims[2] = { 0, c->width };
	hsize_t max[2] = { H5S_UNLIMITED, c->width };
	hsize_t chunk[2] = { c->width > 0 ? rows : ROWS_MAX, c->width };
	int rank = c->width > 0 ? 2 : 1;
	hid_t dcpl, dapl, space, set = -1;

	if ((dcpl = cxi_hdf5_dcpl(f)) < 0)
		return -1;
	dapl = H5Pcreate(H5P_DATASET_ACCESS);
	space = H5Screate_simple(rank, dims, max);
	/* We hold rows ourselves: HDF5 need not hold chunks that it has written. */
	if (space >= 0 && dapl >= 0 && H5Pset_chunk(dcpl, rank, chunk) >= 0 &&
	    H5Pset_chunk_cache(dapl, 1, 0, H5D_CHUNK_CACHE_W0_DEFAULT) >= 0)
		set = H5Dcreate2(file, c->path, type, space, H5P_DEFAULT, dcpl,
		    dapl);
	if (set < 0)
		hdf_fault_set(f, c->path);
	H5Sclose(space);
	H5Pclose(dapl);
	H5Pclose(dcpl);
	return set;
}

int
cxi_table_add(struct cxi_table *t, hid_t file, unsigned id,
    const struct cxi_column *d, struct fault *f)
{
	struct column c = { .path = d->path };
	hid_t type;

	if ((type = cell_types(d, &c.memtype, f)) < 0)
		return -1;
	c.width = d->cell == CELL_TEXT ? 0 : d->width;
	c.row = H5Tget_size(c.memtype) * (c.width > 0 ? c.width : 1);
	c.held = calloc(t->rows, c.row);
	if (c.held == NULL) {
		H5Tclose(c.memtype);
		return fault_lack(f, "%s: out of memory", d->path);
	}
	if ((c.set = set_create(file, &c, type, t->rows, f)) < 0) {
		free(c.held);
		H5Tclose(c.memtype);
		return -1;
	}
	t->columns[id] = c;
	if (d->units != NULL)
		return cxi_hdf5_units(c.set, d->path, d->units, f);
	return 0;
}

void *
cxi_table_cell(struct cxi_table *t, unsigned id)
{
	struct column *c = &t->columns[id];

	return c->path == NULL ? NULL : c->held + t->held * c->row;
}

static int
column_write(struct column *c, uint64_t at, uint32_t rows, struct fault *f)
{
	hsize_t all[2] = { at + rows, c->width };
	hsize_t start[2] = { at, 0 };
	hsize_t count[2] = { rows, c->width };
	hid_t mem = H5Screate_simple(c->width > 0 ? 2 : 1, count, NULL);
	hid_t space = -1;
	int rc = 0;

	if (H5Dset_extent(c->set, all) < 0 ||
	    (space = H5Dget_space(c->set)) < 0 ||
	    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count,
	    NULL) < 0 ||
	    H5Dwrite(c->set, c->memtype, mem, space, H5P_DEFAULT, c->held) < 0)
		rc = hdf_fault_set(f, c->path);
	if (space >= 0)
		H5Sclose(space);
	H5Sclose(mem);
	memset(c->held, 0, rows * c->row);
	return rc;
}

int
cxi_table_flush(struct cxi_table *t, struct fault *f)
{
	unsigned i;

	if (t->held == 0)
		return 0;
	for (i = 0; i < t->max; i++)
		if (t->columns[i].path != NULL &&
		    column_write(&t->columns[i], t->written, t->held, f) == -1)
			return -1;
	t->written += t->held;
	t->held = 0;
	return 0;
}

int
cxi_table_next(struct cxi_table *t, struct fault *f)
{
	if (++t->held < t->rows)
		return 0;
	return cxi_table_flush(t, f);
}
