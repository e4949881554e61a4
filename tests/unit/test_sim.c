/* Unit tests of whole simulated events, and of detectors and spots. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/detector.h"
#include "sim/sim.h"

static const char *const names[] = { "epix10k2m", "jungfrau4m", "mfx", "cspad" };

static void
locate_undoes_position(void **state)
{
	const struct detector_asic *a;
	struct detector d;
	double x, y, ss, fs;
	uint32_t i;
	int n;

	(void)state;
	for (n = 0; n < 4; n++) {
		assert_int_equal(detector_make(names[n], &d, NULL), 0);
		for (i = 0; i < d.n_asics; i++) {
			a = &d.asics[i];
			detector_position(a, a->ss + 3.25, a->fs + 7.5, &x, &y);
			assert_ptr_equal(detector_locate(&d, x, y, &ss, &fs),
			    a);
			assert_true(fabs(ss - a->ss - 3.25) < 1e-9);
			assert_true(fabs(fs - a->fs - 7.5) < 1e-9);
		}
		assert_null(detector_locate(&d, 1e5, 0, &ss, &fs));
		detector_free(&d);
	}
}

static void
unknown_detector_is_refused(void **state)
{
	struct detector d;
	struct fault f;

	(void)state;
	assert_int_equal(detector_make("camera", &d, &f), -1);
	assert_non_null(strstr(f.text, "epix10k2m"));
}

static void
near_spots_hide_the_weaker(void **state)
{
	struct spot s[3] = {
		{ .ss = 10, .fs = 10, .photons = 5, .reach = 2 },
		{ .ss = 14, .fs = 14, .photons = 9, .reach = 2 },
		{ .ss = 10, .fs = 10, .photons = 1, .reach = 2, .panel = 1 },
	};

	(void)state;
	spots_separate(s, 3);
	assert_int_equal(s[0].state, SPOT_HIDDEN);
	assert_int_equal(s[1].state, SPOT_MARKED);
	assert_int_equal(s[2].state, SPOT_MARKED);
}

struct event_planes {
	struct sim	*sim;
	unsigned char	*logits;
	float		*image;
};

static void
planes_make(struct event_planes *p, const struct sim_options *o)
{
	const struct layout *l;

	assert_int_equal(sim_new(o, &p->sim, NULL), 0);
	l = sim_layout(p->sim);
	assert_int_equal(layout_check(l, NULL), 0);
	p->logits = malloc(layout_plane_bytes(l, PLANE_LOGITS));
	p->image = malloc(layout_plane_bytes(l, PLANE_IMAGE));
	assert_non_null(p->logits);
	assert_non_null(p->image);
	memset(p->logits, 0xff, layout_plane_bytes(l, PLANE_LOGITS));
	memset(p->image, 0xff, layout_plane_bytes(l, PLANE_IMAGE));
}

static void
planes_free(struct event_planes *p)
{
	sim_free(p->sim);
	free(p->logits);
	free(p->image);
}

static void
events_fill_planes_and_pad_with_zeros(void **state)
{
	struct event_planes p;
	struct sim_options o;
	const struct layout *l;
	const struct spot *spots;
	struct event e;
	size_t n, i, logits, image;
	int k;

	(void)state;
	sim_options_init(&o);
	o.hit_fraction = 1;
	for (k = 0; k < 4; k++) {
		o.detector = names[k];
		planes_make(&p, &o);
		l = sim_layout(p.sim);
		n = sim_event(p.sim, 5, p.logits, p.image, &e, &spots);
		assert_true(n > 100);
		assert_int_equal(e.seq, 5);
		assert_int_equal(e.known, QUANTITY_ALL);
		assert_true(e.timestamp >> 32 == 1700000000);
		assert_true(fabs(e.photon_energy / 9500 - 1) < 0.007);
		assert_true(e.encoder == sim_distance(p.sim) * 1000);
		logits = layout_plane_bytes(l, PLANE_LOGITS) / 4;
		for (i = 0; i < logits; i++)
			assert_true(fabs(((float *)(void *)p.logits)[i]) < 20);
		image = layout_plane_bytes(l, PLANE_IMAGE) / 4;
		for (i = 0; i < image; i++) {
			if (i % l->width < l->real_width &&
			    i / l->width % l->height < l->real_height)
				assert_true(p.image[i] > -10);
			else
				assert_true(p.image[i] == 0);
		}
		for (i = 0; i < n; i++) {
			assert_true(spots[i].panel < l->panels);
			assert_true(spots[i].ss >= -0.5 &&
			    spots[i].ss < l->real_height - 0.5);
			assert_true(spots[i].fs >= -0.5 &&
			    spots[i].fs < l->real_width - 0.5);
		}
		planes_free(&p);
	}
}

static void
event_does_not_depend_on_those_before(void **state)
{
	struct event_planes a, b;
	struct sim_options o;
	const struct spot *spots;
	struct event e, f;
	size_t bytes;
	uint64_t k;

	(void)state;
	sim_options_init(&o);
	o.detector = "cspad";
	o.type = LOGITS_BF16;
	planes_make(&a, &o);
	planes_make(&b, &o);
	for (k = 0; k <= 3; k++)
		sim_event(a.sim, k, a.logits, a.image, &e, &spots);
	sim_event(b.sim, 3, b.logits, b.image, &f, &spots);
	bytes = layout_plane_bytes(sim_layout(a.sim), PLANE_LOGITS);
	assert_memory_equal(a.logits, b.logits, bytes);
	bytes = layout_plane_bytes(sim_layout(a.sim), PLANE_IMAGE);
	assert_memory_equal(a.image, b.image, bytes);
	assert_true(e.photon_energy == f.photon_energy);
	planes_free(&a);
	planes_free(&b);
}

static void
options_out_of_range_are_refused(void **state)
{
	struct sim_options good, o;
	struct fault f;
	struct sim *s;

	(void)state;
	sim_options_init(&good);
	o = good, o.energy = NAN;
	assert_int_equal(sim_new(&o, &s, &f), -1);
	o = good, o.distance = -1;
	assert_int_equal(sim_new(&o, &s, &f), -1);
	o = good, o.hit_fraction = NAN;
	assert_int_equal(sim_new(&o, &s, &f), -1);
	o = good, o.type = LOGITS_NONE;
	assert_int_equal(sim_new(&o, &s, &f), -1);
	o = good, o.cell[0] = o.cell[1] = o.cell[2] = 500;
	assert_int_equal(sim_new(&o, &s, &f), -1);
	assert_non_null(strstr(f.text, "too large"));
}

static void
geometry_names_all_that_crystfel_needs(void **state)
{
	static const char *const lines[] = {
		"\npeak_list = /entry_1/result_1\n",
		"\nmask = /entry_1/data_1/mask\n",
		"\nphoton_energy = /LCLS/photon_energy_eV eV\n",
		"\ndata = /entry_1/data_1/data\n", "\nclen = 0.1\n",
		"\nres = 10000\n", "\ndim0 = %\n", "\np15a3/max_ss = 5631\n",
	};
	struct sim_options o;
	struct sim *s;
	char *text;
	size_t i;

	(void)state;
	sim_options_init(&o);
	assert_int_equal(sim_new(&o, &s, NULL), 0);
	text = sim_geometry(s);
	assert_non_null(text);
	for (i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_non_null(strstr(text, lines[i]));
	free(text);
	sim_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locate_undoes_position),
		cmocka_unit_test(unknown_detector_is_refused),
		cmocka_unit_test(near_spots_hide_the_weaker),
		cmocka_unit_test(events_fill_planes_and_pad_with_zeros),
		cmocka_unit_test(event_does_not_depend_on_those_before),
		cmocka_unit_test(options_out_of_range_are_refused),
		cmocka_unit_test(geometry_names_all_that_crystfel_needs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
