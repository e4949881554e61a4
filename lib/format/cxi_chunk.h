/*
 * Which pixels of which panels make up each storage chunk of the slab, worked
 * out once for all events. Gathering a chunk crops the padding, places panels
 * wherever the geometry has them, and leaves zeros in the gaps.
 */
#ifndef FORMAT_CXI_CHUNK_H
#define FORMAT_CXI_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/slab.h"
#include "data/layout.h"

/* A rectangle of one panel and its place in the chunk; pixels. */
struct cxi_patch {
	uint32_t	panel;
	uint32_t	src_ss, src_fs;	/* in the panel */
	uint32_t	dst_ss, dst_fs;	/* in the chunk */
	uint32_t	height, width;
};

struct cxi_chunk {
	uint32_t	ss, fs;		/* slab pixel of its first pixel */
	uint32_t	first, count;	/* its patches; 0 of them: nothing but gap */
};

struct cxi_chunkmap {
	uint32_t	height, width;	/* of a chunk, pixels */
	struct cxi_chunk *chunks;	/* raster order, covering the slab */
	uint32_t	n_chunks;
	struct cxi_patch *patches;	/* chunk by chunk, panels in order */
};

/* n rows of row bytes, each stride bytes behind the one before. */
struct cxi_rows {
	const void	*at;
	size_t		row, stride;
	uint32_t	n;
};

enum cxi_convert { CONVERT_NONE, CONVERT_F16, CONVERT_BF16 };

/* One picture of an event: image, segmentation map, logits of one class. */
struct cxi_source {
	const void	*plane;
	size_t		panel_stride;	/* elements from panel to panel */
	size_t		row_stride;	/* elements from row to row */
	size_t		size;		/* bytes of one element in the plane */
	enum cxi_convert convert;	/* CONVERT_NONE, or from there to f32 */
};

/*
 * Chunks of height x width pixels, made larger where more than 65536 would be
 * needed and smaller where one would exceed 2^28 pixels. Refuses panels that
 * reach over the edge of the slab. On 0 cxi_chunkmap_free releases m.
 */
int	cxi_chunkmap_init(struct cxi_chunkmap *m, const struct layout *,
	    const struct slab *, uint32_t height, uint32_t width,
	    struct fault *);
void	cxi_chunkmap_free(struct cxi_chunkmap *);

/* Bytes of one element once gathered: converted ones are f32. */
size_t	cxi_source_size(const struct cxi_source *);

/*
 * The pixels of chunk k, height x width elements, where they lie in the plane; if
 * they do not lie there in order and ready, in room (of chunk size), as one row.
 */
struct cxi_rows	cxi_chunk_rows(const struct cxi_chunkmap *, uint32_t k,
		    const struct cxi_source *, void *room);

/* The same as one piece: in the plane, or else in room. */
const void	*cxi_chunk_gather(const struct cxi_chunkmap *, uint32_t k,
		    const struct cxi_source *, void *room);

#endif
