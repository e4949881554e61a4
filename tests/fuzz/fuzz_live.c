/*
 * libFuzzer target: producers of live input that send anything, in any order.
 *
 * The input is a mode (bit 0, the output goes by reference into slots; bit 1, with
 * CRCs; bits 2 and 3, how many ends are waited for) and then steps of STEP bytes:
 *
 *	0	bits 0 to 2, what is done; bits 3 and 4, by which producer, who
 *		connects if need be; bit 5, all that is ready is taken then
 *	1, 2	a byte of the piece, counted from its start ...
 *	3	... is changed by this
 *	4	after so many 256ths of the piece all that is ready is taken; the
 *		rest never comes if bit 7 of 0 is set
 *	5	the event's number, the end's count, or the bytes that follow
 *
 * What is done: see enum step. Checksums of pieces are right, unless bit 6 of 0 is
 * set; then they are those of before the change. Time is not waited for: poll
 * and the clock are ours. What leaves must be a stream in order, all slots must come back, and every
 * descriptor.
 */
#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc.h"
#include "base/le.h"
#include "format/eventblock.h"
#include "format/live.h"

enum {
	STEP = 6, STEPS_MAX = 400, PRODUCERS = 4, SLOTS = 4,
	EVENT_MAX = 1 << 14,	/* of what is still read fast */
	PIECE_MAX = 1 << 13,
	OUT_MAX = 1 << 15,
	PATIENCE = 100000	/* steps to an end */
};

enum step { RAW, HEADER, EVENT, SEALED_EVENT, OTHER_HEADER, END, LEAVE, SIGNAL };

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct {
	struct slots	*slots;
	int		out[2];		/* a pipe: what leaves */
	unsigned char	header[STREAM_SIZE];	/* of all good producers */
	struct stream	stream;
	struct stream	other;		/* another run */
	bool		idle;		/* the last poll found nothing */
	double		clock;		/* seconds that polls would have waited */
} world;

/* One input's. */
static struct {
	struct sender	to;
	struct listener	listener;
	struct sockaddr_un address;
	socklen_t	address_size;
	struct live	*live;
	volatile int	stop;
	int		fds[PRODUCERS];
	bool		over, failed, lost;
	uint64_t	told;		/* events, as live says */
	unsigned char	out[OUT_MAX];	/* what left and is not looked at yet */
	size_t		n;
	bool		begun, ended;	/* of what left */
	uint64_t	seen;
	struct stream	stream;
} run;

/* Nobody here has time to lose. */
int
poll(struct pollfd *p, nfds_t n, int timeout)
{
	const struct timespec now = { 0, 0 };
	long r = syscall(SYS_ppoll, p, n, &now, NULL, 0);

	world.idle = r == 0;
	if (world.idle)
		world.clock += timeout / 1e3;
	return (int)r;
}

double
clock_seconds(void)
{
	return world.clock;
}

static void
stream_make(struct stream *s, const char *text)
{
	*s = (struct stream){ .planes = PLANE_LOGITS | PLANE_IMAGE, .layout = {
	    .panels = 1, .classes = 2, .height = 2, .width = 2, .real_height = 2,
	    .real_width = 1, .logits_type = LOGITS_F32, .image_type = IMAGE_U16,
	    .capacity = 4 } };
	if (stream_add(s, "run", text, NULL) == -1)
		abort();
	stream_identify(s);
}

static void
world_make(void)
{
	struct fault f;

	if (world.out[1] != 0)
		return;
	signal(SIGPIPE, SIG_IGN);
	if (slots_publish(SLOTS, &f) == -1 || slots_open(&world.slots, &f) != 1 ||
	    pipe2(world.out, O_NONBLOCK) == -1)
		abort();
	stream_make(&world.stream, "1");
	stream_make(&world.other, "2");
	stream_pack(&world.stream, world.header);
}

/* ---- what leaves ---- */

static void
event_examine(const struct record *r, const unsigned char *block)
{
	unsigned who;
	unsigned long long number;

	if (!run.begun || run.ended || r->stream != run.stream.id ||
	    r->planes != run.stream.planes || r->seq != run.seen++)
		abort();
	/* A damaged block keeps its source. */
	if (!(r->flags & RECORD_CRC) && sscanf((const char *)block + 128,
	    "p%u:%llu", &who, &number) != 2)
		abort();
}

static void
reference_examine(const struct record *r)
{
	struct place p;
	struct fault f;

	if (world.slots == NULL || slots_check(world.slots, r, &f) == -1 ||
	    place_slot(&p, world.slots, r->slot, &run.stream.layout, &f) == -1)
		abort();
	event_examine(r, p.block);
	if (slots_release(world.slots, r, &f) == -1)
		abort();
}

/* A record at the front of what left; its length, or 0: it is not whole yet. */
static size_t
record_examine(const unsigned char *p, size_t n)
{
	struct record r;

	if (n < RECORD_SIZE)
		return 0;
	if (record_unpack(p, &r, NULL) == -1)
		abort();
	if (n < r.length)
		return 0;
	switch (r.type) {
	case RECORD_STREAM:
		if (run.begun || stream_unpack(p, &run.stream, NULL) == -1)
			abort();
		run.begun = true;
		break;
	case RECORD_EVENT:
		event_examine(&r, p + RECORD_SIZE);
		break;
	case RECORD_REFERENCE:
		reference_examine(&r);
		break;
	case RECORD_END:
		if (!run.begun || run.ended || run.lost)
			abort();
		run.ended = true;
		break;
	}
	return r.length;
}

static void
output_examine(void)
{
	size_t at = 0, length;
	ssize_t r;

	while ((r = read(world.out[0], run.out + run.n, OUT_MAX - run.n)) > 0) {
		run.n += (size_t)r;
		while ((length = record_examine(run.out + at, run.n - at)) > 0)
			at += length;
		memmove(run.out, run.out + at, run.n -= at);
		at = 0;
	}
}

/* ---- live ---- */

static void
text_examine(const struct fault *f)
{
	const char *c;

	if (f->text[0] == '\0' || memchr(f->text, '\0', sizeof f->text) == NULL)
		abort();
	for (c = f->text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			abort();
}

static void
live_step(void)
{
	struct fault f;
	enum live_got got;

	memset(&f, 0xff, sizeof f);
	got = live_next(run.live, &f);
	switch (got) {
	case LIVE_GOING:
		break;
	case LIVE_EVENT:
		run.told++;
		break;
	case LIVE_LOST:
		/* Then nobody knows how much: there must be no end. */
		run.lost = run.lost || strstr(f.text, "in the middle of") != NULL ||
		    strstr(f.text, "without an end") != NULL;
		/* FALLTHROUGH */
	case LIVE_FAULT:
	case LIVE_NEWS:
	case LIVE_WARNING:
	case LIVE_REFUSED:
		text_examine(&f);
		run.failed = got == LIVE_FAULT;
		break;
	case LIVE_OUTPUT:
		abort();
	case LIVE_OVER:
		run.over = true;
		break;
	}
	output_examine();
	if (run.seen != run.told)
		abort();
}

/* Takes all that is ready. */
static void
live_settle(void)
{
	unsigned n;

	world.idle = false;
	for (n = 0; !world.idle && !run.over && !run.failed; n++) {
		if (n == PATIENCE)
			abort();
		live_step();
	}
}

/* ---- producers ---- */

static int
producer_fd(unsigned who)
{
	int *fd = &run.fds[who];

	if (*fd != -1)
		return *fd;
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd == -1)
		abort();
	/* Not accepted any more, or crowded: then it is lost. */
	(void)connect(*fd, (struct sockaddr *)&run.address, run.address_size);
	return *fd;
}

static void
producer_leave(unsigned who)
{
	if (run.fds[who] != -1)
		close(run.fds[who]);
	run.fds[who] = -1;
}

static void
bytes_send(unsigned who, const unsigned char *p, size_t n)
{
	ssize_t r;

	while (n > 0) {
		r = send(producer_fd(who), p, n, MSG_NOSIGNAL);
		if (r == -1 && errno != EAGAIN)
			return;
		if (r == -1) {
			live_settle();
			/* Taken nothing: it is one that waits to be accepted. */
			r = send(producer_fd(who), p, n, MSG_NOSIGNAL);
			if (r == -1)
				return;
		}
		p += r;
		n -= (size_t)r;
	}
}

/* ---- pieces ---- */

static size_t
event_make(unsigned char *p, unsigned number, bool sealed)
{
	struct record r = { .type = RECORD_EVENT, .seq = number,
	    .flags = sealed ? RECORD_CRC : 0, .stream = world.stream.id,
	    .planes = world.stream.planes,
	    .length = stream_event_length(&world.stream) };
	static _Alignas(LAYOUT_ALIGN) unsigned char payload[PIECE_MAX];
	struct place place;
	struct event e;

	event_init(&e);
	snprintf(e.source, sizeof e.source, "%.*s", (int)number % 64,
	    "a source that is long enough to have to be cut off, at 63 bytes");
	memset(payload, (int)number, sizeof payload);
	eventblock_pack(payload, &e);
	place_inline(&place, payload, world.stream.planes);
	eventblock_seal(&place, &world.stream.layout, world.stream.planes,
	    world.stream.planes);
	record_pack(p, &r);
	memcpy(p + RECORD_SIZE, payload, r.length - RECORD_SIZE);
	return r.length;
}

static size_t
piece_make(unsigned char *p, enum step what, unsigned number)
{
	struct record r = { .type = RECORD_END, .length = RECORD_SIZE,
	    .stream = world.stream.id, .count = number & 0x7f,
	    .flags = number & 0x80 ? RECORD_INTERRUPTED : 0 };

	switch (what) {
	case HEADER:
		memcpy(p, world.header, STREAM_SIZE);
		return STREAM_SIZE;
	case OTHER_HEADER:
		stream_pack(&world.other, p);
		return STREAM_SIZE;
	case EVENT:
	case SEALED_EVENT:
		return event_make(p, number, what == SEALED_EVENT);
	case END:
	default:
		record_pack(p, &r);
		return RECORD_SIZE;
	}
}

/* Makes the checksums of a piece right. */
static void
piece_seal(unsigned char *p, size_t n)
{
	if (n >= STREAM_SIZE)
		le_put32(p + 40, crc32c(p + RECORD_SIZE,
		    STREAM_SIZE - RECORD_SIZE));
	if (n >= RECORD_SIZE)
		le_put32(p + 60, crc32c(p, 60));
}

/* Not a header of events that are too large to be read a thousand times a second. */
static bool
piece_small(const unsigned char *p, size_t n)
{
	struct stream s;

	return n < STREAM_SIZE || stream_unpack(p, &s, NULL) == -1 ||
	    stream_event_length(&s) <= EVENT_MAX;
}

static void
piece_send(unsigned who, unsigned char *p, size_t n, const uint8_t *step)
{
	size_t first = n * step[4] / 256;

	if (n > 0 && le_get16(step + 1) < n) {
		p[le_get16(step + 1)] ^= step[3];
		if (!(step[0] & 0x40))
			piece_seal(p, n);
	}
	if (!piece_small(p, n))
		return;
	bytes_send(who, p, first);
	if (first > 0)
		live_settle();
	if (!(step[0] & 0x80))
		bytes_send(who, p + first, n - first);
}

/* One step; the bytes it has used beyond its own. */
static size_t
step_do(const uint8_t *step, size_t behind)
{
	unsigned char piece[PIECE_MAX];
	unsigned who = step[0] >> 3 & 3;
	size_t used = 0;

	switch ((enum step)(step[0] & 7)) {
	case LEAVE:
		producer_leave(who);
		break;
	case SIGNAL:
		run.stop = 1;
		break;
	case RAW:
		used = step[5] < behind ? step[5] : behind;
		bytes_send(who, step + STEP, used);
		break;
	default:
		piece_send(who, piece, piece_make(piece,
		    (enum step)(step[0] & 7), step[5]), step);
	}
	if (step[0] & 0x20)
		live_settle();
	return used;
}

/* ---- a run ---- */

static void
run_begin(unsigned mode)
{
	unsigned i;

	memset(&run, 0, sizeof run);
	run.to.slots = mode & 1 ? world.slots : NULL;
	run.to.crc = mode & 2;
	outlet_init(&run.to.out, world.out[1]);
	for (i = 0; i < PRODUCERS; i++)
		run.fds[i] = -1;
	/* An address of the kernel's choice, which is no file. */
	run.address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	run.address_size = sizeof run.address;
	run.listener = (struct listener){ .name = "fuzz", .path = "fuzz",
	    .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0) };
	if (bind(run.listener.fd, (struct sockaddr *)&run.address,
	    sizeof(sa_family_t)) == -1 || listen(run.listener.fd, 99) == -1 ||
	    getsockname(run.listener.fd, (struct sockaddr *)&run.address,
	    &run.address_size) == -1)
		abort();
	run.live = live_new(&run.to, &run.listener, 1, mode >> 2 & 3, &run.stop);
	if (run.live == NULL)
		abort();
}

static void
slots_examine(void)
{
	unsigned slots[SLOTS], i;
	struct fault f;

	for (i = 0; i < SLOTS; i++)
		if (slots_try(world.slots, &slots[i], &f) != 1)
			abort();
	for (i = 0; i < SLOTS; i++)
		slots_untake(world.slots, slots[i]);
}

static void
run_end(void)
{
	unsigned i;

	/* Whoever stays is silent, and is left then. */
	for (i = 0; i < PRODUCERS / 2; i++)
		producer_leave(i);
	live_settle();
	run.stop = 1;
	for (i = 0; !run.over && !run.failed; i++) {
		if (i == PATIENCE)
			abort();
		live_step();
	}
	live_free(run.live);
	listener_close(&run.listener);
	for (i = 0; i < PRODUCERS; i++)
		producer_leave(i);
	sender_free(&run.to);
	output_examine();
	if (run.n != 0)
		abort();
	slots_examine();
}

/* Which descriptors are open, of the first 64: a mask. */
static uint64_t
descriptors_open(void)
{
	uint64_t open = 0;
	int fd;

	for (fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			open |= UINT64_C(1) << fd;
	return open;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t open;
	unsigned steps;
	size_t at;

	if (size < 1)
		return 0;
	world_make();
	open = descriptors_open();
	run_begin(data[0]);
	for (at = 1, steps = 0; at + STEP <= size && steps < STEPS_MAX; steps++)
		at += STEP + step_do(data + at, size - at - STEP);
	run_end();
	if (descriptors_open() != open)
		abort();
	return 0;
}
