/*
 * The values of a CrystFEL geometry file: numbers, lengths, directions, truths and
 * texts, as crystfel_geometry(5) has them. Each reader gives 0; or -1, the fault
 * naming line, key, value and cause, and *out as it was, or NaN.
 */
#ifndef DATA_GEOMETRY_VALUE_H
#define DATA_GEOMETRY_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"

/* "panel/key = value" in a line of the file; all borrowed. */
struct geometry_entry {
	size_t		line;	/* from 1 */
	const char	*panel, *key, *value;	/* without blanks around them; panel
					   NULL: at the top level */
	struct fault	*fault;
};

/*
 * Takes a line without its comment and end apart, in place: sets panel, key and
 * value, which point into it. False, and the line is as it was: it has no '='.
 */
bool	entry_cut(char *line, struct geometry_entry *);

/* Says why the value cannot be; always -1. */
int	entry_fault(const struct geometry_entry *, const char *why);

/* Finite; nothing may follow it. */
int	entry_number(const struct geometry_entry *, double *out);

/* The same, and a whole number from min to max; "513" and "513.0" are both. */
int	entry_integer(const struct geometry_entry *, int min, int max, int *out);

/* "+0.1x -0.9y +0.01z", blanks anywhere, z without consequence; "x", "-y". */
int	entry_direction(const struct geometry_entry *, double *x, double *y);

/*
 * A number of metres, or of the unit behind it (m, mm), in metres. What does not
 * begin as a number is a place in data files: NaN.
 */
int	entry_length(const struct geometry_entry *, double *out);

/* "true", "false", or a number that is not 0 or is. */
int	entry_truth(const struct geometry_entry *, bool *out);

/* Do two names of a file's groups or datasets differ in slashes at their ends only? */
bool	path_same(const char *, const char *);

/* Copies the value to out, which has room for size bytes. */
int	entry_text(const struct geometry_entry *, char *out, size_t size);

#endif
