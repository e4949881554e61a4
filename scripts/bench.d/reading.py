"""Loading one ePix10k2M frame as CrystFEL does, with h5py.

For each of the 64 ASICs of the geometry the file is opened and the rectangle of
that ASIC is read. Our files have chunks of one ASIC where they are compressed. Beside
them a file of the same images with a gzip-1 chunk a frame, as people have them."""
import os
import statistics

import h5py
import numpy as np

import common
import writing

ASIC = (176, 192)


def asics(shape):
    return [(ss, fs) for ss in range(0, shape[0], ASIC[0])
            for fs in range(0, shape[1], ASIC[1])]


def frame_read(path, k, where):
    pieces = []
    for ss, fs in where:
        with h5py.File(path, "r") as f:
            pieces.append(f["/entry_1/data_1/data"][
                k, ss:ss + ASIC[0], fs:fs + ASIC[1]])
    return pieces


def whole_write(path, images):
    with h5py.File(path, "w") as f:
        f.create_dataset("/entry_1/data_1/data", data=images,
                         chunks=(1,) + images.shape[1:], compression="gzip",
                         compression_opts=1)


def run(bench):
    geometry = bench.path("epix.geom")
    c = writing.peaks_make(bench, "epix.q2", "q2sim -x 1 -n 1 -g %s" % geometry)
    files = {}
    for kind in "none", "gzip", "bslz4":
        if kind == "bslz4" and not h5py.h5z.filter_avail(32008):
            bench.skip("bslz4", "the bitshuffle plugin is not installed")
            continue
        out = bench.path(kind, True)
        writing.cxiwrite(bench, c, out, "-z %s -g %s" % (kind, geometry))
        files[kind] = os.path.join(out, "peaknet_0000.cxi")
    with h5py.File(files["none"], "r") as f:
        images = f["/entry_1/data_1/data"][...]
    where = asics(images.shape[1:])
    some = where[::16] if bench.check else where
    good = [images[0, ss:ss + ASIC[0], fs:fs + ASIC[1]] for ss, fs in some]
    for kind, path in files.items():
        bench.assert_("%s: ASIC by ASIC, the same pixels" % kind, all(
            map(np.array_equal, frame_read(path, 0, some), good)))
    if bench.check:
        return
    whole = bench.path("whole.h5", True)
    whole_write(whole, images)
    frame_read(whole, 0, where[:2])
    theirs = common.timed(frame_read, whole, 0, where)[0]
    bench.row("gzip, a chunk a frame", 1e3 * theirs, "ms")
    for kind, path in files.items():
        ours = statistics.median(bench.alternate(
            lambda: common.timed(frame_read, path, 0, where)[0])[0])
        bench.row("ours, %s" % kind, 1e3 * ours, "ms")
        bench.row("  times as fast", theirs / ours, "x",
                  at_least=None if kind == "none" else 20)
