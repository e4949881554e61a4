/*
 * Peaks: components, measured. Positions count from the centre of the first
 * pixel of the panel: the centroid of a symmetric blob on pixel (ss 10, fs 20)
 * is (10.0, 20.0), as in Cheetah's CXI files (CrystFEL adds 0.5 on reading).
 */
#ifndef DATA_PEAKLIST_H
#define DATA_PEAKLIST_H

#include <stdint.h>

struct peak {
	double		ss, fs;		/* centroid in the panel, pixels */
	uint32_t	panel;
	uint32_t	npixels;	/* of the component */
	float		sum;		/* of intensity above background; image units */
	float		max;		/* largest pixel above background */
	float		background;	/* mean around the peak; 0 if unknown */
	float		sd;		/* standard deviation there; 0 if unknown */
	float		snr;		/* sum / (sd * sqrt(npixels)); 0 without sd */
};

struct peaklist {
	struct peak	*peaks;		/* room for the capacity; owner: the maker */
	uint32_t	kept;		/* valid entries of peaks, raster order */
	uint32_t	found;		/* components within the size limits */
	uint32_t	nans;		/* pixels with a NaN among their logits */
};

#endif
