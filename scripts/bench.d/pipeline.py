"""The whole pipeline, frames of 1 x 1696 x 1696 as sent by MFX, f32, 150 peaks.

By reference: q2slots sh -c 'q2cat capture | peakfind -P n | cxiwrite', the capture
mapped. Copied: the capture comes through a pipe into slots. Inline: no slots.
Rates are those of frames after the first ones. baseline: the existing
writer's way, one process: baseline.py. The last rows are estimates, computed from
what was measured."""
import statistics

import common
import writing

SLOTS = 16


def loop(source, workers, out, options=""):
    """A pipeline by the number of loops; source has a place for it."""
    return lambda n: "%s | peakfind -P %d | cxiwrite -o %s %s" % (
        source % n, workers, out, options)


def baseline_rate(bench, capture, events):
    import baseline
    path = bench.path("baseline.h5", True)
    times = []
    for turn in range(1 if bench.check else 2):
        t, hits = common.timed(baseline.run, capture, path, events)
        times.append(t)
    return events / times[-1], hits


def ours(bench, what, capture, hits, loops, commands, *beside):
    """Frames a second of each command, all in turns, and processor a frame; and
    medians of what functions returned that took turns with them."""
    paces, all_, others = bench.paces(loops, commands, *beside)
    for name, runs in all_.items():
        bench.assert_("%s, %s: every hit is written" % (what, name), all(
            "%d events in = %d written" % (r.rounds * capture.events,
                                           r.rounds * hits) in r.err
            for r in runs), runs[0].err)
    if bench.check:
        return None
    found = {n: (capture.events / p.wall, p.cpu / capture.events)
             for n, p in paces.items()}
    return (found, *map(statistics.median, others)) if beside else found


def by_reference(bench, capture, memory=True, options="", workers=(1, 2)):
    out = bench.path("out", memory)
    source = "q2cat -l %%d %s" % capture.path
    return {"-P %d" % p: (loop(source, p, out, options), SLOTS, out)
            for p in ((2,) if bench.check else workers)}


def rates(bench, what, found):
    for name, (rate, cpu) in found.items():
        bench.row("%s, %s" % (what, name), rate, "frames/s",
                  note="%.2f ms of processor a frame" % (1e3 * cpu))


def others(bench, capture):
    """Ways that copy."""
    out = bench.path("out", True)
    loops = 1 if bench.check else 2
    source = "q2cat -l %%d %s" % capture.path
    copy = "env -u Q2_SLOTS %s | q2cat" % source
    found = ours(bench, "all hits", capture, capture.events, loops, {
        "copied, -P 2": (loop(copy, 2, out), SLOTS, out),
        "inline, -P 2": (loop(source, 2, out), None, out)})
    if not bench.check:
        rates(bench, "all hits", found)


def estimate(bench, capture, cpu, write_ms):
    """What 64 cores would do, if nothing but what was measured counted."""
    cores = 64
    rate = cores / cpu
    bytes_ = capture.logits_bytes + 2 * capture.written_bytes
    bench.row("ESTIMATE, 64 cores, all hits: bound by processors", rate,
              "frames/s", note="%.2f ms of processor a frame" % (1e3 * cpu))
    bench.row("ESTIMATE: memory traffic at that rate", rate * bytes_ / 1e9, "GB/s",
              note="%.1f MB a frame: logits, image read and written" %
              (bytes_ / 1e6))
    bench.row("ESTIMATE: one cxiwrite writes at most", 1e3 / write_ms, "frames/s",
              note="so %.0f pipelines beside each other, one a file" %
              max(1, rate * write_ms / 1e3))


def run(bench):
    small = bench.check
    shape = (1, 160, 200, 150, 190) if small else common.MFX
    peaks = 20 if small else common.FULL
    events, loops = (10, 1) if small else (20, 3)
    full = bench.capture(events, peaks, 1, shape=shape)
    tenth = bench.capture(events, peaks, 10, shape=shape)
    none = bench.capture(events, 0, 1, shape=shape)
    hits = events // 10
    base, n = baseline_rate(bench, full, 3)
    bench.assert_("the baseline writes every hit", n == 3)
    base10, n = baseline_rate(bench, tenth, 10)
    bench.assert_("the baseline writes no more than the hits", n == 1)

    def kernel(capture, what, at_once=1):
        # A mean, as the time of a pipeline is: what neighbours do is in both.
        return lambda: bench.kernel(capture, events=12, at_once=at_once, turns=0,
                                    of=statistics.fmean)[0][what]

    all_ = ours(bench, "all hits", full, events, loops, by_reference(bench, full),
                kernel(full, "read"), lambda: writing.write2_ms(
                    bench, full, bench.path("out", True), loops))
    ten = ours(bench, "10 % hits", tenth, hits, 3 * loops,
               by_reference(bench, tenth))
    miss = ours(bench, "no hits", none, 0, 6 * loops, by_reference(bench, none),
                kernel(none, "peaks", at_once=2))
    if small:
        others(bench, full)
        return
    all_hits, read_ms, write_ms = all_
    misses, kernel_ms = miss
    rates(bench, "all hits, tmpfs", all_hits)
    bench.row("  reading the logits once", read_ms, "ms")
    bench.row("  write(2) of the image", write_ms, "ms")
    bench.row("  time as a multiple of the larger of these two",
              1e3 / all_hits["-P 2"][0] / max(read_ms, write_ms), "x",
              at_most=1.5)
    bench.row("baseline, all hits", base, "frames/s")
    bench.row("  -P 2 as a multiple of it", all_hits["-P 2"][0] / base, "x",
              at_least=300)
    rates(bench, "10 % hits, tmpfs", ten)
    bench.row("baseline, 10 % hits", base10, "frames/s")
    bench.row("  -P 2 as a multiple of it", ten["-P 2"][0] / base10, "x",
              at_least=110)
    rates(bench, "no hits", misses)
    bench.row("  two kernels side by side, no pipeline", 2e3 / kernel_ms, "frames/s")
    bench.row("  -P 2 as a multiple of it", misses["-P 2"][0] * kernel_ms / 2e3, "x",
              at_least=0.85)
    rates(bench, "all hits, disk", ours(
        bench, "all hits, disk", full, events, 2,
        by_reference(bench, full, memory=False, workers=(2,))))
    rates(bench, "all hits, -z bslz4 -j 2", ours(
        bench, "all hits, -z bslz4", full, events, 2,
        by_reference(bench, full, options="-z bslz4 -j 2", workers=(2,))))
    others(bench, full)
    estimate(bench, full, all_hits["-P 2"][1], write_ms)
