/* q2sim: simulated crystals with known truth, as a stream of inline records. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "base/ownfile.h"
#include "base/pages.h"
#include "base/sidefile.h"
#include "format/eventblock.h"
#include "format/stream.h"
#include "sim/sim.h"
#include "status.h"
#include "tool.h"
#include "transport/outlet.h"

#define PLANES (PLANE_LOGITS | PLANE_IMAGE)

struct options {
	struct sim_options sim;
	uint64_t	events;		/* UINT64_MAX: endless */
	const char	*geometry;	/* files to write; NULL: none */
	const char	*truth;
};

/* What a run is made of. */
struct run {
	struct sim	*sim;
	struct stream	stream;
	struct outlet	out;
	FILE		*truth;		/* NULL: not wanted */
	const char	*truth_name;
	unsigned char	*payload;	/* event block and planes */
	unsigned char	*logits, *image;	/* in the payload */
	struct record	record;
	uint64_t	sent;
};

static void
cell_parse(const char *text, double cell[6])
{
	char copy[200], *rest = copy, *item;
	int n = 0;

	if (strlcpy(copy, text, sizeof copy) >= sizeof copy)
		errx(STATUS_USAGE, "-C %.40s...: too long", text);
	while ((item = strsep(&rest, ",")) != NULL) {
		if (n == 6)
			errx(STATUS_USAGE, "-C %s: more than six numbers", text);
		cell[n++] = tool_real('C', item, 0, 2000);
	}
	if (n != 6)
		errx(STATUS_USAGE, "-C %s: %d numbers, not the six"
		    " a,b,c,alpha,beta,gamma", text, n);
}

static enum logits_type
type_parse(const char *text)
{
	enum logits_type t;

	for (t = LOGITS_F32; t <= LOGITS_BF16; t++)
		if (strcmp(text, logits_type_name(t)) == 0)
			return t;
	errx(STATUS_USAGE, "-t %s: not f32, f16 or bf16", text);
}

static void
options_parse(int argc, char *argv[], struct options *o)
{
	int ch;

	sim_options_init(&o->sim);
	o->events = UINT64_MAX;
	o->geometry = o->truth = NULL;
	while ((ch = getopt(argc, argv, "+C:D:e:g:n:S:T:t:x:z:")) != -1)
		switch (ch) {
		case 'C':
			cell_parse(optarg, o->sim.cell);
			break;
		case 'D':
			o->sim.detector = optarg;
			break;
		case 'e':
			o->sim.energy = tool_real('e', optarg, 1000, 100000);
			break;
		case 'g':
			o->geometry = optarg;
			break;
		case 'n':
			o->events = (uint64_t)tool_int('n', optarg, 0,
			    LLONG_MAX);
			break;
		case 'S':
			o->sim.seed = (uint64_t)tool_int('S', optarg, 0,
			    LLONG_MAX);
			break;
		case 'T':
			o->truth = optarg;
			break;
		case 't':
			o->sim.type = type_parse(optarg);
			break;
		case 'x':
			o->sim.hit_fraction = tool_real('x', optarg, 0, 1);
			break;
		case 'z':
			o->sim.distance = tool_real('z', optarg, 0.01, 10);
			break;
		default:
			tool_usage();
		}
	(void)tool_operands(argc, argv, 0, 0);
}

static void
geometry_write(const struct sim *sim, const char *name)
{
	struct fault f;
	char *text;
	FILE *out;
	int bad;

	if (ownfile_check(name, "^; [a-z0-9]+, simulated by q2sim\n",
	    "a geometry of q2sim", &f) == -1)
		errx(status_of(&f, STATUS_OUTPUT), "-g %s", f.text);
	if ((text = sim_geometry(sim)) == NULL)
		errx(STATUS_SYSTEM, "no memory for a geometry");
	if ((out = sidefile_open(name, "w", &f)) == NULL) {
		free(text);
		errx(status_of(&f, STATUS_OUTPUT), "-g %s", f.text);
	}
	bad = fputs(text, out) == EOF;
	free(text);
	if (fclose(out) == EOF || bad)
		err(STATUS_OUTPUT, "%s", name);
}

static void
truth_open(struct run *r, const char *name)
{
	static const char begins[] = "^seq\tpanel\tss\tfs\th\tk\tl\tintensity\t"
	    "in_logits\tresolution\tstate\n";
	struct fault f;

	r->truth_name = name;
	if (ownfile_check(name, begins, "a table of q2sim -T", &f) == -1 ||
	    (r->truth = sidefile_open(name, "w", &f)) == NULL)
		errx(status_of(&f, STATUS_OUTPUT), "-T %s", f.text);
	fputs(begins + 1, r->truth);
}

static void
truth_write(const struct run *r, uint64_t seq, const struct spot *s, size_t n)
{
	const struct spot *end = s + n;

	for (; s < end; s++)
		fprintf(r->truth, "%" PRIu64 "\t%u\t%.4f\t%.4f\t%d\t%d\t%d\t"
		    "%.2f\t%d\t%.4f\t%s\n", seq, s->panel, s->ss, s->fs, s->h,
		    s->k, s->l, s->photons * (double)SIM_ADU,
		    s->state == SPOT_MARKED, s->resolution,
		    spot_state_text(s->state));
	if (ferror(r->truth))
		err(STATUS_OUTPUT, "%s", r->truth_name);
}

static void
fact_add(struct stream *s, const char *key, const char *value)
{
	struct fault f;

	if (stream_add(s, key, value, &f) == -1)
		errx(STATUS_SYSTEM, "%s", f.text);
}

/* Appends numbers behind their name, separated by commas. */
static void
numbers_add(char *text, size_t room, const char *name, const double *v, int n)
{
	char number[NUMBER_TEXT];
	int i;

	(void)strlcat(text, name, room);
	for (i = 0; i < n; i++) {
		number_text(v[i], number);
		(void)strlcat(text, i == 0 ? "=" : ",", room);
		(void)strlcat(text, number, room);
	}
}

/* The facts of the run, with all that decides what its events look like. */
static void
stream_make(struct run *r, const struct options *o)
{
	const struct sim_options *s = &o->sim;
	const double distance = sim_distance(r->sim);
	char text[512];

	r->stream.layout = *sim_layout(r->sim);
	r->stream.planes = PLANES;
	r->stream.quantities = QUANTITY_ALL;
	fact_add(&r->stream, "experiment", "simulation");
	snprintf(text, sizeof text, "%" PRIu64, s->seed);
	fact_add(&r->stream, "run", text);
	fact_add(&r->stream, "detector", s->detector);
	snprintf(text, sizeof text, "%s seed=%" PRIu64, VERSION, s->seed);
	numbers_add(text, sizeof text, " cell", s->cell, 6);
	numbers_add(text, sizeof text, " energy", &s->energy, 1);
	numbers_add(text, sizeof text, " distance", &distance, 1);
	numbers_add(text, sizeof text, " hits", &s->hit_fraction, 1);
	(void)strlcat(text, " type=", sizeof text);
	(void)strlcat(text, logits_type_name(r->stream.layout.logits_type),
	    sizeof text);
	fact_add(&r->stream, "q2sim", text);
	stream_identify(&r->stream);
}

static void
run_make(struct run *r, const struct options *o)
{
	const struct layout *l;
	struct fault f;
	uint64_t size;

	memset(r, 0, sizeof *r);
	if (sim_new(&o->sim, &r->sim, &f) == -1)
		errx(status_of(&f, STATUS_USAGE), "%s", f.text);
	stream_make(r, o);
	l = &r->stream.layout;
	size = layout_size(l, PLANES);
	r->payload = pages_alloc(LAYOUT_ALIGN, size);
	if (r->payload == NULL)
		errx(STATUS_SYSTEM, "no memory for an event of %" PRIu64
		    " bytes", size);
	memset(r->payload, 0, size);
	r->logits = r->payload + layout_plane_offset(l, PLANES, PLANE_LOGITS);
	r->image = r->payload + layout_plane_offset(l, PLANES, PLANE_IMAGE);
	r->record = (struct record){
		.type = RECORD_EVENT,
		.length = stream_event_length(&r->stream),
		.stream = r->stream.id,
		.planes = PLANES,
	};
	outlet_init(&r->out, STDOUT_FILENO);
	if (o->geometry != NULL)
		geometry_write(r->sim, o->geometry);
	if (o->truth != NULL)
		truth_open(r, o->truth);
}

static int
event_send(struct run *r)
{
	const struct spot *spots;
	struct event event;
	struct iovec piece;
	size_t n;

	n = sim_event(r->sim, r->sent, r->logits, (void *)r->image, &event,
	    &spots);
	eventblock_pack(r->payload, &event);
	if (r->truth != NULL)
		truth_write(r, r->sent, spots, n);
	r->record.seq = r->sent;
	piece.iov_base = r->payload;
	piece.iov_len = r->record.length - RECORD_SIZE;
	if (outlet_event(&r->out, &r->record, &piece, 1) == -1)
		return -1;
	r->sent++;
	return 0;
}

/* Everything from the header to the end record; -1 with errno. */
static int
run_send(struct run *r, uint64_t events)
{
	unsigned char header[STREAM_SIZE];
	struct record end;

	stream_pack(&r->stream, header);
	if (outlet_stream(&r->out, header) == -1)
		return -1;
	while (r->sent < events && !tool_stop)
		if (event_send(r) == -1)
			return -1;
	end = (struct record){
		.type = RECORD_END,
		.flags = r->sent < events ? RECORD_INTERRUPTED : 0,
		.length = RECORD_SIZE,
		.stream = r->stream.id,
		.count = r->sent,
	};
	if (outlet_record(&r->out, &end) == -1)
		return -1;
	return outlet_flush(&r->out);
}

static void
run_free(struct run *r)
{
	free(r->payload);
	sim_free(r->sim);
}

int
main(int argc, char *argv[])
{
	struct options o;
	struct run r;
	int status = STATUS_OK;

	tool_begin(argc, argv, "[-C a,b,c,al,be,ga] [-D detector] [-e eV]"
	    " [-g out.geom] [-n events] [-S seed]\n"
	    "             [-T truth.tsv] [-t f32|f16|bf16] [-x hitfraction]"
	    " [-z metres]");
	options_parse(argc, argv, &o);
	tool_output_check();
	tool_signals(NULL);
	run_make(&r, &o);
	if (run_send(&r, o.events) == -1) {
		if (errno != EPIPE)
			err(STATUS_OUTPUT, "standard output");
		status = STATUS_GONE;
	} else if (r.sent < o.events)
		status = STATUS_INTERRUPTED;
	if (r.truth != NULL && fclose(r.truth) == EOF)
		err(STATUS_OUTPUT, "%s", o.truth);
	run_free(&r);
	return status;
}
