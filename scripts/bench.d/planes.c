/*
 * A capture of made-up events, q2(5), on standard output: the material that all
 * rivals of the benchmark work on.
 *
 * usage: planes events peaks every f32|f16|bf16 panels height width rheight rwidth
 *
 * Every every-th event, from 0, has so many peaks, the others have none: rectangles of
 * 2 to 25 pixels, of which no two touch, on a random choice of cells of 16 x 16
 * pixels. peaks may also be "checker", every other pixel, or "noise", 60 % of
 * all pixels. Logits are a few units from 0, with noise; images are photons, 10
 * units each. The same operands give the same bytes.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "format/eventblock.h"
#include "format/stream.h"
#include "sim/half.h"
#include "sim/rng.h"
#include "transport/record.h"

enum { CELL = 16, JITTER = 9, SIDE = 5, CAPACITY = 2048 };
enum pattern { BLOBS, CHECKER, NOISE };

static struct rng rng;

static uint32_t
number(const char *text, long long max)
{
	const char *cause;
	long long v;

	if (number_int(text, 0, max, &v, &cause) == -1)
		errx(1, "%s: %s", text, cause);
	return (uint32_t)v;
}

/* Marks n cells of all there are, each with the same chance. */
static void
mark_blobs(const struct layout *l, unsigned char *marks, uint32_t n)
{
	uint32_t across = l->real_width / CELL, down = l->real_height / CELL;
	uint32_t cells = l->panels * across * down, cell, y, x, h, w, i;
	size_t at;

	if (n > cells)
		errx(1, "only %u peaks have room", cells);
	for (cell = 0; cell < cells; cell++) {
		if (rng_below(&rng, cells - cell) >= n)
			continue;
		n--;
		h = 1 + rng_below(&rng, SIDE);
		w = 2 + rng_below(&rng, SIDE - 1);
		y = cell / across % down * CELL + rng_below(&rng, JITTER);
		x = cell % across * CELL + rng_below(&rng, JITTER);
		at = ((size_t)(cell / across / down) * l->height + y) *
		    l->width + x;
		for (i = 0; i < h; i++)
			memset(marks + at + (size_t)i * l->width, 1, w);
	}
}

static void
mark_all(const struct layout *l, unsigned char *marks, enum pattern p)
{
	size_t i, n = (size_t)l->panels * l->height * l->width;

	for (i = 0; i < n; i++)
		marks[i] = p == NOISE ? rng_below(&rng, 10) < 6 :
		    (i / l->width + i % l->width) % 2 == 0;
}

static void
put_logit(const struct layout *l, unsigned char *plane, size_t at, float v)
{
	uint16_t half;

	if (l->logits_type == LOGITS_F32) {
		memcpy(plane + at * sizeof v, &v, sizeof v);
		return;
	}
	half = l->logits_type == LOGITS_F16 ? half_from_float(v) :
	    bfloat_from_float(v);
	memcpy(plane + at * sizeof half, &half, sizeof half);
}

static void
fill(const struct layout *l, const unsigned char *marks, unsigned char *logits,
    unsigned char *image)
{
	const size_t size = (size_t)l->height * l->width;
	uint32_t panel, r;
	size_t i, at;
	float v;

	for (panel = 0; panel < l->panels; panel++)
		for (i = 0; i < size; i++) {
			r = (uint32_t)rng_next(&rng);
			at = panel * size + i;
			v = (float)(r >> 24) / 256;
			put_logit(l, logits, at + panel * size, 4 + v);
			put_logit(l, logits, at + (panel + 1) * size,
			    (marks[at] ? 12 : -4) - v);
			v = (float)(10 * __builtin_popcount(r & 0xffff) +
			    (marks[at] ? 1000 : 0));
			memcpy(image + at * sizeof v, &v, sizeof v);
		}
}

static void
write_all(const void *p, size_t n)
{
	if (fwrite(p, 1, n, stdout) != n)
		err(1, "standard output");
}

static void
write_header(struct stream *s)
{
	unsigned char bytes[STREAM_SIZE];
	struct fault f;

	if (stream_add(s, "experiment", "bench", &f) == -1)
		errx(1, "%s", f.text);
	stream_identify(s);
	stream_pack(s, bytes);
	write_all(bytes, sizeof bytes);
}

static void
write_event(const struct stream *s, uint64_t seq, const unsigned char *payload)
{
	const struct record r = { .type = RECORD_EVENT, .stream = s->id,
		.seq = seq, .planes = s->planes,
		.length = stream_event_length(s) };
	unsigned char header[RECORD_SIZE];

	record_pack(header, &r);
	write_all(header, sizeof header);
	write_all(payload, r.length - sizeof header);
}

static void
write_end(const struct stream *s, uint64_t count)
{
	const struct record r = { .type = RECORD_END, .stream = s->id,
		.count = count, .length = RECORD_SIZE };
	unsigned char header[RECORD_SIZE];

	record_pack(header, &r);
	write_all(header, sizeof header);
	if (fflush(stdout) == EOF)
		err(1, "standard output");
}

static struct layout
layout_of(char **argv)
{
	struct layout l = { .classes = 2, .image_type = IMAGE_F32,
		.capacity = CAPACITY };
	struct fault f;

	for (l.logits_type = LOGITS_F32; strcmp(argv[4],
	    logits_type_name(l.logits_type)) != 0; l.logits_type++)
		if (l.logits_type == LOGITS_BF16)
			errx(1, "%s: no type of logits", argv[4]);
	l.panels = number(argv[5], LAYOUT_MAX_PANELS);
	l.height = number(argv[6], LAYOUT_MAX_SIDE);
	l.width = number(argv[7], LAYOUT_MAX_SIDE);
	l.real_height = number(argv[8], LAYOUT_MAX_SIDE);
	l.real_width = number(argv[9], LAYOUT_MAX_SIDE);
	if (layout_check(&l, &f) == -1)
		errx(1, "%s", f.text);
	return l;
}

int
main(int argc, char **argv)
{
	struct stream s = { .planes = PLANE_LOGITS | PLANE_IMAGE,
		.quantities = QUANTITY_TIMESTAMP | QUANTITY_ENERGY };
	struct layout *l = &s.layout;
	struct event e;
	enum pattern pattern = BLOBS;
	unsigned char *payload, *marks;
	uint32_t n, k, every, peaks = 0;
	size_t pixels;

	if (argc != 10)
		errx(1, "usage: planes events peaks every f32|f16|bf16 panels"
		    " height width rheight rwidth");
	n = number(argv[1], 1000000);
	if (strcmp(argv[2], "checker") == 0)
		pattern = CHECKER;
	else if (strcmp(argv[2], "noise") == 0)
		pattern = NOISE;
	else
		peaks = number(argv[2], CAPACITY);
	every = number(argv[3], 1000000);
	*l = layout_of(argv);
	pixels = (size_t)l->panels * l->height * l->width;
	payload = calloc(1, layout_size(l, s.planes));
	marks = malloc(pixels);
	if (payload == NULL || marks == NULL || every == 0)
		errx(1, "not enough memory, or every is 0");
	write_header(&s);
	for (k = 0; k < n; k++) {
		rng_seed(&rng, 1, k);
		memset(marks, 0, pixels);
		if (k % every == 0 && pattern == BLOBS)
			mark_blobs(l, marks, peaks);
		else if (k % every == 0)
			mark_all(l, marks, pattern);
		fill(l, marks,
		    payload + layout_plane_offset(l, s.planes, PLANE_LOGITS),
		    payload + layout_plane_offset(l, s.planes, PLANE_IMAGE));
		event_init(&e);
		e.seq = k;
		e.known = s.quantities;
		e.timestamp = (UINT64_C(1700000000) + k) << 32;
		e.photon_energy = 9500;
		snprintf(e.source, sizeof e.source, "made/%u", k);
		eventblock_pack(payload, &e);
		write_event(&s, k, payload);
	}
	write_end(&s, n);
	free(marks);
	free(payload);
	return 0;
}
