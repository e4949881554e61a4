#include <math.h>

#include "data/event.h"
#include "data/resolution.h"

const struct geometry_asic *
resolution_asic(const struct geometry *g, double fs, double ss)
{
	const struct geometry_asic *a;

	/* Pixel i reaches from i - 0.5 to i + 0.5. */
	for (a = g->asics; a < g->asics + g->n_asics; a++)
		if (fs >= a->min_fs - 0.5 && fs < a->max_fs + 0.5 &&
		    ss >= a->min_ss - 0.5 && ss < a->max_ss + 0.5)
			return a;
	return NULL;
}

struct resolution_place
resolution_locate(const struct geometry *g, double fs, double ss, double clen)
{
	const struct geometry_asic *a = resolution_asic(g, fs, ss);
	struct resolution_place p = { NAN, NAN, NAN };

	if (a == NULL)
		return p;
	geometry_locate(a, fs, ss, &p.x, &p.y);
	p.x /= a->res;
	p.y /= a->res;
	p.z = (isnan(a->clen) ? clen : a->clen) + a->coffset;
	return p;
}

double
resolution_wavelength(double energy)
{
	return energy > 0 ? EVENT_HC / energy : NAN;
}

double
resolution_d(const struct resolution_place *p, double wavelength)
{
	double theta = atan2(hypot(p->x, p->y), p->z) / 2;

	if (!(p->z > 0) || !(wavelength > 0))
		return NAN;
	return wavelength / (2 * sin(theta));
}

double
resolution_radius(double d, double wavelength, double z)
{
	double two_theta = 2 * asin(wavelength / (2 * d));

	if (!(z > 0) || !(wavelength > 0) || !(two_theta < acos(0)))
		return NAN;
	return z * tan(two_theta);
}

double
resolution_distance(const struct geometry *g, double clen)
{
	double z, low = INFINITY, high = -INFINITY;
	const struct geometry_asic *a;

	for (a = g->asics; a < g->asics + g->n_asics; a++) {
		z = (isnan(a->clen) ? clen : a->clen) + a->coffset;
		if (isnan(z))
			return NAN;
		low = fmin(low, z);
		high = fmax(high, z);
	}
	return high - low < 1e-3 ? (low + high) / 2 : NAN;
}

double
resolution_res(const struct geometry *g)
{
	const struct geometry_asic *a;

	for (a = g->asics; a < g->asics + g->n_asics; a++)
		if (!(a->res == g->asics[0].res))
			return NAN;
	return g->n_asics == 0 ? NAN : g->asics[0].res;
}
