/*
 * Every flipped byte and every truncation of a small capture that has checksums,
 * in one process: what the readers in lib make of them.
 *
 * usage: damage_flips capture
 *
 * Each damaged capture is read by a feed, as peakfind and cxiwrite do, and by
 * salvage, as q2cat -K does. An event that comes as a good one must have the planes
 * and the peaks that it had; whatever else comes out must come with a reason. The
 * last line is "N passed, N failed"; the exit status is 1 if any failed.
 */
#include <sys/mman.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "format/eventblock.h"
#include "format/eventfind.h"
#include "format/feed.h"
#include "format/salvage.h"

enum { EVENTS_MAX = 16, PEAKS_MAX = 64 };

/* What an event is, once it was read: its numbers and a digest of its peaks. */
struct seen {
	uint64_t	seq;
	uint32_t	kept;
	struct peak	peaks[PEAKS_MAX];
	unsigned char	block[LAYOUT_BLOCK_SIZE];
};

/* What came of a capture. */
struct result {
	unsigned	good, failed, ends;
	struct seen	events[EVENTS_MAX];	/* the good ones */
	bool		error;		/* reading ended with a fault */
	bool		mute;		/* something went wrong without a word */
	uint64_t	skipped, lost;	/* salvage */
};

static struct result whole;
static struct eventfind finder;
static struct stream found;	/* the stream as peakfind sends it on */
static unsigned char *buffer;
static unsigned passed, bad;

/* Peaks of an event with logits, by the finder; of others, those that it has. */
static void
event_note(struct result *r, const struct stream *s, uint64_t seq,
    const struct place *p)
{
	struct seen *e = &r->events[r->good];

	if (r->good++ == EVENTS_MAX)
		errx(1, "too many events");
	memset(e, 0, sizeof *e);
	e->seq = seq;
	memcpy(e->block, p->block, sizeof e->block);
	if (s->planes & PLANE_LOGITS) {
		if (peakfinder_run(finder.finder, place_plane(p, &s->layout,
		    PLANE_LOGITS), NULL, s->planes & PLANE_IMAGE ?
		    place_plane(p, &s->layout, PLANE_IMAGE) : NULL,
		    &finder.list, NULL) == -1)
			errx(1, "the peak finder has no memory");
		e->kept = finder.list.kept;
		memcpy(e->peaks, finder.list.peaks,
		    e->kept * sizeof e->peaks[0]);
	} else if (s->planes & PLANE_PEAKS)
		memcpy(e->peaks, place_plane(p, &s->layout, PLANE_PEAKS),
		    layout_plane_bytes(&s->layout, PLANE_PEAKS));
}

static void
feed_try(int fd, struct result *r)
{
	struct fault f = { .text = "" };
	enum feed_got got;
	struct feed d;

	memset(r, 0, sizeof *r);
	if (feed_init(&d, fd, NULL, PLANE_ALL) == -1)
		errx(1, "no memory");
	while ((got = feed_next(&d, &f)) > FEED_EOF) {
		r->ends += got == FEED_END;
		if (got != FEED_EVENT)
			continue;
		if (d.record.flags & RECORD_FAILED) {
			r->failed++;
			r->mute |= f.text[0] == '\0';
		} else
			event_note(r, &d.stream, d.record.seq, &d.place);
	}
	r->error = got == FEED_ERROR;
	r->mute |= r->error && f.text[0] == '\0';
	feed_close(&d);
}

/* What q2cat -K does with an event; those that were lost are only counted. */
static void
salvage_event(struct salvage *s, struct inlet *in, const struct record *rec,
    struct result *r)
{
	struct iovec v[PLACE_PIECES];
	struct fault f = { .text = "" };
	struct place p;
	enum inlet_got got;
	int n;

	place_inline(&p, buffer, s->stream.planes);
	n = place_pieces(&p, &s->stream.layout, s->stream.planes, v);
	got = inlet_payload(in, v, n, &f);
	switch (salvage_confirm(s, in, rec, got, &p, &f)) {
	case -1:
		errx(1, "%s", f.text);
	case 0:
		return;
	}
	/* The readers behind would tell. */
	if (eventblock_check(&p, &s->stream.layout, s->stream.planes, &f) == -1)
		r->failed++;
	else
		event_note(r, &s->stream, rec->seq, &p);
}

static void
salvage_try(int fd, struct result *r)
{
	static struct salvage s;
	const unsigned char *bytes;
	struct inlet *in = inlet_new(fd);
	struct fault f = { .text = "" };
	struct record rec;
	enum inlet_got got;
	struct gap g;

	memset(r, 0, sizeof *r);
	memset(&s, 0, sizeof s);
	if (in == NULL)
		errx(1, "no memory");
	do {
		got = salvage_next(&s, in, &rec, &bytes, &g, &f);
		r->skipped += g.bytes;
		r->lost += g.lost;
		r->mute |= g.bytes > 0 && g.cause.text[0] == '\0';
		r->error |= g.bytes > 0;
		if (got == INLET_GOT && rec.type == RECORD_EVENT)
			salvage_event(&s, in, &rec, r);
		r->ends += got == INLET_GOT && rec.type == RECORD_END;
	} while (got == INLET_GOT);
	if (got == INLET_ERROR)
		errx(1, "salvage gave up: %s", f.text);
	inlet_free(in);
}

/* Is every good event one that there was, as it was, and none there twice? */
static bool
events_same(const struct result *r)
{
	unsigned i, k = 0;

	for (i = 0; i < r->good; i++) {
		/* Both are static, so their padding is zero. */
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
		while (k < whole.good && memcmp(&whole.events[k],
		    &r->events[i], sizeof whole.events[k]) != 0)
			k++;
		if (k++ == whole.good)
			return false;
	}
	return true;
}

static void
judge(bool ok, const char *who, const char *what, size_t at,
    const struct result *r)
{
	passed += ok;
	bad += !ok;
	if (!ok)
		printf("# %s, %s %zu: %u good, %u failed, %u ends, %s%s, %llu"
		    " lost\n", who, what, at, r->good, r->failed, r->ends,
		    r->error ? "error" : "no error", r->mute ? " mute" : "",
		    (unsigned long long)r->lost);
}

/* One damaged capture; a truncated one may end in silence, but without its end. */
static void
damage_try(int fd, const char *what, size_t at, bool truncated)
{
	static struct result r;
	bool less;

	if (lseek(fd, 0, SEEK_SET) != 0)
		err(1, "lseek");
	feed_try(fd, &r);
	less = r.good < whole.good || r.ends < whole.ends;
	judge(events_same(&r) && !r.mute && (!less || r.error ||
	    r.failed == whole.good - r.good || (truncated && r.ends == 0)),
	    "feed", what, at, &r);
	salvage_try(fd, &r);
	less = r.good < whole.good || r.ends < whole.ends;
	judge(events_same(&r) && !r.mute &&
	    r.good + r.failed + r.lost <= whole.good &&
	    (!less || r.skipped > 0 || r.failed == whole.good - r.good ||
	    (truncated && r.ends == 0)), "salvage", what, at, &r);
}

static void
finder_make(const unsigned char *header)
{
	struct peakfinder_options o = { .min_pixels = 1, .max_pixels = 200,
	    .capacity = PEAKS_MAX };
	static struct stream s;
	struct fault f;

	if (stream_unpack(header, &s, &f) == -1)
		errx(1, "%s", f.text);
	found = s;
	buffer = aligned_alloc(LAYOUT_ALIGN, layout_size(&s.layout, PLANE_ALL));
	if (buffer == NULL || s.layout.capacity > PEAKS_MAX ||
	    eventfind_init(&finder, &s, &found, &o) == -1)
		errx(1, "too large");
}

static void
byte_put(int fd, unsigned char byte, size_t at)
{
	if (pwrite(fd, &byte, 1, (off_t)at) != 1)
		err(1, "memory file");
}

int
main(int argc, char *argv[])
{
	unsigned char *p;
	size_t n, at;
	int fd = memfd_create("capture", 0);

	if (argc != 2)
		errx(1, "usage: damage_flips capture");
	if ((p = (unsigned char *)io_slurp(argv[1], 1 << 20, &n)) == NULL ||
	    fd == -1 || io_write(fd, p, n) == -1)
		err(1, "%s", argv[1]);
	finder_make(p);
	lseek(fd, 0, SEEK_SET);
	feed_try(fd, &whole);
	if (whole.error || whole.failed > 0 || whole.ends != 1)
		errx(1, "%s: not whole", argv[1]);
	damage_try(fd, "undamaged", 0, false);
	for (at = 0; at < n; at++) {
		byte_put(fd, (unsigned char)(p[at] ^ 1u << at % 8), at);
		damage_try(fd, "a bit of byte", at, false);
		byte_put(fd, (unsigned char)(p[at] ^ 0xff), at);
		damage_try(fd, "byte", at, false);
		byte_put(fd, p[at], at);
	}
	while (n-- > 1) {
		if (ftruncate(fd, (off_t)n) == -1)
			err(1, "memory file");
		damage_try(fd, "cut at", n, true);
	}
	printf("%u passed, %u failed\n", passed, bad);
	free(buffer);
	free(p);
	return bad > 0;
}
