/* Contrast of images that have none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/tone.h"

static void
test_an_image_of_one_value_is_all_of_one_shade_however_large(void **state)
{
	const float values[] = { 0, 7, -1e20F, 1e20F, 3e38F };
	struct tone t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof values / sizeof values[0]; i++) {
		t = tone_choose(&values[i], 1);
		assert_true(t.high > t.low && t.knee > 0);
		assert_true(tone_apply(&t, (double)values[i]) == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_an_image_of_one_value_is_all_of_one_shade_however_large),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
