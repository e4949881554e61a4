/* Records: headers, the inlet that reads them, the outlet that writes them. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/crc.h"
#include "base/io.h"
#include "base/le.h"
#include "transport/inlet.h"
#include "transport/outlet.h"
#include "transport/record.h"

static const struct record examples[] = {
	{ .type = RECORD_STREAM, .length = RECORD_STREAM_SIZE,
	    .stream = 0x1122334455667788, .crc = 0xdeadbeef },
	{ .type = RECORD_EVENT, .flags = RECORD_FAILED | RECORD_CRC,
	    .length = 64 * 77, .stream = 5, .seq = UINT64_MAX, .planes = 15 },
	{ .type = RECORD_REFERENCE, .flags = RECORD_CRC, .length = RECORD_SIZE,
	    .stream = 5, .seq = 9, .planes = 8, .slot = 254,
	    .generation = UINT64_C(1) << 63, .session = 0xabcdef01 },
	{ .type = RECORD_END, .flags = RECORD_INTERRUPTED, .length = RECORD_SIZE,
	    .stream = 5, .count = 12345678901 }
};
enum { EXAMPLES = sizeof examples / sizeof examples[0] };

static void
test_round_trip(void **state)
{
	unsigned char p[RECORD_SIZE];
	struct record r;
	struct fault f;
	unsigned i;

	(void)state;
	for (i = 0; i < EXAMPLES; i++) {
		record_pack(p, &examples[i]);
		assert_int_equal(record_unpack(p, &r, &f), 0);
		assert_memory_equal(&r, &examples[i], sizeof r);
	}
}

/* The bytes of record.h, written down by hand. */
static void
test_bytes(void **state)
{
	static const unsigned char want[60] = {
		0x89, 0x51, 0x32, 0x52, 0x0d, 0x0a, 0x1a, 0x0a,
		1, 0, 3, 0, 2, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0,
		5, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0,
		8, 0, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80,
		0x01, 0xef, 0xcd, 0xab
	};
	unsigned char p[RECORD_SIZE];

	(void)state;
	record_pack(p, &examples[2]);
	assert_memory_equal(p, want, sizeof want);
	assert_int_equal(le_get32(p + 60), crc32c(want, sizeof want));
}

static void
test_every_flip(void **state)
{
	unsigned char p[RECORD_SIZE];
	struct record r;
	struct fault f;
	unsigned i, bit;

	(void)state;
	for (i = 0; i < EXAMPLES; i++) {
		record_pack(p, &examples[i]);
		for (bit = 0; bit < 8 * RECORD_SIZE; bit++) {
			p[bit / 8] ^= (unsigned char)(1u << bit % 8);
			f.text[0] = '\0';
			assert_int_equal(record_unpack(p, &r, &f), -1);
			assert_true(f.text[0] != '\0');
			assert_int_equal(record_unpack(p, &r, NULL), -1);
			p[bit / 8] ^= (unsigned char)(1u << bit % 8);
		}
	}
}

/* The field at an offset gets a value, and the checksum is made right. */
static void
refuse(const struct record *good, unsigned at, unsigned bytes, uint64_t v,
    const char *words)
{
	unsigned char p[RECORD_SIZE];
	struct record r;
	struct fault f;
	unsigned i;

	record_pack(p, good);
	for (i = 0; i < bytes; i++)
		p[at + i] = (unsigned char)(v >> 8 * i);
	le_put32(p + 60, crc32c(p, 60));
	assert_int_equal(record_unpack(p, &r, &f), -1);
	if (strstr(f.text, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", f.text, words);
}

static void
test_fields_out_of_range(void **state)
{
	static const uint64_t lengths[] = { 0, 1, 63, 65, 100, UINT64_MAX };
	unsigned i, k;

	(void)state;
	for (i = 0; i < EXAMPLES; i++) {
		refuse(&examples[i], 8, 2, 0, "q2 version 0");
		refuse(&examples[i], 8, 2, 2, "q2 version 2");
		refuse(&examples[i], 10, 2, 0, "record type 0");
		refuse(&examples[i], 10, 2, 5, "record type 5");
		refuse(&examples[i], 12, 4, 0x80000000, "unknown flags");
		for (k = 0; k < sizeof lengths / sizeof lengths[0]; k++)
			refuse(&examples[i], 16, 8, lengths[k], "length");
	}
	refuse(&examples[0], 16, 8, 4160, "length 4160");
	refuse(&examples[1], 16, 8, 64, "length 64");
	refuse(&examples[2], 16, 8, 128, "length 128");
	refuse(&examples[3], 16, 8, 128, "length 128");
	refuse(&examples[0], 12, 4, RECORD_CRC, "unknown flags");
	refuse(&examples[1], 12, 4, RECORD_INTERRUPTED, "unknown flags");
	refuse(&examples[3], 12, 4, RECORD_FAILED, "unknown flags");
}

static void
test_hdf5_is_named(void **state)
{
	unsigned char p[RECORD_SIZE] = { 0x89, 'H', 'D', 'F', '\r', '\n', 0x1a,
	    '\n' };
	struct record r;
	struct fault f;

	(void)state;
	assert_int_equal(record_unpack(p, &r, &f), -1);
	assert_non_null(strstr(f.text, "HDF5"));
}

/* ---- inlet ---- */

/* A stream header, an event of 1000 * 64 bytes, a reference, an end. */
enum { PAYLOAD = 999 * 64, INPUT = RECORD_STREAM_SIZE + PAYLOAD + 3 * RECORD_SIZE };

static unsigned char input[INPUT];

static int
input_make(void **state)
{
	struct record r = examples[1];
	unsigned char *p = input + RECORD_STREAM_SIZE;
	unsigned i;

	(void)state;
	memset(input, 0xaa, RECORD_STREAM_SIZE);
	record_pack(input, &examples[0]);
	r.length = RECORD_SIZE + PAYLOAD;
	record_pack(p, &r);
	for (i = 0; i < PAYLOAD; i++)
		p[RECORD_SIZE + i] = (unsigned char)(i * 7 + i / 256);
	p += r.length;
	record_pack(p, &examples[2]);
	record_pack(p + RECORD_SIZE, &examples[3]);
	return 0;
}

static int
file_of(size_t n)
{
	int fd = memfd_create("input", 0);

	assert_int_not_equal(fd, -1);
	assert_int_equal(io_write(fd, input, n), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

struct source {
	int	fd;
	size_t	n, piece;
};

static void *
source_run(void *arg)
{
	struct source *s = arg;
	size_t at, n;

	for (at = 0; at < s->n; at += n) {
		n = s->n - at < s->piece ? s->n - at : s->piece;
		if (io_write(s->fd, input + at, n) == -1)
			break;
	}
	close(s->fd);
	return NULL;
}

/* Takes all records; whole: the payload in two pieces, else some is skipped. */
static void
drain(struct inlet *in, int whole)
{
	static unsigned char got[PAYLOAD];
	const unsigned char *sent = input + RECORD_STREAM_SIZE + RECORD_SIZE;
	const unsigned char *bytes;
	struct iovec v[2] = { { got, 100 }, { got + 100, PAYLOAD - 100 } };
	struct record r;
	struct fault f;

	assert_int_equal(inlet_next(in, &r, &bytes, &f), INLET_GOT);
	assert_memory_equal(bytes, input, RECORD_STREAM_SIZE);
	assert_int_equal(inlet_next(in, &r, &bytes, &f), INLET_GOT);
	assert_int_equal(r.length, RECORD_SIZE + PAYLOAD);
	memset(got, 0, sizeof got);
	if (whole)
		assert_int_equal(inlet_payload(in, v, 2, &f), INLET_GOT);
	else {
		assert_int_equal(inlet_payload(in, v, 1, &f), INLET_GOT);
		assert_int_equal(inlet_skip(in, PAYLOAD - 200, &f), INLET_GOT);
		v[1].iov_base = got + PAYLOAD - 100;
		v[1].iov_len = 100;
		assert_int_equal(inlet_payload(in, v + 1, 1, &f), INLET_GOT);
		assert_memory_equal(got + PAYLOAD - 100, sent + PAYLOAD - 100,
		    100);
	}
	assert_memory_equal(got, sent, whole ? PAYLOAD : 100);
	assert_int_equal(inlet_next(in, &r, &bytes, &f), INLET_GOT);
	assert_int_equal(r.type, RECORD_REFERENCE);
	assert_int_equal(inlet_next(in, &r, &bytes, &f), INLET_GOT);
	assert_int_equal(r.count, examples[3].count);
	assert_int_equal(inlet_next(in, &r, &bytes, &f), INLET_END);
	assert_int_equal(inlet_next(in, &r, &bytes, &f), INLET_END);
	assert_true(inlet_ended(in));
}

static void
test_inlet_file(void **state)
{
	struct inlet *in;
	int whole, fd;

	(void)state;
	for (whole = 0; whole < 2; whole++) {
		fd = file_of(INPUT);
		in = inlet_new(fd);
		drain(in, whole);
		inlet_free(in);
		close(fd);
	}
}

static void
test_inlet_pipe_in_pieces(void **state)
{
	static const size_t pieces[] = { 1, 63, 64, 65, 4095, 4097, 65536, INPUT };
	struct source s = { .n = INPUT };
	struct inlet *in;
	pthread_t thread;
	unsigned i;
	int ends[2];

	(void)state;
	for (i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		assert_int_equal(pipe(ends), 0);
		s.fd = ends[1];
		s.piece = pieces[i];
		assert_int_equal(pthread_create(&thread, NULL, source_run, &s), 0);
		in = inlet_new(ends[0]);
		drain(in, i % 2);
		inlet_free(in);
		pthread_join(thread, NULL);
		close(ends[0]);
	}
}

/* Two pieces with a gap between. */
static void
pieces_take(int fd, enum inlet_got want, struct fault *f)
{
	enum { GAP = 50 };
	static unsigned char room[PAYLOAD + GAP];
	const unsigned char *sent = input + RECORD_STREAM_SIZE + RECORD_SIZE;
	struct inlet *in = inlet_new(fd);
	const unsigned char *bytes;
	struct iovec v[2] = {
		{ room, 40000 }, { room + 40000 + GAP, PAYLOAD - 40000 }
	};
	struct record r;

	memset(room, 0, sizeof room);
	assert_int_equal(inlet_next(in, &r, &bytes, f), INLET_GOT);
	assert_int_equal(inlet_next(in, &r, &bytes, f), INLET_GOT);
	assert_int_equal(inlet_payload(in, v, 2, f), want);
	if (want == INLET_GOT) {
		assert_memory_equal(room, sent, 40000);
		assert_memory_equal(room + 40000 + GAP, sent + 40000,
		    PAYLOAD - 40000);
		assert_int_equal(room[40000] | room[40000 + GAP - 1], 0);
		assert_int_equal(inlet_next(in, &r, &bytes, f), INLET_GOT);
		assert_int_equal(r.type, RECORD_REFERENCE);
	}
	inlet_free(in);
}

static void
pieces_take_what_a_file_pipe_or_socket_has(void **state)
{
	static const size_t pieces[] = { 1000, 4096, 4097, INPUT };
	struct source s = { .n = INPUT };
	pthread_t thread;
	struct fault f;
	unsigned i, kind;
	int ends[2];

	(void)state;
	ends[0] = file_of(INPUT);
	pieces_take(ends[0], INLET_GOT, &f);
	close(ends[0]);
	for (kind = 0; kind < 2; kind++)
		for (i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
			assert_int_equal(kind == 0 ? pipe(ends) :
			    socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
			s.fd = ends[1];
			s.piece = pieces[i];
			/* Whoever shares the input may have made it so. */
			if (i % 2 == 1)
				fcntl(ends[0], F_SETFL, O_NONBLOCK);
			assert_int_equal(pthread_create(&thread, NULL,
			    source_run, &s), 0);
			pieces_take(ends[0], INLET_GOT, &f);
			pthread_join(thread, NULL);
			close(ends[0]);
		}
}

static void
pieces_hear_of_an_input_that_ends_inside(void **state)
{
	struct source s = { .n = INPUT - 3 * RECORD_SIZE, .piece = 10000 };
	pthread_t thread;
	struct fault f;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	s.fd = ends[1];
	assert_int_equal(pthread_create(&thread, NULL, source_run, &s), 0);
	pieces_take(ends[0], INLET_ERROR, &f);
	pthread_join(thread, NULL);
	close(ends[0]);
	assert_non_null(strstr(f.text, "ends inside an event"));
}

/* Reads what there is of n bytes; the words of the error at the end. */
static enum inlet_got
truncated(int fd, int skip, struct fault *f)
{
	static unsigned char got[PAYLOAD];
	struct iovec v = { got, PAYLOAD };
	struct inlet *in = inlet_new(fd);
	const unsigned char *bytes;
	enum inlet_got g;
	struct record r;

	while ((g = inlet_next(in, &r, &bytes, f)) == INLET_GOT)
		if (r.type == RECORD_EVENT) {
			v.iov_base = got;
			v.iov_len = PAYLOAD;
			g = skip ? inlet_skip(in, PAYLOAD, f) :
			    inlet_payload(in, &v, 1, f);
			if (g != INLET_GOT)
				break;
		}
	inlet_free(in);
	close(fd);
	return g;
}

static void
test_inlet_truncated(void **state)
{
	static const struct {
		size_t		n;
		const char	*where;
	} cuts[] = {
		{ 1, "record header" }, { 63, "record header" },
		{ 64, "stream header" }, { 4095, "stream header" },
		{ 4096 + 63, "record header" }, { 4096 + 64, "an event" },
		{ 4096 + 64 + 1, "an event" }, { INPUT - 129, "an event" },
		{ INPUT - 65, "record header" }, { INPUT - 1, "record header" }
	};
	struct fault f;
	unsigned i, skip;

	(void)state;
	for (i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
		for (skip = 0; skip < 2; skip++) {
			assert_int_equal(truncated(file_of(cuts[i].n), (int)skip,
			    &f), INLET_ERROR);
			if (strstr(f.text, cuts[i].where) == NULL ||
			    strstr(f.text, "truncated") == NULL)
				fail_msg("%zu: %s", cuts[i].n, f.text);
		}
	assert_int_equal(truncated(file_of(4096), 0, &f), INLET_END);
	assert_int_equal(truncated(file_of(INPUT - 64), 0, &f), INLET_END);
	assert_int_equal(truncated(file_of(0), 0, &f), INLET_END);
}

static void
test_inlet_short_and_no_record(void **state)
{
	unsigned char saved[8];
	struct fault f;

	(void)state;
	memcpy(saved, input, sizeof saved);
	memcpy(input, "hello\n", 6);
	assert_int_equal(truncated(file_of(6), 0, &f), INLET_ERROR);
	assert_non_null(strstr(f.text, "wrong magic"));
	memcpy(input, "\x89HDF\r\n\x1a\n", 8);
	assert_int_equal(truncated(file_of(20), 0, &f), INLET_ERROR);
	assert_non_null(strstr(f.text, "HDF5"));
	memcpy(input, saved, sizeof saved);
}

static void
test_inlet_says_where(void **state)
{
	struct fault f;

	(void)state;
	input[INPUT - 64 + 20] ^= 1;
	assert_int_equal(truncated(file_of(INPUT), 1, &f), INLET_ERROR);
	assert_non_null(strstr(f.text, "byte 68160: damaged"));
	input[INPUT - 64 + 20] ^= 1;
}

static void
test_inlet_watches(void **state)
{
	const unsigned char *bytes;
	int stop = 1, in_ends[2], out_ends[2];
	struct inlet *in;
	struct record r;
	struct fault f;

	(void)state;
	assert_int_equal(pipe(in_ends), 0);
	assert_int_equal(pipe(out_ends), 0);
	in = inlet_new(in_ends[0]);
	inlet_watch(in, out_ends[1], &stop);
	assert_int_equal(inlet_next(in, &r, &bytes, &f), INLET_STOPPED);
	stop = 0;
	close(out_ends[0]);
	assert_int_equal(inlet_next(in, &r, &bytes, &f), INLET_GONE);
	/* What has begun to come is taken, whatever the signal. */
	inlet_watch(in, -1, &stop);
	assert_int_equal(io_write(in_ends[1], input, 200), 0);
	assert_int_equal(inlet_fill(in, &f), INLET_GOT);
	assert_false(inlet_ready(in));
	stop = 1;
	assert_int_equal(io_write(in_ends[1], input + 200, 4096 - 200), 0);
	assert_int_equal(inlet_next(in, &r, &bytes, &f), INLET_GOT);
	inlet_free(in);
	close(in_ends[0]);
	close(in_ends[1]);
	close(out_ends[1]);
}

static void
test_inlet_bad_descriptor(void **state)
{
	const unsigned char *bytes;
	struct inlet *in = inlet_new(-1);
	struct record r;
	struct fault f;

	(void)state;
	assert_int_equal(inlet_next(in, &r, &bytes, &f), INLET_ERROR);
	assert_non_null(strstr(f.text, strerror(EBADF)));
	inlet_free(in);
}

/* ---- outlet ---- */

static void
test_outlet_keeps_small_records_whole(void **state)
{
	unsigned char got[2 * OUTLET_BATCH];
	struct outlet o;
	ssize_t n;
	int ends[2], i;

	(void)state;
	assert_int_equal(pipe2(ends, O_NONBLOCK | O_DIRECT), 0);
	outlet_init(&o, ends[1]);
	assert_true(o.is_pipe);
	for (i = 0; i < 65; i++)
		assert_int_equal(outlet_record(&o, &examples[2]), 0);
	/* A packet is what one write wrote. */
	n = read(ends[0], got, sizeof got);
	assert_int_equal(n, OUTLET_BATCH);
	assert_int_equal(read(ends[0], got, sizeof got), -1);
	assert_int_equal(outlet_flush(&o), 0);
	assert_int_equal(read(ends[0], got, sizeof got), RECORD_SIZE);
	assert_int_equal(outlet_flush(&o), 0);
	assert_int_equal(read(ends[0], got, sizeof got), -1);
	close(ends[0]);
	close(ends[1]);
}

static void
test_outlet_writes_what_the_inlet_reads(void **state)
{
	static unsigned char back[INPUT];
	unsigned char *payload = input + RECORD_STREAM_SIZE + RECORD_SIZE;
	struct iovec v[2] = { { payload, 192 }, { payload + 192, PAYLOAD - 192 } };
	struct record r = examples[1];
	struct outlet o;
	int fd = memfd_create("output", 0);

	(void)state;
	r.length = RECORD_SIZE + PAYLOAD;
	outlet_init(&o, fd);
	assert_false(o.is_pipe);
	assert_int_equal(outlet_stream(&o, input), 0);
	assert_int_equal(outlet_event(&o, &r, v, 2), 0);
	assert_int_equal(outlet_record(&o, &examples[2]), 0);
	assert_int_equal(outlet_record(&o, &examples[3]), 0);
	assert_int_equal(outlet_flush(&o), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(io_read(fd, back, sizeof back), sizeof back);
	assert_memory_equal(back, input, INPUT);
	close(fd);
}

static void
test_outlet_errors(void **state)
{
	struct outlet o;
	int ends[2], fd = open("/dev/full", O_WRONLY);

	(void)state;
	outlet_init(&o, fd);
	assert_int_equal(outlet_record(&o, &examples[3]), 0);
	assert_int_equal(outlet_flush(&o), -1);
	assert_int_equal(errno, ENOSPC);
	close(fd);
	assert_int_equal(pipe(ends), 0);
	outlet_init(&o, ends[1]);
	close(ends[0]);
	assert_int_equal(outlet_stream(&o, input), 0);
	assert_int_equal(outlet_flush(&o), -1);
	assert_int_equal(errno, EPIPE);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_every_flip),
		cmocka_unit_test(test_fields_out_of_range),
		cmocka_unit_test(test_hdf5_is_named),
		cmocka_unit_test(test_inlet_file),
		cmocka_unit_test(test_inlet_pipe_in_pieces),
		cmocka_unit_test(pieces_take_what_a_file_pipe_or_socket_has),
		cmocka_unit_test(pieces_hear_of_an_input_that_ends_inside),
		cmocka_unit_test(test_inlet_truncated),
		cmocka_unit_test(test_inlet_short_and_no_record),
		cmocka_unit_test(test_inlet_says_where),
		cmocka_unit_test(test_inlet_watches),
		cmocka_unit_test(test_inlet_bad_descriptor),
		cmocka_unit_test(test_outlet_keeps_small_records_whole),
		cmocka_unit_test(test_outlet_writes_what_the_inlet_reads),
		cmocka_unit_test(test_outlet_errors)
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, input_make, NULL);
}
