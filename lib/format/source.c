#include <stdio.h>
#include <string.h>

#include "format/source.h"

static int
fact_add(struct stream *s, const char *text, struct fault *f)
{
	char key[SOURCE_KEY_MAX + 1];
	const char *eq = strchr(text, '=');

	if (eq == NULL)
		return fault_set(f, "not key=value");
	if (eq - text > SOURCE_KEY_MAX)
		return fault_set(f, "a key of more than %d bytes", SOURCE_KEY_MAX);
	snprintf(key, sizeof key, "%.*s", (int)(eq - text), text);
	return stream_add(s, key, eq + 1, f);
}

int
source_fact(struct source *o, const char *text, struct fault *f)
{
	struct stream s;
	unsigned i;

	if (o->n == SOURCE_FACTS_MAX)
		return fault_set(f, "more than %d facts", SOURCE_FACTS_USER);
	memset(&s, 0, sizeof s);
	for (i = 0; i < o->n; i++)
		if (fact_add(&s, o->facts[i], f) == -1)
			return -1;
	if (fact_add(&s, text, f) == -1)
		return -1;
	o->facts[o->n++] = text;
	return 0;
}

int
source_header(const struct source *o, const struct layout *l,
    unsigned quantities, unsigned char *header, struct fault *f)
{
	struct stream s;
	unsigned i;

	memset(&s, 0, sizeof s);
	s.layout = *l;
	s.planes = PLANE_LOGITS;
	if (l->image_type != IMAGE_NONE)
		s.planes |= PLANE_IMAGE;
	s.quantities = quantities;
	for (i = 0; i < o->n; i++)
		if (fact_add(&s, o->facts[i], f) == -1)
			return -1;
	stream_identify(&s);
	stream_pack(&s, header);
	return 0;
}
