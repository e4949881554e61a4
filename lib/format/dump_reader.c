#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/dump_impl.h"
#include "format/guard_hdf.h"
#include "format/hdf_fault.h"

/*
 * Reading a dump. The survey (dump_survey.c) has found sound batches; here an
 * event is found among them by bisection, the datasets of its batch are opened
 * if another batch's were open, and its planes are read as one block straight
 * into the caller's memory. One batch is open at a time, so a dump of any
 * number of batches holds a handful of HDF5 ids.
 */

/* IEEE half in the machine's byte order. */
static hid_t
half_make(void)
{
	hid_t t = H5Tcopy(H5T_NATIVE_FLOAT);

	if (t >= 0 && (H5Tset_fields(t, 15, 10, 5, 0, 10) < 0 ||
	    H5Tset_size(t, 2) < 0 || H5Tset_ebias(t, 15) < 0)) {
		H5Tclose(t);
		return H5I_INVALID_HID;
	}
	return t;
}

static int
lists_make(struct dump_reader *d, struct fault *f)
{
	d->f16 = half_make();
	d->access = H5Pcreate(H5P_DATASET_ACCESS);
	if (d->f16 < 0 || d->access < 0 ||
	    guard_hdf_links(d->access, &d->external) == -1)
		return fault_set(f, "HDF5 cannot be set up");
	return 0;
}

static int
file_open(struct dump_reader *d, int fd, struct fault *f)
{
	if ((d->file = guard_hdf_open(fd)) >= 0)
		return 0;
	return hdf_fault_set(f, "cannot be opened as HDF5");
}

static struct dump_reader *
dump_new(const struct dump_options *o)
{
	struct dump_reader *d;

	if ((d = calloc(1, sizeof *d)) == NULL)
		return NULL;
	d->file = d->access = d->f16 = H5I_INVALID_HID;
	d->options = *o;
	d->current = SIZE_MAX;
	dump_dataset_init(&d->logits);
	dump_dataset_init(&d->image);
	dump_dataset_init(&d->timestamp);
	dump_dataset_init(&d->wavelength);
	d->remarks = calloc(DUMP_MAX_NOTES + 1, sizeof *d->remarks);
	if (d->remarks == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

int
dump_reader_open(int fd, const struct dump_options *o, struct dump_reader **out,
    struct fault *f)
{
	struct dump_reader *d;

	if ((d = dump_new(o)) == NULL)
		return fault_lack(f, "out of memory");
	if (lists_make(d, f) == -1 || file_open(d, fd, f) == -1 ||
	    dump_survey(d, f) == -1) {
		dump_reader_close(d);
		return -1;
	}
	*out = d;
	return 0;
}

static void
batch_close(struct dump_reader *d)
{
	dump_dataset_close(&d->logits);
	dump_dataset_close(&d->image);
	dump_dataset_close(&d->timestamp);
	dump_dataset_close(&d->wavelength);
	d->current = SIZE_MAX;
}

void
dump_reader_close(struct dump_reader *d)
{
	if (d == NULL)
		return;
	batch_close(d);
	if (d->f16 >= 0)
		H5Tclose(d->f16);
	if (d->access >= 0)
		H5Pclose(d->access);
	if (d->file >= 0)
		H5Fclose(d->file);
	free(d->remarks);
	free(d->sections);
	free(d->batches);
	free(d);
}

/* The batch of event k: the last one that begins at or before it. */
static size_t
batch_find(const struct dump_reader *d, uint64_t k)
{
	size_t low = 0, high = d->n_batches, mid;

	while (high - low > 1) {
		mid = low + (high - low) / 2;
		if (d->batches[mid].first <= k)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static void
column_open(struct dump_reader *d, const char *batch, const char *name,
    struct dump_dataset *s)
{
	/* The survey has said what is wrong with one that cannot be used. */
	if (dump_dataset_open(d, batch, name, s, NULL) == 1 &&
	    dump_column_rows(s) == 0)
		dump_dataset_close(s);
}

static int
planes_open(struct dump_reader *d, const struct dump_batch *b, const char *name,
    struct dump_dataset *s, struct fault *f)
{
	int r = dump_planes_open(d, b->name, name, b->layout.panels, s, f);

	if (r == 0)
		return fault_set(f, "%s/%s: gone since the file was opened",
		    b->name, name);
	return r == -1 ? -1 : 0;
}

static int
batch_open(struct dump_reader *d, size_t i, struct fault *f)
{
	const struct dump_batch *b = &d->batches[i];

	if (d->current == i)
		return 0;
	batch_close(d);
	column_open(d, b->name, "metadata/timestamp", &d->timestamp);
	column_open(d, b->name, "metadata/photon_wavelength", &d->wavelength);
	if (planes_open(d, b, "logits", &d->logits, f) == -1 ||
	    (b->layout.image_type != IMAGE_NONE &&
	    planes_open(d, b, "original_image", &d->image, f) == -1))
		return -1;
	d->current = i;
	return 0;
}

static void
event_fill(const struct dump_reader *d, const struct dump_batch *b, uint64_t k,
    struct event *e, struct fault *f)
{
	double energy;
	int64_t row;

	row = dump_column_time_row(&d->timestamp, b, k);
	if (row >= 0)
		e->timestamp = dump_column_time(&d->timestamp, (uint64_t)row, f);
	if (event_time_valid(e->timestamp))
		e->known |= QUANTITY_TIMESTAMP;
	row = dump_column_number_row(&d->wavelength, b, k);
	if (row < 0)
		return;
	energy = EVENT_HC / (dump_column_number(&d->wavelength, (uint64_t)row, f)
	    * d->options.wavelength_unit);
	if (isfinite(energy) && energy > 0) {
		e->photon_energy = energy;
		e->known |= QUANTITY_ENERGY;
	}
}

static hid_t
image_memory_type(enum image_type t)
{
	switch (t) {
	case IMAGE_U16:
		return H5T_NATIVE_UINT16;
	case IMAGE_I16:
		return H5T_NATIVE_INT16;
	case IMAGE_I32:
		return H5T_NATIVE_INT32;
	case IMAGE_F32:
	case IMAGE_NONE:
		break;
	}
	return H5T_NATIVE_FLOAT;
}

static int
planes_read(struct dump_reader *d, const struct dump_batch *b, uint64_t k,
    void *logits, void *image, struct event *e, struct fault *f)
{
	const struct layout *l = &b->layout;
	const struct layout *whole = &d->sections[b->section].layout;
	hsize_t first = k * l->panels;

	if (dump_dataset_read(&d->logits, first, l->panels,
	    l->logits_type == LOGITS_F16 ? d->f16 : H5T_NATIVE_FLOAT, logits, f)
	    == -1)
		return -1;
	if (image == NULL || whole->image_type == IMAGE_NONE)
		return 0;
	if (l->image_type == IMAGE_NONE) {
		memset(image, 0, layout_plane_bytes(whole, PLANE_IMAGE));
		e->cause = EVENT_NO_IMAGE;
		return 0;
	}
	return dump_dataset_read(&d->image, first, l->panels,
	    image_memory_type(l->image_type), image, f);
}

int
dump_reader_read(struct dump_reader *d, uint64_t k, void *logits, void *image,
    struct event *e, struct fault *f)
{
	const struct dump_batch *b;
	struct fault unread = { .text = "" };
	size_t i;

	if (k >= d->events)
		return fault_set(f, "event %llu of %llu", (unsigned long long)k,
		    (unsigned long long)d->events);
	i = batch_find(d, k);
	b = &d->batches[i];
	k -= b->first;
	event_init(e);
	snprintf(e->source, sizeof e->source, "%s/%llu", b->name,
	    (unsigned long long)k);
	if (batch_open(d, i, f) == -1)
		return -1;
	event_fill(d, b, k, e, &unread);
	if (planes_read(d, b, k, logits, image, e, f) == -1)
		return fault_prefix(f, "%s", e->source);
	/* The planes are worth having without it. */
	if (unread.text[0] != '\0')
		fault_set(f, "%s: %s: taken as unknown", e->source, unread.text);
	return 0;
}
