/*
 * What lib/format/cxireader.c reads of a file, as text for a test in Python:
 *
 *	cxireader_dump FILE [CLENPATH] <events
 *
 * For each event number read: a line of its values, its peaks, and sums over
 * image and mask. An argument "-r" lists the files of a run instead.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/cxireader.h"
#include "format/runfiles.h"

static int
fail(const struct fault *f)
{
	printf("fault\t%s\n", f->text);
	return 1;
}

static int
run_list(const char *argument)
{
	struct runfiles r = { .n = 0 };
	struct fault f;
	size_t i;
	int status = 0;

	if (runfiles_add(&r, argument, &f) == -1)
		status = fail(&f);
	for (i = 0; i < r.n && status == 0; i++)
		puts(r.paths[i]);
	runfiles_free(&r);
	return status;
}

static void
event_print(const struct cxireader_event *e, const struct cxireader_peak *p)
{
	uint32_t i;

	printf("event\t%u\t%u\t%u\t%u\t%" PRIu64 "\t%u\t%" PRIu64, e->has_peaks,
	    e->n_peaks, e->n_found, e->has_timestamp, e->timestamp, e->has_number,
	    e->number);
	printf("\t%.17g\t%.17g\t%.17g\t%.17g\t%.17g\t%.17g\t%.17g\n", e->energy,
	    e->wavelength, e->distance, e->pixel_x, e->pixel_y, e->encoder,
	    e->clen);
	for (i = 0; i < e->n_peaks; i++)
		printf("peak\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%d\n",
		    (double)p[i].fs, (double)p[i].ss, (double)p[i].total,
		    (double)p[i].max, (double)p[i].snr, (double)p[i].npixels,
		    p[i].panel);
}

static int
planes_print(struct cxireader *r, uint64_t k, struct fault *f)
{
	const struct cxireader_info *x = cxireader_info(r);
	size_t n = (size_t)x->height * x->width, i, masked = 0;
	float *image = malloc(n * sizeof *image);
	uint8_t *bad = malloc(n);
	double sum = 0, weighed = 0;
	int status = -1;

	if (n == 0)
		status = 0;
	else if (image != NULL && bad != NULL &&
	    cxireader_image(r, k, image, f) == 0 &&
	    cxireader_mask(r, k, bad, f) == 0) {
		for (i = 0; i < n; i++) {
			masked += bad[i];
			sum += (double)image[i];
			weighed += (double)image[i] * (double)(i % 1013);
		}
		printf("image\t%.17g\t%.17g\t%zu\n", sum, weighed, masked);
		status = 0;
	}
	free(image);
	free(bad);
	return status;
}

static int
events_print(struct cxireader *r, struct fault *f)
{
	const struct cxireader_peak *peaks;
	struct cxireader_event e;
	char line[64];
	uint64_t k;

	while (fgets(line, sizeof line, stdin) != NULL) {
		k = strtoull(line, NULL, 10);
		if (cxireader_event(r, k, &e, &peaks, f) == -1)
			return -1;
		event_print(&e, peaks);
		if (planes_print(r, k, f) == -1)
			return -1;
	}
	return 0;
}

int
main(int argc, char *argv[])
{
	const struct cxireader_info *x;
	struct cxireader *r;
	struct fault f = { .text = "out of memory" };
	int status = 0;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "-r") == 0)
		return run_list(argv[2]);
	if (argc < 2)
		return 2;
	if (cxireader_open(argv[1], argc > 2 ? argv[2] : NULL, &r, &f) == -1)
		return fail(&f);
	x = cxireader_info(r);
	printf("info\t%" PRIu64 "\t%u\t%u\t%u\t%u\t%s\t%zu\t%zu\t%s\t%s\n",
	    x->events, x->height, x->width, x->capacity, x->mask, x->type,
	    strlen(x->options), strlen(x->stream), x->detector, x->program);
	if (events_print(r, &f) == -1)
		status = fail(&f);
	cxireader_close(r);
	return status;
}
