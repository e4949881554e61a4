/*
 * Little-endian fields, packed and unpacked byte by byte, so that the wire
 * format does not depend on the machine. Compilers make single moves of them.
 */
#ifndef BASE_LE_H
#define BASE_LE_H

#include <stdint.h>
#include <string.h>

static inline void
le_put16(unsigned char *p, uint16_t v)
{
	p[0] = (unsigned char)v;
	p[1] = (unsigned char)(v >> 8);
}

static inline void
le_put32(unsigned char *p, uint32_t v)
{
	le_put16(p, (uint16_t)v);
	le_put16(p + 2, (uint16_t)(v >> 16));
}

static inline void
le_put64(unsigned char *p, uint64_t v)
{
	le_put32(p, (uint32_t)v);
	le_put32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t
le_get16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
le_get32(const unsigned char *p)
{
	return (uint32_t)le_get16(p) | (uint32_t)le_get16(p + 2) << 16;
}

static inline uint64_t
le_get64(const unsigned char *p)
{
	return (uint64_t)le_get32(p) | (uint64_t)le_get32(p + 4) << 32;
}

static inline void
le_putf32(unsigned char *p, float v)
{
	uint32_t u;

	memcpy(&u, &v, sizeof u);
	le_put32(p, u);
}

static inline void
le_putf64(unsigned char *p, double v)
{
	uint64_t u;

	memcpy(&u, &v, sizeof u);
	le_put64(p, u);
}

static inline float
le_getf32(const unsigned char *p)
{
	uint32_t u = le_get32(p);
	float v;

	memcpy(&v, &u, sizeof v);
	return v;
}

static inline double
le_getf64(const unsigned char *p)
{
	uint64_t u = le_get64(p);
	double v;

	memcpy(&v, &u, sizeof v);
	return v;
}

#endif
