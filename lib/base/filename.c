#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/filename.h"

/*
 * Where the file system cannot rename without replacing, a hard link does the
 * same: it fails if the name exists, with no moment in between.
 */
int
filename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (link(from, to) == -1) {
		if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
			return -1;
		/* No links either, as on FAT: there is a moment in between. */
		if (faccessat(AT_FDCWD, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
			errno = EEXIST;
			return -1;
		}
		return rename(from, to);
	}
	/* It has its name; the other is one of a file in the making. */
	(void)unlink(from);
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

int
filename_sync(const char *name)
{
	int fd = directory_open(name), e = 0;

	if (fd == -1)
		return -1;
	/* EINVAL: some network file systems have no sync of directories. */
	if (fsync(fd) == -1 && errno != EINVAL)
		e = errno;
	close(fd);
	errno = e;
	return e == 0 ? 0 : -1;
}

bool
filename_is(int fd, const char *name)
{
	struct stat open, named;

	return fstat(fd, &open) == 0 && lstat(name, &named) == 0 &&
	    open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

const char *
filename_base(const char *path)
{
	const char *base = path;

	for (; *path != '\0'; path++)
		if (path[0] == '/' && path[1] != '/' && path[1] != '\0')
			base = path + 1;
	return base;
}
