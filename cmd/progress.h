/*
 * What -v says while a program works: a line every 10 seconds, or, where one is
 * asked for and standard error is a terminal, one line that is kept up to date.
 * A thread says it, so that it comes also while nothing else moves: a pipeline that
 * stands still is when people look.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes the line, without the program's name. It is called by the thread: what it
 * reads of the program's counts must be atomic; what only it uses need not be.
 */
typedef void	progress_text(void *arg, char *text, size_t size);

/* Begins to say it; live: as one line, on a terminal. Once in a program. */
void	progress_begin(progress_text *text, void *arg, bool live);

/* No more is said, and a live line is gone. Nothing where nothing began. */
void	progress_end(void);

/* warnx(3) that does not run into a live line. */
void	progress_warnx(const char *, ...)
	    __attribute__((format(printf, 1, 2)));

#endif
