/*
 * A filter that is named in files but never run, for chunks that come packed.
 */
#ifndef FORMAT_HDF_PLACEHOLDER_H
#define FORMAT_HDF_PLACEHOLDER_H

#include <hdf5.h>

/*
 * Takes the place of filter id in this process, with the name (which stays the
 * caller's and must stay; NULL: none) that datasets made from now on store. HDF5
 * stores the filter's values as they are given, looks for no plugin, and fails where
 * it would have to pack or unpack, until another filter is registered for the number.
 * 0 or -1 as HDF5 does.
 */
int	hdf_placeholder_set(H5Z_filter_t id, const char *name);

#endif
