/* q2ls: records as text, a line each: the window into every pipe. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/feed.h"
#include "format/peakplane.h"
#include "status.h"
#include "tool.h"

static void
planes_name(unsigned planes, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s%s", planes & PLANE_LOGITS ? "logits," : "",
	    planes & PLANE_SEGMAP ? "segmap," : "",
	    planes & PLANE_IMAGE ? "image," : "",
	    planes & PLANE_PEAKS ? "peaks," : "");
	if (*buf != '\0')
		buf[strlen(buf) - 1] = '\0';
}

static void
stream_print(const struct feed *d)
{
	const struct layout *l = &d->stream.layout;
	char planes[48], facts[STREAM_TEXT_SIZE + 1];
	size_t n;

	planes_name(d->stream.planes, planes, sizeof planes);
	strcpy(facts, d->stream.text);
	for (n = strlen(facts); n > 0 && facts[n - 1] == '\n'; n--)
		facts[n - 1] = '\0';
	for (char *c = facts; *c != '\0'; c++)
		if (*c == '\n')
			*c = ' ';
	printf("stream\t%016llx\t-\t%s\t%u x %u x %u of %u x %u, %u classes %s,"
	    " image %s, capacity %u\t%s\n", (unsigned long long)d->stream.id,
	    planes, l->panels, l->real_height, l->real_width, l->height,
	    l->width, l->classes, logits_type_name(l->logits_type),
	    image_type_name(l->image_type), l->capacity, facts);
}

static void
event_print(const struct feed *d)
{
	const struct event *e = &d->event;
	char planes[48];

	planes_name(d->record.planes, planes, sizeof planes);
	printf("%s\t%016llx\t%llu\t%s\t", d->record.type == RECORD_EVENT ?
	    "event" : "reference", (unsigned long long)d->record.stream,
	    (unsigned long long)e->seq, planes);
	if (d->record.flags & RECORD_FAILED) {
		printf("failed: %s\t%s\n", event_cause_text(e->cause), e->source);
		return;
	}
	if (e->known & QUANTITY_TIMESTAMP)
		printf("time %llu.%09llu ",
		    (unsigned long long)(e->timestamp >> 32),
		    (unsigned long long)(e->timestamp & 0xffffffff));
	if (e->known & QUANTITY_ENERGY)
		printf("energy %.4f eV ", e->photon_energy);
	if (e->known & QUANTITY_ENCODER)
		printf("encoder %.6g mm ", e->encoder);
	if (d->record.planes & PLANE_PEAKS)
		printf("peaks %u kept %u ", e->peaks_found, e->peaks_kept);
	if (d->record.type == RECORD_REFERENCE)
		printf("slot %u ", d->record.slot);
	printf("\t%s\n", e->source);
}

static int
peaks_print(const struct feed *d, struct fault *f)
{
	static struct peak *peaks;
	uint32_t n = d->event.peaks_kept, i;
	const void *plane = feed_plane(d, PLANE_PEAKS);

	if (plane == NULL)
		return 0;
	free(peaks);
	if ((peaks = calloc(n + 1, sizeof *peaks)) == NULL)
		return fault_lack(f, "no memory for %u peaks", n);
	if (peakplane_unpack(plane, n, &d->stream.layout, peaks, f) == -1)
		return fault_prefix(f, "event %llu",
		    (unsigned long long)d->event.seq);
	for (i = 0; i < n; i++)
		printf("%llu\t%u\t%.6f\t%.6f\t%u\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\n",
		    (unsigned long long)d->event.seq, peaks[i].panel,
		    peaks[i].ss, peaks[i].fs, peaks[i].npixels,
		    (double)peaks[i].sum, (double)peaks[i].max,
		    (double)peaks[i].background, (double)peaks[i].sd,
		    (double)peaks[i].snr);
	return 0;
}

/* Among peaks there is no line to say it in. */
static int
event_failed(const struct feed *d, const char *name, const struct fault *f)
{
	warnx("%s: event %llu failed: %s", name,
	    (unsigned long long)d->event.seq, f->text);
	return STATUS_FAILED;
}

static void
end_print(const struct feed *d)
{
	printf("end\t%016llx\t-\t-\t%llu events%s\t\n",
	    (unsigned long long)d->record.stream,
	    (unsigned long long)d->record.count,
	    d->record.flags & RECORD_INTERRUPTED ? ", interrupted" : "");
}

/* Prints all of an input; the exit status. */
static int
feed_print(struct feed *d, const char *name, bool peaks)
{
	struct fault f = { .text = "" };
	enum feed_got got;
	int status = STATUS_OK;

	while ((got = feed_next(d, &f)) > FEED_EOF) {
		if (got == FEED_STREAM && !peaks)
			stream_print(d);
		else if (got == FEED_STREAM && !(d->stream.planes & PLANE_PEAKS)) {
			fault_set(&f, "the stream carries no peaks: put peakfind in"
			    " front");
			got = FEED_ERROR;
			break;
		} else if (got == FEED_END && !peaks)
			end_print(d);
		else if (got == FEED_EVENT) {
			if (!peaks)
				event_print(d);
			else if (d->record.flags & RECORD_FAILED)
				status = event_failed(d, name, &f);
			else if (peaks_print(d, &f) == -1)
				got = FEED_ERROR;
			if (feed_done(d, &f) == -1 || got == FEED_ERROR)
				break;
		}
		/* A line as soon as there is one; a reader that has gone. */
		if (fflush(stdout) == EOF)
			return errno == EPIPE ? STATUS_GONE : STATUS_OUTPUT;
	}
	if (got == FEED_EOF && d->open)
		return status;
	if (got == FEED_EOF)
		fault_set(&f, "empty: no stream header");
	warnx("%s: %s", name, f.text);
	return status_of(&f, STATUS_INPUT);
}

int
main(int argc, char *argv[])
{
	struct slots *slots;
	struct feed d;
	struct fault f;
	const char *name = "standard input";
	bool peaks = false;
	int ch, fd = STDIN_FILENO, status;

	tool_begin(argc, argv, "[-p] [file]");
	while ((ch = getopt(argc, argv, "+p")) != -1)
		switch (ch) {
		case 'p':
			peaks = true;
			break;
		default:
			tool_usage();
		}
	argv = tool_operands(argc, argv, 0, 1);
	tool_signals(NULL);
	if (argv[0] == NULL || strcmp(argv[0], "-") == 0)
		tool_input_check();
	else {
		name = argv[0];
		if ((fd = open(name, O_RDONLY | O_CLOEXEC)) == -1)
			err(STATUS_INPUT, "%s", name);
	}
	if (slots_open(&slots, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
	if (feed_init(&d, fd, slots, peaks ? PLANE_PEAKS : 0) == -1)
		errx(STATUS_SYSTEM, "no memory");
	/* No references are in files; who reads one is no consumer. */
	if (slots != NULL && !inlet_regular(d.in) &&
	    slots_consume(slots, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
	if (peaks)
		puts("seq\tpanel\tss\tfs\tnpixels\tsum\tmax\tbackground\tsd\tsnr");
	else
		puts("record\tstream\tseq\tplanes\twhat\tsource");
	status = feed_print(&d, name, peaks);
	if (fflush(stdout) == EOF)
		status = tool_worse(status, errno == EPIPE ? STATUS_GONE :
		    STATUS_OUTPUT);
	if (status == STATUS_OUTPUT)
		warn("standard output");
	feed_close(&d);
	slots_close(slots);
	return status;
}
