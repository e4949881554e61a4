#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "format/cat_impl.h"
#include "format/dump.h"

/* A first signal stops only who reads a file or socket: others drain a pipe. */
static const volatile int *
originator_stop(const struct cat *c, const struct stat *st)
{
	return S_ISFIFO(st->st_mode) ? NULL : c->stop;
}

static void
input_cat(struct cat *c, const char *path)
{
	const char *where = path == NULL ? "/dev/stdin" : path;
	struct fault f;
	struct stat st;
	int fd, hdf5;

	c->name = path == NULL ? "standard input" : path;
	fd = path == NULL ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1) {
		fault_set(&f, "%s", strerror(errno));
		cat_input_damaged(c, &f);
	} else if (S_ISDIR(st.st_mode)) {
		fault_set(&f, "is a directory");
		cat_input_damaged(c, &f);
	} else if (io_feeds_itself(fd, c->to.out.fd)) {
		fault_set(&f, "is standard output, too; write to another file");
		cat_input_damaged(c, &f);
	} else {
		hdf5 = dump_probe(fd, &f);
		if (hdf5 == -1)
			cat_input_damaged(c, &f);
		else if (hdf5)
			cat_dump(c, where);
		else
			cat_stream(c, fd, originator_stop(c, &st));
	}
	if (path != NULL && fd != -1)
		close(fd);
}

void
cat_files(struct cat *c, int n, char *files[])
{
	uint64_t pass;
	int i;

	for (pass = 0; c->loops == 0 || pass < c->loops; pass++) {
		for (i = 0; i < (n == 0 ? 1 : n); i++) {
			if (*c->stop && !c->finished)
				c->interrupted = true;
			if (c->finished || c->interrupted)
				return;
			c->last = i + 1 >= n;
			input_cat(c, n == 0 || strcmp(files[i], "-") == 0 ?
			    NULL : files[i]);
		}
		/* A loop over nothing, or over damage, would never end. */
		if (c->selection.position == 0 || c->damaged)
			return;
	}
}

void
cat_finish(struct cat *c)
{
	struct record end;
	struct fault f;
	int todo;

	if (selection_short(&c->selection) && !c->interrupted && !c->finished) {
		c->name = "-s";
		fault_set(&f, "the inputs end before %llu:%llu, where the run goes"
		    " on: give those that it began with",
		    (unsigned long long)c->selection.header,
		    (unsigned long long)c->selection.next);
		cat_input_damaged(c, &f);
	}
	if (c->losses.places > 0) {
		losses_sum(&c->losses, &f);
		c->tell(c->arg, CAT_NOTE, NULL, f.text);
	}
	todo = splice_finish(&c->splice, c->interrupted ? RECORD_INTERRUPTED : 0,
	    &end);
	(void)cat_send(c, todo, &end);
}
