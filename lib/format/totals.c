#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/sidefile.h"
#include "format/totals.h"

int
totals_write(const struct totals *t, const char *path, struct fault *f)
{
	FILE *out = sidefile_open(path, "w", f);
	json_t *j;
	int r;

	if (out == NULL)
		return -1;
	j = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:f, s:f}",
	    "events_in", (json_int_t)t->in, "written", (json_int_t)t->written,
	    "filtered", (json_int_t)t->filtered, "failed", (json_int_t)t->failed,
	    "lost", (json_int_t)t->lost, "missing", (json_int_t)t->missing,
	    "files", (json_int_t)t->files, "complete", t->complete, "interrupted",
	    t->interrupted, "seconds", t->seconds, "events_per_second", t->rate);
	r = j == NULL || json_dumpf(j, out, JSON_INDENT(1) |
	    JSON_REAL_PRECISION(6)) == -1 || fputc('\n', out) == EOF ? -1 : 0;
	if (fclose(out) == EOF)
		r = -1;
	json_decref(j);
	return r == -1 ? fault_set(f, "%s: %s", path, strerror(errno)) : 0;
}
