/*
 * producer [events]: a producer in C, with a lattice of spots for peaks; libq2(3).
 *
 *	cc -o producer producer.c $(pkg-config --cflags --libs q2)
 *	./producer 20 | peakfind | cxiwrite -o out
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>

#include <q2.h>

enum { H = 60, W = 120, N = H * W };

static void
spots(float *logits, float *image, int k)	/* your own network in its place */
{
	for (int i = 0; i < N; i++) {
		int in = (i / W + k) % 20 / 2 == 4 && i % W % 30 / 2 == 4;

		image[i] = (float)(i % 10 + 500 * in);
		logits[i] = (float)(4 - 12 * in);
		logits[N + i] = -logits[i];
	}
}

int
main(int argc, char *argv[])
{
	struct q2_layout l = { .panels = 1, .classes = 2, .height = H, .width = W,
	    .logits = Q2_LOGITS_F32, .image = Q2_IMAGE_F32,
	    .quantities = Q2_TIMESTAMP | Q2_ENERGY };
	struct q2_error error;
	struct q2_event e;
	struct q2 *q = q2_open(1, &l, NULL, NULL, &error);
	int n = argc > 1 ? atoi(argv[1]) : 10;
	int r = q != NULL ? Q2_OK : errno == EPIPE ? Q2_GONE : Q2_FAULT;

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
