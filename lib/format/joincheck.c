#include <sys/stat.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "format/cxireader_impl.h"
#include "format/cxireaders.h"
#include "format/cxisets.h"
#include "format/guard_hdf.h"
#include "format/join.h"
#include "format/joincheck.h"

/* A copy has the tables, too, but nobody needs its sources. */
static int
tables_load(struct cxireader *r, const char *path, struct cxiparts **parts,
    struct fault *f)
{
	if (cxireader_info(r)->merged)
		return cxiparts_load(r, path, NULL, parts, f);
	return fault_set(f, "%s: is no file that cximerge made without -x",
	    path);
}

int
joincheck_open(const char *path, struct cxiparts **parts, struct fault *f)
{
	struct cxireader *r;
	int status;

	if (guard_hdf_prepare(NULL, f) == -1)
		return -1;
	if (cxireader_open_alone(path, NULL, &r, f) == -1)
		return -1;
	status = tables_load(r, path, parts, f);
	cxireader_close(r);
	return status;
}

static int
content_check(const struct cxiparts_source *s, struct cxireader *r,
    struct fault *f)
{
	uint64_t events = cxireader_info(r)->events, bytes;
	char digest[CXIPARTS_DIGEST_SIZE];

	if (cxireader_info(r)->merged)
		return fault_set(f, "%s: changed: it is a merged file now",
		    s->path);
	if (events < s->events)
		return fault_set(f, "%s: short: it has %" PRIu64 " events, and"
		    " had %" PRIu64, s->path, events, s->events);
	if (events > s->events)
		return fault_set(f, "%s: changed: it has %" PRIu64 " events, and"
		    " had %" PRIu64, s->path, events, s->events);
	if (join_digest(r, digest, f) == -1)
		return fault_prefix(f, "damaged");
	if (strcmp(digest, s->digest) != 0)
		return fault_set(f, "%s: changed: its peaks are others", s->path);
	if (cxireader_bytes(r, &bytes, f) == -1)
		return -1;
	if (bytes != s->bytes)
		return fault_set(f, "%s: changed: it has %" PRIu64 " bytes, and"
		    " had %" PRIu64, s->path, bytes, s->bytes);
	return 0;
}

/* In front of the reader's own words, what its failure means. */
static int
failure_explain(const struct cxiparts_source *s, struct fault *f)
{
	struct stat st;

	if (stat(s->path, &st) == -1)
		return fault_set(f, "%s: %s%s", s->path, errno == ENOENT ?
		    "missing: " : "", strerror(errno));
	if ((uint64_t)st.st_size < s->bytes)
		return fault_prefix(f, "short (%" PRIu64 " bytes of %" PRIu64 ")",
		    (uint64_t)st.st_size, s->bytes);
	return fault_prefix(f, "damaged");
}

static int
source_check(const struct cxiparts_source *s, struct cxireaders *readers,
    size_t i, struct fault *f)
{
	struct cxireader *r = cxireaders_at(readers, i, f);

	return r == NULL ? failure_explain(s, f) : content_check(s, r, f);
}

int
joincheck_sources(const struct cxiparts *p, void (*tell)(const struct fault *),
    const volatile int *stop, size_t *bad, struct fault *f)
{
	size_t n = cxiparts_count(p), i;
	const char **paths = calloc(n + 1, sizeof *paths);
	struct cxireaders *readers;
	struct fault why;
	int status = 0, check;

	*bad = 0;
	if (paths == NULL)
		return fault_lack(f, "out of memory for the names of sources");
	for (i = 0; i < n; i++)
		paths[i] = cxiparts_source(p, i)->path;
	if ((readers = cxireaders_new(paths, n, f)) == NULL)
		status = -1;
	for (i = 0; i < n && status == 0; i++) {
		check = source_check(cxiparts_source(p, i), readers, i, &why);
		/* What is said then says nothing about the source. */
		if (*stop)
			status = fault_set(f, "stopped; not all was looked at");
		else if (check == -1) {
			tell(&why);
			++*bad;
		}
	}
	cxireaders_free(readers);
	free(paths);
	return status;
}
