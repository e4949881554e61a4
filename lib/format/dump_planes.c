#include "format/dump_impl.h"

/*
 * The chunk cache for planes. Events are read one after the other, each as
 * whole planes. A chunk that lies within one event is used once: caching it
 * would only cost a copy, so the cache is off and HDF5 reads an uncompressed
 * chunk straight into the plane. A compressed chunk that reaches into the next
 * event must be kept, or each event would decompress it again: then the cache
 * holds two rows of chunks, a row being all chunks that share their range of
 * planes.
 */

enum {
	CACHE_MAX = 1536 << 20,		/* bytes; the child may have 4 GiB */
	CACHE_SLOTS_MAX = 1000003	/* prime, as HDF5 advises */
};

/* Chunks in a row, and the bytes of the row; false if it needs no cache. */
static bool
row_measure(const struct dump_dataset *s, uint64_t planes, double *chunks,
    double *bytes)
{
	int i;

	if (s->chunk[0] == 0 || planes % s->chunk[0] == 0)
		return false;
	*chunks = 1;
	*bytes = (double)s->chunk[0] * (double)H5Tget_size(s->type);
	for (i = 1; i < s->rank; i++) {
		double n = (double)((s->dims[i] - 1) / s->chunk[i] + 1);

		*chunks *= n;
		*bytes *= n * (double)s->chunk[i];
	}
	return true;
}

static int
filtered(const struct dump_dataset *s)
{
	hid_t list = H5Dget_create_plist(s->id);
	int n;

	if (list < 0)
		return 0;
	n = H5Pget_nfilters(list);
	H5Pclose(list);
	return n > 0;
}

/* 1 if each chunk has its planes whole. */
static int
chunks_whole(const struct dump_dataset *s)
{
	int i;

	for (i = 1; i < s->rank; i++)
		if (s->chunk[i] < s->dims[i])
			return 0;
	return 1;
}

int
dump_planes_open(struct dump_reader *d, const char *batch, const char *name,
    uint64_t planes, struct dump_dataset *s, struct fault *f)
{
	size_t slots = H5D_CHUNK_CACHE_NSLOTS_DEFAULT;
	size_t size = 0;
	double chunks, bytes;
	int r;

	if ((r = dump_dataset_open(d, batch, name, s, f)) != 1 ||
	    s->chunk[0] == 0)
		return r;
	if (filtered(s)) {
		if (row_measure(s, planes, &chunks, &bytes)) {
			size = bytes < CACHE_MAX / 2 ? (size_t)(2 * bytes) :
			    CACHE_MAX;
			slots = chunks * 20 < CACHE_SLOTS_MAX ?
			    (size_t)(chunks * 20) | 1 : CACHE_SLOTS_MAX;
		}
	} else if (!chunks_whole(s))
		return r;
	/* The first to open a dataset decides on its cache. */
	dump_dataset_close(s);
	H5Pset_chunk_cache(d->access, slots, size, H5D_CHUNK_CACHE_W0_DEFAULT);
	r = dump_dataset_open(d, batch, name, s, f);
	H5Pset_chunk_cache(d->access, H5D_CHUNK_CACHE_NSLOTS_DEFAULT,
	    H5D_CHUNK_CACHE_NBYTES_DEFAULT, H5D_CHUNK_CACHE_W0_DEFAULT);
	return r;
}
