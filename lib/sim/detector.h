/*
 * The detectors that can be simulated: their panels, the ASICs of each, and
 * where every ASIC lies in space. The frame is CrystFEL's, in units of pixels:
 * the beam at (0, 0), y up, the detector flat and perpendicular to the beam.
 *
 * Positions in an ASIC and in a panel count from the centre of the first pixel,
 * as everywhere; corners are the outer corners of pixels, as in CrystFEL.
 */
#ifndef SIM_DETECTOR_H
#define SIM_DETECTOR_H

#include <stdint.h>

#include "base/fault.h"
#include "data/layout.h"

struct detector_asic {
	uint32_t	panel;		/* stream panel it belongs to */
	uint32_t	number;		/* its number in the panel */
	uint32_t	ss, fs;		/* its first pixel in the panel */
	double		fs_x, fs_y;	/* unit vector of fs; that of ss is the same
					   turned left: (-fs_y, fs_x) */
	double		corner_x, corner_y;	/* outer corner of its first pixel */
};

struct detector {
	const char	*name;
	uint32_t	panels;
	uint32_t	height, width;		/* of a panel as sent, padded */
	uint32_t	real_height, real_width;
	uint32_t	asic_height, asic_width;
	double		pixel_size;		/* metres */
	double		distance;		/* metres: the default, ~2 A at the edge */
	uint32_t	n_asics;
	struct detector_asic *asics;		/* panel by panel, in raster order */
};

/*
 * Looks the name up and places the ASICs. -1 with the names there are, or when
 * memory is short. On 0, detector_free releases what d owns.
 */
int	detector_make(const char *name, struct detector *d, struct fault *);
void	detector_free(struct detector *);

/*
 * The ASIC on which lab position (x, y) falls, and the position in the panel;
 * NULL where there is none (gaps, outside).
 */
const struct detector_asic	*detector_locate(const struct detector *,
				    double x, double y, double *ss, double *fs);

/* The lab position of a position in the panel that lies on this ASIC. */
void	detector_position(const struct detector_asic *, double ss, double fs,
	    double *x, double *y);

/* Distance of the pixel furthest from the beam, pixels. */
double	detector_extent(const struct detector *);

/*
 * The matching CrystFEL geometry (crystfel_geometry(5)) for the CXI files that
 * cxiwrite makes: panel k at slab row k * real_height. distance in metres,
 * adu_per_photon as the image has it. NULL when memory is short; free it.
 */
char	*detector_geometry(const struct detector *, double distance,
	    double adu_per_photon);

#endif
