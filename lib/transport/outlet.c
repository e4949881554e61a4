#include <string.h>

#include "base/crc.h"
#include "base/io.h"
#include "base/le.h"
#include "transport/outlet.h"

void
outlet_init(struct outlet *o, int fd)
{
	o->fd = fd;
	o->is_pipe = io_is_pipe(fd);
	io_pipe_enlarge(fd);
	o->n = 0;
}

int
outlet_flush(struct outlet *o)
{
	size_t n = o->n;

	o->n = 0;
	return io_write(o->fd, o->batch, n);
}

/* Adds to what waits, where that is no more than most bytes then. */
static int
batch_add(struct outlet *o, const unsigned char *p, size_t n, size_t most)
{
	if (o->n + n > most && outlet_flush(o) == -1)
		return -1;
	memcpy(o->batch + o->n, p, n);
	o->n += n;
	return 0;
}

int
outlet_record(struct outlet *o, const struct record *r)
{
	unsigned char p[RECORD_SIZE];

	record_pack(p, r);
	return batch_add(o, p, sizeof p, OUTLET_BATCH);
}

int
outlet_stream(struct outlet *o, const unsigned char *p)
{
	/* Behind an end in one write: that must not stand alone if we are killed. */
	return batch_add(o, p, RECORD_STREAM_SIZE, sizeof o->batch);
}

int
outlet_again(struct outlet *o, const unsigned char *header)
{
	unsigned char p[RECORD_STREAM_SIZE];

	memcpy(p, header, sizeof p);
	le_put32(p + 12, RECORD_AGAIN);
	le_put32(p + 60, crc32c(p, 60));
	return batch_add(o, p, sizeof p, OUTLET_BATCH);
}

int
outlet_event(struct outlet *o, const struct record *r, const struct iovec *iov,
    int n)
{
	unsigned char p[RECORD_SIZE];
	struct iovec v[8];

	if (outlet_flush(o) == -1)
		return -1;
	record_pack(p, r);
	v[0].iov_base = p;
	v[0].iov_len = sizeof p;
	memcpy(v + 1, iov, (size_t)n * sizeof *iov);
	return io_writev(o->fd, v, n + 1);
}
