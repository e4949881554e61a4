/*
 * A detector is one sector of modules, repeated by turning it around the beam:
 * four quadrants for ePix10k2M and CSPAD, two halves for Jungfrau 4M. The
 * modules of a sector are where the real ones are, to some pixels: ePix10k2M
 * and CSPAD after the public geometries of LCLS (quadrants like the vanes of a
 * pinwheel around the hole for the beam), Jungfrau in two columns of four. A
 * module is a panel of the stream: a grid of ASICs with a gap of a few pixels
 * between them that no pixel counts. As real ones do, modules sit a little
 * askew; the angles are made up.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/detector.h"
#include "sim/elementary.h"

struct module {
	double	x, y;	/* its centre, pixels from the beam */
	int	turn;	/* direction of fs, quarter turns left of +x */
};

/* Placement of a kind: what struct detector does not keep. */
struct plan {
	struct detector	d;
	uint32_t	gap;		/* between ASICs, pixels */
	int		sectors;	/* times that the modules are repeated */
	const struct module *modules;	/* panels / sectors of them */
};

static const struct module epix_modules[] = {
	{ -213.5, 597.5, 0 }, { -618.5, 597.5, 0 },
	{ -213.5, 179.5, 0 }, { -618.5, 179.5, 0 },
};

static const struct module jungfrau_modules[] = {
	{ -545, 825, 0 }, { -545, 275, 0 }, { -545, -275, 0 }, { -545, -825, 0 },
};

static const struct module cspad_modules[] = {
	{ 354.5, 165.5, 1 }, { 140.5, 164.5, 1 },
	{ 673.5, 274.5, 2 }, { 672.5, 62.5, 2 },
	{ 563.5, 596.5, 3 }, { 776.5, 596.5, 3 },
	{ 245.5, 678.5, 2 }, { 245.5, 465.5, 2 },
};

static const struct module mfx_modules[] = { { 0.4, -0.3, 0 } };

static const struct plan plans[] = {
	{ { "epix10k2m", 16, 512, 512, 352, 384, 176, 192, 100e-6, 0.1, 0,
	    NULL }, 3, 4, epix_modules },
	{ { "jungfrau4m", 8, 512, 1024, 512, 1024, 256, 256, 75e-6, 0.1, 0,
	    NULL }, 2, 2, jungfrau_modules },
	{ { "mfx", 1, 1696, 1696, 1667, 1668, 1667, 1668, 100e-6, 0.1, 0,
	    NULL }, 0, 1, mfx_modules },
	{ { "cspad", 32, 192, 416, 185, 388, 185, 194, 109.92e-6, 0.12, 0,
	    NULL }, 3, 4, cspad_modules },
};

enum { N_PLANS = sizeof plans / sizeof plans[0] };

/* Up to 0.003 of a radian either way: below a pixel at a module's end. */
static double
module_tilt(const struct plan *p, uint32_t panel)
{
	if (p->d.panels == 1)
		return 0;
	return ((int)(panel * 7 % 5) - 2) * 0.0015 / (2 * M_PI);
}

/* Places the ASICs of one panel. */
static void
module_place(const struct plan *p, uint32_t panel, struct detector_asic *asics)
{
	const struct detector *d = &p->d;
	uint32_t columns = d->real_width / d->asic_width;
	uint32_t rows = d->real_height / d->asic_height, i;
	uint32_t in_sector = d->panels / (uint32_t)p->sectors;
	const struct module *m = &p->modules[panel % in_sector];
	double sector = (double)(panel / in_sector) / p->sectors;
	double s, c, x, y, u, v;

	elementary_sincos(-sector, &s, &c);
	x = c * m->x - s * m->y;
	y = s * m->x + c * m->y;
	elementary_sincos(m->turn / 4.0 - sector + module_tilt(p, panel), &s,
	    &c);
	for (i = 0; i < rows * columns; i++) {
		struct detector_asic *a = &asics[i];

		a->panel = panel;
		a->number = i;
		a->ss = i / columns * d->asic_height;
		a->fs = i % columns * d->asic_width;
		a->fs_x = c;
		a->fs_y = s;
		u = a->fs + i % columns * p->gap -
		    (d->real_width + (columns - 1) * p->gap) / 2.0;
		v = a->ss + i / columns * p->gap -
		    (d->real_height + (rows - 1) * p->gap) / 2.0;
		a->corner_x = x + u * c - v * s;
		a->corner_y = y + u * s + v * c;
	}
}

int
detector_make(const char *name, struct detector *d, struct fault *f)
{
	const struct plan *p;
	uint32_t each, k;

	for (p = plans; p < plans + N_PLANS; p++)
		if (strcmp(p->d.name, name) == 0)
			break;
	if (p == plans + N_PLANS)
		return fault_set(f, "no detector is named %.40s; there are"
		    " epix10k2m, jungfrau4m, mfx, cspad", name);
	*d = p->d;
	each = d->real_height / d->asic_height * (d->real_width / d->asic_width);
	d->n_asics = d->panels * each;
	d->asics = calloc(d->n_asics, sizeof *d->asics);
	if (d->asics == NULL)
		return fault_lack(f, "no memory for a detector");
	for (k = 0; k < d->panels; k++)
		module_place(p, k, d->asics + (size_t)k * each);
	return 0;
}

void
detector_free(struct detector *d)
{
	free(d->asics);
	d->asics = NULL;
}

const struct detector_asic *
detector_locate(const struct detector *d, double x, double y, double *ss,
    double *fs)
{
	const struct detector_asic *a;
	double dx, dy, u, v;

	for (a = d->asics; a < d->asics + d->n_asics; a++) {
		dx = x - a->corner_x;
		dy = y - a->corner_y;
		u = dx * a->fs_x + dy * a->fs_y;
		v = dy * a->fs_x - dx * a->fs_y;
		if (u < 0 || u >= d->asic_width || v < 0 || v >= d->asic_height)
			continue;
		*fs = a->fs + u - 0.5;
		*ss = a->ss + v - 0.5;
		return a;
	}
	return NULL;
}

void
detector_position(const struct detector_asic *a, double ss, double fs, double *x,
    double *y)
{
	double u = fs + 0.5 - a->fs, v = ss + 0.5 - a->ss;

	*x = a->corner_x + u * a->fs_x - v * a->fs_y;
	*y = a->corner_y + u * a->fs_y + v * a->fs_x;
}

double
detector_extent(const struct detector *d)
{
	const struct detector_asic *a;
	double x, y, square = 0;
	uint32_t i;

	for (a = d->asics; a < d->asics + d->n_asics; a++)
		for (i = 0; i < 4; i++) {
			detector_position(a,
			    a->ss - 0.5 + i / 2 * d->asic_height,
			    a->fs - 0.5 + i % 2 * d->asic_width, &x, &y);
			square = fmax(square, x * x + y * y);
		}
	return sqrt(square);
}

static void
asic_print(FILE *out, const struct detector *d, const struct detector_asic *a)
{
	uint32_t ss = a->panel * d->real_height + a->ss;
	char name[32];

	snprintf(name, sizeof name, "p%ua%u", a->panel, a->number);
	fprintf(out, "\n%s/min_fs = %u\n%s/max_fs = %u\n", name, a->fs, name,
	    a->fs + d->asic_width - 1);
	fprintf(out, "%s/min_ss = %u\n%s/max_ss = %u\n", name, ss, name,
	    ss + d->asic_height - 1);
	fprintf(out, "%s/fs = %+.9fx %+.9fy\n", name, a->fs_x, a->fs_y);
	fprintf(out, "%s/ss = %+.9fx %+.9fy\n", name, -a->fs_y, a->fs_x);
	fprintf(out, "%s/corner_x = %.6f\n%s/corner_y = %.6f\n", name,
	    a->corner_x, name, a->corner_y);
}

char *
detector_geometry(const struct detector *d, double distance,
    double adu_per_photon)
{
	char *text = NULL;
	size_t size = 0;
	uint32_t i;
	int bad;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	fprintf(out, "; %s, simulated by q2sim\n"
	    "photon_energy = /LCLS/photon_energy_eV eV\n"
	    "clen = %.9g\nres = %.9g\nadu_per_photon = %.9g\n"
	    "data = /entry_1/data_1/data\n"
	    "mask = /entry_1/data_1/mask\n"
	    "mask_good = 0x0000\nmask_bad = 0xffff\n"
	    "peak_list = /entry_1/result_1\n"
	    "dim0 = %%\ndim1 = ss\ndim2 = fs\n",
	    d->name, distance, 1 / d->pixel_size, adu_per_photon);
	for (i = 0; i < d->n_asics; i++)
		asic_print(out, d, &d->asics[i]);
	bad = ferror(out);
	if (fclose(out) == EOF || bad) {
		free(text);
		return NULL;
	}
	return text;
}
