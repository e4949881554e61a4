/* The file of a CrystFEL geometry, read once: it may come through a pipe. */
#ifndef FORMAT_GEOFILE_H
#define FORMAT_GEOFILE_H

#include <sha2.h>

#include "base/fault.h"
#include "data/geometry.h"

enum { GEOFILE_MAX = 64 << 20 };	/* bytes; large ones have 1 MB */

struct geofile {
	struct geometry	geometry;
	const char	*path;		/* borrowed */
	char		*text;		/* all of it, NUL-terminated; NULL: no file */
	char		digest[SHA256_DIGEST_STRING_LENGTH];	/* of the text */
};

/*
 * Reads and parses it; geofile_free gives it up again. -1: the fault names the path,
 * and the line where it is one, and there is nothing to free.
 */
int	geofile_read(struct geofile *, const char *path, struct fault *);

/* One that is zeroed is nothing. */
void	geofile_free(struct geofile *);

#endif
