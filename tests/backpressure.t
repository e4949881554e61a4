#!/usr/bin/python3
# Tokens bound memory, however fast the source and however slow the rest.
import os
import signal
import subprocess
import sys

sys.path.insert(0, "tests")
from proc import *

MIB = 1 << 20
EVENTS = 4
BIG = dict(panels=4, height=512, width=512)
# Logits, segmentation map, image, peaks of one event, and its block.
BIG_RECORD = 4 * 512 * 512 * (2 * 4 + 1 + 4) + 2048 * 48 + 256
SMALL_RECORD = 2 * 32 * 48 * (2 * 4 + 1 + 4) + 2048 * 48 + 256
CONSTANT = 64 * MIB
# Address sanitizer's own memory is not what is bounded here.
MEASURED = "san" not in os.path.basename(B)

big_dump = os.path.join(scratch(), "big.h5")
dump_make(big_dump, EVENTS, **BIG)
big = capture_make("bigc", 16, **BIG)
small_dump = os.path.join(scratch(), "small.h5")
dump_make(small_dump, 25)
small = capture_make("smallc", 100)
found = os.path.join(scratch(), "found.q2")
with open(small, "rb") as source, open(found, "wb") as out:
    subprocess.run(["peakfind"], stdin=source, stdout=out, check=True)
FIND = ["peakfind", "-P", "2"]
WRITE = ["cxiwrite", "-m", "0", "-M", "1", "-o", "out", "-l", "log.tsv"]
KEEP = ["cxiwrite", "-m", "0", "-n", "5", "-o", "out", "-l", "log.tsv"]


class Watch:
    """Measures a pipeline again and again; bound in bytes."""

    def __init__(self, p, bound):
        self.p, self.bound, self.most = p, bound, 0

    def look(self):
        self.most = max(self.most, self.p.pss())
        return False

    def until(self, condition, limit=LIMIT):
        return wait_for(lambda: self.look() or condition(), limit)

    def until_still(self):
        """Until nobody uses a processor any more: all wait for each other."""
        before, still = None, 0
        def condition():
            nonlocal before, still
            now = [read("/proc/%d/stat" % x).split()[11:15]
                   for x in self.p.programs()]
            still = still + 1 if now == before else 0
            before = now
            return still >= 10
        must(self.until(condition), "no standstill")

    def judge(self):
        must(not MEASURED or self.most <= self.bound, "%.1f MiB, at most %.1f"
             % (self.most / MIB, self.bound / MIB))


def arrived(p, events):
    """All ended well, and every event came."""
    must(p.wait(60), "not all have ended: %s" % p.programs())
    must(not p.segment())
    last = len(p.stages) - 1
    must(set(p.statuses()) == {0}, p.statuses(), p.err(0), p.err(last))
    t = totals(p.err(last))
    must(t[0] == sum(t[1:]) == events and t[3] == 0, t)
    seqs = [x.split("\t")[0] for x in read(p.path("log.tsv")).splitlines()[1:]]
    must(seqs == [str(k) for k in range(events)], "order")


def sources(dump, capture, loops):
    """Copied into slots, mapped where it is, copied from a pipe into slots."""
    yield "a dump", [["q2cat", "-l", str(4 * loops), dump]]
    yield "a capture", [["q2cat", "-l", str(loops), capture]]
    yield "a pipe", [["env", "-u", "Q2_SLOTS", "q2cat", "-l", str(loops),
                      capture], ["q2cat"]]


for what, source in sources(big_dump, big, 2):
    bound = 3 * BIG_RECORD + CONSTANT
    if what == "a pipe":
        bound += BIG_RECORD     # in the hands of the one without slots

    for stage, name in (0, "peakfind"), (1, "cxiwrite"):
        @test("a stopped %s bounds memory with 3 slots (%s)" % (name, what))
        def _():
            with Pipeline(*source, FIND, KEEP, slots=3) as p:
                w = Watch(p, bound)
                must(p.logged_wait(2))
                p.signal(len(source) + stage, signal.SIGSTOP)
                w.until_still()
                p.signal(len(source) + stage, signal.SIGCONT)
                w.until(lambda: p.leader.poll() is not None, 60)
                arrived(p, 32)
                w.judge()

    @test("a slow writer bounds memory with 3 slots (%s)" % what)
    def _():
        with Pipeline(*source, FIND, ["q2cat", "-r", "20"], KEEP, slots=3) as p:
            w = Watch(p, bound)
            w.until(lambda: p.leader.poll() is not None, 60)
            arrived(p, 32)
            w.judge()

for what, source in sources(small_dump, small, 5):
    bound = 100 * SMALL_RECORD + CONSTANT

    @test("the default of 100 slots bounds memory with small frames (%s)" % what)
    def _():
        with Pipeline(*source, FIND, WRITE, slots=100) as p:
            w = Watch(p, bound)
            must(p.logged_wait(2))
            p.signal(-1, signal.SIGSTOP)
            w.until_still()
            p.signal(-1, signal.SIGCONT)
            w.until(lambda: p.leader.poll() is not None, 60)
            arrived(p, 500)
            w.judge()

@test("memory is bounded when a loop over a capture begins again")
def _():
    with Pipeline(["q2cat", "-l", "4", big], FIND, KEEP, slots=4) as p:
        w = Watch(p, 4 * BIG_RECORD + CONSTANT)
        must(p.logged_wait(60))
        # All that anybody has mapped is mapped now.
        p.signal(-1, signal.SIGSTOP)
        w.until_still()
        p.signal(-1, signal.SIGCONT)
        arrived(p, 64)
        w.judge()

@test("a slow peak finder bounds memory with 3 slots")
def _():
    slow = [["q2cat", "-l", "8", big_dump], ["q2cat", "-r", "20"], FIND, KEEP]
    with Pipeline(*slow, slots=3) as p:
        w = Watch(p, 3 * BIG_RECORD + CONSTANT)
        w.until(lambda: p.leader.poll() is not None, 60)
        arrived(p, 32)
        w.judge()

@test("one slot is enough for everything")
def _():
    with Pipeline(["q2cat", "-l", "4", small_dump], FIND, KEEP, slots=1) as p:
        arrived(p, 100)

@test("inline, pipes bound memory")
def _():
    with Pipeline(["q2cat", "-l", "2", big], FIND, KEEP) as p:
        # peakfind has a few events in hand for each worker, the others one.
        w = Watch(p, 10 * BIG_RECORD + CONSTANT)
        must(p.logged_wait(2))
        p.signal(2, signal.SIGSTOP)
        w.until_still()
        p.signal(2, signal.SIGCONT)
        w.until(lambda: p.leader.poll() is not None, 60)
        arrived(p, 32)
        w.judge()

@test("GNU parallel inside the pipe gives the same bytes")
def _():
    with Pipeline(["q2cat", small], FIND, KEEP, slots=100) as p:
        arrived(p, 100)
        good = p.bytes()
    part = ["setsid", "-w", "parallel", "-j2", "-k", "--halt", "now,fail=1",
            "--pipe", "--recend", "", "--block", str(8 * 64), "--header",
            "(?s)^.{4096}", "peakfind"]
    with Pipeline(["q2cat", small], part, KEEP, slots=24) as p:
        arrived(p, 100)
        must(p.bytes() == good, "other bytes")

@test("Ctrl-C drains through GNU parallel")
def _():
    part = ["setsid", "-w", "parallel", "-j2", "-k", "--halt", "now,fail=1",
            "--pipe", "--recend", "", "--block", str(4 * 64), "--header",
            "(?s)^.{4096}", "peakfind"]
    with Pipeline(["q2cat", "-r", "200", "-l", "0", small], part, KEEP,
                  slots=12) as p:
        must(p.logged_wait(5))
        p.signal_group(signal.SIGINT)
        must(p.wait(60), "not all have ended: %s" % p.programs())
        must(p.statuses() == [INTERRUPTED, 0, 0], p.statuses(), p.err(2))
        t = totals(p.err(2))
        must(t[0] == t[1] == p.logged() and "interrupted" in p.err(2), p.err(2))

# q2cat says its header again after two seconds in which nobody took a reference.
for what, consumer in (("cxiwrite", "cxiwrite -m 9999 -o out"),
                       ("q2serve", "q2serve -m 9999 -w 0 -l ipc://socket")):
    for find in [], [FIND]:
        @test("%s that begins late gives back the tokens of misses%s" % (
            what, ", behind peakfind" if find else ""))
        def _():
            late = ["sh", "-c", "sleep 5; exec " + consumer]
            source = ["q2cat", small] if find else ["q2cat", found]
            with Pipeline(source, *find, late, slots=2) as p:
                must(p.wait(30), "not all have ended: %s" % p.programs())
                must(set(p.statuses()) == {0}, p.statuses(), p.err(-1))
                must("100 events in" in p.err(len(find) + 1), p.err(len(find) + 1))

done()
