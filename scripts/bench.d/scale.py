"""How it scales, and what detectors would need.

Measured on frames of 1 x 1696 x 1696 as sent by MFX, f32, 150 peaks in a hit, replayed
from a mapped capture, output to memory: workers in one pipeline, and tasks as those of
an array, a pipeline with one worker and a shard each. Costs are processor seconds of
a whole pipeline with one worker, by byte: of the logits where no event is a hit; of
the image where all are, less what the logits took. What detectors need is computed
from these costs, not measured."""
import os

import common

SLOTS = 16
HITS = 0.1                              # share of hits that is assumed
LOGITS = 2 * 2                          # bytes a pixel: two classes, 16 bits
IMAGE = 4                               # bytes a pixel: f32
NODE = 200e9                            # bytes/s that the memory of a node is said to move

# Name, events a second, pixels with padding, pixels without.
DETECTORS = [
    ("4 x 1696 x 1696, 120 Hz", 120, 4 * 1696 * 1696, 4 * 1667 * 1668),
    ("ePix10k2M, 120 Hz", 120, 16 * 512 * 512, 16 * 352 * 384),
    ("4 megapixels, 1 kHz", 1000, 4 << 20, 4 << 20),
    ("4 megapixels, 35 kHz", 35000, 4 << 20, 4 << 20),
]


def pipeline(capture, out, workers=1, share="0/1", prefix="run", options=""):
    """By the number of loops."""
    return lambda loops: ("q2slots -n %d sh -c \"q2cat -l %d -i %s %s | peakfind -P %d |"
            " cxiwrite -o %s -p %s %s\"" % (SLOTS, loops, share, capture.path,
                                           workers, out, prefix, options))


def tasks(capture, out, n):
    """n pipelines side by side, each with its shard."""
    return lambda loops: "".join(
        pipeline(capture, out, 1, "%d/%d" % (k, n), "task%d" % k)(loops) + " & "
        for k in range(n)) + "wait"


def written(err):
    """Sum of the events that were written, by the totals of all pipelines."""
    return sum(int(line.split(" in = ")[1].split()[0])
               for line in err.splitlines() if " events in = " in line)


def measure(bench, what, hits, loops, commands):
    """Pace of a loop of each command, by name, in turns; every hit is written."""
    out = bench.path("out", True)
    paces, all_, _ = bench.paces(loops, {n: (c, None, out)
                                      for n, c in commands.items()})
    for runs in all_.values():
        bench.assert_("%s: every hit is written" % what, all(
            written(r.err) == r.rounds * hits for r in runs), runs[0].err)
    return paces


def scaling(bench, what, capture, hits, loops):
    """One worker, two; one task, two, four. Processor seconds of one worker."""
    out = bench.path("out", True)
    found = measure(bench, what, hits, loops, {
        "one worker": pipeline(capture, out), "2 workers": pipeline(capture, out, 2),
        "2 tasks": tasks(capture, out, 2), "4 tasks": tasks(capture, out, 4)})
    if bench.check:
        return None
    one = found.pop("one worker")
    bench.row("%s, one worker" % what, capture.events / one.wall, "frames/s")
    for name, p in found.items():
        bench.row("  %s, as a multiple of it" % name, one.wall / p.wall, "x")
    return one.cpu / capture.events


def needs(bench, detector, read, write, pack):
    """Rows of a detector; its memory traffic, bytes an event. Costs are processor
    seconds a byte."""
    name, rate, padded, real = detector
    logits, image = rate * padded * LOGITS, rate * padded * IMAGE
    hits = rate * HITS * real * IMAGE
    # Logits and image are put into memory and read once, the image only of hits;
    # what is written is copied to the page cache and read by the disk.
    memory = 2 * logits + image + 3 * hits
    bench.row("ESTIMATE, %s: comes in" % name, (logits + image) / 1e9, "GB/s")
    bench.row("  cores for peaks", logits * read, "")
    bench.row("  cores for writing", hits * write, "")
    bench.row("  cores for writing with -z bslz4", hits * pack, "")
    bench.row("  memory traffic", memory / 1e9, "GB/s")
    bench.row("  nodes for that", memory / NODE, "")
    bench.row("  to disk", hits / 1e9, "GB/s")
    return memory / rate


def run(bench):
    small = bench.check
    shape = (1, 160, 200, 150, 190) if small else common.MFX
    events, loops = (8, 1) if small else (20, 4)
    full = bench.capture(events, 20 if small else common.FULL, 1, shape=shape)
    none = bench.capture(events, 0, 1, shape=shape)
    hit = scaling(bench, "all hits", full, events, loops)
    miss = scaling(bench, "no hits", none, 0, 6 * loops)
    out = bench.path("out", True)
    found = measure(bench, "compressed", events, loops, {
        "one": pipeline(full, out, options="-z bslz4")})
    if small:
        return
    packed = found["one"].cpu / events
    stored = sum(e.stat().st_size for e in os.scandir(out) if e.name.endswith(
        ".cxi")) / ((1 + loops) * events * full.written_bytes)
    read = miss / none.logits_bytes
    write = (hit - miss) / full.written_bytes
    pack = (packed - miss) / full.written_bytes
    bench.row("finding peaks, a core, logits", 1e-9 / read, "GB/s",
              note="%.3f ms a frame" % (1e3 * miss))
    bench.row("writing hits, a core, image", 1e-9 / write, "GB/s",
              note="%.3f ms a frame" % (1e3 * (hit - miss)))
    bench.row("writing hits with -z bslz4, a core, image", 1e-9 / pack, "GB/s")
    bench.row("  stored bytes of all, photons without noise", stored, "x")
    for d in DETECTORS:
        event = needs(bench, d, read, write, pack)
    bench.row("ESTIMATE, 4 megapixels: a node ends at", NODE / event / 1e3, "kHz")
