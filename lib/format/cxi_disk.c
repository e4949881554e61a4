/*
 * HDF5 hands the buffer of a raw block through to the driver untouched, which is
 * what makes it possible that the buffer is not bytes but a description of them.
 * The interface is that of HDF5's "Virtual File Layer"; the flags are those that
 * its own POSIX driver has, so that space is laid out in the same way.
 */
#include <sys/uio.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "format/cxi_disk.h"
#include "format/hdf_driver.h"
#include "format/hdf_fault.h"

enum {
	PIECES = 1024,		/* a call; IOV_MAX of Linux */
	ROOM = 4096
};

struct property {
	struct cxi_disk	*disk;
};

struct open_file {
	H5FD_t		shared;		/* HDF5's part, first */
	struct cxi_disk	*disk;
	haddr_t		eoa, eof;	/* allocated; written */
};

static H5FD_t *
disk_open(const char *name, unsigned flags, hid_t fapl, haddr_t max)
{
	const struct property *p = H5Pget_driver_info(fapl);
	struct open_file *o = calloc(1, sizeof *o);

	(void)name, (void)flags, (void)max;
	if (p == NULL || o == NULL) {
		free(o);
		return NULL;
	}
	o->disk = p->disk;
	return &o->shared;
}

static herr_t
disk_close(H5FD_t *file)
{
	free(file);
	return 0;
}

static herr_t
disk_query(const H5FD_t *file, unsigned long *flags)
{
	(void)file;
	*flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA |
	    H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_AGGREGATE_SMALLDATA |
	    H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
	return 0;
}

static haddr_t
disk_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
	(void)type;
	return ((const struct open_file *)file)->eoa;
}

static herr_t
disk_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t addr)
{
	(void)type;
	((struct open_file *)file)->eoa = addr;
	return 0;
}

static haddr_t
disk_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
	(void)type;
	return ((const struct open_file *)file)->eof;
}

/* What was never written reads as zeros. */
static herr_t
disk_read(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t size,
    void *buf)
{
	struct open_file *o = (struct open_file *)file;
	ssize_t r;

	(void)type, (void)dxpl;
	if (lseek(o->disk->fd, (off_t)addr, SEEK_SET) == -1 ||
	    (r = io_read(o->disk->fd, buf, size)) == -1)
		return hdf_fault_push(strerror(errno));
	memset((char *)buf + r, 0, size - (size_t)r);
	return 0;
}

/*
 * The kernel will not read pages that a truncated capture has lost; a program that
 * touches them is given zeros instead (capture.c), and learns of it afterwards.
 */
static int
rows_copy(int fd, const struct cxi_rows *rows)
{
	unsigned char room[ROOM];
	uint32_t i;
	size_t k, n;

	for (i = 0; i < rows->n; i++)
		for (k = 0; k < rows->row; k += n) {
			n = rows->row - k < ROOM ? rows->row - k : ROOM;
			memcpy(room, (const char *)rows->at + i * rows->stride + k,
			    n);
			if (io_write(fd, room, n) == -1)
				return -1;
		}
	return 0;
}

static int
rows_gather(int fd, const struct cxi_rows *rows)
{
	struct iovec v[PIECES];
	uint32_t i, done;

	for (done = 0; done < rows->n; done += i) {
		for (i = 0; i < PIECES && done + i < rows->n; i++) {
			v[i].iov_base = (char *)rows->at +
			    (size_t)(done + i) * rows->stride;
			v[i].iov_len = rows->row;
		}
		if (io_writev(fd, v, (int)i) == -1)
			return -1;
	}
	return 0;
}

static int
rows_write(int fd, haddr_t addr, const struct cxi_rows *rows)
{
	if (rows_gather(fd, rows) == 0)
		return 0;
	if (errno != EFAULT || lseek(fd, (off_t)addr, SEEK_SET) == -1)
		return -1;
	return rows_copy(fd, rows);
}

static herr_t
write_failed(struct cxi_disk *d)
{
	if (d->error == 0)
		d->error = errno;
	return hdf_fault_push(strerror(errno));
}

static herr_t
disk_write(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t size,
    const void *buf)
{
	struct open_file *o = (struct open_file *)file;
	struct cxi_disk *d = o->disk;

	(void)type, (void)dxpl;
	if (lseek(d->fd, (off_t)addr, SEEK_SET) == -1 ||
	    (buf == d->rows ? rows_write(d->fd, addr, d->rows) :
	    io_write(d->fd, buf, size)) == -1)
		return write_failed(d);
	if (addr + size > o->eof)
		o->eof = addr + size;
	return 0;
}

static herr_t
disk_truncate(H5FD_t *file, hid_t dxpl, hbool_t closing)
{
	struct open_file *o = (struct open_file *)file;

	(void)dxpl, (void)closing;
	if (o->eof == o->eoa)
		return 0;
	if (ftruncate(o->disk->fd, (off_t)o->eoa) == -1)
		return write_failed(o->disk);
	o->eof = o->eoa;
	return 0;
}

static const H5FD_class_t driver = {
	HDF_DRIVER(HDF_DRIVER_DISK)
	.name = "peakpipe",
	.maxaddr = INT64_MAX,
	.fc_degree = H5F_CLOSE_WEAK,
	.fapl_size = sizeof(struct property),
	.open = disk_open,
	.close = disk_close,
	.query = disk_query,
	.get_eoa = disk_get_eoa,
	.set_eoa = disk_set_eoa,
	.get_eof = disk_get_eof,
	.read = disk_read,
	.write = disk_write,
	.truncate = disk_truncate,
	.fl_map = H5FD_FLMAP_DICHOTOMY,
};

int
cxi_disk_use(hid_t fapl, struct cxi_disk *d)
{
	static hid_t id = -1;
	struct property p = { d };

	if (id < 0 && (id = H5FDregister(&driver)) < 0)
		return -1;
	return H5Pset_driver(fapl, id, &p) < 0 ? -1 : 0;
}

void
cxi_disk_rows(struct cxi_disk *d, const struct cxi_rows *rows)
{
	d->rows = rows;
}
