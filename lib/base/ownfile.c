#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/ownfile.h"
#include "base/sidefile.h"

int
ownfile_check(const char *path, const char *mark, const char *kind,
    struct fault *f)
{
	char head[OWNFILE_HEAD];
	struct stat st;
	ssize_t n;
	int fd;

	if (sidefile_is_descriptor(path) || stat(path, &st) == -1 ||
	    !S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	if ((fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) == -1)
		return fault_set(f, "%s: exists, and it cannot be seen what it is:"
		    " %s", path, strerror(errno));
	n = io_read(fd, head, sizeof head);
	close(fd);
	if (n > 0 && memmem(head, (size_t)n, mark, strlen(mark)) != NULL)
		return 0;
	return fault_set(f, "%s: exists and is not %s, so it is kept; remove it,"
	    " or name another file", path, kind);
}
