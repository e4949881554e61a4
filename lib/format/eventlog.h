/*
 * The log of a run: tab-separated text with a heading, a line an event: seq,
 * source, timestamp (seconds.nanoseconds), energy_eV, peaks_found, peaks_kept,
 * hit (1, 0 or failed), file, index, cause (of a failed event). What is unknown is
 * empty.
 */
#ifndef FORMAT_EVENTLOG_H
#define FORMAT_EVENTLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/event.h"

/* The first line. */
extern const char	eventlog_heading[76];

struct eventlog;

/*
 * Opens a log, line-buffered. A regular file that has something in it must be a log:
 * with force any, else one of the heading only. It is locked, so that no other run
 * writes to it. Nothing of it changes yet. NULL: fault.
 */
struct eventlog	*eventlog_open(const char *path, bool force, struct fault *);

/* Makes it one with a heading only. */
void	eventlog_begin(struct eventlog *);

/*
 * Opens the log of a run that is carried on, and changes nothing yet: it must be
 * one, with a line that ends at this size (bytes) and is of event last (NULL: the
 * heading). NULL: fault.
 */
struct eventlog	*eventlog_resume(const char *path, uint64_t size,
		    const uint64_t *last, struct fault *);

/* Cuts a resumed log back to that size. 0 or -1. */
int	eventlog_cut(struct eventlog *, uint64_t size, struct fault *);

/*
 * Could all so far be written? 0, or -1 with a fault. A file only: to others a log is
 * told as long as they listen.
 */
int	eventlog_written(const struct eventlog *, struct fault *);

/* Bytes so far; -1: it is no regular file, or there is none (NULL). */
int64_t	eventlog_size(const struct eventlog *);

/* The descriptor of a regular file, for who syncs it; else -1. */
int	eventlog_descriptor(const struct eventlog *);

/* A hit: row index of a file. All three do nothing with a NULL log. */
void	eventlog_hit(struct eventlog *, const struct event *, const char *file,
	    uint64_t index);
void	eventlog_miss(struct eventlog *, const struct event *);
void	eventlog_failed(struct eventlog *, const struct event *, const char *cause);

/*
 * Closes and frees; -1 if anything could not be written, but for what eventlog_written
 * has told. NULL is nothing.
 */
int	eventlog_close(struct eventlog *, struct fault *);

/* Is there a regular file with something in it, not to be written over? */
int	eventlog_exists(const char *path);

#endif
