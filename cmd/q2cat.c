/*
 * q2cat: cat Q2. Captures, dumps and streams in, one stream of records out
 * (lib/format/cat); or, with -L, what producers who connect send, merged
 * (lib/format/live).
 */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/recent.h"
#include "format/cat.h"
#include "format/live.h"
#include "progress.h"
#include "status.h"
#include "tool.h"

/* Our own facts, which come before those of -k. */
enum { FACT_VERSION, FACT_UNIT, FACTS };

struct q2cat {
	struct cat	cat;
	int		status;
	struct recent	recent;		/* events; only -v's thread looks at it */
	bool		verbose;
	unsigned	listeners;	/* -L */
	const char	*addresses[LIVE_LISTENERS];
	uint64_t	ends;		/* -e; 0: not given */
	int		not_live;	/* the last option that is nothing for -L */
};

/* What the cat tells. The reader of our output has gone: end quietly. */
static void
cat_tell(void *arg, enum cat_news news, const char *name, const char *text)
{
	static const int statuses[] = {
		[CAT_NOTE] = STATUS_OK, [CAT_INPUT] = STATUS_INPUT,
		[CAT_OUTPUT] = STATUS_OUTPUT, [CAT_SYSTEM] = STATUS_SYSTEM
	};
	struct q2cat *q = arg;
	int status = statuses[news];

	if (news == CAT_OUTPUT && errno == EPIPE)
		status = STATUS_GONE;
	else if (news == CAT_OUTPUT)
		warn("standard output");
	else
		warnx("%s%s%s", name == NULL ? "" : name,
		    name == NULL ? "" : ": ", text);
	q->status = tool_worse(q->status, status);
}

/* What -v says. */
static void
progress_line(void *arg, char *text, size_t size)
{
	struct q2cat *q = arg;
	uint64_t total = q->cat.total;
	double rate = recent_rate(&q->recent, clock_seconds(), total, 0);

	snprintf(text, size, "%llu events, %.1f events/s",
	    (unsigned long long)total, rate);
}

/* ---- live ---- */

/* Static, for the second signal: their files are removed then, too. */
static struct listener listeners[LIVE_LISTENERS] = {
	[0 ... LIVE_LISTENERS - 1] = { .fd = -1 }
};

static void
listeners_close(void)
{
	unsigned i;

	for (i = 0; i < LIVE_LISTENERS; i++)
		listener_close(&listeners[i]);
}

static struct slots *slots_in_hand;	/* for the second signal; NULL: none */

static void
hands_empty(void)
{
	listeners_close();
	slots_abandon(slots_in_hand);
}

static void
listeners_open(const struct q2cat *q)
{
	const char *address;
	struct fault f;
	unsigned i;

	for (i = 0; i < q->listeners; i++) {
		address = q->addresses[i];
		if (listener_open(&listeners[i], address, &f) == -1) {
			listeners_close();
			errx(status_of(&f, STATUS_USAGE), "-L %s: %s", address,
			    f.text);
		}
		if (q->verbose || strcmp(listeners[i].name, address) != 0)
			warnx("listening at %s", listeners[i].name);
		if (listeners[i].open_to_others)
			warnx("%s: everybody who can reach this machine can send",
			    listeners[i].name);
	}
}

/* What live input tells. True when that is all. */
static bool
live_tell(struct q2cat *q, enum live_got got, const struct fault *f)
{
	static const int statuses[] = {
		[LIVE_NEWS] = STATUS_OK, [LIVE_WARNING] = STATUS_OK,
		[LIVE_LOST] = STATUS_INCOMPLETE, [LIVE_REFUSED] = STATUS_INPUT
	};

	switch (got) {
	case LIVE_GOING:
		return false;
	case LIVE_EVENT:
		q->cat.total++;
		return false;
	case LIVE_NEWS:
	case LIVE_WARNING:
	case LIVE_LOST:
	case LIVE_REFUSED:
		if (got != LIVE_NEWS || q->verbose)
			warnx("%s", f->text);
		q->status = tool_worse(q->status, statuses[got]);
		return false;
	case LIVE_OVER:
		q->cat.interrupted = tool_stop != 0;
		return true;
	case LIVE_OUTPUT:
		cat_output_failed(&q->cat);
		return true;
	case LIVE_FAULT:
		break;
	}
	cat_system_failed(&q->cat, f->text);
	return true;
}

static void
live_cat(struct q2cat *q)
{
	struct live *l = live_new(&q->cat.to, listeners, q->listeners, q->ends,
	    &tool_stop);
	struct fault f;

	if (l == NULL) {
		cat_system_failed(&q->cat, "no memory");
		return;
	}
	while (!live_tell(q, live_next(l, &f), &f))
		;
	live_free(l);
	listeners_close();
}

static void
live_check(const struct q2cat *q, int argc)
{
	if (q->listeners == 0 && q->ends != 0)
		errx(STATUS_USAGE, "-e is for -L");
	if (q->listeners != 0 && q->not_live != 0)
		errx(STATUS_USAGE, "-%c is not for -L: pipe it to another q2cat",
		    q->not_live);
	if (q->listeners != 0 && argc != 0)
		errx(STATUS_USAGE, "-L takes no files");
}

static void
listener_parse(const char *text, struct q2cat *q)
{
	if (q->listeners == LIVE_LISTENERS)
		errx(STATUS_USAGE, "-L: %d times at most", LIVE_LISTENERS);
	q->addresses[q->listeners++] = text;
}

/* ---- options ---- */

/* -s: events, or the place that cxiwrite -R prints. */
static void
skip_parse(char *text, struct selection *s)
{
	char *next = text, *header = strsep(&next, ":");
	long long first = tool_int('s', header, 0, INT64_MAX);

	/* Given twice, the last one counts. */
	s->placed = false;
	s->header = s->next = 0;
	if (next == NULL)
		s->skip = (uint64_t)first;
	else
		selection_place(s, (uint64_t)first,
		    (uint64_t)tool_int('s', next, 0, INT64_MAX));
}

static void
shard_parse(const char *text, struct selection *s)
{
	const char *slash = strchr(text, '/');
	char k[24];

	if (slash == NULL || slash - text >= (long)sizeof k)
		errx(STATUS_USAGE, "-i %s: not k/n", text);
	snprintf(k, sizeof k, "%.*s", (int)(slash - text), text);
	s->shards = (uint64_t)tool_int('i', slash + 1, 1, 1000000000);
	s->shard = (uint64_t)tool_int('i', k, 0, (long long)s->shards - 1);
}

static void
fact_parse(const char *text, struct source *source)
{
	struct fault f;

	if (source_fact(source, text, &f) == -1)
		errx(STATUS_USAGE, "-k %s: %s", text, f.text);
}

static void
unit_parse(const char *text, struct cat *c)
{
	if (strcmp(text, "A") != 0 && strcmp(text, "nm") != 0)
		errx(STATUS_USAGE, "-w %s: not A or nm", text);
	c->unit = *text == 'A' ? 1 : 10;
	c->source.facts[FACT_UNIT] = *text == 'A' ? "q2cat.w=A" : "q2cat.w=nm";
}

static void
options_parse(int argc, char *argv[], struct q2cat *q)
{
	struct cat *c = &q->cat;
	int ch;

	while ((ch = getopt(argc, argv, "+C:KL:ce:i:k:l:n:r:s:vw:")) != -1) {
		if (strchr("CKiklnrsw", ch) != NULL)
			q->not_live = ch;
		switch (ch) {
		case 'C':
			c->capacity = (uint32_t)tool_int('C', optarg, 1,
			    LAYOUT_MAX_CAPACITY);
			break;
		case 'K':
			c->keep_going = true;
			break;
		case 'L':
			listener_parse(optarg, q);
			break;
		case 'c':
			c->to.crc = true;
			break;
		case 'e':
			q->ends = (uint64_t)tool_int('e', optarg, 1, INT64_MAX);
			break;
		case 'i':
			shard_parse(optarg, &c->selection);
			break;
		case 'k':
			fact_parse(optarg, &c->source);
			break;
		case 'l':
			c->loops = (uint64_t)tool_int('l', optarg, 0,
			    INT64_MAX);
			break;
		case 'n':
			c->selection.count = (uint64_t)tool_int('n', optarg, 0,
			    INT64_MAX);
			break;
		case 'r':
			c->pace.rate = tool_real('r', optarg, 1e-3, 1e6);
			break;
		case 's':
			skip_parse(optarg, &c->selection);
			break;
		case 'v':
			q->verbose = true;
			break;
		case 'w':
			unit_parse(optarg, c);
			break;
		default:
			tool_usage();
		}
	}
}

static void
nothing_left(const struct selection *s)
{
	static const char text[] = "no event is left to send";

	/* A place that was met has become a position, which nobody gave. */
	if (s->header > 0 || s->next > 0)
		warnx("-s %llu:%llu: %s", (unsigned long long)s->header,
		    (unsigned long long)s->next, text);
	else
		warnx("-s %llu: %s", (unsigned long long)s->skip, text);
}

/* A file that it is redirected from would give its events again. */
static void
stdin_check(const struct cat *c, int argc, char *argv[])
{
	int i, n = argc == 0;

	for (i = 0; i < argc; i++)
		n += strcmp(argv[i], "-") == 0;
	if (n > 0 && c->loops != 1)
		errx(STATUS_USAGE, "-l: standard input cannot be read twice");
	if (n > 1)
		errx(STATUS_USAGE, "-: standard input cannot be read twice");
}

int
main(int argc, char *argv[])
{
	static struct q2cat q = {
		.cat = {
			.tell = cat_tell, .arg = &q, .stop = &tool_stop,
			.selection = { .count = UINT64_MAX, .shards = 1 },
			.loops = 1, .unit = 1, .capacity = 2048,
			.source = { .n = FACTS, .facts = {
				[FACT_VERSION] = "q2cat.version=" VERSION,
				[FACT_UNIT] = "q2cat.w=A"
			} }
		}
	};
	struct cat *c = &q.cat;
	struct fault f;

	tool_begin(argc, argv, "[-Kcv] [-C capacity] [-L address] [-e ends]"
	    " [-i k/n] [-k key=value] [-l loops] [-n count] [-r rate] [-s skip]"
	    " [-w A|nm] [file ...]");
	options_parse(argc, argv, &q);
	argv = tool_operands(argc, argv, 0, INT_MAX);
	argc -= optind;
	live_check(&q, argc);
	stdin_check(c, argc, argv);
	if (argc == 0 && q.listeners == 0)
		tool_input_check();
	tool_output_check();
	tool_signals(hands_empty);
	if (slots_open(&c->to.slots, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
	outlet_init(&c->to.out, STDOUT_FILENO);
	c->to.header = c->splice.header;
	slots_in_hand = c->to.slots;
	c->to.maps = c->to.crc || c->keep_going;
	if (q.verbose)
		progress_begin(progress_line, &q, false);

	if (q.listeners > 0) {
		listeners_open(&q);
		live_cat(&q);
	} else
		cat_files(c, argc, argv);
	if (c->interrupted)
		q.status = tool_worse(q.status, STATUS_INTERRUPTED);
	cat_finish(c);
	progress_end();
	if (q.status == STATUS_OK && c->total == 0 && c->selection.skip > 0 &&
	    c->selection.count > 0)
		nothing_left(&c->selection);
	slots_in_hand = NULL;
	slots_close(c->to.slots);
	sender_free(&c->to);
	return q.status;
}
