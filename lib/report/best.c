#include <string.h>

#include "report/best.h"

size_t
best_add(struct best_hit *hits, size_t n, size_t room,
    const struct cxireader_event *e, size_t file, uint64_t row)
{
	size_t i = n;

	while (i > 0 && hits[i - 1].found < e->n_found)
		i--;
	if (i == room)
		return n;
	if (n < room)
		n++;
	memmove(&hits[i + 1], &hits[i], (n - 1 - i) * sizeof hits[0]);
	hits[i] = (struct best_hit){ .found = e->n_found, .row = row,
	    .number = e->number, .file = file, .has_number = e->has_number != 0,
	    .energy = e->energy };
	return n;
}
