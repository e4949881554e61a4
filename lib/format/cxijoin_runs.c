#include <stdlib.h>

#include "format/cxijoin_impl.h"

static int
by_source(const void *x, const void *y)
{
	const struct cxijoin_run *a = x, *b = y;

	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

struct cxijoin_run *
cxijoin_runs(const struct join *j, size_t *n, struct fault *f)
{
	struct cxijoin_run *runs = calloc(j->n_rows + 1, sizeof *runs), *r;
	const struct join_row *row = j->rows;
	uint64_t at;

	*n = 0;
	if (runs == NULL) {
		fault_lack(f, "out of memory for the order of events");
		return NULL;
	}
	for (at = 0; at < j->n_rows; at++, row++) {
		r = &runs[*n];
		if (*n > 0 && r[-1].source == row->source &&
		    r[-1].row + r[-1].n == row->row) {
			r[-1].n++;
			continue;
		}
		*r = (struct cxijoin_run){ at, row->row, 1, row->source };
		++*n;
	}
	qsort(runs, *n, sizeof *runs, by_source);
	return runs;
}
