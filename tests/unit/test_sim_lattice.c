/* Unit tests of the simulated lattice and of Ewald's construction. */
#include <math.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/lattice.h"

static const double triclinic[6] = { 31.2, 44.7, 52.9, 81, 95.5, 108 };

static double
dot(const double *a, const double *b)
{
	return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static double
length(const double *a)
{
	return sqrt(dot(a, a));
}

/* International Tables C, 1.1: a* = b c sin(alpha) / V, and so on. */
static void
reciprocal_cell_is_that_of_the_tables(void **state)
{
	const double *c = triclinic;
	double s[3], k[3], v;
	struct lattice l;
	int i;

	(void)state;
	assert_int_equal(lattice_from_cell(triclinic, &l, NULL), 0);
	for (i = 0; i < 3; i++) {
		s[i] = sin(c[3 + i] * M_PI / 180);
		k[i] = cos(c[3 + i] * M_PI / 180);
	}
	v = c[0] * c[1] * c[2] * sqrt(1 - k[0] * k[0] - k[1] * k[1] -
	    k[2] * k[2] + 2 * k[0] * k[1] * k[2]);
	assert_true(fabs(l.volume / v - 1) < 1e-12);
	for (i = 0; i < 3; i++) {
		int m = (i + 1) % 3, n = (i + 2) % 3;

		assert_true(fabs(length(l.star[i]) * v /
		    (c[m] * c[n] * s[i]) - 1) < 1e-12);
		assert_true(fabs(dot(l.star[m], l.star[n]) /
		    (length(l.star[m]) * length(l.star[n])) -
		    (k[m] * k[n] - k[i]) / (s[m] * s[n])) < 1e-12);
	}
}

static void
impossible_cells_are_refused(void **state)
{
	static const double bad[][6] = {
		{ 0.5, 10, 10, 90, 90, 90 }, { 10, 2001, 10, 90, 90, 90 },
		{ 10, 10, NAN, 90, 90, 90 }, { 10, 10, 10, 10, 90, 90 },
		{ 10, 10, 10, 90, 170, 90 }, { 10, 10, 10, 30, 30, 90 },
		{ 10, 10, 10, 120, 120, 120 }, { 10, 10, 10, 90, 90, NAN },
	};
	struct lattice l;
	struct fault f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		f.text[0] = '\0';
		assert_int_equal(lattice_from_cell(bad[i], &l, &f), -1);
		assert_true(f.text[0] != '\0');
	}
}

static void
rotations_are_proper_and_even(void **state)
{
	double m[3][3], sum[3] = { 0 }, squares = 0, n = 20000;
	struct rng r;
	int i, j, k;

	(void)state;
	rng_seed(&r, 5, 5);
	for (i = 0; i < n; i++) {
		rotation_draw(&r, m);
		for (j = 0; j < 3; j++) {
			assert_true(fabs(length(m[j]) - 1) < 1e-12);
			assert_true(fabs(dot(m[j], m[(j + 1) % 3])) < 1e-12);
			sum[j] += m[0][j];
		}
		assert_true(fabs(m[0][0] * (m[1][1] * m[2][2] -
		    m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] -
		    m[1][2] * m[2][0]) + m[0][2] * (m[1][0] * m[2][1] -
		    m[1][1] * m[2][0]) - 1) < 1e-12);
		squares += m[2][0] * m[2][0];
	}
	/* A vector turned at random is even on the sphere. */
	for (k = 0; k < 3; k++)
		assert_true(fabs(sum[k] / n) < 0.02);
	assert_true(fabs(squares / n - 1 / 3.0) < 0.01);
}

/* Every reflection, by brute force over all indices. */
static size_t
brute_force(const struct lattice *l, const struct beam *b)
{
	double q[3], v[3], size, thick;
	size_t n = 0;
	int h, k, m, i;

	for (h = -40; h <= 40; h++)
		for (k = -40; k <= 40; k++)
			for (m = -40; m <= 40; m++) {
				for (i = 0; i < 3; i++)
					v[i] = q[i] = h * l->star[0][i] +
					    k * l->star[1][i] +
					    m * l->star[2][i];
				v[2] += b->k;
				size = length(q);
				thick = b->radius + size * size * b->bandwidth /
				    (4 * b->k);
				n += size >= b->q_min && size <= b->q_max &&
				    v[2] > 0 && fabs(length(v) - b->k) < thick;
			}
	return n;
}

static void
search_finds_what_brute_force_finds(void **state)
{
	const struct beam b = { .k = 0.766, .bandwidth = 0.01,
	    .radius = 0.002, .q_min = 0.04, .q_max = 0.55 };
	struct reflection *found = calloc(4096, sizeof *found);
	struct lattice l, turned;
	double m[3][3], total = 0;
	struct rng r;
	size_t n;
	int i;

	(void)state;
	assert_non_null(found);
	assert_int_equal(lattice_from_cell(triclinic, &l, NULL), 0);
	rng_seed(&r, 9, 9);
	for (i = 0; i < 20; i++) {
		rotation_draw(&r, m);
		lattice_rotate(&l, m, &turned);
		n = reflections_find(&turned, &b, found, 4096);
		assert_int_equal(n, brute_force(&turned, &b));
		total += (double)n;
		assert_int_equal(reflections_find(&turned, &b, found, 10), 10);
	}
	/* The estimate takes the thickest part for all: it is not below. */
	assert_true(total / 20 < reflections_expected(&l, &b));
	assert_true(total / 20 > reflections_expected(&l, &b) / 2);
	free(found);
}

static void
intensities_are_exponential_and_friedel_pairs_equal(void **state)
{
	double sum = 0, squares = 0, v, n = 0;
	int h, k, l;

	(void)state;
	for (h = 0; h < 30; h++)
		for (k = 1; k < 30; k++)
			for (l = -30; l < 30; l++) {
				v = wilson_intensity(1, h, k, l);
				assert_true(v == wilson_intensity(1, -h, -k,
				    -l));
				sum += v;
				squares += v * v;
				n++;
			}
	assert_true(fabs(sum / n - 1) < 0.02);
	/* <I^2> / <I>^2 is 2 for an acentric crystal. */
	assert_true(fabs(squares * n / (sum * sum) - 2) < 0.1);
	assert_true(wilson_intensity(1, 1, 2, 3) !=
	    wilson_intensity(2, 1, 2, 3));
	assert_true(fabs(wilson_falloff(20, 0.5) - exp(-2.5)) < 1e-12);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reciprocal_cell_is_that_of_the_tables),
		cmocka_unit_test(impossible_cells_are_refused),
		cmocka_unit_test(rotations_are_proper_and_even),
		cmocka_unit_test(search_finds_what_brute_force_finds),
		cmocka_unit_test(
		    intensities_are_exponential_and_friedel_pairs_equal),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
