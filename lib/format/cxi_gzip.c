/*
 * After the shuffle a chunk consists of planes: all lowest bytes, all second
 * bytes, ... A deflate stream is a sequence of blocks, so each plane is written in
 * the way that suits it, and ISA-L's igzip, several times as fast as zlib, need
 * not look at planes that are noise:
 *
 *	stored	the lower bytes of floating-point numbers are mostly noise: a
 *		copy, a hundred times as fast as any attempt
 *	runs	igzip looking back one or two bytes only: what is rare gets a
 *		long code, what is frequent a short one, runs of zeros nearly
 *		nothing. Matches further back happen by chance in noisy pixels
 *		and cost more than they save: less space in less time
 *	window	igzip looking back 32 KiB, where a sample says that this is
 *		smaller: rows that repeat, patterns
 *
 * A plane is noise if its bytes are spread evenly. Two bytes taken at random from
 * a sample are alike in 1 of 256 cases then; if that is no more than a quarter
 * more frequent, no code can save more than 4 % (the entropy is at least
 * 8 - log2(5/4) bits). Neighbours that are alike or sequences that return betray
 * order behind an even spread.
 *
 * Only integers and fixed places of the chunk itself decide, so the same chunk
 * always becomes the same bytes, if igzip does its part. Its levels 1 and 2 do not
 * by themselves (2.30): where there is nothing to look back on, the functions
 * isal_deflate_icf_body_hash_hist_* file the second position under a hash of rcx,
 * which holds the address of the stream then and not the pixels. The matches found
 * are valid but others in each process. So the first bytes of a plane are stored
 * and given to igzip as what went before: then it takes another path. Level 3,
 * which has other code, is right too, but takes a fifth to a half longer.
 */
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/cxi_gzip.h"
#include "format/cxi_shuffle.h"

enum {
	LEVEL = 1,
	WORK = ISAL_DEF_LVL1_MEDIUM,
	FIRST = 16,		/* bytes stored: more than igzip hashes at once */
	SLACK = 64,		/* igzip may look at bytes beyond the end */
	FRAME = 8,		/* header, an empty last block, Adler-32 */
	STORED_MAX = 65535,	/* bytes in a stored block */
	STORED_HEADER = 5,
	LINES = 64,		/* a sample for evenness: lines of LINE bytes */
	LINE = 32,
	STRETCH = 1024,		/* a sample for sequences that return */
	SEQUENCE = 8,
	SLOT_BITS = 10,
	TRIAL = 4096		/* a sample to try both on */
};

/* igzip's hist_bits. */
enum reach { REACH_RUNS = 1, REACH_WINDOW = 15 };

struct cxi_gzip {
	unsigned char		*shuffled;
	struct isal_zstream	*stream;
	uint8_t			*work;		/* igzip's */
	unsigned char		trial[2 * TRIAL];
};

struct cxi_gzip *
cxi_gzip_new(size_t bytes)
{
	struct cxi_gzip *g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	g->shuffled = calloc(1, bytes + SLACK);
	g->stream = calloc(1, sizeof *g->stream);
	g->work = calloc(1, WORK);
	if (g->shuffled == NULL || g->stream == NULL || g->work == NULL) {
		cxi_gzip_free(g);
		return NULL;
	}
	return g;
}

void
cxi_gzip_free(struct cxi_gzip *g)
{
	if (g == NULL)
		return;
	free(g->shuffled);
	free(g->stream);
	free(g->work);
	free(g);
}

/* igzip stores a block that will not shrink, however short the block. */
static size_t
deflate_bound(size_t n)
{
	return n + n / 64 + SLACK;
}

/* Up to four planes. */
size_t
cxi_gzip_bound(size_t bytes)
{
	return FRAME + deflate_bound(bytes) + 4 * (size_t)(STORED_HEADER + SLACK);
}

static size_t
store(const unsigned char *p, size_t n, unsigned char *out)
{
	unsigned char *to = out;
	size_t len;

	for (; n > 0; n -= len, p += len, to += len) {
		len = n < STORED_MAX ? n : STORED_MAX;
		*to++ = 0;
		*to++ = (unsigned char)len;
		*to++ = (unsigned char)(len >> 8);
		*to++ = (unsigned char)~len;
		*to++ = (unsigned char)(~len >> 8);
		memcpy(to, p, len);
	}
	return (size_t)(to - out);
}

/*
 * n bytes as blocks of their own; 0 on failure. The first few are stored, so that
 * igzip has something to look back on.
 */
static size_t
deflate(struct cxi_gzip *g, enum reach reach, unsigned char *p, size_t n,
    unsigned char *out)
{
	struct isal_zstream *z = g->stream;
	size_t first = n < FIRST ? n : FIRST, len = store(p, first, out);

	if (n == first)
		return len;
	isal_deflate_init(z);
	z->hist_bits = (uint16_t)reach;
	z->level = LEVEL;
	z->level_buf = g->work;
	z->level_buf_size = WORK;
	z->flush = SYNC_FLUSH;		/* to a whole byte, stream not over */
	z->next_in = p + first;
	z->avail_in = (uint32_t)(n - first);
	z->next_out = out + len;
	z->avail_out = (uint32_t)deflate_bound(n - first);
	if (isal_deflate_set_dict(z, p, (uint32_t)first) != COMP_OK ||
	    isal_deflate(z) != COMP_OK || z->avail_in > 0 || z->avail_out == 0)
		return 0;
	return len + z->total_out;
}

/* Are the bytes spread evenly and without order from one to the next? */
static bool
is_noise(const unsigned char *p, size_t n)
{
	enum { ALL = LINES * (LINE - 1) };
	uint32_t count[2][256] = { { 0 } }, c, alike = 0, pairs = 0;
	const unsigned char *line;
	int i, k;

	if (n < (size_t)LINES * LINE)
		return false;
	for (k = 0; k < LINES; k++) {
		line = p + n / LINES * (size_t)k;
		for (i = 0; i < LINE - 1; i++) {
			/* Two tables: adding to one number twice must wait. */
			count[i % 2][line[i]]++;
			pairs += line[i] == line[i + 1];
		}
	}
	for (i = 0; i < 256; i++) {
		c = count[0][i] + count[1][i];
		alike += c * (c - 1);
	}
	return alike < ALL * (ALL - 1) / 256 * 5 / 4 && pairs < ALL / 32;
}

static uint64_t
sequence_at(const unsigned char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof x);
	return x;
}

/*
 * Do a quarter of all sequences of 8 bytes return within a stretch from the
 * middle? Runs are left out: those need no window.
 */
static bool
has_repeats(const unsigned char *p, size_t n)
{
	uint16_t last[1 << SLOT_BITS] = { 0 }, *slot;
	size_t len = n < STRETCH ? n : STRETCH, i, found = 0;
	uint64_t x;

	p += (n - len) / 2;
	for (i = 1; i + SEQUENCE <= len; i++) {
		x = sequence_at(p + i);
		slot = &last[x * UINT64_C(0x9e3779b97f4a7c15) >>
		    (64 - SLOT_BITS)];
		found += (sequence_at(p + *slot) == x) & (x != (x << 8 | x >> 56));
		*slot = (uint16_t)i;
	}
	return found > len / 4;
}

/* The reach that makes less of a sample from the middle. */
static enum reach
reach_try(struct cxi_gzip *g, unsigned char *p, size_t n)
{
	size_t len = n < TRIAL ? n : TRIAL, runs, window;

	p += (n - len) / 2;
	runs = deflate(g, REACH_RUNS, p, len, g->trial);
	window = deflate(g, REACH_WINDOW, p, len, g->trial);
	return window < runs ? REACH_WINDOW : REACH_RUNS;
}

static size_t
plane_pack(struct cxi_gzip *g, unsigned char *p, size_t n, unsigned char *out)
{
	if (has_repeats(p, n))
		return deflate(g, reach_try(g, p, n), p, n, out);
	if (is_noise(p, n))
		return store(p, n, out);
	return deflate(g, REACH_RUNS, p, n, out);
}

static unsigned char *
bytes_put(unsigned char *out, const void *bytes, size_t n)
{
	memcpy(out, bytes, n);
	return out + n;
}

size_t
cxi_gzip_pack(struct cxi_gzip *g, const void *in, size_t n, size_t size,
    void *out)
{
	static const unsigned char header[] = { 0x78, 0x01 }, last[] = { 3, 0 };
	unsigned char *to = bytes_put(out, header, sizeof header);
	uint32_t sum;
	size_t k, len;

	shuffle_bytes(g->shuffled, in, n, size);
	for (k = 0; k < size; k++, to += len) {
		len = plane_pack(g, g->shuffled + k * n, n, to);
		if (len == 0)
			return 0;
	}
	to = bytes_put(to, last, sizeof last);
	sum = isal_adler32(1, g->shuffled, n * size);
	sum = __builtin_bswap32(sum);
	to = bytes_put(to, &sum, sizeof sum);
	return (size_t)(to - (unsigned char *)out);
}
