#include <math.h>
#include <string.h>

#include "data/event.h"

void
event_init(struct event *e)
{
	memset(e, 0, sizeof *e);
	e->photon_energy = NAN;
	e->encoder = NAN;
}

bool
event_time_valid(uint64_t timestamp)
{
	return timestamp != 0 && (uint32_t)timestamp < 1000000000;
}

const char *
event_cause_text(enum event_cause c)
{
	switch (c) {
	case EVENT_OK:
		return "ok";
	case EVENT_UNREADABLE:
		return "the source could not read it";
	case EVENT_NO_IMAGE:
		return "its image is missing";
	case EVENT_CHECKSUM:
		return "a checksum does not match";
	case EVENT_WORKER:
		return "two workers died of it";
	}
	return "unknown cause";
}
