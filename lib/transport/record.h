/*
 * The record: the unit on the wire, q2(5). Every record begins with this header
 * of 64 bytes, little-endian, packed field by field:
 *
 *	 0  8 bytes  magic, 89 51 32 52 0d 0a 1a 0a
 *	 8  u16  version, 1
 *	10  u16  type
 *	12  u32  flags
 *	16  u64  length of the record in bytes, header included; multiple of 64
 *	24  u64  stream id
 *	32  u64  seq: position of the event in the original stream
 *	40  ...  16 bytes by type, see below
 *	56  u32  session
 *	60  u32  CRC-32C of the 60 bytes before
 *
 * By type:
 *	stream     40 u32 CRC-32C of bytes 64 to 4095
 *	event      40 u32 planes that follow the event block
 *	reference  40 u32 planes that are valid in the slot, 44 u32 slot,
 *	           48 u64 generation; and the session
 *	end        40 u64 count of events sent
 *
 * Fields that a type does not name are zero.
 */
#ifndef TRANSPORT_RECORD_H
#define TRANSPORT_RECORD_H

#include <stdint.h>

#include "base/fault.h"

enum {
	RECORD_SIZE = 64,		/* of the header */
	RECORD_STREAM_SIZE = 4096,	/* of a stream record */
	RECORD_VERSION = 1
};

enum record_type {
	RECORD_STREAM = 1,
	RECORD_EVENT = 2,
	RECORD_REFERENCE = 3,
	RECORD_END = 4
};

/* Flags; others are refused, since they would change the meaning. */
enum {
	RECORD_FAILED = 1,	/* event, reference: the block says why */
	RECORD_CRC = 2,		/* event, reference: the block carries CRCs */
	RECORD_INTERRUPTED = 4,	/* end: the source was stopped */
	RECORD_AGAIN = 8	/* stream: the one in hand, said again while its
				   source waits; it changes and counts nothing */
};

/* With what every record begins. */
extern const unsigned char	record_magic[8];

struct record {
	enum record_type type;
	uint32_t	flags;
	uint64_t	length;
	uint64_t	stream;
	uint64_t	seq;
	uint32_t	planes;		/* event, reference */
	uint32_t	slot;		/* reference */
	uint64_t	generation;	/* reference */
	uint32_t	session;	/* reference */
	uint64_t	count;		/* end */
	uint32_t	crc;		/* stream: of the rest of the record */
};

/* Writes RECORD_SIZE bytes. */
void	record_pack(unsigned char *, const struct record *);

/*
 * Reads RECORD_SIZE bytes; -1 with the reason when they are no record header of
 * this version: magic, version, checksum, type, flags, length.
 */
int	record_unpack(const unsigned char *, struct record *, struct fault *);

#endif
