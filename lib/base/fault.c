#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"

int
fault_set(struct fault *f, const char *fmt, ...)
{
	va_list ap;

	if (f == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
	return -1;
}

int
fault_prefix(struct fault *f, const char *fmt, ...)
{
	char prefix[128];
	size_t n, have;
	va_list ap;

	if (f == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(prefix, sizeof prefix - 2, fmt, ap);
	va_end(ap);
	strcat(prefix, ": ");
	n = strlen(prefix);
	have = strlen(f->text);
	if (have > sizeof f->text - 1 - n)
		have = sizeof f->text - 1 - n;
	memmove(f->text + n, f->text, have);
	memcpy(f->text, prefix, n);
	f->text[n + have] = '\0';
	return -1;
}
