/*
 * The accounts that a run of cxiwrite gives beside its files: the event log (-l) and
 * the statistics (-S). Neither replaces what it should not, nor before the first
 * event; those of a run that is carried on are its own.
 */
#ifndef CMD_ACCOUNTS_H
#define CMD_ACCOUNTS_H

#include <stdbool.h>

#include "format/eventlog.h"
#include "format/series.h"
#include "format/totals.h"

/* What the options say. */
struct accounts {
	const char	*log, *stats;	/* paths; NULL: none */
	bool		force, resume;	/* what becomes of an earlier run's */
};

/*
 * Opens the log (NULL: none) and looks whether the statistics can be written, for a
 * series that is open in that mode. Changes nothing of an earlier run. Ends the
 * program where one of them cannot be had.
 */
struct eventlog	*accounts_open(const struct accounts *, const struct series *);

/*
 * The log that was there is an earlier run's, or of this one before it broke off: it
 * makes room, or is cut back to where the series is carried on. 0 or -1.
 */
int	accounts_clear(const struct accounts *, struct eventlog *,
	    const struct series *, struct fault *);

/*
 * At the first event: until the end, statistics that were there must not tell that
 * the run is complete. 0 or -1.
 */
int	accounts_begin(const struct accounts *, const struct totals *, struct fault *);

/* Do the statistics say so already, with the times of the run that made them? */
bool	accounts_hold(const struct accounts *, const struct totals *);

/* Writes the statistics, which are wanted. 0 or -1. */
int	accounts_write(const struct accounts *, const struct totals *,
	    struct fault *);

/* For a handler that ends the program: what of them is unfinished is removed. */
void	accounts_abandon(void);

#endif
