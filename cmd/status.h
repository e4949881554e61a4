/* Exit statuses of all programs, peakpipe(7). Where two apply, the larger one. */
#ifndef CMD_STATUS_H
#define CMD_STATUS_H

#include "base/fault.h"

enum {
	STATUS_OK = 0,
	STATUS_USAGE = 1,	/* an option or operand is wrong; nothing was done */
	STATUS_GONE = 2,	/* the reader of our output has gone */
	STATUS_INTERRUPTED = 3,	/* stopped by a signal */
	STATUS_FAILED = 4,	/* all went through, but events failed */
	STATUS_INCOMPLETE = 5,	/* the input ended without its end */
	STATUS_INPUT = 6,	/* an input is missing or damaged */
	STATUS_OUTPUT = 7,	/* an output could not be written */
	STATUS_SYSTEM = 8	/* memory, slots, processes */
};

/* For a fault of an input or output, as status says, unless it is a lack. */
static inline int
status_of(const struct fault *f, int status)
{
	return f->lack ? STATUS_SYSTEM : status;
}

#endif
