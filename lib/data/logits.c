/*
 * Peaks are rare, so the work is to find out quickly where there are none. A row
 * is looked at in blocks of 64 pixels. The quick test asks of a whole block
 * whether all of it is surely background, in a loop without branches that every
 * compiler turns into a few vector instructions, so it runs as fast as memory
 * delivers. Only a block that fails it is looked at pixel by pixel and packed
 * into a word; that exact test has the say, the quick one may fail too often.
 *
 * f32: "l1 <= l0 everywhere" is false for a win and for a NaN in either class,
 * so one comparison serves both. Further classes can only take pixels away from
 * class 1; the quick test looks at them for NaNs alone.
 *
 * f16 and bf16 are never converted. As 16-bit integers, sign in the uppermost
 * bit, two of them compare like the numbers they stand for, unless both are
 * negative: then the other way round. So "l1 > l0, exclusive or both negative",
 * looked at in the uppermost bit, says who wins, in the order
 *
 *	-NaN < -infinity < ... < -0 < +0 < ... < +infinity < +NaN
 *
 * A NaN of class 1 at the upper end and of class 0 at the lower end looks like a
 * win. The NaNs that do not are +NaN in class 0, the largest signed integers, and
 * -NaN in class 1, the largest unsigned ones: two maxima watch for them. Equal
 * negative numbers and +0 over -0 look like wins as well; the exact test mends
 * that, where negative numbers become negative integers and both zeros 0.
 *
 * Nothing is prefetched: processors follow a few streams by themselves, and asking
 * for 4 KiB ahead made it a fifth slower where it was measured (EPYC, Zen 4).
 *
 * The same source is compiled once for each instruction set and chosen at run
 * time. It holds comparisons and no arithmetic, so all give the same bits. (AVX-512
 * was tried and is no faster: memory is the limit.)
 */
#include <string.h>

#include "data/bitplane.h"
#include "data/logits.h"

#define INLINE	static inline __attribute__((always_inline))

enum { BLOCK = 64 };

/* Where a row begins, for each class step bytes on. */
struct row {
	const unsigned char	*first;
	size_t			step;
	uint32_t		classes;
	uint32_t		width;
};

/* The largest 16-bit magnitude that is not a NaN: infinity. */
INLINE int16_t
infinity_of(enum logits_type t)
{
	return t == LOGITS_F16 ? 0x7c00 : 0x7f80;
}

INLINE int16_t
key_of(int16_t x)
{
	return (int16_t)(x < 0 ? -(x & 0x7fff) : x);
}

INLINE bool
is_nan16(int16_t x, int16_t infinity)
{
	return (x & 0x7fff) > infinity;
}

INLINE bool
quick_f32(const float *l0, const float *l1)
{
	int i, below = 1;

	for (i = 0; i < BLOCK; i++)
		below &= l1[i] <= l0[i];
	return !below;
}

INLINE bool
quick_16(const int16_t *l0, const int16_t *l1, int16_t infinity)
{
	int16_t wins = 0, high = INT16_MIN;
	uint16_t low = 0, u;
	int i;

	for (i = 0; i < BLOCK; i++) {
		wins = (int16_t)(wins |
		    ((l1[i] > l0[i] ? -1 : 0) ^ (l1[i] & l0[i])));
		high = high > l0[i] ? high : l0[i];
		u = (uint16_t)l1[i];
		low = low > u ? low : u;
	}
	return wins < 0 || high > infinity || low > (0x8000 | infinity);
}

INLINE bool
any_nan_f32(const float *l)
{
	int i, ordered = 1;

	for (i = 0; i < BLOCK; i++)
		ordered &= l[i] <= l[i];
	return !ordered;
}

INLINE bool
any_nan_16(const int16_t *l, int16_t infinity)
{
	int16_t high = 0, magnitude;
	int i;

	for (i = 0; i < BLOCK; i++) {
		magnitude = (int16_t)(l[i] & 0x7fff);
		high = high > magnitude ? high : magnitude;
	}
	return high > infinity;
}

/* May the 64 pixels from p on hold a win or a NaN? */
INLINE bool
suspect(enum logits_type t, const struct row *r, const unsigned char *p)
{
	const unsigned char *l = p + 2 * r->step;
	uint32_t c;
	bool yes;

	if (t == LOGITS_F32)
		yes = quick_f32((const float *)p, (const float *)(p + r->step));
	else
		yes = quick_16((const int16_t *)p,
		    (const int16_t *)(p + r->step), infinity_of(t));
	for (c = 2; c < r->classes; c++, l += r->step)
		yes |= t == LOGITS_F32 ? any_nan_f32((const float *)l) :
		    any_nan_16((const int16_t *)l, infinity_of(t));
	return yes;
}

INLINE void
beats_f32(const float *a, const float *b, uint32_t n, uint8_t *wins,
    uint8_t *nans)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		wins[i] = wins[i] & (a[i] > b[i]);
		nans[i] = nans[i] | (a[i] != a[i]) | (b[i] != b[i]);
	}
}

INLINE void
beats_16(const int16_t *a, const int16_t *b, int16_t infinity, uint32_t n,
    uint8_t *wins, uint8_t *nans)
{
	uint32_t i;
	uint8_t nan;

	for (i = 0; i < n; i++) {
		nan = is_nan16(a[i], infinity) || is_nan16(b[i], infinity);
		wins[i] = wins[i] & (key_of(a[i]) > key_of(b[i])) & !nan;
		nans[i] = nans[i] | nan;
	}
}

/* The n pixels from p on, one by one. */
INLINE uint64_t
exact(enum logits_type t, const struct row *r, const unsigned char *p,
    uint32_t n, uint32_t *nans)
{
	uint8_t win[BLOCK], nan[BLOCK];
	const unsigned char *l1 = p + r->step;
	uint32_t c;

	memset(win, 0, sizeof win);
	memset(win, 1, n);
	memset(nan, 0, sizeof nan);
	for (c = 0; c < r->classes; c++, p += r->step) {
		if (c == 1)
			continue;
		if (t == LOGITS_F32)
			beats_f32((const float *)l1, (const float *)p, n, win,
			    nan);
		else
			beats_16((const int16_t *)l1, (const int16_t *)p,
			    infinity_of(t), n, win, nan);
	}
	*nans += (uint32_t)__builtin_popcountll(bits_pack(nan));
	return bits_pack(win);
}

INLINE bool
row_bits(enum logits_type t, const struct row *r, uint64_t *bits, uint32_t *nans)
{
	size_t size = t == LOGITS_F32 ? 4 : 2;
	uint32_t fs, n, from;
	uint64_t any = 0;

	for (fs = 0; fs < r->width; fs += BLOCK, bits++) {
		n = r->width - fs < BLOCK ? r->width - fs : BLOCK;
		*bits = 0;
		/* A short last block is tested with the pixels before it. */
		from = fs + n - BLOCK;
		if (r->width >= BLOCK && !suspect(t, r, r->first + from * size))
			continue;
		*bits = exact(t, r, r->first + fs * size, n, nans);
		any |= *bits;
	}
	return any != 0;
}

INLINE bool
row_any_type(enum logits_type t, const struct row *r, uint64_t *bits,
    uint32_t *nans)
{
	switch (t) {
	case LOGITS_F32:
		return row_bits(LOGITS_F32, r, bits, nans);
	case LOGITS_F16:
		return row_bits(LOGITS_F16, r, bits, nans);
	case LOGITS_BF16:
		return row_bits(LOGITS_BF16, r, bits, nans);
	case LOGITS_NONE:
		break;
	}
	return false;
}

static bool
row_plain(enum logits_type t, const struct row *r, uint64_t *bits, uint32_t *nans)
{
	return row_any_type(t, r, bits, nans);
}

#ifdef __x86_64__

__attribute__((target("avx2"))) static bool
row_avx2(enum logits_type t, const struct row *r, uint64_t *bits, uint32_t *nans)
{
	return row_any_type(t, r, bits, nans);
}

bool
logits_isa_usable(enum logits_isa isa)
{
	return isa == LOGITS_PLAIN || __builtin_cpu_supports("avx2");
}

#else

#define row_avx2	row_plain

bool
logits_isa_usable(enum logits_isa isa)
{
	return isa == LOGITS_PLAIN;
}

#endif

static struct row
row_of(const struct layout *l, const void *logits, uint32_t panel, uint32_t ss)
{
	size_t size = logits_type_size(l->logits_type);
	struct row r;

	r.step = (size_t)l->height * l->width * size;
	r.first = (const unsigned char *)logits + (size_t)panel * l->classes * r.step +
	    (size_t)ss * l->width * size;
	r.classes = l->classes;
	r.width = l->real_width;
	return r;
}

bool
logits_row(enum logits_isa isa, const struct layout *l, const void *logits,
    uint32_t panel, uint32_t ss, uint64_t *bits, uint32_t *nans)
{
	struct row r = row_of(l, logits, panel, ss);

	if (isa == LOGITS_AVX2)
		return row_avx2(l->logits_type, &r, bits, nans);
	return row_plain(l->logits_type, &r, bits, nans);
}

/* A number to compare by, and whether it is none. */
static float
score(enum logits_type t, const unsigned char *p, bool *nan)
{
	int16_t half;
	float v;

	if (t == LOGITS_F32) {
		memcpy(&v, p, sizeof v);
		*nan |= v != v;
		return v;
	}
	memcpy(&half, p, sizeof half);
	*nan |= is_nan16(half, infinity_of(t));
	return key_of(half);
}

static uint8_t
winner(enum logits_type t, const unsigned char *p, size_t step, uint32_t classes)
{
	bool nan = false;
	float best = score(t, p, &nan), v;
	uint32_t c, won = 0;

	for (c = 1; c < classes; c++) {
		v = score(t, p + c * step, &nan);
		if (v == best)
			won = 0;
		if (v > best) {
			best = v;
			won = c;
		}
	}
	return nan ? 0 : (uint8_t)won;
}

void
logits_classes(const struct layout *l, const void *logits, uint32_t panel,
    uint32_t ss, uint8_t *classes)
{
	struct row r = row_of(l, logits, panel, ss);
	size_t size = logits_type_size(l->logits_type);
	uint32_t fs;

	for (fs = 0; fs < r.width; fs++)
		classes[fs] = winner(l->logits_type, r.first + fs * size,
		    r.step, r.classes);
}
