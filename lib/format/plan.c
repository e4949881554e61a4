#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/badpixels.h"
#include "format/plan.h"

static int
slab_make(struct plan *p, const struct layout *l, struct fault *f)
{
	slab_free(&p->slab);
	memset(&p->slab, 0, sizeof p->slab);
	if (p->file.text == NULL)
		return slab_stacked(l, &p->slab, f);
	if (slab_from_geometry(&p->file.geometry, l, &p->slab, f) == 0)
		return 0;
	memset(&p->slab, 0, sizeof p->slab);
	return fault_prefix(f, "%s", p->file.path);
}

/* Adds the bad pixels of -b to those of the geometry. */
static int
mask_add(struct plan *p, const char *mask, const struct layout *l,
    char digest[65], struct fault *f)
{
	uint8_t *bad;
	int rc;

	if (mask == NULL)
		return 0;
	if (badpixels_read(mask, l, &bad, f) == -1)
		return -1;
	badpixels_digest(bad, l, digest);
	rc = slab_mask(&p->slab, l, bad, f);
	free(bad);
	return rc;
}

static void
digest_make(char digest[JOURNAL_DIGEST_SIZE], const void *a, size_t a_size,
    const void *b, size_t b_size)
{
	char hex[SHA256_DIGEST_STRING_LENGTH];
	SHA2_CTX c;

	SHA256Init(&c);
	SHA256Update(&c, a, a_size);
	SHA256Update(&c, b, b_size);
	SHA256End(&c, hex);
	snprintf(digest, JOURNAL_DIGEST_SIZE, "%.16s", hex);
}

static void
options_tell(struct plan *p, const struct plan_options *o, const char *mask,
    const unsigned char *header)
{
	int n;

	n = snprintf(p->options, sizeof p->options, "cxiwrite.b=%s\n", mask);
	snprintf(p->options + n, sizeof p->options - (size_t)n, "cxiwrite.d=%d\n"
	    "cxiwrite.g=%s\ncxiwrite.m=%u\ncxiwrite.M=%u\ncxiwrite.n=%llu\n"
	    "cxiwrite.z=%s\n", o->debug, p->file.digest, o->min_peaks,
	    o->max_peaks, (unsigned long long)o->events, o->z);
	digest_make(p->options_digest, o->program, strlen(o->program),
	    p->options + n, strlen(p->options + n));
	digest_make(p->header_digest, header, STREAM_SIZE, mask, strlen(mask));
}

/* One value for all ASICs, or NaN. */
static double
asics_agree(const struct plan *p, double (*value)(const struct geometry_asic *))
{
	const struct geometry *g = &p->file.geometry;
	double v = NAN;
	size_t i;

	for (i = 0; i < g->n_asics; i++)
		if (i == 0)
			v = value(&g->asics[0]);
		else if (!(value(&g->asics[i]) == v))
			return NAN;
	return v;
}

static double
asic_pixel(const struct geometry_asic *a)
{
	return 1 / a->res;
}

static double
asic_distance(const struct geometry_asic *a)
{
	return a->clen + a->coffset;
}

static void
cxi_fill(struct plan *p, const struct plan_options *o, const struct stream *s)
{
	struct cxi_plan *c = &p->cxi;

	c->layout = &s->layout;
	c->slab = &p->slab;
	c->planes = s->planes & PLANE_IMAGE;
	if (o->debug)
		c->planes |= PLANE_SEGMAP | PLANE_LOGITS;
	c->quantities = s->quantities;
	c->compression = o->compression;
	c->threads = o->threads;
	c->pixel_size = asics_agree(p, asic_pixel);
	c->distance = asics_agree(p, asic_distance);
	c->experiment = stream_value(s, "experiment", p->experiment,
	    sizeof p->experiment);
	c->run = stream_value(s, "run", p->run, sizeof p->run);
	c->detector = stream_value(s, "detector", p->detector,
	    sizeof p->detector);
	c->program = o->program;
	c->options = p->options;
	c->stream = s->text;
}

bool
plan_hits(const struct plan_options *o, uint32_t peaks_found)
{
	return peaks_found >= o->min_peaks &&
	    (o->max_peaks == 0 || peaks_found <= o->max_peaks);
}

int
plan_make(struct plan *p, const struct plan_options *o, const struct stream *s,
    const unsigned char *header, struct fault *f)
{
	char mask[65] = "";

	if ((o->geometry != NULL && p->file.text == NULL &&
	    geofile_read(&p->file, o->geometry, f) == -1) ||
	    slab_make(p, &s->layout, f) == -1 ||
	    mask_add(p, o->mask, &s->layout, mask, f) == -1)
		return -1;
	options_tell(p, o, mask, header);
	cxi_fill(p, o, s);
	return 0;
}

void
plan_free(struct plan *p)
{
	slab_free(&p->slab);
	geofile_free(&p->file);
}
