#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "report/picture.h"

/*
 * The canvas is a surface of cairo, whose pixels (xRGB, a word each) we write
 * directly, too. Circles and text have a rim of the paper's colour, so they are
 * seen on light and on dark. Hinting is off, for it depends on the machine.
 */

struct picture {
	cairo_surface_t	*surface;
	cairo_t		*cr;
	uint32_t	width, height;
	uint32_t	stride;		/* words */
};

/* Gaps are bluish: no grey of a value can be taken for one. */
static const uint32_t nothing = 0xd9e2ec;
static const struct { double r, g, b; } inks[] = {
	[PICTURE_PEAK] = { 0.84, 0.10, 0.08 },
	[PICTURE_RING] = { 0.10, 0.35, 0.70 },
	[PICTURE_TEXT] = { 0.10, 0.10, 0.12 },
};

static void
ink_set(struct picture *p, enum picture_ink ink)
{
	cairo_set_source_rgb(p->cr, inks[ink].r, inks[ink].g, inks[ink].b);
}

static void
font_set(struct picture *p)
{
	cairo_font_options_t *o = cairo_font_options_create();

	cairo_font_options_set_antialias(o, CAIRO_ANTIALIAS_GRAY);
	cairo_font_options_set_hint_style(o, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(o, CAIRO_HINT_METRICS_OFF);
	cairo_set_font_options(p->cr, o);
	cairo_font_options_destroy(o);
	cairo_select_font_face(p->cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
	    CAIRO_FONT_WEIGHT_NORMAL);
}

struct picture *
picture_new(uint32_t width, uint32_t height, struct fault *f)
{
	struct picture *p;

	if (width == 0 || height == 0 || width > PICTURE_MAX_SIDE ||
	    height > PICTURE_MAX_SIDE) {
		fault_set(f, "a picture of %u x %u pixels; a side has 1 to %d",
		    width, height, PICTURE_MAX_SIDE);
		return NULL;
	}
	if ((p = calloc(1, sizeof *p)) == NULL) {
		fault_lack(f, "out of memory for a picture");
		return NULL;
	}
	p->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width,
	    (int)height);
	p->cr = cairo_create(p->surface);
	if (cairo_status(p->cr) != CAIRO_STATUS_SUCCESS) {
		fault_set(f, "no picture of %u x %u pixels: %s", width, height,
		    cairo_status_to_string(cairo_status(p->cr)));
		picture_free(p);
		return NULL;
	}
	p->width = width;
	p->height = height;
	p->stride = (uint32_t)cairo_image_surface_get_stride(p->surface) / 4;
	cairo_set_source_rgb(p->cr, 1, 1, 1);
	cairo_paint(p->cr);
	font_set(p);
	return p;
}

void
picture_free(struct picture *p)
{
	if (p == NULL)
		return;
	cairo_destroy(p->cr);
	cairo_surface_destroy(p->surface);
	free(p);
}

static void
square_fill(struct picture *p, uint32_t x, uint32_t y, uint32_t size,
    uint32_t colour)
{
	uint32_t *words, r, c;

	/* cairo aligns rows for its words. */
	words = (void *)cairo_image_surface_get_data(p->surface);
	for (r = y; r < y + size && r < p->height; r++)
		for (c = x; c < x + size && c < p->width; c++)
			words[(size_t)r * p->stride + c] = colour;
	cairo_surface_mark_dirty_rectangle(p->surface, (int)x, (int)y, (int)size,
	    (int)size);
}

void
picture_block(struct picture *p, uint32_t x, uint32_t y, uint32_t size,
    uint8_t grey)
{
	square_fill(p, x, y, size, (uint32_t)grey * 0x10101);
}

void
picture_nothing(struct picture *p, uint32_t x, uint32_t y, uint32_t size)
{
	square_fill(p, x, y, size, nothing);
}

void
picture_clip(struct picture *p, double x, double y, double width,
    double height)
{
	cairo_reset_clip(p->cr);
	if (width == 0)
		return;
	cairo_rectangle(p->cr, x, y, width, height);
	cairo_clip(p->cr);
}

void
picture_circle(struct picture *p, enum picture_ink ink, double x, double y,
    double radius, double line)
{
	cairo_new_path(p->cr);
	cairo_arc(p->cr, x, y, radius, 0, 2 * acos(-1));
	cairo_set_source_rgba(p->cr, 1, 1, 1, 0.55);
	cairo_set_line_width(p->cr, 2 * line);
	cairo_stroke_preserve(p->cr);
	ink_set(p, ink);
	cairo_set_line_width(p->cr, line);
	cairo_stroke(p->cr);
}

void
picture_text(struct picture *p, enum picture_ink ink, double x, double y,
    double size, const char *text)
{
	cairo_set_font_size(p->cr, size);
	cairo_new_path(p->cr);
	cairo_move_to(p->cr, x, y);
	cairo_text_path(p->cr, text);
	cairo_set_source_rgba(p->cr, 1, 1, 1, 0.85);
	cairo_set_line_width(p->cr, size / 4);
	cairo_set_line_join(p->cr, CAIRO_LINE_JOIN_ROUND);
	cairo_stroke_preserve(p->cr);
	ink_set(p, ink);
	cairo_fill(p->cr);
}

double
picture_text_width(struct picture *p, double size, const char *text)
{
	cairo_text_extents_t e;

	cairo_set_font_size(p->cr, size);
	cairo_text_extents(p->cr, text, &e);
	return e.x_advance;
}

/* ---- the file ---- */

struct writing {
	FILE		*out;
	struct fault	*f;
	png_structp	png;
	png_infop	info;
	png_bytep	row;
	uint32_t	colours[PNG_MAX_PALETTE_LENGTH];	/* ascending */
	size_t		n_colours;	/* 0: too many for a palette */
	jmp_buf		back;
};

/* The first words count: libpng may complain again of what follows. */
static void
png_failed(png_structp png, png_const_charp why)
{
	struct writing *w = png_get_error_ptr(png);

	fault_set(w->f, "%s", ferror(w->out) ? strerror(errno) : why);
	longjmp(w->back, 1);
}

static void
png_warned(png_structp png, png_const_charp why)
{
	(void)png;
	(void)why;
}

static void
bytes_write(png_structp png, png_bytep bytes, size_t n)
{
	struct writing *w = png_get_io_ptr(png);

	if (fwrite(bytes, 1, n, w->out) != n)
		png_error(png, "write");
}

static void
bytes_flush(png_structp png)
{
	(void)png;
}

static void
notes_set(struct writing *w, const struct picture_note *notes, size_t n)
{
	png_text text;
	size_t i;

	for (i = 0; i < n; i++) {
		memset(&text, 0, sizeof text);
		text.compression = PNG_TEXT_COMPRESSION_NONE;
		/* libpng copies both, and does not change them. */
		text.key = (png_charp)(uintptr_t)notes[i].key;
		text.text = (png_charp)(uintptr_t)notes[i].text;
		png_set_text(w->png, w->info, &text, 1);
	}
}

/* The place of a colour among the known ones; or where it belongs. */
static size_t
colour_find(const struct writing *w, uint32_t colour)
{
	size_t low = 0, high = w->n_colours, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (w->colours[middle] < colour)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const uint32_t *
words_of(const struct picture *p, uint32_t row)
{
	const uint32_t *words;

	words = (const void *)cairo_image_surface_get_data(p->surface);
	return words + (size_t)row * p->stride;
}

static void
colours_collect(struct picture *p, struct writing *w)
{
	uint32_t r, c, colour;
	size_t at;

	for (r = 0; r < p->height; r++)
		for (c = 0; c < p->width; c++) {
			colour = words_of(p, r)[c] & 0xffffff;
			at = colour_find(w, colour);
			if (at < w->n_colours && w->colours[at] == colour)
				continue;
			if (w->n_colours == PNG_MAX_PALETTE_LENGTH) {
				w->n_colours = 0;
				return;
			}
			memmove(&w->colours[at + 1], &w->colours[at],
			    (w->n_colours - at) * sizeof w->colours[0]);
			w->colours[at] = colour;
			w->n_colours++;
		}
}

static void
palette_set(struct writing *w)
{
	png_color palette[PNG_MAX_PALETTE_LENGTH];
	size_t i;

	for (i = 0; i < w->n_colours; i++)
		palette[i] = (png_color){ (png_byte)(w->colours[i] >> 16),
		    (png_byte)(w->colours[i] >> 8), (png_byte)w->colours[i] };
	png_set_PLTE(w->png, w->info, palette, (int)w->n_colours);
}

static void
rows_write(struct picture *p, struct writing *w)
{
	const uint32_t *words;
	uint32_t r, c;

	for (r = 0; r < p->height; r++) {
		words = words_of(p, r);
		for (c = 0; c < p->width; c++) {
			if (w->n_colours > 0) {
				w->row[c] = (png_byte)colour_find(w,
				    words[c] & 0xffffff);
				continue;
			}
			w->row[3 * (size_t)c] = (png_byte)(words[c] >> 16);
			w->row[3 * (size_t)c + 1] = (png_byte)(words[c] >> 8);
			w->row[3 * (size_t)c + 2] = (png_byte)words[c];
		}
		png_write_row(w->png, w->row);
	}
}

static int
png_make(struct picture *p, struct writing *w, const struct picture_note *notes,
    size_t n)
{
	if (setjmp(w->back) != 0)
		return -1;
	png_set_write_fn(w->png, w, bytes_write, bytes_flush);
	png_set_IHDR(w->png, w->info, p->width, p->height, 8,
	    w->n_colours > 0 ? PNG_COLOR_TYPE_PALETTE : PNG_COLOR_TYPE_RGB,
	    PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
	    PNG_FILTER_TYPE_DEFAULT);
	if (w->n_colours > 0)
		palette_set(w);
	png_set_sRGB(w->png, w->info, PNG_sRGB_INTENT_PERCEPTUAL);
	/* Noise does not shrink: more effort is for nothing. */
	png_set_compression_level(w->png, 3);
	notes_set(w, notes, n);
	png_write_info(w->png, w->info);
	rows_write(p, w);
	png_write_end(w->png, NULL);
	return 0;
}

int
picture_write(struct picture *p, FILE *out, const struct picture_note *notes,
    size_t n, struct fault *f)
{
	struct writing w = { .out = out, .f = f };
	int r = -1;

	cairo_surface_flush(p->surface);
	colours_collect(p, &w);
	w.row = malloc(3 * (size_t)p->width);
	w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, png_failed,
	    png_warned);
	if (w.png != NULL)
		w.info = png_create_info_struct(w.png);
	if (w.row == NULL || w.info == NULL)
		fault_lack(f, "out of memory for a picture");
	else
		r = png_make(p, &w, notes, n);
	png_destroy_write_struct(&w.png, &w.info);
	free(w.row);
	if (r == 0 && fflush(out) == EOF)
		return fault_set(f, "%s", strerror(errno));
	return r;
}
