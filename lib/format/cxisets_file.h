/* The child's side of cxisets.h. */
#ifndef FORMAT_CXISETS_FILE_H
#define FORMAT_CXISETS_FILE_H

#include <hdf5.h>

#include "format/cxisets.h"

/* An answer's room, in bytes, and the rows that one has, at least 1. */
enum { CXISETS_ROOM = 1 << 24 };
uint64_t	cxisets_step(const struct cxiset *);

/* Walks the file; access refuses external links. 0 or -1. */
int	cxisets_survey(hid_t file, hid_t access, struct cxisets *, struct fault *);

/* Fills the memory with rows from first on, or with the chunks of one row. */
int	cxisets_rows(hid_t file, hid_t access, const struct cxiset *,
	    uint64_t first, void *memory, size_t size, struct fault *);
int	cxisets_chunks(hid_t file, hid_t access, const struct cxiset *,
	    uint64_t row, void *memory, size_t size, struct fault *);

#endif
