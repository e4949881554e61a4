#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/ownfile.h"
#include "format/totals.h"

int
totals_check(const char *path, struct fault *f)
{
	return ownfile_check(path, "^\\{[ \n]*\"events_in\"",
	    "statistics of cxiwrite", f);
}

int
totals_write(const struct totals *t, struct newfile *out, const char *path,
    struct fault *f)
{
	json_t *j;
	int r;

	if (totals_check(path, f) == -1 || newfile_open(out, path, f) == -1)
		return -1;
	j = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:f, s:f}",
	    "events_in", (json_int_t)t->in, "written", (json_int_t)t->written,
	    "filtered", (json_int_t)t->filtered, "failed", (json_int_t)t->failed,
	    "lost", (json_int_t)t->lost, "missing", (json_int_t)t->missing,
	    "files", (json_int_t)t->files, "complete", t->complete, "interrupted",
	    t->interrupted, "seconds", t->seconds, "events_per_second", t->rate);
	r = j == NULL || json_dumpf(j, out->f, JSON_INDENT(1) |
	    JSON_REAL_PRECISION(6)) == -1 || fputc('\n', out->f) == EOF ? -1 : 0;
	json_decref(j);
	if (r == 0)
		return newfile_commit(out, f);
	if (j == NULL)
		fault_lack(f, "%s: no memory", path);
	else
		fault_set(f, "%s: %s", path, strerror(errno));
	newfile_abort(out);
	return -1;
}

bool
totals_same(const struct totals *a, const struct totals *b)
{
	return a->in == b->in && a->written == b->written &&
	    a->filtered == b->filtered && a->failed == b->failed &&
	    a->lost == b->lost && a->missing == b->missing &&
	    a->files == b->files && a->complete == b->complete &&
	    a->interrupted == b->interrupted;
}

int
totals_read(struct totals *t, const char *path, struct fault *f)
{
	json_int_t in, written, filtered, failed, lost, missing, files;
	json_error_t error;
	int complete, interrupted;
	json_t *j = json_load_file(path, 0, &error);

	if (j == NULL)
		return fault_set(f, "%s: is no statistics of cxiwrite -S: %s", path,
		    error.text);
	if (json_unpack_ex(j, &error, 0, "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b,"
	    " s:b, s:F, s:F}", "events_in", &in, "written", &written, "filtered",
	    &filtered, "failed", &failed, "lost", &lost, "missing", &missing,
	    "files", &files, "complete", &complete, "interrupted", &interrupted,
	    "seconds", &t->seconds, "events_per_second", &t->rate) == -1) {
		json_decref(j);
		return fault_set(f, "%s: is no statistics of cxiwrite -S: %s", path,
		    error.text);
	}
	json_decref(j);
	if (in < 0 || written < 0 || filtered < 0 || failed < 0 || lost < 0 ||
	    missing < 0 || files < 0)
		return fault_set(f, "%s: a total is negative", path);
	t->in = (uint64_t)in;
	t->written = (uint64_t)written;
	t->filtered = (uint64_t)filtered;
	t->failed = (uint64_t)failed;
	t->lost = (uint64_t)lost;
	t->missing = (uint64_t)missing;
	t->files = (uint64_t)files;
	t->complete = complete != 0;
	t->interrupted = interrupted != 0;
	return 0;
}
