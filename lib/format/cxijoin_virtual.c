#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/cxi_hdf5.h"
#include "format/cxijoin_impl.h"
#include "format/hdf_fault.h"

/*
 * A mapping joins rows of the merged dataset with as many rows of a source's, in
 * this order. HDF5 looks at all mappings on opening and reading a dataset: so there
 * is one a source, however its rows lie, unless their order is another there.
 */

/* Names relative to the merged file: so all can be moved together. */
static char *
relative_make(const char *from, const char *to)
{
	size_t common = 0, i, ups = 0, n;
	char *name;

	for (i = 0; from[i] != '\0' && from[i] == to[i]; i++)
		if (from[i] == '/')
			common = i + 1;
	for (i = common; from[i] != '\0'; i++)
		ups += from[i] == '/';
	n = 3 * ups + strlen(to + common) + 1;
	if ((name = malloc(n)) == NULL)
		return NULL;
	for (i = 0; i < ups; i++)
		memcpy(name + 3 * i, "../", 3);
	strcpy(name + 3 * ups, to + common);
	return name;
}

char *
cxijoin_relative(const char *file, const char *source, struct fault *f)
{
	char *from = cxijoin_source(file, f), *to = NULL, *name = NULL;

	if (from != NULL && (to = cxijoin_source(source, f)) != NULL &&
	    (name = relative_make(from, to)) == NULL)
		fault_lack(f, "out of memory for the names of sources");
	free(from);
	free(to);
	return name;
}

char *
cxijoin_source(const char *path, struct fault *f)
{
	const char *slash = strrchr(path, '/'), *base;
	char *dir, *real = NULL, *out = NULL;

	base = slash == NULL ? path : slash + 1;
	dir = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 :
	    (size_t)(slash - path));
	if (dir == NULL || (real = realpath(dir, NULL)) == NULL ||
	    asprintf(&out, "%s/%s", strcmp(real, "/") == 0 ? "" : real, base) ==
	    -1) {
		fault_set(f, "%s: its directory cannot be found", path);
		out = NULL;
	}
	free(dir);
	free(real);
	return out;
}

/* HDF5 has its own use for '%' in these names; two stand for one. */
static char *
name_escape(const char *name)
{
	char *out = malloc(2 * strlen(name) + 1), *to = out;

	if (out == NULL)
		return NULL;
	for (; *name != '\0'; name++) {
		if (*name == '%')
			*to++ = '%';
		*to++ = *name;
	}
	*to = '\0';
	return out;
}

/* Adds rows to what is selected, or with begin selects nothing else. */
static int
rows_select(hid_t space, const struct cxiset *s, uint64_t at, uint64_t n,
    bool begin)
{
	hsize_t start[CXISETS_RANK] = { at }, block[CXISETS_RANK] = { n };
	hsize_t one[CXISETS_RANK] = { 1, 1, 1 };
	uint32_t i;

	for (i = 1; i < s->rank; i++)
		block[i] = s->dims[i];
	return H5Sselect_hyperslab(space, begin ? H5S_SELECT_SET : H5S_SELECT_OR,
	    start, NULL, one, block) < 0 ? -1 : 0;
}

static hid_t
space_make(const struct cxiset *s, uint64_t rows)
{
	hsize_t dims[CXISETS_RANK];
	uint32_t i;

	for (i = 0; i < s->rank; i++)
		dims[i] = i == 0 ? rows : s->dims[i];
	return H5Screate_simple((int)s->rank, dims, NULL);
}

/* How many of the runs one mapping has: of one source, in its order. */
static size_t
mapping_length(const struct cxijoin_run *r, size_t left)
{
	size_t n = 1;

	while (n < left && r[n].source == r->source &&
	    r[n].row >= r[n - 1].row + r[n - 1].n)
		n++;
	return n;
}

static int
mapping_add(const struct cxijoin *c, hid_t list, const struct cxiset *s,
    const struct cxijoin_run *r, size_t n, const char *name, struct fault *f)
{
	hid_t here = space_make(s, c->join->n_rows);
	hid_t there = space_make(s, c->join->sources[r->source].events);
	int status = here < 0 || there < 0 ? -1 : 0;
	size_t i;

	for (i = 0; i < n && status == 0; i++)
		if (rows_select(here, s, r[i].at, r[i].n, i == 0) == -1 ||
		    rows_select(there, s, r[i].row, r[i].n, i == 0) == -1)
			status = -1;
	if (status == 0 && H5Pset_virtual(list, here, name, s->name, there) < 0)
		status = -1;
	if (status == -1)
		hdf_fault_set(f, s->name);
	if (here >= 0)
		H5Sclose(here);
	if (there >= 0)
		H5Sclose(there);
	return status;
}

static int
source_map(const struct cxijoin *c, hid_t list, const struct cxiset *s,
    const struct cxijoin_run *r, size_t n, struct fault *f)
{
	char *relative, *name;
	int status;

	relative = cxijoin_relative(c->path, c->join->sources[r->source].path, f);
	if (relative == NULL)
		return -1;
	if ((name = name_escape(relative)) == NULL)
		status = fault_lack(f, "out of memory for the names of sources");
	else
		status = mapping_add(c, list, s, r, n, name, f);
	free(relative);
	free(name);
	return status;
}

/* What HDF5 shows for a source that is gone: numbers that are none, where it can. */
static int
fill_set(hid_t list, const struct cxiset *s, struct fault *f)
{
	static const double nan = __builtin_nan("");

	if (s->kind == CXISET_FLOAT && H5Pset_fill_value(list, H5T_NATIVE_DOUBLE,
	    &nan) < 0)
		return hdf_fault_set(f, s->name);
	return 0;
}

hid_t
cxijoin_virtual(const struct cxijoin *c, const struct cxiset *s,
    const struct cxijoin_run *r, size_t n, struct fault *f)
{
	hid_t list = cxi_hdf5_dcpl(f);
	size_t i, length;

	if (list < 0)
		return -1;
	if (fill_set(list, s, f) == 0) {
		for (i = 0; i < n; i += length) {
			length = mapping_length(r + i, n - i);
			if (source_map(c, list, s, r + i, length, f) == -1)
				break;
		}
		if (i >= n)
			return list;
	}
	H5Pclose(list);
	return -1;
}
