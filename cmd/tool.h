/*
 * What every program of the family does alike: numbers in options, signals,
 * progress. Messages go to standard error by err(3), with the program's name.
 */
#ifndef CMD_TOOL_H
#define CMD_TOOL_H

#include <stdbool.h>
#include <stdint.h>

/* An option's number; ends the program with STATUS_USAGE if it is not one. */
long long	tool_int(char option, const char *text, long long min,
		    long long max);
double		tool_real(char option, const char *text, double min, double max);

/*
 * -h and --version, before getopt: prints and ends the program if one of them is
 * the first operand. usage is the SYNOPSIS line, without the program's name.
 */
void	tool_begin(int argc, char *argv[], const char *usage);

/* Prints "usage: program ..." and ends with STATUS_USAGE. */
void	tool_usage(void) __attribute__((noreturn));

/* Ends the program where records would go to a terminal. */
void	tool_output_check(void);

/*
 * Signals, as DESIGN has them: SIGPIPE is ignored; the first SIGINT or SIGTERM
 * sets tool_stop, the second calls the hook (NULL: none; async-signal-safe) and
 * ends the program with STATUS_INTERRUPTED.
 */
extern volatile int	tool_stop;
void	tool_signals(void (*hook)(void));

/* Monotonic seconds. */
double	tool_clock(void);

/* The larger of two exit statuses. */
int	tool_worse(int, int);

/* A line every 50 events or 10 seconds, for -v. */
struct progress {
	bool	on;
	double	start, last;
	uint64_t last_events;
};
void	progress_begin(struct progress *, bool on);

/* 1 when a line is due; rate is events a second since the last one. */
int	progress_due(struct progress *, uint64_t events, double *rate);

#endif
