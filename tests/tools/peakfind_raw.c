/*
 * Runs the peak finder on cases from standard input, answers on standard output,
 * so that a test in another language can compare. All numbers native-endian.
 *
 * Case: u32 panels, classes, height, width, real_height, real_width, logits
 * type, image type, capacity, min_pixels, max_pixels, weighted, has_bad,
 * wants_segmap; then the planes that there are, without rounding: logits (or the
 * segmap if the type is none), image, bad. Answer: u32 kept, found, nans; then
 * kept peaks of 48 bytes: f64 ss, fs; u32 panel, npixels; f32 sum, max,
 * background, sd, snr, 0; then the segmap if wanted.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/peakfinder.h"

enum { PANELS, CLASSES, HEIGHT, WIDTH, REAL_HEIGHT, REAL_WIDTH, LOGITS, IMAGE,
	CAPACITY, MIN_PIXELS, MAX_PIXELS, WEIGHTED, HAS_BAD, WANTS_SEGMAP, FIELDS };

static void *
read_plane(size_t bytes)
{
	size_t room = (bytes + 63) / 64 * 64;
	void *p;

	if (bytes == 0)
		return NULL;
	if ((p = aligned_alloc(64, room)) == NULL)
		err(1, NULL);
	if (fread(p, 1, bytes, stdin) != bytes)
		errx(1, "a plane is cut short");
	return p;
}

static void
write_all(const void *p, size_t size, size_t n)
{
	if (n > 0 && fwrite(p, size, n, stdout) != n)
		err(1, "standard output");
}

static void
write_peak(const struct peak *p)
{
	const uint32_t u[2] = { p->panel, p->npixels };
	const float f[6] = { p->sum, p->max, p->background, p->sd, p->snr, 0 };

	write_all(&p->ss, sizeof p->ss, 1);
	write_all(&p->fs, sizeof p->fs, 1);
	write_all(u, sizeof u, 1);
	write_all(f, sizeof f, 1);
}

static void
run_case(const uint32_t *u)
{
	const struct layout l = {
		.panels = u[PANELS], .classes = u[CLASSES],
		.height = u[HEIGHT], .width = u[WIDTH],
		.real_height = u[REAL_HEIGHT], .real_width = u[REAL_WIDTH],
		.logits_type = u[LOGITS], .image_type = u[IMAGE],
		.capacity = u[CAPACITY]
	};
	struct peakfinder_options o = { u[MIN_PIXELS], u[MAX_PIXELS],
		u[CAPACITY], u[WEIGHTED] != 0, NULL };
	struct peaklist out;
	struct peakfinder *f;
	struct fault fault;
	size_t pixels;
	uint8_t *segmap = NULL, *bad = NULL;
	void *logits, *image;
	uint32_t i;

	if (layout_check(&l, &fault) == -1)
		errx(1, "%s", fault.text);
	pixels = layout_plane_bytes(&l, PLANE_SEGMAP);
	logits = read_plane(layout_plane_bytes(&l, PLANE_LOGITS));
	if (logits == NULL)
		segmap = read_plane(pixels);
	image = read_plane(layout_plane_bytes(&l, PLANE_IMAGE));
	if (u[HAS_BAD])
		bad = read_plane((size_t)l.panels * l.real_height *
		    l.real_width);
	o.bad = bad;
	if (logits != NULL && u[WANTS_SEGMAP]) {
		if ((segmap = malloc(pixels)) == NULL)
			err(1, NULL);
		memset(segmap, 0xee, pixels);
	}
	out.peaks = calloc(o.capacity, sizeof *out.peaks);
	if (out.peaks == NULL || (f = peakfinder_new(&l, &o)) == NULL)
		err(1, NULL);
	/* Twice: the second event must not see anything of the first. */
	for (i = 0; i < 2; i++)
		if (peakfinder_run(f, logits, segmap, image, &out, &fault) == -1)
			errx(1, "%s", fault.text);
	write_all(&out.kept, sizeof out.kept, 1);
	write_all(&out.found, sizeof out.found, 1);
	write_all(&out.nans, sizeof out.nans, 1);
	for (i = 0; i < out.kept; i++)
		write_peak(&out.peaks[i]);
	if (u[WANTS_SEGMAP])
		write_all(segmap, 1, pixels);
	peakfinder_free(f);
	free(out.peaks);
	free(logits);
	free(segmap);
	free(image);
	free(bad);
}

int
main(void)
{
	uint32_t u[FIELDS];
	size_t n;

	while ((n = fread(u, 1, sizeof u, stdin)) == sizeof u)
		run_case(u);
	if (n != 0)
		errx(1, "a case is cut short");
	if (fflush(stdout) == EOF)
		err(1, "standard output");
	return 0;
}
