#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/filename.h"
#include "format/setaside.h"

/* The directory that a path is in; to be freed. NULL when memory is short. */
static char *
directory_of(const char *path)
{
	char *copy = strdup(path), *dir;

	if (copy == NULL)
		return NULL;
	dir = strdup(dirname(copy));
	free(copy);
	return dir;
}

int
setaside_init(struct setaside *s, const char *path, struct fault *f)
{
	struct stat st;
	char *dir;
	int r;

	size_t n = strlen(path);

	memset(s, 0, sizeof *s);
	s->path = path;
	if (n == 0 || path[n - 1] == '/')
		return fault_set(f, "\"%s\" is no name of a file", path);
	if (lstat(path, &st) == 0)
		return fault_set(f, "%s: is there already; move it away or name"
		    " another file", path);
	if (errno != ENOENT)
		return fault_set(f, "%s: %s", path, strerror(errno));
	if ((dir = directory_of(path)) == NULL)
		return fault_lack(f, "%s: no memory", path);
	r = faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS);
	free(dir);
	if (r == -1)
		return fault_set(f, "%s: cannot be made: %s", path,
		    strerror(errno));
	return 0;
}

static int
file_make(struct setaside *s)
{
	int fd = open(s->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND |
	    O_NOFOLLOW | O_CLOEXEC, 0666);

	if (fd == -1)
		return -1;
	outlet_init(&s->out, fd);
	s->made = true;
	/* So the name survives a power failure; not every file system can. */
	(void)filename_sync(s->path);
	return 0;
}

static int
end_write(struct setaside *s)
{
	struct record end = {
		.type = RECORD_END, .length = RECORD_SIZE,
		.stream = s->stream, .count = s->count
	};

	return s->count == 0 ? 0 : outlet_record(&s->out, &end);
}

/* Takes back what was not written whole; keeps errno. */
static void
file_cut(struct setaside *s)
{
	int saved = errno;

	s->out.n = 0;
	if (ftruncate(s->out.fd, s->size) == -1)
		s->broken = errno;
	else if (s->size == 0) {
		if (filename_is(s->out.fd, s->path))
			(void)unlink(s->path);
		close(s->out.fd);
		s->made = false;
	}
	errno = saved;
}

/* All or nothing: the pieces of an event, behind end and header if due. */
static int
pieces_write(struct setaside *s, const unsigned char *header, bool same,
    const struct record *r, const struct iovec *v, int n)
{
	struct stat st;

	if ((errno = s->broken) != 0 || (!s->made && file_make(s) == -1))
		return -1;
	if ((same || (end_write(s) == 0 &&
	    outlet_stream(&s->out, header) == 0)) &&
	    outlet_event(&s->out, r, v, n) == 0 && fsync(s->out.fd) == 0 &&
	    fstat(s->out.fd, &st) == 0) {
		s->size = st.st_size;
		return 0;
	}
	file_cut(s);
	return -1;
}

int
setaside_event(struct setaside *s, const struct findstream *from,
    const struct pending *p, struct fault *f)
{
	/* The same header with a lower number is a stream that begins anew. */
	bool same = s->count > 0 && p->r.seq > s->last &&
	    memcmp(from->header, s->header, STREAM_SIZE) == 0;
	off_t before = s->size;
	struct iovec v[PLACE_PIECES];
	struct place at;
	struct record r;
	int n = pending_came(p, from, &at, &r, v, f);

	if (n == -1 || place_check(&at, f) == -1)
		return fault_prefix(f, "%s", s->path);
	if (pieces_write(s, from->header, same, &r, v, n) == -1)
		return fault_set(f, "%s: cannot be written: %s", s->path,
		    strerror(errno));
	/* What was read while the capture lost its end is not to be believed. */
	if (place_check(&at, f) == -1) {
		s->size = before;
		file_cut(s);
		return fault_prefix(f, "%s", s->path);
	}
	memcpy(s->header, from->header, STREAM_SIZE);
	s->stream = from->in.id;
	s->count = same ? s->count + 1 : 1;
	s->last = p->r.seq;
	return 0;
}

int
setaside_end(struct setaside *s, struct fault *f)
{
	int r = 0;

	if (!s->made)
		return 0;
	if (s->broken == 0 && (end_write(s) == -1 || outlet_flush(&s->out) == -1 ||
	    fsync(s->out.fd) == -1)) {
		r = fault_set(f, "%s: its end record cannot be written: %s",
		    s->path, strerror(errno));
		file_cut(s);
	}
	if (s->made)
		close(s->out.fd);
	s->made = false;
	return r;
}
