"""Start and end of the programs, and the memory that each needs.

Milliseconds of q2slots, q2cat, peakfind and cxiwrite on a capture of one event.
Memory: largest resident size of one process, slots and the mapped capture not
counted. Small captures through GNU parallel, beside the same programs ended at once
by a wrong option, and three times true(1): what the start of processes costs."""
import os
import shutil

import common

MIB = 1 << 20


def wall(bench, command, slots=None):
    out = bench.path("out", True)
    runs, = bench.alternate(lambda: bench.pipeline(command % out, slots, out),
                            repeat=5 * bench.repeat)
    return runs


def parallel(bench, capture, n):
    out = bench.path("out", True)
    names = " ".join("%s/n%d.q2" % (bench.dir, i) for i in range(n))
    for name in names.split():
        if not os.path.exists(name):
            os.link(capture.path, name)
    command = "parallel -j2 '%s' ::: " + names
    ours = "q2cat {} | peakfind | cxiwrite -m 1 -p {/.} -o " + out
    ended = "q2cat -? 2>&- | peakfind -? 2>&- | cxiwrite -? 2>&- || true {}"
    times = bench.alternate(
        lambda: bench.run(command % ended),
        lambda: bench.run(command % "true {} | true | true"),
        lambda: bench.pipeline(command % ours, None, out),
        repeat=min(3, bench.repeat))
    lists = len([f for f in os.listdir(out) if f.endswith(".cxi")])
    bench.assert_("GNU parallel: each small capture gives its file", lists == n)
    return [1e3 * common.median_wall(t) / n for t in times]


def run(bench):
    shape = (1, 96, 96, 90, 90) if bench.check else common.MFX
    for what, size, peaks in (("16 x 64", common.TINY, 4),
                              ("1696 x 1696", shape, 20))[:2 - bench.check]:
        c = bench.capture(1, peaks, shape=size)
        line = "q2cat %s | peakfind | cxiwrite -m 1 -o %%s" % c.path
        for name, slots in ("by reference", 100), ("inline", None):
            runs = wall(bench, line, slots)
            bench.assert_("one event, %s, %s: it is written" % (what, name),
                          all("1 events in = 1 written" in r.err for r in runs),
                          runs[0].err)
            bench.row("one event of %s, %s" % (what, name),
                      1e3 * common.median_wall(runs), "ms", at_most=50)
    c = bench.capture(4 if bench.check else 16, 20, shape=shape)
    out = bench.path("out", True)
    for what, options in (("", ""),
                          (", -z gzip -j 2", "-z gzip -j 2"),
                          (", -z bslz4 -j 2", "-z bslz4 -j 2")
                          )[:1 if bench.check else 3]:
        sizes = common.WatchRss(
            bench, "q2cat -l %d %s | peakfind -P 2 | cxiwrite -m 1 -o %s %s" % (
                1 if bench.check else 12, c.path, out, options), 16, out).run()
        for name in "q2cat", "peakfind", "cxiwrite":
            if name in sizes and (name == "cxiwrite" or not options):
                bench.row("%s%s: resident, slots and capture not counted" % (
                    name, what if name == "cxiwrite" else ""),
                    sizes[name] / MIB, "MiB", at_most=16)
    if shutil.which("parallel") is None:
        bench.skip("small captures", "GNU parallel is not installed")
        return
    ended, true, ours = parallel(bench, bench.capture(1, 4, shape=common.TINY),
                                 4 if bench.check else 100)
    bench.row("small captures through GNU parallel -j2", ours, "ms each",
              note="the programs ended at once %.1f, three times true(1) %.1f" %
              (ended, true))
    bench.row("  as a multiple of starting the programs", ours / ended, "x")
