/*
 * Many CXI files, read one after the other: as cxireader.h does, but one child has up
 * to GUARD_FILES of them, since starting a child takes longer than reading a small
 * file. Merged files are not followed to their sources.
 */
#ifndef FORMAT_CXIREADERS_H
#define FORMAT_CXIREADERS_H

#include <stddef.h>

#include "base/fault.h"
#include "format/cxireader.h"

struct cxireaders;

/* The n paths, and their array, are borrowed until cxireaders_free. NULL: fault. */
struct cxireaders	*cxireaders_new(const char *const paths[], size_t n,
			    struct fault *);
void	cxireaders_free(struct cxireaders *);

/*
 * Opens file i, below n; borrowed until the next call. Cheap in ascending order. A
 * file is what lay under its name when the child that reads it was started. NULL: it
 * cannot be read, others may.
 */
struct cxireader	*cxireaders_at(struct cxireaders *, size_t i,
			    struct fault *);

#endif
