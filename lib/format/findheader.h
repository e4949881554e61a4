/*
 * The stream header that leaves peakfind: as it came, with the planes that leave
 * here, the capacity, and a line for each option that changes results.
 */
#ifndef FORMAT_FINDHEADER_H
#define FORMAT_FINDHEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/stream.h"

/* What may be asked of peakfind, peakfind(1). */
struct findheader_options {
	uint32_t	min_pixels;	/* -a */
	uint32_t	max_pixels;	/* -A; 0: no limit */
	uint32_t	capacity;	/* -c; 0, or more than the stream's: that */
	bool		weighted, keep;	/* -w, -k */
	const char	*mask;		/* -b, FILE[:/dataset]; NULL: none */
};

/*
 * Makes *out for a stream that comes in, and *bad, the bad pixels of its layout
 * ([panel][real_height][real_width], to be freed; NULL without a mask). -1 if
 * the stream has nothing to find peaks in, the mask cannot be read, or the text
 * overflows; *bad is NULL then.
 */
int	findheader_make(const struct stream *in,
	    const struct findheader_options *, struct stream *out,
	    uint8_t **bad, struct fault *);

#endif
