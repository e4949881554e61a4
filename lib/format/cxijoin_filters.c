/*
 * HDF5 asks the filters of a dataset that is being made to complete their values, and
 * bitshuffle puts three of its own in front of them whatever there is: a copy made
 * with those that a file has could not be read. So while a dataset is made, a
 * placeholder stands for each that is not HDF5's own (those complete theirs in place).
 */
#include "format/cxi_hdf5.h"
#include "format/cxijoin_impl.h"
#include "format/guard_hdf.h"
#include "format/hdf_fault.h"
#include "format/hdf_placeholder.h"

int
cxijoin_filters_hide(const struct cxiset *s, struct fault *f)
{
	const char *name;
	H5Z_filter_t id;
	uint32_t i;

	for (i = 0; i < s->n_filters; i++) {
		id = (H5Z_filter_t)s->filters[i].id;
		name = s->filters[i].name[0] == '\0' ? NULL : s->filters[i].name;
		if (id >= H5Z_FILTER_RESERVED && hdf_placeholder_set(id, name) == -1)
			return hdf_fault_set(f, s->name);
	}
	return 0;
}

void
cxijoin_filters_show(const struct cxiset *s)
{
	bool hidden = false;
	H5Z_filter_t id;
	uint32_t i;

	for (i = 0; i < s->n_filters; i++) {
		id = (H5Z_filter_t)s->filters[i].id;
		/* Of one that is there twice, or that failed to hide, there is none. */
		if (id >= H5Z_FILTER_RESERVED && H5Zunregister(id) >= 0)
			hidden = true;
	}
	/* For rows to be written, and for children that read: they inherit ours. */
	if (hidden)
		guard_hdf_filters();
}
