#include <math.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/reply.h"

static const uint64_t image_max = UINT64_C(1) << 30;	/* bytes; see cxi_chunk.h */

/* ---- what all have in common ---- */

/* A key that CrystFEL would take for another, if it comes first. */
static bool
begins(const char *key, const char *other)
{
	return strncmp(key, other, strlen(key)) == 0;
}

static int
keys_check(const struct reply *r, struct fault *f)
{
	const char *keys[] = { r->data, r->peaks, "event_id", "timestamp",
	    "beam_energy", "detector_distance", "encoder_value" };
	size_t i, j, n = sizeof keys / sizeof keys[0];

	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++)
			if (i != j && begins(keys[i], keys[j]))
				return fault_set(f, "the geometry's data = %s and"
				    " peak_list = %s: CrystFEL would take %s for"
				    " %s", r->data, r->peaks, keys[i], keys[j]);
	return 0;
}

int
reply_begin(struct reply *r, const struct plan *p, const struct stream *s,
    struct fault *f)
{
	const struct geometry *g = &p->file.geometry;

	reply_free(r);
	r->plan = p;
	r->stream = s;
	r->data = g->data[0] != '\0' ? g->data : REPLY_DATA;
	r->peaks = g->peak_list[0] != '\0' ? g->peak_list :
	    REPLY_PEAKS;
	if (keys_check(r, f) == -1)
		return -1;
	if ((uint64_t)p->slab.height * p->slab.width * 4 > image_max)
		return fault_set(f, "an image of %u x %u pixels is too large for"
		    " a message", p->slab.height, p->slab.width);
	return cxi_chunkmap_init(&r->map, &s->layout, &p->slab, p->slab.height,
	    p->slab.width, f);
}

void
reply_free(struct reply *r)
{
	cxi_chunkmap_free(&r->map);
	memset(r, 0, sizeof *r);
}

/* ---- packing; each returns 0, or something else without memory ---- */

static int
text_pack(msgpack_packer *to, const char *text)
{
	size_t n = strlen(text);

	return msgpack_pack_str(to, n) || msgpack_pack_str_body(to, text, n);
}

static int
real_pack(msgpack_packer *to, const char *key, double value)
{
	return text_pack(to, key) || msgpack_pack_double(to, value);
}

static int
id_pack(msgpack_packer *to, const struct plan *p, uint64_t seq)
{
	const char *e = p->cxi.experiment, *run = p->cxi.run;
	char id[sizeof p->experiment + sizeof p->run + 32];

	snprintf(id, sizeof id, "%s%s%s%s%llu", e != NULL ? e : "",
	    e != NULL && run != NULL ? "-r" : "",
	    e != NULL && run != NULL ? run : "", e != NULL ? "-" : "",
	    (unsigned long long)seq);
	return text_pack(to, "event_id") || text_pack(to, id);
}

static double
seconds(const struct event *e)
{
	if (!(e->known & QUANTITY_TIMESTAMP))
		return NAN;
	return (double)(e->timestamp >> 32) +
	    (double)(e->timestamp & UINT32_MAX) * 1e-9;
}

/* What the stream has, and how many that are. */
static int
quantities_pack(msgpack_packer *to, const struct reply *r, const struct event *e)
{
	unsigned q = r->stream->quantities;
	int bad = 0;

	if (q & QUANTITY_TIMESTAMP)
		bad |= real_pack(to, "timestamp", seconds(e));
	if (q & QUANTITY_ENERGY)
		bad |= real_pack(to, "beam_energy",
		    e->known & QUANTITY_ENERGY && e->photon_energy > 0 ?
		    e->photon_energy : NAN);
	if (q & QUANTITY_ENCODER)
		bad |= real_pack(to, "encoder_value",
		    e->known & QUANTITY_ENCODER ? e->encoder : NAN);
	if (!isnan(r->plan->cxi.distance))
		bad |= real_pack(to, "detector_distance", r->plan->cxi.distance);
	return bad;
}

static size_t
quantities_count(const struct reply *r)
{
	unsigned q = r->stream->quantities;

	return (q & QUANTITY_TIMESTAMP ? 1u : 0) + (q & QUANTITY_ENERGY ? 1u : 0) +
	    (q & QUANTITY_ENCODER ? 1u : 0) +
	    (isnan(r->plan->cxi.distance) ? 0 : 1u);
}

enum column { FS, SS, INTENSITY };

static double
peak_value(const struct reply *r, const struct peak *k, enum column c)
{
	const struct slab_panel *at = &r->plan->slab.panels[k->panel];

	switch (c) {
	case FS:
		return at->fs + k->fs;
	case SS:
		return at->ss + k->ss;
	case INTENSITY:
		break;
	}
	return (double)k->sum;
}

static int
peaks_pack(msgpack_packer *to, const struct reply *r, const struct peak *peaks,
    uint32_t n)
{
	static const char *const names[] = { "fs", "ss", "intensity" };
	int bad = text_pack(to, r->peaks) || msgpack_pack_map(to, 3);
	enum column c;
	uint32_t i;

	for (c = FS; c <= INTENSITY; c++) {
		bad |= text_pack(to, names[c]) || msgpack_pack_array(to, n);
		for (i = 0; i < n; i++)
			bad |= msgpack_pack_double(to,
			    peak_value(r, &peaks[i], c));
	}
	return bad;
}

static bool
is_integer(const struct reply *r)
{
	return r->stream->layout.image_type != IMAGE_F32;
}

static size_t
image_pixels(const struct reply *r)
{
	return (size_t)r->map.height * r->map.width;
}

/* All but the pixels, which come last. */
static int
image_pack(msgpack_packer *to, const struct reply *r)
{
	return text_pack(to, r->data) || msgpack_pack_map(to, 3) ||
	    text_pack(to, "type") || text_pack(to, is_integer(r) ? "<i4" : "<f4") ||
	    text_pack(to, "shape") || msgpack_pack_array(to, 2) ||
	    msgpack_pack_uint32(to, r->map.height) ||
	    msgpack_pack_uint32(to, r->map.width) ||
	    text_pack(to, "data") || msgpack_pack_bin(to, image_pixels(r) * 4);
}

/* ---- pixels ---- */

/*
 * 16-bit pixels become 32-bit ones, in place from the second half of the room: the
 * one written is never behind the one that is read next. Nothing is aligned.
 */
static void
pixels_widen(unsigned char *to, const unsigned char *from, size_t n,
    enum image_type type)
{
	uint16_t u;
	int32_t v;
	size_t i;

	for (i = 0; i < n; i++) {
		memcpy(&u, from + 2 * i, sizeof u);
		v = type == IMAGE_U16 ? u : (int16_t)u;
		memcpy(to + 4 * i, &v, sizeof v);
	}
}

static void
pixels_put(const struct reply *r, const void *image, unsigned char *to)
{
	const struct layout *l = &r->stream->layout;
	struct cxi_source source = {
		.plane = image, .panel_stride = (size_t)l->height * l->width,
		.row_stride = l->width, .size = image_type_size(l->image_type),
		.convert = CONVERT_NONE
	};
	size_t n = image_pixels(r);
	unsigned char *room = source.size == 2 ? to + 2 * n : to;
	const void *at = cxi_chunk_gather(&r->map, 0, &source, room);

	if (source.size == 2)
		pixels_widen(to, at, n, l->image_type);
	else if (at != room)
		memcpy(to, at, 4 * n);
}

void *
reply_make(const struct reply *r, const struct event *e, const struct peak *peaks,
    const void *image, size_t *size)
{
	size_t pixels = image == NULL ? 0 : 4 * image_pixels(r);
	unsigned char *reply = NULL;
	msgpack_sbuffer head;
	msgpack_packer to;
	int bad;

	msgpack_sbuffer_init(&head);
	msgpack_packer_init(&to, &head, msgpack_sbuffer_write);
	bad = msgpack_pack_map(&to, 2 + quantities_count(r) +
	    (image == NULL ? 0 : 1)) ||
	    id_pack(&to, r->plan, e->seq) || quantities_pack(&to, r, e) ||
	    peaks_pack(&to, r, peaks, e->peaks_kept);
	if (image != NULL)
		bad |= image_pack(&to, r);
	if (bad == 0 && (reply = malloc(head.size + pixels)) != NULL) {
		memcpy(reply, head.data, head.size);
		if (image != NULL)
			pixels_put(r, image, reply + head.size);
		*size = head.size + pixels;
	}
	msgpack_sbuffer_destroy(&head);
	return reply;
}
