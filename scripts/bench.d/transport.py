"""What an event costs that is no work: tiny events, by reference, no hits.

q2cat | peakfind | cxiwrite under q2slots; microseconds an event are the
difference of a long and a short run, so that the start of programs is not in them.
One slot: nothing overlaps, and each read takes one record."""
import statistics

import common

LOOP = 100


def events_us(bench, capture, slots, source, loops):
    """Median microseconds an event, from runs of loops and 2 loops."""
    out = bench.path("out", memory=True)
    one, two = (lambda n=n: bench.pipeline(
        "%s -l %d %s | peakfind | cxiwrite -m 1 -o %s" %
        (source, n, capture.path, out), slots, out) for n in (loops, 2 * loops))
    a, b = bench.alternate(one, two)
    for runs, n in (a, loops), (b, 2 * loops):
        want = "%d events in = 0 written + %d filtered" % (
            n * capture.events, n * capture.events)
        bench.assert_("%s slots: every event arrives" % slots,
                      all(want in r.err for r in runs), runs[0].err)
    events = loops * capture.events
    return [1e6 * (statistics.median(m(r) for r in b) -
                   statistics.median(m(r) for r in a)) / events
            for m in (lambda r: r.wall, lambda r: r.cpu)]


def run(bench):
    c = bench.capture(LOOP, 0, shape=common.TINY)
    for slots in (2, 16) if bench.check else (1, 2, 16, 100):
        wall, cpu = events_us(bench, c, slots, "q2cat", 2 if bench.check else
                              100 if slots == 1 else 300)
        bench.row("%d slots" % slots, wall, "us/event",
                  at_most=10 if slots == 16 else None,
                  note="%.2f us of processor" % cpu)
    if bench.check:
        return
    big = bench.capture(8, 0)
    wall, cpu = events_us(bench, big, 16, "q2cat", 20)
    bench.row("the same with frames of %.0f MB, with peak finding" %
              (big.length / 1e6), wall, "us/event",
              note="%.0f us of processor" % cpu)
    a, b = bench.alternate(*(lambda n=n: bench.pipeline(
        "q2cat -l %d %s | q2ls > /dev/null" % (n, big.path), 16)
        for n in (200, 400)))
    bench.row("q2cat | q2ls, frames of %.0f MB: nobody looks" %
              (big.length / 1e6), 1e6 * (common.median_wall(b) -
              common.median_wall(a)) / (200 * big.events), "us/event")
