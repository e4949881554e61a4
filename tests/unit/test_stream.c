/* Streams and events: headers, event blocks, and the feed that reads both. */
#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/crc.h"
#include "base/io.h"
#include "base/le.h"
#include "format/eventblock.h"
#include "format/feed.h"
#include "format/stream.h"

enum { PLANES = PLANE_LOGITS | PLANE_IMAGE | PLANE_PEAKS };

static void
stream_make(struct stream *s)
{
	memset(s, 0, sizeof *s);
	s->layout = (struct layout){
		.panels = 2, .classes = 2, .height = 5, .width = 7,
		.real_height = 4, .real_width = 6, .logits_type = LOGITS_F16,
		.image_type = IMAGE_U16, .capacity = 3
	};
	s->planes = PLANES;
	s->quantities = QUANTITY_TIMESTAMP | QUANTITY_ENERGY;
	assert_int_equal(stream_add(s, "experiment", "cxi78513", NULL), 0);
	assert_int_equal(stream_add(s, "run", "14", NULL), 0);
	stream_identify(s);
}

static void
test_header_round_trip(void **state)
{
	unsigned char p[STREAM_SIZE], q[STREAM_SIZE];
	struct stream s, t;
	struct fault f;

	(void)state;
	stream_make(&s);
	stream_pack(&s, p);
	assert_int_equal(stream_unpack(p, &t, &f), 0);
	assert_int_equal(t.id, s.id);
	assert_true(layout_equal(&t.layout, &s.layout));
	assert_int_equal(t.planes, s.planes);
	assert_int_equal(t.quantities, s.quantities);
	assert_string_equal(t.text, s.text);
	stream_pack(&t, q);
	assert_memory_equal(p, q, sizeof p);
}

static void
test_header_every_flip(void **state)
{
	unsigned char p[STREAM_SIZE];
	struct stream s, t;
	struct fault f;
	unsigned bit;

	(void)state;
	stream_make(&s);
	stream_pack(&s, p);
	for (bit = 0; bit < 8 * STREAM_SIZE; bit++) {
		p[bit / 8] ^= (unsigned char)(1u << bit % 8);
		f.text[0] = '\0';
		assert_int_equal(stream_unpack(p, &t, &f), -1);
		assert_true(f.text[0] != '\0');
		p[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
}

/* A header with a field changed and good checksums: refused with these words. */
static void
refuse(unsigned at, uint32_t v, const char *words)
{
	unsigned char p[STREAM_SIZE];
	struct stream s, t;
	struct fault f;

	stream_make(&s);
	stream_pack(&s, p);
	le_put32(p + at, v);
	le_put32(p + 40, crc32c(p + RECORD_SIZE, STREAM_SIZE - RECORD_SIZE));
	le_put32(p + 60, crc32c(p, 60));
	assert_int_equal(stream_unpack(p, &t, &f), -1);
	if (strstr(f.text, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", f.text, words);
}

static void
test_header_out_of_range(void **state)
{
	(void)state;
	refuse(64, 0, "0 panels");
	refuse(64, LAYOUT_MAX_PANELS + 1, "4097 panels");
	refuse(68, 0, "0 classes");
	refuse(68, 256, "256 classes");
	refuse(72, 0, "0 x 7");
	refuse(72, UINT32_MAX, "4294967295 x 7");
	refuse(76, 65536, "5 x 65536");
	refuse(80, 6, "6 x 6");
	refuse(84, 0, "4 x 0");
	refuse(88, 4, "logits type 4");
	refuse(88, LOGITS_NONE, "classes");
	refuse(92, 5, "image type 5");
	refuse(92, IMAGE_NONE, "planes");
	refuse(96, 0, "capacity of 0");
	refuse(96, LAYOUT_MAX_CAPACITY + 1, "capacity");
	refuse(100, 16, "planes 0x10");
	refuse(104, 8, "quantities 0x8");
	refuse(108, 3, "longer than it says");
	refuse(108, STREAM_TEXT_SIZE + 1, "text of 3969 bytes");
	refuse(108, UINT32_MAX, "text of 4294967295 bytes");
	refuse(108, 100, "NUL");
	refuse(112, 1, "reserved");
	refuse(124, 1, "reserved");
	refuse(128, 0x0a0a0a0a, "malformed");
	refuse(128 + 12, 0x1b1b1b1b, "control character");
	refuse(STREAM_SIZE - 4, 1, "longer than it says");
}

static void
test_largest_event(void **state)
{
	struct stream s;
	struct fault f;

	(void)state;
	stream_make(&s);
	s.layout.panels = LAYOUT_MAX_PANELS;
	s.layout.height = s.layout.width = LAYOUT_MAX_SIDE;
	s.layout.classes = LAYOUT_MAX_CLASSES;
	s.layout.logits_type = LOGITS_F32;
	s.layout.image_type = IMAGE_F32;
	s.layout.capacity = LAYOUT_MAX_CAPACITY;
	assert_int_equal(layout_check(&s.layout, &f), -1);
	assert_non_null(strstr(f.text, "4 GiB"));
	s.layout.panels = 2;
	s.layout.classes = 0;
	s.layout.logits_type = LOGITS_NONE;
	s.layout.image_type = IMAGE_NONE;
	s.planes = PLANE_SEGMAP;
	s.layout.capacity = 1;
	assert_int_equal(layout_check(&s.layout, &f), -1);
	s.layout.panels = 1;
	assert_int_equal(layout_check(&s.layout, &f), 0);
	assert_true(stream_event_length(&s) == RECORD_SIZE + LAYOUT_BLOCK_SIZE +
	    (UINT64_C(65535) * 65535 + 63) / 64 * 64);
}

static void
test_text(void **state)
{
	static char large[STREAM_TEXT_SIZE];
	struct stream s;
	struct fault f;
	char buf[16];

	(void)state;
	memset(&s, 0, sizeof s);
	assert_int_equal(stream_add(&s, "run", "1", &f), 0);
	assert_int_equal(stream_add(&s, "run.x", "2", &f), 0);
	assert_int_equal(stream_add(&s, "empty", "", &f), 0);
	assert_int_equal(stream_add(&s, "run", "a=b c", &f), 0);
	assert_string_equal(s.text, "run=1\nrun.x=2\nempty=\nrun=a=b c\n");
	assert_string_equal(stream_value(&s, "run", buf, sizeof buf), "a=b c");
	assert_string_equal(stream_value(&s, "run.x", buf, sizeof buf), "2");
	assert_string_equal(stream_value(&s, "empty", buf, sizeof buf), "");
	assert_string_equal(stream_value(&s, "run", buf, 3), "a=");
	assert_null(stream_value(&s, "ru", buf, sizeof buf));
	assert_string_equal(buf, "");
	assert_null(stream_value(&s, "", buf, sizeof buf));
	assert_int_equal(stream_add(&s, "", "x", &f), -1);
	assert_int_equal(stream_add(&s, "a b", "x", &f), -1);
	assert_int_equal(stream_add(&s, "a", "x\ny", &f), -1);
	assert_int_equal(stream_add(&s, "a", "\x7f", &f), -1);

	/* To the last byte, and not beyond. */
	memset(&s, 0, sizeof s);
	memset(large, 'x', sizeof large - 3);
	assert_int_equal(stream_add(&s, "a", large, &f), 0);
	assert_int_equal(strlen(s.text), STREAM_TEXT_SIZE);
	assert_int_equal(stream_add(&s, "b", "", &f), -1);
	assert_non_null(strstr(f.text, "no room"));
	assert_int_equal(strlen(s.text), STREAM_TEXT_SIZE);
}

static void
test_id_tells_streams_apart(void **state)
{
	struct stream s, t;

	(void)state;
	stream_make(&s);
	stream_make(&t);
	assert_true(s.id == t.id);
	stream_add(&t, "x", "y", NULL);
	stream_identify(&t);
	assert_true(s.id != t.id);
	stream_make(&t);
	t.layout.real_width--;
	stream_identify(&t);
	assert_true(s.id != t.id);
}

/* b does not go with a, and these words say why. */
static void
discord(const struct stream *b, const char *words)
{
	struct stream a;
	struct fault f = { .text = "" };

	stream_make(&a);
	assert_int_equal(stream_accord(&a, b, &f), -1);
	if (strstr(f.text, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", f.text, words);
}

static void
test_accord(void **state)
{
	struct stream a, b;
	struct fault f = { .text = "" };

	(void)state;
	stream_make(&a);
	stream_make(&b);
	assert_int_equal(stream_accord(&a, &b, &f), 0);
	b.id++;
	assert_int_equal(stream_accord(&a, &b, &f), 0);
	assert_string_equal(f.text, "");
	a.text[0] = b.text[0] = '\0';
	assert_int_equal(stream_accord(&a, &b, NULL), 0);
}

static void
test_accord_layout(void **state)
{
	static const struct {
		size_t		at;
		const char	*words;
	} numbers[] = {
		{ offsetof(struct stream, layout.panels),
		    "it has 9 panels where the first has 2" },
		{ offsetof(struct stream, layout.classes),
		    "it has 9 classes where the first has 2" },
		{ offsetof(struct stream, layout.height),
		    "it has 9 rows a panel where the first has 5" },
		{ offsetof(struct stream, layout.width),
		    "it has 9 columns a panel where the first has 7" },
		{ offsetof(struct stream, layout.real_height),
		    "it has 9 real rows where the first has 4" },
		{ offsetof(struct stream, layout.real_width),
		    "it has 9 real columns where the first has 6" },
		{ offsetof(struct stream, layout.capacity),
		    "it has 9 as capacity for peaks where the first has 3" },
		{ offsetof(struct stream, planes),
		    "it has 9 as mask of planes where the first has 13" },
		{ offsetof(struct stream, quantities),
		    "it has 9 as mask of quantities where the first has 3" }
	};
	struct stream s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		stream_make(&s);
		memcpy((char *)&s + numbers[i].at, &(uint32_t){ 9 }, 4);
		discord(&s, numbers[i].words);
	}
	stream_make(&s);
	s.layout.logits_type = LOGITS_F32;
	discord(&s, "its logits are f32, those of the first f16");
	stream_make(&s);
	s.layout.image_type = IMAGE_NONE;
	discord(&s, "its images are none, those of the first u16");
}

static void
test_accord_text(void **state)
{
	static char large[STREAM_TEXT_SIZE - 2];
	struct stream s;

	(void)state;
	stream_make(&s);
	stream_add(&s, "more", "x", NULL);
	discord(&s, "its text has \"more=x\" where the first has \"\"");
	stream_make(&s);
	strcpy(s.text, "experiment=cxi78513\n");
	discord(&s, "its text has \"\" where the first has \"run=14\"");
	strcpy(s.text, "experiment=cxi78513\nrun=1\n");
	discord(&s, "its text has \"run=1\" where the first has \"run=14\"");
	strcpy(s.text, "experiment=cxi7\nrun=14\n");
	discord(&s, "\"experiment=cxi7\" where the first has"
	    " \"experiment=cxi78513\"");
	s.text[0] = '\0';
	discord(&s, "\"\" where the first has \"experiment=cxi78513\"");

	/* A line is said as far as there is room. */
	memset(large, 'x', sizeof large - 1);
	stream_add(&s, "a", large, NULL);
	discord(&s, "xxx\" where the first has \"experiment=cxi78513\"");
}

/* ---- event blocks ---- */

static const struct event example = {
	.seq = 7, .timestamp = UINT64_C(5) << 32 | 9, .photon_energy = 9500.25,
	.encoder = -0.5, .known = QUANTITY_TIMESTAMP | QUANTITY_ENERGY,
	.peaks_found = 5, .peaks_kept = 3, .nans = 1, .source = "batch_3/1"
};

static unsigned char *
event_make(const struct stream *s, uint64_t *size)
{
	unsigned char *block;
	struct place p;
	uint64_t i;

	*size = layout_size(&s->layout, s->planes);
	block = aligned_alloc(LAYOUT_ALIGN, *size);
	assert_non_null(block);
	for (i = 0; i < *size; i++)
		block[i] = (unsigned char)(i * 3);
	eventblock_pack(block, &example);
	place_inline(&p, block, s->planes);
	eventblock_seal(&p, &s->layout, s->planes, s->planes);
	return block;
}

static void
test_block_round_trip(void **state)
{
	unsigned char block[LAYOUT_BLOCK_SIZE];
	struct event e;
	struct stream s;
	struct fault f;

	(void)state;
	stream_make(&s);
	eventblock_pack(block, &example);
	event_init(&e);
	assert_int_equal(eventblock_unpack(block, &s.layout, &e, &f), 0);
	e.seq = example.seq;
	assert_memory_equal(&e, &example, sizeof e);
}

static void
block_refuse(unsigned at, uint32_t v, const char *words)
{
	unsigned char block[LAYOUT_BLOCK_SIZE];
	struct stream s;
	struct event e;
	struct fault f;

	stream_make(&s);
	eventblock_pack(block, &example);
	le_put32(block + at, v);
	event_init(&e);
	assert_int_equal(eventblock_unpack(block, &s.layout, &e, &f), -1);
	if (strstr(f.text, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", f.text, words);
}

static void
test_block_out_of_range(void **state)
{
	unsigned char block[LAYOUT_BLOCK_SIZE];
	struct stream s;
	struct event e;

	(void)state;
	block_refuse(24, 8, "quantities 0x8");
	block_refuse(28, 2, "3 peaks kept of 2");
	block_refuse(32, 4, "capacity 3");
	block_refuse(32, UINT32_MAX, "4294967295 peaks");
	block_refuse(40, 5, "cause");
	block_refuse(40, UINT32_MAX, "cause");

	/* A source without end that would clear a terminal. */
	stream_make(&s);
	eventblock_pack(block, &example);
	memset(block + 128, '\x1b', 64);
	event_init(&e);
	assert_int_equal(eventblock_unpack(block, &s.layout, &e, NULL), 0);
	assert_int_equal(strlen(e.source), EVENT_SOURCE_SIZE - 1);
	assert_int_equal(strspn(e.source, "?"), EVENT_SOURCE_SIZE - 1);
}

/* What a block with this source, at most 64 bytes, says it is. */
static const char *
source_read(const char *source)
{
	unsigned char block[LAYOUT_BLOCK_SIZE];
	static struct event e;
	struct stream s;

	stream_make(&s);
	eventblock_pack(block, &example);
	memset(block + 128, 0, 64);
	memcpy(block + 128, source, strnlen(source, 64));
	event_init(&e);
	assert_int_equal(eventblock_unpack(block, &s.layout, &e, NULL), 0);
	return e.source;
}

static void
test_block_source_is_utf8(void **state)
{
	static const char good[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
	char full[65], *end = full;
	const char *said;

	(void)state;
	assert_string_equal(source_read(good), good);
	assert_string_equal(source_read("a\xff\xfe" "b"), "a??b");
	assert_string_equal(source_read("\xc3" "a\xe2\x82"), "?a??");
	assert_string_equal(source_read("\xc0\x80\xf5\x80\x80\x80"), "??????");
	assert_string_equal(source_read("a\nb\x7f"), "a?b?");
	/* What a terminal takes for an escape; a surrogate; too long a form. */
	assert_string_equal(source_read("\xc2\x9b" "31m"), "??31m");
	assert_string_equal(source_read("\xed\xa0\x80\xe0\x80\x80"), "??????");
	/* A full field is cut, never inside a character. */
	while (end < full + 64)
		end = stpcpy(end, "\xc3\xa9");
	said = source_read(full);
	full[62] = '?';
	full[63] = '\0';
	assert_string_equal(said, full);
}

static void
test_block_time_that_cannot_be_is_unknown(void **state)
{
	static const uint64_t none[] = {
		0, 1700000000, UINT64_C(5) << 32 | 1000000000, UINT64_MAX
	};
	unsigned char block[LAYOUT_BLOCK_SIZE];
	struct stream s;
	struct event e;
	size_t i;

	(void)state;
	stream_make(&s);
	for (i = 0; i < sizeof none / sizeof none[0]; i++) {
		eventblock_pack(block, &example);
		le_put64(block, none[i]);
		event_init(&e);
		assert_int_equal(eventblock_unpack(block, &s.layout, &e, NULL), 0);
		assert_int_equal(e.known, QUANTITY_ENERGY);
		assert_int_equal(e.timestamp, 0);
	}
}

/* The source of a block whose source was this, after it was named. */
static const char *
named(const char *source, const char *text)
{
	static unsigned char block[LAYOUT_BLOCK_SIZE];
	unsigned char was[LAYOUT_BLOCK_SIZE];
	size_t n = strlen(source);

	assert_true(n <= EVENT_SOURCE_SIZE);
	eventblock_pack(block, &example);
	memset(block + 128, 0, EVENT_SOURCE_SIZE);
	memcpy(block + 128, source, n);
	memcpy(was, block, sizeof was);
	eventblock_name(block, text);
	/* The source alone has changed, and is filled up with zeros. */
	assert_memory_equal(block, was, 128);
	n = strnlen((char *)block + 128, EVENT_SOURCE_SIZE);
	assert_true(n < EVENT_SOURCE_SIZE);
	for (; n < EVENT_SOURCE_SIZE; n++)
		assert_int_equal(block[128 + n], 0);
	return (char *)block + 128;
}

static void
test_block_is_named(void **state)
{
	static const char digits[] =
	    "0123456789012345678901234567890123456789012345678901234567890123";
	char source[EVENT_SOURCE_SIZE + 1], want[EVENT_SOURCE_SIZE];

	(void)state;
	assert_string_equal(named("batch_3/1", "p2:17"), "p2:17:batch_3/1");
	assert_string_equal(named("", "p2:17"), "p2:17");
	assert_string_equal(named("p1:2:x", "p3:4"), "p3:4:p1:2:x");

	/* 63 bytes at most: what fits stays whole, what does not loses its end. */
	snprintf(source, sizeof source, "%.59s", digits);
	snprintf(want, sizeof want, "p1:%.59s", digits);
	assert_string_equal(named(source, "p1"), want);
	assert_string_equal(named(digits, "p1"), "p1:01234567890123456789"
	    "0123456789012345678901234567890123456789");

	/* Even one without an end, as no program of ours leaves it. */
	memset(source, 'x', EVENT_SOURCE_SIZE);
	source[EVENT_SOURCE_SIZE] = '\0';
	assert_int_equal(strlen(named(source, "p1")), EVENT_SOURCE_SIZE - 1);

	/* Two, three, four bytes a character: none is left in part. */
	snprintf(source, sizeof source, "%.59s\u00e9", digits);
	assert_string_equal(named(source, "p1"), want);
	snprintf(source, sizeof source, "%.58s\u20ac", digits);
	want[61] = '\0';
	assert_string_equal(named(source, "p1"), want);
	snprintf(source, sizeof source, "%.56s\U0001d11e", digits);
	snprintf(want, sizeof want, "p1:%.56s\U0001d11e", digits);
	assert_string_equal(named(source, "p1"), want);
	assert_int_equal(strlen(want), EVENT_SOURCE_SIZE - 1);
	/* One byte more in front, and the character is gone. */
	assert_string_equal(named(source, "p12"), "p12:0123456789012345678901234567"
	    "8901234567890123456789012345");
}

static void
test_block_seals(void **state)
{
	struct stream s;
	struct place p;
	struct fault f;
	unsigned char *block, was;
	uint64_t size, at, from, to;
	unsigned plane;

	(void)state;
	stream_make(&s);
	block = event_make(&s, &size);
	place_inline(&p, block, s.planes);
	assert_int_equal(eventblock_check(&p, &s.layout, s.planes, &f), 0);
	assert_int_equal(le_get32(block + 52), 0);
	for (at = 0; at < LAYOUT_BLOCK_SIZE; at++) {
		block[at] ^= 0x10;
		assert_int_equal(eventblock_check(&p, &s.layout, 0, &f), -1);
		assert_non_null(strstr(f.text, "event block"));
		block[at] ^= 0x10;
	}
	for (plane = 1; plane < PLANE_ALL; plane <<= 1) {
		if (!(s.planes & plane))
			continue;
		from = layout_plane_offset(&s.layout, s.planes, plane);
		to = from + layout_plane_bytes(&s.layout, plane);
		for (at = from; at < to; at++) {
			was = block[at];
			block[at] ^= 1;
			assert_int_equal(eventblock_check(&p, &s.layout, plane,
			    &f), -1);
			/* Who does not look at a plane does not mind. */
			assert_int_equal(eventblock_check(&p, &s.layout,
			    s.planes & ~plane, &f), 0);
			block[at] = was;
		}
	}

	/* Fresh planes are sealed anew, others keep what they had. */
	from = layout_plane_offset(&s.layout, s.planes, PLANE_LOGITS);
	to = layout_plane_offset(&s.layout, s.planes, PLANE_PEAKS);
	block[from] ^= 1;
	block[to] ^= 1;
	eventblock_seal(&p, &s.layout, s.planes, PLANE_PEAKS);
	assert_int_equal(eventblock_check(&p, &s.layout, PLANE_PEAKS, &f), 0);
	assert_int_equal(eventblock_check(&p, &s.layout, PLANE_LOGITS, &f), -1);
	assert_non_null(strstr(f.text, "logits"));
	free(block);
}

/* ---- feed ---- */

/* A capture of two checksummed events and an end. */
static unsigned char *
capture_make(size_t *size)
{
	struct record r = { .type = RECORD_EVENT, .flags = RECORD_CRC };
	unsigned char *block, *capture, *p;
	struct stream s;
	uint64_t n;
	unsigned i;

	stream_make(&s);
	block = event_make(&s, &n);
	*size = STREAM_SIZE + 2 * (RECORD_SIZE + n) + RECORD_SIZE;
	assert_non_null(capture = malloc(*size));
	stream_pack(&s, p = capture);
	p += STREAM_SIZE;
	r.length = RECORD_SIZE + n;
	r.stream = s.id;
	r.planes = s.planes;
	for (i = 0; i < 2; i++, p += r.length) {
		r.seq = 7 + i;
		record_pack(p, &r);
		memcpy(p + RECORD_SIZE, block, n);
	}
	r = (struct record){ .type = RECORD_END, .length = RECORD_SIZE,
	    .stream = s.id, .count = 2 };
	record_pack(p, &r);
	free(block);
	return capture;
}

/* What a feed makes of a capture: the events that are good, failed; the end. */
struct outcome {
	unsigned	good, failed;
	bool		ended, error;
};

static struct outcome
feed_try(int fd, const unsigned char *capture, size_t n)
{
	struct outcome o = { 0, 0, false, false };
	struct fault f = { .text = "" };
	struct feed d;
	enum feed_got got;

	assert_int_equal(pwrite(fd, capture, n, 0), n);
	assert_int_equal(ftruncate(fd, (off_t)n), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(feed_init(&d, fd, NULL, PLANES), 0);
	while ((got = feed_next(&d, &f)) > FEED_EOF) {
		if (got == FEED_EVENT) {
			if (d.record.flags & RECORD_FAILED)
				o.failed++;
			else
				o.good++;
			assert_int_equal(feed_done(&d, &f), 0);
		}
		o.ended = got == FEED_END;
	}
	o.error = got == FEED_ERROR;
	if (o.error || o.failed > 0)
		assert_true(f.text[0] != '\0');
	feed_close(&d);
	return o;
}

static void
test_feed_good(void **state)
{
	struct outcome o;
	unsigned char *capture;
	size_t n;
	int fd = memfd_create("capture", 0);

	(void)state;
	capture = capture_make(&n);
	o = feed_try(fd, capture, n);
	assert_int_equal(o.good, 2);
	assert_true(o.ended && !o.error && o.failed == 0);
	free(capture);
	close(fd);
}

/* Padding behind a plane's last element is nobody's. */
static bool
is_rounding(size_t at)
{
	struct stream s;
	uint64_t from;
	unsigned plane;

	stream_make(&s);
	if (at < STREAM_SIZE + RECORD_SIZE)
		return false;
	at = (at - STREAM_SIZE) % stream_event_length(&s);
	if (at < RECORD_SIZE)
		return false;
	at -= RECORD_SIZE;
	for (plane = 1; plane < PLANE_ALL; plane <<= 1) {
		from = layout_plane_offset(&s.layout, s.planes, plane);
		if ((s.planes & plane) &&
		    at >= from + layout_plane_bytes(&s.layout, plane) &&
		    at < from + layout_plane_size(&s.layout, plane))
			return true;
	}
	return false;
}

static void
test_feed_every_byte(void **state)
{
	struct outcome o;
	unsigned char *capture;
	size_t n, at, second, end;
	int fd = memfd_create("capture", 0);

	(void)state;
	capture = capture_make(&n);
	end = n - RECORD_SIZE;
	second = STREAM_SIZE + (end - STREAM_SIZE) / 2;
	for (at = 0; at < n; at++) {
		capture[at] ^= (unsigned char)(1u << at % 8);
		o = feed_try(fd, capture, n);
		capture[at] ^= (unsigned char)(1u << at % 8);
		if (at < end && is_rounding(at)) {
			assert_int_equal(o.good, 2);
			continue;
		}
		/* A failed event beside a good one, or the end of the feed. */
		if (o.error)
			assert_int_equal(o.good, at >= end ? 2 : at >= second);
		else
			assert_true(o.failed == 1 && o.good == 1 && o.ended);
	}
	free(capture);
	close(fd);
}

static void
test_feed_every_length(void **state)
{
	struct outcome o;
	unsigned char *capture;
	size_t n, cut, second, end;
	int fd = memfd_create("capture", 0);

	(void)state;
	capture = capture_make(&n);
	end = n - RECORD_SIZE;
	second = STREAM_SIZE + (end - STREAM_SIZE) / 2;
	for (cut = 0; cut < n; cut++) {
		o = feed_try(fd, capture, cut);
		assert_int_equal(o.good, cut >= end ? 2 : cut >= second);
		assert_false(o.ended);
		assert_int_equal(o.error, cut != 0 && cut != STREAM_SIZE &&
		    cut != second && cut != end);
	}
	free(capture);
	close(fd);
}

static void
test_feed_continues(void **state)
{
	unsigned char *capture;
	struct fault f;
	struct feed d;
	size_t n;
	int fd = memfd_create("capture", 0);

	(void)state;
	capture = capture_make(&n);
	assert_int_equal(io_write(fd, capture, n), 0);
	assert_int_equal(io_write(fd, capture, STREAM_SIZE), 0);
	capture[130] ^= 2;
	le_put32(capture + 40, crc32c(capture + 64, STREAM_SIZE - 64));
	le_put32(capture + 60, crc32c(capture, 60));
	assert_int_equal(io_write(fd, capture, STREAM_SIZE), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(feed_init(&d, fd, NULL, 0), 0);
	assert_int_equal(feed_next(&d, &f), FEED_STREAM);
	assert_false(d.continued);
	assert_int_equal(feed_next(&d, &f), FEED_EVENT);
	assert_int_equal(d.event.seq, 7);
	assert_string_equal(d.event.source, "batch_3/1");
	assert_null(feed_plane(&d, PLANE_PEAKS));
	assert_int_equal(feed_next(&d, &f), FEED_EVENT);
	assert_int_equal(feed_next(&d, &f), FEED_END);
	assert_int_equal(d.record.count, 2);
	assert_int_equal(feed_next(&d, &f), FEED_STREAM);
	assert_true(d.continued);
	assert_int_equal(feed_next(&d, &f), FEED_STREAM);
	assert_false(d.continued);
	assert_int_equal(feed_next(&d, &f), FEED_EOF);
	feed_close(&d);
	free(capture);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_round_trip),
		cmocka_unit_test(test_header_every_flip),
		cmocka_unit_test(test_header_out_of_range),
		cmocka_unit_test(test_largest_event),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_id_tells_streams_apart),
		cmocka_unit_test(test_accord),
		cmocka_unit_test(test_accord_layout),
		cmocka_unit_test(test_accord_text),
		cmocka_unit_test(test_block_round_trip),
		cmocka_unit_test(test_block_out_of_range),
		cmocka_unit_test(test_block_source_is_utf8),
		cmocka_unit_test(test_block_time_that_cannot_be_is_unknown),
		cmocka_unit_test(test_block_is_named),
		cmocka_unit_test(test_block_seals),
		cmocka_unit_test(test_feed_good),
		cmocka_unit_test(test_feed_every_byte),
		cmocka_unit_test(test_feed_every_length),
		cmocka_unit_test(test_feed_continues)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
