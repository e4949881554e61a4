#include <errno.h>
#include <math.h>
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
	errno = 0;
	*v = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(*v))
		return -1;
	*cause = *v < min ? "too small" : *v > max ? "too large" : NULL;
	return *cause == NULL ? 0 : -1;
}

int
number_count(const char *text, uint64_t *v)
{
	const char *cause;
	long long n;

	if (number_int(text, 0, INT64_MAX, &n, &cause) == -1)
		return -1;
	*v = (uint64_t)n;
	return 0;
}
