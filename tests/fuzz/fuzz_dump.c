/*
 * libFuzzer target: any bytes as a dump, read as q2cat reads it. HDF5 may crash on
 * them, in its child; what comes back must be in order all the same. Build with
 * clang -fsanitize=fuzzer,address,undefined; HDF5_PLUGIN_PRELOAD=:: in the
 * environment saves loading plugins each time.
 *
 * With INSIDE defined the reader runs in this process, without a guard, to find
 * faults of ours behind it. Most crashes are HDF5's then: see whose frames are on
 * top.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/dump_impl.h"
#include "format/guard_hdf.h"
#include "fuzz_file.h"

enum {
	PLANE_MAX = 1 << 20, EVENTS_MAX = 4,
	NOTE_SIZE = sizeof ((struct dump_remark *)NULL)->text
};

static void
text_check(const char *text, size_t size)
{
	if (memchr(text, '\0', size) == NULL)
		abort();
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ')
			abort();
}

static void
event_check(const struct event *e)
{
	text_check(e->source, sizeof e->source);
	if (e->seq != 0 || e->peaks_found != 0 || e->peaks_kept != 0 ||
	    (e->known & ~(unsigned)QUANTITY_ALL) ||
	    !(e->known & QUANTITY_TIMESTAMP) != (e->timestamp == 0) ||
	    !(e->known & QUANTITY_ENERGY) != !(e->photon_energy > 0) ||
	    isinf(e->photon_energy) ||
	    (e->cause != EVENT_OK && e->cause != EVENT_NO_IMAGE))
		abort();
}

/* Small enough to be read a hundred times a second. */
static int
layout_small(const struct layout *l)
{
	return layout_plane_bytes(l, PLANE_LOGITS) <= PLANE_MAX &&
	    layout_plane_bytes(l, PLANE_IMAGE) <= PLANE_MAX;
}

#ifndef INSIDE
static void
section_read(struct dump *d, const struct dump_section *s)
{
	static unsigned char logits[PLANE_MAX], image[PLANE_MAX];
	struct event e;
	struct fault f;
	uint64_t k;

	if (layout_check(&s->layout, NULL) == -1 ||
	    s->first + s->count > dump_events(d) || s->count == 0)
		abort();
	if (!layout_small(&s->layout))
		return;
	for (k = s->first; k < s->first + s->count && k < EVENTS_MAX; k++) {
		event_init(&e);
		memset(&f, 0xff, sizeof f);
		if (dump_read(d, k, logits, s->layout.image_type == IMAGE_NONE ?
		    NULL : image, &e, &f) == -1) {
			text_check(f.text, sizeof f.text);
			if (f.text[0] == '\0')
				abort();
		}
		event_check(&e);
	}
}

static void
file_try(const char *path)
{
	const struct guard_limits limits = { 5, 20, 256 << 20 };
	const struct dump_options o = { .wavelength_unit = 1, .capacity = 10,
	    .limits = &limits };
	const struct dump_section *s;
	struct dump *d;
	struct fault f;
	const char *note;
	unsigned i, n;
	int damage;

	memset(&f, 0xff, sizeof f);
	if (dump_open(path, &o, &d, &f) == -1) {
		text_check(f.text, sizeof f.text);
		if (f.text[0] == '\0')
			abort();
		return;
	}
	for (i = 0; (note = dump_note(d, i, &damage)) != NULL; i++)
		text_check(note, NOTE_SIZE);
	s = dump_sections(d, &n);
	for (i = 0; i < n && i < EVENTS_MAX; i++)
		section_read(d, &s[i]);
	dump_close(d);
}
#else
static void
file_try(const char *path)
{
	static unsigned char logits[PLANE_MAX], image[PLANE_MAX];
	const struct dump_options o = { .wavelength_unit = 1, .capacity = 10 };
	struct dump_reader *d;
	struct event e;
	struct fault f;
	int fd = guard_open(path, &f);
	uint64_t k;

	if (fd == -1 || guard_hdf_prepare(NULL, &f) == -1)
		abort();
	if (dump_reader_open(fd, &o, &d, &f) == 0) {
		for (k = 0; k < d->events && k < EVENTS_MAX; k++) {
			event_init(&e);
			if (!layout_small(&d->sections[0].layout) ||
			    d->n_sections > 1)
				break;
			if (dump_reader_read(d, k, logits, image, &e, &f) == 0)
				event_check(&e);
		}
		dump_reader_close(d);
	}
	close(fd);
}
#endif
