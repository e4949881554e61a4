/*
 * The input of a program that takes events from a pipe, as cxiwrite(1) does: a feed
 * and its ledger. What the two tell comes one after the other:
 *
 *	INTAKE_STREAM	a stream begins: feed.stream, feed.header
 *	INTAKE_EVENT	an event: feed.event and the rest; until feed_done
 *	INTAKE_REMARK	the source was interrupted; a word to the user
 *	INTAKE_MISSING	events may be missing, or are; it goes on
 *	INTAKE_EOF	the end, and all is accounted for
 *	INTAKE_CUT	the end, which came too early
 *	INTAKE_BROKEN	nothing more can be taken
 *
 * All but the first two, and EOF, come with a fault that says it. An event that has
 * failed (record.flags) comes with the reason.
 */
#ifndef FORMAT_INTAKE_H
#define FORMAT_INTAKE_H

#include <stdbool.h>

#include "base/fault.h"
#include "format/feed.h"
#include "format/ledger.h"

enum intake_got {
	INTAKE_STREAM, INTAKE_EVENT, INTAKE_REMARK, INTAKE_MISSING, INTAKE_EOF,
	INTAKE_CUT, INTAKE_BROKEN
};

struct intake {
	struct feed	feed;
	struct ledger	ledger;
	/* What is still to be told, in this order. */
	bool		lacks, begins, event;
	struct fault	missing, failed;
};

/*
 * Reads records from standard input; slots is borrowed, want as in feed_init. A run
 * that is carried on: ledger_resume before the first intake_next. 0, or -1 without
 * memory.
 */
int	intake_init(struct intake *, struct slots *, unsigned want);
void	intake_close(struct intake *);

/* Waits for what comes next. After EOF, CUT and BROKEN there is nothing more. */
enum intake_got	intake_next(struct intake *, struct fault *);

#endif
