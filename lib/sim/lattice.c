/*
 * Ewald's construction. The incident beam is the vector (0, 0, k) with k =
 * 1/wavelength. A reciprocal lattice point q reflects when q + (0, 0, k) ends on
 * the sphere of radius k around the origin of the beam; the reflection leaves
 * along that vector. In a still few points lie exactly on the sphere: a crystal
 * of small mosaic blocks has points of a finite size, here balls of a radius
 * given in 1/A, and a beam with a bandwidth has a sphere that grows thick as
 * q^2 dk / 2k^2 away from the origin (differentiate |q + (0,0,k)| - k). A point
 * whose distance s from the sphere is below the sum r of both reflects with
 * partiality 1 - (s/r)^2, the area of the ball's cut by the sphere relative to
 * the largest (T. White et al., CrystFEL, J. Appl. Cryst. 45, 335, 2012, use the
 * same picture). Its direction is that of the nearest point on the sphere.
 *
 * Finding them: for each h and k the points with all l are a line, and where a
 * line enters and leaves the shell between two spheres is a quadratic equation.
 * So the work is in proportion to the rows of the lattice, not to its points.
 *
 * Intensities follow A. J. C. Wilson (Acta Cryst. 2, 318, 1949): in a crystal
 * without a centre I / <I> is exponentially distributed. Each reflection's draw
 * is a hash of its indices, so that a merged data set makes sense; the only
 * symmetry is Friedel's.
 */
#include <math.h>

#include "sim/elementary.h"
#include "sim/lattice.h"

static double
dot(const double a[3], const double b[3])
{
	return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void
cross(const double a[3], const double b[3], double scale, double out[3])
{
	out[0] = scale * (a[1] * b[2] - a[2] * b[1]);
	out[1] = scale * (a[2] * b[0] - a[0] * b[2]);
	out[2] = scale * (a[0] * b[1] - a[1] * b[0]);
}

static int
cell_check(const double cell[6], struct fault *f)
{
	int i;

	for (i = 0; i < 3; i++)
		if (!(cell[i] >= 1 && cell[i] <= 2000))
			return fault_set(f, "cell axis of %g A, not 1 to 2000",
			    cell[i]);
	for (; i < 6; i++)
		if (!(cell[i] >= 20 && cell[i] <= 160))
			return fault_set(f, "cell angle of %g degrees, not 20 to"
			    " 160", cell[i]);
	return 0;
}

int
lattice_from_cell(const double cell[6], struct lattice *l, struct fault *f)
{
	double axis[3][3] = { { 0 } }, c[3], s[3], y, square;
	int i;

	if (cell_check(cell, f) == -1)
		return -1;
	for (i = 0; i < 3; i++)
		elementary_sincos(cell[3 + i] / 360, &s[i], &c[i]);
	y = (c[0] - c[1] * c[2]) / s[2];
	square = 1 - c[1] * c[1] - y * y;
	if (square < 1e-4)
		return fault_set(f, "cell angles %g, %g, %g close no cell",
		    cell[3], cell[4], cell[5]);
	axis[0][0] = cell[0];
	axis[1][0] = cell[1] * c[2];
	axis[1][1] = cell[1] * s[2];
	axis[2][0] = cell[2] * c[1];
	axis[2][1] = cell[2] * y;
	axis[2][2] = cell[2] * sqrt(square);
	l->volume = axis[0][0] * axis[1][1] * axis[2][2];
	for (i = 0; i < 3; i++) {
		l->length[i] = cell[i];
		cross(axis[(i + 1) % 3], axis[(i + 2) % 3], 1 / l->volume,
		    l->star[i]);
	}
	return 0;
}

/* K. Shoemake, "Uniform random rotations", Graphics Gems III, 1992. */
void
rotation_draw(struct rng *r, double m[3][3])
{
	double u, s1, c1, s2, c2, w, x, y, z;

	u = rng_uniform(r);
	elementary_sincos(rng_uniform(r), &s1, &c1);
	elementary_sincos(rng_uniform(r), &s2, &c2);
	x = sqrt(1 - u) * s1;
	y = sqrt(1 - u) * c1;
	z = sqrt(u) * s2;
	w = sqrt(u) * c2;
	m[0][0] = 1 - 2 * (y * y + z * z);
	m[0][1] = 2 * (x * y - z * w);
	m[0][2] = 2 * (x * z + y * w);
	m[1][0] = 2 * (x * y + z * w);
	m[1][1] = 1 - 2 * (x * x + z * z);
	m[1][2] = 2 * (y * z - x * w);
	m[2][0] = 2 * (x * z - y * w);
	m[2][1] = 2 * (y * z + x * w);
	m[2][2] = 1 - 2 * (x * x + y * y);
}

void
lattice_rotate(const struct lattice *l, double rotation[3][3],
    struct lattice *turned)
{
	int i, j;

	*turned = *l;
	for (i = 0; i < 3; i++)
		for (j = 0; j < 3; j++)
			turned->star[i][j] = dot(rotation[j], l->star[i]);
}

/* Half the thickness of the reflecting shell at q. */
static double
reach(const struct beam *b, double q)
{
	return b->radius + q * q * b->bandwidth / (4 * b->k);
}

double
reflections_expected(const struct lattice *l, const struct beam *b)
{
	/* A sphere's cap of chord q has the area pi q^2, flat or not. */
	return M_PI * b->q_max * b->q_max * 2 * reach(b, b->q_max) * l->volume;
}

/* One point; returns whether it reflects. base is q + (0,0,k) for l = 0. */
static int
point_test(const struct beam *b, const double base[3], const double star[3],
    int l, struct reflection *r)
{
	double q[3], s, thick;
	int i;

	for (i = 0; i < 3; i++)
		r->towards[i] = q[i] = base[i] + l * star[i];
	q[2] -= b->k;
	r->l = l;
	r->q = sqrt(dot(q, q));
	if (r->q < b->q_min || r->q > b->q_max || r->towards[2] <= 0)
		return 0;
	thick = reach(b, r->q);
	s = (sqrt(dot(r->towards, r->towards)) - b->k) / thick;
	r->partiality = 1 - s * s;
	return r->partiality > 0;
}

struct search {
	const struct beam	*beam;
	const double		*star;	/* c* */
	struct reflection	*found;
	size_t			n, max;
};

static void
points_test(struct search *s, const double base[3], int h, int k, double from,
    double to)
{
	struct reflection r = { .h = h, .k = k };
	int l, last = (int)floor(to);

	for (l = (int)ceil(from); l <= last && s->n < s->max; l++)
		if (point_test(s->beam, base, s->star, l, &r))
			s->found[s->n++] = r;
}

/* Where |base + l star| = radius: 1 and both l in order, or 0. */
static int
crossings(const double base[3], const double star[3], double radius,
    double at[2])
{
	double a = dot(star, star), b = dot(base, star);
	double d = b * b - a * (dot(base, base) - radius * radius);

	if (d <= 0)
		return 0;
	at[0] = (-b - sqrt(d)) / a;
	at[1] = (-b + sqrt(d)) / a;
	return 1;
}

static void
row_test(struct search *s, const double base[3], int h, int k)
{
	double thick = reach(s->beam, s->beam->q_max);
	double outer[2], inner[2];

	if (!crossings(base, s->star, s->beam->k + thick, outer))
		return;
	if (!crossings(base, s->star, s->beam->k - thick, inner)) {
		points_test(s, base, h, k, outer[0], outer[1]);
		return;
	}
	points_test(s, base, h, k, outer[0], inner[0]);
	points_test(s, base, h, k, fmax(inner[1], floor(inner[0]) + 1),
	    outer[1]);
}

size_t
reflections_find(const struct lattice *turned, const struct beam *b,
    struct reflection *found, size_t max)
{
	struct search s = { .beam = b, .star = turned->star[2], .found = found,
	    .max = max };
	double base[3];
	/* h = q . a, so |h| is at most |q| |a|. */
	int h, h_max = (int)(b->q_max * turned->length[0]);
	int k, k_max = (int)(b->q_max * turned->length[1]), i;

	for (h = -h_max; h <= h_max; h++)
		for (k = -k_max; k <= k_max; k++) {
			for (i = 0; i < 3; i++)
				base[i] = h * turned->star[0][i] +
				    k * turned->star[1][i];
			base[2] += b->k;
			row_test(&s, base, h, k);
		}
	return s.n;
}

double
wilson_intensity(uint64_t seed, int h, int k, int l)
{
	uint64_t key;

	if (h < 0 || (h == 0 && (k < 0 || (k == 0 && l < 0)))) {
		h = -h;
		k = -k;
		l = -l;
	}
	key = (uint64_t)(h & 0xffff) << 32 | (uint64_t)(k & 0xffff) << 16 |
	    (uint64_t)(l & 0xffff);
	return -elementary_log(rng_unit(rng_mix(seed, key)));
}

double
wilson_falloff(double b, double q)
{
	return elementary_exp(-b * q * q / 2);
}
