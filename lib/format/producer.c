#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pages.h"
#include "format/producer.h"

struct producer *
producer_new(int fd, unsigned number, const char *peer)
{
	struct producer *p = calloc(1, sizeof *p);

	if (p == NULL || (p->in = inlet_new(fd)) == NULL) {
		free(p);
		close(fd);
		return NULL;
	}
	p->fd = fd;
	p->number = number;
	snprintf(p->peer, sizeof p->peer, "%s", peer);
	return p;
}

void
producer_free(struct producer *p, struct sender *to)
{
	if (p == NULL)
		return;
	/* The slot is ours: this cannot find it stale. */
	if (p->filling)
		(void)parcel_drop(to, &p->parcel, NULL);
	inlet_free(p->in);
	close(p->fd);
	free(p->buffer);
	free(p);
}

bool
producer_ready(const struct producer *p)
{
	return !p->filling && inlet_ready(p->in);
}

enum inlet_got
producer_look(struct producer *p, struct record *r,
    const unsigned char **bytes, struct fault *f)
{
	enum inlet_got got;

	if (!inlet_ready(p->in)) {
		if (!p->readable)
			return INLET_STOPPED;
		p->readable = false;
		got = inlet_fill(p->in, f);
		if (got == INLET_END) {
			f->text[0] = '\0';
			if (inlet_buffered(p->in) > 0)
				(void)inlet_look(p->in, r, bytes, f);
		}
		if (got != INLET_GOT)
			return got;
		if (!inlet_ready(p->in))
			return INLET_STOPPED;
	}
	return inlet_look(p->in, r, bytes, f);
}

/* A slot for the next event, or the buffer. */
static enum parcel_got
place_get(struct producer *p, struct sender *to, const struct stream *s,
    const volatile int *stop, struct fault *f)
{
	if (sender_refers(to))
		return parcel_find(to, s, s->planes, stop, &p->parcel, f);
	if (p->buffer == NULL)
		p->buffer = pages_alloc(LAYOUT_ALIGN,
		    layout_size(&s->layout, s->planes));
	if (p->buffer == NULL) {
		fault_lack(f, "no memory for an event");
		return PARCEL_FAULT;
	}
	parcel_at(s, p->buffer, &p->parcel);
	return PARCEL_FOUND;
}

enum parcel_got
producer_begin(struct producer *p, struct sender *to, const struct stream *s,
    const struct record *r, const volatile int *stop, struct fault *f)
{
	enum parcel_got got = place_get(p, to, s, stop, f);
	const unsigned char *bytes;

	if (got != PARCEL_FOUND)
		return got;
	/* It is in the buffer, and was good. */
	(void)inlet_next(p->in, &p->record, &bytes, f);
	p->filling = true;
	p->want.first = 0;
	p->want.n = place_pieces(&p->parcel.place, &s->layout, r->planes,
	    p->want.v);
	return PARCEL_FOUND;
}

void
producer_unfinished(const struct producer *p, const char *why, struct fault *f)
{
	uint64_t wanting = 0;
	int i;

	for (i = p->want.first; i < p->want.n; i++)
		wanting += p->want.v[i].iov_len;
	fault_set(f, "%s in the middle of event %llu: %llu of %llu bytes came", why,
	    (unsigned long long)p->record.seq,
	    (unsigned long long)(p->record.length - wanting),
	    (unsigned long long)p->record.length);
}

enum inlet_got
producer_fill(struct producer *p, struct fault *f)
{
	enum inlet_got got;

	p->readable = false;
	got = inlet_gather(p->in, &p->want, f);
	if (got == INLET_END)
		producer_unfinished(p, "it ended", f);
	else if (got == INLET_ERROR)
		producer_unfinished(p, strerror(errno), f);
	else if (p->want.first < p->want.n)
		return INLET_STOPPED;
	return got;
}
