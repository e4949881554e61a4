/*
 * What a merged file, cximerge(1), says of the files it is made of: its sources, and
 * of each event in which of them it is, and where. So a reader of it needs no
 * virtual dataset, which would open other files under the hands of HDF5: it opens
 * the sources itself, each in a child of its own, a few at a time.
 */
#ifndef FORMAT_CXIPARTS_H
#define FORMAT_CXIPARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"

#define CXIPARTS_GROUP "/cximerge"
#define CXIPARTS_PROGRAM CXIPARTS_GROUP "/program"
#define CXIPARTS_NAME CXIPARTS_GROUP "/source_name"
#define CXIPARTS_BYTES CXIPARTS_GROUP "/source_bytes"
#define CXIPARTS_EVENTS CXIPARTS_GROUP "/source_events"
#define CXIPARTS_DIGEST CXIPARTS_GROUP "/source_digest"
#define CXIPARTS_SOURCE CXIPARTS_GROUP "/event_source"
#define CXIPARTS_ROW CXIPARTS_GROUP "/event_row"

enum { CXIPARTS_DIGEST_SIZE = 17 };

struct cxireader;

struct cxiparts_source {
	char		*path;		/* as to be opened from here */
	uint64_t	bytes, events;
	char		digest[CXIPARTS_DIGEST_SIZE];	/* join.h */
};

struct cxiparts;

/*
 * Reads the tables of the merged file that is open under this path. clen_path is
 * for its sources, as for cxireader_open. 0 or -1.
 */
int	cxiparts_load(struct cxireader *, const char *path, const char *clen_path,
	    struct cxiparts **, struct fault *);
void	cxiparts_free(struct cxiparts *);

size_t	cxiparts_count(const struct cxiparts *);
uint64_t	cxiparts_events(const struct cxiparts *);
const struct cxiparts_source	*cxiparts_source(const struct cxiparts *, size_t i);

/*
 * The reader of the source of event k, which must be there, and its row in it;
 * borrowed until the next call. NULL: the source is missing, or not what it was.
 */
struct cxireader	*cxiparts_reader(struct cxiparts *, uint64_t k,
			    uint64_t *row, struct fault *);

#endif
