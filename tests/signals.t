#!/usr/bin/python3
# The first signal drains, the second ends at once.
import os
import signal
import subprocess
import sys

sys.path.insert(0, "tests")
from proc import *

FEW = capture_make("few", 20, "-C", "64")
FIND = ["peakfind", "-P", "2"]
WRITE = ["cxiwrite", "-m", "0", "-n", "7", "-o", "out", "-l", "log.tsv"]
# No faster than a test can follow, and without an end of its own.
ENDLESS = ["q2cat", "-r", "100", "-l", "0", FEW]


def drained(p, statuses):
    must(p.wait(), "not all have ended")
    must(p.statuses() == statuses, p.statuses(), p.err(0), p.err(1), p.err(2))
    last = len(statuses) - 1
    t = totals(p.err(last))
    must(t is not None and t[0] == t[1] == p.logged() and t[0] > 0, t)
    must("interrupted" in p.err(last), p.err(last))
    must("missing" not in p.err(last) and "sent" not in p.err(last), p.err(last))
    must(sum(cxi_rows(f) for f in p.files()) == t[0], p.files())
    must(not p.files("out/*.tmp"))


def one_ended(p, stage):
    """All know it: those before by their output, those behind by their input."""
    s = p.statuses()
    must(s[stage] == INTERRUPTED, s)
    must(stage == 0 or s[0] == GONE, s)
    must(not p.files("out/*.tmp"), p.files("out/*"))
    if stage < 3:
        # Inline the last record may be cut; the source may have sent its end.
        must(s[3] in (0, INCOMPLETE, INPUT) and (stage == 0 or s[3] != 0), s)
        t = totals(p.err(3))
        must(t[0] == t[1] == p.logged() == sum(map(cxi_rows, p.files())), t)


OTHER = {signal.SIGINT: signal.SIGTERM, signal.SIGTERM: signal.SIGINT}
for sig in signal.SIGINT, signal.SIGTERM:
    for slots in None, 3:
        how = "%s, %s" % (sig.name, "slots" if slots else "inline")

        @test("the first signal to the group drains (%s)" % how)
        def _():
            with Pipeline(ENDLESS, FIND, WRITE, slots=slots) as p:
                must(p.logged_wait(10))
                p.signal_group(sig)
                drained(p, [INTERRUPTED, 0, 0])

        @test("a signal to the source alone drains (%s)" % how)
        def _():
            with Pipeline(ENDLESS, FIND, WRITE, slots=slots) as p:
                must(p.logged_wait(10))
                p.signal(0, sig)
                drained(p, [INTERRUPTED, 0, 0])

        @test("a full-speed source that waits for its reader drains (%s)" % how)
        def _():
            source = ["q2cat", "-l", "0", FEW]
            with Pipeline(source, FIND, WRITE, slots=slots) as p:
                must(p.logged_wait(10))
                p.signal(2, signal.SIGSTOP)
                p.signal_group(sig)
                p.signal(2, signal.SIGCONT)
                drained(p, [INTERRUPTED, 0, 0])

        for stage, name in (1, "peakfind"), (2, "cxiwrite"), (3, "q2cat between"):
            @test("a signal to %s alone changes nothing (%s)" % (name, how))
            def _():
                stages = [["q2cat", "-r", "100", FEW], FIND, WRITE]
                at = stage
                if stage == 3:
                    stages.insert(1, ["q2cat"])
                    at = 1
                with Pipeline(*stages, slots=slots) as p:
                    must(p.logged_wait(2))
                    p.signal(at, sig)
                    must(p.wait(), "not all have ended")
                    must(set(p.statuses()) == {0}, p.statuses())
                    last = len(stages) - 1
                    must(totals(p.err(last)) == (20, 20, 0, 0), p.err(last))
                    must("interrupted" not in p.err(last), p.err(last))

        @test("the second signal ends at once, no file looks finished (%s)" % how)
        def _():
            # The stopped q2cat keeps the drain from coming to its end.
            source = ["q2cat", "-l", "0", FEW]
            write = WRITE[:3] + ["-n", "100000"] + WRITE[5:]
            with Pipeline(source, FIND, ["q2cat"], write, slots=slots) as p:
                must(p.logged_wait(10))
                p.signal(2, signal.SIGSTOP)
                p.signal_group(sig)
                p.signal_taken(0, 1, 3)
                p.signal_group(sig)
                p.signal_taken(0, 1, 3)
                must(wait_for(lambda: state(p.pids[3]) in ("", "Z")))
                p.signal(2, signal.SIGCONT)
                must(p.wait(), "not all have ended")
                source, find, _, write = p.statuses()
                must(source == write == INTERRUPTED, p.statuses())
                # What was in its hands may have gone out between the two.
                must(find in (0, INTERRUPTED), p.statuses())
                must(not p.files("out/*cxi*"), p.files("out/*"))

        for stage, name in enumerate(("q2cat", "peakfind", "q2cat between",
                                      "cxiwrite")):
            @test("the second signal to %s alone ends it at once (%s)" % (
                name, how))
            def _():
                with Pipeline(ENDLESS, FIND, ["q2cat"], WRITE, slots=slots) as p:
                    must(p.logged_wait(10))
                    if stage == 0:
                        # Else it would have come to its end before the second.
                        p.signal(3, signal.SIGSTOP)
                    p.signal(stage, sig)
                    p.signal_taken(stage)
                    p.signal(stage, OTHER[sig])
                    must(wait_for(lambda: state(p.pids[stage]) in ("", "Z")))
                    p.signal(3, signal.SIGCONT)
                    must(p.wait(), "not all have ended")
                    one_ended(p, stage)

        @test("the first signal drains under sh -c (%s)" % how)
        def _():
            line = "trap : INT TERM; %s | %s | %s 2>err.2; echo $? >status" % (
                " ".join(ENDLESS), " ".join(FIND), " ".join(WRITE))
            with Pipeline(line, slots=slots) as p:
                must(p.logged_wait(10))
                p.signal_group(sig)
                must(p.wait(), "not all have ended")
                must(read(p.path("status")) == "0\n", p.err(2))
                t = totals(p.err(2))
                must(t[0] == t[1] == sum(map(cxi_rows, p.files())), t)
                must("interrupted" in p.err(2), p.err(2))

        for n in 1, 2:
            @test("q2sim hears signal %d (%s)" % (n, how))
            def _():
                sim = ["q2sim", "-D", "cspad", "-S", "5"]
                with Pipeline(sim, ["q2cat"], FIND, WRITE, slots=slots) as p:
                    must(p.logged_wait(1))
                    if n == 1:
                        p.signal(0, sig)
                        drained(p, [INTERRUPTED, 0, 0, 0])
                        return
                    p.signal(3, signal.SIGSTOP)
                    p.signal(0, sig)
                    p.signal_taken(0)
                    p.signal(0, sig)
                    must(wait_for(lambda: state(p.pids[0]) in ("", "Z")),
                         "q2sim still runs")
                    p.signal(3, signal.SIGCONT)
                    must(p.wait(), "not all have ended")
                    must(p.statuses()[0] == INTERRUPTED, p.statuses())

BLOCKED = ["env", "--block-signal=INT,TERM"]

for slots in None, 3:
    how = "slots" if slots else "inline"

    @test("a terminal that hangs up drains, though kernel and shell both say it (%s)" %
          how)
    def _():
        with Pipeline(ENDLESS, FIND, WRITE, slots=slots) as p:
            must(p.logged_wait(10))
            p.signal_group(signal.SIGHUP)
            p.signal_group(signal.SIGHUP)
            drained(p, [INTERRUPTED, 0, 0])

    @test("under nohup it changes nothing (%s)" % how)
    def _():
        run = ["q2cat", "-r", "50", FEW]
        stages = [["sh", "-c", 'trap "" HUP; exec "$@"', "sh"] + x
                  for x in (run, FIND, WRITE)]
        with Pipeline(*stages, slots=slots) as p:
            must(p.logged_wait(5))
            p.signal_group(signal.SIGHUP)
            must(p.wait(), "not all have ended")
            must(p.statuses() == [0, 0, 0] and p.logged() == 20, p.statuses())


@test("the first signal drains, though it was blocked when all began")
def _():
    with Pipeline(BLOCKED + ENDLESS, BLOCKED + FIND, BLOCKED + WRITE) as p:
        must(p.logged_wait(10))
        p.signal_group(signal.SIGINT)
        drained(p, [INTERRUPTED, 0, 0])


@test("a second signal leaves no half of the statistics")
def _():
    slow = os.path.join(scratch(), "slow_disk.so")
    must(subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC",
                         "-D_GNU_SOURCE", "-o", slow, "tests/slow_disk.c",
                         "-ldl"]).returncode == 0)
    write = ["env", "LD_PRELOAD=" + slow, "GO=never", "cxiwrite", "-m", "1000", "-o",
             "out", "-S", "stats.json"]
    with Pipeline(["q2cat", FEW], FIND, write) as p:
        must(wait_for(lambda: p.files("stats.json.*")))
        for sig in signal.SIGINT, signal.SIGTERM:
            p.signal(2, sig)
            if sig == signal.SIGINT:
                p.signal_taken(2)
        must(p.wait(), "cxiwrite goes on")
        must(p.statuses()[2] == INTERRUPTED, p.statuses())
        must(not p.files("stats.json.*"), p.files("stats.json.*"))


@test("a signal ends q2cat -K among junk without an end")
def _():
    with Pipeline(["q2cat", "-K", "/dev/urandom"], ["cat"]) as p:
        must(wait_for(lambda: state(p.pids[0]) == "R" and
                      catches(p.pids[0], signal.SIGINT)))
        p.signal(0, signal.SIGINT)
        must(p.wait(), "q2cat reads on")
        must(p.statuses()[0] == INTERRUPTED, p.statuses(), p.err(0))

for program, how in [(p, h) for p in (FIND, ["q2cat"], ["cxiwrite", "-o", "out"],
                                      ["q2ls"]) for h in ([], BLOCKED)]:
    @test("%s that waits for input ends at the second signal%s" % (
        program[0], ", which were blocked when it began" if how else ""))
    def _():
        with Pipeline(["sleep", "1000"], how + program) as p:
            must(wait_for(lambda: catches(p.pids[1], signal.SIGINT)))
            p.signal(1, signal.SIGINT)
            p.signal_taken(1)
            must(state(p.pids[1]) not in ("", "Z"), "ended at the first")
            p.signal(1, signal.SIGTERM)
            must(wait_for(lambda: state(p.pids[1]) in ("", "Z")))
            p.signal(0, signal.SIGKILL)
            must(p.wait())
            must(p.statuses()[1] == INTERRUPTED, p.statuses())

done()
