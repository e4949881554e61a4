#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "data/geometry_value.h"
#include "oddities.h"
#include "progress.h"

static bool
energy_usual(double ev)
{
	return ev >= 1e3 && ev <= 3e4;
}

/* Where the other unit of q2cat -w would do: its name. "": neither does. */
static const char *
unit_meant(const struct stream *s, double ev)
{
	char unit[8];

	stream_value(s, "q2cat.w", unit, sizeof unit);
	if (strcmp(unit, "A") == 0 && energy_usual(ev / 10))
		return "nm";
	return strcmp(unit, "nm") == 0 && energy_usual(ev * 10) ? "A" : "";
}

/* Counts; names the event if it is the first one. */
static bool
odd_first(uint64_t *count, const struct feed *d, char name[FEED_NAME_SIZE])
{
	if ((*count)++ > 0)
		return false;
	feed_name(d, name);
	return true;
}

static void
energy_look(struct oddities *o, const struct feed *d)
{
	const struct event *e = &d->event;
	double ev = e->photon_energy;
	char name[FEED_NAME_SIZE];
	const char *unit;

	if (!(d->stream.quantities & QUANTITY_ENERGY))
		return;
	if (!(e->known & QUANTITY_ENERGY) || !(ev > 0)) {
		if (odd_first(&o->no_energy, d, name))
			progress_warnx("%s: PHOTON ENERGY IS UNKNOWN or not"
			    " positive; CrystFEL cannot index it", name);
	} else if (!energy_usual(ev) && odd_first(&o->odd_energy, d, name)) {
		unit = unit_meant(&d->stream, ev);
		progress_warnx("%s: PHOTON ENERGY OF %.6g eV is not within 1 to"
		    " 30 keV%s%s", name, ev, *unit == '\0' ? "" : "; with the"
		    " other unit of wavelengths it would be: q2cat -w ", unit);
	}
}

/* The time tells which shot it was: without it, a hit cannot be found again. */
static void
time_look(struct oddities *o, const struct feed *d)
{
	char name[FEED_NAME_SIZE];

	if ((d->stream.quantities & QUANTITY_TIMESTAMP) &&
	    !(d->event.known & QUANTITY_TIMESTAMP) &&
	    odd_first(&o->no_time, d, name))
		progress_warnx("%s: TIMESTAMP IS UNKNOWN", name);
}

/* CrystFEL adds what it finds there to coffset, and does not complain. */
static void
encoder_look(struct oddities *o, const struct feed *d)
{
	const struct event *e = &d->event;
	char name[FEED_NAME_SIZE];

	if (!o->encoder || !(d->stream.quantities & QUANTITY_ENCODER))
		return;
	if ((!(e->known & QUANTITY_ENCODER) || !isfinite(e->encoder) ||
	    e->encoder == 0) && odd_first(&o->no_encoder, d, name))
		progress_warnx("%s: ENCODER IS UNKNOWN, not finite or 0, and the"
		    " geometry's clen names it: CrystFEL takes a wrong distance",
		    name);
}

void
oddities_begin(struct oddities *o, const struct plan *p)
{
	o->encoder = path_same(p->file.geometry.clen_path, CXI_ENCODER);
}

void
oddities_look(struct oddities *o, const struct feed *d)
{
	const struct event *e = &d->event;
	char name[FEED_NAME_SIZE];

	time_look(o, d);
	energy_look(o, d);
	encoder_look(o, d);
	if (e->peaks_kept < e->peaks_found && odd_first(&o->cut, d, name))
		progress_warnx("%s: %u peaks found, the strongest %u kept (see"
		    " q2cat -C)", name, e->peaks_found, e->peaks_kept);
}

void
oddities_sum(const struct oddities *o)
{
	if (o->no_time > 0)
		progress_warnx("TIMESTAMP: unknown in %llu events",
		    (unsigned long long)o->no_time);
	if (o->no_energy + o->odd_energy > 0)
		progress_warnx("PHOTON ENERGY: unknown in %llu events, out of"
		    " the ordinary in %llu", (unsigned long long)o->no_energy,
		    (unsigned long long)o->odd_energy);
	if (o->no_encoder > 0)
		progress_warnx("ENCODER: unknown, not finite or 0 in %llu events",
		    (unsigned long long)o->no_encoder);
	if (o->cut > 0)
		progress_warnx("%llu events had more peaks than there was room for",
		    (unsigned long long)o->cut);
}
