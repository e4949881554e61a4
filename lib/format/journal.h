/*
 * The journal of a series, PREFIX.journal: which files are complete, and where the
 * input was when each was. A resumed run carries on from it; a person may read it.
 *
 * Tab-separated text with a heading. The first line behind it tells how the run
 * began; then comes a line a file, written and synced when the file is complete
 * and synced, before it gets its name. So a file that has its name has its line,
 * and a last line without its file is void. Columns:
 *
 *	file		name in the directory; "-": of none
 *	rows		hits in it
 *	bytes		its size
 *	state		begin; full: it has all hits that a file takes; end: its stream
 *			ended; open: the input broke off, and more belongs into it or
 *			before it; lost: of no file: events before here were lost on
 *			their way, and no input explains it
 *	stream		id, 16 hexadecimal digits
 *	place next	struct ledger_place (place: header)
 *	options header	digests of what must not change when the run is resumed
 *	in written filtered failed	events so far
 *	log		bytes of the event log so far; "-": none
 *
 * A line for the file of the line before replaces that one, which must be open. A
 * full or ended file behind open ones makes them count: nothing was missing. A run
 * that lost events is not carried on: nobody knows which they were.
 */
#ifndef FORMAT_JOURNAL_H
#define FORMAT_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "format/ledger.h"

enum { JOURNAL_NAME_SIZE = 256, JOURNAL_DIGEST_SIZE = 17 };

enum journal_state {
	JOURNAL_BEGIN, JOURNAL_FULL, JOURNAL_END, JOURNAL_OPEN, JOURNAL_LOST
};

/* What a line says. */
struct journal_entry {
	char		file[JOURNAL_NAME_SIZE];
	uint64_t	rows, bytes;
	enum journal_state state;
	struct ledger_place place;
	char		options[JOURNAL_DIGEST_SIZE];	/* of cxiwrite */
	char		header[JOURNAL_DIGEST_SIZE];	/* of the stream, and mask */
	uint64_t	in, written, filtered, failed;
	int64_t		log;		/* bytes; -1: there is none */
	uint64_t	end;		/* journal_read: offset behind the line */
};

/* Empties a journal that is open for appending and writes its heading. 0 or -1. */
int	journal_begin(int fd, struct fault *);

/* Appends a line with one write and syncs it. 0, or -1 and the line is not there. */
int	journal_add(int fd, const struct journal_entry *, struct fault *);

/*
 * Reads all lines of a journal: *entries is the caller's to free, *n their
 * number, 0 where the file is empty or not there. A last line without its newline
 * is left out. -1: it cannot be read, or is no journal; which line.
 */
int	journal_read(const char *path, struct journal_entry **entries, size_t *n,
	    struct fault *);

#endif
