/*
 * cxireport: a page of HTML that tells what a run is worth.
 *
 * The report is written under a temporary name beside its own, synced and renamed,
 * so that who looks at it never meets half of one.
 */
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "format/report.h"
#include "status.h"
#include "tool.h"

static const size_t geometry_max = 64u << 20;	/* bytes */

struct options {
	const char	*geometry, *log, *out, *stats;
};

static char temporary[PATH_MAX];	/* empty: there is none */

/* For the second signal, too. */
static void
temporary_remove(void)
{
	if (temporary[0] != '\0')
		unlink(temporary);
}

static void
geometry_load(const char *path, struct geometry *g, char digest[65])
{
	struct fault f;
	char *text;
	size_t n;

	if ((text = io_slurp(path, geometry_max, &n)) == NULL)
		err(STATUS_INPUT, "-g %s", path);
	SHA256Data((const uint8_t *)text, n, digest);
	if (geometry_parse(text, n, g, &f) == -1)
		errx(STATUS_INPUT, "-g %s: %s", path, f.text);
	free(text);
}

static FILE *
out_open(const char *path)
{
	mode_t mask = umask(0);
	FILE *file;
	int fd, n;

	umask(mask);
	n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
	if (n >= (int)sizeof temporary)
		errx(STATUS_USAGE, "-o %.40s...: the path is too long", path);
	if ((fd = mkostemp(temporary, O_CLOEXEC)) == -1) {
		temporary[0] = '\0';
		err(STATUS_OUTPUT, "-o %s", path);
	}
	if (fchmod(fd, 0666 & ~mask) == -1 || (file = fdopen(fd, "w")) == NULL) {
		warn("-o %s", path);
		temporary_remove();
		exit(STATUS_OUTPUT);
	}
	return file;
}

static int
out_finish(FILE *file, const char *path)
{
	int e = 0;

	errno = 0;
	if (fflush(file) == EOF || ferror(file) || fsync(fileno(file)) == -1)
		e = errno != 0 ? errno : EIO;
	if (fclose(file) == EOF && e == 0)
		e = errno;
	if (e == 0 && rename(temporary, path) == -1)
		e = errno;
	if (e == 0)
		return STATUS_OK;
	warnc(e, "-o %s: the report could not be written", path);
	temporary_remove();
	return STATUS_OUTPUT;
}

/* Everything that is found beside the run and in it. */
static int
run_read(struct summary *s, const struct options *o)
{
	struct fault f;
	uint64_t i;

	if (runfiles_add(&s->files, s->run, &f) == -1 ||
	    sides_find(&s->sides, s->run, o->log, o->stats, &f) == -1 ||
	    summary_make(s, &f) == -1)
		errx(STATUS_INPUT, "%s", f.text);
	for (i = 0; i < s->n_unread && i < SUMMARY_UNREAD; i++)
		warnx("%s", s->unread[i].text);
	return s->n_unread > 0 ? STATUS_INPUT : STATUS_OK;
}

static const char *
name_of(const char *path)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

int
main(int argc, char *argv[])
{
	static struct summary s;
	struct options o = { .out = "report.html" };
	struct geometry g;
	char digest[65];
	FILE *file;
	int ch, status;

	tool_begin(argc, argv, "[-g geometry] [-l log.tsv] [-o report.html]"
	    " [-S stats.json] dir-or-list");
	while ((ch = getopt(argc, argv, "+S:g:l:o:")) != -1)
		switch (ch) {
		case 'S':
			o.stats = optarg;
			break;
		case 'g':
			o.geometry = optarg;
			break;
		case 'l':
			o.log = optarg;
			break;
		case 'o':
			o.out = optarg;
			break;
		default:
			tool_usage();
		}
	if (argc - optind != 1)
		tool_usage();
	tool_signals(temporary_remove);
	s.run = argv[optind];
	if (o.geometry != NULL) {
		geometry_load(o.geometry, &g, digest);
		s.geometry = &g;
	}
	status = run_read(&s, &o);
	file = out_open(o.out);
	report_write(file, &s, name_of(o.geometry), o.geometry != NULL ? digest :
	    NULL);
	status = tool_worse(status, out_finish(file, o.out));
	summary_free(&s);
	if (o.geometry != NULL)
		geometry_free(&g);
	return status;
}
