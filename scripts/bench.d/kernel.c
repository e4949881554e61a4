/*
 * Times what one core does with the logits of captures, one line "capture measure
 * milliseconds" an event and round, for the driver to take medians of. Captures
 * are numbered from 0, measures are
 *
 *	read	the limit: all logits read once, a vectorised OR
 *	halves	the same as two streams
 *	peaks	peakfinder_run: logits to finished peaks, measured on the image
 *	plain	logits to bits only, the plain instruction set
 *	avx2	the same with AVX2
 *
 * usage: kernel rounds events capture ...
 *
 * So many events of each are loaded, and each measure goes through all of them
 * before the next has its turn: what one leaves in the caches is gone when the
 * other comes. In a round all captures have their turn. The first round is thrown
 * away; it tells "found", the peaks in all events, and "same", 1 if all
 * instruction sets gave the same bits.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/mman.h>

#include "base/number.h"
#include "data/logits.h"
#include "data/peakfinder.h"
#include "format/feed.h"

enum measure { READ, HALVES, PEAKS, PLAIN, AVX2, MEASURES };

static const char *const names[] = { "read", "halves", "peaks", "plain", "avx2" };

struct planes {
	void	*logits, *image;
};

struct work {
	struct layout	layout;
	struct planes	*events;
	uint32_t	n_events;
	struct peakfinder *finder;
	struct peaklist	found;
	uint64_t	*bits;		/* of a row */
	uint64_t	digest;		/* of the bits of the last event */
	volatile uint64_t sink;
};

typedef uint64_t vec __attribute__((vector_size(64)));

static uint64_t
fold(const vec *p)
{
	uint64_t a[sizeof *p / 8];

	memcpy(a, p, sizeof a);
	return a[0] | a[1] | a[2] | a[3] | a[4] | a[5] | a[6] | a[7];
}

static uint64_t
read_once(const vec *v, size_t n)
{
	vec a = { 0 }, b = { 0 };
	size_t i;

	for (i = 0; i + 1 < n; i += 2) {
		a |= v[i];
		b |= v[i + 1];
	}
	a |= b;
	return fold(&a);
}

/* Both halves at once, as the kernel reads two classes: 64 pixels of each in turn. */
static uint64_t
read_halves(const vec *v, size_t n)
{
	enum { TURN = 256 / sizeof *v };
	const vec *u = v + n / 2;
	vec a = { 0 }, b = { 0 };
	size_t i, k;

	for (i = 0; i + TURN <= n / 2; i += TURN) {
		for (k = i; k < i + TURN; k++)
			a |= v[k];
		for (k = i; k < i + TURN; k++)
			b |= u[k];
	}
	a |= b;
	return fold(&a);
}

static void
rows(struct work *w, enum logits_isa isa, const void *logits)
{
	const struct layout *l = &w->layout;
	uint32_t panel, ss, nans = 0, i, words = (l->real_width + 63) / 64;

	w->digest = 0;
	for (panel = 0; panel < l->panels; panel++)
		for (ss = 0; ss < l->real_height; ss++) {
			if (!logits_row(isa, l, logits, panel, ss, w->bits,
			    &nans))
				continue;
			for (i = 0; i < words; i++)
				w->digest = (w->digest ^ w->bits[i]) *
				    UINT64_C(0x100000001b3);
		}
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void
measure_once(struct work *w, enum measure m, const struct planes *p)
{
	const size_t n = layout_plane_bytes(&w->layout, PLANE_LOGITS) /
	    sizeof(vec);
	struct fault f;

	switch (m) {
	case READ:
		w->sink = read_once(p->logits, n);
		break;
	case HALVES:
		w->sink = read_halves(p->logits, n);
		break;
	case PEAKS:
		if (peakfinder_run(w->finder, p->logits, NULL, p->image,
		    &w->found, &f) == -1)
			errx(1, "%s", f.text);
		break;
	case PLAIN:
		rows(w, LOGITS_PLAIN, p->logits);
		break;
	case AVX2:
		rows(w, LOGITS_AVX2, p->logits);
		break;
	case MEASURES:
		break;
	}
}

static void
measure_round(struct work *w, int name, bool counts)
{
	uint64_t found = 0, digests[MEASURES] = { 0 };
	bool wide = logits_isa_usable(LOGITS_AVX2);
	uint32_t k;
	double t;
	int m;

	for (m = 0; m < (wide ? MEASURES : AVX2); m++)
		for (k = 0; k < w->n_events; k++) {
			t = now();
			measure_once(w, (enum measure)m, &w->events[k]);
			t = now() - t;
			if (counts)
				printf("%d\t%s\t%.4f\n", name, names[m], t);
			if (m == PEAKS)
				found += w->found.found;
			else
				digests[m] = digests[m] * 31 + w->digest;
		}
	if (counts)
		return;
	printf("%d\tfound\t%llu\n", name, (unsigned long long)found);
	printf("%d\tsame\t%d\n", name,
	    !wide || digests[PLAIN] == digests[AVX2]);
}

/* In huge pages where there are any, as captures are mapped and numpy's arrays. */
static void *
copy_of(const void *p, uint64_t bytes)
{
	enum { HUGE_PAGE = 2 << 20 };
	const size_t size = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	void *q = aligned_alloc(HUGE_PAGE, size);

	if (q == NULL || p == NULL)
		errx(1, "not enough memory, or an event without this plane");
	madvise(q, size, MADV_HUGEPAGE);
	return memcpy(q, p, bytes);
}

static void
load(struct work *w, const char *path, uint32_t most)
{
	const struct layout *l = &w->layout;
	struct feed feed;
	struct fault f;
	enum feed_got got;
	struct planes *p;
	int fd;

	if ((fd = open(path, O_RDONLY)) == -1)
		err(1, "%s", path);
	if ((w->events = calloc(most, sizeof *w->events)) == NULL ||
	    feed_init(&feed, fd, NULL, PLANE_LOGITS | PLANE_IMAGE) == -1)
		err(1, NULL);
	while (w->n_events < most && (got = feed_next(&feed, &f)) != FEED_EOF) {
		if (got == FEED_ERROR)
			errx(1, "%s: %s", path, f.text);
		w->layout = feed.stream.layout;
		if (got != FEED_EVENT)
			continue;
		p = &w->events[w->n_events++];
		p->logits = copy_of(feed_plane(&feed, PLANE_LOGITS),
		    layout_plane_size(l, PLANE_LOGITS));
		p->image = copy_of(feed_plane(&feed, PLANE_IMAGE),
		    layout_plane_size(l, PLANE_IMAGE));
		if (feed_done(&feed, &f) == -1)
			errx(1, "%s: %s", path, f.text);
	}
	feed_close(&feed);
}

static uint32_t
number(const char *text)
{
	const char *cause;
	long long v;

	if (number_int(text, 1, 100000, &v, &cause) == -1)
		errx(1, "%s: %s", text, cause);
	return (uint32_t)v;
}

static void
prepare(struct work *w, const char *path, uint32_t events)
{
	struct peakfinder_options o = { .min_pixels = 1 };

	load(w, path, events);
	o.capacity = w->layout.capacity;
	w->finder = peakfinder_new(&w->layout, &o);
	w->found.peaks = calloc(o.capacity, sizeof *w->found.peaks);
	w->bits = calloc(w->layout.real_width / 64 + 2, sizeof *w->bits);
	if (w->finder == NULL || w->found.peaks == NULL || w->bits == NULL)
		errx(1, "not enough memory");
}

int
main(int argc, char **argv)
{
	static struct work *works;
	uint32_t rounds, events, r;
	int i, n = argc - 3;

	if (n < 1)
		errx(1, "usage: kernel rounds events capture ...");
	rounds = number(argv[1]);
	events = number(argv[2]);
	if ((works = calloc((size_t)n, sizeof *works)) == NULL)
		err(1, NULL);
	for (i = 0; i < n; i++)
		prepare(&works[i], argv[3 + i], events);
	for (r = 0; r <= rounds; r++)
		for (i = 0; i < n; i++)
			measure_round(&works[i], i, r > 0);
	return 0;
}
