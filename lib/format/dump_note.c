#include <stdarg.h>
#include <stdio.h>

#include "format/dump_impl.h"

/*
 * A dump of ten thousand batches can have ten thousand things to say. The first
 * DUMP_MAX_NOTES are kept in words, the others are counted and become one note.
 */

void
dump_remark(struct dump_reader *d, int damage, const char *fmt, ...)
{
	struct dump_remark *r;
	va_list ap;

	if (d->n_remarks >= DUMP_MAX_NOTES) {
		d->unsaid++;
		d->unsaid_damage |= damage;
		return;
	}
	r = &d->remarks[d->n_remarks++];
	r->damage = damage;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof r->text, fmt, ap);
	va_end(ap);
}

void
dump_remarks_end(struct dump_reader *d)
{
	struct dump_remark *r;

	if (d->unsaid == 0)
		return;
	r = &d->remarks[d->n_remarks++];
	r->damage = d->unsaid_damage;
	snprintf(r->text, sizeof r->text, "%llu more notes of this kind%s",
	    (unsigned long long)d->unsaid,
	    d->unsaid_damage ? ", events were lost" : "");
}
