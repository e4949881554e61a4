/*
 * Resolution: from a place in the slab to the spacing d of the lattice planes that
 * reflect there.
 *
 * A pixel lies at (x, y, z) from the sample, z along the beam. The scattering
 * angle is 2 theta = atan2(sqrt(x^2 + y^2), z), and Bragg's law, lambda = 2 d sin
 * theta, gives d (International Tables for Crystallography C, 2.1). q is 1/d, as
 * CrystFEL has it, without 2 pi.
 */
#ifndef DATA_RESOLUTION_H
#define DATA_RESOLUTION_H

#include <stddef.h>

#include "data/geometry.h"

/* Metres from the sample; x, y, z as in crystfel_geometry(5). */
struct resolution_place {
	double	x, y, z;
};

/* The ASIC that has a position of the slab, in pixels; NULL if none has. */
const struct geometry_asic	*resolution_asic(const struct geometry *,
				    double fs, double ss);

/*
 * Where a position of the slab is in the laboratory. Positions are pixel indices,
 * an integer is the centre of a pixel. clen, metres, is taken where the geometry
 * gives no number. Components that nobody knows are NaN: z without a camera
 * length, all without an ASIC, a corner, directions or res. The z of fs and ss is
 * not looked at: panels stand upright on the beam.
 */
struct resolution_place	resolution_locate(const struct geometry *, double fs,
			    double ss, double clen);

/* Photon energy in eV to wavelength in angstrom; NaN unless positive. */
double	resolution_wavelength(double energy);

/*
 * Spacing d in angstrom of what is reflected to a place. Infinite on the beam,
 * NaN where place or wavelength is unknown or the place is not behind the sample.
 */
double	resolution_d(const struct resolution_place *, double wavelength);

/*
 * The other way: metres from the beam at which a plane detector, z metres away,
 * has reflections of d angstrom. NaN if it has none, or something is unknown.
 */
double	resolution_radius(double d, double wavelength, double z);

/*
 * The distance, metres, of an upright plane detector: clen + coffset if that is one
 * number for all ASICs (within 1 mm), with clen as above. NaN if it is not.
 */
double	resolution_distance(const struct geometry *, double clen);

/* Pixels a metre if that is one number for all ASICs, else NaN. */
double	resolution_res(const struct geometry *);

#endif
