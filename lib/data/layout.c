#include <stddef.h>

#include "data/layout.h"

int
layout_check(const struct layout *l, struct fault *f)
{
	uint64_t pixels, bytes;

	if (l->panels < 1 || l->panels > LAYOUT_MAX_PANELS)
		return fault_set(f, "%u panels, not 1 to %d", l->panels,
		    LAYOUT_MAX_PANELS);
	if (l->height < 1 || l->height > LAYOUT_MAX_SIDE || l->width < 1 ||
	    l->width > LAYOUT_MAX_SIDE)
		return fault_set(f, "panels of %u x %u pixels, not 1 to %d each way",
		    l->height, l->width, LAYOUT_MAX_SIDE);
	if (l->real_height < 1 || l->real_height > l->height ||
	    l->real_width < 1 || l->real_width > l->width)
		return fault_set(f, "real panel size %u x %u does not fit the padded"
		    " size %u x %u", l->real_height, l->real_width, l->height,
		    l->width);
	if (logits_type_name(l->logits_type) == NULL)
		return fault_set(f, "unknown logits type %u",
		    (unsigned)l->logits_type);
	if (image_type_name(l->image_type) == NULL)
		return fault_set(f, "unknown image type %u",
		    (unsigned)l->image_type);
	if (l->logits_type == LOGITS_NONE ? l->classes != 0 :
	    l->classes < 2 || l->classes > LAYOUT_MAX_CLASSES)
		return fault_set(f, "%u classes of logits (%s)", l->classes,
		    logits_type_name(l->logits_type));
	if (l->capacity < 1 || l->capacity > LAYOUT_MAX_CAPACITY)
		return fault_set(f, "capacity of %u peaks, not 1 to %d",
		    l->capacity, LAYOUT_MAX_CAPACITY);

	/* At most 2^12 * 2^32 pixels times 2^8 classes of 4 bytes: no overflow. */
	pixels = (uint64_t)l->panels * l->height * l->width;
	bytes = pixels * l->classes * logits_type_size(l->logits_type) + pixels +
	    pixels * image_type_size(l->image_type) +
	    (uint64_t)l->capacity * LAYOUT_PEAK_SIZE;
	if (bytes > LAYOUT_MAX_BYTES)
		return fault_set(f, "an event of %llu bytes; the limit is 4 GiB",
		    (unsigned long long)bytes);
	return 0;
}

int
layout_equal(const struct layout *a, const struct layout *b)
{
	return a->panels == b->panels && a->classes == b->classes &&
	    a->height == b->height && a->width == b->width &&
	    a->real_height == b->real_height &&
	    a->real_width == b->real_width &&
	    a->logits_type == b->logits_type &&
	    a->image_type == b->image_type && a->capacity == b->capacity;
}

unsigned
logits_type_size(enum logits_type t)
{
	switch (t) {
	case LOGITS_F32:
		return 4;
	case LOGITS_F16:
	case LOGITS_BF16:
		return 2;
	case LOGITS_NONE:
		break;
	}
	return 0;
}

unsigned
image_type_size(enum image_type t)
{
	switch (t) {
	case IMAGE_F32:
	case IMAGE_I32:
		return 4;
	case IMAGE_U16:
	case IMAGE_I16:
		return 2;
	case IMAGE_NONE:
		break;
	}
	return 0;
}

const char *
logits_type_name(enum logits_type t)
{
	switch (t) {
	case LOGITS_NONE:
		return "none";
	case LOGITS_F32:
		return "f32";
	case LOGITS_F16:
		return "f16";
	case LOGITS_BF16:
		return "bf16";
	}
	return NULL;
}

const char *
image_type_name(enum image_type t)
{
	switch (t) {
	case IMAGE_NONE:
		return "none";
	case IMAGE_F32:
		return "f32";
	case IMAGE_U16:
		return "u16";
	case IMAGE_I16:
		return "i16";
	case IMAGE_I32:
		return "i32";
	}
	return NULL;
}

uint64_t
layout_plane_bytes(const struct layout *l, unsigned plane)
{
	uint64_t pixels = (uint64_t)l->panels * l->height * l->width;

	switch (plane) {
	case PLANE_LOGITS:
		return pixels * l->classes * logits_type_size(l->logits_type);
	case PLANE_SEGMAP:
		return pixels;
	case PLANE_IMAGE:
		return pixels * image_type_size(l->image_type);
	case PLANE_PEAKS:
		return (uint64_t)l->capacity * LAYOUT_PEAK_SIZE;
	}
	return 0;
}

uint64_t
layout_plane_size(const struct layout *l, unsigned plane)
{
	return (layout_plane_bytes(l, plane) + LAYOUT_ALIGN - 1) &
	    ~(uint64_t)(LAYOUT_ALIGN - 1);
}

uint64_t
layout_plane_offset(const struct layout *l, unsigned rooms, unsigned plane)
{
	uint64_t at = LAYOUT_BLOCK_SIZE;
	unsigned p;

	for (p = 1; p < plane; p <<= 1)
		if (rooms & p)
			at += layout_plane_size(l, p);
	return at;
}

uint64_t
layout_size(const struct layout *l, unsigned rooms)
{
	return layout_plane_offset(l, rooms, PLANE_ALL + 1);
}
