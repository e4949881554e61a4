"""Peaks of a plane by what others use, in Python, on the same planes.

existing: argmax, scipy label, one search of the whole plane a component, as in
the writer that is used today. bincount: scipy label and numpy bincount.
center_of_mass: scipy's. sparse: numpy on the pixels that are set and a graph.
OpenCV: connectedComponentsWithStats. All on one core, and none of them measures
intensities. ours does, too. Limits: how many times as long as ours they take."""
import statistics

import numpy as np

import algorithms
import common

LIMITS = {"existing": {0: 70, 50: 400, 150: 1000}, "opencv": 25, "bincount": 10,
          "sparse": 2}


def our_peaks(bench, capture):
    """Centroids of each event, in raster order of first pixels."""
    text = bench.path("peaks.tsv")
    bench.run("q2cat %s | peakfind | q2ls -p > %s" % (capture.path, text))
    found = [[] for _ in range(capture.events)]
    with open(text) as f:
        for line in f:
            w = line.split("\t")
            if w[0].isdigit():
                found[int(w[0])].append((float(w[2]), float(w[3])))
    return [np.array(p).reshape(-1, 2) for p in found]


def same(a, b):
    """Equal sets of centroids, to the digits that q2ls prints."""
    if a.shape != b.shape:
        return False
    order = [np.lexsort(np.round(p, 2).T) for p in (a, b)]
    return np.allclose(a[order[0]], b[order[1]], rtol=0, atol=2e-3)


def rivals(bench):
    names = ["existing", "center_of_mass", "bincount", "sparse"]
    if algorithms.cv2 is not None:
        return names + ["opencv"]
    bench.skip("opencv", "python3-opencv is not installed")
    return names


def plane_of(capture, k):
    return np.array(capture.logits(k)[0, :, :capture.real_height,
                                      :capture.real_width])


def equal_all(bench, what, capture, names):
    ours = our_peaks(bench, capture)
    for name in names:
        function = getattr(algorithms, name)
        bench.assert_("%s: %s finds the peaks that we find" % (what, name),
                      all(same(function(plane_of(capture, k)), ours[k])
                          for k in range(2)))
    return ours


def measure(bench, capture, names):
    """Median milliseconds by name; planes and rivals take turns."""
    times = {n: [] for n in names}
    planes = [plane_of(capture, k) for k in range(capture.events)]
    for turn in range(bench.repeat + 1):
        for n in names:
            if n == "existing" and turn > 2:
                continue                # it takes a second, and varies little
            t, _ = common.timed(getattr(algorithms, n),
                                planes[turn % len(planes)])
            if turn > 0:
                times[n].append(1e3 * t)
    return {n: statistics.median(t) for n, t in times.items()}


def limit_of(name, peaks):
    limit = LIMITS.get(name)
    return limit.get(peaks) if isinstance(limit, dict) else limit


def run(bench):
    names = rivals(bench)
    counts = (0, 5, 20) if bench.check else (0, 50, 150, 300)
    shape = (1, 160, 200, 150, 190) if bench.check else common.WHOLE
    for peaks in counts:
        c = bench.capture(2 if bench.check else 6, peaks, shape=shape, memory=True)
        what = "%d peaks" % peaks
        found = equal_all(bench, what, c, names)
        bench.assert_("%s: all of them" % what,
                      all(len(p) == peaks for p in found))
        if bench.check:
            continue
        before, times = bench.kernel(c)[0], measure(bench, c, names)
        ours = (before["peaks"] + bench.kernel(c)[0]["peaks"]) / 2
        bench.row("%s: ours" % what, ours, "ms")
        for n in names:
            bench.row("%s: %s" % (what, n), times[n], "ms")
            bench.row("  as a multiple of ours", times[n] / ours, "x",
                      at_least=limit_of(n, peaks))
        bench.forget()
    if bench.check:
        return
    for pattern in "checker", "noise":
        c = bench.capture(2, pattern, shape=shape, memory=True)
        names = [n for n in ("opencv", "bincount") if n in names]
        times = measure(bench, c, names)
        ours = bench.kernel(c)[0]["peaks"]
        bench.row("%s: ours" % pattern, ours, "ms")
        for n in names:
            bench.row("%s: %s" % (pattern, n), times[n], "ms")
            bench.row("  as a multiple of ours", times[n] / ours, "x",
                      at_least=1 if n == "opencv" else None)
        bench.forget()
