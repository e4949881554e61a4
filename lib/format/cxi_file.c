#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/cxi_file.h"

/*
 * Where the file system cannot rename without replacing, a hard link does the
 * same: it fails if the name exists, with no moment in between.
 */
static int
rename_new(const char *path, const char *name)
{
	if (renameat2(AT_FDCWD, path, AT_FDCWD, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (link(path, name) == -1)
		return -1;
	/* It has its name; the other is one of a file in the making. */
	(void)unlink(path);
	return 0;
}

static int
directory_open(const char *name)
{
	const char *slash = strrchr(name, '/');
	char *dir;
	int fd;

	if (slash == NULL)
		return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* The slash of "/x" is the directory. */
	dir = strndup(name, slash == name ? 1 : (size_t)(slash - name));
	if (dir == NULL)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	return fd;
}

static int
directory_sync(const char *name, struct fault *f)
{
	int fd = directory_open(name);
	int rc = 0;

	/* EINVAL: some network file systems have no sync of directories. */
	if (fd == -1 || (fsync(fd) == -1 && errno != EINVAL))
		rc = fault_set(f, "%s: sync of its directory: %s", name,
		    strerror(errno));
	if (fd != -1)
		close(fd);
	return rc;
}

int
cxi_file_sync(int fd, const char *path, uint64_t *size, struct fault *f)
{
	struct stat st;

	if (fsync(fd) == -1 || fstat(fd, &st) == -1)
		return fault_set(f, "%s: sync: %s", path, strerror(errno));
	*size = (uint64_t)st.st_size;
	return 0;
}

int
cxi_file_name(const char *path, const char *name, bool replace, struct fault *f)
{
	const char *slash = strrchr(name, '/');

	if ((replace ? rename(path, name) : rename_new(path, name)) == -1)
		return fault_set(f, "%s: rename to %s: %s", path,
		    slash == NULL ? name : slash + 1, strerror(errno));
	return directory_sync(name, f) == -1 ? 1 : 0;
}
