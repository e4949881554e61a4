/*
 * Each chunk is gathered from the planes, packed, and handed to H5Dwrite_chunk
 * as the bytes that go to the disk. Gathering and packing may happen on many
 * threads; only the caller's is ever inside HDF5, and it writes the chunks in
 * raster order, so the file is the same whatever the number of threads. Chunks
 * of nothing but gap are written too: one that is not would read as whatever the
 * reader's buffer holds.
 *
 * Without compression there is nothing to share out: the caller points to the rows
 * in the plane, and the driver beneath HDF5 (cxi_disk.c) writes them from there.
 */
#include <stdlib.h>

#include "format/cxi_hdf5.h"
#include "format/cxi_image.h"
#include "format/cxi_pack.h"
#include "format/cxi_pool.h"
#include "format/hdf_fault.h"

enum { PACKED_MAX = 1 << 17 };	/* pixels; of 4 bytes, half of HDF5's cache */

struct result {
	struct cxi_rows	rows;		/* what goes to the disk as it is; or */
	void		*packed;
	size_t		len;		/* of it in the file, either way */
};

struct cxi_press {
	const struct cxi_plan	*plan;
	struct cxi_disk		*disk;
	struct cxi_chunkmap	map;
	size_t			pixels;		/* of a chunk */
	struct cxi_pool		*pool;
	struct cxi_packer	**packers;	/* one a worker */
	struct result		*results;	/* one a slot */

	/* The picture in hand. */
	const struct cxi_source	*source;
	hid_t			set;
	const char		*path;
	uint64_t		row;
	struct fault		*fault;
	bool			refused;	/* by HDF5; else packing failed */
};

/*
 * CrystFEL reads one geometry panel at a time; see upstream measurements. A chunk
 * to be unpacked that does not fit HDF5's cache is unpacked again for each part of
 * it that is read, so the ASIC of a detector without any, which is a whole panel,
 * is cut.
 */
static int
map_init(struct cxi_press *p, struct fault *f)
{
	const struct slab *s = p->plan->slab;
	uint32_t height = s->asic_height, width = s->asic_width;

	if (p->plan->compression == CXI_NONE)
		return cxi_chunkmap_init(&p->map, p->plan->layout, s,
		    s->panel_height, s->panel_width, f);
	while ((uint64_t)height * width > PACKED_MAX) {
		height -= height / 2;
		width -= width / 2;
	}
	return cxi_chunkmap_init(&p->map, p->plan->layout, s, height, width, f);
}

static int
tools_init(struct cxi_press *p)
{
	enum cxi_compression c = p->plan->compression;
	unsigned i;

	p->pool = cxi_pool_new(c == CXI_NONE ? 1 : p->plan->threads);
	if (p->pool == NULL)
		return -1;
	p->packers = calloc(cxi_pool_workers(p->pool), sizeof *p->packers);
	p->results = calloc(cxi_pool_slots(p->pool), sizeof *p->results);
	if (p->packers == NULL || p->results == NULL)
		return -1;
	for (i = 0; i < cxi_pool_workers(p->pool); i++)
		if ((p->packers[i] = cxi_packer_new(c, p->pixels)) == NULL)
			return -1;
	if (c == CXI_NONE)
		return 0;
	for (i = 0; i < cxi_pool_slots(p->pool); i++)
		if ((p->results[i].packed = malloc(cxi_pack_bound(c,
		    p->pixels))) == NULL)
			return -1;
	return 0;
}

struct cxi_press *
cxi_press_new(const struct cxi_plan *plan, struct cxi_disk *disk,
    struct fault *f)
{
	struct cxi_press *p = calloc(1, sizeof *p);

	if (p == NULL) {
		fault_lack(f, "out of memory");
		return NULL;
	}
	p->plan = plan;
	p->disk = disk;
	if (map_init(p, f) == -1) {
		cxi_press_free(p);
		return NULL;
	}
	p->pixels = (size_t)p->map.height * p->map.width;
	if (tools_init(p) == -1) {
		fault_lack(f, "no memory or threads for chunks of %u x %u pixels",
		    p->map.height, p->map.width);
		cxi_press_free(p);
		return NULL;
	}
	return p;
}

void
cxi_press_free(struct cxi_press *p)
{
	unsigned i;

	if (p == NULL)
		return;
	if (p->packers != NULL)
		for (i = 0; i < cxi_pool_workers(p->pool); i++)
			cxi_packer_free(p->packers[i]);
	if (p->results != NULL)
		for (i = 0; i < cxi_pool_slots(p->pool); i++)
			free(p->results[i].packed);
	free(p->packers);
	free(p->results);
	cxi_pool_free(p->pool);
	cxi_chunkmap_free(&p->map);
	free(p);
}

static int
dcpl_fill(const struct cxi_press *p, hid_t dcpl, hid_t type)
{
	hsize_t chunk[3] = { 1, p->map.height, p->map.width };

	if (H5Pset_chunk(dcpl, 3, chunk) < 0 ||
	    H5Pset_fill_time(dcpl, H5D_FILL_TIME_NEVER) < 0 ||
	    H5Pset_alloc_time(dcpl, H5D_ALLOC_TIME_INCR) < 0)
		return -1;
	return cxi_pack_declare(p->plan->compression, dcpl, H5Tget_size(type));
}

hid_t
cxi_image_create(const struct cxi_press *p, hid_t file, const char *path,
    hid_t type, struct fault *f)
{
	const struct slab *s = p->plan->slab;
	hsize_t dims[3] = { 0, s->height, s->width };
	hsize_t max[3] = { H5S_UNLIMITED, s->height, s->width };
	hid_t dcpl, space, set = -1;

	if ((dcpl = cxi_hdf5_dcpl(f)) < 0)
		return -1;
	space = H5Screate_simple(3, dims, max);
	if (space >= 0 && dcpl_fill(p, dcpl, type) == 0)
		set = H5Dcreate2(file, path, type, space, H5P_DEFAULT, dcpl,
		    H5P_DEFAULT);
	if (set < 0)
		hdf_fault_set(f, path);
	H5Sclose(space);
	H5Pclose(dcpl);
	return set;
}

static int
chunk_make(void *arg, unsigned worker, unsigned slot, uint32_t k)
{
	struct cxi_press *p = arg;
	struct cxi_packer *packer = p->packers[worker];
	struct result *r = &p->results[slot];
	size_t size = cxi_source_size(p->source);
	const void *pixels;

	if (p->plan->compression == CXI_NONE) {
		r->rows = cxi_chunk_rows(&p->map, k, p->source,
		    cxi_packer_room(packer));
		r->len = p->pixels * size;
		return 0;
	}
	pixels = cxi_chunk_gather(&p->map, k, p->source,
	    cxi_packer_room(packer));
	r->len = cxi_pack(packer, pixels, p->pixels, size, r->packed);
	return r->len > 0 ? 0 : -1;
}

static herr_t
chunk_put(const struct cxi_press *p, const struct result *r, const hsize_t *at)
{
	herr_t rc;

	if (p->plan->compression != CXI_NONE)
		return H5Dwrite_chunk(p->set, H5P_DEFAULT, 0, at, r->len,
		    r->packed);
	cxi_disk_rows(p->disk, &r->rows);
	rc = H5Dwrite_chunk(p->set, H5P_DEFAULT, 0, at, r->len, &r->rows);
	cxi_disk_rows(p->disk, NULL);
	return rc;
}

static int
chunk_write(void *arg, unsigned slot, uint32_t k)
{
	struct cxi_press *p = arg;
	hsize_t at[3] = { p->row, p->map.chunks[k].ss, p->map.chunks[k].fs };

	if (chunk_put(p, &p->results[slot], at) >= 0)
		return 0;
	p->refused = true;
	return hdf_fault_set(p->fault, p->path);
}

int
cxi_image_extent(const struct cxi_press *p, hid_t set, const char *path,
    uint64_t rows, struct fault *f)
{
	const struct slab *s = p->plan->slab;
	hsize_t dims[3] = { rows, s->height, s->width };

	return H5Dset_extent(set, dims) < 0 ? hdf_fault_set(f, path) : 0;
}

int
cxi_image_write(struct cxi_press *p, hid_t set, const char *path, uint64_t row,
    const struct cxi_source *source, struct fault *f)
{
	if (cxi_image_extent(p, set, path, row + 1, f) == -1)
		return -1;
	p->source = source;
	p->set = set;
	p->path = path;
	p->row = row;
	p->fault = f;
	p->refused = false;
	if (cxi_pool_run(p->pool, p->map.n_chunks, chunk_make, chunk_write,
	    p) == 0)
		return 0;
	return p->refused ? -1 :
	    fault_set(f, "%s: a chunk could not be compressed", path);
}
