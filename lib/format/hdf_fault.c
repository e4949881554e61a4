#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>

#include <hdf5.h>

#include "format/hdf_fault.h"

struct cause {
	char	text[200];
	bool	memory;
};

static herr_t
cause_take(unsigned n, const H5E_error2_t *e, void *data)
{
	struct cause *c = data;

	(void)n;
	if (e->desc != NULL)
		snprintf(c->text, sizeof c->text, "%s", e->desc);
	c->memory = e->maj_num == H5E_RESOURCE && e->min_num == H5E_NOSPACE;
	return 1;
}

int
hdf_fault_set(struct fault *f, const char *what)
{
	struct cause c = { .text = "HDF5 does not say why" };
	char *p;

	H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, cause_take, &c);
	for (p = c.text; *p != '\0'; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	return c.memory ? fault_lack(f, "%s: %s", what, c.text) :
	    fault_set(f, "%s: %s", what, c.text);
}

int
hdf_fault_push(const char *cause)
{
	H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_IO,
	    H5E_SYSERRSTR, "%s", cause);
	return -1;
}
