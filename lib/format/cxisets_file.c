#include <stdio.h>
#include <string.h>

#include "format/cxisets_file.h"
#include "format/hdf_fault.h"

/*
 * The walk goes over links, in order of names, so all names of a dataset are met;
 * the address of its object tells that two are the same. A dataset grows if its
 * first dimension has no limit: cxiwrite's with a row an event do, the others do
 * not.
 */

struct walk {
	hid_t		access;
	struct cxisets	*out;
	haddr_t		addresses[CXISETS_MAX];
	struct fault	*f;
};

/* ---- the survey ---- */

/* Another character set is one that HDF5 does not convert into ours. */
static int
text_take(struct cxiset *s, hid_t type, struct fault *f)
{
	if (H5Tget_cset(type) != H5T_CSET_UTF8 ||
	    H5Tget_strpad(type) != H5T_STR_NULLPAD)
		return fault_set(f, "%.100s: text of another character set or padding"
		    " than cxiwrite's, UTF-8 and NUL", s->name);
	s->kind = CXISET_TEXT;
	return 0;
}

static int
type_take(struct cxiset *s, hid_t type, struct fault *f)
{
	H5T_class_t class = H5Tget_class(type);

	s->size = (uint32_t)H5Tget_size(type);
	if (class == H5T_INTEGER && (s->size == 1 ||
	    H5Tget_order(type) == H5T_ORDER_LE) && s->size <= 8)
		s->kind = H5Tget_sign(type) == H5T_SGN_NONE ? CXISET_UNSIGNED :
		    CXISET_SIGNED;
	else if (class == H5T_FLOAT && (H5Tequal(type, H5T_IEEE_F32LE) > 0 ||
	    H5Tequal(type, H5T_IEEE_F64LE) > 0))
		s->kind = CXISET_FLOAT;
	else if (class == H5T_STRING && H5Tis_variable_str(type) == 0)
		return text_take(s, type, f);
	else
		return fault_set(f, "%.100s: of a type that cxiwrite does not write",
		    s->name);
	return 0;
}

static int
shape_take(struct cxiset *s, hid_t space, struct fault *f)
{
	hsize_t dims[CXISETS_RANK] = { 0 }, max[CXISETS_RANK] = { 0 };
	int rank = H5Sget_simple_extent_ndims(space), i;

	if (rank < 0 || rank > CXISETS_RANK ||
	    H5Sget_simple_extent_dims(space, dims, max) != rank)
		return fault_set(f, "%.100s: has %d dimensions, at most %d make sense",
		    s->name, rank, CXISETS_RANK);
	s->rank = (uint32_t)rank;
	for (i = 0; i < rank; i++)
		s->dims[i] = dims[i];
	s->growing = rank > 0 && max[0] == H5S_UNLIMITED;
	return 0;
}

static int
filters_take(struct cxiset *s, hid_t list, struct fault *f)
{
	int n = H5Pget_nfilters(list), i, k;
	struct cxifilter *to;
	unsigned values[CXISETS_VALUES], flags, config;
	H5Z_filter_t id;
	size_t room;

	if (n < 0 || n > CXISETS_FILTERS)
		return fault_set(f, "%.100s: %d filters are too many", s->name, n);
	for (i = 0; i < n; i++) {
		to = &s->filters[i];
		room = CXISETS_VALUES;
		id = H5Pget_filter2(list, (unsigned)i, &flags, &room, values,
		    sizeof to->name, to->name, &config);
		if (id < 0 || room > CXISETS_VALUES)
			return fault_set(f, "%.100s: its filters cannot be read",
			    s->name);
		if (memchr(to->name, '\0', sizeof to->name) == NULL)
			to->name[0] = '\0';
		to->id = (uint32_t)id;
		to->flags = flags;
		to->n = (uint32_t)room;
		for (k = 0; k < (int)room; k++)
			to->values[k] = values[k];
	}
	s->n_filters = (uint32_t)n;
	return 0;
}

static int
storage_take(struct cxiset *s, hid_t list, struct fault *f)
{
	hsize_t chunk[CXISETS_RANK] = { 0 };
	H5D_layout_t layout = H5Pget_layout(list);
	uint32_t i;

	s->elsewhere = layout == H5D_VIRTUAL;
	if (s->elsewhere)
		return 0;
	if (H5Pget_external_count(list) != 0)
		return fault_set(f, "%.100s: stored outside of the file", s->name);
	if (layout != H5D_CHUNKED)
		return 0;
	if (H5Pget_chunk(list, CXISETS_RANK, chunk) != (int)s->rank)
		return fault_set(f, "%.100s: its chunks do not fit its shape",
		    s->name);
	for (i = 0; i < s->rank; i++)
		s->chunk[i] = chunk[i];
	return filters_take(s, list, f);
}

/* The attribute "units", if it is a text; no other is written. */
static int
units_take(struct cxiset *s, hid_t set, struct fault *f)
{
	hid_t attr, type, memory;
	int r = 0;

	if (H5Aexists(set, "units") <= 0)
		return 0;
	if ((attr = H5Aopen(set, "units", H5P_DEFAULT)) < 0)
		return hdf_fault_set(f, s->name);
	type = H5Aget_type(attr);
	if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 ||
	    H5Tget_size(type) >= sizeof s->units ||
	    H5Aget_storage_size(attr) >= sizeof s->units)
		r = fault_set(f, "%.100s: its units are no short text", s->name);
	else {
		memory = H5Tcopy(type);
		if (H5Aread(attr, memory, s->units) < 0)
			r = hdf_fault_set(f, s->name);
		H5Tclose(memory);
	}
	H5Tclose(type);
	H5Aclose(attr);
	return r;
}

static int
set_take(struct cxiset *s, hid_t set, struct fault *f)
{
	hid_t type = H5Dget_type(set), space = H5Dget_space(set);
	hid_t list = H5Dget_create_plist(set);
	int r;

	if (type < 0 || space < 0 || list < 0)
		r = hdf_fault_set(f, s->name);
	else
		r = type_take(s, type, f) == -1 || shape_take(s, space, f) == -1 ||
		    storage_take(s, list, f) == -1 || units_take(s, set, f) == -1 ?
		    -1 : 0;
	if (list >= 0)
		H5Pclose(list);
	if (space >= 0)
		H5Sclose(space);
	if (type >= 0)
		H5Tclose(type);
	return r;
}

/* The index of an object met before, or -1. */
static int
earlier_find(const struct walk *w, haddr_t address)
{
	uint32_t i;

	for (i = 0; i < w->out->n; i++)
		if (w->addresses[i] == address)
			return (int)i;
	return -1;
}

static int
object_take(struct walk *w, hid_t root, struct cxiset *s)
{
	H5O_info_t info;
	hid_t set;
	int r;

	if (H5Oget_info_by_name(root, s->name, &info, w->access) < 0)
		return hdf_fault_set(w->f, s->name);
	s->same = earlier_find(w, info.addr);
	w->addresses[w->out->n] = info.addr;
	if (info.type == H5O_TYPE_GROUP) {
		s->kind = CXISET_GROUP;
		return s->same == -1 ? 0 : fault_set(w->f, "%.100s: a second name of"
		    " a group", s->name);
	}
	if (info.type != H5O_TYPE_DATASET)
		return fault_set(w->f, "%.100s: neither group nor dataset", s->name);
	if ((set = H5Dopen2(root, s->name, w->access)) < 0)
		return hdf_fault_set(w->f, s->name);
	r = set_take(s, set, w->f);
	H5Dclose(set);
	return r;
}

static herr_t
link_take(hid_t root, const char *name, const H5L_info_t *link, void *arg)
{
	struct walk *w = arg;
	struct cxiset *s = &w->out->sets[w->out->n];

	if (link->type != H5L_TYPE_HARD && link->type != H5L_TYPE_SOFT)
		return fault_set(w->f, "/%.100s: an external link; no other files are"
		    " read", name);
	if (w->out->n == CXISETS_MAX || strlen(name) + 2 > sizeof s->name)
		return fault_set(w->f, "/%.100s: more datasets than %d, or too long a"
		    " name", name, CXISETS_MAX);
	snprintf(s->name, sizeof s->name, "/%s", name);
	if (object_take(w, root, s) == -1)
		return -1;
	w->out->n++;
	return 0;
}

int
cxisets_survey(hid_t file, hid_t access, struct cxisets *out, struct fault *f)
{
	struct walk w = { .access = access, .out = out, .f = f };

	memset(out, 0, sizeof *out);
	f->text[0] = '\0';
	if (H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, link_take, &w) >= 0)
		return 0;
	return f->text[0] != '\0' ? -1 : hdf_fault_set(f, "/");
}

/* ---- bytes ---- */

uint64_t
cxisets_step(const struct cxiset *s)
{
	uint64_t row = cxiset_row(s), n;

	if (!s->growing)
		return 1;
	n = CXISETS_ROOM / (row > 0 ? row : 1);
	return n > 0 ? n : 1;
}

static int
selection_read(hid_t set, const struct cxiset *s, uint64_t first, uint64_t n,
    void *out)
{
	hsize_t start[CXISETS_RANK] = { first }, count[CXISETS_RANK] = { 0 };
	hid_t type = H5Dget_type(set), space = H5Dget_space(set), memory;
	herr_t r = -1;
	uint32_t i;

	for (i = 0; i < s->rank; i++)
		count[i] = s->dims[i];
	if (s->growing)
		count[0] = n;
	memory = s->rank == 0 ? H5Screate(H5S_SCALAR) :
	    H5Screate_simple((int)s->rank, count, NULL);
	if (memory >= 0 && (s->rank == 0 || H5Sselect_hyperslab(space,
	    H5S_SELECT_SET, start, NULL, count, NULL) >= 0))
		r = H5Dread(set, type, memory, space, H5P_DEFAULT, out);
	if (memory >= 0)
		H5Sclose(memory);
	H5Sclose(space);
	H5Tclose(type);
	return r < 0 ? -1 : 0;
}

int
cxisets_rows(hid_t file, hid_t access, const struct cxiset *s, uint64_t first,
    void *memory, size_t size, struct fault *f)
{
	uint64_t n = cxisets_step(s);
	hid_t set;
	int r = 0;

	if (s->elsewhere)
		return fault_set(f, "%.100s: a virtual dataset", s->name);
	if (s->growing && n > s->dims[0] - first)
		n = s->dims[0] - first;
	if (n == 0 || cxiset_row(s) > size / n)
		return fault_set(f, "%.100s: too large", s->name);
	if ((set = H5Dopen2(file, s->name, access)) < 0)
		return hdf_fault_set(f, s->name);
	if (selection_read(set, s, first, n, memory) == -1)
		r = hdf_fault_set(f, s->name);
	H5Dclose(set);
	return r;
}

/* The chunk at a place, behind what is in the memory; where that ends then, or 0. */
static size_t
chunk_take(hid_t set, const struct cxiset *s, const hsize_t *at, char *memory,
    size_t used, size_t size, struct fault *f)
{
	struct cxichunk c = { .bytes = 0 };
	hsize_t bytes = 0;
	uint32_t i;

	/* HDF5 1.10 fails on a chunk that has no storage, 1.12 has 0. */
	if (H5Dget_chunk_storage_size(set, at, &bytes) < 0 || bytes == 0) {
		fault_set(f, "%.100s: a chunk of row %llu was never written",
		    s->name, (unsigned long long)at[0]);
		return 0;
	}
	if (size - used < sizeof c || bytes > size - used - sizeof c) {
		fault_set(f, "%.100s: its chunks are too large", s->name);
		return 0;
	}
	if (H5Dread_chunk(set, H5P_DEFAULT, at, &c.mask, memory + used +
	    sizeof c) < 0) {
		hdf_fault_set(f, s->name);
		return 0;
	}
	for (i = 0; i < s->rank; i++)
		c.at[i] = at[i];
	c.bytes = bytes;
	memcpy(memory + used, &c, sizeof c);
	return used + sizeof c + ((size_t)bytes + 7) / 8 * 8;
}

int
cxisets_chunks(hid_t file, hid_t access, const struct cxiset *s, uint64_t row,
    void *memory, size_t size, struct fault *f)
{
	hsize_t at[CXISETS_RANK] = { row };
	size_t used = 0;
	hid_t set;
	int i;

	if (s->chunk[0] != 1)
		return fault_set(f, "%.100s: its chunks hold more than one row",
		    s->name);
	size -= sizeof(struct cxichunk);	/* for the last, of no bytes */
	if ((set = H5Dopen2(file, s->name, access)) < 0)
		return hdf_fault_set(f, s->name);
	do {
		used = chunk_take(set, s, at, memory, used, size, f);
		for (i = (int)s->rank - 1; i > 0; i--) {
			if ((at[i] += s->chunk[i]) < s->dims[i])
				break;
			at[i] = 0;
		}
	} while (used > 0 && i > 0);
	H5Dclose(set);
	if (used == 0)
		return -1;
	memset((char *)memory + used, 0, sizeof(struct cxichunk));
	return 0;
}
