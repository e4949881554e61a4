#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/place.h"

enum { CAPACITY = 40, WRITTEN = 3 * LAYOUT_PEAK_SIZE };

static const struct layout layout = {
	.panels = 1, .classes = 2, .height = 8, .width = 16, .real_height = 8,
	.real_width = 16, .logits_type = LOGITS_F32, .capacity = CAPACITY
}, smaller = {
	.panels = 1, .classes = 2, .height = 8, .width = 8, .real_height = 8,
	.real_width = 8, .logits_type = LOGITS_F32, .capacity = CAPACITY
};

static const struct slots_origin
    referred = { .planes = PLANE_LOGITS, .rooms = PLANE_LOGITS },
    copied = { .planes = 0 };

static struct slots *slots;
static struct fault f;

static int
setup(void **state)
{
	(void)state;
	slots = slots_private(1, &f);
	return slots == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	slots_close(slots);
	return 0;
}

/* The only slot, filled anew by reference or by copying. */
static struct place
filled(const struct layout *l, const struct slots_origin *how)
{
	struct place p;

	assert_int_not_equal(slots_claim(slots, 0, NULL), 0);
	slots_origin_set(slots, 0, how);
	place_inline(&p, slots_map(slots, 0, layout_size(l, PLANE_ALL), &f),
	    PLANE_ALL);
	assert_non_null(p.block);
	p.zeros = slots_zeros(slots, 0);
	return p;
}

static unsigned char *
peaks(const struct place *p, const struct layout *l)
{
	return place_plane(p, l, PLANE_PEAKS);
}

/* As peakfind does: so many bytes of a peaks plane, the others zero. */
static void
peaks_write(const struct place *p, const struct layout *l, size_t bytes)
{
	const struct slots_range zeros = place_zeros(p);

	memset(peaks(p, l), 0xaa, bytes);
	place_clear(p, l, PLANE_PEAKS, bytes, zeros);
}

static void
assert_zero_behind(const struct place *p, const struct layout *l, size_t bytes)
{
	size_t i, n = layout_plane_size(l, PLANE_PEAKS);

	for (i = 0; i < n; i++)
		assert_int_equal(peaks(p, l)[i], i < bytes ? 0xaa : 0);
}

static void
dirty(const struct place *p)
{
	memset(p->block, 0x55, layout_size(&layout, PLANE_ALL));
}

static void
first(void **state)
{
	struct place p = filled(&layout, &referred);

	(void)state;
	dirty(&p);
	peaks_write(&p, &layout, WRITTEN);
	assert_zero_behind(&p, &layout, WRITTEN);
}

static void
fewer(void **state)
{
	struct place p = filled(&layout, &referred);

	(void)state;
	dirty(&p);
	peaks_write(&p, &layout, 20 * LAYOUT_PEAK_SIZE);
	p = filled(&layout, &referred);
	peaks_write(&p, &layout, WRITTEN);
	assert_zero_behind(&p, &layout, WRITTEN);
	p = filled(&layout, &referred);
	peaks_write(&p, &layout, 30 * LAYOUT_PEAK_SIZE);
	p = filled(&layout, &referred);
	peaks_write(&p, &layout, 0);
	assert_zero_behind(&p, &layout, 0);
}

static void
again(void **state)
{
	struct place p = filled(&layout, &referred);
	size_t last = layout_plane_size(&layout, PLANE_PEAKS) - 1;

	(void)state;
	peaks_write(&p, &layout, WRITTEN);
	peaks(&p, &layout)[last] = 0x55;
	p = filled(&layout, &referred);
	peaks_write(&p, &layout, WRITTEN);
	assert_int_equal(peaks(&p, &layout)[last], 0x55);
}

static void
copies(void **state)
{
	struct place p = filled(&layout, &referred);

	(void)state;
	peaks_write(&p, &layout, WRITTEN);
	p = filled(&layout, &copied);
	dirty(&p);
	peaks_write(&p, &layout, WRITTEN);
	assert_zero_behind(&p, &layout, WRITTEN);
}

static void
copies_before(void **state)
{
	struct place p = filled(&layout, &referred);

	(void)state;
	peaks_write(&p, &layout, WRITTEN);
	p = filled(&layout, &copied);
	dirty(&p);
	p = filled(&layout, &referred);
	peaks_write(&p, &layout, WRITTEN);
	assert_zero_behind(&p, &layout, WRITTEN);
}

static void
other_layout(void **state)
{
	struct place p = filled(&layout, &referred);

	(void)state;
	peaks_write(&p, &layout, WRITTEN);
	p = filled(&smaller, &referred);
	dirty(&p);
	peaks_write(&p, &smaller, WRITTEN);
	assert_zero_behind(&p, &smaller, WRITTEN);
	p = filled(&layout, &referred);
	peaks_write(&p, &layout, WRITTEN);
	assert_zero_behind(&p, &layout, WRITTEN);
}

static void
death(void **state)
{
	struct place p = filled(&layout, &referred);

	(void)state;
	peaks_write(&p, &layout, WRITTEN);
	p = filled(&layout, &referred);
	place_zeros(&p);
	memset(peaks(&p, &layout), 0x55, 30 * LAYOUT_PEAK_SIZE);
	peaks_write(&p, &layout, WRITTEN);
	assert_zero_behind(&p, &layout, WRITTEN);
}

static void
inline_event(void **state)
{
	_Alignas(64) static unsigned char buffer[1 << 16];
	struct place p;

	(void)state;
	assert_true(layout_size(&layout, PLANE_ALL) <= sizeof buffer);
	place_inline(&p, buffer, PLANE_ALL);
	dirty(&p);
	peaks_write(&p, &layout, WRITTEN);
	assert_zero_behind(&p, &layout, WRITTEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		{ "a plane made in a slot is cleared behind its bytes",
		    first, setup, teardown, NULL },
		{ "fewer peaks than before leave none of them",
		    fewer, setup, teardown, NULL },
		{ "what is known to be zero is not cleared again",
		    again, setup, teardown, NULL },
		{ "planes copied into a slot are cleared by their event",
		    copies, setup, teardown, NULL },
		{ "planes copied into a slot are cleared by the next event",
		    copies_before, setup, teardown, NULL },
		{ "peaks of another layout are cleared",
		    other_layout, setup, teardown, NULL },
		{ "peaks of a worker that died while it wrote are cleared",
		    death, setup, teardown, NULL },
		{ "a plane of an inline event is cleared",
		    inline_event, setup, teardown, NULL },
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
