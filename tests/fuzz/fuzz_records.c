/*
 * libFuzzer target: any bytes as a stream of records, from a file or a pipe.
 * Build with clang -fsanitize=fuzzer,address,undefined; give a stream or two with
 * a byte in front as corpus.
 *
 * The first byte says how: bit 0, the checksums of headers are made right, so that
 * what is behind them is reached; bit 1, from a pipe; bits 2 to 5, the planes the
 * consumer wants.
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
	feed_drain(fd, data[0] >> 2 & PLANE_ALL);
	close(fd);
	return 0;
}
