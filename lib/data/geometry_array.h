/*
 * The arrays beside the image that a geometry names for each panel: eight masks and a
 * saturation map, each in the file of the image or in one of its own.
 */
#ifndef DATA_GEOMETRY_ARRAY_H
#define DATA_GEOMETRY_ARRAY_H

enum { GEOMETRY_MASKS = 8, GEOMETRY_SATURATION = GEOMETRY_MASKS };

/* What a panel has: a bit an array. */
struct geometry_arrays {
	unsigned	located, filed;	/* a dataset is named; a file of its own */
	unsigned	foreign;	/* the dataset is not the mask of CXI files */
	unsigned	good;		/* good pixels have bits; in CXI files none */
};

/* The array that a key is about, as in crystfel_geometry(5); -1: none. */
int	geometry_array(const char *key);

/* Takes a line in, if its key is about an array. */
void	geometry_arrays_set(struct geometry_arrays *, const char *key,
	    const char *value);

#endif
