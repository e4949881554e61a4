#include <stdint.h>
#include <string.h>

#include "report/html.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* Bytes of the UTF-8 character at p, of at most n; 0: it is none that XML takes. */
static size_t
character(const unsigned char *p, size_t n)
{
	uint32_t c;
	size_t size, i;

	if (p[0] < 0x80)
		return (p[0] >= 0x20 && p[0] != 0x7f) || p[0] == '\n' || p[0] == '\t';
	size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || size > n)
		return 0;
	c = p[0] & (0x7fu >> size);
	for (i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	/* Too long a form, surrogates, control characters, and no characters. */
	if ((size == 3 && c < 0x800) || (size == 4 && c < 0x10000) || c > 0x10ffff ||
	    (c >= 0xd800 && c < 0xe000) || c < 0xa0 || (c & 0xfffe) == 0xfffe ||
	    (c >= 0xfdd0 && c < 0xfdf0))
		return 0;
	return size;
}

void
html_textn(FILE *f, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t size;

	for (; n > 0; p += size, n -= size) {
		if ((size = character(p, n)) == 0) {
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
