/*
 * producer [events]: a producer in C, with a lattice of spots for peaks; libq2(3).
 *
 *	cc -o producer producer.c $(pkg-config --cflags --libs q2)
 *	./producer 20 | peakfind | cxiwrite -o out
 */
#include <err.h>
#include <stdlib.h>

#include <q2.h>

enum { PANELS = 4, H = 60, W = 90, PH = 64, PW = 96 };

static void
spots(float *logits, float *image, int k)	/* your own network in its place */
{
	for (int i = 0; i < PANELS * PH * PW; i++) {
		int p = i / (PH * PW), y = i / PW % PH, x = i % PW;
		int in = y < H && x < W && (y + k) % 20 / 2 == 4 && x % 30 / 2 == 4;
		float *l = logits + i + p * PH * PW;

		image[i] = (float)((7 * x + 3 * y + p) % 10 + 500 * in);
		l[0] = 4 - (float)(12 * in);
		l[PH * PW] = -l[0];
	}
}

int
main(int argc, char *argv[])
{
	struct q2_layout l = { .panels = PANELS, .classes = 2, .height = H,
	    .width = W, .padded_height = PH, .padded_width = PW,
	    .logits = Q2_LOGITS_F32, .image = Q2_IMAGE_F32,
	    .quantities = Q2_TIMESTAMP | Q2_ENERGY };
	const char *facts[] = { "experiment=example", "run=1", NULL };
	int n = argc > 1 ? atoi(argv[1]) : 10, r = Q2_OK;
	struct q2_error error;
	struct q2_event e;
	struct q2 *q = q2_open(1, &l, facts, NULL, &error);

	if (q == NULL)
		errx(7, "%s", error.text);
	for (int k = 0; r == Q2_OK && k < n; k++)
		if ((r = q2_slot(q, &e, &error)) == Q2_OK) {
			spots(e.logits, e.image, k);
			e.timestamp = (uint64_t)(1700000000 + k) << 32;
			e.photon_energy = 9500;
			r = q2_put(q, &e, &error);
		}
	if (r == Q2_OK)
		r = q2_close(q, Q2_WHOLE, &error);
	else
		q2_close(q, Q2_BROKEN, NULL);
	if (r == Q2_FAULT)
		errx(7, "%s", error.text);
	return r == Q2_GONE ? 2 : 0;
}
