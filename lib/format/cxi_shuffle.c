/*
 * The byte shuffle is a loop that compilers turn into vector instructions, near
 * the speed of memory with SSE2 already: one version is enough. It is the first to
 * touch the pixels, and the hardware prefetches within a page of 4 KiB only: asking
 * for the place that far ahead halves its time.
 *
 * The bits of 8 bytes are transposed as an 8 x 8 matrix in a 64-bit word, in
 * three steps that swap squares of 1, 2 and 4 bits. AVX2 has an instruction that
 * takes the uppermost bit of 32 bytes at once, three times as fast. GFNI multiplies
 * such matrices: one whose rows are single bits, by the bytes, is them transposed;
 * three times as fast again.
 */
#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <stdint.h>
#include <string.h>

#include "format/cxi_shuffle.h"

enum { PIECE = 256, AHEAD = 4096, LINE = 64 };

static void
bytes_of_2(unsigned char *restrict out, const unsigned char *restrict in,
    size_t n, size_t step)
{
	size_t i;

	for (i = 0; i < n; i++) {
		out[i] = in[2 * i];
		out[step + i] = in[2 * i + 1];
	}
}

static void
bytes_of_4(unsigned char *restrict out, const unsigned char *restrict in,
    size_t n, size_t step)
{
	size_t i;

	for (i = 0; i < n; i++) {
		out[i] = in[4 * i];
		out[step + i] = in[4 * i + 1];
		out[2 * step + i] = in[4 * i + 2];
		out[3 * step + i] = in[4 * i + 3];
	}
}

static void
prefetch(const unsigned char *p, size_t bytes)
{
	size_t at;

	for (at = 0; at < bytes; at += LINE)
		__builtin_prefetch(p + AHEAD + at);
}

void
shuffle_bytes(void *out, const void *in, size_t n, size_t size)
{
	const unsigned char *from = in;
	unsigned char *to = out;
	size_t i, m;

	for (i = 0; i < n; i += m, from += m * size) {
		m = n - i < PIECE ? n - i : PIECE;
		prefetch(from, m * size);
		if (size == 4)
			bytes_of_4(to + i, from, m, n);
		else if (size == 2)
			bytes_of_2(to + i, from, m, n);
		else
			memcpy(to + i, from, m);
	}
}

/* Bit k of byte i becomes bit i of byte k; bytes count from the lowest. */
static uint64_t
square_transpose(uint64_t x)
{
	uint64_t swap;

	swap = (x ^ x >> 7) & UINT64_C(0x00aa00aa00aa00aa);
	x ^= swap ^ swap << 7;
	swap = (x ^ x >> 14) & UINT64_C(0x0000cccc0000cccc);
	x ^= swap ^ swap << 14;
	swap = (x ^ x >> 28) & UINT64_C(0x00000000f0f0f0f0);
	return x ^ swap ^ swap << 28;
}

/* The bytes from i on, i a multiple of 8. */
static void
bits_plain(unsigned char *out, const unsigned char *in, size_t n, size_t i)
{
	size_t row = n / 8;
	uint64_t x;
	unsigned k;

	for (; i < n; i += 8) {
		x = 0;
		for (k = 0; k < 8; k++)
			x |= (uint64_t)in[i + k] << 8 * k;
		x = square_transpose(x);
		for (k = 0; k < 8; k++)
			out[k * row + i / 8] = (unsigned char)(x >> 8 * k);
	}
}

#ifdef __x86_64__

/* The builtin wants plain char; adding must wrap. */
typedef char char32 __attribute__((vector_size(32)));
typedef unsigned char byte32 __attribute__((vector_size(32)));

__attribute__((target("avx2"))) static void
bits_avx2(unsigned char *out, const unsigned char *in, size_t n)
{
	size_t row = n / 8, i;
	byte32 x;
	int bits, k;

	for (i = 0; i + 32 <= n; i += 32) {
		memcpy(&x, in + i, sizeof x);
		for (k = 7; k >= 0; k--) {
			bits = __builtin_ia32_pmovmskb256((char32)x);
			memcpy(out + (size_t)k * row + i / 8, &bits, 4);
			x += x;
		}
	}
	bits_plain(out, in, n, i);
}

/*
 * Rows of a matrix count from its last byte, hence the words are turned around
 * first. Then byte k of word w has bits k of bytes 8 w to 8 w + 7: as an 8 x 8
 * matrix of bytes it is transposed once more, for stores of whole words.
 */
__attribute__((target("avx512bw,avx512vbmi,gfni"))) static void
bits_gfni(unsigned char *out, const unsigned char *in, size_t n)
{
	const __m512i single = _mm512_set1_epi64((int64_t)0x8040201008040201);
	const __m512i around = _mm512_set4_epi64(0x08090a0b0c0d0e0f,
	    0x0001020304050607, 0x08090a0b0c0d0e0f, 0x0001020304050607);
	unsigned char turned[64];
	uint64_t words[8];
	size_t row = n / 8, i, k;
	__m512i turn, x;

	for (k = 0; k < 64; k++)
		turned[k] = (unsigned char)(k % 8 * 8 + k / 8);
	turn = _mm512_loadu_si512(turned);
	for (i = 0; i + 64 <= n; i += 64) {
		x = _mm512_loadu_si512(in + i);
		x = _mm512_shuffle_epi8(x, around);
		x = _mm512_gf2p8affine_epi64_epi8(single, x, 0);
		x = _mm512_permutexvar_epi8(turn, x);
		_mm512_storeu_si512(words, x);
		for (k = 0; k < 8; k++)
			memcpy(out + k * row + i / 8, &words[k], 8);
	}
	bits_plain(out, in, n, i);
}

bool
shuffle_isa_usable(enum shuffle_isa isa)
{
	switch (isa) {
	case SHUFFLE_GFNI:
		return __builtin_cpu_supports("avx512bw") &&
		    __builtin_cpu_supports("avx512vbmi") &&
		    __builtin_cpu_supports("gfni");
	case SHUFFLE_AVX2:
		return __builtin_cpu_supports("avx2");
	default:
		return true;
	}
}

void
shuffle_bits(enum shuffle_isa isa, void *out, const void *in, size_t n)
{
	if (isa == SHUFFLE_GFNI)
		bits_gfni(out, in, n);
	else if (isa == SHUFFLE_AVX2)
		bits_avx2(out, in, n);
	else
		bits_plain(out, in, n, 0);
}

#else

bool
shuffle_isa_usable(enum shuffle_isa isa)
{
	return isa == SHUFFLE_PLAIN;
}

void
shuffle_bits(enum shuffle_isa isa, void *out, const void *in, size_t n)
{
	(void)isa;
	bits_plain(out, in, n, 0);
}

#endif
