#include <math.h>
#include <string.h>

#include "report/html.h"
#include "report/svg.h"

/* The place of the plot in a box of 400 x 230. */
enum { BOX_WIDTH = 400, BOX_HEIGHT = 230, LEFT = 50, RIGHT = 390, TOP = 16,
	BOTTOM = 186, X_TICKS = 6, Y_TICKS = 5, LEVELS = 6 };

static double
column(const struct svg_plot *p, double x)
{
	return LEFT + (RIGHT - LEFT) * (x - p->x.min) / (p->x.max - p->x.min);
}

static double
row(const struct svg_plot *p, double y)
{
	return BOTTOM - (BOTTOM - TOP) * (y - p->y.min) / (p->y.max - p->y.min);
}

/* 1, 2 or 5 times a power of ten, at least span / n. */
static double
step_round(double span, unsigned n)
{
	double raw = span / n, power = pow(10, floor(log10(raw)));
	double m = raw / power;

	return power * (m <= 1.0001 ? 1 : m <= 2.0001 ? 2 : m <= 5.0001 ? 5 : 10);
}

double
svg_ceiling(double v)
{
	double step;

	if (!(v > 0))
		return 1;
	step = step_round(v, Y_TICKS);
	return step * ceil(v / step - 1e-9);
}

/* A number as short as it can be: 12k for 12000. */
static void
number_short(double v, char text[32])
{
	if (fabs(v) >= 1e9)
		snprintf(text, 32, "%.3gG", v / 1e9);
	else if (fabs(v) >= 1e6)
		snprintf(text, 32, "%.4gM", v / 1e6);
	else if (fabs(v) >= 1e4)
		snprintf(text, 32, "%.4gk", v / 1e3);
	else
		snprintf(text, 32, "%.4g", v);
}

static void
tick_text(enum svg_scale scale, double v, char text[32])
{
	if (scale == SVG_LOG)
		number_short(pow(10, v), text);
	else if (scale == SVG_SPACING && v <= 1e-9)
		snprintf(text, 32, "\u221e");
	else if (scale == SVG_SPACING)
		snprintf(text, 32, "%.3g", 1 / v);
	else if (scale == SVG_PERCENT)
		snprintf(text, 32, "%.4g", fabs(v) < 1e-12 ? 0 : 100 * v);
	else
		number_short(fabs(v) < 1e-12 ? 0 : v, text);
}

static double
axis_step(const struct svg_axis *a, unsigned n)
{
	double step = step_round(a->max - a->min, n);

	if ((a->scale == SVG_INTEGER || a->scale == SVG_LOG) && step < 1)
		return 1;
	return step;
}

static void
x_ticks(FILE *f, const struct svg_plot *p)
{
	double step = axis_step(&p->x, X_TICKS), v;
	char text[32];

	for (v = step * ceil(p->x.min / step - 1e-9);
	    v <= p->x.max + step * 1e-6; v += step) {
		tick_text(p->x.scale, v, text);
		fprintf(f, "<path class=\"tick\" d=\"M%.2f %dv4\"/><text x=\"%.2f\""
		    " y=\"%d\" text-anchor=\"middle\">%s</text>\n", column(p, v),
		    BOTTOM, column(p, v), BOTTOM + 17, text);
	}
}

static void
y_ticks(FILE *f, const struct svg_plot *p)
{
	double step = axis_step(&p->y, Y_TICKS), v;
	char text[32];

	for (v = step * ceil(p->y.min / step - 1e-9);
	    v <= p->y.max + step * 1e-6; v += step) {
		tick_text(p->y.scale, v, text);
		fprintf(f, "<path class=\"grid\" d=\"M%d %.2fH%d\"/><text x=\"%d\""
		    " y=\"%.2f\" text-anchor=\"end\">%s</text>\n", LEFT, row(p, v),
		    RIGHT, LEFT - 6, row(p, v) + 4, text);
	}
}

static void
head_put(FILE *f, const struct svg_plot *p, int height)
{
	fprintf(f, "<svg viewBox=\"0 0 %d %d\""
	    " role=\"img\" aria-labelledby=\"%s-t %s-d\">\n<title id=\"%s-t\">",
	    BOX_WIDTH, height, p->id, p->id, p->id);
	html_text(f, p->title);
	fprintf(f, "</title>\n<desc id=\"%s-d\">", p->id);
	html_text(f, p->summary);
	fputs("</desc>\n", f);
}

void
svg_begin(FILE *f, const struct svg_plot *p)
{
	head_put(f, p, BOX_HEIGHT);
	y_ticks(f, p);
	x_ticks(f, p);
	fprintf(f, "<path class=\"axis\" d=\"M%d %dH%d\"/>\n<text class=\"label\""
	    " x=\"%d\" y=\"%d\" text-anchor=\"middle\">", LEFT, BOTTOM, RIGHT,
	    (LEFT + RIGHT) / 2, BOX_HEIGHT - 8);
	html_text(f, p->x.label);
	fprintf(f, "</text>\n<text class=\"label\" transform=\"translate(12 %d)"
	    " rotate(-90)\" text-anchor=\"middle\">", (TOP + BOTTOM) / 2);
	html_text(f, p->y.label);
	fputs("</text>\n", f);
}

void
svg_end(FILE *f)
{
	fputs("</svg>\n", f);
}

void
svg_bar(FILE *f, const struct svg_plot *p, double x0, double x1, double y,
    const char *classes, const char *title)
{
	double left = column(p, x0), right = column(p, x1);
	double top = row(p, y < p->y.max ? y : p->y.max);
	/* A gap between bars that are wide enough to have one. */
	double gap = right - left > 4 ? 0.5 : 0;

	fprintf(f, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\""
	    " height=\"%.2f\"><title>", classes, left + gap, top,
	    right - left - 2 * gap, BOTTOM - top);
	html_text(f, title);
	fputs("</title></rect>\n", f);
}

void
svg_mark(FILE *f, const struct svg_plot *p, double x, double y, const char *text)
{
	fprintf(f, "<text class=\"mark\" x=\"%.2f\" y=\"%.2f\""
	    " text-anchor=\"middle\">", column(p, x),
	    row(p, y < p->y.max ? y : p->y.max) - 4);
	html_text(f, text);
	fputs("</text>\n", f);
}

void
svg_rule(FILE *f, const struct svg_plot *p, double x, const char *label)
{
	double at = column(p, x);
	int right = at < (LEFT + RIGHT) / 2;

	if (at < LEFT || at > RIGHT)
		return;
	fprintf(f, "<path class=\"rule\" d=\"M%.2f %dV%d\"/><text class=\"rule\""
	    " x=\"%.2f\" y=\"%d\" text-anchor=\"%s\">", at, TOP - 8, BOTTOM,
	    at + (right ? 4 : -4), TOP, right ? "start" : "end");
	html_text(f, label);
	fputs("</text>\n", f);
}

/* 1 to LEVELS. */
static unsigned
level(uint32_t v, uint32_t max)
{
	double l = log1p(v) / log1p(max);

	return v == 0 ? 0 : v >= max ? LEVELS : 1 + (unsigned)(l * LEVELS * 0.999);
}

/* All runs of cells of one level, as one path. */
static void
level_draw(FILE *f, const uint32_t *cells, unsigned height, unsigned width,
    unsigned want, uint32_t max)
{
	unsigned x, y, begin;

	fprintf(f, "<path class=\"heat%u\" d=\"", want);
	for (y = 0; y < height; y++)
		for (x = 0; x < width; x++) {
			if (level(cells[y * width + x], max) != want)
				continue;
			for (begin = x; x < width &&
			    level(cells[y * width + x], max) == want; x++)
				;
			fprintf(f, "M%u %uh%uv1h-%u", begin, y, x - begin,
			    x - begin);
		}
	fputs("\"/>\n", f);
}

void
svg_heat(FILE *f, const struct svg_plot *p, const uint32_t *cells,
    unsigned height, unsigned width)
{
	double scale = (double)BOX_WIDTH / width;
	uint32_t max = 1;
	unsigned i;

	for (i = 0; i < height * width; i++)
		max = cells[i] > max ? cells[i] : max;
	head_put(f, p, (int)ceil(height * scale));
	fprintf(f, "<g transform=\"scale(%.5f)\">\n", scale);
	for (i = 1; i <= LEVELS; i++)
		level_draw(f, cells, height, width, i, max);
	fputs("</g>\n", f);
	svg_end(f);
}
