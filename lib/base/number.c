#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

int
number_int(const char *text, long long min, long long max, long long *v,
    const char **cause)
{
	*v = strtonum(text, min, max, cause);
	return *cause == NULL ? 0 : -1;
}

int
number_real(const char *text, double min, double max, double *v,
    const char **cause)
{
	char *end;

	*cause = "invalid";
	if (text[strspn(text, "+-.0123456789eE")] != '\0')
		return -1;
	*v = strtod(text, &end);
	if (end == text || *end != '\0')
		return -1;
	*cause = *v < min ? "too small" : *v > max || isinf(*v) ? "too large" : NULL;
	return *cause == NULL ? 0 : -1;
}

int
number_count(const char *text, uint64_t *v)
{
	char *end;

	if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
		return -1;
	errno = 0;
	*v = strtoull(text, &end, 10);
	return errno == 0 ? 0 : -1;
}

void
number_text(double v, char text[NUMBER_TEXT])
{
	int digits = 6;

	do
		snprintf(text, NUMBER_TEXT, "%.*g", digits, v);
	while (strtod(text, NULL) != v && ++digits <= 17);
}
