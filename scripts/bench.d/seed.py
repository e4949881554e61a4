"""The claims of the review that this project grew from, measured.

Its estimates, for a plan on Ray: results fetched in batches +20 to 30 %; large
arguments by reference -90 % memory; a limit on pending tasks: no out-of-memory;
reading and computing overlapped +10 to 15 %; all together +30 to 50 %. Here: frames
of 600 x 600, all hits, uncompressed to a tmpfs. Memory is the largest sum of
proportional set sizes, without files that are mapped. A slow writer is
one that compresses with gzip, by one thread."""
import os

import common

FRAME = (1, 600, 600, 590, 590)
SLOTS = (1, 2, 8, 50, 100, 200)


def tail(out, workers=2, options=""):
    return "| peakfind -P %d | cxiwrite -o %s %s" % (workers, out, options)


def measure(bench, what, capture, variants):
    """Rates in turns, then memory; variants: name -> command, slots, loops."""
    out = bench.path("out", True)
    runs = bench.alternate(*(lambda c=c, s=s: bench.pipeline(c, s, out)
                             for c, s, _ in variants.values()),
                           repeat=min(3, bench.repeat))
    rate = {}
    for (name, (c, s, loops)), r in zip(variants.items(), runs):
        want = "%d events in = %d written" % ((loops * capture.events,) * 2)
        bench.assert_("%s%s: every event is written" % (what, name),
                      all(want in x.err for x in r), r[0].err)
        rate[name] = loops * capture.events / common.median_wall(r)
        if bench.check:
            continue
        pss = common.WatchPss(bench, c, s, out).run()
        bench.row(what + name, rate[name], "frames/s",
                  note="%.0f MB" % (pss / 1e6))
    return rate


def gain(bench, claim, a, b, estimate):
    bench.row("  " + claim, 100 * (a / b - 1), "%",
              note="the review's estimate: " + estimate)


def serial(capture, out, directory):
    """The stages one after the other, through files."""
    return ("q2cat %s > %s/a && peakfind -P 2 < %s/a > %s/b && "
            "cxiwrite -o %s < %s/b" % (capture.path, directory, directory,
                                      directory, out, directory))


def run(bench):
    small = bench.check
    events = 12 if small else 240
    shape = (1, 96, 96, 90, 90) if small else FRAME
    c = bench.capture(events, 20 if small else common.FULL, shape=shape)
    out = bench.path("out", True)
    pipe, map_ = "cat %s | q2cat " % c.path, "q2cat %s " % c.path
    slots = (1, 2) if small else SLOTS

    by_map = measure(bench, "by reference, ", c, {
        "%d slots" % n: (map_ + tail(out), n, 1) for n in slots})
    copied = measure(bench, "copied into slots, ", c, {
        "%d slots" % n: (pipe + tail(out), n, 1) for n in slots})
    one = "LD_PRELOAD=%s " % os.path.join(common.TOOLS, "shim/one_record.so")
    other = measure(bench, "", c, {
        "by reference, 50 slots, one record a read":
            (one + map_ + tail(out).replace("| ", "| " + one), 50, 1),
        "inline, no slots": (map_ + tail(out), None, 1),
        "no overlap: stage after stage, through files":
            (serial(c, out, bench.memory), None, 1),
        "by reference, -P 1": (map_ + tail(out, 1), 8, 1)})
    measure(bench, "slow writer, copied into slots, ", c, {
        "%d slots" % n: (pipe + tail(out, 2, "-z gzip"), n, 1)
        for n in slots[:1] + slots[-2:]})
    if small:
        # One may have ended before it is looked at.
        bench.assert_("memory of a pipeline can be watched", any(
            common.WatchPss(bench, map_ + tail(out), 2, out).run() > 0
            for _ in range(100)))
        return
    unbatched, inline, files = (other[n] for n in list(other)[:3])
    gain(bench, "batched reading", by_map["50 slots"], unbatched, "20 to 30 %")
    gain(bench, "references, not copies", by_map["8 slots"], inline,
         "-90 % memory, no rate given")
    gain(bench, "8 events in hand, not 1", copied["8 slots"], copied["1 slots"],
         "none")
    gain(bench, "overlap of stages", inline, files, "10 to 15 %")
    gain(bench, "200 slots, not 8: more pending events", copied["200 slots"],
         copied["8 slots"], "more is faster")
    gain(bench, "two workers, not one", by_map["8 slots"],
         other["by reference, -P 1"], "none")
    gain(bench, "all together: beside stage after stage", by_map["8 slots"], files,
         "30 to 50 %")
