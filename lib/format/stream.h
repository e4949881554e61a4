/*
 * The stream record: 4096 bytes that say what the events of a stream look like.
 * Behind the record header (transport/record.h), little-endian:
 *
 *	 64  u32  panels		 92  u32  image type
 *	 68  u32  classes		 96  u32  capacity, peaks an event
 *	 72  u32  height, padded (ss)	100  u32  planes of an event here
 *	 76  u32  width, padded (fs)	104  u32  quantities the stream carries
 *	 80  u32  real height		108  u32  bytes of text
 *	 84  u32  real width
 *	 88  u32  logits type		112 to 127 zero
 *	128 to 4095  text, NUL-padded: lines key=value, each with a newline
 *
 * The text is UTF-8; a program adds its own lines behind those that are there
 * and never changes them. A program that adds or drops planes says so in planes.
 * The stream id is two CRC-32Cs of the first source's record; see
 * stream_identify.
 */
#ifndef FORMAT_STREAM_H
#define FORMAT_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/layout.h"

enum {
	STREAM_SIZE = 4096,
	STREAM_TEXT_AT = 128,
	STREAM_TEXT_SIZE = STREAM_SIZE - STREAM_TEXT_AT
};

struct stream {
	uint64_t	id;
	struct layout	layout;
	unsigned	planes;		/* that events carry at this place */
	unsigned	quantities;	/* QUANTITY_ bits (data/event.h) */
	char		text[STREAM_TEXT_SIZE + 1];	/* NUL-terminated */
};

/*
 * Adds a line "key=value". Keys are letters, digits, '.', '-', '_'; values have
 * no control characters. -1 when malformed or when the text overflows.
 */
int	stream_add(struct stream *, const char *key, const char *value,
	    struct fault *);

/*
 * Finds the last value of a key; copies it to buf and returns buf, or NULL if
 * the key is not there (buf is then empty).
 */
const char	*stream_value(const struct stream *, const char *key, char *buf,
		    size_t size);

/*
 * Sets the id from layout, planes, quantities and text: for whoever makes the
 * header, once. The same source and facts give the same id.
 */
void	stream_identify(struct stream *);

/* Writes all STREAM_SIZE bytes, record header included. */
void	stream_pack(const struct stream *, unsigned char *);

/*
 * Reads STREAM_SIZE bytes; -1 with the reason: header, checksum over all of it,
 * layout out of range, planes that the layout cannot have, malformed text.
 */
int	stream_unpack(const unsigned char *, struct stream *, struct fault *);

/*
 * Do events of b mean the same as those of a, so that one header, that of a, can
 * stand for both: layout, planes, quantities, and each line of the text? Ids may
 * differ. 0, or -1 with the first difference.
 */
int	stream_accord(const struct stream *a, const struct stream *b,
	    struct fault *);

/* Bytes of an inline event record of this stream, its header included. */
uint64_t	stream_event_length(const struct stream *);

#endif
