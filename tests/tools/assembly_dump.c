/*
 * What lib/data/assembly.c and resolution.c make of a geometry, for a test in
 * Python:
 *
 *	assembly_dump GEOMETRY HEIGHT WIDTH CLEN WAVELENGTH OUT.map <positions
 *
 * The map goes to a file as it is in memory. Prints its size and origin, and for
 * each position read (fs ss): place in the picture, in the laboratory, and d.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "data/assembly.h"
#include "data/resolution.h"

static void
positions_print(const struct assembly *m, const struct geometry *g, double clen,
    double wavelength)
{
	struct resolution_place p;
	double fs, ss, column, row;
	char line[128], *end;

	while (fgets(line, sizeof line, stdin) != NULL) {
		fs = strtod(line, &end);
		ss = strtod(end, NULL);
		assembly_locate(m, fs, ss, &column, &row);
		p = resolution_locate(g, fs, ss, clen);
		printf("%.17g %.17g %.17g %.17g %.17g %.17g %.17g\n", column, row,
		    p.x, p.y, p.z, resolution_d(&p, wavelength),
		    resolution_radius(resolution_d(&p, wavelength), wavelength,
		    p.z));
	}
}

static int
map_write(const struct assembly *m, const char *name)
{
	FILE *out = fopen(name, "wb");
	size_t n = (size_t)m->height * m->width;

	if (out == NULL)
		return -1;
	if (fwrite(m->from, sizeof *m->from, n, out) != n) {
		fclose(out);
		return -1;
	}
	return fclose(out);
}

static int
geometry_show(const struct geometry *g, char *argv[])
{
	struct assembly m;
	struct fault f;
	double clen = strtod(argv[4], NULL);

	if (assembly_geometry(g, (uint32_t)strtoul(argv[2], NULL, 10),
	    (uint32_t)strtoul(argv[3], NULL, 10), &m, &f) == -1) {
		puts(f.text);
		return 1;
	}
	printf("%u %u %.17g %.17g %.17g %.17g\n", m.height, m.width, m.left, m.top,
	    resolution_distance(g, clen), resolution_res(g));
	positions_print(&m, g, clen, strtod(argv[5], NULL));
	if (map_write(&m, argv[6]) == -1)
		puts("the map could not be written");
	assembly_free(&m);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct geometry g;
	struct fault f;
	size_t size;
	char *text;
	int status;

	if (argc != 7 || (text = io_slurp(argv[1], 1 << 24, &size)) == NULL)
		return 2;
	if (geometry_parse(text, size, &g, &f) == -1) {
		puts(f.text);
		free(text);
		return 1;
	}
	status = geometry_show(&g, argv);
	geometry_free(&g);
	free(text);
	return status;
}
