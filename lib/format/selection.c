#include "format/selection.h"

bool
selection_wants(const struct selection *s)
{
	return s->position >= s->skip && !selection_over(s) &&
	    s->position % s->shards == s->shard;
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
