/*
 * Random numbers that depend on a seed and a stream number only: every event
 * seeds its own generator, so that event k is the same however many are asked
 * for, and on every machine.
 */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include <stdint.h>

struct rng {
	uint64_t	state[4];
};

/* Starts stream number `stream` of a seed; streams are independent. */
void	rng_seed(struct rng *, uint64_t seed, uint64_t stream);

/* 64 random bits. */
uint64_t	rng_next(struct rng *);

/* Uniform in the open interval (0, 1): never 0, so a logarithm may follow. */
double	rng_uniform(struct rng *);

/* Uniform in (low, high). */
double	rng_between(struct rng *, double low, double high);

/* Uniform in 0 .. n-1; n of 1 or more. */
uint32_t	rng_below(struct rng *, uint32_t n);

/* Normal, mean 0, variance 1. */
double	rng_normal(struct rng *);

/*
 * Poisson of a mean >= 0. Exact below 30; above, a normal with the same mean
 * and variance, rounded (its skewness, 0.18 and less, is left out).
 */
double	rng_poisson(struct rng *, double mean);

/* One well-mixed number from a seed and a key: a hash, for things that must be
   the same in every event, as the intensity of a reflection. */
uint64_t	rng_mix(uint64_t seed, uint64_t key);

/* 64 bits to a uniform number in (0, 1). */
double	rng_unit(uint64_t bits);

#endif
