#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/filename.h"
#include "format/cxi_file.h"

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
cxi_file_name(int fd, const char *path, const char *name, bool replace,
    struct fault *f)
{
	const char *slash = strrchr(name, '/');

	if (!filename_is(fd, path))
		return fault_set(f, "%s: was removed or replaced by others while it"
		    " was written", path);
	if ((replace ? rename(path, name) : filename_new(path, name)) == -1)
		return fault_set(f, "%s: rename to %s: %s", path,
		    slash == NULL ? name : slash + 1, strerror(errno));
	if (filename_sync(name) == 0)
		return 0;
	fault_set(f, "%s: sync of its directory: %s", name, strerror(errno));
	return 1;
}

void
cxi_file_remove(int fd, const char *path)
{
	if (filename_is(fd, path))
		unlink(path);
}
