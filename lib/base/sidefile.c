#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sidefile.h"

/* The number of a descriptor of ours that has this name; -1: there is none. */
static int
descriptor_named(const char *path)
{
	static const char *const standard[] = {
		"/dev/stdin", "/dev/stdout", "/dev/stderr"
	};
	int i, n, end = 0;

	for (i = 0; i < 3; i++)
		if (strcmp(path, standard[i]) == 0)
			return i;
	if ((sscanf(path, "/dev/fd/%d%n", &n, &end) == 1 ||
	    sscanf(path, "/proc/self/fd/%d%n", &n, &end) == 1) && n >= 0 &&
	    path[end] == '\0')
		return n;
	return -1;
}

/* Everybody may write to /dev/shm, and /proc/self/cwd leads anywhere. */
bool
sidefile_is_descriptor(const char *path)
{
	int n, end = 0;

	return descriptor_named(path) != -1 || (sscanf(path, "/proc/%*d/fd/%d%n", &n,
	    &end) == 1 && path[end] == '\0');
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
file_open(const char *path, const char *mode, struct fault *f)
{
	int flags = mode[0] == 'w' ? O_WRONLY | O_CREAT : mode[0] == 'a' ?
	    O_WRONLY | O_CREAT | O_APPEND : O_RDWR;
	struct stat st;
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0666);

	if (fd == -1)
		return errno == ELOOP ? fault_set(f, "%s: is a symbolic link; name"
		    " the file itself", path) :
		    fault_set(f, "%s: %s", path, strerror(errno));
	if (sidefile_check(fd, path, f) == 0) {
		if (mode[0] != 'w' || fstat(fd, &st) == -1 ||
		    !S_ISREG(st.st_mode) || ftruncate(fd, 0) == 0)
			return fd;
		fault_set(f, "%s: %s", path, strerror(errno));
	}
	close(fd);
	return -1;
}

/* Opened anew it would be written from its beginning: one that is ours is shared. */
static int
already_open(const char *path, int flags, struct fault *f)
{
	int n = descriptor_named(path);
	int fd = n == -1 ? open(path, flags | O_CLOEXEC) :
	    fcntl(n, F_DUPFD_CLOEXEC, 0);

	return fd == -1 ? fault_set(f, "%s: %s", path, strerror(errno)) : fd;
}

FILE *
sidefile_open(const char *path, const char *mode, struct fault *f)
{
	bool open_already = sidefile_is_descriptor(path);
	int fd = open_already ? already_open(path, mode[0] == 'r' ? O_RDWR :
	    O_WRONLY, f) : file_open(path, mode, f);
	FILE *file;

	if (fd == -1)
		return NULL;
	/* Appending would be on for all that share it. */
	if (open_already && mode[0] == 'a')
		mode = "w";
	if ((file = fdopen(fd, mode)) == NULL) {
		fault_set(f, "%s: %s", path, strerror(errno));
		close(fd);
	}
	return file;
}
