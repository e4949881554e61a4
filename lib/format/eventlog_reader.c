#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "format/eventlog.h"
#include "format/eventlog_reader.h"

enum { COLUMNS = 10 };

struct eventlog_reader {
	FILE		*f;
	uint64_t	line;
	const char	*path;
	char		text[4096];
};

/* 1, 0 at the end, -1 when a line is too long. */
static int
line_get(struct eventlog_reader *r)
{
	size_t n;

	if (fgets(r->text, sizeof r->text, r->f) == NULL)
		return 0;
	n = strlen(r->text);
	if (n == 0 || r->text[n - 1] != '\n')
		return feof(r->f) ? 0 : -1;
	r->text[n - 1] = '\0';
	r->line++;
	return 1;
}

struct eventlog_reader *
eventlog_reader_open(const char *path, struct fault *f)
{
	struct eventlog_reader *r = calloc(1, sizeof *r);

	if (r == NULL) {
		fault_lack(f, "%s: no memory", path);
		return NULL;
	}
	r->path = path;
	if ((r->f = fopen(path, "re")) == NULL)
		fault_set(f, "%s: %s", path, strerror(errno));
	else if (line_get(r) == 1 && strncmp(r->text, eventlog_heading,
	    strlen(eventlog_heading) - 1) == 0)
		return r;
	else
		fault_set(f, "%s: is not a log of cxiwrite -l of this version", path);
	eventlog_reader_close(r);
	return NULL;
}

void
eventlog_reader_close(struct eventlog_reader *r)
{
	if (r != NULL && r->f != NULL)
		fclose(r->f);
	free(r);
}

static int
real_take(const char *text, double *v)
{
	const char *cause;

	*v = NAN;
	return *text == '\0' ? 0 : number_real(text, -1e300, 1e300, v, &cause);
}

static int
verdict_take(const char *text, enum eventlog_verdict *v)
{
	*v = strcmp(text, "1") == 0 ? EVENTLOG_HIT :
	    strcmp(text, "0") == 0 ? EVENTLOG_MISS : EVENTLOG_FAILED;
	return *v != EVENTLOG_FAILED || strcmp(text, "failed") == 0 ? 0 : -1;
}

int
eventlog_reader_next(struct eventlog_reader *r, struct eventlog_line *l,
    struct fault *f)
{
	char *c[COLUMNS], *next = r->text;
	unsigned n = 0;
	int got = line_get(r);

	if (got == 0)
		return ferror(r->f) ? fault_set(f, "%s: %s", r->path,
		    strerror(errno)) : 0;
	for (; got == 1 && n < COLUMNS && next != NULL; n++)
		c[n] = strsep(&next, "\t");
	if (n < COLUMNS || next != NULL || number_count(c[0], &l->seq) == -1 ||
	    real_take(c[2], &l->time) == -1 || number_count(c[4], &l->found) == -1 ||
	    verdict_take(c[6], &l->verdict) == -1)
		return fault_set(f, "%s: the line behind line %llu is not one of a"
		    " log", r->path, (unsigned long long)r->line - (got == 1));
	l->source = c[1];
	l->file = c[7];
	l->cause = c[9];
	return 1;
}
