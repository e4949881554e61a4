/*
 * What CrystFEL will miss in the files or replies of a stream, or in the geometry it
 * comes with: said when the stream begins, since CrystFEL itself does not complain.
 */
#ifndef CMD_REMARKS_H
#define CMD_REMARKS_H

#include <stdbool.h>

#include "format/plan.h"
#include "format/stream.h"

/*
 * Of cxiwrite's files. name: of the geometry, where the plan has one; first: no
 * stream of the run came before, so what is the geometry's own is said, too.
 */
void	remarks_files(const struct plan *, const struct stream *, const char *name,
	    bool first);

/* Of q2serve's replies. */
void	remarks_replies(const struct plan *, const struct stream *, const char *name);

#endif
