/*
 * Eight bytes a step: table k has what a byte becomes with k zero bytes behind it.
 * The tables are made before main begins, so that threads find them made.
 */
#include "base/crc.h"
#include "base/le.h"

enum { STEP = 8 };

static uint32_t table[STEP][256];

static void __attribute__((constructor))
table_make(void)
{
	uint32_t i, c;
	int k;

	for (i = 0; i < 256; i++) {
		c = i;
		for (k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78 : 0);
		table[0][i] = c;
	}
	for (k = 1; k < STEP; k++)
		for (i = 0; i < 256; i++) {
			c = table[k - 1][i];
			table[k][i] = c >> 8 ^ table[0][c & 255];
		}
}

uint32_t
crc32c_plain(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint32_t crc = 0xffffffff;
	uint64_t w;

	for (; n >= STEP; n -= STEP, p += STEP) {
		w = le_get64(p) ^ crc;
		crc = table[7][w & 255] ^ table[6][w >> 8 & 255] ^
		    table[5][w >> 16 & 255] ^ table[4][w >> 24 & 255] ^
		    table[3][w >> 32 & 255] ^ table[2][w >> 40 & 255] ^
		    table[1][w >> 48 & 255] ^ table[0][w >> 56];
	}
	for (; n > 0; n--, p++)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 255];
	return ~crc;
}
