#include <sys/stat.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "format/cxireader_impl.h"
#include "format/cxisets.h"
#include "format/join.h"
#include "format/joincheck.h"

/* A copy has the tables, too, but nobody needs its sources. */
static int
tables_load(struct cxireader *r, const char *path, struct cxiparts **parts,
    struct fault *f)
{
	if (cxireader_info(r)->merged)
		return cxiparts_load(r, path, NULL, parts, f);
	return fault_set(f, "%.200s: is no file that cximerge made without -x",
	    path);
}

int
joincheck_open(const char *path, struct cxiparts **parts, struct fault *f)
{
	struct cxireader *r;
	int status;

	if (cxireader_open_alone(path, NULL, &r, f) == -1)
		return -1;
	status = tables_load(r, path, parts, f);
	cxireader_close(r);
	return status;
}

static int
content_check(const struct cxiparts_source *s, struct cxireader *r,
    uint64_t bytes, struct fault *f)
{
	uint64_t events = cxireader_info(r)->events;
	char digest[CXIPARTS_DIGEST_SIZE];

	if (cxireader_info(r)->merged)
		return fault_set(f, "%.200s: changed: it is a merged file now",
		    s->path);
	if (events < s->events)
		return fault_set(f, "%.200s: short: it has %" PRIu64 " events, and"
		    " had %" PRIu64, s->path, events, s->events);
	if (events > s->events)
		return fault_set(f, "%.200s: changed: it has %" PRIu64 " events, and"
		    " had %" PRIu64, s->path, events, s->events);
	if (join_digest(r, digest, f) == -1)
		return fault_prefix(f, "damaged");
	if (strcmp(digest, s->digest) != 0)
		return fault_set(f, "%.200s: changed: its peaks are others", s->path);
	if (bytes != s->bytes)
		return fault_set(f, "%.200s: changed: it has %" PRIu64 " bytes, and"
		    " had %" PRIu64, s->path, bytes, s->bytes);
	return 0;
}

int
joincheck_source(const struct cxiparts_source *s, struct fault *f)
{
	struct cxireader *r;
	struct stat st;
	int status;

	if (stat(s->path, &st) == -1)
		return fault_set(f, "%.200s: %s%s", s->path, errno == ENOENT ?
		    "missing: " : "", strerror(errno));
	if (cxireader_open_alone(s->path, NULL, &r, f) == -1)
		return (uint64_t)st.st_size < s->bytes ? fault_prefix(f, "short (%"
		    PRIu64 " bytes of %" PRIu64 ")", (uint64_t)st.st_size,
		    s->bytes) : fault_prefix(f, "damaged");
	status = content_check(s, r, (uint64_t)st.st_size, f);
	cxireader_close(r);
	return status;
}
