/*
 * The pictures of a report: the hits with most peaks, and the maximum of images of
 * the whole run. They are read here, when the page is written: one image at a time,
 * and of the powder not more than POWDER_EVENTS, so that long runs are quick, too.
 *
 * Images are grey PNGs in base 64. Circles are SVG above them, so they are sharp at
 * any size, and PNGs small.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format/plane.h"
#include "report/html.h"
#include "report/picture.h"
#include "report/report_parts.h"
#include "report/tile.h"

enum { HITS = 8, HIT_SIDE = 320, POWDER_SIDE = 640, POWDER_EVENTS = 30,
	STRIP = 4 };	/* as many times as high as wide, and circles hide all */

struct pictures {
	const struct summary *s;
	size_t		n;		/* pixels of an image */
	float		*plane, *image;
	uint8_t		*bad;
	bool		bad_known;
	struct cxireader *reader;	/* NULL: none is open */
	size_t		file;		/* which is open */
	uint64_t	shown;		/* images in the powder */
};

/* ---- images ---- */

static int
file_open(struct pictures *p, size_t file, struct fault *f)
{
	const struct assembly *m = &p->s->assembly;
	const struct cxireader_info *x;

	if (p->reader != NULL && p->file == file)
		return 0;
	cxireader_close(p->reader);
	p->reader = NULL;
	p->bad_known = false;
	p->file = file;
	if (cxireader_open(p->s->files.paths[file], NULL, &p->reader, f) == -1)
		return -1;
	x = cxireader_info(p->reader);
	if (x->height == m->slab_height && x->width == m->slab_width)
		return 0;
	fault_set(f, "%s: its images have %u x %u pixels, those of the first file"
	    " %u x %u", p->s->files.paths[file], x->height, x->width,
	    m->slab_height, m->slab_width);
	cxireader_close(p->reader);
	p->reader = NULL;
	return -1;
}

/* A few of the run, evenly spread; of files that can be read. */
static void
powder_make(struct pictures *p, struct fault *why)
{
	const struct summary *s = p->s;
	uint64_t step = (s->rows - 1) / POWDER_EVENTS + 1, before = 0, k = 0, n;
	size_t i;

	for (i = 0; i < p->n; i++)
		p->plane[i] = NAN;
	for (i = 0; i < s->files.n; i++, before += n) {
		n = 0;
		if (file_open(p, i, why) == -1)
			continue;
		n = cxireader_info(p->reader)->events;
		for (; k < before + n; k += step)
			if (plane_read(p->reader, k - before, p->image, p->bad,
			    &p->bad_known, why) == 0) {
				plane_raise(p->plane, p->image, p->n);
				p->shown++;
			}
	}
}

/* ---- pictures in the page ---- */

/* The plane as a PNG in memory, which is the caller's; NULL: no memory. */
static char *
png_make(const struct pictures *p, const struct tile *t, size_t *size,
    struct fault *f)
{
	struct picture *c = picture_new(t->width, t->height, f);
	char *bytes = NULL;
	FILE *out;
	int r = -1;

	if (c == NULL)
		return NULL;
	if ((out = open_memstream(&bytes, size)) == NULL)
		fault_lack(f, "out of memory for a picture");
	else {
		if (tile_draw(c, 0, 0, t, &p->s->assembly, p->plane, f) == 0)
			r = picture_write(c, out, NULL, 0, f);
		fclose(out);
	}
	picture_free(c);
	if (r == 0)
		return bytes;
	free(bytes);
	return NULL;
}

/* An SVG of the picture's pixels with the picture in it; circles may follow. */
static int
picture_begin(FILE *f, const struct pictures *p, const struct tile *t,
    const char *label, struct fault *why)
{
	size_t size;
	char *png = png_make(p, t, &size, why);

	if (png == NULL)
		return -1;
	fprintf(f, "<svg class=\"image\" role=\"img\" viewBox=\"0 0 %u %u\""
	    " aria-label=\"%s\"><image width=\"%u\" height=\"%u\""
	    " href=\"data:image/png;base64,", t->width, t->height, label, t->width,
	    t->height);
	html_base64(f, png, size);
	fputs("\"/>\n", f);
	free(png);
	return 0;
}

static void
circles_put(FILE *f, const struct pictures *p, const struct tile *t,
    const struct cxireader_peak *peaks, uint32_t n)
{
	double x, y, radius;
	uint32_t i;

	for (i = 0; i < n; i++)
		if (tile_circle(&p->s->assembly, &peaks[i], 1.0 / t->factor, 2.5, &x,
		    &y, &radius))
			fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n",
			    x, y, radius);
}

static int
hit_draw(FILE *f, struct pictures *p, const struct best_hit *b,
    struct fault *why)
{
	struct tile t = tile_fit(&p->s->assembly, HIT_SIDE);
	const struct cxireader_peak *peaks;
	struct cxireader_event e;
	char label[80];

	snprintf(label, sizeof label, "Image of a hit with %llu peaks",
	    (ull)b->found);
	if (file_open(p, b->file, why) == -1 ||
	    cxireader_event(p->reader, b->row, &e, &peaks, why) == -1 ||
	    plane_read(p->reader, b->row, p->plane, p->bad, &p->bad_known,
	    why) == -1 || picture_begin(f, p, &t, label, why) == -1)
		return -1;
	circles_put(f, p, &t, peaks, e.n_peaks);
	fputs("</svg>\n", f);
	return 0;
}

static void
hit_put(FILE *f, struct pictures *p, unsigned i)
{
	const struct best_hit *b = &p->s->best[i];
	struct fault why;

	fprintf(f, "<figure data-picture=\"%u\" data-peaks=\"%llu\">\n", i,
	    (ull)b->found);
	if (hit_draw(f, p, b, &why) == -1) {
		fputs("<p class=\"soft\">No picture: ", f);
		html_text(f, why.text);
		fputs("</p>\n", f);
	}
	fprintf(f, "<figcaption>%llu peaks, %s %llu</figcaption>\n</figure>\n",
	    (ull)b->found, b->has_number ? "event" : "row",
	    (ull)(b->has_number ? b->number : b->row));
}

static int
pictures_begin(struct pictures *p, const struct summary *s)
{
	memset(p, 0, sizeof *p);
	p->s = s;
	p->n = (size_t)s->assembly.slab_height * s->assembly.slab_width;
	p->plane = malloc(p->n * sizeof *p->plane);
	p->image = malloc(p->n * sizeof *p->image);
	p->bad = malloc(p->n);
	return p->plane == NULL || p->image == NULL || p->bad == NULL ? -1 : 0;
}

static void
pictures_end(struct pictures *p)
{
	cxireader_close(p->reader);
	free(p->plane);
	free(p->image);
	free(p->bad);
}

/* Why hits cannot be shown; empty if they can. */
static void
hits_refuse(const struct summary *s, char *why, size_t size)
{
	const struct assembly *m = &s->assembly;

	*why = '\0';
	if (s->powder == NULL)
		snprintf(why, size, "%s", s->powder_why);
	else if (s->geometry == NULL && (m->height > STRIP * m->width ||
	    m->width > STRIP * m->height))
		snprintf(why, size, "panels that are not assembled make a strip of"
		    " %u x %u pixels; cxireport -g assembles them", m->height,
		    m->width);
}

void
report_hits(FILE *f, const struct summary *s)
{
	struct pictures p;
	char why[200];
	unsigned i;

	hits_refuse(s, why, sizeof why);
	if (*why != '\0') {
		fputs("<p data-absent=\"pictures\">No pictures: ", f);
		html_text(f, why);
		fputs(".</p>\n", f);
		return;
	}
	if (pictures_begin(&p, s) == -1)
		fputs("<p data-absent=\"pictures\">No pictures: out of memory.</p>\n",
		    f);
	else {
		fputs("<div class=\"hits\">\n", f);
		for (i = 0; i < s->n_best && i < HITS; i++)
			hit_put(f, &p, i);
		fprintf(f, "</div>\n<p class=\"soft\">Each has its own contrast; dark"
		    " is strong, peaks are circled. %s cxiview shows them in full."
		    "</p>\n", s->geometry != NULL ? "Seen into the beam." :
		    "Not assembled; cxireport -g does that.");
	}
	pictures_end(&p);
}

void
report_maximum(FILE *f, const struct summary *s)
{
	struct tile t;
	struct pictures p;
	struct fault why;

	if (s->powder == NULL || s->rows == 0)
		return;
	t = tile_fit(&s->assembly, POWDER_SIDE);
	fputs("<figure id=\"maximum\">\n<h3>Maximum of images</h3>\n", f);
	fault_lack(&why, "out of memory");
	if (pictures_begin(&p, s) == 0)
		powder_make(&p, &why);
	if (p.shown == 0 || picture_begin(f, &p, &t, "Maximum of images",
	    &why) == -1) {
		fputs("<p class=\"soft\">None: ", f);
		html_text(f, why.text);
		fputs("</p>\n", f);
	} else
		fprintf(f, "</svg>\n<figcaption data-key=\"maximum\" data-value="
		    "\"%llu\">The highest value of each pixel in %llu of %llu hits%s;"
		    " dark is strong. cxiview -m takes all.</figcaption>\n",
		    (ull)p.shown, (ull)p.shown, (ull)s->rows, p.shown < s->rows ?
		    ", evenly spread" : "");
	fputs("</figure>\n", f);
	pictures_end(&p);
}
