/*
 * What the files of the dump reader share; nobody else includes this. All but
 * dump.c runs where HDF5 may do no harm: in the child of a guard (format/guard.h).
 *
 *	dump.c		the public side: asks the child, checks its answers
 *	dump_reader.c	open, close, read an event
 *	dump_survey.c	which batches there are, sections
 *	dump_batch.c	what one batch holds
 *	dump_note.c	what a person should know
 *	dump_column.c	timestamps and wavelengths, whatever their type
 *	dump_planes.c	how much of a compressed dataset is cached
 *	dump_hdf.c	datasets of a file that is not trusted
 */
#ifndef FORMAT_DUMP_IMPL_H
#define FORMAT_DUMP_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hdf5.h>

#include "format/dump.h"

enum {
	DUMP_NAME_SIZE = 32,	/* "batch_" and digits, with the NUL */
	DUMP_PATH_SIZE = 96,	/* that and the longest name in a batch */
	DUMP_MAX_RANK = 4,
	DUMP_MAX_NOTES = 64,
	DUMP_MAX_BATCHES = 1 << 24
};

/* An open dataset; all ids negative when there is none. */
struct dump_dataset {
	hid_t		id, space, type;
	H5T_class_t	class;
	int		rank;
	hsize_t		dims[DUMP_MAX_RANK];
	char		path[DUMP_PATH_SIZE];	/* "batch_3/logits" */
	hsize_t		chunk[DUMP_MAX_RANK];	/* all 0 if not chunked */
};

struct dump_batch {
	char		name[DUMP_NAME_SIZE];	/* as the file has it */
	uint64_t	number;
	struct layout	layout;		/* its own: IMAGE_NONE without an image */
	uint64_t	first, count;	/* events, numbered through the dump */
	unsigned	section;
	bool		shaped;		/* has original_shape */
	uint64_t	told;		/* events there */
};

struct dump_remark {
	char		text[320];
	int		damage;
};

struct dump_reader {
	hid_t		file;
	hid_t		access;		/* refuses external links */
	hid_t		f16;		/* IEEE half in the machine's byte order */
	bool		external;	/* the last path met an external link */
	struct dump_options options;

	struct dump_batch *batches;	/* usable ones after the survey */
	size_t		n_batches;
	struct dump_section *sections;
	unsigned	n_sections;
	uint64_t	events;
	unsigned	quantities;

	struct dump_remark *remarks;	/* room for DUMP_MAX_NOTES + 1 */
	unsigned	n_remarks;
	uint64_t	unsaid;		/* remarks beyond those */
	int		unsaid_damage;

	size_t		current;	/* batch whose datasets are open */
	struct dump_dataset logits, image, timestamp, wavelength;
};

/*
 * dump_reader.c: opens the dump behind a descriptor, which is borrowed until it is
 * closed, and surveys it. dump_open, dump_close and dump_read of format/dump.h.
 */
int	dump_reader_open(int fd, const struct dump_options *,
	    struct dump_reader **, struct fault *);
void	dump_reader_close(struct dump_reader *);
int	dump_reader_read(struct dump_reader *, uint64_t k, void *logits,
	    void *image, struct event *, struct fault *);

/* dump_note.c: one more note; beyond DUMP_MAX_NOTES they are only counted. */
void	dump_remark(struct dump_reader *, int damage, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
/* Says how many were only counted. */
void	dump_remarks_end(struct dump_reader *);

/*
 * Opens batch/name. 1 and a dataset to be closed, 0 if there is none (and none
 * is open), -1 if something of that name cannot be used; the fault names it.
 * Virtual datasets, external storage, external links and unknown filters are
 * refused: a dump opens no other file.
 */
int	dump_dataset_open(struct dump_reader *, const char *batch,
	    const char *name, struct dump_dataset *, struct fault *);
void	dump_dataset_close(struct dump_dataset *);
/* Marks as not open, so that dump_dataset_close may be called. */
void	dump_dataset_init(struct dump_dataset *);
/* 1 if the type is an integer or a float. */
int	dump_dataset_numeric(const struct dump_dataset *);
/* 1 if the type is an IEEE half, of either byte order. */
int	dump_dataset_half(const struct dump_reader *, const struct dump_dataset *);
/* Reads count rows of the first dimension from first on; 0 or -1. */
int	dump_dataset_read(const struct dump_dataset *, hsize_t first,
	    hsize_t count, hid_t type, void *, struct fault *);

/*
 * dump_planes.c: as dump_dataset_open, with a chunk cache that fits events of
 * that many planes read one after the other.
 */
int	dump_planes_open(struct dump_reader *, const char *batch,
	    const char *name, uint64_t planes, struct dump_dataset *,
	    struct fault *);

/* dump_column.c: rows, 1 for a scalar; 0 if it is no column of values. */
uint64_t	dump_column_rows(const struct dump_dataset *);
/* Has it a value for each plane of a batch whose events have several? */
bool	dump_column_planes(const struct dump_dataset *, const struct dump_batch *);
/* Row of an event of a batch, -1 if the column has none for it. */
int64_t	dump_column_time_row(const struct dump_dataset *,
	    const struct dump_batch *, uint64_t event);
int64_t	dump_column_number_row(const struct dump_dataset *,
	    const struct dump_batch *, uint64_t event);
/* sec << 32 | nsec; 0 if unknown, with a fault if it cannot be read. */
uint64_t	dump_column_time(const struct dump_dataset *, uint64_t row,
	    struct fault *);
/* NaN if unknown, likewise. */
double	dump_column_number(const struct dump_dataset *, uint64_t row,
	    struct fault *);

/*
 * dump_batch.c: fills a batch that has a name. 1 if it can be used, 0 if there
 * is nothing in it (remarked), -1 if it contradicts itself.
 */
int	dump_batch_survey(struct dump_reader *, struct dump_batch *,
	    struct fault *);

/* dump_survey.c: fills batches, sections, events, quantities, remarks. */
int	dump_survey(struct dump_reader *, struct fault *);

#endif
