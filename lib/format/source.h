/*
 * The first header of a stream, as its source makes it: the layout of what was
 * found, and facts of the run that its user knows.
 */
#ifndef FORMAT_SOURCE_H
#define FORMAT_SOURCE_H

#include "base/fault.h"
#include "data/layout.h"
#include "format/stream.h"

/* Facts of the user, and with the two of the program. */
enum { SOURCE_FACTS_USER = 32, SOURCE_FACTS_MAX = SOURCE_FACTS_USER + 2 };

enum { SOURCE_KEY_MAX = 63 };	/* bytes */

struct source {
	const char	*facts[SOURCE_FACTS_MAX];	/* key=value; borrowed */
	unsigned	n;
};

/* Adds a fact, which must outlive the source. -1 if it is no fact. */
int	source_fact(struct source *, const char *text, struct fault *);

/*
 * Writes the STREAM_SIZE bytes of the header of events that bring logits, and an
 * image if the layout has one. -1 if the facts do not fit.
 */
int	source_header(const struct source *, const struct layout *,
	    unsigned quantities, unsigned char *header, struct fault *);

#endif
