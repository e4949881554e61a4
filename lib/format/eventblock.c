#include <stdio.h>
#include <string.h>

#include "base/crc.h"
#include "base/le.h"
#include "base/utf8.h"
#include "format/eventblock.h"

enum { CRC_PLANES = 48, CRC_BLOCK = 64, SOURCE_AT = 128 };

void
eventblock_pack(unsigned char *p, const struct event *e)
{
	memset(p, 0, LAYOUT_BLOCK_SIZE);
	le_put64(p, e->timestamp);
	le_putf64(p + 8, e->photon_energy);
	le_putf64(p + 16, e->encoder);
	le_put32(p + 24, e->known);
	le_put32(p + 28, e->peaks_found);
	le_put32(p + 32, e->peaks_kept);
	le_put32(p + 36, e->nans);
	le_put32(p + 40, (uint32_t)e->cause);
	memcpy(p + SOURCE_AT, e->source,
	    strnlen(e->source, EVENT_SOURCE_SIZE - 1));
}

void
eventblock_update(unsigned char *p, const struct event *e)
{
	unsigned char crcs[CRC_BLOCK - CRC_PLANES];

	memcpy(crcs, p + CRC_PLANES, sizeof crcs);
	eventblock_pack(p, e);
	memcpy(p + CRC_PLANES, crcs, sizeof crcs);
}

void
eventblock_name(unsigned char *p, const char *text)
{
	char *source = (char *)p + SOURCE_AT, whole[2 * EVENT_SOURCE_SIZE];
	size_t n;

	snprintf(whole, sizeof whole, "%s%s%.*s", text, *source == '\0' ? "" : ":",
	    (int)strnlen(source, EVENT_SOURCE_SIZE - 1), source);
	n = strlen(whole);
	if (n >= EVENT_SOURCE_SIZE)
		/* Not between the bytes of one character of UTF-8. */
		for (n = EVENT_SOURCE_SIZE - 1; n > 0 &&
		    ((unsigned char)whole[n] & 0xc0) == 0x80; n--)
			;
	memset(source, 0, EVENT_SOURCE_SIZE);
	memcpy(source, whole, n);
}

int
eventblock_unpack(const unsigned char *p, const struct layout *l,
    struct event *e, struct fault *f)
{
	e->timestamp = le_get64(p);
	e->photon_energy = le_getf64(p + 8);
	e->encoder = le_getf64(p + 16);
	e->known = le_get32(p + 24);
	e->peaks_found = le_get32(p + 28);
	e->peaks_kept = le_get32(p + 32);
	e->nans = le_get32(p + 36);
	e->cause = (enum event_cause)le_get32(p + 40);
	memcpy(e->source, p + SOURCE_AT, EVENT_SOURCE_SIZE);
	e->source[EVENT_SOURCE_SIZE - 1] = '\0';
	/* It goes into logs, a line an event, and onto terminals. */
	utf8_clean(e->source);
	if (!event_time_valid(e->timestamp))
		e->known &= ~(uint32_t)QUANTITY_TIMESTAMP;
	if (!(e->known & QUANTITY_TIMESTAMP))
		e->timestamp = 0;
	if (e->known & ~(uint32_t)QUANTITY_ALL)
		return fault_set(f, "unknown quantities %#x in the event block",
		    e->known);
	if (e->peaks_kept > l->capacity || e->peaks_kept > e->peaks_found)
		return fault_set(f, "%u peaks kept of %u found, capacity %u",
		    e->peaks_kept, e->peaks_found, l->capacity);
	if ((uint32_t)e->cause > EVENT_WORKER)
		return fault_set(f, "unknown cause of failure %u",
		    (unsigned)e->cause);
	return 0;
}

static uint32_t
plane_crc(const struct place *at, const struct layout *l, unsigned plane)
{
	return crc32c(place_plane(at, l, plane), layout_plane_bytes(l, plane));
}

static uint32_t
block_crc(const unsigned char *p)
{
	unsigned char copy[LAYOUT_BLOCK_SIZE];

	memcpy(copy, p, sizeof copy);
	le_put32(copy + CRC_BLOCK, 0);
	return crc32c(copy, sizeof copy);
}

void
eventblock_seal(const struct place *at, const struct layout *l,
    unsigned planes, unsigned fresh)
{
	unsigned char *p = at->block;
	unsigned plane;
	size_t i;

	for (plane = 1, i = 0; plane < PLANE_ALL; plane <<= 1, i++)
		if (!(planes & plane))
			le_put32(p + CRC_PLANES + 4 * i, 0);
		else if (fresh & plane)
			le_put32(p + CRC_PLANES + 4 * i,
			    plane_crc(at, l, plane));
	le_put32(p + CRC_BLOCK, block_crc(p));
}

int
eventblock_check(const struct place *at, const struct layout *l,
    unsigned check, struct fault *f)
{
	const unsigned char *p = at->block;
	static const char *const names[] = {
		"logits", "segmentation map", "image", "peaks"
	};
	unsigned plane;
	size_t i;

	if (le_get32(p + CRC_BLOCK) != block_crc(p))
		return fault_set(f, "damaged event block (checksum)");
	for (plane = 1, i = 0; plane < PLANE_ALL; plane <<= 1, i++)
		if ((check & plane) && le_get32(p + CRC_PLANES + 4 * i) !=
		    plane_crc(at, l, plane))
			return fault_set(f, "damaged %s (checksum)", names[i]);
	return 0;
}
