#include <string.h>

#include "base/crc.h"
#include "base/le.h"
#include "transport/record.h"

const unsigned char record_magic[8] = { 0x89, 'Q', '2', 'R', '\r', '\n', 0x1a, '\n' };
static const unsigned char hdf5[8] = { 0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n' };

void
record_pack(unsigned char *p, const struct record *r)
{
	memset(p, 0, RECORD_SIZE);
	memcpy(p, record_magic, sizeof record_magic);
	le_put16(p + 8, RECORD_VERSION);
	le_put16(p + 10, (uint16_t)r->type);
	le_put32(p + 12, r->flags);
	le_put64(p + 16, r->length);
	le_put64(p + 24, r->stream);
	le_put64(p + 32, r->seq);
	switch (r->type) {
	case RECORD_STREAM:
		le_put32(p + 40, r->crc);
		break;
	case RECORD_REFERENCE:
		le_put32(p + 44, r->slot);
		le_put64(p + 48, r->generation);
		le_put32(p + 56, r->session);
		/* FALLTHROUGH */
	case RECORD_EVENT:
		le_put32(p + 40, r->planes);
		break;
	case RECORD_END:
		le_put64(p + 40, r->count);
		break;
	}
	le_put32(p + 60, crc32c(p, 60));
}

/* Length and flags are bounded by the type; events by their stream's layout. */
static int
record_check(const struct record *r, struct fault *f)
{
	uint32_t flags = 0;
	int ok = 0;

	switch (r->type) {
	case RECORD_STREAM:
		ok = r->length == RECORD_STREAM_SIZE;
		flags = RECORD_AGAIN;
		break;
	case RECORD_EVENT:
		ok = r->length > RECORD_SIZE && r->length % RECORD_SIZE == 0;
		flags = RECORD_FAILED | RECORD_CRC;
		break;
	case RECORD_REFERENCE:
		ok = r->length == RECORD_SIZE;
		flags = RECORD_FAILED | RECORD_CRC;
		break;
	case RECORD_END:
		ok = r->length == RECORD_SIZE;
		flags = RECORD_INTERRUPTED;
		break;
	default:
		return fault_set(f, "unknown record type %u", (unsigned)r->type);
	}
	if (!ok)
		return fault_set(f, "record of type %u with length %llu",
		    (unsigned)r->type, (unsigned long long)r->length);
	if (r->flags & ~flags)
		return fault_set(f, "record of type %u with unknown flags %#x",
		    (unsigned)r->type, r->flags);
	return 0;
}

int
record_unpack(const unsigned char *p, struct record *r, struct fault *f)
{
	memset(r, 0, sizeof *r);
	if (memcmp(p, hdf5, sizeof hdf5) == 0)
		return fault_set(f, "an HDF5 file, not q2 records; a dump is an"
		    " operand of q2cat, and never comes through a pipe");
	if (memcmp(p, record_magic, sizeof record_magic) != 0)
		return fault_set(f, "not a q2 record (wrong magic)");
	if (le_get16(p + 8) != RECORD_VERSION)
		return fault_set(f, "q2 version %u; this program reads version %d",
		    le_get16(p + 8), RECORD_VERSION);
	if (le_get32(p + 60) != crc32c(p, 60))
		return fault_set(f, "damaged record header (checksum)");
	r->type = (enum record_type)le_get16(p + 10);
	r->flags = le_get32(p + 12);
	r->length = le_get64(p + 16);
	r->stream = le_get64(p + 24);
	r->seq = le_get64(p + 32);
	switch (r->type) {
	case RECORD_STREAM:
		r->crc = le_get32(p + 40);
		break;
	case RECORD_REFERENCE:
		r->slot = le_get32(p + 44);
		r->generation = le_get64(p + 48);
		r->session = le_get32(p + 56);
		/* FALLTHROUGH */
	case RECORD_EVENT:
		r->planes = le_get32(p + 40);
		break;
	case RECORD_END:
		r->count = le_get64(p + 40);
		break;
	}
	return record_check(r, f);
}
