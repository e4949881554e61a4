/*
 * What cxiwrite left beside the CXI files: journals, logs, statistics, files in the
 * making. Found by their names, or named. What is not there is said to be missing.
 */
#ifndef REPORT_SIDES_H
#define REPORT_SIDES_H

#include <stdbool.h>

#include "base/fault.h"
#include "format/journal.h"
#include "format/totals.h"

enum { SIDES_LOGS = 256 };

struct sides {
	char		*logs[SIDES_LOGS];	/* paths, n_logs of them */
	unsigned	n_logs;
	unsigned	n_journals;
	struct journal_entry last;		/* totals: sums over all journals */
	bool		open;			/* an input broke off */
	bool		lost;			/* events, on their way */
	bool		ended;			/* all journals end with an end */
	unsigned	temporary;		/* files in the making */
	unsigned	n_stats;
	struct totals	stats;			/* sums */
	bool		incomplete;		/* some statistics say that */
};

/*
 * Looks beside a run, a directory or PREFIX.lst, for each PREFIX.journal there:
 * its log PREFIX.tsv and statistics PREFIX.json; if no prefix has one, log.tsv and
 * stats.json. An empty one is not there: its run goes on, or was killed. Those of some
 * prefixes only are left out, since they tell nothing of the whole. log and stats, if
 * not NULL, are taken instead. -1: one is there but cannot be read. On 0 and -1 it is
 * to be freed.
 */
int	sides_find(struct sides *, const char *run, const char *log,
	    const char *stats, struct fault *);
void	sides_free(struct sides *);

#endif
