#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "format/geofile.h"

int
geofile_read(struct geofile *g, const char *path, struct fault *f)
{
	char *text;
	size_t n;

	memset(g, 0, sizeof *g);
	if ((text = io_slurp(path, GEOFILE_MAX, &n)) == NULL)
		return fault_set(f, "%s: %s", path, strerror(errno));
	if (geometry_parse(text, n, &g->geometry, f) == -1) {
		free(text);
		return fault_prefix(f, "%s", path);
	}
	SHA256Data((const uint8_t *)text, n, g->digest);
	g->path = path;
	g->text = text;
	return 0;
}

void
geofile_free(struct geofile *g)
{
	if (g->text != NULL)
		geometry_free(&g->geometry);
	free(g->text);
	memset(g, 0, sizeof *g);
}
