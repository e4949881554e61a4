/*
 * The CXI files of a run, by what people name: a file, a list, or the directory
 * that cxiwrite wrote to.
 */
#ifndef FORMAT_RUNFILES_H
#define FORMAT_RUNFILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"

struct runfiles {
	char	**paths;	/* in the order of the run */
	size_t	n;
	bool	whole;		/* refuse lists that a cxiwrite still adds to */
};

/*
 * Adds the files that an argument stands for, to r, which is zeroed at first but
 * for whole.
 *
 *	NAME.lst	the files it lists, one a line, as CrystFEL takes them:
 *			relative ones from the current directory
 *	directory	all its *.lst in order of names; without one, all its *.cxi,
 *			but no merged ones whose sources are there, runmerged.h
 *	anything else	is a file itself
 *
 * A list may be empty: a run without hits. -1: a list or directory cannot be read,
 * or a directory has neither, or its events would count twice. On 0 and -1 r is to
 * be freed.
 */
int	runfiles_add(struct runfiles *r, const char *argument, struct fault *);

/* 0, or -1 if a file is there twice, whatever its names: its events would be, too. */
int	runfiles_distinct(const struct runfiles *, struct fault *);

void	runfiles_free(struct runfiles *);

#endif
