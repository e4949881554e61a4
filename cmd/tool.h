/*
 * What every program of the family does alike: numbers in options, signals.
 * Messages go to standard error by err(3), with the program's name.
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

/*
 * The operands, after getopt: argv from optind on. Ends the program with
 * STATUS_USAGE if they are fewer than min or more than max, or if one looks like an
 * option: getopt stops at the first operand, and what stands behind it was meant
 * for something. Not so behind "--".
 */
char	**tool_operands(int argc, char *argv[], int min, int max);

/* For those without operands: records come from standard input, no terminal. */
void	tool_filter(int argc, char *argv[]);

/* Ends the program where standard input is a terminal, and records are read. */
void	tool_input_check(void);

/* Ends the program where records would go to a terminal. */
void	tool_output_check(void);

/*
 * Signals, as DESIGN has them: SIGPIPE is ignored, SIGCHLD is not; SIGINT and SIGTERM
 * are not blocked: the first one sets tool_stop, the second calls the hook (NULL: none;
 * async-signal-safe) and ends the program with STATUS_INTERRUPTED. SIGHUP, unless it
 * is ignored, is a first one, never a second.
 */
extern volatile int	tool_stop;
void	tool_signals(void (*hook)(void));

/* The larger of two exit statuses. */
int	tool_worse(int, int);

#endif
