/*
 * q2serve: give hits to CrystFEL's indexamajig as they come, over ZeroMQ, and the
 * tokens back.
 *
 * This thread takes records, makes the reply for each hit (format/reply.h), gives
 * the token back and queues the reply; the server's thread (transport/server.h,
 * which tells who waits for whom) gives one to each request. What waits here:
 *
 *	for input	the programs in front; if they die, the ledger says so
 *	for room	an indexer that asks; until then no input is read, and so
 *			the tokens or the pipe make all in front wait. With -D
 *			the oldest makes room and is counted. After a first signal,
 *			and at the end of the input, for -w seconds at most
 *	for the end	indexers that are still connected, for -w seconds
 *
 * No hit is given twice. in = delivered + dropped + waiting + filtered + failed.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/newfile.h"
#include "base/ownfile.h"
#include "format/intake.h"
#include "format/peakplane.h"
#include "format/plan.h"
#include "format/reply.h"
#include "format/replygeom.h"
#include "oddities.h"
#include "progress.h"
#include "remarks.h"
#include "status.h"
#include "tool.h"
#include "transport/server.h"

enum { INDEXERS_MAX = 16 };

struct options {
	bool		drop, verbose;
	const char	*address, *out;		/* out: -G */
	unsigned	queue;
	double		patience;		/* seconds */
	pid_t		indexers[INDEXERS_MAX];	/* to be told of the end */
	unsigned	n_indexers;
	struct plan_options plan;
};

struct served {
	_Atomic uint64_t in, filtered, failed;	/* -v's thread looks at them */
	uint64_t	given_up;	/* never came into the queue */
};

struct serve {
	const struct options *o;
	struct slots	*slots;
	struct server	*server;
	struct intake	in;
	struct plan	plan;
	struct reply	reply;
	struct peak	*peaks;
	uint32_t	height, width;	/* of the image of all streams; 0: none yet */
	struct served	t;
	struct oddities	odd;
	double		start;
	int		status;
};

/* For the second signal: nothing is left behind. */
static struct newfile geometry;
static struct server *serving;

static void
unfinished_remove(void)
{
	newfile_remove(&geometry);
	if (serving != NULL)
		server_remove(serving);
}

static int
failed(struct serve *s, int status, const char *text)
{
	progress_warnx("%s", text);
	s->status = tool_worse(s->status, status);
	return -1;
}

/* ---- streams ---- */

/* The geometry for the indexer, when the first stream tells its layout. */
static int
geometry_write(struct serve *s)
{
	const struct options *o = s->o;
	struct fault f;

	if (o->out == NULL || s->height != 0)
		return 0;
	if (newfile_open(&geometry, o->out, &f) == -1)
		return failed(s, status_of(&f, STATUS_OUTPUT), f.text);
	if (replygeom_write(geometry.f, &s->plan, &s->in.feed.stream, &f) == -1) {
		newfile_abort(&geometry);
		fault_prefix(&f, "-G");
		return failed(s, status_of(&f, STATUS_INPUT), f.text);
	}
	if (newfile_commit(&geometry, &f) == -1)
		return failed(s, status_of(&f, STATUS_OUTPUT), f.text);
	return 0;
}

static int
stream_begin(struct serve *s)
{
	const struct stream *k = &s->in.feed.stream;
	const struct slab *slab = &s->plan.slab;
	struct fault f;

	if (!(k->planes & PLANE_PEAKS))
		return failed(s, STATUS_INPUT, "the stream carries no peaks: put"
		    " peakfind in front");
	free(s->peaks);
	s->peaks = calloc(k->layout.capacity, sizeof s->peaks[0]);
	if (s->peaks == NULL)
		return failed(s, STATUS_SYSTEM, "no memory for peaks");
	if (plan_make(&s->plan, &s->o->plan, k, s->in.feed.header, &f) == -1 ||
	    reply_begin(&s->reply, &s->plan, k, &f) == -1)
		return failed(s, status_of(&f, STATUS_INPUT), f.text);
	if (s->height != 0 && (slab->height != s->height ||
	    slab->width != s->width)) {
		fault_set(&f, "a stream with images of %u x %u pixels after one of"
		    " %u x %u: an indexer has one geometry; serve them one by one",
		    slab->height, slab->width, s->height, s->width);
		return failed(s, status_of(&f, STATUS_INPUT), f.text);
	}
	if (geometry_write(s) == -1)
		return -1;
	remarks_replies(&s->plan, k, s->o->plan.geometry);
	oddities_begin(&s->odd, &s->plan);
	s->height = slab->height;
	s->width = slab->width;
	return 0;
}

/* ---- events ---- */

static void
event_failed(struct serve *s, const char *why)
{
	struct fault f;

	s->t.failed++;
	feed_failure(&s->in.feed, why, &f);
	failed(s, STATUS_FAILED, f.text);
}

/* The reply for a hit; NULL if there is none, since the event failed or is a miss. */
static void *
event_judge(struct serve *s, size_t *size)
{
	const struct event *e = &s->in.feed.event;
	struct fault f;
	void *reply;

	if (peakplane_unpack(feed_plane(&s->in.feed, PLANE_PEAKS), e->peaks_kept,
	    &s->in.feed.stream.layout, s->peaks, &f) == -1) {
		event_failed(s, f.text);
		return NULL;
	}
	oddities_look(&s->odd, &s->in.feed);
	if (!plan_hits(&s->o->plan, e->peaks_found)) {
		s->t.filtered++;
		return NULL;
	}
	if (s->in.feed.record.type == RECORD_REFERENCE)
		place_populate(&s->in.feed.place, s->slots, s->in.feed.record.slot,
		    &s->in.feed.stream.layout, PLANE_IMAGE, false);
	reply = reply_make(&s->reply, e, s->peaks,
	    feed_plane(&s->in.feed, PLANE_IMAGE), size);
	if (reply == NULL) {
		event_failed(s, "no memory for a reply");
		s->status = tool_worse(s->status, STATUS_SYSTEM);
		return NULL;
	}
	if (place_check(&s->in.feed.place, &f) == 0)
		return reply;
	event_failed(s, f.text);
	free(reply);
	return NULL;
}

static int
reply_queue(struct serve *s, void *reply, size_t size)
{
	struct fault f;

	/* It may wait long: who waits for the slot need not wait with it. */
	slots_settle(s->slots);
	if (server_put(s->server, reply, size, &tool_stop, s->o->patience) == 0)
		return 0;
	s->t.given_up++;
	return server_check(s->server, &f) == -1 ?
	    failed(s, STATUS_SYSTEM, f.text) : 0;
}

static int
event_take(struct serve *s, struct fault *f)
{
	struct fault wrong;
	void *reply = NULL;
	size_t size = 0;

	s->t.in++;
	if (s->in.feed.record.flags & RECORD_FAILED)
		event_failed(s, f->text);
	else
		reply = event_judge(s, &size);
	if (feed_done(&s->in.feed, &wrong) == -1) {
		/* What was taken from its slot may be of another event. */
		s->t.failed += reply != NULL;
		free(reply);
		fault_prefix(&wrong, "standard input");
		return failed(s, status_of(&wrong, STATUS_INPUT), wrong.text);
	}
	return reply == NULL ? 0 : reply_queue(s, reply, size);
}

/* What follows may take long: tokens go back, and those in front see us gone. */
static void
input_leave(struct serve *s)
{
	intake_close(&s->in);
	slots_close(s->slots);
	close(STDIN_FILENO);
}

/* What comes next: 0, or -1 when nothing more can be done. */
static int
next_take(struct serve *s, enum intake_got got, struct fault *f)
{
	switch (got) {
	case INTAKE_STREAM:
		return stream_begin(s);
	case INTAKE_EVENT:
		return event_take(s, f);
	case INTAKE_REMARK:
		progress_warnx("%s", f->text);
		break;
	case INTAKE_MISSING:
	case INTAKE_CUT:
		failed(s, STATUS_INCOMPLETE, f->text);
		break;
	case INTAKE_EOF:
		break;
	case INTAKE_BROKEN:
		return failed(s, status_of(f, STATUS_INPUT), f->text);
	}
	return 0;
}

/* Takes the input to its end, or to where nothing more can be done. */
static void
input_take(struct serve *s)
{
	enum intake_got got;
	struct fault f;

	do
		got = intake_next(&s->in, &f);
	while (next_take(s, got, &f) == 0 && got != INTAKE_EOF &&
	    got != INTAKE_CUT);
}

/* ---- the end ---- */

/* indexamajig ends by itself only if it is told, and then asks once more. */
static void
indexers_tell(const struct serve *s)
{
	unsigned i;

	for (i = 0; i < s->o->n_indexers; i++)
		if (kill(s->o->indexers[i], SIGUSR1) == -1)
			progress_warnx("-k %ld: %s", (long)s->o->indexers[i],
			    strerror(errno));
}

/* What came is given out, and the indexers are let go. */
static void
clients_finish(struct serve *s)
{
	unsigned left;

	(void)server_drain(s->server, s->o->patience);
	if (s->o->verbose)
		progress_warnx("the input has ended; indexers may end");
	indexers_tell(s);
	left = server_linger(s->server, s->o->patience);
	if (left > 0)
		progress_warnx("%u clients are still connected: end indexamajig"
		    " with kill -USR1, or see -k", left);
}

static void
totals_say(struct serve *s)
{
	double seconds = clock_seconds() - s->start;
	struct server_counts c;
	uint64_t waiting;

	server_counts_get(s->server, &c);
	waiting = c.waiting + s->t.given_up;
	oddities_sum(&s->odd);
	if (c.unconfirmed > 0)
		progress_warnx("%llu of those delivered may not have arrived:"
		    " their indexers have gone, or have not asked again",
		    (unsigned long long)c.unconfirmed);
	if (waiting > 0) {
		progress_warnx("%llu hits were NOT DELIVERED: nobody asked for"
		    " them", (unsigned long long)waiting);
		s->status = tool_worse(s->status, STATUS_OUTPUT);
	}
	progress_warnx("%llu events in = %llu delivered + %llu dropped + %llu"
	    " waiting + %llu filtered + %llu failed; %.2f seconds, %.1f events/s",
	    (unsigned long long)s->t.in, (unsigned long long)c.delivered,
	    (unsigned long long)c.dropped, (unsigned long long)waiting,
	    (unsigned long long)s->t.filtered, (unsigned long long)s->t.failed,
	    seconds, (double)s->t.in / fmax(seconds, 1e-6));
}

/* ---- beginning ---- */

static void
progress_line(void *arg, char *text, size_t size)
{
	struct serve *s = arg;
	struct server_counts c;

	server_counts_get(s->server, &c);
	snprintf(text, size, "%llu events, %llu hits delivered, %llu dropped, %u"
	    " waiting, %u clients", (unsigned long long)s->t.in,
	    (unsigned long long)c.delivered, (unsigned long long)c.dropped,
	    c.waiting, c.clients);
}

static void
indexer_add(struct options *o, const char *text)
{
	if (o->n_indexers == INDEXERS_MAX)
		errx(STATUS_USAGE, "-k: %d times at most", INDEXERS_MAX);
	o->indexers[o->n_indexers++] = (pid_t)tool_int('k', text, 2, INT_MAX);
}

static void
options_parse(int argc, char *argv[], struct options *o)
{
	struct fault f;
	int ch;

	while ((ch = getopt(argc, argv, "+DG:M:g:k:l:m:n:vw:")) != -1)
		switch (ch) {
		case 'D':
			o->drop = true;
			break;
		case 'G':
			o->out = optarg;
			break;
		case 'M':
			o->plan.max_peaks = (uint32_t)tool_int('M', optarg, 0,
			    UINT32_MAX);
			break;
		case 'g':
			o->plan.geometry = optarg;
			break;
		case 'k':
			indexer_add(o, optarg);
			break;
		case 'l':
			o->address = optarg;
			break;
		case 'm':
			o->plan.min_peaks = (uint32_t)tool_int('m', optarg, 0,
			    UINT32_MAX);
			break;
		case 'n':
			o->queue = (unsigned)tool_int('n', optarg, 1, 10000);
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'w':
			o->patience = tool_real('w', optarg, 0, 1e6);
			break;
		default:
			tool_usage();
		}
	if (o->plan.max_peaks != 0 && o->plan.max_peaks < o->plan.min_peaks)
		errx(STATUS_USAGE, "-M %u is less than -m %u", o->plan.max_peaks,
		    o->plan.min_peaks);
	if (o->out != NULL && ownfile_check(o->out, "^; for indexamajig [-=a-z ]*,"
	    " by q2serve\n", "a geometry of q2serve", &f) == -1)
		errx(status_of(&f, STATUS_OUTPUT), "-G %s", f.text);
}

/* As a branch of tee(1) we have the next program's input for standard output. */
static void
output_leave(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd == -1 || dup2(fd, STDOUT_FILENO) == -1)
		err(STATUS_SYSTEM, "/dev/null");
	close(fd);
}

/* ZeroMQ aborts where it gets no thread, memory or descriptor to begin with. */
static void
zmq_aborted(int sig)
{
	static const char text[] = "q2serve: no memory, threads or descriptors for"
	    " ZeroMQ\n";

	(void)sig;
	(void)!write(STDERR_FILENO, text, sizeof text - 1);
	_exit(STATUS_SYSTEM);
}

static void
server_begin(struct serve *s)
{
	const struct options *o = s->o;
	struct fault f;

	signal(SIGABRT, zmq_aborted);
	s->server = server_open(o->address, o->queue, o->drop, &f);
	if (s->server == NULL)
		errx(status_of(&f, STATUS_USAGE), "-l %s: %s", o->address, f.text);
	signal(SIGABRT, SIG_DFL);
	serving = s->server;
	if (o->verbose || strcmp(server_address(s->server), o->address) != 0)
		warnx("serving at %s", server_address(s->server));
	if (server_is_public(s->server))
		warnx("%s: everybody who can reach this machine can take hits"
		    " away", server_address(s->server));
}

int
main(int argc, char *argv[])
{
	static struct serve s;
	struct options o = {
		.address = "tcp://127.0.0.1:5555", .queue = 10, .patience = 60,
		.plan = {
			.program = "q2serve " VERSION, .z = "none", .events = 1,
			.min_peaks = 10, .threads = 1
		}
	};
	struct fault f;

	tool_begin(argc, argv, "[-Dv] [-G geometry.out] [-g geometry] [-k pid]"
	    " [-l address] [-M maxpeaks] [-m minpeaks] [-n queue] [-w seconds]");
	tool_signals(unfinished_remove);
	/* Before anything can fail: producers must see that we were here. */
	if (slots_open(&s.slots, &f) == -1 ||
	    (s.slots != NULL && slots_consume(s.slots, &f) == -1))
		errx(STATUS_SYSTEM, "%s", f.text);
	options_parse(argc, argv, &o);
	tool_filter(argc, argv);
	s.o = &o;
	output_leave();
	server_begin(&s);
	if (intake_init(&s.in, s.slots, PLANE_PEAKS | PLANE_IMAGE) == -1)
		errx(STATUS_SYSTEM, "no memory");
	s.start = clock_seconds();
	if (o.verbose)
		progress_begin(progress_line, &s, true);

	input_take(&s);
	input_leave(&s);
	clients_finish(&s);
	progress_end();
	totals_say(&s);
	serving = NULL;
	server_close(s.server);
	reply_free(&s.reply);
	plan_free(&s.plan);
	free(s.peaks);
	return s.status;
}
