#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/sidefile.h"

/* /dev itself is root's, but everybody may write to /dev/shm. */
bool
sidefile_is_descriptor(const char *path)
{
	static const char *const names[] = { "/dev/std", "/dev/fd/", "/proc/" };
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strncmp(path, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

int
sidefile_check(int fd, const char *path, struct fault *f)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return fault_set(f, "%s: %s", path, strerror(errno));
	if (S_ISREG(st.st_mode) && st.st_nlink > 1)
		return fault_set(f, "%s: has another name too (a hard link), which"
		    " would be written over; remove it, or name another file",
		    path);
	return 0;
}

/* Opened, checked, and emptied only then. */
static int
descriptor_open(const char *path, const char *mode, struct fault *f)
{
	int flags = mode[0] == 'w' ? O_WRONLY | O_CREAT : mode[0] == 'a' ?
	    O_WRONLY | O_CREAT | O_APPEND : O_RDWR;
	bool open_already = sidefile_is_descriptor(path);
	struct stat st;
	int fd;

	fd = open(path, flags | O_CLOEXEC | (open_already ? 0 : O_NOFOLLOW), 0666);
	if (fd == -1)
		return errno == ELOOP ? fault_set(f, "%s: is a symbolic link; name"
		    " the file itself", path) :
		    fault_set(f, "%s: %s", path, strerror(errno));
	if (open_already || sidefile_check(fd, path, f) == 0) {
		if (mode[0] != 'w' || fstat(fd, &st) == -1 ||
		    !S_ISREG(st.st_mode) || ftruncate(fd, 0) == 0)
			return fd;
		fault_set(f, "%s: %s", path, strerror(errno));
	}
	close(fd);
	return -1;
}

FILE *
sidefile_open(const char *path, const char *mode, struct fault *f)
{
	int fd = descriptor_open(path, mode, f);
	FILE *file;

	if (fd == -1)
		return NULL;
	if ((file = fdopen(fd, mode)) == NULL) {
		fault_set(f, "%s: %s", path, strerror(errno));
		close(fd);
	}
	return file;
}
