/*
 * Assembly: the pixels of a slab, put where they are in the laboratory, for
 * pictures.
 *
 * The view is that of CrystFEL's viewers, into the beam: +x to the right, +y up
 * (crystfel_geometry(5), COORDINATE SYSTEM). So the picture's columns run along +x
 * and its rows along -y, in pixels of the detector.
 */
#ifndef DATA_ASSEMBLY_H
#define DATA_ASSEMBLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/geometry.h"

enum { ASSEMBLY_MAX_PIXELS = 1 << 27 };

/* Where a picture has no pixel of the slab. */
#define ASSEMBLY_GAP UINT32_MAX

struct assembly {
	uint32_t	height, width;	/* of the picture */
	uint32_t	slab_height, slab_width;
	uint32_t	*from;		/* [height][width]: index in the slab */
	double		left, top;	/* laboratory x of the picture's left edge, y of
					   its top edge, pixels; NaN for a slab */
	const struct geometry *geometry;	/* borrowed; NULL for a slab */
};

/*
 * Maps a slab by a geometry. Each pixel of the picture gets the pixel of the slab
 * in which its centre lies, whatever way an ASIC is turned, so there are no holes
 * inside ASICs. Of ASICs that overlap the later one is seen. -1: an ASIC is not
 * inside the slab, has no corner or directions, is in a 3-D slab, or the picture
 * is larger than ASSEMBLY_MAX_PIXELS. The geometry must outlive the assembly.
 */
int	assembly_geometry(const struct geometry *, uint32_t slab_height,
	    uint32_t slab_width, struct assembly *, struct fault *);

/*
 * Do the ASICs reach the slab's last row and column? The geometry of a smaller
 * detector does not, but neither does one from which ASICs were taken out. 0, or -1
 * with how far they reach.
 */
int	assembly_reach(const struct geometry *, uint32_t slab_height,
	    uint32_t slab_width, struct fault *);

/* Does an ASIC lie beyond the slab's last row or column? */
bool	assembly_exceeds(const struct geometry *, uint32_t slab_height,
	    uint32_t slab_width);

/* Without a geometry: the slab itself, its first pixel at the top left. */
int	assembly_slab(uint32_t slab_height, uint32_t slab_width,
	    struct assembly *, struct fault *);

void	assembly_free(struct assembly *);

/*
 * Where a position of the slab (pixel indices, integers are centres) comes to lie,
 * in pixels from the picture's top left corner. NaN if no ASIC has it.
 */
void	assembly_locate(const struct assembly *, double fs, double ss,
	    double *column, double *row);

#endif
