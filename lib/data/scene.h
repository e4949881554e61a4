/* What a peak is measured on: one panel's pixels, and which of them are taken. */
#ifndef DATA_SCENE_H
#define DATA_SCENE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "data/bitplane.h"
#include "data/layout.h"

struct scene {
	const struct bitplane	*taken;	/* pixels of all components, real size */
	const struct bitplane	*bad;	/* bad pixels, real size; NULL: none */
	const unsigned char	*image;	/* the panel's first pixel; NULL: none */
	size_t			stride;	/* pixels from row to row */
	enum image_type		type;
};

static inline double
scene_pixel(const struct scene *s, uint32_t ss, uint32_t fs)
{
	size_t at = ss * s->stride + fs;
	float f;
	uint16_t u;
	int16_t i;
	int32_t l;

	switch (s->type) {
	case IMAGE_F32:
		memcpy(&f, s->image + at * sizeof f, sizeof f);
		return f;
	case IMAGE_U16:
		memcpy(&u, s->image + at * sizeof u, sizeof u);
		return u;
	case IMAGE_I16:
		memcpy(&i, s->image + at * sizeof i, sizeof i);
		return i;
	case IMAGE_I32:
		memcpy(&l, s->image + at * sizeof l, sizeof l);
		return l;
	case IMAGE_NONE:
		break;
	}
	return 0;
}

#endif
