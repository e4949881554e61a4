/*
 * Panels need not lie on the chunk grid: a panel is cut along the grid's lines
 * into patches, and each patch is filed under its chunk (a counting sort: count
 * per chunk, running sum, fill). Where a chunk is part of one panel, its rows lie
 * in the plane and need not be copied, which is what makes an uncompressed file
 * as fast as write(2).
 */
#include <stdlib.h>
#include <string.h>

#include "format/cxi_chunk.h"

enum { CHUNKS_MAX = 65536, CHUNK_PIXELS_MAX = 1 << 28 };

struct grid {
	uint32_t	height, width;	/* of a chunk */
	uint32_t	rows, columns;	/* of chunks */
};

static uint32_t
divide_up(uint32_t a, uint32_t b)
{
	/* Chunks have at least one row and one column. */
	/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
	return (a - 1) / b + 1;
}

/* Doubles, but not beyond the limit. */
static uint32_t
grown(uint32_t side, uint32_t limit)
{
	return side > limit / 2 ? limit : side * 2;
}

static struct grid
grid_choose(const struct slab *s, uint32_t height, uint32_t width)
{
	struct grid g = { .height = height, .width = width };

	while ((uint64_t)divide_up(s->height, g.height) *
	    divide_up(s->width, g.width) > CHUNKS_MAX) {
		g.height = grown(g.height, s->height);
		g.width = grown(g.width, s->width);
	}
	while ((uint64_t)g.height * g.width > CHUNK_PIXELS_MAX)
		g.height = divide_up(g.height, 2);
	g.rows = divide_up(s->height, g.height);
	g.columns = divide_up(s->width, g.width);
	return g;
}

/* The part of a panel in a chunk of the grid that it reaches into. */
static struct cxi_patch
patch_cut(const struct grid *g, const struct slab *s, uint32_t panel,
    uint32_t row, uint32_t column)
{
	const struct slab_panel *at = &s->panels[panel];
	uint32_t ss0 = row * g->height, fs0 = column * g->width;
	uint32_t ss = at->ss > ss0 ? at->ss : ss0;
	uint32_t fs = at->fs > fs0 ? at->fs : fs0;
	uint32_t ss_end = at->ss + s->panel_height;
	uint32_t fs_end = at->fs + s->panel_width;

	if (ss_end - ss0 > g->height)
		ss_end = ss0 + g->height;
	if (fs_end - fs0 > g->width)
		fs_end = fs0 + g->width;
	return (struct cxi_patch){ panel, ss - at->ss, fs - at->fs, ss - ss0,
	    fs - fs0, ss_end - ss, fs_end - fs };
}

typedef void patch_visitor(struct cxi_chunkmap *, uint32_t chunk,
    const struct cxi_patch *);

/* Every patch of every panel, panels in order. */
static void
patches_visit(struct cxi_chunkmap *m, const struct grid *g,
    const struct slab *s, patch_visitor *visit)
{
	const struct slab_panel *at;
	struct cxi_patch patch;
	uint32_t p, r, c;

	for (p = 0; p < s->n_panels; p++) {
		at = &s->panels[p];
		for (r = at->ss / g->height;
		    r <= (at->ss + s->panel_height - 1) / g->height; r++)
			for (c = at->fs / g->width;
			    c <= (at->fs + s->panel_width - 1) / g->width;
			    c++) {
				patch = patch_cut(g, s, p, r, c);
				visit(m, r * g->columns + c, &patch);
			}
	}
}

static void
patch_count(struct cxi_chunkmap *m, uint32_t chunk,
    const struct cxi_patch *patch)
{
	(void)patch;
	m->chunks[chunk].count++;
}

static void
patch_file(struct cxi_chunkmap *m, uint32_t chunk,
    const struct cxi_patch *patch)
{
	struct cxi_chunk *c = &m->chunks[chunk];

	m->patches[c->first + c->count++] = *patch;
}

/* Places and sums; returns the number of patches. */
static uint32_t
chunks_lay(struct cxi_chunkmap *m, const struct grid *g)
{
	uint32_t k, sum = 0;

	for (k = 0; k < m->n_chunks; k++) {
		m->chunks[k].ss = k / g->columns * g->height;
		m->chunks[k].fs = k % g->columns * g->width;
		m->chunks[k].first = sum;
		sum += m->chunks[k].count;
		m->chunks[k].count = 0;
	}
	return sum;
}

static int
slab_fits(const struct layout *l, const struct slab *s, struct fault *f)
{
	uint32_t p;

	if (s->height < 1 || s->width < 1 ||
	    (uint64_t)s->height * s->width > UINT32_MAX)
		return fault_set(f, "a slab of %u x %u pixels", s->height,
		    s->width);
	if (s->n_panels != l->panels || s->panel_height != l->real_height ||
	    s->panel_width != l->real_width)
		return fault_set(f, "the slab has %u panels of %u x %u pixels,"
		    " the stream %u of %u x %u", s->n_panels, s->panel_height,
		    s->panel_width, l->panels, l->real_height, l->real_width);
	for (p = 0; p < s->n_panels; p++)
		if (s->panel_height > s->height ||
		    s->panels[p].ss > s->height - s->panel_height ||
		    s->panel_width > s->width ||
		    s->panels[p].fs > s->width - s->panel_width)
			return fault_set(f, "panel %u at (%u, %u) reaches over"
			    " the edge of the slab of %u x %u pixels", p,
			    s->panels[p].ss, s->panels[p].fs, s->height,
			    s->width);
	return 0;
}

int
cxi_chunkmap_init(struct cxi_chunkmap *m, const struct layout *l,
    const struct slab *s, uint32_t height, uint32_t width, struct fault *f)
{
	struct grid g;

	if (slab_fits(l, s, f) == -1)
		return -1;
	if (height < 1 || width < 1)
		return fault_set(f, "chunks of %u x %u pixels", height, width);
	g = grid_choose(s, height, width);
	*m = (struct cxi_chunkmap){ .height = g.height, .width = g.width,
	    .n_chunks = g.rows * g.columns };
	m->chunks = calloc(m->n_chunks, sizeof *m->chunks);
	if (m->chunks == NULL)
		return fault_lack(f, "out of memory");
	patches_visit(m, &g, s, patch_count);
	m->patches = calloc(chunks_lay(m, &g), sizeof *m->patches);
	if (m->patches == NULL) {
		cxi_chunkmap_free(m);
		return fault_lack(f, "out of memory");
	}
	patches_visit(m, &g, s, patch_file);
	return 0;
}

void
cxi_chunkmap_free(struct cxi_chunkmap *m)
{
	free(m->chunks);
	free(m->patches);
	*m = (struct cxi_chunkmap){ 0 };
}

size_t
cxi_source_size(const struct cxi_source *s)
{
	return s->convert == CONVERT_NONE ? s->size : sizeof(float);
}

/*
 * Exact. A normal half needs its exponent moved to f32's bias, a subnormal one
 * is its digits times 2^-24, which is normal in f32: nothing here depends on how
 * the processor was told to treat subnormals.
 */
static float
from_f16(uint16_t h)
{
	uint32_t digits = h & 0x7fff;
	float tiny = (float)digits * 0x1p-24f;
	uint32_t u = (digits << 13) + (digits < 0x7c00 ? 112u << 23 :
	    224u << 23);
	float v;

	if (digits < 0x400)
		memcpy(&u, &tiny, sizeof u);
	u |= (uint32_t)(h & 0x8000) << 16;
	memcpy(&v, &u, sizeof v);
	return v;
}

static float
from_bf16(uint16_t h)
{
	uint32_t u = (uint32_t)h << 16;
	float v;

	memcpy(&v, &u, sizeof v);
	return v;
}

static void
row_move(void *to, const void *from, size_t n, const struct cxi_source *s)
{
	const uint16_t *half = from;
	float *out = to;
	size_t i;

	switch (s->convert) {
	case CONVERT_NONE:
		memcpy(to, from, n * s->size);
		break;
	case CONVERT_F16:
		for (i = 0; i < n; i++)
			out[i] = from_f16(half[i]);
		break;
	case CONVERT_BF16:
		for (i = 0; i < n; i++)
			out[i] = from_bf16(half[i]);
		break;
	}
}

static const void *
source_at(const struct cxi_source *s, uint32_t panel, uint32_t ss, uint32_t fs)
{
	return (const char *)s->plane + (panel * s->panel_stride +
	    ss * s->row_stride + fs) * s->size;
}

static bool
chunk_whole(const struct cxi_chunkmap *m, const struct cxi_chunk *c)
{
	const struct cxi_patch *p = &m->patches[c->first];

	return c->count == 1 && p->height == m->height && p->width == m->width;
}

static void
chunk_fill(const struct cxi_chunkmap *m, const struct cxi_chunk *c,
    const struct cxi_source *s, char *room)
{
	const struct cxi_patch *p = &m->patches[c->first];
	const struct cxi_patch *end = p + c->count;
	size_t size = cxi_source_size(s);
	uint32_t i;

	if (!chunk_whole(m, c))
		memset(room, 0, (size_t)m->height * m->width * size);
	for (; p < end; p++)
		for (i = 0; i < p->height; i++)
			row_move(room + ((size_t)(p->dst_ss + i) * m->width +
			    p->dst_fs) * size,
			    source_at(s, p->panel, p->src_ss + i, p->src_fs),
			    p->width, s);
}

struct cxi_rows
cxi_chunk_rows(const struct cxi_chunkmap *m, uint32_t k,
    const struct cxi_source *s, void *room)
{
	const struct cxi_chunk *c = &m->chunks[k];
	const struct cxi_patch *p = &m->patches[c->first];
	size_t size = cxi_source_size(s), row = m->width * size;
	const void *at;

	if (!chunk_whole(m, c) || s->convert != CONVERT_NONE) {
		chunk_fill(m, c, s, room);
		return (struct cxi_rows){ room, row * m->height, 0, 1 };
	}
	at = source_at(s, p->panel, p->src_ss, p->src_fs);
	if (m->width == s->row_stride)
		return (struct cxi_rows){ at, row * m->height, 0, 1 };
	return (struct cxi_rows){ at, row, s->row_stride * size, m->height };
}

const void *
cxi_chunk_gather(const struct cxi_chunkmap *m, uint32_t k,
    const struct cxi_source *s, void *room)
{
	struct cxi_rows rows = cxi_chunk_rows(m, k, s, room);

	if (rows.n == 1)
		return rows.at;
	chunk_fill(m, &m->chunks[k], s, room);
	return room;
}
