#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/dump_impl.h"

/*
 * Timestamps and wavelengths: a value an event, of whatever type the writer
 * chose. One value is read when its event is read, so that no length in the
 * file decides how much memory is taken.
 *
 * Times end as seconds << 32 | nanoseconds. Integers are taken to be that
 * already; floats are seconds; text is either, told apart by its point. Seconds
 * in text are converted digit by digit, since a double has no nanoseconds left
 * at today's date. Whatever cannot be a time is 0, unknown.
 */

enum { TEXT_MAX = 64 };	/* longer text is neither a time nor a number */

#define NSEC UINT64_C(1000000000)

uint64_t
dump_column_rows(const struct dump_dataset *s)
{
	int i;

	if (s->id < 0)
		return 0;
	if (!dump_dataset_numeric(s) && s->class != H5T_STRING)
		return 0;
	for (i = 1; i < s->rank; i++)
		if (s->dims[i] != 1)
			return 0;
	return s->rank == 0 ? 1 : s->dims[0];
}

bool
dump_column_planes(const struct dump_dataset *s, const struct dump_batch *b)
{
	uint64_t rows = dump_column_rows(s);

	return b->shaped && b->layout.panels > 1 && rows != b->told &&
	    rows == b->count * b->layout.panels;
}

/*
 * Without original_shape it is not known how many panels, and so how many
 * planes, belong to a shot: then only a column of a value a plane fits. With it such
 * a column gives the value of an event's first plane.
 */
static int64_t
column_row(const struct dump_dataset *s, const struct dump_batch *b, uint64_t k)
{
	uint64_t rows = dump_column_rows(s);

	if (dump_column_planes(s, b))
		return (int64_t)(k * b->layout.panels);
	if (k >= rows || (!b->shaped && rows != b->count))
		return -1;
	return (int64_t)k;
}

int64_t
dump_column_time_row(const struct dump_dataset *s, const struct dump_batch *b,
    uint64_t k)
{
	if (dump_column_rows(s) == 1 && b->count > 1)
		return -1;
	return column_row(s, b, k);
}

/* One wavelength is the machine's setting, so it holds for all events. */
int64_t
dump_column_number_row(const struct dump_dataset *s, const struct dump_batch *b,
    uint64_t k)
{
	if (dump_column_rows(s) == 1)
		return 0;
	return column_row(s, b, k);
}

static void
trim(char *out, const char *text, size_t n)
{
	size_t len = strnlen(text, n), i = 0;

	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	while (i < len && isspace((unsigned char)text[i]))
		i++;
	if (len - i >= TEXT_MAX)
		i = len;
	memcpy(out, text + i, len - i);
	out[len - i] = '\0';
}

static void
text_read_fixed(const struct dump_dataset *s, uint64_t row, hid_t type,
    char *out, struct fault *f)
{
	size_t size = H5Tget_size(type);
	char buf[256];

	/* Most of a long field is padding. */
	if (size > sizeof buf && H5Tset_size(type, size = sizeof buf) < 0)
		return;
	if (dump_dataset_read(s, row, 1, type, buf, f) == 0)
		trim(out, buf, size);
}

static void
text_read_varying(const struct dump_dataset *s, uint64_t row, hid_t type,
    char *out, struct fault *f)
{
	char *text = NULL;
	hid_t space;

	if (dump_dataset_read(s, row, 1, type, &text, f) == -1 || text == NULL)
		return;
	trim(out, text, (size_t)4 * TEXT_MAX);
	if ((space = H5Screate(H5S_SCALAR)) >= 0) {
		H5Dvlen_reclaim(type, space, H5P_DEFAULT, &text);
		H5Sclose(space);
	}
}

/* Text of one row without blanks around it; empty if there is none. */
static void
text_read(const struct dump_dataset *s, uint64_t row, char out[TEXT_MAX],
    struct fault *f)
{
	hid_t type;

	out[0] = '\0';
	if ((type = H5Tcopy(s->type)) < 0)
		return;
	if (H5Tis_variable_str(type) > 0)
		text_read_varying(s, row, type, out, f);
	else
		text_read_fixed(s, row, type, out, f);
	H5Tclose(type);
}

static uint64_t
time_from_integer(const struct dump_dataset *s, uint64_t row, struct fault *f)
{
	uint64_t v;
	int64_t w;

	if (H5Tget_size(s->type) > sizeof v)
		return 0;
	/* Between byte orders HDF5 does not heed a difference in sign. */
	if (H5Tget_sign(s->type) == H5T_SGN_NONE)
		return dump_dataset_read(s, row, 1, H5T_NATIVE_UINT64, &v, f)
		    == -1 ? 0 : v;
	if (dump_dataset_read(s, row, 1, H5T_NATIVE_INT64, &w, f) == -1)
		return 0;
	return w > 0 ? (uint64_t)w : 0;
}

static uint64_t
time_from_seconds(double v)
{
	uint64_t sec, nsec;

	if (!(v > 0 && v < 4294967296.0))
		return 0;
	sec = (uint64_t)v;
	nsec = (uint64_t)llround((v - (double)sec) * 1e9);
	if (nsec == NSEC) {
		sec++;
		nsec = 0;
	}
	return sec <= UINT32_MAX ? sec << 32 | nsec : 0;
}

/* Digits of text into *v; how many, or 0 where they do not fit. */
static size_t
digits_read(const char *text, uint64_t *v)
{
	size_t n;

	*v = 0;
	for (n = 0; text[n] >= '0' && text[n] <= '9'; n++) {
		unsigned digit = (unsigned)(text[n] - '0');

		if (*v > (UINT64_MAX - digit) / 10)
			return 0;
		*v = *v * 10 + digit;
	}
	return n;
}

/* Nanoseconds of the digits behind the point, rounded; more than NSEC if bad. */
static uint64_t
fraction_read(const char *text)
{
	uint64_t nsec = 0;
	size_t i, n = strspn(text, "0123456789");

	if (text[n] != '\0')
		return NSEC + 1;
	for (i = 0; i < 9; i++)
		nsec = nsec * 10 + (i < n ? (unsigned)(text[i] - '0') : 0);
	return nsec + (n > 9 && text[9] >= '5');
}

static uint64_t
time_from_text(const char *text)
{
	uint64_t sec, nsec;
	size_t n = digits_read(text, &sec);

	if (n == 0)
		return 0;
	if (text[n] == '\0')
		return sec;
	if (text[n] != '.' || (nsec = fraction_read(text + n + 1)) > NSEC)
		return 0;
	sec += nsec / NSEC;
	return sec <= UINT32_MAX ? sec << 32 | nsec % NSEC : 0;
}

uint64_t
dump_column_time(const struct dump_dataset *s, uint64_t row, struct fault *f)
{
	char text[TEXT_MAX];
	double sec;

	switch (s->class) {
	case H5T_INTEGER:
		return time_from_integer(s, row, f);
	case H5T_FLOAT:
		if (dump_dataset_read(s, row, 1, H5T_NATIVE_DOUBLE, &sec, f)
		    == -1)
			return 0;
		return time_from_seconds(sec);
	default:
		text_read(s, row, text, f);
		return time_from_text(text);
	}
}

double
dump_column_number(const struct dump_dataset *s, uint64_t row, struct fault *f)
{
	char text[TEXT_MAX], *end;
	double v;

	if (dump_dataset_numeric(s)) {
		if (dump_dataset_read(s, row, 1, H5T_NATIVE_DOUBLE, &v, f) == -1)
			return NAN;
		return v;
	}
	text_read(s, row, text, f);
	v = strtod(text, &end);
	return end != text && *end == '\0' ? v : NAN;
}
