#include "base/le.h"
#include "format/peakplane.h"

void
peakplane_pack(unsigned char *p, const struct peak *peaks, uint32_t n)
{
	const struct peak *k;
	uint32_t i;

	for (i = 0; i < n; i++, p += LAYOUT_PEAK_SIZE) {
		k = &peaks[i];
		le_putf64(p, k->ss);
		le_putf64(p + 8, k->fs);
		le_put32(p + 16, k->panel);
		le_put32(p + 20, k->npixels);
		le_putf32(p + 24, k->sum);
		le_putf32(p + 28, k->max);
		le_putf32(p + 32, k->background);
		le_putf32(p + 36, k->sd);
		le_putf32(p + 40, k->snr);
		le_put32(p + 44, 0);
	}
}

static void
peak_unpack(const unsigned char *p, struct peak *k)
{
	k->ss = le_getf64(p);
	k->fs = le_getf64(p + 8);
	k->panel = le_get32(p + 16);
	k->npixels = le_get32(p + 20);
	k->sum = le_getf32(p + 24);
	k->max = le_getf32(p + 28);
	k->background = le_getf32(p + 32);
	k->sd = le_getf32(p + 36);
	k->snr = le_getf32(p + 40);
}

/* The area of the pixels: the sum of weights rounds past the last centre. */
static int
within(double v, uint32_t size)
{
	return v >= -0.5 && v <= (double)size - 0.5;
}

int
peakplane_unpack(const unsigned char *p, uint32_t n, const struct layout *l,
    struct peak *peaks, struct fault *f)
{
	struct peak *k;
	uint32_t i;

	if (n > l->capacity)
		return fault_set(f, "%u peaks, room for %u", n, l->capacity);
	for (i = 0; i < n; i++, p += LAYOUT_PEAK_SIZE) {
		k = &peaks[i];
		peak_unpack(p, k);
		if (k->panel >= l->panels)
			return fault_set(f, "peak %u is on panel %u of %u", i,
			    k->panel, l->panels);
		/* Written so that a NaN is refused, too. */
		if (!within(k->ss, l->real_height) || !within(k->fs, l->real_width))
			return fault_set(f, "peak %u is at ss %g, fs %g of a panel"
			    " of %u x %u pixels", i, k->ss, k->fs, l->real_height,
			    l->real_width);
	}
	return 0;
}
