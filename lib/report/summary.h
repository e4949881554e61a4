/*
 * A run in numbers: what a report says. CXI files are read an event at a time, logs
 * a line at a time, and neither is kept: memory does not grow with the run.
 */
#ifndef REPORT_SUMMARY_H
#define REPORT_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/assembly.h"
#include "data/geometry.h"
#include "data/histogram.h"
#include "data/layout.h"
#include "format/cxireader.h"
#include "format/runfiles.h"
#include "report/best.h"
#include "report/sides.h"

enum { SUMMARY_BEST = 12, SUMMARY_FAILURES = 50, SUMMARY_CAUSES = 16,
	SUMMARY_UNREAD = 20, SUMMARY_RUNS = 8, SUMMARY_POWDER = 200 };

/* Lanes of the histograms over time and over order. */
enum { LANE_EVENTS, LANE_HITS, LANE_FAILED, LANE_PEAKS };

struct summary_failure {
	uint64_t	seq;
	char		source[72], cause[160];
};

struct summary_cause {
	char		text[160];
	uint64_t	n;
};

/* What the files of one stream say of how they were made. */
struct summary_origin {
	char		program[64], options[4096], stream[4160], detector[256];
	uint64_t	files;
};

/* A run from its beginning to its end. */
struct summary_course {
	uint64_t	events, timed;
	struct histogram time, order;	/* seconds; position */
	struct histogram found;		/* peaks of those that did not fail */
};

struct summary {
	const char	*run;		/* the operand; borrowed */
	const struct geometry *geometry;	/* borrowed; NULL: none */
	struct runfiles	files;
	struct sides	sides;

	/* From the CXI files. */
	uint64_t	files_read, rows, peaks;
	uint64_t	cut;		/* events with more peaks than were kept */
	uint32_t	height, width;	/* of images of the first file that has any */
	uint64_t	others;		/* files with images of another size: their
					   peaks are on no panel, in no powder, and of
					   no resolution */
	uint64_t	n_unread;
	struct fault	unread[SUMMARY_UNREAD];
	struct summary_course filed;	/* hits alone */
	struct histogram intensity, snr;	/* log10 */
	struct histogram spacing;	/* 1/d, 1/angstrom */
	uint64_t	panels[LAYOUT_MAX_PANELS];	/* peaks on each */
	uint64_t	median;		/* of those on the first n_panels */
	uint32_t	n_panels;	/* one more than the last with a peak */
	size_t		n_best;
	struct best_hit	best[SUMMARY_BEST];	/* file: index in files */
	unsigned	n_origins;
	uint64_t	more_origins;
	struct summary_origin origins[SUMMARY_RUNS];
	uint64_t	min_peaks;	/* of the first file; 0 if unknown */

	/* Peaks on the detector, in cells of side pixels; none if NULL. */
	struct assembly	assembly;
	uint32_t	*powder;
	unsigned	powder_height, powder_width, powder_side;
	char		powder_why[200];	/* why there is none */
	char		powder_doubt[200];	/* of the geometry; empty: none */
	bool		misfit;		/* the geometry is that of a larger detector */

	/* From the logs. */
	bool		log_read;	/* there is one, of this run */
	char		log_why[200];	/* why it is not; empty: it is */
	struct summary_course logged;
	uint64_t	hits, misses, failed;
	unsigned	n_failures, n_causes;
	struct summary_failure failures[SUMMARY_FAILURES];
	struct summary_cause causes[SUMMARY_CAUSES];

	bool		stats_read;	/* there are statistics, of this run as it is */
	char		stats_why[200];	/* why they are not; empty: they are, or were */
};

/*
 * Reads all of a run. files and sides are filled in before; a file that cannot be
 * read is counted, and the others go on. A log or statistics of another run are
 * left out. -1: a log is damaged, or a lack.
 */
int	summary_make(struct summary *, struct fault *);
void	summary_free(struct summary *);

/*
 * Is a panel dead (1), with less than a twentieth of the median of the panels where
 * that is 20 peaks or more, or hot (2), with more than 8 times the median and 20
 * peaks? 0: neither.
 */
int	summary_panel(const struct summary *, uint32_t panel);

/* Of all events by the log, or of the hits alone. */
const struct summary_course	*summary_course(const struct summary *);

/* Events of the run, by the best that is there: statistics, log, journal. */
struct summary_counts {
	uint64_t	in, hits, misses, failed;
};

/* false: nothing tells. */
bool	summary_counts(const struct summary *, struct summary_counts *);

/* Was all of the run written? */
enum summary_verdict { SUMMARY_COMPLETE, SUMMARY_INTERRUPTED, SUMMARY_BROKEN,
	SUMMARY_UNKNOWN };
enum summary_verdict	summary_verdict(const struct summary *, const char **why);

#endif
