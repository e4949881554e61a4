#!/usr/bin/python3
"""make_dumps.py directory: small HDF5 dumps and masks, good ones and damaged."""
import os
import sys

import h5py
import numpy as np

os.chdir(sys.argv[1])


def batch(f, number, events=2, panels=2, logits=None, image=None, shape=True,
          **storage):
    """A batch of 16 x 16 planes with 15 x 14 real, a peak in each panel."""
    planes = events * panels
    g = f.create_group("batch_%d" % number)
    if logits is None:
        logits = np.zeros((planes, 2, 16, 16), np.float32)
        logits[:, 1, 3, 4:6] = 5
        logits[:, 0] = 1
    if image is None:
        image = np.ones((planes, 1, 16, 16), np.float32)
    g.create_dataset("logits", data=logits, **storage)
    g.create_dataset("original_image", data=image)
    if shape:
        g["preprocessing_metadata/original_shape"] = [events, panels, 15, 14]
        g["preprocessing_metadata/preprocessed_shape"] = [planes, 1, 16, 16]
    g["metadata/timestamp"] = np.arange(events, dtype=np.uint64) + (7 << 32)
    g["metadata/photon_wavelength"] = np.full(events, 1.3)


def dump(name):
    return h5py.File(name + ".h5", "w")


with dump("good") as f:
    batch(f, 0)
    batch(f, 1, events=1)
for rank, shape in (2, (16, 16)), (3, (4, 16, 16)), (5, (4, 2, 1, 16, 16)):
    with dump("rank%d" % rank) as f:
        batch(f, 0, logits=np.zeros(shape, np.float32))
with dump("rank-later") as f:
    batch(f, 0)
    batch(f, 1, logits=np.zeros((4, 16, 16), np.float32))
with dump("image-rank") as f:
    batch(f, 0, image=np.ones((4, 16), np.float32))
with dump("image-size") as f:
    batch(f, 0, image=np.ones((4, 1, 8, 16), np.float32))
with dump("text-logits") as f:
    batch(f, 0, logits=np.full((4, 2, 16, 16), b"x"))
with dump("planes") as f:
    batch(f, 0)
    batch(f, 1, logits=np.zeros((3, 2, 16, 16), np.float32),
          image=np.ones((3, 1, 16, 16), np.float32))
with dump("shape-too-large") as f:
    batch(f, 0)
    del f["batch_0/preprocessing_metadata/original_shape"]
    f["batch_0/preprocessing_metadata/original_shape"] = [2, 2, 17, 14]
with dump("shape-negative") as f:
    batch(f, 0)
    del f["batch_0/preprocessing_metadata/original_shape"]
    f["batch_0/preprocessing_metadata/original_shape"] = [2, -2, 15, 14]
with dump("gap") as f:
    batch(f, 0)
    batch(f, 2)
with dump("no-batches") as f:
    f["data"] = np.zeros(5)
with dump("no-logits") as f:
    batch(f, 0)
    del f["batch_0/logits"]
with dump("link") as f:
    batch(f, 0)
    del f["batch_0/logits"]
    f["batch_0/logits"] = h5py.ExternalLink("good.h5", "/batch_0/logits")

# One event's chunk of a compressed dataset is overwritten.
with dump("chunk") as f:
    batch(f, 0, events=3, panels=1, compression="gzip", chunks=(1, 2, 16, 16),
          logits=np.random.default_rng(1).random((3, 2, 16, 16),
                                                 np.float32) + [[[[0]], [[9]]]])
    f.flush()
    info = f["batch_0/logits"].id.get_chunk_info(1)
with open("chunk.h5", "r+b") as f:
    f.seek(info.byte_offset)
    f.write(bytes(info.size))

good = open("good.h5", "rb").read()
open("cut.h5", "wb").write(good[:len(good) // 2])
open("signature.h5", "wb").write(good[:8] + b"x" * 4000)

for name, data in (("fits", np.zeros((2, 15, 14))),
                   ("shape", np.zeros((3, 15, 14))),
                   ("rank", np.zeros(5))):
    with h5py.File("mask-%s.h5" % name, "w") as f:
        f["mask"] = data.astype(np.uint8)
