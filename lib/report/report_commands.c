/*
 * The commands of an origin are read from the lines PROGRAM.OPTION=VALUE that the
 * programs left in their files, in the order in which the stream went through them.
 *
 * Somebody will paste them into a shell, and a file may say anything. So only our
 * own programs are named, any other is FILTER; what is no option is left out; and
 * values are quoted.
 */
#include <ctype.h>
#include <string.h>

#include "report/html.h"
#include "report/report_parts.h"

struct line {
	const char	*key, *dot, *value;
	size_t		key_n, program_n, value_n;
};

/* The next line of a text; 0 behind the last. */
static int
line_next(const char **text, struct line *l)
{
	const char *end, *eq;

	for (; **text != '\0'; *text = *end == '\0' ? end : end + 1) {
		end = *text + strcspn(*text, "\n");
		eq = memchr(*text, '=', (size_t)(end - *text));
		if (eq == NULL)
			continue;
		l->key = *text;
		l->key_n = (size_t)(eq - *text);
		l->dot = memchr(*text, '.', l->key_n);
		l->program_n = l->dot == NULL ? 0 : (size_t)(l->dot - *text);
		l->value = eq + 1;
		l->value_n = (size_t)(end - l->value);
		*text = *end == '\0' ? end : end + 1;
		return 1;
	}
	return 0;
}

static int
program_is(const struct line *l, const char *name)
{
	return l->program_n == strlen(name) &&
	    strncmp(l->key, name, l->program_n) == 0;
}

static int
option_is(const struct line *l, const char *option)
{
	return l->key_n - l->program_n - 1 == strlen(option) &&
	    strncmp(l->dot + 1, option, strlen(option)) == 0;
}

static int
is_ours(const struct line *l)
{
	return program_is(l, "ray2q2") || program_is(l, "q2cat") ||
	    program_is(l, "peakfind") || program_is(l, "cxiwrite");
}

/* Is it a letter or digit, that is, an option to be repeated? */
static int
is_option(const struct line *l)
{
	return l->key_n - l->program_n - 1 == 1 && isalnum((unsigned char)l->dot[1]);
}

/* -w of peakfind and -d of cxiwrite are yes or no. */
static int
is_flag(const struct line *l)
{
	return (program_is(l, "peakfind") && option_is(l, "w")) ||
	    (program_is(l, "cxiwrite") && option_is(l, "d"));
}

static int
digest_same(const struct line *l, const char *digest)
{
	return digest != NULL && l->value_n == strlen(digest) &&
	    strncmp(l->value, digest, l->value_n) == 0;
}

static void
option_put(FILE *f, const struct line *l, const char *geometry,
    const char *digest)
{
	if (l->value_n == 0 || !is_ours(l) || !is_option(l))
		return;
	if (is_flag(l) && l->value[0] == '0')
		return;
	fprintf(f, " -%c", l->dot[1]);
	if (is_flag(l))
		return;
	fputc(' ', f);
	if (program_is(l, "cxiwrite") && option_is(l, "g"))
		digest_same(l, digest) ? html_shell_word(f, geometry,
		    strlen(geometry)) : html_text(f, "GEOMETRY");
	else if (option_is(l, "b"))
		fputs("MASK", f);
	else
		html_shell_word(f, l->value, l->value_n);
}

/* One word "name=value" of q2sim's line becomes an option. */
static void
sim_option(FILE *f, const struct line *l, const char *name, const char *option)
{
	size_t n = strlen(name), i, k;

	for (i = 0; i + n < l->value_n; i++) {
		if (strncmp(l->value + i, name, n) != 0)
			continue;
		for (k = i + n; k < l->value_n && l->value[k] != ' '; k++)
			;
		fprintf(f, " -%s ", option);
		html_shell_word(f, l->value + i + n, k - i - n);
		return;
	}
}

static void
sim_put(FILE *f, const struct line *l, const char *detector)
{
	fputs("q2sim -n EVENTS", f);
	if (*detector != '\0') {
		fputs(" -D ", f);
		html_shell_word(f, detector, strlen(detector));
	}
	sim_option(f, l, " seed=", "S");
	sim_option(f, l, " cell=", "C");
	sim_option(f, l, " energy=", "e");
	sim_option(f, l, " distance=", "z");
	sim_option(f, l, " hits=", "x");
	sim_option(f, l, " type=", "t");
}

void
report_commands(FILE *f, const struct summary_origin *o, const char *geometry,
    const char *digest)
{
	const char *at = o->stream, *program = "";
	size_t program_n = 0;
	struct line l;
	int any = 0;

	if (strstr(o->stream, "q2cat.version=") == NULL &&
	    strstr(o->stream, "q2sim=") == NULL) {
		fputs("q2cat INPUT", f);
		any = 1;
	}
	while (line_next(&at, &l)) {
		if (l.key_n == 5 && strncmp(l.key, "q2sim", 5) == 0) {
			sim_put(f, &l, o->detector);
			any = 1;
		}
		if (l.program_n == 0)
			continue;
		if (l.program_n != program_n ||
		    strncmp(l.key, program, program_n) != 0) {
			fputs(any ? " |\n    " : "", f);
			any = 1;
			is_ours(&l) ? html_textn(f, l.key, l.program_n) :
			    html_text(f, "FILTER");
			program = l.key;
			program_n = l.program_n;
		}
		option_put(f, &l, geometry, digest);
		if (program_is(&l, "q2cat") && option_is(&l, "w"))
			fputs(" INPUT", f);
	}
	fputs(" |\n    cxiwrite", f);
	for (at = o->options; line_next(&at, &l);)
		if (program_is(&l, "cxiwrite"))
			option_put(f, &l, geometry, digest);
	fputs(" -o OUT", f);
}
