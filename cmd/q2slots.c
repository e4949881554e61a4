/* q2slots: make shared-memory slots and their tokens, then become a pipeline. */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "status.h"
#include "tool.h"
#include "transport/slots.h"

/* A name may have blanks, but then it is given with its directory. */
static bool
is_pipeline(const char *command)
{
	size_t first = strcspn(command, " ");

	return strchr(command, '|') != NULL || (command[first] != '\0' &&
	    memchr(command, '/', first) == NULL);
}

int
main(int argc, char *argv[])
{
	struct fault f;
	unsigned n = 100;
	int ch;

	tool_begin(argc, argv, "[-n slots] command [arg ...]");
	/* "+": options behind the command are the command's. */
	while ((ch = getopt(argc, argv, "+n:")) != -1)
		switch (ch) {
		case 'n':
			n = (unsigned)tool_int('n', optarg, 1, SLOTS_MAX);
			break;
		default:
			tool_usage();
		}
	if (optind == argc)
		tool_usage();
	if (getenv("Q2_SLOTS") != NULL)
		errx(STATUS_USAGE, "Q2_SLOTS is set: q2slots inside q2slots");
	/* More than ulimit -f is to be said, not died of. */
	signal(SIGXFSZ, SIG_IGN);
	if (slots_publish(n, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
	signal(SIGXFSZ, SIG_DFL);
	/*
	 * The shell in between inherits this and waits for its pipeline to
	 * drain; the programs in it install their own handlers.
	 */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	execvp(argv[optind], argv + optind);
	if (errno == ENOENT && is_pipeline(argv[optind]))
		errx(STATUS_USAGE, "%s: no command of that name; a pipeline is for a"
		    " shell: q2slots sh -c '...'", argv[optind]);
	err(errno == ENOENT ? STATUS_USAGE : STATUS_SYSTEM, "%s", argv[optind]);
}
