/*
 * libFuzzer target: any bytes as a geometry file, then placed for layouts that
 * might fit. Build with clang -fsanitize=fuzzer,address,undefined.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/slab.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Only slabs small enough to be painted a thousand times a second. */
static int
geometry_small(const struct geometry *g)
{
	size_t i;

	for (i = 0; i < g->n_asics; i++)
		if (g->asics[i].max_fs > 99 || g->asics[i].max_ss > 99)
			return 0;
	return 1;
}

/* Every panel inside the slab, as its readers will believe. */
static void
slab_examine(const struct slab *s)
{
	size_t i;

	for (i = 0; i < s->n_panels; i++)
		if (s->panels[i].ss + s->panel_height > s->height ||
		    s->panels[i].fs + s->panel_width > s->width)
			abort();
	if (s->panel_height % s->asic_height != 0 ||
	    s->panel_width % s->asic_width != 0)
		abort();
}

static void
slab_try(const struct geometry *g, uint32_t panels, uint32_t height,
    uint32_t width)
{
	struct layout l = { .panels = panels, .classes = 2, .height = height,
	    .width = width, .real_height = height, .real_width = width,
	    .logits_type = LOGITS_F32, .capacity = 1 };
	struct slab s;
	struct fault f;

	if (slab_from_geometry(g, &l, &s, &f) == -1) {
		if (memchr(f.text, '\0', sizeof f.text) == NULL)
			abort();
		return;
	}
	slab_examine(&s);
	slab_free(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct geometry_asic *a;
	struct geometry g;
	struct fault f;
	uint32_t height, width, n;

	if (geometry_parse((const char *)data, size, &g, &f) == -1)
		return 0;
	if (geometry_small(&g)) {
		a = &g.asics[0];
		height = (uint32_t)(a->max_ss - a->min_ss + 1);
		width = (uint32_t)(a->max_fs - a->min_fs + 1);
		n = (uint32_t)g.n_asics;
		slab_try(&g, 1, 100, 100);
		if (n <= LAYOUT_MAX_PANELS)
			slab_try(&g, n, height, width);
		if (n % 2 == 0 && n / 2 <= LAYOUT_MAX_PANELS)
			slab_try(&g, n / 2, height, width * 2);
	}
	geometry_free(&g);
	return 0;
}
