#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/utf8.h"

static void __attribute__((format(printf, 3, 0)))
fault_fill(struct fault *f, bool lack, const char *fmt, va_list ap)
{
	if (f == NULL)
		return;
	f->lack = lack;
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	/* A name that others chose may be in it, and terminals do as they are told. */
	utf8_clean(f->text);
}

int
fault_set(struct fault *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fault_fill(f, false, fmt, ap);
	va_end(ap);
	return -1;
}

int
fault_lack(struct fault *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fault_fill(f, true, fmt, ap);
	va_end(ap);
	return -1;
}

int
fault_prefix(struct fault *f, const char *fmt, ...)
{
	enum { MOST = sizeof f->text / 2 - 3 };
	char all[PATH_MAX + 256], prefix[MOST + 3];
	size_t n, have;
	va_list ap;

	if (f == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(all, sizeof all, fmt, ap);
	va_end(ap);
	n = strlen(all);
	n = (size_t)snprintf(prefix, sizeof prefix, "%s%s: ", n > MOST ? "..." : "",
	    n > MOST ? all + n - (MOST - 3) : all);
	have = strlen(f->text);
	if (have > sizeof f->text - 1 - n)
		have = sizeof f->text - 1 - n;
	memmove(f->text + n, f->text, have);
	memcpy(f->text, prefix, n);
	f->text[n + have] = '\0';
	utf8_clean(f->text);
	return -1;
}
