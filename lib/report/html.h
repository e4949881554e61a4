/*
 * Text and bytes from outside, put into HTML, XML and shell commands so that they
 * stay text. Errors of the file stay in it, ferror(3).
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stddef.h>
#include <stdio.h>

/*
 * Writes text for an element or an attribute in quotes, of HTML or XML. What is no
 * UTF-8, and control characters but newline and tab, become U+FFFD.
 */
void	html_text(FILE *, const char *);

/* The same for the first n bytes. */
void	html_textn(FILE *, const char *, size_t n);

/* n bytes in base 64, RFC 4648 section 4, without line breaks. */
void	html_base64(FILE *, const void *, size_t n);

/*
 * Writes a word of a POSIX shell's command line, in single quotes where it has to
 * be, as html_text does.
 */
void	html_shell_word(FILE *, const char *, size_t n);

#endif
