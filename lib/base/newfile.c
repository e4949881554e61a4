#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/filename.h"
#include "base/newfile.h"
#include "base/sidefile.h"

static bool
is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

/* Makes the temporary file, as open(2) would have made one of that name. */
static int
temporary_open(struct newfile *n, struct fault *f)
{
	mode_t mask = umask(0);
	int fd, e;

	umask(mask);
	if (snprintf(n->temporary, sizeof n->temporary, "%s.XXXXXX", n->path) >=
	    (int)sizeof n->temporary) {
		n->temporary[0] = '\0';
		return fault_set(f, "%.100s...: too long a name", n->path);
	}
	if ((fd = mkostemp(n->temporary, O_CLOEXEC)) == -1) {
		n->temporary[0] = '\0';
		return fault_set(f, "%s: %s", n->path, strerror(errno));
	}
	if (fchmod(fd, 0666 & ~mask) == 0 && (n->f = fdopen(fd, "w")) != NULL)
		return 0;
	e = errno;
	close(fd);
	newfile_remove(n);
	return fault_set(f, "%s: %s", n->path, strerror(e));
}

int
newfile_open(struct newfile *n, const char *path, struct fault *f)
{
	struct stat st = { 0 };

	n->path = path;
	n->temporary[0] = '\0';
	if (!is_special(path) && !sidefile_is_descriptor(path)) {
		n->fresh = lstat(path, &st) == -1 && errno == ENOENT;
		if (!n->fresh && S_ISLNK(st.st_mode))
			return fault_set(f, "%s: is a symbolic link; name the file"
			    " itself", path);
		return temporary_open(n, f);
	}
	n->f = sidefile_open(path, "w", f);
	return n->f == NULL ? -1 : 0;
}

/* Writes the rest, syncs and closes it. */
static int
contents_sync(struct newfile *n, struct fault *f)
{
	int e = 0;

	errno = 0;
	if (fflush(n->f) == EOF || ferror(n->f))
		e = errno != 0 ? errno : EIO;
	/* Pipes and devices cannot be synced. */
	else if (n->temporary[0] != '\0' && fsync(fileno(n->f)) == -1)
		e = errno;
	if (fclose(n->f) == EOF && e == 0)
		e = errno;
	n->f = NULL;
	return e == 0 ? 0 : fault_set(f, "%s: %s", n->path, strerror(e));
}

/* The temporary name is kept until all is done: it tells that there was one. */
static int
name_give(const struct newfile *n, struct fault *f)
{
	if (n->temporary[0] == '\0' || (n->fresh ?
	    filename_new(n->temporary, n->path) :
	    rename(n->temporary, n->path)) == 0)
		return 0;
	return fault_set(f, "%s: %s", n->path, strerror(errno));
}

static int
directory_sync(struct newfile *n, struct fault *f)
{
	bool special = n->temporary[0] == '\0';

	n->temporary[0] = '\0';
	if (special || filename_sync(n->path) == 0)
		return 0;
	return fault_set(f, "%s: its directory: %s", n->path, strerror(errno));
}

int
newfile_commit(struct newfile *n, struct fault *f)
{
	if (contents_sync(n, f) == 0 && name_give(n, f) == 0)
		return directory_sync(n, f);
	newfile_remove(n);
	return -1;
}

int
newfile_commit_both(struct newfile *a, struct newfile *b, struct fault *f)
{
	int status;

	if (contents_sync(a, f) == -1 || contents_sync(b, f) == -1 ||
	    name_give(a, f) == -1 || name_give(b, f) == -1) {
		newfile_abort(a);
		newfile_abort(b);
		return -1;
	}
	status = directory_sync(a, f);
	return directory_sync(b, f) == -1 ? -1 : status;
}

void
newfile_abort(struct newfile *n)
{
	if (n->f != NULL)
		fclose(n->f);
	n->f = NULL;
	newfile_remove(n);
}

void
newfile_remove(const struct newfile *n)
{
	if (n->temporary[0] != '\0')
		unlink(n->temporary);
}
