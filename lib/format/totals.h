/* The totals of a run, and the statistics file that holds them. */
#ifndef FORMAT_TOTALS_H
#define FORMAT_TOTALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/newfile.h"

/* Events; in = written + filtered + failed + lost, with those of a run carried on. */
struct totals {
	uint64_t	in, written, filtered, failed;
	uint64_t	lost;		/* taken, but in a file that was given up */
	uint64_t	missing;	/* sent, but never came */
	uint64_t	files;
	bool		complete;	/* all that was sent is accounted for */
	bool		interrupted;	/* the source was stopped */
	double		seconds;	/* of this process */
	double		rate;		/* its events a second */
};

/* Is there no file, or one that totals_write made? 0, or -1 with a fault. */
int	totals_check(const char *path, struct fault *);

/*
 * Writes them as JSON, the file replaced if totals_check allows it. 0 or -1. The new
 * file is the caller's, all 0 at first, so that a handler can newfile_remove it.
 */
int	totals_write(const struct totals *, struct newfile *, const char *path,
	    struct fault *);

/* Are they of the same events and files? Times do not count. */
bool	totals_same(const struct totals *, const struct totals *);

/* Reads such a file; 0, or -1 with what is wrong with it. */
int	totals_read(struct totals *, const char *path, struct fault *);

#endif
