/* Unit tests of the simulation's elementary functions, random numbers, halves. */
#include <math.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/elementary.h"
#include "sim/half.h"
#include "sim/rng.h"

static void
elementary_agrees(void **state)
{
	double x, s, c;

	(void)state;
	for (x = -690; x < 690; x += 0.377)
		assert_true(fabs(elementary_exp(x) / exp(x) - 1) < 1e-14);
	assert_true(elementary_exp(-1000) == 0);
	assert_true(isfinite(elementary_exp(1000)));
	for (x = 1e-300; x < 1e300; x *= 3.7)
		assert_true(fabs(elementary_log(x) - log(x)) <=
		    4e-16 * fabs(log(x)));
	for (x = 0.5; x < 1.5; x += 1e-4)
		assert_true(fabs(elementary_log(x) - log(x)) < 4e-16);
	for (x = -3; x < 3; x += 0.0137) {
		elementary_sincos(x, &s, &c);
		assert_true(fabs(s - sin(x * 2 * M_PI)) < 1e-14);
		assert_true(fabs(c - cos(x * 2 * M_PI)) < 1e-14);
	}
}

static void
quarters_are_exact(void **state)
{
	static const double sines[] = { 0, 1, 0, -1 };
	double s, c;
	int i;

	(void)state;
	for (i = -8; i < 8; i++) {
		elementary_sincos(i / 4.0, &s, &c);
		assert_true(s == sines[i & 3]);
		assert_true(c == sines[(i + 1) & 3]);
	}
}

static void
rng_is_xoshiro(void **state)
{
	/* The authors' reference code, started from 1, 2, 3, 4. */
	static const uint64_t expected[] = { 41943041, 58720359,
	    UINT64_C(3588806011781223), UINT64_C(3591011842654386) };
	struct rng r = { { 1, 2, 3, 4 } };
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_true(rng_next(&r) == expected[i]);
}

static void
streams_differ_and_repeat(void **state)
{
	struct rng a, b;

	(void)state;
	rng_seed(&a, 7, 3);
	rng_seed(&b, 7, 3);
	assert_true(rng_next(&a) == rng_next(&b));
	rng_seed(&b, 7, 4);
	assert_true(rng_next(&a) != rng_next(&b));
	rng_seed(&b, 8, 3);
	assert_true(rng_next(&a) != rng_next(&b));
}

static void
moments(double (*draw)(struct rng *), double *mean, double *variance)
{
	struct rng r;
	double v, sum = 0, squares = 0;
	int i, n = 100000;

	rng_seed(&r, 1, 0);
	for (i = 0; i < n; i++) {
		v = draw(&r);
		sum += v;
		squares += v * v;
	}
	*mean = sum / n;
	*variance = squares / n - *mean * *mean;
}

static double
poisson_3(struct rng *r)
{
	return rng_poisson(r, 3);
}

static double
poisson_50(struct rng *r)
{
	return rng_poisson(r, 50);
}

static void
distributions_have_their_moments(void **state)
{
	double m, v;

	(void)state;
	moments(rng_uniform, &m, &v);
	assert_true(fabs(m - 0.5) < 0.004 && fabs(v - 1 / 12.0) < 0.001);
	moments(rng_normal, &m, &v);
	assert_true(fabs(m) < 0.02 && fabs(v - 1) < 0.02);
	moments(poisson_3, &m, &v);
	assert_true(fabs(m - 3) < 0.03 && fabs(v - 3) < 0.08);
	moments(poisson_50, &m, &v);
	assert_true(fabs(m - 50) < 0.12 && fabs(v - 50) < 1.2);
}

static void
numbers_stay_in_range(void **state)
{
	struct rng r;
	int i;

	(void)state;
	assert_true(rng_unit(0) > 0);
	assert_true(rng_unit(UINT64_MAX) < 1);
	rng_seed(&r, 1, 1);
	assert_true(rng_poisson(&r, 0) == 0);
	for (i = 0; i < 10000; i++) {
		assert_true(rng_below(&r, 7) < 7);
		assert_true(rng_below(&r, 1) == 0);
		assert_true(rng_between(&r, -2, -1) < -1);
	}
}

static double
half_value(uint16_t h)
{
	int e = h >> 10 & 31, m = h & 1023;
	double v = e == 0 ? ldexp(m, -24) : ldexp(m + 1024, e - 25);

	return h & 0x8000 ? -v : v;
}

static void
halves_survive_and_round_to_even(void **state)
{
	unsigned h;

	(void)state;
	for (h = 0; h < 0x7c00; h++) {
		assert_int_equal(half_from_float((float)half_value((uint16_t)h)),
		    h);
		assert_int_equal(half_from_float((float)-half_value((uint16_t)h)),
		    h | 0x8000);
	}
	for (h = 0; h < 0x7bff; h++) {
		double a = half_value((uint16_t)h);
		double b = half_value((uint16_t)(h + 1));

		assert_int_equal(half_from_float((float)((a + b) / 2)),
		    h + (h & 1));
		assert_int_equal(half_from_float((float)(a + (b - a) * 0.51)),
		    h + 1);
	}
	assert_int_equal(half_from_float(65520), 0x7c00);
	assert_int_equal(half_from_float(65519), 0x7bff);
	assert_int_equal(half_from_float(1e30f), 0x7c00);
	assert_int_equal(half_from_float(1e-30f), 0);
}

static void
bfloats_round_to_even(void **state)
{
	(void)state;
	assert_int_equal(bfloat_from_float(1), 0x3f80);
	assert_int_equal(bfloat_from_float(-2), 0xc000);
	assert_int_equal(bfloat_from_float(1 + 0x1p-8f), 0x3f80);
	assert_int_equal(bfloat_from_float(1 + 0x3p-8f), 0x3f82);
	assert_int_equal(bfloat_from_float(1 + 0x1.1p-8f), 0x3f81);
	assert_int_equal(bfloat_from_float(0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elementary_agrees),
		cmocka_unit_test(quarters_are_exact),
		cmocka_unit_test(rng_is_xoshiro),
		cmocka_unit_test(streams_differ_and_repeat),
		cmocka_unit_test(distributions_have_their_moments),
		cmocka_unit_test(numbers_stay_in_range),
		cmocka_unit_test(halves_survive_and_round_to_even),
		cmocka_unit_test(bfloats_round_to_even),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
