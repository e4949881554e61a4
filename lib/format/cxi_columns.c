/*
 * One table tells of each column its path, unit, cell, width and the condition
 * under which a stream has it; the functions below it put an event's values into
 * the row in hand. A row starts as zeros, so what is not put (peaks beyond those
 * kept, times unknown) is 0.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "format/cxi_columns.h"
#include "format/cxi_hdf5.h"

#define DETECTOR "/entry_1/instrument_1/detector_1/"
#define RESULT "/entry_1/result_1/"
#define SOURCE "/entry_1/instrument_1/source_1/"

enum { SEQ_DIGITS = 20 };

/* CODATA 2018, exact: the charge of an electron, hence joule in an eV. */
static const double joule_ev = 1.602176634e-19;

enum {
	N_PEAKS, N_PEAKS_FOUND,
	PEAK_X, PEAK_Y, PEAK_PANEL, PEAK_PIXELS, PEAK_SUM, PEAK_MAX, PEAK_SNR,
	IDENTIFIER, EVENT_NUMBER,
	ENERGY_J, ENERGY_EV, WAVELENGTH,
	DISTANCE, PIXEL_X, PIXEL_Y,
	SECONDS, NANOSECONDS, TIMESTAMP, TIMESTAMP_VALID,
	ENCODER,
	COLUMNS
};

/* When a stream has a column. */
enum need { ALWAYS, IF_IMAGE, IF_EXPERIMENT, IF_ENERGY, IF_DISTANCE,
	IF_PIXEL_SIZE, IF_TIMESTAMP, IF_ENCODER };

/* Width of a peak array, filled in with the stream's capacity. */
#define PER_PEAK UINT32_MAX

static const struct content {
	struct cxi_column	column;
	enum need		need;
} contents[COLUMNS] = {
	[N_PEAKS] = { { RESULT "nPeaks", NULL, CELL_I32, 0 }, ALWAYS },
	[N_PEAKS_FOUND] = { { RESULT "nPeaksFound", NULL, CELL_I32, 0 },
	    ALWAYS },
	[PEAK_X] = { { RESULT "peakXPosRaw", "pixel", CELL_F32, PER_PEAK },
	    ALWAYS },
	[PEAK_Y] = { { RESULT "peakYPosRaw", "pixel", CELL_F32, PER_PEAK },
	    ALWAYS },
	[PEAK_PANEL] = { { RESULT "peakSegPosRaw", NULL, CELL_I32, PER_PEAK },
	    ALWAYS },
	[PEAK_PIXELS] = { { RESULT "peakNPixels", "pixel", CELL_F32, PER_PEAK },
	    ALWAYS },
	[PEAK_SUM] = { { RESULT "peakTotalIntensity", NULL, CELL_F32,
	    PER_PEAK }, IF_IMAGE },
	[PEAK_MAX] = { { RESULT "peakMaximumValue", NULL, CELL_F32, PER_PEAK },
	    IF_IMAGE },
	[PEAK_SNR] = { { RESULT "peakSNR", NULL, CELL_F32, PER_PEAK },
	    IF_IMAGE },
	[IDENTIFIER] = { { "/entry_1/experiment_identifier", NULL, CELL_TEXT,
	    0 }, IF_EXPERIMENT },
	[EVENT_NUMBER] = { { "/LCLS/eventNumber", NULL, CELL_U64, 0 }, ALWAYS },
	[ENERGY_J] = { { SOURCE "energy", "J", CELL_F64, 0 }, IF_ENERGY },
	[ENERGY_EV] = { { "/LCLS/photon_energy_eV", "eV", CELL_F64, 0 },
	    IF_ENERGY },
	[WAVELENGTH] = { { "/LCLS/photon_wavelength_A", "angstrom", CELL_F64,
	    0 }, IF_ENERGY },
	[DISTANCE] = { { DETECTOR "distance", "m", CELL_F64, 0 }, IF_DISTANCE },
	[PIXEL_X] = { { DETECTOR "x_pixel_size", "m", CELL_F64, 0 },
	    IF_PIXEL_SIZE },
	[PIXEL_Y] = { { DETECTOR "y_pixel_size", "m", CELL_F64, 0 },
	    IF_PIXEL_SIZE },
	[SECONDS] = { { "/LCLS/machineTime", "s", CELL_I64, 0 }, IF_TIMESTAMP },
	[NANOSECONDS] = { { "/LCLS/machineTimeNanoSeconds", "ns", CELL_I64, 0 },
	    IF_TIMESTAMP },
	[TIMESTAMP] = { { "/LCLS/detector_1/timestamp", NULL, CELL_U64, 0 },
	    IF_TIMESTAMP },
	[TIMESTAMP_VALID] = { { "/LCLS/detector_1/timestamp_valid", NULL,
	    CELL_U8, 0 }, IF_TIMESTAMP },
	[ENCODER] = { { CXI_ENCODER, "mm", CELL_F64, 0 },
	    IF_ENCODER },
};

static bool
need_met(const struct cxi_plan *p, enum need n)
{
	switch (n) {
	case ALWAYS:
		return true;
	case IF_IMAGE:
		return (p->planes & PLANE_IMAGE) != 0;
	case IF_EXPERIMENT:
		return p->experiment != NULL;
	case IF_ENERGY:
		return (p->quantities & QUANTITY_ENERGY) != 0;
	case IF_DISTANCE:
		return !isnan(p->distance);
	case IF_PIXEL_SIZE:
		return !isnan(p->pixel_size);
	case IF_TIMESTAMP:
		return (p->quantities & QUANTITY_TIMESTAMP) != 0;
	case IF_ENCODER:
		return (p->quantities & QUANTITY_ENCODER) != 0;
	}
	return false;
}

/* Bytes of "EXPERIMENT-rRUN-SEQ" with the longest SEQ, or without "-rRUN". */
static size_t
identifier_size(const struct cxi_plan *p)
{
	return strlen(p->experiment) +
	    (p->run != NULL ? strlen("-r") + strlen(p->run) : 0) +
	    strlen("-") + SEQ_DIGITS;
}

static uint32_t
column_width(const struct cxi_plan *p, const struct cxi_column *c)
{
	if (c->cell == CELL_TEXT)
		return (uint32_t)identifier_size(p);
	return c->width == PER_PEAK ? p->layout->capacity : c->width;
}

static int
columns_fill(struct cxi_table *t, const struct cxi_plan *p, hid_t file,
    struct fault *f)
{
	struct cxi_column column;
	unsigned i;

	for (i = 0; i < COLUMNS; i++) {
		if (!need_met(p, contents[i].need))
			continue;
		column = contents[i].column;
		column.width = column_width(p, &column);
		if (cxi_table_add(t, file, i, &column, f) == -1)
			return -1;
	}
	if (need_met(p, IF_IMAGE))
		return cxi_hdf5_link(file, contents[PEAK_MAX].column.path,
		    RESULT "peakMaxIntensity", f);
	return 0;
}

struct cxi_table *
cxi_columns_create(const struct cxi_plan *p, hid_t file, struct fault *f)
{
	struct cxi_table *t = cxi_table_new(COLUMNS, p->layout->capacity);

	if (t == NULL) {
		fault_lack(f, "out of memory");
		return NULL;
	}
	if (columns_fill(t, p, file, f) == -1) {
		cxi_table_free(t);
		return NULL;
	}
	return t;
}

/*
 * The put functions do nothing where the stream lacks the column. size is that of
 * the column's cell.
 */
static void
put(struct cxi_table *t, unsigned id, const void *v, size_t size)
{
	void *cell = cxi_table_cell(t, id);

	if (cell != NULL)
		memcpy(cell, v, size);
}

static void
put_i32(struct cxi_table *t, unsigned id, uint32_t v)
{
	int32_t *cell = cxi_table_cell(t, id);

	if (cell != NULL)
		*cell = v > INT32_MAX ? INT32_MAX : (int32_t)v;
}

static void
put_identifier(struct cxi_table *t, const struct cxi_plan *p, uint64_t seq)
{
	char *cell = cxi_table_cell(t, IDENTIFIER);
	char digits[SEQ_DIGITS + 1];

	if (cell == NULL)
		return;
	/* The cell is zeros and has no room for a NUL: no snprintf into it. */
	snprintf(digits, sizeof digits, "%llu", (unsigned long long)seq);
	cell = mempcpy(cell, p->experiment, strlen(p->experiment));
	if (p->run != NULL) {
		cell = mempcpy(cell, "-r", strlen("-r"));
		cell = mempcpy(cell, p->run, strlen(p->run));
	}
	*cell++ = '-';
	memcpy(cell, digits, strlen(digits));
}

static void
peaks_put(struct cxi_table *t, const struct slab *s, const struct cxi_event *e)
{
	float *x = cxi_table_cell(t, PEAK_X);
	float *y = cxi_table_cell(t, PEAK_Y);
	float *npixels = cxi_table_cell(t, PEAK_PIXELS);
	int32_t *panel = cxi_table_cell(t, PEAK_PANEL);
	const struct slab_panel *at;
	const struct peak *k;
	uint32_t i;

	for (i = 0; i < e->event->peaks_kept; i++) {
		k = &e->peaks[i];
		at = &s->panels[k->panel];
		/* Summed in double: one rounding, half an f32 step at most. */
		x[i] = (float)(at->fs + k->fs);
		y[i] = (float)(at->ss + k->ss);
		npixels[i] = (float)k->npixels;
		panel[i] = (int32_t)k->panel;
	}
}

static void
intensities_put(struct cxi_table *t, const struct cxi_event *e)
{
	float *sum = cxi_table_cell(t, PEAK_SUM);
	float *max = cxi_table_cell(t, PEAK_MAX);
	float *snr = cxi_table_cell(t, PEAK_SNR);
	uint32_t i;

	if (sum == NULL)
		return;
	for (i = 0; i < e->event->peaks_kept; i++) {
		sum[i] = e->peaks[i].sum;
		max[i] = e->peaks[i].max;
		snr[i] = e->peaks[i].snr;
	}
}

static void
energy_put(struct cxi_table *t, const struct event *e)
{
	double ev = NAN, joule, wavelength;

	if ((e->known & QUANTITY_ENERGY) && e->photon_energy > 0)
		ev = e->photon_energy;
	joule = ev * joule_ev;
	wavelength = EVENT_HC / ev;
	put(t, ENERGY_J, &joule, sizeof joule);
	put(t, ENERGY_EV, &ev, sizeof ev);
	put(t, WAVELENGTH, &wavelength, sizeof wavelength);
}

static void
timestamp_put(struct cxi_table *t, const struct event *e)
{
	int64_t s = (int64_t)(e->timestamp >> 32);
	int64_t ns = (int64_t)(e->timestamp & UINT32_MAX);
	uint8_t valid = 1;

	if (!(e->known & QUANTITY_TIMESTAMP))
		return;
	put(t, SECONDS, &s, sizeof s);
	put(t, NANOSECONDS, &ns, sizeof ns);
	put(t, TIMESTAMP, &e->timestamp, sizeof e->timestamp);
	put(t, TIMESTAMP_VALID, &valid, sizeof valid);
}

static void
encoder_put(struct cxi_table *t, const struct event *e)
{
	double mm = e->known & QUANTITY_ENCODER ? e->encoder : NAN;

	put(t, ENCODER, &mm, sizeof mm);
}

int
cxi_columns_add(struct cxi_table *t, const struct cxi_plan *p,
    const struct cxi_event *e, struct fault *f)
{
	const struct event *v = e->event;

	put_i32(t, N_PEAKS, v->peaks_kept);
	put_i32(t, N_PEAKS_FOUND, v->peaks_found);
	peaks_put(t, p->slab, e);
	intensities_put(t, e);
	put_identifier(t, p, v->seq);
	put(t, EVENT_NUMBER, &v->seq, sizeof v->seq);
	energy_put(t, v);
	put(t, DISTANCE, &p->distance, sizeof p->distance);
	put(t, PIXEL_X, &p->pixel_size, sizeof p->pixel_size);
	put(t, PIXEL_Y, &p->pixel_size, sizeof p->pixel_size);
	timestamp_put(t, v);
	encoder_put(t, v);
	return cxi_table_next(t, f);
}
