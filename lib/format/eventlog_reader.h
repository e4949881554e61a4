/* Reads the log of a run, format/eventlog.h, a line at a time. */
#ifndef FORMAT_EVENTLOG_READER_H
#define FORMAT_EVENTLOG_READER_H

#include <stdint.h>

#include "base/fault.h"

enum eventlog_verdict { EVENTLOG_MISS, EVENTLOG_HIT, EVENTLOG_FAILED };

/* Texts are borrowed until the next line; empty where the log has none. */
struct eventlog_line {
	uint64_t	seq, found;	/* peaks */
	const char	*source, *file, *cause;
	double		time;		/* seconds since 1970; NaN if unknown */
	enum eventlog_verdict verdict;
};

struct eventlog_reader;

/* NULL: it cannot be opened or its heading is not that of a log; fault. */
struct eventlog_reader	*eventlog_reader_open(const char *path, struct fault *);
void	eventlog_reader_close(struct eventlog_reader *);

/*
 * The next line: 1, 0 at the end, -1 with the number of the line that is none. A
 * last line without its newline is left out: it is being written, or broke off.
 */
int	eventlog_reader_next(struct eventlog_reader *, struct eventlog_line *,
	    struct fault *);

#endif
