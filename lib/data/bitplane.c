#include <stdlib.h>

#include "data/bitplane.h"

int
bitplane_init(struct bitplane *b, uint32_t height, uint32_t width)
{
	b->height = height;
	b->width = width;
	b->stride = ((size_t)width + 63) / 64 + 2;
	b->words = calloc(((size_t)height + 2) * b->stride, sizeof *b->words);
	return b->words == NULL ? -1 : 0;
}

void
bitplane_free(struct bitplane *b)
{
	free(b->words);
	b->words = NULL;
}
