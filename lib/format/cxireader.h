/*
 * Reads CXI files: cxiwrite's, and those of Cheetah and others that have the same
 * datasets, cxiwrite(1). What a file does not have is said to be absent: a flag, a
 * NaN, an empty text. Nothing is made up.
 *
 * A merged file, cximerge(1), is read as one file: what is asked of it is asked of
 * its sources, which are opened as they are needed, 16 at a time.
 *
 * HDF5 works in the child of a guard, format/guard.h: it reads into memory that
 * both share, an event at a time, and what it answers is looked at before it is
 * believed. So memory is bounded by one image and 64 events' peaks. SIGPIPE must be
 * ignored. Every fault names file, dataset and cause.
 */
#ifndef FORMAT_CXIREADER_H
#define FORMAT_CXIREADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

/* Larger images are refused. */
enum { CXIREADER_MAX_PIXELS = 1 << 28 };

struct cxireader_info {
	uint64_t	events;
	uint32_t	height, width;	/* image: ss, fs, pixels; 0 without images */
	uint32_t	capacity;	/* peaks an event has room for; 0 without peaks */
	uint32_t	mask;		/* 1 one for all events, 2 one for each, 0 none */
	uint32_t	parts;		/* 1: made of several files, by cximerge(1) */
	uint32_t	merged;		/* 1: and its events are still in those */
	char		type[8];	/* of pixels, in the file: "f32", "i16"; "" */
	char		program[64];	/* texts of process_1; "" if absent */
	char		options[4096];
	char		stream[4160];
	char		detector[256];
};

/* What a file says of one event. NaN where it does not. */
struct cxireader_event {
	uint32_t	n_peaks;	/* peaks in the file */
	uint32_t	n_found;	/* peaks found, n_peaks if the file tells not */
	uint32_t	has_peaks;	/* 0: there is no word about its peaks */
	uint32_t	has_timestamp, has_number;
	uint64_t	timestamp;	/* seconds << 32 | nanoseconds; 0 if unknown */
	uint64_t	number;		/* in the original stream; 0 if unknown */
	double		energy;		/* eV */
	double		wavelength;	/* angstrom */
	double		distance;	/* metres, sample to detector */
	double		pixel_x, pixel_y;	/* size of a pixel, metres */
	double		encoder;	/* mm */
	double		clen;		/* number at the clen_path of cxireader_open */
};

/* NaN, or panel -1, where the file has no such dataset. */
struct cxireader_peak {
	float		fs, ss;		/* pixel indices; integers are centres */
	float		total, max;	/* above background, units of the image */
	float		snr, npixels;
	int32_t		panel;
};

struct cxireader;

/*
 * Opens a file. clen_path names a dataset with a number an event, as in struct
 * geometry; NULL or "": none. It is borrowed until cxireader_close. 0 or -1.
 */
int	cxireader_open(const char *path, const char *clen_path,
	    struct cxireader **, struct fault *);
void	cxireader_close(struct cxireader *);

/* Borrowed until cxireader_close. */
const struct cxireader_info	*cxireader_info(const struct cxireader *);

/*
 * Event k, from 0, and its n_peaks peaks, which are borrowed until the next call.
 * Cheap in ascending order: 64 events are read at once. peaks may be NULL.
 */
int	cxireader_event(struct cxireader *, uint64_t k,
	    struct cxireader_event *, const struct cxireader_peak **peaks,
	    struct fault *);

/* The image of event k: height * width floats, ss by ss, into the caller's memory. */
int	cxireader_image(struct cxireader *, uint64_t k, float *pixels,
	    struct fault *);

/*
 * The mask of event k, a byte a pixel as above: 0 good, 1 bad. All is good without a
 * mask. Most files have one for all events.
 */
int	cxireader_mask(struct cxireader *, uint64_t k, uint8_t *bad,
	    struct fault *);

#endif
