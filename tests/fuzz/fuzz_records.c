/*
 * libFuzzer target: any bytes as a stream of records, from a file or a pipe.
 *
 * The first byte says how: bit 0, the checksums of headers are made right, so that
 * what is behind them is reached; bit 1, from a pipe; bits 2 to 5, the planes the
 * consumer wants; bit 6, by salvage, as q2cat -K reads, and not by a feed.
 */
#include <sys/mman.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/le.h"
#include "format/feed.h"
#include "format/peakplane.h"
#include "format/salvage.h"

enum { INPUT_MAX = 65536, EVENT_MAX = 1 << 20 };

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Walks the records by their lengths and makes their headers' checksums right. */
static void
headers_seal(unsigned char *p, size_t n)
{
	uint64_t length;

	while (n >= RECORD_SIZE) {
		if (le_get16(p + 10) == RECORD_STREAM && n >= STREAM_SIZE)
			le_put32(p + 40, crc32c(p + RECORD_SIZE,
			    STREAM_SIZE - RECORD_SIZE));
		le_put32(p + 60, crc32c(p, 60));
		length = le_get64(p + 16);
		if (length < RECORD_SIZE || length > n)
			return;
		p += length;
		n -= length;
	}
}

/* A descriptor to read these bytes from. */
static int
input_open(const unsigned char *p, size_t n, int pipes)
{
	int ends[2] = { -1, -1 };

	if (!pipes) {
		ends[0] = memfd_create("fuzz", MFD_CLOEXEC);
		if (ends[0] == -1 || write(ends[0], p, n) != (ssize_t)n ||
		    lseek(ends[0], 0, SEEK_SET) != 0)
			abort();
		return ends[0];
	}
	if (pipe(ends) == -1 || write(ends[1], p, n) != (ssize_t)n)
		abort();
	close(ends[1]);
	return ends[0];
}

static void
byte_touch(const volatile unsigned char *p)
{
	(void)*p;
}

/* What a consumer does with an event, and what it may believe. */
static void
event_examine(const struct feed *d)
{
	const struct layout *l = &d->stream.layout;
	const struct event *e = &d->event;
	const unsigned char *plane;
	struct peak *peaks;
	unsigned bit;

	if (memchr(e->source, '\0', sizeof e->source) == NULL ||
	    e->seq != d->record.seq)
		abort();
	for (bit = 1; bit < PLANE_ALL; bit <<= 1)
		if ((plane = feed_plane(d, bit)) != NULL) {
			byte_touch(plane);
			byte_touch(plane + layout_plane_size(l, bit) - 1);
		}
	if (d->record.flags & RECORD_FAILED)
		return;
	if (e->peaks_kept > l->capacity || e->peaks_kept > e->peaks_found)
		abort();
	if ((plane = feed_plane(d, PLANE_PEAKS)) == NULL)
		return;
	if ((peaks = calloc(e->peaks_kept + 1, sizeof *peaks)) == NULL)
		abort();
	if (peakplane_unpack(plane, e->peaks_kept, l, peaks, NULL) == 0)
		for (bit = 0; bit < e->peaks_kept; bit++)
			if (peaks[bit].panel >= l->panels)
				abort();
	free(peaks);
}

/* Stops where events would be too large to be read a thousand times a second. */
static int
stream_examine(const struct feed *d)
{
	char value[8];

	if (strlen(d->stream.text) > STREAM_TEXT_SIZE)
		abort();
	(void)stream_value(&d->stream, "a", value, sizeof value);
	return stream_event_length(&d->stream) <= EVENT_MAX;
}

static void
feed_drain(int fd, unsigned want)
{
	struct fault f;
	struct feed d;
	enum feed_got got;

	if (feed_init(&d, fd, NULL, want) == -1)
		abort();
	for (;;) {
		memset(&f, 0xff, sizeof f);
		got = feed_next(&d, &f);
		if ((got == FEED_ERROR || (got == FEED_EVENT &&
		    (d.record.flags & RECORD_FAILED))) &&
		    (memchr(f.text, '\0', sizeof f.text) == NULL ||
		    f.text[0] == '\0'))
			abort();
		if (got <= FEED_EOF || (got == FEED_STREAM && !stream_examine(&d)))
			break;
		if (got == FEED_EVENT) {
			event_examine(&d);
			if (feed_done(&d, &f) == -1)
				abort();
		}
	}
	feed_close(&d);
}

/* What salvage says of a gap must add up. */
static void
gap_examine(const struct salvage *s, const struct gap *g, uint64_t at)
{
	struct losses l = { 0 };
	struct fault f;

	if (g->bytes == 0)
		return;
	losses_add(&l, g, &f);
	if (f.text[0] == '\0' || g->cause.text[0] == '\0' || l.places != 1 ||
	    g->from + g->bytes != at)
		abort();
	if (g->lost > 0 && (!g->known || !g->in_stream ||
	    g->lost > g->bytes / stream_event_length(&s->stream) + 1))
		abort();
}

/* Takes an event; whether it is believed or not, its bytes are there. */
static void
salvage_take(struct salvage *s, struct inlet *in, const struct record *r)
{
	static _Alignas(LAYOUT_ALIGN) unsigned char buffer[EVENT_MAX];
	struct iovec v[PLACE_PIECES];
	struct fault f = { .text = "" };
	struct place p;
	enum inlet_got got;
	uint64_t next = s->next;
	int n;

	place_inline(&p, buffer, s->stream.planes);
	n = place_pieces(&p, &s->stream.layout, s->stream.planes, v);
	got = inlet_payload(in, v, n, &f);
	switch (salvage_confirm(s, in, r, got, &p, &f)) {
	case 1:
		if (got != INLET_GOT || r->seq < next)
			abort();
		break;
	case 0:
		if (!s->damaged || s->cause.text[0] == '\0')
			abort();
		break;
	default:
		abort();
	}
}

static void
salvage_drain(int fd, size_t size)
{
	static struct salvage s;
	const unsigned char *bytes;
	struct inlet *in = inlet_new(fd);
	struct record r;
	struct fault f;
	enum inlet_got got;
	struct gap g;

	if (in == NULL)
		abort();
	memset(&s, 0, sizeof s);
	for (;;) {
		memset(&f, 0xff, sizeof f);
		got = salvage_next(&s, in, &r, &bytes, &g, &f);
		if (got != INLET_GOT)
			break;
		gap_examine(&s, &g, s.at);
		if (s.open && stream_event_length(&s.stream) > EVENT_MAX)
			break;
		if (r.type == RECORD_EVENT)
			salvage_take(&s, in, &r);
	}
	if (got == INLET_END) {
		gap_examine(&s, &g, inlet_offset(in));
		if (inlet_offset(in) != size)
			abort();
	} else if (got == INLET_ERROR &&
	    (memchr(f.text, '\0', sizeof f.text) == NULL || f.text[0] == '\0'))
		abort();
	inlet_free(in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char copy[INPUT_MAX];
	int fd;

	if (size < 1 || size > INPUT_MAX)
		return 0;
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		headers_seal(copy, size - 1);
	fd = input_open(copy, size - 1, data[0] & 2);
	if (data[0] & 64)
		salvage_drain(fd, size - 1);
	else
		feed_drain(fd, data[0] >> 2 & PLANE_ALL);
	close(fd);
	return 0;
}
