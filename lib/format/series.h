/*
 * A series: the CXI files PREFIX_0000.cxi, PREFIX_0001.cxi, ... of one run in one
 * directory; PREFIX.lst, which names the complete ones for indexamajig -i; and
 * PREFIX.journal, from which a run that broke off is carried on (journal.h).
 *
 * The list is also the lock: one writer a directory and prefix. A file in the
 * making has the name of the finished one and ".tmp" behind it. When it is
 * complete it is synced, written into the journal, renamed, and listed.
 *
 * Syncing takes as long as the disk needs, so a committed file settles (all of the
 * above) in a thread while the next one is filled: one file at a time, so a slow
 * disk still holds the writer up. The caller hears of a failure at the next commit
 * or at series_settle.
 */
#ifndef FORMAT_SERIES_H
#define FORMAT_SERIES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/cxi.h"
#include "format/journal.h"

struct series;

/* What is done with an earlier run of the same name. */
enum series_mode {
	SERIES_NEW,		/* there must be none */
	SERIES_REPLACE,		/* it makes room, at series_begin */
	SERIES_RESUME		/* it is carried on; if there is none, as NEW */
};

/*
 * Opens a series for writing. The directory is made if only its last part is
 * missing. Nothing of an earlier run changes before series_begin. NULL: fault.
 */
struct series	*series_open(const char *dir, const char *prefix,
		    enum series_mode, struct fault *);
void		series_close(struct series *);

/* Would a file of another kind at this path be in the way of the series? */
bool		series_owns(const struct series *, const char *path);

/* Where an earlier run is carried on; NULL: this one begins anew. Borrowed. */
const struct journal_entry	*series_from(const struct series *);

/*
 * At the first event: removes an earlier run and begins the journal with an entry
 * (state JOURNAL_BEGIN; file, rows and bytes are not looked at), or cuts back what
 * is carried on to where that was; that also where no event is left to come, since
 * the list may lack the last file. 0 or -1.
 */
int	series_begin(struct series *, const struct journal_entry *, struct fault *);

/* Name of the next file, without directory; borrowed until series_commit. */
const char	*series_name(const struct series *);

/* Removes what is unfinished, and nothing else: for a signal handler. */
void	series_abandon(const struct series *);

/* Removes a stale file in the making and creates the next. 0 or -1. */
int	series_create(struct series *, const struct cxi_plan *, struct cxi **,
	    struct fault *);

/*
 * Closes a file and lets it settle; waits for the one before. The cxi is no more
 * the caller's. The entry is copied; series fills in file, rows and bytes. log:
 * descriptor of the event log, which is synced before the journal tells its size,
 * or -1. On -1 nothing is settling, and *lost rows, of this file and of the one
 * before, are not on disk under a final name.
 */
int	series_commit(struct series *, struct cxi *, const struct journal_entry *,
	    int log, uint64_t *lost, struct fault *);

/* Waits until all is settled. 0, or -1 and *lost as above. */
int	series_settle(struct series *, uint64_t *lost, struct fault *);

/*
 * Events of the run were lost on their way: waits until all is settled and notes it
 * in the journal (state JOURNAL_LOST; as at series_begin), so that nobody carries on.
 * After series_begin. 0, or -1 and *lost as above.
 */
int	series_note_loss(struct series *, const struct journal_entry *,
	    uint64_t *lost, struct fault *);

/*
 * The run has all its events, and all is settled: did the file take its place in
 * which an earlier attempt broke off? 0, or -1 with its name: none came.
 */
int	series_complete(const struct series *, struct fault *);

/* Complete files so far, one that settles, and those of a run carried on. */
uint64_t	series_count(const struct series *);

/*
 * Where an earlier run of this name wants the input from. 1; 0: there is no such
 * run; -1: fault.
 */
int	series_wanted(const char *dir, const char *prefix, struct ledger_place *,
	    struct fault *);

#endif
