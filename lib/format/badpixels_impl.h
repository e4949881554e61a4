/* What the two files of the mask reader share, and tests of its limits. */
#ifndef FORMAT_BADPIXELS_IMPL_H
#define FORMAT_BADPIXELS_IMPL_H

#include <stdint.h>

#include "data/layout.h"
#include "format/guard.h"

/*
 * Only for the child of a guard: reads a mask into bad, a byte a pixel, which is
 * large enough for the layout. path is the dataset's, NULL for the default.
 */
int	badpixels_load(int fd, const char *path, const struct layout *,
	    uint8_t *bad, struct fault *);

/* badpixels_read with other limits than guard_limits. */
int	badpixels_read_within(const char *spec, const struct layout *,
	    const struct guard_limits *, uint8_t **bad, struct fault *);

#endif
