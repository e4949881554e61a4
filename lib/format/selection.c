#include "format/selection.h"

void
selection_place(struct selection *s, uint64_t header, uint64_t next)
{
	s->placed = true;
	s->header = header;
	s->next = next;
	s->skip = UINT64_MAX;
}

bool
selection_wants(struct selection *s, uint64_t header, uint64_t number)
{
	if (s->placed && ((header > s->header && (s->before || s->next == 0)) ||
	    (header == s->header && number >= s->next))) {
		s->placed = false;
		s->skip = s->position;
	}
	if (s->placed && header == s->header && number + 1 == s->next)
		s->before = true;
	return s->position >= s->skip && !selection_over(s) &&
	    s->position % s->shards == s->shard;
}

bool
selection_short(const struct selection *s)
{
	return s->placed && !s->before;
}

void
selection_advance(struct selection *s)
{
	s->position++;
}

bool
selection_over(const struct selection *s)
{
	return s->position >= s->skip && s->position - s->skip >= s->count;
}

/* Positions below n that are of this shard. */
static uint64_t
shard_below(const struct selection *s, uint64_t n)
{
	return n / s->shards + (n % s->shards > s->shard);
}

uint64_t
selection_count(const struct selection *s, uint64_t events)
{
	uint64_t from = s->position, to = s->position + events;

	if (from < s->skip)
		from = s->skip;
	if (s->count != UINT64_MAX && to > s->skip + s->count)
		to = s->skip + s->count;
	return to <= from ? 0 : shard_below(s, to) - shard_below(s, from);
}
