#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/seriesname.h"

enum { DIGITS_MIN = 4, DIGITS_MAX = 10 };

/* Lists and journals have lines, and the journal tabs. */
static bool
has_controls(const char *s)
{
	for (; *s != '\0'; s++)
		if (iscntrl((unsigned char)*s))
			return true;
	return false;
}

bool
seriesname_allows(const char *prefix)
{
	return *prefix != '\0' && strlen(prefix) <= SERIES_PREFIX_MAX &&
	    strchr(prefix, '/') == NULL && !has_controls(prefix);
}

int
seriesname_set(struct seriesname *n, const char *dir, const char *prefix,
    struct fault *f)
{
	if (!seriesname_allows(prefix))
		return fault_set(f, "prefix \"%.100s\": not empty, no slash, no"
		    " control character, at most %d bytes", prefix,
		    SERIES_PREFIX_MAX);
	strcpy(n->prefix, prefix);
	if (realpath(dir, n->dir) == NULL)
		return fault_set(f, "%s: %s", dir, strerror(errno));
	if (has_controls(n->dir))
		return fault_set(f, "%s: a directory with control characters in its"
		    " path cannot be listed", dir);
	return 0;
}

void
seriesname_file(const struct seriesname *n, uint64_t i,
    char name[SERIES_NAME_SIZE])
{
	snprintf(name, SERIES_NAME_SIZE, "%s_%04llu.cxi", n->prefix,
	    (unsigned long long)i);
}

void
seriesname_path(const struct seriesname *n, uint64_t i, bool temporary,
    char path[SERIES_PATH_SIZE])
{
	snprintf(path, SERIES_PATH_SIZE, "%s/%s_%04llu.cxi%s", n->dir, n->prefix,
	    (unsigned long long)i, temporary ? ".tmp" : "");
}

void
seriesname_side(const struct seriesname *n, const char *suffix,
    char path[SERIES_PATH_SIZE])
{
	snprintf(path, SERIES_PATH_SIZE, "%s/%s.%s", n->dir, n->prefix, suffix);
}

/* Is this one of PREFIX_<digits>.cxi or PREFIX_<digits>.cxi.tmp? */
static bool
name_match(const struct seriesname *s, const char *name, uint64_t *i,
    bool *temporary)
{
	size_t n = strlen(s->prefix), digits;
	const char *end;

	if (strncmp(name, s->prefix, n) != 0 || name[n] != '_')
		return false;
	name += n + 1;
	digits = strspn(name, "0123456789");
	end = name + digits;
	*i = strtoull(name, NULL, 10);
	*temporary = strcmp(end, ".cxi.tmp") == 0;
	return digits >= DIGITS_MIN && digits <= DIGITS_MAX &&
	    (*temporary || strcmp(end, ".cxi") == 0);
}

/* Is name PREFIX with this suffix? */
static bool
side_match(const struct seriesname *n, const char *name, const char *suffix)
{
	size_t len = strlen(n->prefix);

	return strncmp(name, n->prefix, len) == 0 &&
	    strcmp(name + len, suffix) == 0;
}

bool
seriesname_owns(const struct seriesname *n, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	char dir[PATH_MAX], real[PATH_MAX];
	bool temporary;
	uint64_t i;

	if (snprintf(dir, sizeof dir, "%.*s", slash == NULL ? 1 :
	    (int)(slash - path) + 1, slash == NULL ? "." : path) >=
	    (int)sizeof dir || realpath(dir, real) == NULL ||
	    strcmp(real, n->dir) != 0)
		return false;
	return side_match(n, name, ".lst") || side_match(n, name, ".journal") ||
	    name_match(n, name, &i, &temporary);
}

int
seriesname_scan(const struct seriesname *n, int (*each)(void *arg,
    const char *path, uint64_t i, bool temporary, struct fault *),
    void *arg, struct fault *f)
{
	char path[SERIES_PATH_SIZE];
	struct dirent *e;
	bool temporary;
	uint64_t i;
	DIR *d = opendir(n->dir);
	int r = 0;

	if (d == NULL)
		return fault_set(f, "%s: %s", n->dir, strerror(errno));
	while (r == 0 && (e = readdir(d)) != NULL)
		if (name_match(n, e->d_name, &i, &temporary)) {
			snprintf(path, sizeof path, "%s/%s", n->dir, e->d_name);
			r = each(arg, path, i, temporary, f);
		}
	closedir(d);
	return r;
}
