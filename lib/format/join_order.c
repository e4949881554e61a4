#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/join.h"

/*
 * Sorted by number first, which shows what occurs twice; streams in which a number
 * does, with another timestamp, are sorted once more, by that.
 */

static int
by_value(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* As they were added where all else is the same, so that sorting is stable. */
static int
by_source(const struct join_row *a, const struct join_row *b)
{
	return a->source != b->source ? by_value(a->source, b->source) :
	    by_value(a->row, b->row);
}

static int
by_number(const void *x, const void *y)
{
	const struct join_row *a = x, *b = y;

	if (a->stream != b->stream)
		return by_value(a->stream, b->stream);
	if (a->number != b->number)
		return by_value(a->number, b->number);
	if (a->timestamp != b->timestamp)
		return by_value(a->timestamp, b->timestamp);
	return by_source(a, b);
}

static int
by_time(const void *x, const void *y)
{
	const struct join_row *a = x, *b = y;

	if (a->timestamp != b->timestamp)
		return by_value(a->timestamp, b->timestamp);
	return by_number(a, b);
}

static int
twice(const struct join *j, const struct join_row *a, const struct join_row *b,
    struct fault *f)
{
	return fault_set(f, "event %" PRIu64 " occurs twice: it is row %" PRIu64
	    " of %s and row %" PRIu64 " of %s%s", a->number, a->row,
	    j->sources[a->source].path, b->row, j->sources[b->source].path,
	    a->timed ? "" : "; if these are two captures without timestamps, they"
	    " need a fact each, q2cat -k");
}

static int
repeats_find(struct join *j, struct fault *f)
{
	const struct join_row *a, *b;
	size_t i;

	for (i = 0; i < j->n_streams; i++)
		j->streams[i].numbered = true;
	for (i = 1; i < j->n_rows; i++) {
		a = &j->rows[i - 1];
		b = &j->rows[i];
		if (a->stream != b->stream || a->number != b->number)
			continue;
		/* One that has no timestamp cannot be told from any other. */
		if (a->timestamp == b->timestamp || !a->timed || !b->timed)
			return twice(j, a, b, f);
		j->streams[a->stream].numbered = false;
	}
	return 0;
}

/* Sorts the rows of each stream that numbers do not sort. */
static void
times_sort(struct join *j)
{
	size_t from, to;

	for (from = 0; from < j->n_rows; from = to) {
		for (to = from; to < j->n_rows &&
		    j->rows[to].stream == j->rows[from].stream; to++)
			;
		if (!j->streams[j->rows[from].stream].numbered)
			qsort(&j->rows[from], to - from, sizeof *j->rows, by_time);
	}
}

/* Places of streams: by their first timestamps if all have one, else as added. */
static void
streams_place(const struct join *j, uint32_t *place)
{
	bool timed = true;
	size_t i, k;

	for (i = 0; i < j->n_streams; i++)
		timed = timed && j->streams[i].timed;
	for (i = 0; i < j->n_streams; i++)
		for (k = 0; k < j->n_streams; k++)
			if (timed && j->streams[k].first != j->streams[i].first ?
			    j->streams[k].first < j->streams[i].first : k < i)
				place[i]++;
}

/* Gives streams their places, in the array and wherever they are named. */
static void
streams_move(struct join *j, const uint32_t *place, struct join_stream *moved)
{
	size_t i;

	for (i = 0; i < j->n_streams; i++)
		moved[place[i]] = j->streams[i];
	memcpy(j->streams, moved, j->n_streams * sizeof *moved);
	for (i = 0; i < j->n_sources; i++)
		j->sources[i].stream = place[j->sources[i].stream];
	for (i = 0; i < j->n_rows; i++)
		j->rows[i].stream = place[j->rows[i].stream];
}

int
join_order(struct join *j, struct fault *f)
{
	uint32_t *place = calloc(j->n_streams + 1, sizeof *place);
	struct join_stream *moved = calloc(j->n_streams + 1, sizeof *moved);
	int status = -1;

	if (place == NULL || moved == NULL)
		fault_lack(f, "out of memory for the order of events");
	else if (j->n_rows > 0) {
		streams_place(j, place);
		streams_move(j, place, moved);
		qsort(j->rows, j->n_rows, sizeof *j->rows, by_number);
		status = repeats_find(j, f);
		if (status == 0)
			times_sort(j);
	} else
		status = 0;
	free(place);
	free(moved);
	return status;
}
