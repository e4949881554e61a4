/*
 * xoshiro256++ (D. Blackman, S. Vigna, "Scrambled linear pseudorandom number
 * generators", 2021), its state filled by splitmix64 (G. Steele, D. Lea, C.
 * Flood, "Fast splittable pseudorandom number generators", 2014) as its authors
 * advise: neighbouring seeds and streams then share nothing.
 */
#include <math.h>

#include "sim/elementary.h"
#include "sim/rng.h"

static uint64_t
splitmix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t
rng_mix(uint64_t seed, uint64_t key)
{
	uint64_t state = seed;

	state = splitmix(&state) ^ key;
	return splitmix(&state);
}

void
rng_seed(struct rng *r, uint64_t seed, uint64_t stream)
{
	uint64_t state = rng_mix(seed, stream);
	int i;

	for (i = 0; i < 4; i++)
		r->state[i] = splitmix(&state);
}

static uint64_t
rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

uint64_t
rng_next(struct rng *r)
{
	uint64_t *s = r->state;
	uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

double
rng_unit(uint64_t bits)
{
	return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

double
rng_uniform(struct rng *r)
{
	return rng_unit(rng_next(r));
}

double
rng_between(struct rng *r, double low, double high)
{
	return low + (high - low) * rng_uniform(r);
}

uint32_t
rng_below(struct rng *r, uint32_t n)
{
	/* The upper half of a product; its bias is n / 2^32, far below notice. */
	return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

double
rng_normal(struct rng *r)
{
	double radius, sine, cosine;

	/* Box and Muller, 1958; the second number is not kept. */
	radius = sqrt(-2 * elementary_log(rng_uniform(r)));
	elementary_sincos(rng_uniform(r), &sine, &cosine);
	return radius * cosine;
}

double
rng_poisson(struct rng *r, double mean)
{
	double limit, product, n;

	if (mean >= 30) {
		n = floor(mean + sqrt(mean) * rng_normal(r) + 0.5);
		return n > 0 ? n : 0;
	}
	/* Knuth, The Art of Computer Programming 2, 3.4.1. */
	limit = elementary_exp(-mean);
	product = rng_uniform(r);
	for (n = 0; product > limit; n++)
		product *= rng_uniform(r);
	return n;
}
