/*
 * The report of a run: one page of HTML that needs nothing but itself, no script
 * and no network. Every number that is seen is also in a data- attribute. The same
 * summary gives the same bytes.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdio.h>

#include "report/summary.h"

/* geometry: the name to show, and the SHA-256 of its file; NULL: none was given. */
void	report_write(FILE *, const struct summary *, const char *geometry,
	    const char *digest);

/* How a report begins, for ownfile_check. */
extern const char	report_begins[];

#endif
