#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/badpixels.h"
#include "format/findstream.h"

static int
number_add(struct stream *s, const char *key, uint32_t value, struct fault *f)
{
	char text[16];

	snprintf(text, sizeof text, "%u", value);
	return stream_add(s, key, text, f);
}

static enum findstream_answer
mask_take(struct findstream *s, const char *mask, struct fault *f)
{
	char digest[65];

	if (mask == NULL)
		return FINDSTREAM_BEGINS;
	if (badpixels_read(mask, &s->out.layout, &s->bad, f) == -1)
		return FINDSTREAM_NO_MASK;
	badpixels_digest(s->bad, &s->out.layout, digest);
	return stream_add(&s->out, "peakfind.b", digest, f) == -1 ?
	    FINDSTREAM_WRONG : FINDSTREAM_BEGINS;
}

static int
out_make(struct findstream *s, const struct findstream_options *o,
    struct fault *f)
{
	const struct stream *in = &s->in;
	struct stream *out = &s->out;

	*out = *in;
	if (!(in->planes & (PLANE_LOGITS | PLANE_SEGMAP)))
		return fault_set(f, "the stream carries neither logits nor a"
		    " segmentation map");
	if (o->capacity != 0 && o->capacity < in->layout.capacity)
		out->layout.capacity = o->capacity;
	out->planes = PLANE_PEAKS | (in->planes & PLANE_IMAGE);
	if (o->keep)
		out->planes |= PLANE_SEGMAP | (in->planes & PLANE_LOGITS);
	if (stream_add(out, "peakfind.version", VERSION, f) == -1 ||
	    number_add(out, "peakfind.a", o->min_pixels, f) == -1 ||
	    number_add(out, "peakfind.A", o->max_pixels, f) == -1 ||
	    number_add(out, "peakfind.c", out->layout.capacity, f) == -1 ||
	    stream_add(out, "peakfind.w", o->weighted ? "1" : "0", f) == -1)
		return -1;
	return 0;
}

enum findstream_answer
findstream_begin(struct findstream *s, const unsigned char *record,
    const struct findstream_options *o, struct fault *f)
{
	enum findstream_answer answer;

	if (s->open && memcmp(s->header, record, STREAM_SIZE) == 0)
		return FINDSTREAM_SAME;
	findstream_free(s);
	if (stream_unpack(record, &s->in, f) == -1 || out_make(s, o, f) == -1)
		return FINDSTREAM_WRONG;
	if ((answer = mask_take(s, o->mask, f)) != FINDSTREAM_BEGINS)
		return answer;
	memcpy(s->header, record, STREAM_SIZE);
	s->finder = (struct peakfinder_options){
		.min_pixels = o->min_pixels, .max_pixels = o->max_pixels,
		.capacity = s->out.layout.capacity, .weighted = o->weighted,
		.bad = s->bad
	};
	s->open = true;
	return FINDSTREAM_BEGINS;
}

void
findstream_free(struct findstream *s)
{
	free(s->bad);
	s->bad = NULL;
	s->open = false;
}
