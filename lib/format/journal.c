#include <sys/stat.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/number.h"
#include "format/journal.h"

enum { COLUMNS = 14, LINE_MAX_BYTES = 1024 };

static const size_t journal_max = 64u << 20;	/* bytes; some 300,000 files */

static const char heading[] = "file\trows\tbytes\tstate\tstream\tplace\tnext"
    "\toptions\theader\tin\twritten\tfiltered\tfailed\tlog\n";

static const char *const states[] = {
	[JOURNAL_BEGIN] = "begin", [JOURNAL_FULL] = "full", [JOURNAL_END] = "end",
	[JOURNAL_OPEN] = "open", [JOURNAL_LOST] = "lost"
};

/* ---- writing ---- */

static int
line_put(int fd, const char *line, size_t n, struct fault *f)
{
	struct stat before;
	int e;

	if (fstat(fd, &before) == -1)
		return fault_set(f, "%s", strerror(errno));
	if (io_write(fd, line, n) == 0 && fdatasync(fd) == 0)
		return 0;
	e = errno;
	/* Half a line would be void; this is for whoever reads it. */
	if (ftruncate(fd, before.st_size) == -1)
		return fault_set(f, "%s; and half a line stays: %s", strerror(e),
		    strerror(errno));
	return fault_set(f, "%s", strerror(e));
}

int
journal_begin(int fd, struct fault *f)
{
	if (ftruncate(fd, 0) == -1)
		return fault_set(f, "%s", strerror(errno));
	return line_put(fd, heading, strlen(heading), f);
}

int
journal_add(int fd, const struct journal_entry *e, struct fault *f)
{
	const struct ledger_place *p = &e->place;
	char line[LINE_MAX_BYTES], log[24];
	int n;

	snprintf(log, sizeof log, "%lld", (long long)e->log);
	n = snprintf(line, sizeof line, "%s\t%llu\t%llu\t%s\t%016llx\t%llu\t%llu"
	    "\t%s\t%s\t%llu\t%llu\t%llu\t%llu\t%s\n", e->file,
	    (unsigned long long)e->rows, (unsigned long long)e->bytes,
	    states[e->state], (unsigned long long)p->stream,
	    (unsigned long long)p->header, (unsigned long long)p->next,
	    e->options, e->header,
	    (unsigned long long)e->in, (unsigned long long)e->written,
	    (unsigned long long)e->filtered, (unsigned long long)e->failed,
	    e->log < 0 ? "-" : log);
	return line_put(fd, line, (size_t)n, f);
}

/* ---- reading ---- */

static int
hex_take(const char *text, uint64_t *v)
{
	if (strlen(text) != 16 || text[strspn(text, "0123456789abcdef")] != '\0')
		return -1;
	*v = strtoull(text, NULL, 16);
	return 0;
}

static int
state_take(const char *text, enum journal_state *state)
{
	unsigned i;

	for (i = 0; i < sizeof states / sizeof states[0]; i++)
		if (strcmp(text, states[i]) == 0) {
			*state = (enum journal_state)i;
			return 0;
		}
	return -1;
}

static int
place_take(char *const c[], struct ledger_place *p)
{
	return hex_take(c[4], &p->stream) == -1 ||
	    number_count(c[5], &p->header) == -1 ||
	    number_count(c[6], &p->next) == -1 ? -1 : 0;
}

static int
digest_take(const char *text, char digest[JOURNAL_DIGEST_SIZE])
{
	uint64_t unused;

	if (hex_take(text, &unused) == -1)
		return -1;
	strcpy(digest, text);
	return 0;
}

/* One line without its newline; it is cut up. */
static int
entry_take(char *line, struct journal_entry *e)
{
	char *c[COLUMNS], *next = line;
	uint64_t log = 0;
	unsigned n;

	for (n = 0; n < COLUMNS && next != NULL; n++)
		c[n] = strsep(&next, "\t");
	if (n < COLUMNS || next != NULL || strlen(c[0]) >= sizeof e->file)
		return -1;
	strcpy(e->file, c[0]);
	if (number_count(c[1], &e->rows) == -1 ||
	    number_count(c[2], &e->bytes) == -1 ||
	    state_take(c[3], &e->state) == -1 || place_take(c, &e->place) == -1 ||
	    digest_take(c[7], e->options) == -1 ||
	    digest_take(c[8], e->header) == -1 ||
	    number_count(c[9], &e->in) == -1 ||
	    number_count(c[10], &e->written) == -1 ||
	    number_count(c[11], &e->filtered) == -1 ||
	    number_count(c[12], &e->failed) == -1 ||
	    (strcmp(c[13], "-") != 0 && number_count(c[13], &log) == -1))
		return -1;
	e->log = strcmp(c[13], "-") == 0 ? -1 : (int64_t)log;
	return 0;
}

static size_t
lines_count(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		n++;
	return n;
}

static int
text_take(char *text, struct journal_entry *e, size_t *n, struct fault *f)
{
	char *line = text, *end;

	for (*n = 0; (end = strchr(line, '\n')) != NULL; line = end + 1, ++*n) {
		*end = '\0';
		if (entry_take(line, &e[*n]) == -1)
			return fault_set(f, "line %zu is not one of a journal",
			    *n + 2);
		e[*n].end = strlen(heading) + (uint64_t)(end + 1 - text);
	}
	return 0;
}

int
journal_read(const char *path, struct journal_entry **entries, size_t *n,
    struct fault *f)
{
	struct stat st;
	size_t size;
	char *text;
	int r;

	*entries = NULL;
	*n = 0;
	/* A FIFO of that name, whoever made it, would be waited for without end. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return fault_set(f, "%s: is no regular file, and so no journal;"
		    " remove it", path);
	if ((text = io_slurp(path, journal_max, &size)) == NULL)
		return errno == ENOENT ? 0 :
		    fault_set(f, "%s: %s", path, strerror(errno));
	/* A heading that was cut off is that of a run that wrote nothing yet. */
	if (strncmp(text, heading, size) == 0 && size < strlen(heading)) {
		free(text);
		return 0;
	}
	if (strncmp(text, heading, strlen(heading)) != 0) {
		free(text);
		return fault_set(f, "%s: is not a journal of this version", path);
	}
	*entries = calloc(lines_count(text) + 1, sizeof **entries);
	r = *entries == NULL ? fault_lack(f, "no memory") :
	    text_take(text + strlen(heading), *entries, n, f);
	free(text);
	if (r == 0)
		return 0;
	free(*entries);
	*entries = NULL;
	return fault_prefix(f, "%s", path);
}
