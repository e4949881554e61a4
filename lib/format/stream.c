#include <ctype.h>
#include <string.h>

#include "base/crc.h"
#include "base/le.h"
#include "data/event.h"
#include "format/stream.h"
#include "transport/record.h"

_Static_assert((int)STREAM_SIZE == (int)RECORD_STREAM_SIZE, "one size");

enum { LINE_SAID = 120 };	/* bytes of a line of the text in a message */

static int
key_valid(const char *key, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)key[i]) && key[i] != '.' &&
		    key[i] != '-' && key[i] != '_')
			return 0;
	return n > 0;
}

static int
value_valid(const char *value)
{
	for (; *value != '\0'; value++)
		if (iscntrl((unsigned char)*value))
			return 0;
	return 1;
}

int
stream_add(struct stream *s, const char *key, const char *value,
    struct fault *f)
{
	size_t have = strlen(s->text);
	size_t need = strlen(key) + 1 + strlen(value) + 1;

	if (!key_valid(key, strlen(key)))
		return fault_set(f, "bad key \"%s\": letters, digits, '.', '-', '_'"
		    " only", key);
	if (!value_valid(value))
		return fault_set(f, "%s: control character in the value", key);
	if (need > STREAM_TEXT_SIZE - have)
		return fault_set(f, "no room for %s in the stream header: its text"
		    " may have %d bytes", key, STREAM_TEXT_SIZE);
	strcat(s->text, key);
	strcat(s->text, "=");
	strcat(s->text, value);
	strcat(s->text, "\n");
	return 0;
}

const char *
stream_value(const struct stream *s, const char *key, char *buf, size_t size)
{
	const char *line, *end, *found = NULL;
	size_t n = strlen(key), len = 0;

	for (line = s->text; *line != '\0'; line = end + 1) {
		end = strchrnul(line, '\n');
		if (strncmp(line, key, n) == 0 && line[n] == '=') {
			found = line + n + 1;
			len = (size_t)(end - found);
		}
		if (*end == '\0')
			break;
	}
	if (size > 0)
		buf[0] = '\0';
	if (found == NULL || size == 0)
		return NULL;
	if (len >= size)
		len = size - 1;
	memcpy(buf, found, len);
	buf[len] = '\0';
	return buf;
}

/* All that is behind the record header. */
static void
body_pack(const struct stream *s, unsigned char *p)
{
	const struct layout *l = &s->layout;
	const uint32_t fields[] = {
		l->panels, l->classes, l->height, l->width, l->real_height,
		l->real_width, (uint32_t)l->logits_type,
		(uint32_t)l->image_type, l->capacity, s->planes, s->quantities,
		(uint32_t)strlen(s->text)
	};
	size_t i;

	memset(p + RECORD_SIZE, 0, STREAM_SIZE - RECORD_SIZE);
	for (i = 0; i < sizeof fields / sizeof fields[0]; i++)
		le_put32(p + RECORD_SIZE + 4 * i, fields[i]);
	memcpy(p + STREAM_TEXT_AT, s->text, strlen(s->text));
}

void
stream_identify(struct stream *s)
{
	unsigned char p[STREAM_SIZE + STREAM_TEXT_AT];

	/*
	 * Two CRCs of different data: the text first, and the text last. Enough
	 * to tell streams apart, not to resist someone who wants a collision.
	 */
	body_pack(s, p);
	memcpy(p + STREAM_SIZE, p, STREAM_TEXT_AT);
	memset(p + STREAM_SIZE, 0, RECORD_SIZE);
	s->id = (uint64_t)crc32c(p + STREAM_TEXT_AT, STREAM_SIZE) << 32 |
	    crc32c(p + RECORD_SIZE, STREAM_SIZE - RECORD_SIZE);
}

void
stream_pack(const struct stream *s, unsigned char *p)
{
	struct record r = {
		.type = RECORD_STREAM,
		.length = STREAM_SIZE,
		.stream = s->id
	};

	body_pack(s, p);
	r.crc = crc32c(p + RECORD_SIZE, STREAM_SIZE - RECORD_SIZE);
	record_pack(p, &r);
}

/* Every line is key=value and ends in a newline. */
static int
text_check(const char *text, struct fault *f)
{
	const char *end, *eq, *c;

	for (; *text != '\0'; text = end + 1) {
		end = strchrnul(text, '\n');
		eq = memchr(text, '=', (size_t)(end - text));
		if (*end == '\0' || eq == NULL ||
		    !key_valid(text, (size_t)(eq - text)))
			return fault_set(f, "malformed text in the stream header");
		for (c = eq; c < end; c++)
			if (iscntrl((unsigned char)*c))
				return fault_set(f, "control character in the"
				    " stream header's text");
	}
	return 0;
}

static int
planes_check(const struct stream *s, struct fault *f)
{
	unsigned can = PLANE_SEGMAP | PLANE_PEAKS;

	if (s->layout.logits_type != LOGITS_NONE)
		can |= PLANE_LOGITS;
	if (s->layout.image_type != IMAGE_NONE)
		can |= PLANE_IMAGE;
	if (s->planes & ~can)
		return fault_set(f, "planes %#x in the stream header, the layout"
		    " allows %#x", s->planes, can);
	if (s->quantities & ~(unsigned)QUANTITY_ALL)
		return fault_set(f, "unknown quantities %#x in the stream header",
		    s->quantities);
	return 0;
}

int
stream_unpack(const unsigned char *p, struct stream *s, struct fault *f)
{
	struct record r;
	struct layout *l = &s->layout;
	uint32_t n;
	size_t i;

	if (record_unpack(p, &r, f) == -1)
		return -1;
	if (r.type != RECORD_STREAM)
		return fault_set(f, "a record of type %u in place of a stream"
		    " header", (unsigned)r.type);
	if (r.crc != crc32c(p + RECORD_SIZE, STREAM_SIZE - RECORD_SIZE))
		return fault_set(f, "damaged stream header (checksum)");
	s->id = r.stream;
	l->panels = le_get32(p + 64);
	l->classes = le_get32(p + 68);
	l->height = le_get32(p + 72);
	l->width = le_get32(p + 76);
	l->real_height = le_get32(p + 80);
	l->real_width = le_get32(p + 84);
	l->logits_type = (enum logits_type)le_get32(p + 88);
	l->image_type = (enum image_type)le_get32(p + 92);
	l->capacity = le_get32(p + 96);
	s->planes = le_get32(p + 100);
	s->quantities = le_get32(p + 104);
	n = le_get32(p + 108);
	if (n > STREAM_TEXT_SIZE)
		return fault_set(f, "stream header text of %u bytes", n);
	for (i = 112; i < STREAM_TEXT_AT; i++)
		if (p[i] != 0)
			return fault_set(f, "reserved bytes of the stream header"
			    " are not zero");
	for (i = STREAM_TEXT_AT + n; i < STREAM_SIZE; i++)
		if (p[i] != 0)
			return fault_set(f, "stream header text is longer than"
			    " it says");
	memcpy(s->text, p + STREAM_TEXT_AT, n);
	s->text[n] = '\0';
	if (strlen(s->text) != n)
		return fault_set(f, "NUL in the stream header's text");
	if (layout_check(l, f) == -1 || planes_check(s, f) == -1)
		return -1;
	return text_check(s->text, f);
}

uint64_t
stream_event_length(const struct stream *s)
{
	return RECORD_SIZE + layout_size(&s->layout, s->planes);
}

/* Bytes of a line that a message has room for. */
static int
line_said(const char *line)
{
	size_t n = strcspn(line, "\n");

	return n < LINE_SAID ? (int)n : LINE_SAID;
}

/* The first line in which they differ is what is said. */
static int
text_accord(const char *a, const char *b, struct fault *f)
{
	const char *a_line = a, *b_line = b;

	for (; *a == *b && *a != '\0'; a++, b++)
		if (*a == '\n') {
			a_line = a + 1;
			b_line = b + 1;
		}
	if (*a == *b)
		return 0;
	return fault_set(f, "its text has \"%.*s\" where the first has \"%.*s\"",
	    line_said(b_line), b_line, line_said(a_line), a_line);
}

int
stream_accord(const struct stream *a, const struct stream *b, struct fault *f)
{
	const struct layout *l = &a->layout, *m = &b->layout;
	const struct {
		const char	*what;
		uint32_t	a, b;
	} numbers[] = {
		{ "panels", l->panels, m->panels },
		{ "classes", l->classes, m->classes },
		{ "rows a panel", l->height, m->height },
		{ "columns a panel", l->width, m->width },
		{ "real rows", l->real_height, m->real_height },
		{ "real columns", l->real_width, m->real_width },
		{ "as capacity for peaks", l->capacity, m->capacity },
		{ "as mask of planes", a->planes, b->planes },
		{ "as mask of quantities", a->quantities, b->quantities }
	};
	size_t i;

	for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (numbers[i].a != numbers[i].b)
			return fault_set(f, "it has %u %s where the first has %u",
			    numbers[i].b, numbers[i].what, numbers[i].a);
	if (l->logits_type != m->logits_type)
		return fault_set(f, "its logits are %s, those of the first %s",
		    logits_type_name(m->logits_type),
		    logits_type_name(l->logits_type));
	if (l->image_type != m->image_type)
		return fault_set(f, "its images are %s, those of the first %s",
		    image_type_name(m->image_type),
		    image_type_name(l->image_type));
	return text_accord(a->text, b->text, f);
}
