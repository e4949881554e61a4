/*
 * Plots as inline SVG: axes with ticks at round numbers, labels with units, bars,
 * rules, heat maps. Colours are left to classes and the style of the page, so that
 * light, dark and print are its matter. Coordinates are written with two decimals
 * and depend on the values alone.
 */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include <stdint.h>
#include <stdio.h>

/* What the values on an axis mean. */
enum svg_scale {
	SVG_LINEAR,
	SVG_INTEGER,	/* ticks at whole numbers */
	SVG_LOG,	/* log10 of the quantity; ticks show the quantity */
	SVG_SPACING,	/* 1/d; ticks show d */
	SVG_PERCENT	/* fractions; ticks show them in percent */
};

struct svg_axis {
	enum svg_scale	scale;
	double		min, max;	/* max > min */
	const char	*label;		/* with the unit; is escaped */
};

/* All texts are escaped. */
struct svg_plot {
	const char	*id;		/* unique in the page; letters, digits, '-' */
	const char	*title, *summary;	/* for those who do not see it */
	struct svg_axis	x, y;
};

/* Begins a plot and draws its axes. */
void	svg_begin(FILE *, const struct svg_plot *);
void	svg_end(FILE *);

/*
 * A bar from x0 to x1 and 0 to y. The classes are written as they are. What title
 * and values say is shown where the pointer rests: it is escaped.
 */
void	svg_bar(FILE *, const struct svg_plot *, double x0, double x1, double y,
	    const char *classes, const char *title);

/* A few letters above a bar. */
void	svg_mark(FILE *, const struct svg_plot *, double x, double y,
	    const char *text);

/* An upright rule with a label. */
void	svg_rule(FILE *, const struct svg_plot *, double x, const char *label);

/* The end of an axis that has round numbers behind v > 0. */
double	svg_ceiling(double v);

/*
 * A heat map of cells, [height][width], 0 is nothing: darker is more, on a scale
 * of logarithms.
 */
void	svg_heat(FILE *, const struct svg_plot *, const uint32_t *cells,
	    unsigned height, unsigned width);

#endif
