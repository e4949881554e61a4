/* What the modules that write a merged file share. */
#ifndef FORMAT_CXIJOIN_IMPL_H
#define FORMAT_CXIJOIN_IMPL_H

#include <hdf5.h>

#include "format/cxijoin.h"

/* Rows that follow each other in a source and in the merged file. */
struct cxijoin_run {
	uint64_t	at, row, n;
	uint32_t	source;
};

/* All runs, by source, then by place in the merged file; the caller's to free. */
struct cxijoin_run	*cxijoin_runs(const struct join *, size_t *n,
			    struct fault *);

/* Properties of a dataset whose rows, n in all, lie in the sources; or -1. */
hid_t	cxijoin_virtual(const struct cxijoin *, const struct cxiset *,
	    const struct cxijoin_run *, size_t n, struct fault *);

/* The name of a source relative to the file; malloc'd, NULL with a fault. */
char	*cxijoin_relative(const char *file, const char *source, struct fault *);

/* The type of a dataset in a file, to be closed; -1 with a fault. */
hid_t	cxijoin_type(const struct cxiset *, struct fault *);

/*
 * While a dataset is made, between the two, its filters are not asked, and have just
 * the values that they have in the source. It is closed when they are shown again.
 */
int	cxijoin_filters_hide(const struct cxiset *, struct fault *);
void	cxijoin_filters_show(const struct cxiset *);

/* Copies all rows of all sources into the datasets of the file; as cxijoin_write. */
int	cxijoin_copy(const struct cxijoin *, hid_t file,
	    const struct cxijoin_run *, size_t n, struct fault *);

#endif
