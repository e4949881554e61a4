#include <stdlib.h>
#include <string.h>

#include "format/cxi_hdf5.h"
#include "format/cxijoin_impl.h"
#include "format/cxireader_impl.h"
#include "format/cxireaders.h"
#include "format/hdf_fault.h"

/*
 * Source by source: each is opened once. Images go chunk by chunk, as they are, to
 * the place of their row; their chunks are of one row each. Other datasets have
 * chunks of many rows, whose neighbours may be others now: they go row by row.
 */

struct target {
	const struct cxijoin *c;
	const struct cxiset *s;
	hid_t		set, type;
	uint64_t	row;		/* in the merged file */
};

/* Other than the -1 of a source that cannot be read. */
enum { UNWRITTEN = 1 };

static int
chunk_write(void *arg, const struct cxichunk *k, const void *bytes,
    struct fault *f)
{
	const struct target *t = arg;
	hsize_t at[CXISETS_RANK] = { t->row };
	uint32_t i;

	for (i = 1; i < t->s->rank; i++)
		at[i] = k->at[i];
	if (H5Dwrite_chunk(t->set, H5P_DEFAULT, k->mask, at, (size_t)k->bytes,
	    bytes) < 0) {
		hdf_fault_set(f, t->s->name);
		return UNWRITTEN;
	}
	return 0;
}

static int
rows_write(const struct target *t, uint64_t at, uint64_t n, const void *bytes,
    struct fault *f)
{
	hsize_t start[CXISETS_RANK] = { at }, count[CXISETS_RANK] = { n };
	hid_t space = H5Dget_space(t->set), memory;
	int status = 0;
	uint32_t i;

	for (i = 1; i < t->s->rank; i++)
		count[i] = t->s->dims[i];
	memory = H5Screate_simple((int)t->s->rank, count, NULL);
	if (space < 0 || memory < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET,
	    start, NULL, count, NULL) < 0 || H5Dwrite(t->set, t->type, memory,
	    space, H5P_DEFAULT, bytes) < 0)
		status = hdf_fault_set(f, t->s->name);
	if (memory >= 0)
		H5Sclose(memory);
	if (space >= 0)
		H5Sclose(space);
	return status;
}

/* The chunks of a row, or as many rows as come at once, *got. */
static int
some_copy(struct target *t, struct cxireader *r, const struct cxisets *x,
    const struct cxiset *from, uint64_t row, uint64_t n, uint64_t *got,
    struct fault *f)
{
	const void *bytes;
	int status;

	if (t->s->chunk[0] == 1) {
		*got = 1;
		status = cxireader_chunks(r, x, from, row, chunk_write, t, f);
		return status == -1 ? CXIJOIN_SOURCE : status == 0 ? 0 : -1;
	}
	bytes = cxireader_rows(r, x, from, row, n, got, f);
	return bytes == NULL ? CXIJOIN_SOURCE :
	    rows_write(t, t->row, *got, bytes, f);
}

static int
run_copy(struct target *t, struct cxireader *r, const struct cxisets *x,
    const struct cxiset *from, const struct cxijoin_run *run, struct fault *f)
{
	uint64_t k, got = 1;
	int status = 0;

	for (k = 0; k < run->n && status == 0; k += got) {
		if (*t->c->stop)
			return fault_set(f, "stopped");
		t->row = run->at + k;
		status = some_copy(t, r, x, from, run->row + k, run->n - k, &got,
		    f);
	}
	return status;
}

static bool
filters_same(const struct cxiset *a, const struct cxiset *b)
{
	const struct cxifilter *x = a->filters, *y = b->filters;
	const struct cxifilter *end = x + a->n_filters;

	if (a->n_filters != b->n_filters)
		return false;
	for (; x < end; x++, y++)
		if (x->id != y->id || x->flags != y->flags || x->n != y->n ||
		    memcmp(x->values, y->values, x->n * sizeof x->values[0]) != 0)
			return false;
	return true;
}

/* Chunks can be copied only into a dataset that is stored in the same way. */
static int
storage_check(const struct join *j, const char *path, const struct cxiset *a,
    const struct cxiset *b, struct fault *f)
{
	if (a->chunk[0] != 1 && b->chunk[0] != 1)
		return 0;
	if (memcmp(a->chunk, b->chunk, sizeof a->chunk) == 0 &&
	    filters_same(a, b))
		return 0;
	return fault_set(f, "%s: %.60s is not compressed or not cut into chunks"
	    " as in %s, so chunks cannot be copied; without -x they may differ",
	    path, b->name, j->sources[0].path);
}

static int
set_copy(const struct cxijoin *c, hid_t file, struct cxireader *r,
    const struct cxisets *x, const struct cxiset *s,
    const struct cxijoin_run *runs, size_t n, struct fault *f)
{
	const struct cxiset *from = cxisets_find(x, s->name);
	struct target t = { .c = c, .s = s };
	const char *path = c->join->sources[runs->source].path;
	int status = 0;
	size_t i;

	if (from == NULL)
		fault_set(f, "%s: %.60s: is not there any more", path, s->name);
	if (from == NULL || storage_check(c->join, path, s, from, f) == -1)
		return CXIJOIN_SOURCE;
	/* HDF5 lengthens texts that are shorter there. */
	if ((t.type = cxijoin_type(from, f)) < 0)
		return -1;
	t.set = H5Dopen2(file, s->name, H5P_DEFAULT);
	if (t.set < 0)
		status = hdf_fault_set(f, s->name);
	for (i = 0; i < n && status == 0; i++)
		status = run_copy(&t, r, x, from, &runs[i], f);
	if (t.set >= 0 && H5Dclose(t.set) < 0 && status == 0)
		status = hdf_fault_set(f, s->name);
	H5Tclose(t.type);
	return status;
}

/* The runs are all of one source. */
static int
source_copy(const struct cxijoin *c, hid_t file, struct cxireaders *readers,
    struct cxisets *x, const struct cxijoin_run *runs, size_t n, struct fault *f)
{
	const struct join_source *source = &c->join->sources[runs->source];
	const struct cxiset *s = c->join->sets.sets;
	const struct cxiset *end = s + c->join->sets.n;
	struct cxireader *r = cxireaders_at(readers, runs->source, f);
	int status = 0;

	if (r == NULL || cxireader_sets(r, x, f) == -1)
		return CXIJOIN_SOURCE;
	if (cxireader_info(r)->events != source->events) {
		fault_set(f, "%s: it has just changed", source->path);
		return CXIJOIN_SOURCE;
	}
	for (; s < end && status == 0; s++)
		if (s->growing && s->same < 0)
			status = set_copy(c, file, r, x, s, runs, n, f);
	return status;
}

int
cxijoin_copy(const struct cxijoin *c, hid_t file, const struct cxijoin_run *runs,
    size_t n, struct fault *f)
{
	size_t n_sources = c->join->n_sources, i, k;
	const char **paths = calloc(n_sources + 1, sizeof *paths);
	struct cxisets *x = malloc(sizeof *x);
	struct cxireaders *readers = NULL;
	int status = 0;

	if (x == NULL || paths == NULL)
		status = fault_lack(f, "out of memory");
	else {
		for (i = 0; i < n_sources; i++)
			paths[i] = c->join->sources[i].path;
		readers = cxireaders_new(paths, n_sources, f);
		status = readers == NULL ? -1 : 0;
	}
	for (i = 0; i < n && status == 0; i = k) {
		for (k = i; k < n && runs[k].source == runs[i].source; k++)
			;
		status = source_copy(c, file, readers, x, runs + i, k - i, f);
	}
	cxireaders_free(readers);
	free(paths);
	free(x);
	return status;
}
