/* Bad-pixel masks in HDF5 files: 0 = good, anything else bad. */
#ifndef FORMAT_BADPIXELS_H
#define FORMAT_BADPIXELS_H

#include <stdint.h>

#include "base/fault.h"
#include "data/layout.h"

/*
 * Reads the mask that spec names, "FILE" or "FILE:/dataset" (the first default
 * that exists: /entry_1/data_1/mask, /data/data, /mask, or the only dataset),
 * any integer type, shaped (panel, real ss, real fs), panels stacked (panel*ss,
 * fs), or with C = 1 (ss, fs). *bad becomes malloc'd [panel][real_height]
 * [real_width], 1 = bad, the caller's to free. -1 with the shapes that disagree.
 */
int	badpixels_read(const char *spec, const struct layout *, uint8_t **bad,
	    struct fault *);

/* SHA-256 of the mask's meaning (one byte a pixel, 0 or 1), in hexadecimal. */
void	badpixels_digest(const uint8_t *bad, const struct layout *,
	    char hex[65]);

#endif
