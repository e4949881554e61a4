#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "status.h"
#include "tool.h"

volatile int tool_stop;

static const char *synopsis;
static void (*stop_hook)(void);

long long
tool_int(char option, const char *text, long long min, long long max)
{
	const char *cause;
	long long v;

	if (number_int(text, min, max, &v, &cause) == -1)
		errx(STATUS_USAGE, "-%c %s: %s (%lld to %lld)", option, text,
		    cause, min, max);
	return v;
}

double
tool_real(char option, const char *text, double min, double max)
{
	const char *cause;
	double v;

	if (number_real(text, min, max, &v, &cause) == -1)
		errx(STATUS_USAGE, "-%c %s: %s (%.9g to %.9g)", option, text,
		    cause, min, max);
	return v;
}

void
tool_usage(void)
{
	fprintf(stderr, "usage: %s %s\n", getprogname(), synopsis);
	exit(STATUS_USAGE);
}

/*
 * A standard descriptor that is closed would become the next file we open, and
 * our messages would land in it. It is taken up by one that cannot be read, or
 * not be written, like a closed one.
 */
static void
descriptors_occupy(void)
{
	static const int flags[] = { O_WRONLY, O_RDONLY, O_WRONLY };
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1)
			(void)open("/dev/null", flags[fd] | O_CLOEXEC);
}

void
tool_begin(int argc, char *argv[], const char *usage)
{
	synopsis = usage;
	descriptors_occupy();
	/* A line is one write, so the lines of a pipeline do not mix. */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	if (argc < 2)
		return;
	if (strcmp(argv[1], "--version") == 0)
		printf("%s %s\n", getprogname(), VERSION);
	else if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
		printf("usage: %s %s\nSee %s(1) and peakpipe(7).\n",
		    getprogname(), synopsis, getprogname());
	else
		return;
	/* Only here: q2slots becomes another program, which has its own mind. */
	signal(SIGPIPE, SIG_IGN);
	if (fflush(stdout) == EOF && errno == EPIPE)
		exit(STATUS_GONE);
	if (ferror(stdout))
		err(STATUS_OUTPUT, "standard output");
	exit(STATUS_OK);
}

char **
tool_operands(int argc, char *argv[], int min, int max)
{
	bool plain = optind > 1 && strcmp(argv[optind - 1], "--") == 0;
	int i;

	for (i = optind; i < argc && !plain; i++)
		if (argv[i][0] == '-' && argv[i][1] != '\0')
			errx(STATUS_USAGE, "%s behind %s: options come first; a file"
			    " of that name is ./%s", argv[i], argv[optind], argv[i]);
	if (argc - optind > max)
		warnx("%s: one operand too many", argv[optind + max]);
	if (argc - optind > max || argc - optind < min)
		tool_usage();
	return argv + optind;
}

void
tool_filter(int argc, char *argv[])
{
	if (optind != argc && strcmp(argv[optind], "-") == 0)
		errx(STATUS_USAGE, "-: no operand is taken; records come from"
		    " standard input anyway");
	if (optind != argc)
		errx(STATUS_USAGE, "%s: no operand is taken; records come from"
		    " standard input: %s <%s", argv[optind], getprogname(),
		    argv[optind]);
	tool_input_check();
}

void
tool_input_check(void)
{
	if (isatty(STDIN_FILENO))
		errx(STATUS_USAGE, "records come from standard input, which is a"
		    " terminal; see %s -h", getprogname());
}

void
tool_output_check(void)
{
	if (isatty(STDOUT_FILENO))
		errx(STATUS_USAGE, "records are not for a terminal; see q2ls");
}

static void
stop_handler(int sig)
{
	(void)sig;
	if (tool_stop++ == 0)
		return;
	if (stop_hook != NULL)
		stop_hook();
	_exit(STATUS_INTERRUPTED);
}

/*
 * The terminal has gone, as a lost connection does it. Kernel and shell both say so:
 * it is the first signal, however often it comes.
 */
static void
hangup_handler(int sig)
{
	(void)sig;
	if (tool_stop == 0)
		tool_stop = 1;
}

/* nohup(1) must stay what it is. */
static void
hangup_heed(struct sigaction *sa)
{
	struct sigaction before;

	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
		return;
	sa->sa_handler = hangup_handler;
	sigaction(SIGHUP, sa, NULL);
}

void
tool_signals(void (*hook)(void))
{
	struct sigaction sa;

	stop_hook = hook;
	memset(&sa, 0, sizeof sa);
	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGINT);
	sigaddset(&sa.sa_mask, SIGTERM);
	sigaddset(&sa.sa_mask, SIGHUP);
	sa.sa_handler = stop_handler;
	/* poll(2) still returns; what is in the middle of a file does not. */
	sa.sa_flags = SA_RESTART;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	hangup_heed(&sa);
	/* Who started us may have blocked them. */
	sigprocmask(SIG_UNBLOCK, &sa.sa_mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* Who started us may ignore the ends of children; we ask for them. */
	signal(SIGCHLD, SIG_DFL);
	/* A write beyond ulimit -f is an error like any other. */
	signal(SIGXFSZ, SIG_IGN);
}

int
tool_worse(int a, int b)
{
	return a > b ? a : b;
}
