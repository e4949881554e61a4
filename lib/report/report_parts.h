/*
 * The parts of a report, each a file of its own, and what they share.
 */
#ifndef REPORT_REPORT_PARTS_H
#define REPORT_REPORT_PARTS_H

#include <stdio.h>

#include "report/summary.h"

/* The commands that made the files of an origin, as text of a shell. */
void	report_commands(FILE *, const struct summary_origin *, const char *geometry,
	    const char *digest);

/*
 * Pictures of the hits with most peaks, and the maximum of images of the run. They
 * are read from its files, and what cannot be is told in their place.
 */
void	report_hits(FILE *, const struct summary *);
void	report_maximum(FILE *, const struct summary *);

/* Plots of hits and peaks, under their headline. */
void	report_plots(FILE *, const struct summary *);

/*
 * Begins a figure, which the caller ends; or puts a whole one that says why there is
 * nothing to show. Texts are HTML, not escaped.
 */
void	report_figure_begin(FILE *, const char *title);
void	report_figure_absent(FILE *, const char *id, const char *title,
	    const char *why);

/* For uint64_t in printf. */
typedef unsigned long long ull;

/* The style of the page. */
extern const char	report_style[];

#endif
