/*
 * All that lies in a CXI file, whatever its name: groups, datasets with their types,
 * shapes and storage, second names. For whoever makes a new file of old ones.
 *
 * Bytes come as the file has them, little-endian, through the child of a cxireader;
 * what the child says is checked before it is believed. Only types that cxiwrite
 * writes are known, any other is refused.
 */
#ifndef FORMAT_CXISETS_H
#define FORMAT_CXISETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/cxireader.h"

enum { CXISETS_MAX = 96, CXISETS_NAME = 128, CXISETS_RANK = 3,
	CXISETS_FILTERS = 4, CXISETS_VALUES = 8 };

enum cxiset_kind { CXISET_GROUP, CXISET_UNSIGNED, CXISET_SIGNED, CXISET_FLOAT,
	CXISET_TEXT, CXISET_KINDS };

struct cxifilter {
	uint32_t	id, flags, n;
	uint32_t	values[CXISETS_VALUES];
	char		name[64];	/* "" if the file has none, or a longer one */
};

struct cxiset {
	char		name[CXISETS_NAME];	/* from the root */
	int32_t		same;		/* an earlier one that this is a second name
					   of; -1: it is one itself */
	uint32_t	kind;
	uint32_t	size;		/* bytes of an element */
	uint32_t	rank;
	uint64_t	dims[CXISETS_RANK];
	uint64_t	chunk[CXISETS_RANK];	/* 0 where not stored in chunks */
	uint32_t	growing;	/* 1: a row an event; 0: for all events */
	uint32_t	elsewhere;	/* 1: virtual, its bytes are in other files */
	uint32_t	n_filters;
	struct cxifilter filters[CXISETS_FILTERS];
	char		units[32];	/* the attribute; "" if absent */
};

struct cxisets {
	uint32_t	n;
	struct cxiset	sets[CXISETS_MAX];	/* parents before children */
};

/* Bytes of a row; of the whole where there is no row an event. */
uint64_t	cxiset_row(const struct cxiset *);

/* What a type and a shape are called: "(N, 32, 48) f32". */
void	cxiset_words(const struct cxiset *, char *text, size_t size);

/* The one of this name, or NULL. */
const struct cxiset	*cxisets_find(const struct cxisets *, const char *name);

/* Asks for all that there is. 0 or -1. */
int	cxireader_sets(struct cxireader *, struct cxisets *, struct fault *);

/*
 * Bytes of rows from first on, as many as one answer has room for but at most n,
 * borrowed until the next call; *got is how many. Without a row an event: the whole,
 * first 0, n 1. NULL: fault.
 */
const void	*cxireader_rows(struct cxireader *, const struct cxisets *,
		    const struct cxiset *, uint64_t first, uint64_t n,
		    uint64_t *got, struct fault *);

/* A storage chunk as it is in the file, packed. */
struct cxichunk {
	uint64_t	at[CXISETS_RANK];	/* of its first element */
	uint64_t	bytes;
	uint32_t	mask;		/* filters that were left out */
	uint32_t	zero;
};

/*
 * Calls each for the storage chunks of a row, of which each is in one row only,
 * until it returns other than 0, and returns that. -1: fault.
 */
int	cxireader_chunks(struct cxireader *, const struct cxisets *,
	    const struct cxiset *, uint64_t row, int (*each)(void *arg,
	    const struct cxichunk *, const void *bytes, struct fault *),
	    void *arg, struct fault *);

#endif
