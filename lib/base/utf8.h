/* Text of others, before it goes onto a terminal or into a page. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/*
 * Bytes of the UTF-8 character at p, of at most n > 0: 1 to 4. 0: none is there, or
 * one that is not for people: a control character, a surrogate, a form that is too
 * long, a code that no character has.
 */
size_t	utf8_size(const unsigned char *p, size_t n);

/* Puts '?' for each byte of a text that begins no such character. */
void	utf8_clean(char *text);

#endif
