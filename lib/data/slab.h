/*
 * The slab, the 2-D image of all panels in a CXI file: where each panel of the stream
 * goes in it, and which of its pixels are masked.
 */
#ifndef DATA_SLAB_H
#define DATA_SLAB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/bitplane.h"
#include "data/geometry.h"
#include "data/layout.h"

/* Where one panel of the stream lies in the slab. */
struct slab_panel {
	uint32_t	ss, fs;		/* slab pixel of its first pixel */
};

struct slab {
	uint32_t	height, width;	/* ss, fs, pixels */
	uint32_t	panel_height, panel_width;	/* real size of a panel */
	uint32_t	asic_height, asic_width;	/* of the common ASIC grid that
				tiles every panel; the panel's own size if none */
	struct slab_panel *panels;	/* layout's panels of them */
	uint32_t	n_panels;
	bool		renumbered;	/* geometry names a 3-D slab: panels are
				stacked in a 2-D one that the file does not match */
	struct bitplane	mask;		/* height x width, 1 where no ASIC lies and
				where pixels are bad; words NULL if all are good */
};

/*
 * Places the panels of a layout by a geometry. Panels (detector modules) are the
 * real_height x real_width rectangles that the ASICs tile; they come in the
 * order in which the file first mentions one of their ASICs. A layout of one
 * panel is the whole slab, ASICs in it may leave gaps. Returns -1 with the
 * numbers that disagree when it does not fit. On 0, slab_free releases s.
 */
int	slab_from_geometry(const struct geometry *, const struct layout *,
	    struct slab *s, struct fault *);

/* Without a geometry: panels stacked along ss, in order, nothing masked. */
int	slab_stacked(const struct layout *, struct slab *s, struct fault *);

/*
 * Masks more pixels: those that are not 0 in bad, [panels][real_height]
 * [real_width] of the slab's layout. -1 for lack of memory.
 */
int	slab_mask(struct slab *, const struct layout *, const uint8_t *bad,
	    struct fault *);
void	slab_free(struct slab *);

#endif
