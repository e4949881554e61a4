#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "report/html.h"

#define REPLACEMENT "\xef\xbf\xbd"

void
html_textn(FILE *f, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t size;

	for (; n > 0; p += size, n -= size) {
		size = *p == '\n' || *p == '\t' ? 1 : utf8_size(p, n);
		if (size == 0) {
			fputs(REPLACEMENT, f);
			size = 1;
		} else if (*p == '&')
			fputs("&amp;", f);
		else if (*p == '<')
			fputs("&lt;", f);
		else if (*p == '>')
			fputs("&gt;", f);
		else if (*p == '"')
			fputs("&quot;", f);
		else if (*p == '\'')
			fputs("&#39;", f);
		else
			fwrite(p, 1, size, f);
	}
}

void
html_text(FILE *f, const char *text)
{
	html_textn(f, text, strlen(text));
}

void
html_base64(FILE *f, const void *bytes, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = bytes;
	uint32_t v;

	for (; n > 0; p += 3, n -= n < 3 ? n : 3) {
		v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) |
		    (n > 2 ? p[2] : 0);
		fputc(digits[v >> 18], f);
		fputc(digits[v >> 12 & 63], f);
		fputc(n > 1 ? digits[v >> 6 & 63] : '=', f);
		fputc(n > 2 ? digits[v & 63] : '=', f);
	}
}

void
html_shell_word(FILE *f, const char *word, size_t n)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_-+=./:,@%";
	size_t i;

	for (i = 0; i < n && word[i] != '\0' && strchr(plain, word[i]) != NULL; i++)
		;
	if (n > 0 && i == n) {
		fwrite(word, 1, n, f);
		return;
	}
	html_text(f, "'");
	for (; n > 0; word++, n--)
		if (*word == '\'')
			html_text(f, "'\\''");
		else if ((*word & 0x80) == 0)
			html_textn(f, word, 1);
		else
			fputs(REPLACEMENT, f);
	html_text(f, "'");
}
