#include <sys/file.h>
#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/ownfile.h"
#include "base/sidefile.h"
#include "format/eventlog.h"

enum { LINE_MAX_BYTES = 2048 };	/* of a log: 64 of source, 224 of prefix, a fault */

const char eventlog_heading[] = "seq\tsource\ttimestamp\tenergy_eV\tpeaks_found"
    "\tpeaks_kept\thit\tfile\tindex\tcause\n";

struct eventlog {
	FILE	*f;
	bool	regular;
	int	failed;		/* errno of the first failure; 0: none */
	char	path[];
};

int
eventlog_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static struct eventlog *
log_open(const char *path, const char *mode, struct fault *f)
{
	struct eventlog *g = malloc(sizeof *g + strlen(path) + 1);
	struct stat st;

	if (g == NULL) {
		fault_lack(f, "%s: no memory", path);
		return NULL;
	}
	strcpy(g->path, path);
	g->failed = 0;
	if ((g->f = sidefile_open(path, mode, f)) == NULL) {
		free(g);
		return NULL;
	}
	setvbuf(g->f, NULL, _IOLBF, 0);
	g->regular = !sidefile_is_descriptor(path) &&
	    fstat(fileno(g->f), &st) == 0 && S_ISREG(st.st_mode);
	if (g->regular && flock(fileno(g->f), LOCK_EX | LOCK_NB) == -1 &&
	    errno == EWOULDBLOCK) {
		fault_set(f, "%s: another cxiwrite writes this log", path);
		fclose(g->f);
		free(g);
		return NULL;
	}
	return g;
}

/* Has the log that is here no events? */
static bool
log_vacant(const char *path)
{
	char text[sizeof eventlog_heading];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return false;
	n = io_read(fd, text, sizeof text);
	close(fd);
	return n >= 0 && n < (ssize_t)sizeof text &&
	    memcmp(text, eventlog_heading, (size_t)n) == 0;
}

static int
path_check(const char *path, bool force, struct fault *f)
{
	char begins[sizeof eventlog_heading + 1];

	/* Of a pipe nothing must be read: it is our reader's, who waits for us. */
	if (!eventlog_exists(path))
		return 0;
	snprintf(begins, sizeof begins, "^%s", eventlog_heading);
	if (!force && log_vacant(path))
		return 0;
	if (ownfile_check(path, begins, "a log of cxiwrite", f) == -1)
		return -1;
	if (!force)
		return fault_set(f, "%s exists; -f replaces it", path);
	return 0;
}

struct eventlog *
eventlog_open(const char *path, bool force, struct fault *f)
{
	struct eventlog *g;

	if (path_check(path, force, f) == -1 ||
	    (g = log_open(path, "a", f)) == NULL)
		return NULL;
	/* Now that it is locked: another run may have come between. */
	if (!g->regular || path_check(path, force, f) == 0)
		return g;
	fclose(g->f);
	free(g);
	return NULL;
}

/* Of several failures the first is the cause. */
static void
failure_note(struct eventlog *g, bool failed)
{
	if (failed && g->failed == 0)
		g->failed = errno;
}

void
eventlog_begin(struct eventlog *g)
{
	failure_note(g, g->regular && ftruncate(fileno(g->f), 0) == -1);
	failure_note(g, fputs(eventlog_heading, g->f) == EOF);
}

/* Does a line of this event (or the heading) end at this size? */
static bool
line_matches(int fd, uint64_t size, const uint64_t *last)
{
	char text[LINE_MAX_BYTES + 1], begin[24], *line;
	size_t n = size < LINE_MAX_BYTES ? (size_t)size : LINE_MAX_BYTES;
	ssize_t r = pread(fd, text, n, (off_t)(size - n));

	if (n == 0 || r != (ssize_t)n || text[n - 1] != '\n')
		return false;
	text[n - 1] = '\0';
	line = strrchr(text, '\n');
	line = line == NULL ? text : line + 1;
	if (last == NULL)
		return size == strlen(eventlog_heading);
	snprintf(begin, sizeof begin, "%llu\t", (unsigned long long)*last);
	return strncmp(line, begin, strlen(begin)) == 0;
}

static bool
heading_matches(int fd)
{
	char text[sizeof eventlog_heading - 1];

	return pread(fd, text, sizeof text, 0) == (ssize_t)sizeof text &&
	    memcmp(text, eventlog_heading, sizeof text) == 0;
}

struct eventlog *
eventlog_resume(const char *path, uint64_t size, const uint64_t *last,
    struct fault *f)
{
	struct eventlog *g = log_open(path, "r+", f);

	if (g == NULL)
		return NULL;
	if (g->regular && heading_matches(fileno(g->f)) &&
	    line_matches(fileno(g->f), size, last))
		return g;
	fault_set(f, "%s: is not the log of the run that is carried on, or is not"
	    " whole", path);
	fclose(g->f);
	free(g);
	return NULL;
}

int
eventlog_cut(struct eventlog *g, uint64_t size, struct fault *f)
{
	if (ftruncate(fileno(g->f), (off_t)size) == 0 &&
	    fseeko(g->f, 0, SEEK_END) == 0)
		return 0;
	return fault_set(f, "%s: %s", g->path, strerror(errno));
}

int
eventlog_written(const struct eventlog *g, struct fault *f)
{
	if (g == NULL || !g->regular || g->failed == 0)
		return 0;
	return fault_set(f, "%s: not all of the log could be written: %s", g->path,
	    strerror(g->failed));
}

int64_t
eventlog_size(const struct eventlog *g)
{
	return g != NULL && g->regular ? ftello(g->f) : -1;
}

int
eventlog_descriptor(const struct eventlog *g)
{
	return g != NULL && g->regular ? fileno(g->f) : -1;
}

/* A line is written when it ends. */
static void
line_end(struct eventlog *g)
{
	failure_note(g, fputc('\n', g->f) == EOF);
}

/* All that an event has by itself. */
static void
event_print(FILE *f, const struct event *e, const char *verdict)
{
	fprintf(f, "%llu\t%s\t", (unsigned long long)e->seq, e->source);
	if (e->known & QUANTITY_TIMESTAMP)
		fprintf(f, "%llu.%09llu", (unsigned long long)(e->timestamp >> 32),
		    (unsigned long long)(e->timestamp & UINT32_MAX));
	fputc('\t', f);
	if ((e->known & QUANTITY_ENERGY) && isfinite(e->photon_energy) &&
	    e->photon_energy > 0)
		fprintf(f, "%.6f", e->photon_energy);
	fprintf(f, "\t%u\t%u\t%s\t", e->peaks_found, e->peaks_kept, verdict);
}

void
eventlog_hit(struct eventlog *g, const struct event *e, const char *file,
    uint64_t index)
{
	if (g == NULL)
		return;
	event_print(g->f, e, "1");
	fprintf(g->f, "%s\t%llu\t", file, (unsigned long long)index);
	line_end(g);
}

void
eventlog_miss(struct eventlog *g, const struct event *e)
{
	if (g == NULL)
		return;
	event_print(g->f, e, "0");
	fputs("\t\t", g->f);
	line_end(g);
}

void
eventlog_failed(struct eventlog *g, const struct event *e, const char *cause)
{
	if (g == NULL)
		return;
	event_print(g->f, e, "failed");
	fputs("\t\t", g->f);
	for (; *cause != '\0'; cause++)
		fputc(iscntrl((unsigned char)*cause) ? ' ' : *cause, g->f);
	line_end(g);
}

int
eventlog_close(struct eventlog *g, struct fault *f)
{
	bool failed, told;
	int r = 0;

	if (g == NULL)
		return 0;
	told = g->regular && g->failed != 0;
	failed = ferror(g->f);
	if ((fclose(g->f) == EOF || failed) && !told)
		r = fault_set(f, "%s: not all of the log could be written",
		    g->path);
	free(g);
	return r;
}
