#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "format/runfiles.h"
#include "format/runmerged.h"

enum { LIST_MAX_BYTES = 256 << 20 };

static int
path_add(struct runfiles *r, const char *path, struct fault *f)
{
	char **larger, *copy = strdup(path);

	/* Doubled whenever the number is a power of two. */
	if (copy != NULL && (r->n & (r->n - 1)) == 0) {
		larger = realloc(r->paths, (r->n == 0 ? 1 : 2 * r->n) *
		    sizeof *larger);
		if (larger == NULL) {
			free(copy);
			copy = NULL;
		} else
			r->paths = larger;
	}
	if (copy == NULL)
		return fault_lack(f, "out of memory for the names of files");
	r->paths[r->n++] = copy;
	return 0;
}

static int
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && strcmp(text + n - m, end) == 0;
}

/* The list is its writer's lock, series.h. */
static int
list_settled(const char *path, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), status = 0;

	if (fd == -1)
		return fault_set(f, "%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK)
		status = fault_set(f, "%s: unfinished, a cxiwrite still adds to it",
		    path);
	close(fd);
	return status;
}

static int
list_add(struct runfiles *r, const char *path, struct fault *f)
{
	size_t size;
	char *text, *rest, *line;
	int status = 0;

	if (r->whole && list_settled(path, f) == -1)
		return -1;
	if ((text = rest = io_slurp(path, LIST_MAX_BYTES, &size)) == NULL)
		return fault_set(f, "%s: %s", path, strerror(errno));
	while (status == 0 && (line = strsep(&rest, "\r\n")) != NULL)
		if (*line != '\0')
			status = path_add(r, line, f);
	free(text);
	return status;
}

static int
lists_select(const struct dirent *e)
{
	return e->d_name[0] != '.' && ends_with(e->d_name, ".lst");
}

static int
files_select(const struct dirent *e)
{
	return e->d_name[0] != '.' && ends_with(e->d_name, ".cxi");
}

static int
names_compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Names of one kind in a directory: how many, or -1. */
static int
names_add(struct runfiles *r, const char *dir,
    int (*want)(const struct dirent *),
    int (*add)(struct runfiles *, const char *, struct fault *), struct fault *f)
{
	struct dirent **names;
	char path[PATH_MAX];
	int i, status = 0, n = scandir(dir, &names, want, names_compare);

	if (n == -1)
		return fault_set(f, "%s: %s", dir, strerror(errno));
	for (i = 0; i < n; i++) {
		if (status == 0) {
			snprintf(path, sizeof path, "%s/%s", dir,
			    names[i]->d_name);
			status = add(r, path, f);
		}
		free(names[i]);
	}
	free(names);
	return status == -1 ? -1 : n;
}

static int
directory_add(struct runfiles *r, const char *dir, struct fault *f)
{
	int n = names_add(r, dir, lists_select, list_add, f);
	size_t first = r->n, more;

	if (n != 0)
		return n == -1 ? -1 : 0;
	if ((n = names_add(r, dir, files_select, path_add, f)) == -1)
		return -1;
	if (n == 0)
		return fault_set(f, "%s: has neither lists (*.lst) nor CXI files",
		    dir);
	more = r->n - first;
	n = runmerged_leave(r->paths + first, &more, f);
	r->n = first + more;
	return n;
}

int
runfiles_add(struct runfiles *r, const char *argument, struct fault *f)
{
	struct stat st;

	if (stat(argument, &st) == -1)
		return fault_set(f, "%s: %s", argument, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return directory_add(r, argument, f);
	if (ends_with(argument, ".lst"))
		return list_add(r, argument, f);
	return path_add(r, argument, f);
}

struct identity {
	dev_t		dev;
	ino_t		ino;
	const char	*path;
};

static int
identity_compare(const void *x, const void *y)
{
	const struct identity *a = x, *b = y;

	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

int
runfiles_distinct(const struct runfiles *r, struct fault *f)
{
	struct identity *ids = calloc(r->n + 1, sizeof *ids);
	size_t i, n = 0;
	struct stat st;
	int status = 0;

	if (ids == NULL)
		return fault_lack(f, "out of memory for the names of files");
	for (i = 0; i < r->n; i++)
		if (stat(r->paths[i], &st) == 0)
			ids[n++] = (struct identity){ st.st_dev, st.st_ino,
			    r->paths[i] };
	qsort(ids, n, sizeof *ids, identity_compare);
	for (i = 1; i < n && status == 0; i++)
		if (identity_compare(&ids[i - 1], &ids[i]) == 0)
			status = fault_set(f, "%s: is named twice, so its events would"
			    " count twice", ids[i].path);
	free(ids);
	return status;
}

void
runfiles_free(struct runfiles *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		free(r->paths[i]);
	free(r->paths);
	r->paths = NULL;
	r->n = 0;
}
