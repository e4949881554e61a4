#include <stdlib.h>

#include "format/cxireader_impl.h"
#include "format/cxireaders.h"
#include "format/guard_hdf.h"

struct cxireaders {
	const char *const *paths;
	size_t		n;
	struct cxireader *reader;	/* of files first to first + has; or NULL */
	size_t		first, has;
};

struct cxireaders *
cxireaders_new(const char *const paths[], size_t n, struct fault *f)
{
	struct cxireaders *c;

	/* Once for all children. */
	if (guard_hdf_prepare(NULL, f) == -1)
		return NULL;
	if ((c = calloc(1, sizeof *c)) == NULL) {
		fault_lack(f, "out of memory");
		return NULL;
	}
	c->paths = paths;
	c->n = n;
	return c;
}

void
cxireaders_free(struct cxireaders *c)
{
	if (c != NULL)
		cxireader_close(c->reader);
	free(c);
}

struct cxireader *
cxireaders_at(struct cxireaders *c, size_t i, struct fault *f)
{
	if (c->reader == NULL || i < c->first || i - c->first >= c->has) {
		cxireader_close(c->reader);
		c->first = i;
		c->has = c->n - i;
		if (cxireader_open_many(c->paths + i, &c->has, NULL, &c->reader,
		    f) == -1)
			return NULL;
	}
	return cxireader_turn(c->reader, i - c->first, f) == 0 ? c->reader : NULL;
}
