/*
 * CrystFEL geometry: which rectangle of the slab (the 2-D image of all panels in
 * a CXI file) each ASIC takes up, and where it is in the lab. Syntax:
 * crystfel_geometry(5); ranges min..max are inclusive.
 */
#ifndef DATA_GEOMETRY_H
#define DATA_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/geometry_array.h"

enum { GEOMETRY_NAME_SIZE = 64 };

/* What the file calls a panel: one rectangle of the slab. */
struct geometry_asic {
	char	name[GEOMETRY_NAME_SIZE];
	int	min_fs, max_fs, min_ss, max_ss;	/* inclusive, slab pixels */
	int	layer;		/* its index in a 3-D slab (dimN = 5); -1 in a 2-D one */
	double	fs_x, fs_y, ss_x, ss_y;	/* unit vectors, lab frame, pixels a pixel;
				NaN if not given */
	double	corner_x, corner_y;	/* lab frame, pixels; NaN if not given; moved by
				the detector's shift where that is a number */
	double	res;		/* pixels a metre; NaN if not given */
	double	clen;		/* metres; NaN if not given as a number */
	double	coffset;	/* metres; 0 if not given */
	char	data[128];	/* dataset of its images; empty if none is named:
				CrystFEL takes /data/data then */
	struct geometry_arrays arrays;	/* masks and the saturation map */
	bool	no_index;
};

/* A region that the file calls bad (bad.../key). */
struct geometry_bad {
	char	name[GEOMETRY_NAME_SIZE];
	char	panel[GEOMETRY_NAME_SIZE];	/* for fs, ss; empty: all */
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
	char			data[128];	/* that of the first ASIC */
	char			clen_path[128];	/* dataset with the camera length;
						   empty if clen is a number or missing */
	double			clen_unit;	/* metres for 1 in that dataset */
	bool			shift_unknown;	/* the shift is no number */
	bool			mask_good;	/* a mask of an ASIC has bits of good
						   pixels; in CXI files these have none */
};

/*
 * Parses len bytes of text (not necessarily NUL-terminated; hostile bytes are
 * refused, not believed). On success g owns memory for geometry_free. On -1 the
 * fault names line and cause, and g needs no freeing.
 */
int	geometry_parse(const char *text, size_t len, struct geometry *g,
	    struct fault *);
void	geometry_free(struct geometry *);

/*
 * Where a position of the slab, that the ASIC has, is in the lab frame, pixels.
 * Positions are pixel indices, an integer is the centre of a pixel. NaN without a
 * corner or directions.
 */
void	geometry_locate(const struct geometry_asic *, double fs, double ss,
	    double *x, double *y);

#endif
