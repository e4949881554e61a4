/*
 * The stream that peakfind has in hand: as it comes in, and as it leaves, with the
 * planes and the capacity that it has here and a line in its header for each
 * option that changes results.
 */
#ifndef FORMAT_FINDSTREAM_H
#define FORMAT_FINDSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/peakfinder.h"
#include "format/stream.h"

/* What may be asked of peakfind, peakfind(1). */
struct findstream_options {
	uint32_t	min_pixels;	/* -a */
	uint32_t	max_pixels;	/* -A; 0: no limit */
	uint32_t	capacity;	/* -c; 0, or more than the stream's: that */
	bool		weighted, keep;	/* -w, -k */
	const char	*mask;		/* -b, FILE[:/dataset]; NULL: none */
};

struct findstream {
	bool		open;		/* there is one; zero all at first */
	unsigned char	header[STREAM_SIZE];	/* its record as it came */
	struct stream	in, out;
	uint8_t		*bad;		/* pixels; NULL: no mask; freed by the next */
	struct peakfinder_options finder;	/* for its peaks; bad is borrowed */
};

/*
 * A stream record. 0: the same as before, byte for byte; 1: another stream, and
 * all of it is set; -1 if it is damaged or has nothing to find peaks in, or if the
 * text overflows; -2 if the mask cannot be read.
 */
int	findstream_begin(struct findstream *, const unsigned char *record,
	    const struct findstream_options *, struct fault *);

void	findstream_free(struct findstream *);

#endif
