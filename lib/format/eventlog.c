#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/eventlog.h"

struct eventlog {
	FILE	*f;
	char	path[];
};

int
eventlog_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

struct eventlog *
eventlog_open(const char *path, bool force, struct fault *f)
{
	struct eventlog *g;

	if (!force && eventlog_exists(path)) {
		fault_set(f, "%s exists; -f replaces it", path);
		return NULL;
	}
	if ((g = malloc(sizeof *g + strlen(path) + 1)) == NULL) {
		fault_set(f, "%s: no memory", path);
		return NULL;
	}
	strcpy(g->path, path);
	if ((g->f = fopen(path, "we")) == NULL) {
		fault_set(f, "%s: %s", path, strerror(errno));
		free(g);
		return NULL;
	}
	setvbuf(g->f, NULL, _IOLBF, 0);
	fputs("seq\tsource\ttimestamp\tenergy_eV\tpeaks_found\tpeaks_kept\thit"
	    "\tfile\tindex\n", g->f);
	return g;
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
	if (e->known & QUANTITY_ENERGY)
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
	fprintf(g->f, "%s\t%llu\n", file, (unsigned long long)index);
}

void
eventlog_miss(struct eventlog *g, const struct event *e)
{
	if (g == NULL)
		return;
	event_print(g->f, e, "0");
	fputs("\t\n", g->f);
}

void
eventlog_failed(struct eventlog *g, const struct event *e)
{
	if (g == NULL)
		return;
	event_print(g->f, e, "failed");
	fputs("\t\n", g->f);
}

int
eventlog_close(struct eventlog *g, struct fault *f)
{
	int failed, r = 0;

	if (g == NULL)
		return 0;
	failed = ferror(g->f);
	if (fclose(g->f) == EOF || failed)
		r = fault_set(f, "%s: not all of the log could be written",
		    g->path);
	free(g);
	return r;
}
