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

enum findstream_answer {
	FINDSTREAM_SAME,	/* byte for byte the one before */
	FINDSTREAM_BEGINS,	/* another one, and all of it is set */
	FINDSTREAM_WRONG,	/* damaged, nothing to find peaks in, too much text */
	FINDSTREAM_NO_MASK	/* it cannot be read, or does not fit */
};

/* A stream record; what is wrong with it or with the mask, the fault says. */
enum findstream_answer	findstream_begin(struct findstream *,
			    const unsigned char *record,
			    const struct findstream_options *, struct fault *);

void	findstream_free(struct findstream *);

#endif
