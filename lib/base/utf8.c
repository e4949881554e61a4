#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

size_t
utf8_size(const unsigned char *p, size_t n)
{
	uint32_t c;
	size_t size, i;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f;
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
utf8_clean(char *text)
{
	size_t left = strlen(text), n;

	for (; left > 0; text += n, left -= n)
		if ((n = utf8_size((const unsigned char *)text, left)) == 0) {
			*text = '?';
			n = 1;
		}
}
