#!/usr/bin/python3
"""producer.py [events]: a network's place in a pipeline, with blobs for peaks.

    producer.py 20 | peakfind | cxiwrite -o out

Put your own network where blobs() is. See q2(3).
"""
import sys
import time

import numpy as np
import q2

PANELS, SHAPE, PADDED = 4, (60, 90), (64, 96)
random = np.random.default_rng(1)


def blobs():
    """An image (panels, H0, W0) and the logits (panels, 2, H, W) that mark it."""
    image = random.normal(20, 3, (PANELS,) + SHAPE).astype("f4")
    logits = np.full((PANELS, 2) + PADDED, -4, "f4")
    logits[:, 0] = 4
    for p, s, f in random.integers(0, (PANELS, 58, 88), (20, 3)):
        image[p, s:s + 2, f:f + 2] += 500
        logits[p, 1, s:s + 2, f:f + 2] = 8
    return logits, image


with q2.Writer(1, panels=PANELS, shape=SHAPE, padded=PADDED,
               text={"experiment": "example", "run": 1}) as w:
    for k in range(int(sys.argv[1]) if len(sys.argv) > 1 else 10):
        w.put(*blobs(), timestamp=int(time.time()) << 32, photon_energy=9500)
