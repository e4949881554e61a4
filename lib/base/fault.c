#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/utf8.h"

/* A name that others chose may be in it, and a terminal obeys what it is shown. */
static void
text_clean(char *text)
{
	size_t left = strlen(text), n;

	for (; left > 0; text += n, left -= n)
		if ((n = utf8_size((const unsigned char *)text, left)) == 0) {
			*text = '?';
			n = 1;
		}
}

static void __attribute__((format(printf, 3, 0)))
fault_fill(struct fault *f, bool lack, const char *fmt, va_list ap)
{
	if (f == NULL)
		return;
	f->lack = lack;
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	text_clean(f->text);
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
	text_clean(f->text);
	return -1;
}
