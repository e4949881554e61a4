"""Writing hits, beside write(2) of the same bytes and HDF5's own filters.

cxiwrite gets events with peaks by reference from a mapped capture, so its pipeline
costs what it costs. Output goes to a tmpfs; on disk, to the directory of
temporary files, both with the time to sync. Rates are of uncompressed image
bytes. Per core: over seconds of processor of cxiwrite and q2cat together."""
import mmap
import os
import statistics
import time

import h5py
import numpy as np

import common

FILE = 100      # events a file, as cxiwrite does


def peaks_make(bench, name, source):
    """A capture of events with peaks and images, as peakfind leaves them."""
    path = bench.path(name)
    bench.make(["sh", "-c", "%s | peakfind" % source], path)
    return common.Capture(path)


def write2_ms(bench, capture, out, loops):
    """Milliseconds a frame of write2, as of our pipelines: without the first loop."""
    return 1e3 * (write2(bench, capture, out, 1 + loops) -
                  write2(bench, capture, out, 1)) / (loops * capture.events)


def write2(bench, capture, out, loops):
    """Seconds to write the images, as many bytes as cxiwrite does, by write(2), to
    where cxiwrite wrote before: both find the memory in the same state."""
    bench.emptied(out)
    with open(capture.path, "rb") as f:
        m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
    at = capture._plane(0)
    view = memoryview(m)

    def work():
        n, fd = 0, None
        for _ in range(loops):
            for k in range(capture.events):
                if n % FILE == 0:
                    if fd is not None:
                        os.fsync(fd)
                        os.close(fd)
                    fd = os.open(os.path.join(out, "plain%d" % n),
                                 os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                first = at + k * capture.length
                os.write(fd, view[first:first + capture.written_bytes])
                n += 1
        os.fsync(fd)
        os.close(fd)
    seconds, _ = common.timed(work)
    view.release()
    m.close()
    return seconds


def command(capture, out, options=""):
    """By the number of loops, as Bench.paces wants it."""
    return (lambda n: "q2cat -l %d %s | cxiwrite -m 0 -o %s %s" % (
        n, capture.path, out, options)), 16, out


def beside(capture, out, options=""):
    """Two of them beside each other, which share the machine and nothing else."""
    make, slots, out = command(capture, out, options)
    return (lambda n: "{0} -p a & {0} -p b && wait $!".format(make(n))), 2 * slots, out


def cxiwrite(bench, capture, out, options=""):
    """Writes each event once."""
    make, slots, out = command(capture, out, options)
    bench.pipeline(make(1), slots, out)


def plain(bench, what, capture, memory, loops, limit):
    """Ours and write(2) in turns; the row of their ratio."""
    out = bench.path("out", memory)
    paces, _, (plain_ms,) = bench.paces(
        loops, {"ours": command(capture, out)},
        lambda: write2_ms(bench, capture, out, loops))
    ours = 1e3 * paces["ours"].wall / capture.events
    theirs = statistics.median(plain_ms)
    size = capture.written_bytes / 1e6
    bench.row("%s: cxiwrite, %.1f MB a frame" % (what, size), ours, "ms",
              note="write(2) %.2f" % theirs)
    bench.row("  as a multiple of write(2)", ours / theirs, "x", at_most=limit)


def filters(kind):
    if kind == "gzip":
        return dict(shuffle=True, compression="gzip", compression_opts=1)
    return dict(compression=32008, compression_opts=(0, 2))


def file_size(path):
    """Stored bytes of the images in a file."""
    with h5py.File(path, "r") as f:
        return f["/entry_1/data_1/data"].id.get_storage_size()


def h5py_write(path, images, chunk, kind):
    """Seconds of processor of HDF5's own filter for the same images and chunks."""
    start = time.process_time()
    with h5py.File(path, "w") as f:
        d = f.create_dataset("/entry_1/data_1/data", images.shape, "f4",
                             chunks=chunk, **filters(kind))
        for k, image in enumerate(images):
            d[k] = image
    return time.process_time() - start


def compressed(bench, kind, capture, geometry, loops):
    """-j 1 and 2 in turns with HDF5's own filter."""
    out = bench.path("out", True)
    option = "-z %s -g %s" % (kind, geometry)
    paces, _, _ = bench.paces(loops, {
        "one": command(capture, out, option + " -j 1"),
        "two": command(capture, out, option + " -j 2"),
        "beside": beside(capture, out, option + " -j 1"),
        "none": command(capture, out, "-g " + geometry)})
    one, two, none = (paces[n] for n in ("one", "two", "none"))
    cxiwrite(bench, capture, out, option)
    path = os.path.join(out, "peaknet_0000.cxi")
    with h5py.File(path, "r") as f:
        data = f["/entry_1/data_1/data"]
        images, chunk = data[...], data.chunks
    again = bench.path("again.h5", True)
    theirs = min(h5py_write(again, images, chunk, kind)
                 for _ in range(2)) / len(images)
    size = images[0].nbytes
    core, wall = one.cpu / capture.events, one.wall / capture.events
    bench.row("%s: cxiwrite, -j 1" % kind, 1e3 * wall, "ms",
              note="chunks of %d x %d; processor: ours %.1f, HDF5's own filter"
              " %.1f, uncompressed %.1f" % (
                  chunk[1], chunk[2], 1e3 * core, 1e3 * theirs,
                  1e3 * none.cpu / capture.events))
    bench.row("  per core, all that cxiwrite does", size / core / 1e9, "GB/s",
              at_least=1.5 if kind == "bslz4" else None)
    bench.row("  times as fast per core as HDF5's own filter", theirs / core, "x",
              at_least=10 if kind == "gzip" else None)
    bench.row("  stored bytes beside HDF5's own filter",
              file_size(path) / file_size(again), "x", at_most=1.05)
    bench.row("  stored bytes of all", file_size(path) / images.nbytes, "x")
    bench.row("  -j 2 as fast as -j 1", one.wall / two.wall, "x", at_least=1.8,
              note="two programs with -j 1 beside each other, each with half of the"
              " work: %.2f" % (2 * one.wall / paces["beside"].wall))


def python_writer(bench, capture, loops):
    """The existing writer's rows, beside ours at as many peaks."""
    import baseline
    peaks = [(1.0 * i, 2.0 * i) for i in range(common.FULL)]
    path = bench.path("baseline.h5", True)
    h, w = capture.real_height, capture.real_width
    events = 4

    def theirs():
        def work():
            with baseline.file_create(path, events, (h, w)) as f:
                for k in range(events):
                    image = capture.image(k % capture.events)[0, :h, :w]
                    baseline.event_write(f, k, image, peaks)
        return common.timed(work)[0] / events
    out = bench.path("out", True)
    paces, _, (each,) = bench.paces(loops, {"ours": command(capture, out)}, theirs)
    t = statistics.median(each)
    bench.row("%d peaks: the existing writer" % common.FULL, 1e3 * t, "ms")
    bench.row("  as a multiple of cxiwrite", t * capture.events /
              paces["ours"].wall, "x", at_least=20)


def same_bytes(bench, capture, geometry):
    """Files do not depend on -j, and HDF5's own filter reads them."""
    plain_images = None
    for kind in "none", "gzip", "bslz4":
        if kind == "bslz4" and not h5py.h5z.filter_avail(32008):
            bench.skip("bslz4", "the bitshuffle plugin is not installed")
            continue
        files = []
        for j in 1, 2:
            out = bench.path("out%d" % j, True)
            cxiwrite(bench, capture, out, "-z %s -g %s -j %d" % (
                kind, geometry, j))
            with open(os.path.join(out, "peaknet_0000.cxi"), "rb") as f:
                files.append(f.read())
        bench.assert_("%s: the same bytes with 1 and 2 threads" % kind,
                      files[0] == files[1])
        with h5py.File(os.path.join(out, "peaknet_0000.cxi"), "r") as f:
            images = f["/entry_1/data_1/data"][...]
        if plain_images is None:
            plain_images = images
        bench.assert_("%s: h5py reads the same images" % kind,
                      np.array_equal(images, plain_images))


def run(bench):
    geometry = bench.path("epix.geom")
    epix = peaks_make(bench, "epix.q2", "q2sim -x 1 -n %d -g %s" % (
        1 if bench.check else 8, geometry))
    same_bytes(bench, epix, geometry)
    if bench.check:
        return
    for what, shape in ("no padding", common.WHOLE), ("padding cut off",
                                                      common.MFX):
        made = bench.capture(12, shape=shape)
        c = peaks_make(bench, "peaks.q2", "cat %s" % made.path)
        bench.forget()
        plain(bench, "tmpfs, " + what, c, True, 5, 1.10)
    plain(bench, "disk, " + what, c, False, 3, 1.10)
    python_writer(bench, c, 5)
    for kind in "gzip", "bslz4":
        if kind == "gzip" or h5py.h5z.filter_avail(32008):
            compressed(bench, kind, epix, geometry, 5)
