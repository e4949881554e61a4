/*
 * An event: one X-ray shot, as every program holds it in memory. The planes are
 * not here; they stay where they arrived (a slot, a buffer) and are pointed to.
 */
#ifndef DATA_EVENT_H
#define DATA_EVENT_H

#include <stdbool.h>
#include <stdint.h>

/* Quantities as bits of a mask: which a stream carries, which an event has. */
enum {
	QUANTITY_TIMESTAMP = 1,
	QUANTITY_ENERGY = 2,
	QUANTITY_ENCODER = 4,
	QUANTITY_ALL = 7
};

/* Why an event failed; the wire's numbers, never to be renumbered. */
enum event_cause {
	EVENT_OK = 0,
	EVENT_UNREADABLE = 1,	/* the source could not read its planes */
	EVENT_NO_IMAGE = 2,	/* the stream has images, this event has none */
	EVENT_CHECKSUM = 3,	/* a plane does not match its CRC */
	EVENT_WORKER = 4	/* two workers died of it */
};

enum { EVENT_SOURCE_SIZE = 64 };

struct event {
	uint64_t	seq;		/* position in the original stream */
	uint64_t	timestamp;	/* seconds << 32 | nanoseconds; 0 if unknown */
	double		photon_energy;	/* eV; NaN if unknown */
	double		encoder;	/* camera length encoder, mm; NaN if unknown */
	uint32_t	known;		/* QUANTITY_ bits this event has */
	uint32_t	peaks_found;
	uint32_t	peaks_kept;	/* at most the layout's capacity */
	uint32_t	nans;		/* pixels with a NaN among their logits */
	enum event_cause cause;		/* EVENT_OK unless failed */
	char		source[EVENT_SOURCE_SIZE];	/* where it came from; text */
};

/* An event with nothing known: NaNs, zeros, an empty source. */
void	event_init(struct event *);

/* Can it be a timestamp? Not 0, and less than 1e9 nanoseconds. */
bool	event_time_valid(uint64_t timestamp);

/* A few words for the cause: "image missing", ... */
const char	*event_cause_text(enum event_cause);

/* hc in eV times angstrom; CODATA 2018, exact by definition of the SI. */
#define EVENT_HC 12398.419843320026

#endif
