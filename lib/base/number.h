/* Numbers from options and files: all of the text, in range, or an error; and out. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdint.h>

/* Decimal integer from min to max; 0, or -1 and *cause ("invalid", "too large"). */
int	number_int(const char *text, long long min, long long max, long long *,
	    const char **cause);

/* A count, as files have it: a decimal integer from 0 on. 0 or -1. */
int	number_count(const char *text, uint64_t *);

/* Finite decimal number from min to max, in any C spelling but hexadecimal. */
int	number_real(const char *text, double min, double max, double *,
	    const char **cause);

enum { NUMBER_TEXT = 32 };

/* The shortest text, of six digits or more, that is the same number when read. */
void	number_text(double, char text[NUMBER_TEXT]);

#endif
