/* What the two processes that read a CXI file share. */
#ifndef FORMAT_CXIREADER_IMPL_H
#define FORMAT_CXIREADER_IMPL_H

#include "format/cxireader.h"

/* A request: what, and of which event or block of events. */
enum cxireader_what {
	CXIREADER_SURVEY,	/* answers with a struct cxireader_info */
	CXIREADER_BLOCK,	/* events, then n_peaks peaks of each, packed */
	CXIREADER_IMAGE,	/* floats */
	CXIREADER_MASK,		/* bytes, 0 is good */
	CXIREADER_SETS,		/* a struct cxisets */
	CXIREADER_ROWS,		/* k: set << 48 | row; bytes of rows from there on */
	CXIREADER_CHUNKS	/* the same; struct cxichunk, bytes to a multiple of 8,
				   and so on; the last has no bytes */
};

#define CXIREADER_REQUEST(what, k) ((uint64_t)(what) << 56 | (k))
#define CXIREADER_MAX_EVENTS (UINT64_C(1) << 48)

/* Bytes of the memory that both share. */
#define CXIREADER_MEMORY ((size_t)CXIREADER_MAX_PIXELS * sizeof(float))

enum {
	CXIREADER_BLOCK_EVENTS = 64,
	CXIREADER_BLOCK_PEAKS = 1 << 20,	/* unless one event has more */
	CXIREADER_MAX_CAPACITY = 1 << 20
};

/* Events of a block of files with this capacity. */
uint64_t	cxireader_block(uint32_t capacity);

/*
 * The parent's side: as cxireader_open, but what is merged is not followed to its
 * sources.
 */
int	cxireader_open_alone(const char *path, const char *clen_path,
	    struct cxireader **, struct fault *);

/*
 * Opens files for one child, which reads one at a time: the first one at first. n is
 * how many there are, at least 1, and then how many were taken: as many as can be
 * opened, but at most GUARD_FILES. paths are copied. -1: the first one cannot be
 * opened.
 */
int	cxireader_open_many(const char *const paths[], size_t *n,
	    const char *clen_path, struct cxireader **, struct fault *);

/* Goes to file i of them and surveys it. -1: it cannot be read, others may. */
int	cxireader_turn(struct cxireader *, size_t i, struct fault *);

/* Of the file that is open, whatever lies under its name by now. -1: fault. */
int	cxireader_bytes(const struct cxireader *, uint64_t *, struct fault *);

/*
 * For cxisets.c and cxiparts.c, which ask on their own. wild is the fault of a child
 * that contradicts itself; it returns -1.
 */
int	cxireader_ask(struct cxireader *, enum cxireader_what, uint64_t k,
	    struct fault *);
const void	*cxireader_memory(const struct cxireader *);
int	cxireader_wild(const struct cxireader *, struct fault *);

/* The child's side. */
struct cxireader_file;

struct cxireader_file	*cxireader_file_new(const char *clen_path);
void	cxireader_file_free(struct cxireader_file *);

/* Fills the memory for a request; 0, or -1 with dataset and cause. */
int	cxireader_file_serve(struct cxireader_file *, int fd, void *memory,
	    uint64_t request, struct fault *);

#endif
