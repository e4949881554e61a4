/*
 * Bad-pixel masks in HDF5 files, read by a child that can do no harm
 * (badpixels_reader.c). In a specification the last ":/" separates the file from
 * the dataset.
 */
#include <sha2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/badpixels.h"
#include "format/badpixels_impl.h"
#include "format/guard_hdf.h"

/* A mask to read, as the child gets to know it. */
struct order {
	const char	*path;		/* of the dataset; NULL: the default */
	const struct layout *layout;
};

static int
child_serve(void *ctx, int fd, void *memory, uint64_t request, struct fault *f)
{
	const struct order *o = ctx;

	(void)request;
	return badpixels_load(fd, o->path, o->layout, memory, f);
}

/* Copied first: the child may still change what it has answered. */
static int
mask_take(const uint8_t *foreign, size_t n, uint8_t **bad, struct fault *f)
{
	size_t i;
	uint8_t *b;

	if ((b = malloc(n)) == NULL)
		return fault_lack(f, "out of memory for %zu pixels", n);
	memcpy(b, foreign, n);
	for (i = 0; i < n; i++)
		b[i] = b[i] != 0;
	*bad = b;
	return 0;
}

static int
file_read(int fd, struct order *o, const struct guard_limits *limits,
    uint8_t **bad, struct fault *f)
{
	const struct layout *l = o->layout;
	size_t n = (size_t)l->panels * l->real_height * l->real_width;
	const struct guard_duty duty = { guard_hdf_prepare, child_serve, o, n };
	struct guard *g = guard_start(&duty, &fd, 1, limits, f);
	int status = -1;

	if (g == NULL)
		return -1;
	if (guard_ask(g, 0, f) == GUARD_DONE)
		status = mask_take(guard_memory(g), n, bad, f);
	guard_stop(g);
	return status;
}

/* The last ":/" of a specification; NULL if it names no dataset. */
static const char *
spec_separator(const char *spec)
{
	const char *s, *last = NULL;

	for (s = strstr(spec, ":/"); s != NULL; s = strstr(s + 1, ":/"))
		last = s;
	return last;
}

int
badpixels_read_within(const char *spec, const struct layout *l,
    const struct guard_limits *limits, uint8_t **bad, struct fault *f)
{
	const char *colon = spec_separator(spec);
	char *name = colon == NULL ? strdup(spec) :
	    strndup(spec, (size_t)(colon - spec));
	struct order o = { colon == NULL ? NULL : colon + 1, l };
	int fd, status = -1;

	*bad = NULL;
	if (name == NULL)
		return fault_lack(f, "out of memory");
	if ((fd = guard_open(name, f)) != -1) {
		status = file_read(fd, &o, limits, bad, f);
		close(fd);
	}
	if (status == -1)
		fault_prefix(f, "%s", name);
	free(name);
	return status;
}

int
badpixels_read(const char *spec, const struct layout *l, uint8_t **bad,
    struct fault *f)
{
	return badpixels_read_within(spec, l, &guard_limits, bad, f);
}

void
badpixels_digest(const uint8_t *bad, const struct layout *l, char hex[65])
{
	uint8_t part[4096];
	size_t i, n, left = (size_t)l->panels * l->real_height * l->real_width;
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	for (; left > 0; left -= n, bad += n) {
		n = left < sizeof part ? left : sizeof part;
		for (i = 0; i < n; i++)
			part[i] = bad[i] != 0;
		SHA256Update(&ctx, part, n);
	}
	SHA256End(&ctx, hex);
}
