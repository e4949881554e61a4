#include "format/cat_impl.h"
#include "format/dump.h"
#include "format/eventblock.h"

static int
section_begin(struct cat *c, const struct dump_section *d)
{
	unsigned char header[STREAM_SIZE];
	struct fault f;

	if (source_header(&c->source, &d->layout, d->quantities, header,
	    &f) == -1)
		return cat_input_damaged(c, &f);
	c->splice.joins = true;
	return cat_begin(c, header);
}

/* Reads event k of a dump into its place; what cannot be read becomes failed. */
static void
dump_fill(struct cat *c, struct dump *d, uint64_t k, struct parcel *p)
{
	const struct layout *l = &c->splice.stream.layout;
	unsigned char *logits, *image = NULL;
	bool read;
	struct event e;
	struct fault f;

	logits = place_plane(&p->place, l, PLANE_LOGITS);
	if (c->splice.stream.planes & PLANE_IMAGE)
		image = place_plane(&p->place, l, PLANE_IMAGE);
	event_init(&e);
	read = dump_read(d, k, logits, image, &e, &f) == 0;
	if (!read) {
		e.cause = EVENT_UNREADABLE;
		cat_input_failed(c, &f);
	} else if (f.text[0] != '\0')
		cat_input_failed(c, &f);
	if (e.cause != EVENT_OK)
		p->record.flags |= RECORD_FAILED;
	place_blank(&p->place, l, PLANE_LOGITS,
	    read ? layout_plane_bytes(l, PLANE_LOGITS) : 0);
	if (image != NULL)
		place_blank(&p->place, l, PLANE_IMAGE,
		    read ? layout_plane_bytes(l, PLANE_IMAGE) : 0);
	eventblock_pack(p->place.block, &e);
}

static void
section_cat(struct cat *c, struct dump *d, const struct dump_section *s)
{
	struct parcel p;
	uint64_t k, seq;
	bool selected;

	if (section_begin(c, s) == -1)
		return;
	for (k = s->first; k < s->first + s->count && !c->finished; k++) {
		selected = cat_wants(c, k);
		seq = splice_event(&c->splice, k, selected);
		if (selected) {
			if (cat_pace(c, c->stop) == -1 || *c->stop ||
			    cat_place(c, c->splice.stream.planes, c->stop,
			    &p) != 1)
				break;
			dump_fill(c, d, k, &p);
			p.record.seq = seq;
			if (cat_event(c, &p) == -1 || cat_flush(c) == -1)
				break;
		}
		cat_met(c);
	}
	if (k < s->first + s->count && *c->stop)
		c->interrupted = true;
	splice_hold(&c->splice);
}

void
cat_dump(struct cat *c, const char *path)
{
	struct dump_options o = {
		.wavelength_unit = c->unit, .capacity = c->capacity
	};
	const struct dump_section *s;
	const char *note;
	struct dump *d;
	struct fault f;
	unsigned n, i;
	int damage;

	if (dump_open(path, &o, &d, &f) == -1) {
		cat_input_damaged(c, &f);
		return;
	}
	cat_expect(c, dump_events(d));
	for (i = 0; (note = dump_note(d, i, &damage)) != NULL; i++) {
		/* When it is mended, all behind it has other numbers. */
		if (damage)
			c->damaged = c->missing = true;
		c->tell(c->arg, damage ? CAT_INPUT : CAT_NOTE, c->name, note);
	}
	s = dump_sections(d, &n);
	for (i = 0; i < n && !c->finished && !c->interrupted; i++)
		section_cat(c, d, &s[i]);
	dump_close(d);
}
