/*
 * CrystFEL geometry: which rectangle of the slab (the 2-D image of all panels in
 * a CXI file) each ASIC takes up, and from that where each panel of the stream
 * goes. Syntax: crystfel_geometry(5); ranges min..max are inclusive.
 */
#ifndef DATA_GEOMETRY_H
#define DATA_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/bitplane.h"
#include "data/layout.h"

enum { GEOMETRY_NAME_SIZE = 64 };

/* What the file calls a panel: one rectangle of the slab. */
struct geometry_asic {
	char	name[GEOMETRY_NAME_SIZE];
	int	min_fs, max_fs, min_ss, max_ss;	/* inclusive, slab pixels */
	int	layer;		/* its index in a 3-D slab (dimN = 5); -1 in a 2-D one */
	double	fs_x, fs_y, ss_x, ss_y;	/* unit vectors, lab frame, pixels a pixel;
				NaN if not given */
	double	corner_x, corner_y;	/* lab frame, pixels; NaN if not given; moved by
				detector_shift_x and _y where these are numbers */
	double	res;		/* pixels a metre; NaN if not given */
	double	clen;		/* metres; NaN if not given as a number */
	double	coffset;	/* metres; 0 if not given */
	bool	no_index;
};

/* A region that the file calls bad (bad.../key). */
struct geometry_bad {
	char	name[GEOMETRY_NAME_SIZE];
	char	panel[GEOMETRY_NAME_SIZE];	/* empty: all */
	bool	is_fsss;	/* slab pixels, inclusive; else lab frame pixels */
	int	min_fs, max_fs, min_ss, max_ss;
	double	min_x, max_x, min_y, max_y;
};

struct geometry {
	struct geometry_asic	*asics;	/* in the order of first mention */
	size_t			n_asics;
	struct geometry_bad	*bads;
	size_t			n_bads;
	bool			has_peak_list;	/* peak_list = /entry_1/result_1 is
						   there; CrystFEL finds our peaks only so */
	char			peak_list[128];	/* what it names; empty if none */
	char			data[128];	/* dataset it names; empty if none */
	char			clen_path[128];	/* dataset with the camera length;
						   empty if clen is a number or missing */
	double			clen_unit;	/* metres for 1 in that dataset */
	bool			mask_good;	/* it gives bits that good pixels have;
						   in CXI files these have none */
};

/*
 * Parses len bytes of text (not necessarily NUL-terminated; hostile bytes are
 * refused, not believed). On success g owns memory for geometry_free. On -1 the
 * fault names line and cause, and g needs no freeing.
 */
int	geometry_parse(const char *text, size_t len, struct geometry *g,
	    struct fault *);
void	geometry_free(struct geometry *);

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
