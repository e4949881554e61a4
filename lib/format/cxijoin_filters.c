/*
 * HDF5 asks the filters of a dataset that is being made to complete their values, and
 * bitshuffle puts three of its own in front of them whatever there is: a copy made
 * with those that a file has could not be read. So while a dataset is made, another
 * filter has the place of each that is not HDF5's own (those complete theirs in place):
 * one that asks for nothing and does nothing.
 */
#include "format/cxi_hdf5.h"
#include "format/cxijoin_impl.h"
#include "format/guard_hdf.h"
#include "format/hdf_fault.h"

/* Nobody runs it. 0 is failure. */
static size_t
nothing(unsigned flags, size_t n, const unsigned *values, size_t bytes, size_t *room,
    void **buffer)
{
	(void)flags, (void)n, (void)values, (void)bytes, (void)room, (void)buffer;
	return 0;
}

int
cxijoin_filters_hide(const struct cxiset *s, struct fault *f)
{
	H5Z_class2_t c = {
		.version = H5Z_CLASS_T_VERS, .encoder_present = 1,
		.decoder_present = 1, .filter = nothing
	};
	uint32_t i;

	for (i = 0; i < s->n_filters; i++) {
		c.id = (H5Z_filter_t)s->filters[i].id;
		c.name = s->filters[i].name[0] == '\0' ? NULL : s->filters[i].name;
		if (c.id >= H5Z_FILTER_RESERVED && H5Zregister(&c) < 0)
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
