#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/geometry_value.h"

/* Cuts blanks off both ends. */
static char *
text_trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	s[n] = '\0';
	return s;
}

bool
entry_cut(char *line, struct geometry_entry *e)
{
	char *equals = strchr(line, '='), *slash;

	if (equals == NULL)
		return false;
	*equals = '\0';
	e->value = text_trim(equals + 1);
	e->panel = NULL;
	if ((slash = strchr(line, '/')) != NULL) {
		*slash = '\0';
		e->panel = text_trim(line);
		line = slash + 1;
	}
	e->key = text_trim(line);
	return true;
}

int
entry_fault(const struct geometry_entry *e, const char *why)
{
	fault_set(e->fault, "line %zu: %.80s = %.60s: %s", e->line, e->key,
	    e->value, why);
	return -1;
}

int
entry_number(const struct geometry_entry *e, double *out)
{
	char *end;
	double v = strtod(e->value, &end);

	if (end == e->value || *end != '\0')
		return entry_fault(e, "not a number");
	if (!isfinite(v))
		return entry_fault(e, "out of range");
	*out = v;
	return 0;
}

int
entry_integer(const struct geometry_entry *e, int min, int max, int *out)
{
	char why[64];
	double v;

	if (entry_number(e, &v) == -1)
		return -1;
	if (v < min || v > max || v != floor(v)) {
		snprintf(why, sizeof why, "not a whole number from %d to %d", min,
		    max);
		return entry_fault(e, why);
	}
	*out = (int)v;
	return 0;
}

static const char *
blanks_skip(const char *s)
{
	return s + strspn(s, " \t");
}

/*
 * The length of the decimal number at s. strtod alone would take the x of "0x"
 * followed by a digit for the sign of a hexadecimal number.
 */
static size_t
decimal_length(const char *s)
{
	size_t n = strspn(s, "0123456789."), e = n;

	if (n == 0 || (s[e] != 'e' && s[e] != 'E'))
		return n;
	e++;
	if (s[e] == '+' || s[e] == '-')
		e++;
	return isdigit((unsigned char)s[e]) ? e + strspn(s + e, "0123456789") : n;
}

/* The number before an axis; 1 if there is none. NULL if it is no number. */
static const char *
coefficient_parse(const char *s, double *out)
{
	char number[64], *end;
	size_t n = decimal_length(s);

	*out = 1;
	if (n == 0)
		return s;
	if (n >= sizeof number)
		return NULL;
	memcpy(number, s, n);
	number[n] = '\0';
	*out = strtod(number, &end);
	if (*end != '\0' || !isfinite(*out))
		return NULL;
	return s + n;
}

int
entry_direction(const struct geometry_entry *e, double *x, double *y)
{
	const char *s = blanks_skip(e->value);
	double axes[3] = { 0, 0, 0 }, v;
	bool negative;

	do {
		negative = *s == '-';
		if (*s == '+' || *s == '-')
			s = blanks_skip(s + 1);
		else if (s != e->value)
			return entry_fault(e, "no sign between axes");
		if ((s = coefficient_parse(s, &v)) == NULL)
			return entry_fault(e, "not a number");
		s = blanks_skip(s);
		if (*s < 'x' || *s > 'z')
			return entry_fault(e, "not a direction such as +0.1x -0.9y");
		axes[*s - 'x'] += negative ? -v : v;
		s = blanks_skip(s + 1);
	} while (*s != '\0');
	*x = axes[0];
	*y = axes[1];
	return 0;
}

int
entry_length(const struct geometry_entry *e, double *out)
{
	char *end;
	const char *unit;
	double v = strtod(e->value, &end);

	*out = NAN;
	if (end == e->value)
		return 0;
	unit = blanks_skip(end);
	if (strcmp(unit, "mm") == 0)
		v /= 1000;
	else if (*unit != '\0' && strcmp(unit, "m") != 0)
		return entry_fault(e, "the unit is neither m nor mm");
	if (!isfinite(v))
		return entry_fault(e, "out of range");
	*out = v;
	return 0;
}

int
entry_truth(const struct geometry_entry *e, bool *out)
{
	double v;

	if (strcasecmp(e->value, "true") == 0 ||
	    strcasecmp(e->value, "false") == 0) {
		*out = strcasecmp(e->value, "true") == 0;
		return 0;
	}
	if (entry_number(e, &v) == -1)
		return -1;
	*out = v != 0;
	return 0;
}

static size_t
path_length(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return n;
}

bool
path_same(const char *a, const char *b)
{
	size_t n = path_length(a);

	return n == path_length(b) && memcmp(a, b, n) == 0;
}

int
entry_text(const struct geometry_entry *e, char *out, size_t size)
{
	size_t n = strlen(e->value);

	if (n >= size)
		return entry_fault(e, "too long");
	memcpy(out, e->value, n + 1);
	return 0;
}
