/*
 * A CXI file as the child of a guard has it open: what these share.
 *
 *	cxireader_survey.c	opens what it knows the names of, looks at shapes
 *	cxireader_values.c	reads events, peaks, images and masks
 *	cxireader_file.c	takes files in turn and answers requests
 */
#ifndef FORMAT_CXIREADER_FILE_H
#define FORMAT_CXIREADER_FILE_H

#include <hdf5.h>

#include "format/cxireader_impl.h"
#include "format/cxisets_file.h"

enum {
	CXIREADER_RANK = 3,		/* the most that makes sense */
	CXIREADER_TRANSFER = 1 << 16	/* HDF5 would clear 1 MiB for each read */
};

/* Datasets by number: first those with a number an event, then peaks, then planes. */
enum {
	SET_N_PEAKS, SET_N_FOUND, SET_ENERGY, SET_ENERGY_JOULE, SET_WAVELENGTH,
	SET_DISTANCE, SET_PIXEL_X, SET_PIXEL_Y, SET_ENCODER, SET_CLEN, SET_TIMESTAMP,
	SET_TIMESTAMP_VALID, SET_SECONDS, SET_NANOSECONDS, SET_NUMBER, SET_COLUMNS,
	SET_PEAK_FS = SET_COLUMNS, SET_PEAK_SS, SET_PEAK_TOTAL, SET_PEAK_MAX,
	SET_PEAK_SNR, SET_PEAK_NPIXELS, SET_PEAK_PANEL, SET_PEAK_END,
	SET_IMAGE = SET_PEAK_END, SET_MASK, SET_COUNT
};

struct cxireader_set {
	hid_t		id;		/* negative: not there */
	const char	*path;
	bool		real;		/* not whole numbers */
	int		rank;
	hsize_t		dims[CXIREADER_RANK];
	hsize_t		chunk[CXIREADER_RANK];	/* all 0 if not chunked */
};

struct cxireader_file {
	int		fd;		/* that it is about; -1: none yet */
	hid_t		file, access, transfer;
	bool		linked;		/* an external link was met */
	const char	*clen_path;
	struct cxireader_info info;
	struct cxireader_set sets[SET_COUNT];
	float		*scratch;	/* rows of one peak dataset */
	struct cxisets	*all;		/* NULL: not asked for */
};

/*
 * Opens the file of fd, which is entered and has nothing open, and fills info and
 * sets. -1: it is no CXI file that can be read; what was opened stays open.
 */
int	cxireader_survey(struct cxireader_file *, struct fault *);

/*
 * What a request for a block, an image or a mask wants, into memory as
 * cxireader_impl.h says. k is below the number of blocks or events. 0 or -1.
 */
int	cxireader_block_read(struct cxireader_file *, uint64_t k, void *memory,
	    struct fault *);
int	cxireader_image_read(struct cxireader_file *, uint64_t k, void *memory,
	    struct fault *);
int	cxireader_mask_read(struct cxireader_file *, uint64_t k, void *memory,
	    struct fault *);

#endif
