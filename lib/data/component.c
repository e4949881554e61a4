/*
 * What gets connected is neither pixels nor rows of them, but runs of a strip two
 * rows high. Pixels of such rows in the same or in adjacent columns are always
 * neighbours, so the runs are those of both rows ORed, and nothing need be joined
 * within a strip. However dense the pixels, there is at most one run for each
 * four, and most often far fewer: a checkerboard is one run a strip.
 *
 * The edges of runs are the bits that differ from the bit before them; counting
 * trailing zeros walks from edge to edge. A run may belong together with runs of
 * the strip above in columns that it reaches, corners included: two pointers find
 * those in one sweep of both strips, and the bits of the two rows that meet say
 * whether they touch. Most often they are known to be of one kin already, and
 * nobody asks.
 *
 * A run that touches none gets a new label; kinship is union-find among labels,
 * of which there are few even where there are many runs. In each strip the runs
 * with a pixel in the upper row get theirs first. So labels are in raster order
 * of first pixels; the smaller one always becomes the root, so the root of a
 * component is the label of its first pixel, and each label points to an earlier
 * one: at the end a single sweep in order numbers the components, since whatever
 * a label points to has its number already. Paths are halved when they are
 * walked. Cost is linear in words plus runs (times the inverse Ackermann
 * function's practical 1 to 4).
 */
#include <stdlib.h>

#include "data/component.h"

#define LABEL_NONE UINT32_MAX

/* How many bits are set, and the sum of their positions. */
struct tally {
	uint32_t	n, at;
};

void
components_init(struct components *c)
{
	*c = (struct components){ .list = NULL };
}

void
components_free(struct components *c)
{
	free(c->list);
	free(c->strips);
	free(c->runs);
	free(c->up);
	components_init(c);
}

void
components_begin(struct components *c)
{
	c->n = 0;
	c->n_strips = 0;
	c->n_runs = 0;
	c->n_labels = 0;
}

/* p, or a larger one, with room for need of such a size; NULL as realloc. */
static void *
grown(void *p, size_t *room, size_t need, size_t size)
{
	size_t n = *room + *room / 2;
	void *q;

	if (need <= *room)
		return p;
	if (n < need + 64)
		n = need + 64;
	if ((q = reallocarray(p, n, size)) != NULL)
		*room = n;
	return q;
}

/* For one more strip of n runs, each of which may need a label. */
static int
make_room(struct components *c, size_t n)
{
	void *p;

	if ((p = grown(c->strips, &c->strip_room, (size_t)c->n_strips + 1,
	    sizeof *c->strips)) == NULL)
		return -1;
	c->strips = p;
	if ((p = grown(c->runs, &c->run_room, c->n_runs + n,
	    sizeof *c->runs)) == NULL)
		return -1;
	c->runs = p;
	if ((p = grown(c->up, &c->label_room, c->n_labels + n,
	    sizeof *c->up)) == NULL)
		return -1;
	c->up = p;
	return 0;
}

static uint32_t
add_runs(struct run *r, const uint64_t *upper, const uint64_t *lower,
    uint32_t words)
{
	uint64_t word, edges, carry = 0;
	uint32_t w, n = 0, at;
	int inside = 0;

	/* One word more than there are: the zero behind closes the last run. */
	for (w = 0; w <= words; w++) {
		word = upper[w] | lower[w];
		edges = word ^ (word << 1 | carry);
		carry = word >> 63;
		for (; edges != 0; edges &= edges - 1) {
			at = w * 64 + (uint32_t)__builtin_ctzll(edges);
			if (inside)
				r[n++].end = (uint16_t)at;
			else
				r[n].begin = (uint16_t)at;
			inside = !inside;
		}
	}
	return n;
}

static uint32_t
root(uint32_t *up, uint32_t i)
{
	while (up[i] != i) {
		up[i] = up[up[i]];
		i = up[i];
	}
	return i;
}

/* Joins two roots, returns the one that stays. */
static uint32_t
join(uint32_t *up, uint32_t a, uint32_t b)
{
	if (a < b) {
		up[b] = a;
		return a;
	}
	up[a] = b;
	return b;
}

/* The run's pixels among the 64 that begin at fs <= end, fs + 64 > begin. */
static uint64_t
run_window(const struct run *r, const uint64_t *row, int32_t fs)
{
	uint64_t bits = bitplane_window(row, fs);

	if (fs < r->begin)
		bits &= ~UINT64_C(0) << (r->begin - fs);
	if (r->end - fs < 64)
		bits &= ~(~UINT64_C(0) << (r->end - fs));
	return bits;
}

/* Two runs that overlap or meet at a corner: do pixels of the two rows touch? */
static int
touch(const struct run *a, const uint64_t *above, const struct run *b,
    const uint64_t *below)
{
	enum { STEP = 62 };	/* neighbours are in one window, at any rate */
	int32_t fs = (a->begin > b->begin ? a->begin : b->begin) - 1;
	int32_t end = a->end < b->end ? a->end : b->end;
	uint64_t bits;

	for (; fs < end; fs += STEP) {
		bits = run_window(a, above, fs);
		bits |= bits << 1 | bits >> 1;
		if (bits & run_window(b, below, fs))
			return 1;
	}
	return 0;
}

static int
has_pixels(const struct run *r, const uint64_t *row)
{
	uint32_t fs;

	for (fs = r->begin; fs < r->end; fs += 64)
		if (run_window(r, row, (int32_t)fs) != 0)
			return 1;
	return 0;
}

static uint32_t
new_label(struct components *c)
{
	c->up[c->n_labels] = c->n_labels;
	return c->n_labels++;
}

/* The root of all that b touches of the runs [i, end), or LABEL_NONE. */
static uint32_t
join_run(struct components *c, const struct run *b, const uint64_t *row,
    const uint64_t *above, uint32_t i, uint32_t end)
{
	uint32_t label = LABEL_NONE, other;

	for (; i < end && c->runs[i].begin <= b->end; i++) {
		other = root(c->up, c->runs[i].component);
		if (other == label || !touch(&c->runs[i], above, b, row))
			continue;
		label = label == LABEL_NONE ? other : join(c->up, label, other);
	}
	return label;
}

/* Labels a strip's runs; those above are [i, s->first). */
static void
label_strip(struct components *c, const struct strip *s, uint32_t i,
    const struct bitplane *plane)
{
	const uint64_t *row = bitplane_row(plane, (int32_t)s->ss);
	const uint64_t *above = bitplane_row(plane, (int32_t)s->ss - 1);
	uint32_t k, waiting = 0;
	struct run *r;

	for (k = s->first; k < s->end; k++) {
		r = &c->runs[k];
		while (i < s->first && c->runs[i].end < r->begin)
			i++;
		r->component = join_run(c, r, row, above, i, s->first);
		if (r->component != LABEL_NONE)
			continue;
		if (has_pixels(r, row))
			r->component = new_label(c);
		else
			waiting++;
	}
	for (k = s->first; waiting > 0; k++)
		if (c->runs[k].component == LABEL_NONE) {
			c->runs[k].component = new_label(c);
			waiting--;
		}
}

int
components_strip(struct components *c, const struct bitplane *plane, uint32_t ss)
{
	struct strip *s;
	uint32_t above = c->n_runs;

	if (make_room(c, (size_t)plane->width / 2 + 1) == -1)
		return -1;
	s = &c->strips[c->n_strips];
	if (c->n_strips > 0 && s[-1].ss + 2 == ss)
		above = s[-1].first;
	s->ss = ss;
	s->first = c->n_runs;
	c->n_runs += add_runs(c->runs + s->first,
	    bitplane_row(plane, (int32_t)ss), bitplane_row(plane, (int32_t)ss + 1),
	    (plane->width + 63) / 64);
	s->end = c->n_runs;
	c->n_strips++;
	label_strip(c, s, above, plane);
	return 0;
}

/*
 * Pairs, nibbles, bytes at a time; a field's count times its place is what the
 * positions within it lack. No byte exceeds 8 * 28.
 */
static struct tally
tally_of(uint64_t bits)
{
	const uint64_t m1 = UINT64_C(0x5555555555555555);
	const uint64_t m2 = UINT64_C(0x3333333333333333);
	const uint64_t m4 = UINT64_C(0x0f0f0f0f0f0f0f0f);
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t places = UINT64_C(0x0001020304050607);
	uint64_t at = bits >> 1 & m1, n = bits - at;

	at = (at & m2) + (at >> 2 & m2) + 2 * (n >> 2 & m2);
	n = (n & m2) + (n >> 2 & m2);
	at = (at & m4) + (at >> 4 & m4) + 4 * (n >> 4 & m4);
	n = (n & m4) + (n >> 4 & m4);
	return (struct tally){
		.n = (uint32_t)(n * ones >> 56),
		.at = (uint32_t)((at * ones >> 56) + 8 * (n * places >> 56))
	};
}

/* The pixels of one row from begin on, before end. */
static void
add_row(struct component *p, const uint64_t *row, uint32_t ss, uint32_t begin,
    uint32_t end)
{
	uint64_t bits, sum_fs = 0;
	uint32_t fs, n = 0;
	struct tally t;

	for (fs = begin; fs < end; fs += 64) {
		if ((bits = bitplane_pixels(row, fs, end)) == 0)
			continue;
		t = tally_of(bits);
		n += t.n;
		sum_fs += (uint64_t)t.n * fs + t.at;
	}
	if (n == 0)
		return;
	if (p->npixels == 0 || ss < p->min_ss)
		p->min_ss = (uint16_t)ss;
	if (ss > p->max_ss)
		p->max_ss = (uint16_t)ss;
	p->npixels += n;
	p->sum_ss += (uint64_t)n * ss;
	p->sum_fs += sum_fs;
}

static void
add_strip(struct components *c, const struct strip *s, const struct bitplane *plane)
{
	const uint64_t *upper = bitplane_row(plane, (int32_t)s->ss);
	const uint64_t *lower = bitplane_row(plane, (int32_t)s->ss + 1);
	struct component *p;
	uint32_t i, next, begin, end;

	for (i = s->first; i < s->end; i = next) {
		next = components_other(c, i, s->end);
		begin = c->runs[i].begin;
		end = c->runs[next - 1].end;
		p = &c->list[c->runs[i].component];
		add_row(p, upper, s->ss, begin, end);
		add_row(p, lower, s->ss + 1, begin, end);
		/* A strip has runs, and so there is a list. */
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		if (begin < p->min_fs)
			p->min_fs = (uint16_t)begin;
		if (end - 1 > p->max_fs)
			p->max_fs = (uint16_t)(end - 1);
	}
}

/* Puts numbers of components in place of labels. */
static void
number_components(struct components *c)
{
	uint32_t i;

	for (i = 0; i < c->n_labels; i++)
		c->up[i] = c->up[i] == i ? c->n++ : c->up[c->up[i]];
	for (i = 0; i < c->n_runs; i++)
		c->runs[i].component = c->up[c->runs[i].component];
}

int
components_end(struct components *c, const struct bitplane *plane)
{
	struct component *list;
	uint32_t i;

	number_components(c);
	list = grown(c->list, &c->room, c->n, sizeof *list);
	if (list == NULL && c->n > 0)
		return -1;
	c->list = list;
	for (i = 0; i < c->n; i++)
		c->list[i] = (struct component){ .min_fs = UINT16_MAX };
	for (i = 0; i < c->n_strips; i++)
		add_strip(c, &c->strips[i], plane);
	return 0;
}
