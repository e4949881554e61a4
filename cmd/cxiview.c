/*
 * cxiview: an event of a CXI file as a picture, the virtual powder of a run, or its
 * best hits on one sheet.
 *
 * Whatever is shown, the way is the same: a plane of floats in the slab, NaN where
 * nothing is known; the contrast is chosen from it, and an assembly says which of
 * its pixels comes where. Planes are read one by one, so a run of any length needs
 * the memory of two images.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/filename.h"
#include "base/newfile.h"
#include "base/ownfile.h"
#include "base/utf8.h"
#include "data/assembly.h"
#include "data/resolution.h"
#include "data/tone.h"
#include "format/cxireader.h"
#include "format/geofile.h"
#include "format/guard.h"
#include "format/plane.h"
#include "format/runfiles.h"
#include "report/best.h"
#include "report/page.h"
#include "report/picture.h"
#include "report/tile.h"
#include "status.h"
#include "tool.h"

enum mode { MODE_EVENT, MODE_SUM, MODE_MAXIMUM, MODE_PEAKS, MODE_SHEET };

enum {
	SHEET_MAX = 400,
	TILE = 400		/* pixels of the longest side on a sheet */
};

struct options {
	enum mode	mode;
	uint64_t	event;
	size_t		tiles;
	const char	*geometry, *out;
};

struct view {
	struct options	o;
	struct runfiles	run;
	struct geofile	geo;		/* without -g it has no ASICs */
	struct assembly	assembly;	/* from NULL until the first file is open */
	size_t		file;		/* which is open */
	struct cxireader *reader;	/* NULL: none */
	uint32_t	height, width;	/* of images, of all files */
	float		*plane, *image;	/* what is shown; what was read */
	uint8_t		*bad;
	bool		bad_known;	/* bad is that of the open file */
	uint64_t	events;		/* in the powder */
	double		energy, distance;	/* sums over events that know them */
	uint64_t	energies, distances;
	struct picture	*picture;
	char		title[600];
};

/* ---- the run ---- */

/* A file cannot be read; or reading it was given up, since we were told to stop. */
static void __attribute__((noreturn))
give_up(const struct fault *f)
{
	if (tool_stop)
		errx(STATUS_INTERRUPTED, "stopped; no picture was made");
	errx(status_of(f, STATUS_INPUT), "%s", f->text);
}

static void *
memory(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		err(STATUS_SYSTEM, NULL);
	return p;
}

/* The first file says how large images are, and so how they are assembled. */
static void
planes_make(struct view *v, const struct cxireader_info *x)
{
	const struct geometry *g = &v->geo.geometry;
	size_t n = (size_t)x->height * x->width;
	struct fault f;
	int r;

	v->height = x->height;
	v->width = x->width;
	r = g->n_asics > 0 ? assembly_geometry(g, x->height, x->width,
	    &v->assembly, &f) : assembly_slab(x->height, x->width, &v->assembly,
	    &f);
	if (r == -1)
		errx(status_of(&f, STATUS_INPUT), "%s: %s", g->n_asics > 0 ?
		    v->o.geometry : v->run.paths[0], f.text);
	if (g->n_asics > 0 && assembly_reach(g, x->height, x->width, &f) == -1)
		warnx("%s: %s", v->o.geometry, f.text);
	v->plane = memory(n, sizeof *v->plane);
	v->image = memory(n, sizeof *v->image);
	v->bad = memory(n, 1);
}

static void
file_open(struct view *v, size_t file)
{
	const struct cxireader_info *x;
	const char *path = v->run.paths[file];
	struct fault f;

	if (v->reader != NULL && v->file == file)
		return;
	cxireader_close(v->reader);
	v->bad_known = false;
	v->file = file;
	if (cxireader_open(path, v->geo.geometry.clen_path, &v->reader, &f) == -1)
		give_up(&f);
	x = cxireader_info(v->reader);
	if (x->height == 0)
		errx(STATUS_INPUT, "%s: has no images (/entry_1/data_1/data)", path);
	if (v->plane == NULL) {
		planes_make(v, x);
		if (v->geo.geometry.mask_good && x->mask != 0)
			warnx("-g %s: mask_good is not looked at: pixels that are"
			    " not 0 in the mask are shown as bad, as CXI has it",
			    v->o.geometry);
	}
	if (x->height != v->height || x->width != v->width)
		errx(STATUS_INPUT, "%s: its images have %u x %u pixels, those of %s"
		    " %u x %u", path, x->height, x->width, v->run.paths[0],
		    v->height, v->width);
}

static struct cxireader_event
event_read(struct view *v, uint64_t row, const struct cxireader_peak **peaks)
{
	struct cxireader_event e;
	struct fault f;

	if (cxireader_event(v->reader, row, &e, peaks, &f) == -1)
		give_up(&f);
	return e;
}

static void
image_read(struct view *v, uint64_t row, float *out)
{
	struct fault f;

	if (plane_read(v->reader, row, out, v->bad, &v->bad_known, &f) == -1)
		give_up(&f);
}

/* Keeps what rings need: the mean of the events that are shown. */
static void
beam_add(struct view *v, const struct cxireader_event *e)
{
	const struct geometry *g = &v->geo.geometry;
	double z = g->n_asics == 0 ? NAN : resolution_distance(g,
	    e->clen * g->clen_unit);

	if (isnan(z) && g->clen_path[0] == '\0')
		z = e->distance;
	if (!isnan(e->energy)) {
		v->energy += e->energy;
		v->energies++;
	}
	if (!isnan(z) && z > 0) {
		v->distance += z;
		v->distances++;
	}
}

/* Calls each for every event of the run, in order. */
static void
run_walk(struct view *v, void (*each)(struct view *, uint64_t row, void *),
    void *arg)
{
	uint64_t row;
	size_t i;

	for (i = 0; i < v->run.n; i++) {
		file_open(v, i);
		for (row = 0; row < cxireader_info(v->reader)->events; row++) {
			if (tool_stop)
				errx(STATUS_INTERRUPTED, "stopped; no picture was"
				    " made");
			each(v, row, arg);
			v->events++;
		}
	}
	if (v->events == 0)
		errx(STATUS_INPUT, "%s: there are no events in it",
		    v->run.n == 0 ? "the run" : v->run.paths[0]);
}

/* ---- the page ---- */

static void
facts_make(const struct view *v, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	if (v->energies > 0)
		n += (size_t)snprintf(text + n, size - n, "%.0f eV   ", v->energy /
		    (double)v->energies);
	if (v->distances > 0)
		n += (size_t)snprintf(text + n, size - n, "%.1f mm   ",
		    1e3 * v->distance / (double)v->distances);
	snprintf(text + n, size - n, "%s", v->o.geometry == NULL ?
	    "slab, not assembled" : "seen into the beam, y up");
}

/* What rings need; says so if there are none for want of it. */
static void
rings_find(struct view *v, struct page *p)
{
	const struct geometry *g = &v->geo.geometry;

	p->wavelength = resolution_wavelength(v->energy / (double)v->energies);
	p->distance = v->distance / (double)v->distances;
	p->res = g->n_asics == 0 ? NAN : resolution_res(g);
	if (g->n_asics == 0)
		return;
	if (isnan(p->wavelength) || isnan(p->distance) || isnan(p->res))
		warnx("no resolution rings: %s unknown", isnan(p->wavelength) ?
		    "the photon energy is" : isnan(p->distance) ?
		    "the distance of the detector is" : "the pixel size is");
}

/* The plane with all that goes on and below it. */
static struct tone
plane_show(struct view *v, const struct cxireader_event *e,
    const struct cxireader_peak *peaks)
{
	struct tone t = tone_choose(v->plane, (size_t)v->height * v->width);
	char facts[200];
	struct page page = { .title = v->title, .facts = facts, .peaks = peaks,
	    .n_peaks = peaks == NULL ? 0 : e->n_peaks };
	struct fault f;

	facts_make(v, facts, sizeof facts);
	rings_find(v, &page);
	v->picture = page_draw(&page, &v->assembly, v->plane, &t, &f);
	if (v->picture == NULL)
		errx(status_of(&f, STATUS_INPUT), "%s: %s", v->run.paths[0],
		    f.text);
	return t;
}

/* ---- one event ---- */

static void
title_event(struct view *v, const char *path, uint64_t row,
    const struct cxireader_event *e)
{
	size_t n = (size_t)snprintf(v->title, sizeof v->title,
	    "%.200s   row %" PRIu64, filename_base(path), row);

	if (e->has_number)
		n += (size_t)snprintf(v->title + n, sizeof v->title - n,
		    "   event %" PRIu64, e->number);
	if (e->has_peaks)
		snprintf(v->title + n, sizeof v->title - n, "   %u peaks",
		    e->n_found);
	utf8_clean(v->title);
}

/* Finds event k of the run and opens its file. */
static uint64_t
event_find(struct view *v, uint64_t k)
{
	uint64_t before = 0, n;
	size_t i;

	for (i = 0; i < v->run.n; i++, before += n) {
		file_open(v, i);
		n = cxireader_info(v->reader)->events;
		if (k - before < n)
			return k - before;
	}
	if (before == 0)
		errx(STATUS_INPUT, "there are no events in the run");
	errx(STATUS_INPUT, "-e %" PRIu64 ": no such event; %s 0 to %" PRIu64, k,
	    v->run.n == 1 ? "the file has" : "the files have", before - 1);
}

static struct tone
event_show(struct view *v)
{
	uint64_t row = event_find(v, v->o.event);
	const struct cxireader_peak *peaks;
	struct cxireader_event e = event_read(v, row, &peaks);

	image_read(v, row, v->plane);
	beam_add(v, &e);
	title_event(v, v->run.paths[v->file], row, &e);
	return plane_show(v, &e, peaks);
}

/* ---- powders ---- */

static void
powder_add(struct view *v, uint64_t row, void *arg)
{
	struct cxireader_event e = event_read(v, row, NULL);
	size_t i, n = (size_t)v->height * v->width;
	double *sum = arg;

	beam_add(v, &e);
	image_read(v, row, v->image);
	if (sum == NULL) {
		plane_raise(v->plane, v->image, n);
		return;
	}
	/* Begins with NaN: a pixel that no event knows stays unknown. */
	for (i = 0; i < n; i++)
		if (!isnan(v->image[i]))
			sum[i] = isnan(sum[i]) ? (double)v->image[i] :
			    sum[i] + (double)v->image[i];
}

/* Pixels beside each other in the slab may be far apart in the laboratory. */
static bool
is_beside(const struct view *v, const struct geometry_asic *asic, long fs, long ss)
{
	const struct geometry *g = &v->geo.geometry;

	return fs >= 0 && ss >= 0 && fs < (long)v->width && ss < (long)v->height &&
	    (g->n_asics == 0 || resolution_asic(g, (double)fs, (double)ss) == asic);
}

static void
peak_mark(struct view *v, const struct cxireader_peak *p)
{
	const struct geometry_asic *asic;
	long ss, fs, r, c;

	if (!(p->fs > -0.5F && p->fs < (float)v->width && p->ss > -0.5F &&
	    p->ss < (float)v->height))
		return;
	ss = lrintf(p->ss);
	fs = lrintf(p->fs);
	asic = resolution_asic(&v->geo.geometry, (double)fs, (double)ss);
	for (r = ss - 1; r <= ss + 1; r++)
		for (c = fs - 1; c <= fs + 1; c++)
			if (is_beside(v, asic, c, r))
				v->plane[r * (long)v->width + c]++;
}

/* The plane begins with NaN: what is bad in all masks stays unknown. */
static void
mask_mark(struct view *v, uint64_t row)
{
	size_t i, n = (size_t)v->height * v->width;
	struct fault f;

	if (cxireader_mask(v->reader, row, v->bad, &f) == -1)
		give_up(&f);
	v->bad_known = cxireader_info(v->reader)->mask < 2;
	for (i = 0; i < n; i++)
		if (!v->bad[i] && isnan(v->plane[i]))
			v->plane[i] = 0;
}

/* A peak counts where it is and on the pixels beside, so that one is seen. */
static void
powder_mark(struct view *v, uint64_t row, void *arg)
{
	const struct cxireader_peak *p;
	struct cxireader_event e = event_read(v, row, &p);
	uint32_t i;

	(void)arg;
	beam_add(v, &e);
	if (!v->bad_known)
		mask_mark(v, row);
	for (i = 0; i < e.n_peaks; i++)
		peak_mark(v, &p[i]);
}

static void
plane_unknow(struct view *v)
{
	size_t i, n = (size_t)v->height * v->width;

	for (i = 0; i < n; i++)
		v->plane[i] = NAN;
}

static void
sum_make(struct view *v)
{
	size_t i, n = (size_t)v->height * v->width;
	double *sum = memory(n, sizeof *sum);

	for (i = 0; i < n; i++)
		sum[i] = NAN;
	run_walk(v, powder_add, sum);
	for (i = 0; i < n; i++)
		v->plane[i] = (float)sum[i];
	free(sum);
}

static struct tone
powder_show(struct view *v)
{
	static const char *const what[] = { [MODE_SUM] = "sum",
	    [MODE_MAXIMUM] = "maximum", [MODE_PEAKS] = "peaks" };

	if (v->run.n > 0)
		file_open(v, 0);
	else
		errx(STATUS_INPUT, "there are no files in the run");
	if (v->o.mode == MODE_SUM)
		sum_make(v);
	else {
		plane_unknow(v);
		run_walk(v, v->o.mode == MODE_PEAKS ? powder_mark : powder_add,
		    NULL);
	}
	snprintf(v->title, sizeof v->title, "%.200s%s   %s of %" PRIu64
	    " events", filename_base(v->run.paths[0]), v->run.n > 1 ? " ..." : "",
	    what[v->o.mode], v->events);
	utf8_clean(v->title);
	return plane_show(v, NULL, NULL);
}

/* ---- the sheet ---- */

struct sheet {
	struct best_hit	*hits;
	size_t		n, room;
};

static void
sheet_add(struct view *v, uint64_t row, void *arg)
{
	struct sheet *s = arg;
	struct cxireader_event e = event_read(v, row, NULL);

	s->n = best_add(s->hits, s->n, s->room, &e, v->file, row);
}

static void
tile_show(struct view *v, const struct best_hit *b, uint32_t x, uint32_t y,
    const struct tile *t)
{
	const struct cxireader_peak *peaks;
	struct cxireader_event e;
	char caption[120];
	struct fault f;

	file_open(v, b->file);
	e = event_read(v, b->row, &peaks);
	image_read(v, b->row, v->plane);
	if (tile_draw(v->picture, x, y, t, &v->assembly, v->plane, &f) == -1)
		errx(status_of(&f, STATUS_INPUT), "%s: %s", v->run.paths[b->file],
		    f.text);
	picture_clip(v->picture, x, y, t->width, t->height);
	page_circles(v->picture, &v->assembly, peaks, e.n_peaks, x, y,
	    1.0 / t->factor, 0.7, 2.5);
	picture_clip(v->picture, x, y + t->height, t->width, 24);
	snprintf(caption, sizeof caption, e.has_number ? "event %" PRIu64
	    "   %u peaks" : "row %" PRIu64 "   %u peaks", e.has_number ? e.number :
	    b->row, e.n_found);
	picture_text(v->picture, PICTURE_TEXT, x + 2, y + t->height + 16, 13,
	    caption);
	picture_clip(v->picture, 0, 0, 0, 0);
}

static void
sheet_draw(struct view *v, const struct sheet *s)
{
	enum { EDGE = 10, WORDS = 24 };
	struct tile t = tile_fit(&v->assembly, TILE);
	uint32_t n = (uint32_t)s->n, columns = 1, rows, i;
	struct fault f;

	/* About as wide as high. */
	while (columns < n && columns * (t.width + EDGE) <
	    ((n - 1) / columns + 1) * (t.height + EDGE + WORDS))
		columns++;
	rows = (n - 1) / columns + 1;
	v->picture = picture_new(EDGE + columns * (t.width + EDGE), EDGE + 20 +
	    rows * (t.height + WORDS + EDGE), &f);
	if (v->picture == NULL)
		errx(status_of(&f, STATUS_INPUT), "%s: %s", v->run.paths[0],
		    f.text);
	picture_text(v->picture, PICTURE_TEXT, EDGE + 2, 20, 14, v->title);
	for (i = 0; i < n && !tool_stop; i++)
		tile_show(v, &s->hits[i], EDGE + i % columns * (t.width + EDGE),
		    EDGE + 20 + i / columns * (t.height + WORDS + EDGE), &t);
	if (tool_stop)
		errx(STATUS_INTERRUPTED, "stopped; no picture was made");
}

static void
sheet_show(struct view *v)
{
	struct sheet s = { .room = v->o.tiles };

	s.hits = memory(s.room, sizeof *s.hits);
	run_walk(v, sheet_add, &s);
	snprintf(v->title, sizeof v->title, "%.200s%s   %zu of %" PRIu64
	    " events, most peaks first", filename_base(v->run.paths[0]),
	    v->run.n > 1 ? " ..." : "", s.n, v->events);
	utf8_clean(v->title);
	sheet_draw(v, &s);
	free(s.hits);
}

/* ---- the output ---- */

static struct newfile saved;

/* For the second signal. */
static void
saved_remove(void)
{
	newfile_remove(&saved);
}

static int
notes_write(struct view *v, const struct tone *t, FILE *out, struct fault *f)
{
	char scale[120];
	const struct picture_note notes[] = {
		{ "Title", v->title },
		{ "Software", "cxiview " VERSION },
		{ "Scale", scale },
		{ "Source", cxireader_info(v->reader)->program },
		{ "Comment", cxireader_info(v->reader)->options },
	};

	snprintf(scale, sizeof scale, "low=%.9g knee=%.9g high=%.9g", t->low,
	    t->knee, t->high);
	return picture_write(v->picture, out, notes,
	    sizeof notes / sizeof notes[0], f);
}

static void
picture_save(struct view *v, const struct tone *t)
{
	struct fault f;

	if (newfile_open(&saved, v->o.out, &f) == -1)
		errx(status_of(&f, STATUS_OUTPUT), "%s", f.text);
	if (notes_write(v, t, saved.f, &f) == -1) {
		newfile_abort(&saved);
		errx(status_of(&f, STATUS_OUTPUT), "%s: %s", v->o.out, f.text);
	}
	if (newfile_commit(&saved, &f) == -1)
		errx(status_of(&f, STATUS_OUTPUT), "%s", f.text);
}

static int
picture_send(struct view *v, const struct tone *t)
{
	struct fault f;

	errno = 0;
	if (notes_write(v, t, stdout, &f) == 0)
		return STATUS_OK;
	if (errno == EPIPE)
		return STATUS_GONE;
	errx(status_of(&f, STATUS_OUTPUT), "standard output: %s", f.text);
}

static void
options_parse(int argc, char *argv[], struct options *o)
{
	struct fault f;
	int ch, modes = 0;

	memset(o, 0, sizeof *o);
	while ((ch = getopt(argc, argv, "+e:g:mo:Pst:")) != -1)
		switch (ch) {
		case 'e':
			o->event = (uint64_t)tool_int('e', optarg, 0, LLONG_MAX);
			modes++;
			break;
		case 'g':
			o->geometry = optarg;
			break;
		case 'm':
			o->mode = MODE_MAXIMUM;
			modes++;
			break;
		case 'o':
			o->out = optarg;
			break;
		case 'P':
			o->mode = MODE_PEAKS;
			modes++;
			break;
		case 's':
			o->mode = MODE_SUM;
			modes++;
			break;
		case 't':
			o->mode = MODE_SHEET;
			o->tiles = (size_t)tool_int('t', optarg, 1, SHEET_MAX);
			modes++;
			break;
		default:
			tool_usage();
		}
	(void)tool_operands(argc, argv, 1, INT_MAX);
	if (modes > 1)
		errx(STATUS_USAGE, "only one of -e, -m, -P, -s and -t");
	if (o->out != NULL && strcmp(o->out, "-") == 0)
		o->out = NULL;
	if (o->out != NULL &&
	    ownfile_check(o->out, "^\x89PNG\r\n\x1a\n", "a picture", &f) == -1)
		errx(status_of(&f, STATUS_OUTPUT), "-o %s", f.text);
	if (o->out == NULL && isatty(STDOUT_FILENO))
		errx(STATUS_USAGE, "a picture is not for a terminal; name a file"
		    " with -o");
}

static void
view_free(struct view *v)
{
	picture_free(v->picture);
	cxireader_close(v->reader);
	assembly_free(&v->assembly);
	geofile_free(&v->geo);
	runfiles_free(&v->run);
	free(v->plane);
	free(v->image);
	free(v->bad);
}

int
main(int argc, char *argv[])
{
	struct tone t = { 0, 0, 0 };
	struct fault f;
	struct view v;
	int status = STATUS_OK;

	tool_begin(argc, argv, "[-mPs] [-e event] [-g geometry] [-o out.png]"
	    " [-t n] file ...");
	memset(&v, 0, sizeof v);
	options_parse(argc, argv, &v.o);
	tool_signals(saved_remove);
	guard_heed(&tool_stop);
	if (v.o.geometry != NULL &&
	    geofile_read(&v.geo, v.o.geometry, &f) == -1)
		errx(status_of(&f, STATUS_INPUT), "%s", f.text);
	for (argv += optind; *argv != NULL; argv++)
		if (runfiles_add(&v.run, *argv, &f) == -1)
			errx(status_of(&f, STATUS_INPUT), "%s", f.text);
	if (runfiles_distinct(&v.run, &f) == -1)
		errx(status_of(&f, STATUS_INPUT), "%s", f.text);
	if (v.o.mode == MODE_SHEET)
		sheet_show(&v);
	else
		t = v.o.mode == MODE_EVENT ? event_show(&v) : powder_show(&v);
	if (v.o.out != NULL)
		picture_save(&v, &t);
	else
		status = picture_send(&v, &t);
	view_free(&v);
	return status;
}
