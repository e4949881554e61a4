#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/ownfile.h"
#include "base/sidefile.h"

/* 1 if the text matches, 0 if not, -1 without memory. */
static int
text_matches(const char *text, const char *pattern)
{
	regex_t re;
	int r;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return -1;
	r = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return r;
}

int
ownfile_check(const char *path, const char *begins, const char *kind,
    struct fault *f)
{
	char head[8192 + 1];
	struct stat st;
	ssize_t n = -1;
	int fd, own = 0, e;

	if (sidefile_is_descriptor(path) || stat(path, &st) == -1 ||
	    !S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	if ((fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) != -1)
		n = io_read(fd, head, sizeof head - 1);
	e = errno;
	if (fd != -1)
		close(fd);
	if (n == -1)
		return fault_set(f, "%s: exists, and it cannot be seen what it is:"
		    " %s", path, strerror(e));
	if (n > 0) {
		head[n] = '\0';
		own = text_matches(head, begins);
	}
	if (own == 1)
		return 0;
	if (own == -1)
		return fault_lack(f, "%s: no memory to see what it is", path);
	return fault_set(f, "%s: exists and is not %s, so it is kept; remove it,"
	    " or name another file", path, kind);
}
