#include <math.h>
#include <stdio.h>

#include "format/dump_impl.h"

/*
 * One batch, surveyed: the ranks, types and sizes of its datasets are compared
 * with each other; no pixel is read.
 *
 * original_shape alone tells how many planes make an event. Without it a plane
 * is an event of one panel, which is said once for the whole dump.
 */

/*
 * Four whole numbers of any numeric type: 1, 0 if there is no such dataset, -1
 * if it is something else.
 */
static int
shape_read(struct dump_reader *d, const char *batch, const char *name,
    uint64_t shape[4], struct fault *f)
{
	struct dump_dataset s;
	double v[4];
	int i, r;

	if ((r = dump_dataset_open(d, batch, name, &s, f)) != 1)
		return r;
	if (!dump_dataset_numeric(&s) || s.rank != 1 || s.dims[0] != 4)
		r = fault_set(f, "%s: not four numbers", s.path);
	else if (dump_dataset_read(&s, 0, 4, H5T_NATIVE_DOUBLE, v, f) == -1)
		r = -1;
	for (i = 0; i < 4 && r == 1; i++) {
		/* r is 1 only when all four were read. */
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
		if (!(v[i] >= 0 && v[i] <= UINT32_MAX) || v[i] != floor(v[i]))
			r = fault_set(f, "%s: %g is not a size", s.path, v[i]);
		else
			shape[i] = (uint64_t)v[i];
	}
	dump_dataset_close(&s);
	return r;
}

/* Ranks, classes and sizes of the logits; 0 planes is left to the caller. */
static int
logits_survey(const struct dump_reader *d, const struct dump_dataset *s,
    struct layout *l, struct fault *f)
{
	int i;

	if (!dump_dataset_numeric(s))
		return fault_set(f, "%s: not numbers", s->path);
	if (s->rank != 4)
		return fault_set(f, "%s: %d dimensions, not 4 (planes, classes,"
		    " ss, fs)", s->path, s->rank);
	for (i = 0; i < 4; i++)
		if (s->dims[i] > UINT32_MAX)
			return fault_set(f, "%s: dimension %d is %llu long",
			    s->path, i, (unsigned long long)s->dims[i]);
	if (s->dims[1] < 2)
		return fault_set(f, "%s: %llu class, logits need at least 2",
		    s->path, (unsigned long long)s->dims[1]);
	l->classes = (uint32_t)s->dims[1];
	l->height = l->real_height = (uint32_t)s->dims[2];
	l->width = l->real_width = (uint32_t)s->dims[3];
	l->panels = 1;
	l->capacity = d->options.capacity;
	l->logits_type = dump_dataset_half(d, s) ? LOGITS_F16 : LOGITS_F32;
	return 0;
}

static int
original_apply(struct dump_reader *d, struct dump_batch *b, uint64_t planes,
    const uint64_t shape[4], struct fault *f)
{
	struct layout *l = &b->layout;

	if (shape[1] == 0 || planes % shape[1] != 0)
		return fault_set(f, "%s: %llu planes are no multiple of the %llu"
		    " panels in its original_shape", b->name,
		    (unsigned long long)planes, (unsigned long long)shape[1]);
	if (shape[2] > l->height || shape[3] > l->width)
		return fault_set(f, "%s: original_shape has panels of %llu x %llu,"
		    " larger than the logits' %u x %u", b->name,
		    (unsigned long long)shape[2], (unsigned long long)shape[3],
		    l->height, l->width);
	b->shaped = true;
	b->told = shape[0];
	b->count = planes / shape[1];
	l->panels = (uint32_t)shape[1];
	l->real_height = (uint32_t)shape[2];
	l->real_width = (uint32_t)shape[3];
	if (b->count < shape[0])
		dump_remark(d, 0, "%s: %llu of the %llu events of its"
		    " original_shape: a short batch", b->name,
		    (unsigned long long)b->count, (unsigned long long)shape[0]);
	else if (b->count > shape[0])
		dump_remark(d, 0, "%s: %llu events, %llu in its original_shape",
		    b->name, (unsigned long long)b->count,
		    (unsigned long long)shape[0]);
	return 0;
}

/* The two shapes that the writer sent along, against the logits' own. */
static int
shapes_survey(struct dump_reader *d, struct dump_batch *b, uint64_t planes,
    struct fault *f)
{
	struct fault why;
	uint64_t shape[4], sent = planes;
	int r;

	b->count = planes;
	r = shape_read(d, b->name, "preprocessing_metadata/original_shape", shape,
	    f);
	if (r == -1)
		return -1;
	if (r == 1) {
		if (original_apply(d, b, planes, shape, f) == -1)
			return -1;
		sent = shape[0] * shape[1];
	}
	r = shape_read(d, b->name, "preprocessing_metadata/preprocessed_shape",
	    shape, &why);
	if (r == -1)
		dump_remark(d, 0, "%s: ignored", why.text);
	if (r != 1)
		return 0;
	/* A short batch may still tell the size that it was meant to have. */
	if ((shape[0] < planes && shape[0] != sent) ||
	    shape[2] != b->layout.height || shape[3] != b->layout.width)
		return fault_set(f, "%s: preprocessed_shape says %llu planes of"
		    " %llu x %llu, the logits are %llu of %u x %u", b->name,
		    (unsigned long long)shape[0], (unsigned long long)shape[2],
		    (unsigned long long)shape[3], (unsigned long long)planes,
		    b->layout.height, b->layout.width);
	return 0;
}

static enum image_type
image_type(const struct dump_dataset *s)
{
	size_t size = H5Tget_size(s->type);
	bool sign = H5Tget_sign(s->type) == H5T_SGN_2;

	if (s->class != H5T_INTEGER)
		return IMAGE_F32;
	if (size <= 2)
		return sign ? IMAGE_I16 : IMAGE_U16;
	return size <= 4 && sign ? IMAGE_I32 : IMAGE_F32;
}

static int
image_survey(struct dump_reader *d, struct dump_batch *b, uint64_t planes,
    struct fault *f)
{
	struct dump_dataset s;
	const hsize_t *side;
	int r;

	r = dump_dataset_open(d, b->name, "original_image", &s, f);
	if (r != 1)
		return r;
	r = 0;
	side = s.dims + (s.rank == 4 ? 2 : 1);
	if (!dump_dataset_numeric(&s))
		r = fault_set(f, "%s: not numbers", s.path);
	else if (s.rank != 3 && !(s.rank == 4 && s.dims[1] == 1))
		r = fault_set(f, "%s: %d dimensions, not (planes, 1, ss, fs)",
		    s.path, s.rank);
	else if (s.dims[0] != planes || side[0] != b->layout.height ||
	    side[1] != b->layout.width)
		r = fault_set(f, "%s: %llu planes of %llu x %llu, the logits are"
		    " %llu of %u x %u", s.path, (unsigned long long)s.dims[0],
		    (unsigned long long)side[0], (unsigned long long)side[1],
		    (unsigned long long)planes, b->layout.height, b->layout.width);
	else
		b->layout.image_type = image_type(&s);
	dump_dataset_close(&s);
	return r;
}

/* Opens a column that can be used; the notes say why one cannot. */
static int
column_open(struct dump_reader *d, const struct dump_batch *b, const char *name,
    struct dump_dataset *s)
{
	struct fault why;
	int r;

	r = dump_dataset_open(d, b->name, name, s, &why);
	if (r == -1)
		dump_remark(d, 0, "%s: taken as unknown", why.text);
	if (r == 1 && dump_column_rows(s) == 0) {
		dump_remark(d, 0, "%s: not a value an event, taken as unknown",
		    s->path);
		dump_dataset_close(s);
		r = 0;
	}
	return r == 1;
}

static void
column_remark(struct dump_reader *d, const struct dump_batch *b,
    const struct dump_dataset *s, int all)
{
	uint64_t rows = dump_column_rows(s);

	if (rows == 1 && b->count > 1) {
		if (!all)
			dump_remark(d, 0, "%s: one value for %llu events, unknown"
			    " for all of them", s->path,
			    (unsigned long long)b->count);
	} else if (!b->shaped && rows != b->count)
		dump_remark(d, 0, "%s: %llu values for %llu planes of an unknown"
		    " number of events, unknown for all of them", s->path,
		    (unsigned long long)rows, (unsigned long long)b->count);
	else if (dump_column_planes(s, b))
		dump_remark(d, 0, "%s: a value a plane; that of an event's first"
		    " plane is taken", s->path);
	else if (rows > b->count && rows > b->told)
		dump_remark(d, 0, "%s: %llu values for %llu events, the first ones are"
		    " taken", s->path, (unsigned long long)rows,
		    (unsigned long long)b->count);
	else if (rows < b->count)
		dump_remark(d, 0, "%s: %llu values for %llu events, unknown for"
		    " the others", s->path, (unsigned long long)rows,
		    (unsigned long long)b->count);
}

/* Does any event get a value of this column? As column_remark tells it. */
static bool
column_usable(const struct dump_batch *b, const struct dump_dataset *s, int all)
{
	uint64_t rows = dump_column_rows(s);

	if (rows == 1 && b->count > 1)
		return all;
	return b->shaped || rows == b->count;
}

static void
columns_survey(struct dump_reader *d, const struct dump_batch *b)
{
	struct dump_dataset s;

	if (column_open(d, b, "metadata/timestamp", &s)) {
		if (column_usable(b, &s, 0))
			d->quantities |= QUANTITY_TIMESTAMP;
		column_remark(d, b, &s, 0);
		dump_dataset_close(&s);
	}
	if (column_open(d, b, "metadata/photon_wavelength", &s)) {
		if (column_usable(b, &s, 1))
			d->quantities |= QUANTITY_ENERGY;
		column_remark(d, b, &s, 1);
		dump_dataset_close(&s);
	}
}

int
dump_batch_survey(struct dump_reader *d, struct dump_batch *b, struct fault *f)
{
	struct dump_dataset s;
	uint64_t planes;
	int r;

	r = dump_dataset_open(d, b->name, "logits", &s, f);
	if (r == 0)
		return fault_set(f, "%s: no logits in it", b->name);
	if (r == -1)
		return -1;
	r = logits_survey(d, &s, &b->layout, f);
	planes = s.dims[0];
	dump_dataset_close(&s);
	if (r == -1)
		return -1;
	if (planes == 0) {
		dump_remark(d, 0, "%s: no planes in it", b->name);
		return 0;
	}
	if (shapes_survey(d, b, planes, f) == -1 ||
	    image_survey(d, b, planes, f) == -1)
		return -1;
	if (layout_check(&b->layout, f) == -1)
		return fault_prefix(f, "%s", b->name);
	columns_survey(d, b);
	return 1;
}
