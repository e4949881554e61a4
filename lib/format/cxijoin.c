#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/cxi_hdf5.h"
#include "format/cxi_table.h"
#include "format/cxijoin_impl.h"
#include "format/cxireader_impl.h"
#include "format/hdf_fault.h"

/* ---- tables ---- */

enum { SOURCE_NAME, SOURCE_BYTES, SOURCE_EVENTS, SOURCE_DIGEST, SOURCE_COLUMNS };
enum { EVENT_SOURCE, EVENT_ROW, EVENT_COLUMNS };

static int
sources_put(const struct cxijoin *c, struct cxi_table *t, char **names,
    struct fault *f)
{
	const struct join_source *s = c->join->sources;
	size_t i;

	for (i = 0; i < c->join->n_sources; i++, s++) {
		memcpy(cxi_table_cell(t, SOURCE_NAME), names[i],
		    strlen(names[i]));
		memcpy(cxi_table_cell(t, SOURCE_BYTES), &s->bytes,
		    sizeof s->bytes);
		memcpy(cxi_table_cell(t, SOURCE_EVENTS), &s->events,
		    sizeof s->events);
		memcpy(cxi_table_cell(t, SOURCE_DIGEST), s->digest,
		    CXIPARTS_DIGEST_SIZE - 1);
		if (cxi_table_next(t, f) == -1)
			return -1;
	}
	return cxi_table_flush(t, f);
}

static int
sources_table(const struct cxijoin *c, hid_t file, char **names,
    struct fault *f)
{
	struct cxi_column columns[SOURCE_COLUMNS] = {
		{ CXIPARTS_NAME, NULL, CELL_TEXT, 1 },
		{ CXIPARTS_BYTES, "byte", CELL_U64, 0 },
		{ CXIPARTS_EVENTS, NULL, CELL_U64, 0 },
		{ CXIPARTS_DIGEST, NULL, CELL_TEXT, CXIPARTS_DIGEST_SIZE - 1 },
	};
	struct cxi_table *t;
	int status = 0;
	unsigned i;
	size_t k;

	for (k = 0; k < c->join->n_sources; k++)
		if (columns[SOURCE_NAME].width < strlen(names[k]))
			columns[SOURCE_NAME].width = (uint32_t)strlen(names[k]);
	if ((t = cxi_table_new(SOURCE_COLUMNS, 1)) == NULL)
		return fault_lack(f, "out of memory");
	for (i = 0; i < SOURCE_COLUMNS && status == 0; i++)
		status = cxi_table_add(t, file, i, &columns[i], f);
	if (status == 0)
		status = sources_put(c, t, names, f);
	cxi_table_free(t);
	return status;
}

static int
events_table(const struct cxijoin *c, hid_t file, struct fault *f)
{
	static const struct cxi_column columns[EVENT_COLUMNS] = {
		{ CXIPARTS_SOURCE, NULL, CELL_I32, 0 },
		{ CXIPARTS_ROW, NULL, CELL_U64, 0 },
	};
	struct cxi_table *t = cxi_table_new(EVENT_COLUMNS, 1);
	const struct join_row *r = c->join->rows;
	int status = 0;
	size_t i;

	if (t == NULL)
		return fault_lack(f, "out of memory");
	for (i = 0; i < EVENT_COLUMNS && status == 0; i++)
		status = cxi_table_add(t, file, (unsigned)i, &columns[i], f);
	for (i = 0; i < c->join->n_rows && status == 0; i++, r++) {
		memcpy(cxi_table_cell(t, EVENT_SOURCE), &r->source,
		    sizeof r->source);
		memcpy(cxi_table_cell(t, EVENT_ROW), &r->row, sizeof r->row);
		status = cxi_table_next(t, f);
	}
	if (status == 0)
		status = cxi_table_flush(t, f);
	cxi_table_free(t);
	return status;
}

static void
names_free(char **names, size_t n)
{
	size_t i;

	for (i = 0; i < n && names != NULL; i++)
		free(names[i]);
	free(names);
}

static char **
names_make(const struct cxijoin *c, struct fault *f)
{
	size_t n = c->join->n_sources, i;
	char **names = calloc(n + 1, sizeof *names);

	if (names == NULL) {
		fault_lack(f, "out of memory for the names of sources");
		return NULL;
	}
	for (i = 0; i < n; i++) {
		names[i] = cxijoin_relative(c->path, c->join->sources[i].path, f);
		if (names[i] == NULL) {
			names_free(names, n);
			return NULL;
		}
	}
	return names;
}

static int
tables_write(const struct cxijoin *c, hid_t file, char **names, struct fault *f)
{
	return cxi_hdf5_group(file, CXIPARTS_GROUP, f) == -1 ||
	    cxi_hdf5_text(file, CXIPARTS_PROGRAM, c->program, f) == -1 ||
	    sources_table(c, file, names, f) == -1 ||
	    events_table(c, file, f) == -1 ? -1 : 0;
}

/* ---- datasets ---- */

hid_t
cxijoin_type(const struct cxiset *s, struct fault *f)
{
	hid_t type = -1;

	switch ((enum cxiset_kind)s->kind) {
	case CXISET_TEXT:
		return cxi_hdf5_text_type(s->size, f);
	case CXISET_FLOAT:
		type = H5Tcopy(s->size == 4 ? H5T_IEEE_F32LE : H5T_IEEE_F64LE);
		break;
	case CXISET_UNSIGNED:
		type = H5Tcopy(H5T_STD_U8LE);
		break;
	case CXISET_SIGNED:
		type = H5Tcopy(H5T_STD_I8LE);
		break;
	case CXISET_GROUP:
	case CXISET_KINDS:
		break;
	}
	if (type < 0)
		return hdf_fault_set(f, s->name);
	/* The size also sets the precision of integers that become wider. */
	if (s->kind != CXISET_FLOAT && H5Tset_precision(type, (size_t)s->size * 8) < 0) {
		H5Tclose(type);
		return hdf_fault_set(f, s->name);
	}
	return type;
}

/* Storage as the first source has it. */
static hid_t
copy_list(const struct cxiset *s, struct fault *f)
{
	hid_t list = cxi_hdf5_dcpl(f);
	hsize_t chunk[CXISETS_RANK];
	const struct cxifilter *x;
	uint32_t i;

	if (list < 0)
		return -1;
	if (s->chunk[0] == 0)
		return list;
	for (i = 0; i < s->rank; i++)
		chunk[i] = s->chunk[i];
	if (H5Pset_chunk(list, (int)s->rank, chunk) < 0 ||
	    H5Pset_fill_time(list, H5D_FILL_TIME_NEVER) < 0 ||
	    H5Pset_alloc_time(list, H5D_ALLOC_TIME_INCR) < 0) {
		H5Pclose(list);
		return hdf_fault_set(f, s->name);
	}
	for (x = s->filters; x < s->filters + s->n_filters; x++)
		if (H5Pset_filter(list, (H5Z_filter_t)x->id, x->flags, x->n,
		    x->values) < 0) {
			H5Pclose(list);
			return hdf_fault_set(f, s->name);
		}
	return list;
}

static hid_t
space_make(const struct cxijoin *c, const struct cxiset *s)
{
	hsize_t dims[CXISETS_RANK], max[CXISETS_RANK];
	uint32_t i;

	for (i = 0; i < s->rank; i++)
		max[i] = dims[i] = s->dims[i];
	if (s->growing) {
		dims[0] = c->join->n_rows;
		max[0] = c->copy ? H5S_UNLIMITED : dims[0];
	}
	return s->rank == 0 ? H5Screate(H5S_SCALAR) :
	    H5Screate_simple((int)s->rank, dims, max);
}

static hid_t
set_create(const struct cxijoin *c, hid_t file, const struct cxiset *s,
    hid_t list, struct fault *f)
{
	hid_t type = cxijoin_type(s, f), space, set = -1;

	if (type < 0)
		return -1;
	space = space_make(c, s);
	if (space >= 0)
		set = H5Dcreate2(file, s->name, type, space, H5P_DEFAULT, list,
		    H5P_DEFAULT);
	if (set < 0)
		hdf_fault_set(f, s->name);
	else if (s->units[0] != '\0' &&
	    cxi_hdf5_units(set, s->name, s->units, f) == -1) {
		H5Dclose(set);
		set = -1;
	}
	if (space >= 0)
		H5Sclose(space);
	H5Tclose(type);
	return set;
}

/* Makes a dataset that is filled later, with the properties of list, which it closes. */
static int
set_make(const struct cxijoin *c, hid_t file, const struct cxiset *s, hid_t list,
    struct fault *f)
{
	hid_t set;

	if (list < 0)
		return -1;
	set = set_create(c, file, s, list, f);
	H5Pclose(list);
	if (set < 0)
		return -1;
	return H5Dclose(set) < 0 ? hdf_fault_set(f, s->name) : 0;
}

static int
rows_create(const struct cxijoin *c, hid_t file, const struct cxiset *s,
    const struct cxijoin_run *runs, size_t n, struct fault *f)
{
	int status;

	if (!c->copy)
		return set_make(c, file, s, cxijoin_virtual(c, s, runs, n, f), f);
	status = cxijoin_filters_hide(s, f);
	if (status == 0)
		status = set_make(c, file, s, copy_list(s, f), f);
	cxijoin_filters_show(s);
	return status;
}

/* What has no row an event, from the first source. */
static int
whole_copy(const struct cxijoin *c, hid_t file, struct cxireader *first,
    const struct cxiset *s, struct fault *f)
{
	hid_t list, set, type;
	const void *bytes;
	uint64_t got;
	int status = 0;

	bytes = cxireader_rows(first, &c->join->sets, s, 0, 1, &got, f);
	if (bytes == NULL)
		return CXIJOIN_SOURCE;
	if ((list = cxi_hdf5_dcpl(f)) < 0)
		return -1;
	set = set_create(c, file, s, list, f);
	H5Pclose(list);
	if (set < 0)
		return -1;
	if ((type = cxijoin_type(s, f)) < 0)
		status = -1;
	else if (H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0)
		status = hdf_fault_set(f, s->name);
	if (type >= 0)
		H5Tclose(type);
	if (H5Dclose(set) < 0 && status == 0)
		status = hdf_fault_set(f, s->name);
	return status;
}

static int
set_write(const struct cxijoin *c, hid_t file, struct cxireader *first,
    const struct cxiset *s, const struct cxijoin_run *runs, size_t n,
    struct fault *f)
{
	if (s->kind == CXISET_GROUP)
		return cxi_hdf5_group(file, s->name, f);
	if (s->same >= 0)
		return cxi_hdf5_link(file, c->join->sets.sets[s->same].name,
		    s->name, f);
	if (s->growing)
		return rows_create(c, file, s, runs, n, f);
	if (strcmp(s->name, "/entry_1/process_1/options") == 0)
		return cxi_hdf5_text(file, s->name, c->join->options, f);
	if (strcmp(s->name, "/entry_1/process_1/stream") == 0)
		return cxi_hdf5_text(file, s->name, c->join->stream, f);
	return whole_copy(c, file, first, s, f);
}

static int
sets_write(const struct cxijoin *c, hid_t file, const struct cxijoin_run *runs,
    size_t n, struct fault *f)
{
	struct cxireader *first;
	int status = 0;
	uint32_t i;

	if (cxireader_open_alone(c->join->sources[0].path, NULL, &first, f) == -1)
		return CXIJOIN_SOURCE;
	for (i = 0; i < c->join->sets.n && status == 0; i++)
		status = *c->stop ? fault_set(f, "stopped") :
		    set_write(c, file, first, &c->join->sets.sets[i], runs, n, f);
	cxireader_close(first);
	return status;
}

static int
file_write(const struct cxijoin *c, hid_t file, struct fault *f)
{
	char **names = names_make(c, f);
	struct cxijoin_run *runs;
	size_t n;
	int status = -1;

	runs = cxijoin_runs(c->join, &n, f);
	if (names != NULL && runs != NULL)
		status = tables_write(c, file, names, f);
	if (status == 0)
		status = sets_write(c, file, runs, n, f);
	if (status == 0 && c->copy)
		status = cxijoin_copy(c, file, runs, n, f);
	free(runs);
	names_free(names, c->join->n_sources);
	return status;
}

int
cxijoin_write(const struct cxijoin *c, int fd, struct fault *f)
{
	struct cxi_disk disk = { .fd = fd };
	hid_t file;
	int status;

	cxi_hdf5_quiet();
	if ((file = cxi_hdf5_file(&disk, c->path, f)) < 0)
		return -1;
	status = file_write(c, file, f);
	if (H5Fclose(file) < 0 && status == 0)
		status = hdf_fault_set(f, c->path);
	/* HDF5 forgets failures of writes that it had put off. */
	if (status == 0 && disk.error != 0)
		status = fault_set(f, "%s: %s", c->path, strerror(disk.error));
	return status;
}
