#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

#include "format/cxireader_file.h"
#include "format/guard_hdf.h"

/*
 * The side of the child. A file stays open until a request comes that is about
 * another one.
 */

uint64_t
cxireader_block(uint32_t capacity)
{
	uint64_t n = CXIREADER_BLOCK_PEAKS / (capacity > 0 ? capacity : 1);

	return n > CXIREADER_BLOCK_EVENTS ? CXIREADER_BLOCK_EVENTS : n;
}

struct cxireader_file *
cxireader_file_new(const char *clen_path)
{
	struct cxireader_file *c = calloc(1, sizeof *c);
	int i;

	if (c == NULL)
		return NULL;
	c->fd = -1;
	c->file = c->access = c->transfer = H5I_INVALID_HID;
	c->clen_path = clen_path != NULL && *clen_path != '\0' ? clen_path : NULL;
	for (i = 0; i < SET_COUNT; i++)
		c->sets[i].id = H5I_INVALID_HID;
	return c;
}

void
cxireader_file_free(struct cxireader_file *c)
{
	if (c != NULL) {
		free(c->scratch);
		free(c->all);
	}
	free(c);
}

/* ---- taking files in turn ---- */

/* What all files are read with. */
static int
lists_make(struct cxireader_file *c, struct fault *f)
{
	if (c->access >= 0)
		return 0;
	c->access = H5Pcreate(H5P_DATASET_ACCESS);
	c->transfer = H5Pcreate(H5P_DATASET_XFER);
	if (c->access < 0 || c->transfer < 0 ||
	    H5Pset_buffer(c->transfer, CXIREADER_TRANSFER, NULL, NULL) < 0 ||
	    guard_hdf_links(c->access, &c->linked) == -1)
		return fault_set(f, "HDF5 cannot be set up");
	return 0;
}

/* Closes the file, and with it all that is open of it, guard_hdf.h. */
static void
file_leave(struct cxireader_file *c)
{
	int i;

	if (c->file >= 0)
		H5Fclose(c->file);
	c->file = H5I_INVALID_HID;
	c->fd = -1;
	memset(&c->info, 0, sizeof c->info);
	memset(c->sets, 0, sizeof c->sets);
	for (i = 0; i < SET_COUNT; i++)
		c->sets[i].id = H5I_INVALID_HID;
	free(c->scratch);
	c->scratch = NULL;
	if (c->all != NULL)
		c->all->n = 0;
}

/* After a crash there is a new child, which has not opened the file yet. */
static int
file_enter(struct cxireader_file *c, int fd, struct fault *f)
{
	if (c->fd == fd)
		return 0;
	file_leave(c);
	if (lists_make(c, f) == -1)
		return -1;
	c->fd = fd;
	if (cxireader_survey(c, f) == 0)
		return 0;
	file_leave(c);
	return -1;
}

static int
all_survey(struct cxireader_file *c, struct fault *f)
{
	if (c->all == NULL && (c->all = calloc(1, sizeof *c->all)) == NULL)
		return fault_lack(f, "out of memory");
	if (c->all->n > 0)
		return 0;
	if (cxisets_survey(c->file, c->access, c->all, f) == 0)
		return 0;
	c->all->n = 0;
	return -1;
}

/* Rows or chunks of any dataset; what is wanted of which is in k. */
static int
all_serve(struct cxireader_file *c, enum cxireader_what what, void *memory,
    uint64_t k, struct fault *f)
{
	uint64_t row = k & ((UINT64_C(1) << 48) - 1);
	const struct cxiset *s;

	if (all_survey(c, f) == -1)
		return -1;
	s = &c->all->sets[k >> 48];
	if (k >> 48 >= c->all->n || s->kind == CXISET_GROUP ||
	    row >= (s->growing ? s->dims[0] : 1))
		return fault_set(f, "an unknown request");
	return what == CXIREADER_ROWS ?
	    cxisets_rows(c->file, c->access, s, row, memory, CXIREADER_MEMORY, f) :
	    cxisets_chunks(c->file, c->access, s, row, memory, CXIREADER_MEMORY, f);
}

int
cxireader_file_serve(struct cxireader_file *c, int fd, void *memory,
    uint64_t request, struct fault *f)
{
	uint64_t k = request & ((UINT64_C(1) << 56) - 1);

	if (file_enter(c, fd, f) == -1)
		return -1;
	switch ((enum cxireader_what)(request >> 56)) {
	case CXIREADER_SURVEY:
		memcpy(memory, &c->info, sizeof c->info);
		return 0;
	case CXIREADER_BLOCK:
		return cxireader_block_read(c, k, memory, f);
	case CXIREADER_IMAGE:
		return cxireader_image_read(c, k, memory, f);
	case CXIREADER_MASK:
		return cxireader_mask_read(c, k, memory, f);
	case CXIREADER_SETS:
		if (all_survey(c, f) == -1)
			return -1;
		memcpy(memory, c->all, sizeof *c->all);
		return 0;
	case CXIREADER_ROWS:
	case CXIREADER_CHUNKS:
		return all_serve(c, (enum cxireader_what)(request >> 56), memory,
		    k, f);
	}
	return fault_set(f, "an unknown request");
}
