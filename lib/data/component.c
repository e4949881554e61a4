/*
 * Runs, not pixels, are what gets connected. The edges of a row's runs are the
 * bits that differ from the bit before them; counting trailing zeros walks from
 * edge to edge. A run belongs together with every run of the row above that it
 * touches, corners included: two pointers find those in one sweep of both rows.
 *
 * Kinship is union-find among run numbers. The smaller number always becomes the
 * root, so the root of a component is its first run in raster order, and each
 * run points to an earlier one: at the end a single sweep in order numbers the
 * components, since whatever a run points to has its number already. Paths are
 * halved when they are walked. Cost is linear in words plus runs (times the
 * inverse Ackermann function's practical 1 to 4).
 */
#include <stdlib.h>

#include "data/component.h"

void
components_init(struct components *c)
{
	*c = (struct components){ .list = NULL };
}

void
components_free(struct components *c)
{
	free(c->list);
	free(c->runs);
	components_init(c);
}

void
components_begin(struct components *c)
{
	c->n = 0;
	c->n_runs = 0;
	c->above = 0;
}

static void *
grow(void *p, size_t *room, size_t need, size_t size)
{
	size_t n = *room + *room / 2;
	void *q;

	if (n < need)
		n = need;
	if ((q = reallocarray(p, n, size)) != NULL)
		*room = n;
	return q;
}

static int
room_for_runs(struct components *c, size_t n)
{
	struct run *r;

	n += c->n_runs;
	if (n <= c->run_room)
		return 0;
	if ((r = grow(c->runs, &c->run_room, n, sizeof *r)) == NULL)
		return -1;
	c->runs = r;
	return 0;
}

static uint32_t
add_runs(struct run *r, uint32_t ss, const uint64_t *bits, uint32_t words)
{
	uint64_t word, edges, carry = 0;
	uint32_t w, n = 0, at;
	int inside = 0;

	/* One word more than there are: the zero behind closes the last run. */
	for (w = 0; w <= words; w++) {
		word = bits[w];
		edges = word ^ (word << 1 | carry);
		carry = word >> 63;
		for (; edges != 0; edges &= edges - 1) {
			at = w * 64 + (uint32_t)__builtin_ctzll(edges);
			if (inside) {
				r[n++].end = (uint16_t)at;
			} else {
				r[n].ss = (uint16_t)ss;
				r[n].begin = (uint16_t)at;
			}
			inside = !inside;
		}
	}
	return n;
}

static uint32_t
root(struct run *runs, uint32_t i)
{
	while (runs[i].up != i) {
		runs[i].up = runs[runs[i].up].up;
		i = runs[i].up;
	}
	return i;
}

/* Joins two roots, returns the one that stays. */
static uint32_t
join(struct run *runs, uint32_t a, uint32_t b)
{
	if (a < b) {
		runs[b].up = a;
		return a;
	}
	runs[a].up = b;
	return b;
}

/* Joins the runs [row, end) with those of the row above, [above, row). */
static void
join_rows(struct run *runs, uint32_t above, uint32_t row, uint32_t end)
{
	uint32_t i, j, up;

	for (i = row; i < end; i++) {
		while (above < row && runs[above].end < runs[i].begin)
			above++;
		up = i;
		for (j = above; j < row && runs[j].begin <= runs[i].end; j++)
			up = up == i ? root(runs, j) :
			    join(runs, up, root(runs, j));
		runs[i].up = up;
		/* The last one touched may reach the next run as well. */
		if (j > above)
			above = j - 1;
	}
}

int
components_row(struct components *c, uint32_t ss, const uint64_t *bits,
    uint32_t width)
{
	uint32_t row = c->n_runs, above = c->above;

	if (room_for_runs(c, (size_t)width / 2 + 1) == -1)
		return -1;
	c->n_runs += add_runs(c->runs + row, ss, bits, (width + 63) / 64);
	if (above < row && c->runs[above].ss + 1u != ss)
		above = row;
	join_rows(c->runs, above, row, c->n_runs);
	c->above = row;
	return 0;
}

static int
add_component(struct components *c, uint32_t run)
{
	struct component *list;

	if (c->n == c->room) {
		list = grow(c->list, &c->room, (size_t)c->n + 64, sizeof *list);
		if (list == NULL)
			return -1;
		c->list = list;
	}
	c->list[c->n++] = (struct component){
		.first = run, .last = run,
		.min_ss = c->runs[run].ss, .min_fs = UINT16_MAX
	};
	return 0;
}

static void
add_run(struct component *p, struct run *runs, uint32_t i)
{
	struct run *r = &runs[i];
	uint32_t n = (uint32_t)(r->end - r->begin);

	runs[p->last].next = i;
	r->next = RUN_NONE;
	p->last = i;
	p->npixels += n;
	p->sum_ss += (uint64_t)n * r->ss;
	p->sum_fs += (uint64_t)n * (r->begin + r->end - 1u) / 2;
	p->max_ss = r->ss;
	if (r->begin < p->min_fs)
		p->min_fs = r->begin;
	if (r->end - 1 > p->max_fs)
		p->max_fs = (uint16_t)(r->end - 1);
}

int
components_end(struct components *c)
{
	uint32_t i;

	for (i = 0; i < c->n_runs; i++) {
		if (c->runs[i].up != i) {
			c->runs[i].up = c->runs[c->runs[i].up].up;
		} else {
			if (add_component(c, i) == -1)
				return -1;
			c->runs[i].up = c->n - 1;
		}
		add_run(&c->list[c->runs[i].up], c->runs, i);
	}
	return 0;
}
