#include <ctype.h>
#include <stdio.h>

#include <hdf5.h>

#include "format/hdf_fault.h"

struct cause {
	char	text[200];
};

static herr_t
cause_take(unsigned n, const H5E_error2_t *e, void *data)
{
	struct cause *c = data;

	(void)n;
	if (e->desc != NULL)
		snprintf(c->text, sizeof c->text, "%s", e->desc);
	return 1;
}

int
hdf_fault_set(struct fault *f, const char *what)
{
	struct cause c = { "HDF5 does not say why" };
	char *p;

	H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, cause_take, &c);
	for (p = c.text; *p != '\0'; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	return fault_set(f, "%s: %s", what, c.text);
}
