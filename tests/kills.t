#!/usr/bin/python3
# SIGKILL to anything: nobody hangs, nothing is left, nobody lies.
import os
import signal
import subprocess
import sys

sys.path.insert(0, "tests")
from proc import *

EVENTS = 20
# Large enough that workers send each result by itself; small ones go in batches.
FEW = capture_make("few", EVENTS, "-C", "64", height=128, width=192)
SEALED = capture_make("sealed", EVENTS, "-C", "64", "-c", height=128, width=192)
SMALL = capture_make("small", EVENTS, "-C", "64")
FIND = ["peakfind", "-P", "2"]
WRITE = ["cxiwrite", "-m", "0", "-n", "7", "-o", "out", "-l", "log.tsv"]
ENDLESS = ["q2cat", "-r", "200", "-l", "0", FEW]
MODES = ("inline", None), ("slots", 3)
KILLED = -signal.SIGKILL

PRELOAD = os.path.join(scratch(), "die_at_event.so")
CC = os.environ.get("CC", "cc")
PRELOADED = subprocess.run(
    [CC, "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", PRELOAD,
     "tests/die_at_event.c", "-ldl"]).returncode == 0


def nothing_left(p):
    must(p.wait(), "not all have ended: %s" % p.programs())
    must(not p.segment())
    # Every file opens, is readable and has as many rows as the log says.
    log = [x.split("\t") for x in read(p.path("log.tsv")).splitlines()]
    for f in p.files():
        rows = [x for x in log if os.path.basename(f) in x]
        must(cxi_rows(f) == len(rows), f, len(rows))


def wrote_truly(p, stage):
    """cxiwrite lived: its words are those of the files."""
    t = totals(p.err(stage))
    must(t is not None and t[0] == t[1], p.err(stage))
    must(sum(map(cxi_rows, p.files())) == t[1], t, p.files())
    must(not p.files("out/*.tmp"), p.files("out/*"))
    return t[0]


def kill_at(victim, moment, between, slots):
    """Kills a program when so many events were written; returns the pipeline."""
    stages = [ENDLESS, FIND, WRITE]
    if between:
        stages = [ENDLESS, between, FIND, between, WRITE]
        victim *= 2
    p = Pipeline(*stages, slots=slots)
    if victim == 4:
        # Before it has locked the slots, cat alone could know of its end.
        wait_for(lambda: os.path.exists(p.path("log.tsv")))
    p.logged_wait(moment)
    p.signal(victim, signal.SIGKILL)
    return p


def q2cat_killed(p, s):
    must(s[0] == KILLED and s[-1] == INCOMPLETE, s)
    # Inline it may have been in the middle of an event.
    must(s[(len(s) - 1) // 2] in (0, INPUT), s)
    must("without its end" in p.err(len(s) - 1) or
         "empty: no stream" in p.err(len(s) - 1), p.err(len(s) - 1))
    wrote_truly(p, len(s) - 1)


def peakfind_killed(p, s):
    must(s[0] == GONE and s[-1] in (INCOMPLETE, INPUT), s)
    wrote_truly(p, len(s) - 1)


def cxiwrite_killed(p, s):
    must(s[0] == GONE and s[-1] == KILLED, s)
    # Where a program is between, its source may have ended before that told it.
    must(s[(len(s) - 1) // 2] in ((GONE,) if len(s) == 3 else (GONE, 0, INPUT)), s)


VICTIMS = (("q2cat", q2cat_killed), ("peakfind", peakfind_killed),
           ("cxiwrite", cxiwrite_killed))
SLOW = [sys.executable, "-c", """
import os
while b := os.read(0, 256):
    os.write(1, b)
"""]
for mode, slots in MODES:
    for victim, (name, judge) in enumerate(VICTIMS):
        for between, way in (None, ""), (["cat"], ", with cat between"):
            @test("%s is killed%s (%s)" % (name, way, mode))
            def _():
                for moment in 0, 1, 15:
                    with kill_at(victim, moment, between, slots) as p:
                        nothing_left(p)
                        judge(p, p.statuses())

    @test("cxiwrite is killed behind a program that reads piecemeal (%s)" % mode)
    def _():
        with kill_at(2, 3, SLOW, slots) as p:
            nothing_left(p)
            must(p.statuses()[0] == GONE, p.statuses())

    @test("a stopped cxiwrite is killed (%s)" % mode)
    def _():
        for between in None, ["cat"]:
            stages = [["q2cat", "-l", "0", FEW], FIND, WRITE]
            if between:
                stages.insert(2, between)
            with Pipeline(*stages, slots=slots) as p:
                must(p.logged_wait(1))
                p.signal(-1, signal.SIGSTOP)
                # All have come to a stop when nobody makes progress.
                wait_for(lambda: False, 0.3)
                p.signal(-1, signal.SIGKILL)
                nothing_left(p)
                must(p.statuses()[0] == GONE, p.statuses())

    @test("a worker is stopped and cxiwrite killed (%s)" % mode)
    def _():
        with Pipeline(ENDLESS, FIND, WRITE, slots=slots) as p:
            must(p.logged_wait(1))
            for worker in p.workers():
                p.send(worker, signal.SIGSTOP)
            p.signal(2, signal.SIGKILL)
            nothing_left(p)
            must(p.statuses() == [GONE, GONE, KILLED], p.statuses())

    @test("the shell is killed, the others go on to the end (%s)" % mode)
    def _():
        line = "q2cat -r 100 %s | %s | %s 2>err.2; :" % (
            FEW, " ".join(FIND), " ".join(WRITE))
        with Pipeline(line, slots=slots) as p:
            must(p.logged_wait(2))
            for shell in p.programs("sh"):
                p.send(shell, signal.SIGKILL)
            nothing_left(p)
            must(totals(p.err(2)) == (EVENTS, EVENTS, 0, 0), p.err(2))

    @test("all are killed at once (%s)" % mode)
    def _():
        with Pipeline(ENDLESS, FIND, WRITE, slots=slots) as p:
            must(p.logged_wait(10))
            p.signal_group(signal.SIGKILL)
            nothing_left(p)


# ---- workers ----

def good_bytes(capture):
    with Pipeline(["q2cat", capture], FIND, WRITE) as p:
        must(p.wait() and p.statuses() == [0, 0, 0], p.statuses())
        return p.bytes()


GOOD = {x: good_bytes(x) for x in (FEW, SEALED, SMALL)}


def dying(event, times, late, options=("-P", "2")):
    """peakfind, a worker of which dies so many times at an event."""
    return ["env", "LD_PRELOAD=" + PRELOAD, "DIE_AT=%d %d %d %s" % (
        event, times, late, "deaths"), "peakfind", *options]


for mode, slots in MODES:
    @test("workers killed from outside lose nothing (%s)" % mode)
    def _():
        with Pipeline(["q2cat", "-r", "100", FEW], FIND, WRITE, slots=slots) as p:
            for n in range(3):
                # What died before has been written: no event dies twice.
                must(p.logged_wait(1 + 6 * n))
                worker = wait_for(lambda: p.workers() or
                                  state(p.pids[1]) in ("", "Z"))
                if worker is True:
                    break
                p.send(worker[0], signal.SIGKILL)
            nothing_left(p)
            must(p.statuses() == [0, 0, 0], p.statuses())
            must("killed by signal 9" in p.err(1), p.err(1))
            must(p.bytes() == GOOD[FEW])

    if not PRELOADED:
        continue
    for capture, kind in (FEW, ""), (SEALED, ", with checksums"):
        for late, when in (0, "as it begins"), (1, "before its result is sent"):
            for workers in "1", "3":
                @test("a worker dies of an event %s, another redoes it "
                      "(-P %s%s, %s)" % (when, workers, kind, mode))
                def _():
                    for event in 0, 9, EVENTS - 1:
                        find = dying(event, 1, late, ("-P", workers))
                        with Pipeline(["q2cat", capture], find, WRITE,
                                      slots=slots) as p:
                            nothing_left(p)
                            must(p.statuses() == [0, 0, 0], p.statuses(),
                                 p.err(1), p.err(2))
                            must("at event %d of stream" % event in p.err(1) and
                                 "goes to another" in p.err(1), p.err(1))
                            must(p.bytes() == GOOD[capture], "other bytes")

    for workers in "1", "3":
        @test("a worker dies in the middle of a batch of small events "
              "(-P %s, %s)" % (workers, mode))
        def _():
            for event in 0, 9, EVENTS - 1:
                find = dying(event, 1, 0, ("-P", workers))
                with Pipeline(["q2cat", SMALL], find, WRITE, slots=slots) as p:
                    nothing_left(p)
                    must(p.statuses() == [0, 0, 0], p.statuses(), p.err(1))
                    must("at event %d of stream" % event in p.err(1), p.err(1))
                    must(p.bytes() == GOOD[SMALL], "other bytes")

    for late in 0, 1:
        @test("an event that kills two workers has failed and is named "
              "(%s, %s)" % ("late" if late else "early", mode))
        def _():
            for capture in FEW, SEALED:
                with Pipeline(["q2cat", capture], dying(9, 99, late), WRITE,
                              slots=slots) as p:
                    nothing_left(p)
                    must(p.statuses() == [0, 0, FAILED] or
                         p.statuses() == [0, FAILED, FAILED], p.statuses())
                    must(read(p.path("deaths")) == "xx", "deaths")
                    must(totals(p.err(2)) == (EVENTS, EVENTS - 1, 0, 1), p.err(2))
                    must("event 9" in p.err(1) and "has failed" in p.err(1))
                    must("event 9 (batch_9/0)" in p.err(2), p.err(2))
                    rows = [x.split("\t") for x in
                            read(p.path("log.tsv")).splitlines()]
                    must([x[0] for x in rows if x[6] == "failed"] == ["9"], rows)
                    must(sum(map(cxi_rows, p.files())) == EVENTS - 1)

@test("idle workers may die as often as they like while events go on")
def _():
    # One record at a time: between two the worker has nothing to do.
    with open(FEW, "rb") as f:
        data = f.read()
    header, end = data[:4096], data[-64:]
    size = (len(data) - 4096 - 64) // EVENTS
    with open(os.path.join(scratch(), "idle"), "wb") as err:
        p = subprocess.Popen(["peakfind"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=err)
    p.stdin.write(header)
    p.stdin.flush()
    out = p.stdout.read(4096)
    length = None
    for k in range(EVENTS):
        p.stdin.write(data[4096 + k * size:4096 + (k + 1) * size])
        p.stdin.flush()
        head = p.stdout.read(64)
        length = int.from_bytes(head[16:24], "little")
        p.stdout.read(length - 64)
        worker = wait_for(lambda: [
            int(c) for c in read("/proc/%d/task/%d/children" % (
                p.pid, p.pid)).split()])
        os.kill(worker[0], signal.SIGKILL)
        must(wait_for(lambda: str(worker[0]) not in read(
            "/proc/%d/task/%d/children" % (p.pid, p.pid)).split()))
    p.stdin.write(end)
    p.stdin.close()
    must(p.stdout.read() == end)
    must(p.wait() == 0, p.returncode)

done()
