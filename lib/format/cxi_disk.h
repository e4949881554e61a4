/*
 * A CXI file beneath HDF5: our own driver of its virtual file layer, over a file
 * that is open already. HDF5 decides where bytes go, the driver writes them. Three
 * things HDF5's own driver cannot do: a block may be written from rows that lie
 * apart, so padding is cut off by the very call that writes; and a write that
 * fails gives the system's reason, without the addresses of buffers, and is kept:
 * HDF5 forgets failures of writes that it had put off.
 */
#ifndef FORMAT_CXI_DISK_H
#define FORMAT_CXI_DISK_H

#include <hdf5.h>

#include "format/cxi_chunk.h"

struct cxi_disk {
	int		fd;		/* read and write; -1: none */
	const struct cxi_rows *rows;	/* see cxi_disk_rows */
	int		error;		/* errno of the first write that failed; 0 */
};

/*
 * Makes fapl one for H5Fcreate over the disk, which must outlive the HDF5 file and
 * have an empty file; its descriptor stays the caller's. 0 or -1 as HDF5 does.
 */
int	cxi_disk_use(hid_t fapl, struct cxi_disk *);

/*
 * From now on, when HDF5 is given the pointer rows as if it were the bytes (to
 * H5Dwrite_chunk, without filters), the rows are written. NULL ends this; it must
 * come before rows is freed, or a buffer of HDF5's might get the same address.
 */
void	cxi_disk_rows(struct cxi_disk *, const struct cxi_rows *rows);

#endif
