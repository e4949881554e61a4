#include <hdf5.h>
#include <math.h>
#include <string.h>

#include "data/event.h"
#include "format/cxireader_file.h"
#include "format/hdf_fault.h"

/*
 * A column with one element is that of all events; one with fewer rows than events
 * knows nothing of the others. Chunks that nobody wrote are errors: HDF5 would show
 * zeros for them. Columns are read as doubles but for whole numbers of 64 bits.
 */

static const double joule = 1.602176634e-19;	/* of one electronvolt, exact */

/* Every chunk of row k must have been written. */
static int
chunks_check(const struct cxireader_set *s, hsize_t k, struct fault *f)
{
	hsize_t at[CXIREADER_RANK] = { 0 }, bytes;
	int i;

	if (s->chunk[0] == 0)
		return 0;
	at[0] = k - k % s->chunk[0];
	do {
		/* HDF5 1.10 fails on a chunk that has no storage, 1.12 has 0. */
		if (H5Dget_chunk_storage_size(s->id, at, &bytes) < 0 ||
		    bytes == 0)
			return fault_set(f, "%s: a chunk of row %llu was never"
			    " written", s->path, (unsigned long long)k);
		for (i = s->rank - 1; i > 0; i--) {
			if ((at[i] += s->chunk[i]) < s->dims[i])
				break;
			at[i] = 0;
		}
	} while (i > 0);
	return 0;
}

/* Rows first to first + n, width elements of the last dimension of rank 2. */
static int
rows_read(const struct cxireader_file *c, const struct cxireader_set *s, hsize_t first,
    hsize_t n, hsize_t width, hid_t type, void *out, struct fault *f)
{
	hsize_t start[CXIREADER_RANK] = { 0 }, count[CXIREADER_RANK] = { 0 };
	hid_t space = H5Dget_space(s->id), memory;
	int r = 0;

	memcpy(count, s->dims, sizeof count);
	start[0] = first;
	count[0] = n;
	if (s->rank == 2)
		count[1] = width;
	memory = H5Screate_simple(s->rank, count, NULL);
	if (space < 0 || memory < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET,
	    start, NULL, count, NULL) < 0 || H5Dread(s->id, type, memory, space,
	    c->transfer, out) < 0)
		r = hdf_fault_set(f, s->path);
	if (memory >= 0)
		H5Sclose(memory);
	if (space >= 0)
		H5Sclose(space);
	return r;
}

/*
 * A column's rows of a block, size bytes each; *got is how many there are. The one
 * value of a column that has but one is that of every event.
 */
static int
column_read(const struct cxireader_file *c, const struct cxireader_set *s, hsize_t first,
    hsize_t n, hid_t type, size_t size, void *out, hsize_t *got,
    struct fault *f)
{
	char *to = out;
	hsize_t i;

	*got = 0;
	if (s->id < 0 || (s->rank == 1 && s->dims[0] <= first &&
	    s->dims[0] != 1))
		return 0;
	if (s->rank == 0 || s->dims[0] == 1) {
		if (H5Dread(s->id, type, H5S_ALL, H5S_ALL, c->transfer, out) < 0)
			return hdf_fault_set(f, s->path);
		for (i = 1; i < n; i++)
			memcpy(to + i * size, to, size);
		*got = n;
		return 0;
	}
	*got = s->dims[0] - first < n ? s->dims[0] - first : n;
	return rows_read(c, s, first, *got, 0, type, out, f);
}

static int
reals_read(struct cxireader_file *c, int i, hsize_t first, hsize_t n,
    double *out, struct fault *f)
{
	hsize_t got;

	if (column_read(c, &c->sets[i], first, n, H5T_NATIVE_DOUBLE, sizeof *out,
	    out, &got, f) == -1)
		return -1;
	for (; got < n; got++)
		out[got] = NAN;
	return 0;
}

/* 0 where there is none. */
static int
wholes_read(struct cxireader_file *c, int i, hsize_t first, hsize_t n,
    uint64_t *out, hsize_t *got, struct fault *f)
{
	if (column_read(c, &c->sets[i], first, n, H5T_NATIVE_UINT64, sizeof *out,
	    out, got, f) == -1)
		return -1;
	if (*got < n)
		memset(out + *got, 0, (n - *got) * sizeof *out);
	return 0;
}

/* Columns that become doubles as they are. */
static const struct {
	int	set;
	size_t	at;
} reals[] = {
	{ SET_DISTANCE, offsetof(struct cxireader_event, distance) },
	{ SET_PIXEL_X, offsetof(struct cxireader_event, pixel_x) },
	{ SET_PIXEL_Y, offsetof(struct cxireader_event, pixel_y) },
	{ SET_ENCODER, offsetof(struct cxireader_event, encoder) },
	{ SET_CLEN, offsetof(struct cxireader_event, clen) },
	{ SET_WAVELENGTH, offsetof(struct cxireader_event, wavelength) },
	{ SET_ENERGY, offsetof(struct cxireader_event, energy) },
};

/* A size, distance or energy of 0 is a way of saying nothing. */
static double
positive(double v)
{
	return v > 0 && isfinite(v) ? v : NAN;
}

static int
energies_read(struct cxireader_file *c, struct cxireader_event *e,
    hsize_t first, hsize_t n, struct fault *f)
{
	double energy[CXIREADER_BLOCK_EVENTS];
	hsize_t i;

	if (reals_read(c, SET_ENERGY_JOULE, first, n, energy, f) == -1)
		return -1;
	for (i = 0; i < n; i++, e++) {
		e->energy = positive(e->energy);
		e->wavelength = positive(e->wavelength);
		if (isnan(e->energy))
			e->energy = positive(energy[i] / joule);
		if (isnan(e->energy))
			e->energy = EVENT_HC / e->wavelength;
		if (isnan(e->wavelength))
			e->wavelength = EVENT_HC / e->energy;
		e->distance = positive(e->distance);
		e->pixel_x = positive(e->pixel_x);
		e->pixel_y = positive(e->pixel_y);
	}
	return 0;
}

/* Our column if it is there, else Cheetah's two. */
static int
times_read(struct cxireader_file *c, struct cxireader_event *e, hsize_t first,
    hsize_t n, struct fault *f)
{
	uint64_t time[CXIREADER_BLOCK_EVENTS], part[CXIREADER_BLOCK_EVENTS];
	hsize_t got, marked, i;

	if (wholes_read(c, SET_TIMESTAMP, first, n, time, &got, f) == -1 ||
	    wholes_read(c, SET_TIMESTAMP_VALID, first, n, part, &marked, f) == -1)
		return -1;
	for (i = 0; i < got; i++) {
		e[i].has_timestamp = i < marked ? part[i] != 0 : time[i] != 0;
		e[i].timestamp = e[i].has_timestamp ? time[i] : 0;
	}
	if (got > 0)
		return 0;
	if (wholes_read(c, SET_SECONDS, first, n, time, &got, f) == -1 ||
	    wholes_read(c, SET_NANOSECONDS, first, n, part, &marked, f) == -1)
		return -1;
	for (i = 0; i < got; i++) {
		e[i].has_timestamp = time[i] != 0;
		e[i].timestamp = time[i] << 32 | (part[i] & UINT32_MAX);
	}
	return 0;
}

static int
counts_read(struct cxireader_file *c, struct cxireader_event *e, hsize_t first,
    hsize_t n, struct fault *f)
{
	double peaks[CXIREADER_BLOCK_EVENTS], found[CXIREADER_BLOCK_EVENTS];
	uint64_t number[CXIREADER_BLOCK_EVENTS];
	hsize_t got, i;

	if (reals_read(c, SET_N_PEAKS, first, n, peaks, f) == -1 ||
	    reals_read(c, SET_N_FOUND, first, n, found, f) == -1 ||
	    wholes_read(c, SET_NUMBER, first, n, number, &got, f) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		e[i].has_number = i < got;
		e[i].number = number[i];
		e[i].has_peaks = peaks[i] >= 0 && peaks[i] <= UINT32_MAX &&
		    first + i < c->sets[SET_PEAK_FS].dims[0] &&
		    first + i < c->sets[SET_PEAK_SS].dims[0];
		if (!e[i].has_peaks)
			continue;
		e[i].n_found = (uint32_t)(found[i] >= 0 &&
		    found[i] <= UINT32_MAX ? found[i] : peaks[i]);
		e[i].n_peaks = (uint32_t)fmin(peaks[i], c->info.capacity);
	}
	return 0;
}

static void
peak_set(struct cxireader_peak *p, int set, float v)
{
	switch (set) {
	case SET_PEAK_FS:
		p->fs = v;
		break;
	case SET_PEAK_SS:
		p->ss = v;
		break;
	case SET_PEAK_TOTAL:
		p->total = v;
		break;
	case SET_PEAK_MAX:
		p->max = v;
		break;
	case SET_PEAK_SNR:
		p->snr = v;
		break;
	case SET_PEAK_NPIXELS:
		p->npixels = v;
		break;
	default:
		p->panel = v >= 0 && v < (float)INT32_MAX ? (int32_t)v : -1;
		break;
	}
}

/* One dataset's part of all peaks of a block. */
static int
peaks_read(struct cxireader_file *c, int set, const struct cxireader_event *e,
    hsize_t first, hsize_t n, struct cxireader_peak *p, struct fault *f)
{
	const struct cxireader_set *s = &c->sets[set];
	hsize_t width = 1, rows, i, k;

	for (i = 0; i < n; i++)
		if (width < e[i].n_peaks)
			width = e[i].n_peaks;
	rows = s->id < 0 || s->dims[0] <= first ? 0 :
	    s->dims[0] - first < n ? s->dims[0] - first : n;
	if (rows > 0 && rows_read(c, s, first, rows, width, H5T_NATIVE_FLOAT,
	    c->scratch, f) == -1)
		return -1;
	for (i = 0; i < n; i++)
		for (k = 0; k < e[i].n_peaks; k++)
			peak_set(p++, set, i < rows ? c->scratch[i * width + k] :
			    NAN);
	return 0;
}

int
cxireader_block_read(struct cxireader_file *c, uint64_t block, void *memory,
    struct fault *f)
{
	hsize_t size = cxireader_block(c->info.capacity), first = block * size;
	hsize_t n = c->info.events - first, i, r;
	struct cxireader_event *e = memory;
	double column[CXIREADER_BLOCK_EVENTS];

	if (n > size)
		n = size;
	memset(e, 0, CXIREADER_BLOCK_EVENTS * sizeof *e);
	for (r = 0; r < sizeof reals / sizeof reals[0]; r++) {
		if (reals_read(c, reals[r].set, first, n, column, f) == -1)
			return -1;
		for (i = 0; i < n; i++)
			memcpy((char *)&e[i] + reals[r].at, &column[i],
			    sizeof column[i]);
	}
	if (energies_read(c, e, first, n, f) == -1 ||
	    times_read(c, e, first, n, f) == -1 ||
	    counts_read(c, e, first, n, f) == -1)
		return -1;
	for (r = SET_PEAK_FS; r < SET_PEAK_END && c->info.capacity > 0; r++)
		if (peaks_read(c, (int)r, e, first, n, (struct cxireader_peak *)
		    (e + CXIREADER_BLOCK_EVENTS), f) == -1)
			return -1;
	return 0;
}

/*
 * What is not 0 is bad, also as a byte: whole numbers saturate as signed ones, but
 * HDF5 would cut what is behind the point off.
 */
int
cxireader_mask_read(struct cxireader_file *c, uint64_t k, void *memory, struct fault *f)
{
	const struct cxireader_set *s = &c->sets[SET_MASK];
	size_t n = (size_t)c->info.height * c->info.width, i;
	hid_t type = s->real ? H5T_NATIVE_FLOAT : H5T_NATIVE_INT8;
	const float *real = memory;
	uint8_t *bad = memory;

	if (s->rank == 3 ? chunks_check(s, k, f) == -1 ||
	    rows_read(c, s, k, 1, 0, type, memory, f) == -1 :
	    rows_read(c, s, 0, s->dims[0], s->dims[1], type, memory, f) == -1)
		return -1;
	/* In place: a byte is never ahead of its float. */
	for (i = 0; s->real && i < n; i++)
		bad[i] = !(real[i] == 0);
	return 0;
}

int
cxireader_image_read(struct cxireader_file *c, uint64_t k, void *memory, struct fault *f)
{
	const struct cxireader_set *s = &c->sets[SET_IMAGE];

	return chunks_check(s, k, f) == -1 ? -1 :
	    rows_read(c, s, k, 1, 0, H5T_NATIVE_FLOAT, memory, f);
}
