#include <stdio.h>
#include <stdlib.h>

#include "format/badpixels.h"
#include "format/findheader.h"

static int
number_add(struct stream *s, const char *key, uint32_t value, struct fault *f)
{
	char text[16];

	snprintf(text, sizeof text, "%u", value);
	return stream_add(s, key, text, f);
}

static int
mask_take(struct stream *s, const char *mask, uint8_t **bad, struct fault *f)
{
	char digest[65];

	if (mask == NULL)
		return 0;
	if (badpixels_read(mask, &s->layout, bad, f) == -1)
		return -1;
	badpixels_digest(*bad, &s->layout, digest);
	if (stream_add(s, "peakfind.b", digest, f) == 0)
		return 0;
	free(*bad);
	*bad = NULL;
	return -1;
}

int
findheader_make(const struct stream *in, const struct findheader_options *o,
    struct stream *out, uint8_t **bad, struct fault *f)
{
	*out = *in;
	*bad = NULL;
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
	return mask_take(out, o->mask, bad, f);
}
