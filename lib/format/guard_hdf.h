/*
 * HDF5 as a child of format/guard.h has it: with all filters there are, a file that
 * was opened by others, and nothing else.
 */
#ifndef FORMAT_GUARD_HDF_H
#define FORMAT_GUARD_HDF_H

#include <stdbool.h>

#include <hdf5.h>

#include "base/fault.h"

enum { GUARD_HDF_PATH = 160 };	/* bytes of a path that is looked for, with its NUL */

/*
 * Starts HDF5 and loads every filter plugin in its plugin path, since none can be
 * loaded once the door is closed. HDF5 prints no errors from then on. 0 or -1. It is
 * a duty's prepare as it stands. A parent that starts many children may do it before,
 * once for all of them.
 */
int	guard_hdf_prepare(void *unused, struct fault *);

/*
 * Loads the filters of all plugins, as above, also if they are known already: what else
 * was registered for their numbers makes room. Best effort.
 */
void	guard_hdf_filters(void);

/*
 * Opens the file behind a descriptor, which stays the caller's, read-only. It is
 * the only one that this process can have open: a link to another file fails. So
 * does a file that HDF5 marks as open for writing, by a program that may have died.
 * H5Fclose closes all that is open of it.
 */
hid_t	guard_hdf_open(int fd);

/*
 * Makes an access list refuse external links; *met, which must stay, is set when
 * there was one. 0 or -1.
 */
int	guard_hdf_links(hid_t list, bool *met);

/*
 * Is every part of the path there, whatever the last leads to? 1, 0, or -1: a part
 * cannot be passed, as an external link.
 */
int	guard_hdf_exists(hid_t file, const char *path, hid_t access);

/*
 * Refuses a dataset, by its creation list, whose bytes lie in other files (HDF5
 * would show zeros in their place) or need a filter that is not there.
 */
int	guard_hdf_storage(hid_t list, struct fault *);

#endif
