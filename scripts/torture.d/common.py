"""What the sections of scripts/torture share: material, checks, a sane end."""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from proc import *

KILLED = -signal.SIGKILL
FIND = ["peakfind", "-P", "2"]
PIECEMEAL = [sys.executable, "-c", """
import os
while b := os.read(0, 256):
    while b:
        b = b[os.write(1, b):]
"""]
SLUGGISH = [sys.executable, "-c", """
import os, time
while b := os.read(0, 65536):
    time.sleep(0.002)
    while b:
        b = b[os.write(1, b):]
"""]
# Address sanitizer's own memory is not what is bounded here.
MEASURED = "san" not in os.path.basename(B)

_made = {}


def capture(name, events, **how):
    """A capture of that name, made when it is first asked for; small peaks."""
    if name not in _made:
        _made[name] = capture_make(name, events, "-C", "64", **how)
    return _made[name]


class Torture:
    """One section's rounds: counts, and says what failed and how to repeat it."""

    def __init__(self, name, seed, end, rounds):
        self.name, self.seed, self.end, self.rounds = name, seed, end, rounds
        self.passed = self.failed = 0

    def each(self, function, rounds):
        """Calls function(random, round) so often: each round is its own seed."""
        for k in range(self.rounds or rounds):
            if time.monotonic() > self.end:
                print("%s: out of time after %d rounds" % (self.name, k))
                return
            rng = random.Random("%s %s %d" % (self.seed, self.name, k))
            self.one("round %d" % k, lambda: function(rng, k))

    def one(self, what, function):
        try:
            said = function()
        except Exception as e:      # noqa: whatever it is, the next one runs
            self.failed += 1
            print("FAILED %s, %s (-s %s): %s: %s" % (
                self.name, what, self.seed, type(e).__name__, e), flush=True)
            return
        self.passed += 1
        if said:
            print("%s, %s: %s" % (self.name, what, said), flush=True)


def between(rng, stages, share=0.5):
    """Now and then another program between two; returns stages and places.

    Places are those of source, peakfind and cxiwrite.
    """
    others = [["cat"], ["q2cat"], PIECEMEAL, SLUGGISH]
    out, at = [stages[0]], [0]
    for stage in stages[1:]:
        if rng.random() < share / 2:
            out.append(rng.choice(others))
        at.append(len(out))
        out.append(stage)
    return out, at


def moment_wait(rng, p, events=60, seconds=0.4):
    """Waits until a random moment: of time, or of progress."""
    if rng.random() < 0.5:
        time.sleep(rng.random() ** 2 * seconds)
    else:
        n = rng.randrange(1, events)
        wait_for(lambda: p.logged() >= n or p.leader.poll() is not None, 5)


def log_rows(p):
    """The lines of the log, but for a last one that is not whole."""
    lines = read(p.path("log.tsv")).split("\n")[1:-1]
    return [x.split("\t") for x in lines]


def files_judge(p, dump=False):
    """No name of a CXI file holds an incomplete one; all rows of all files."""
    last = {x[7]: int(x[8]) + 1 for x in log_rows(p) if x[6] == "1"}
    total = 0
    for f in p.files():
        rows = cxi_rows(f)
        must(rows == last.get(os.path.basename(f)), f, rows, last)
        total += rows
        if dump:
            h5 = subprocess.run(["h5dump", f], stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)
            must(h5.returncode == 0, "h5dump", f, h5.stderr[-200:])
    listed = read(p.path("out/peaknet.lst")).split()
    must(set(listed) <= set(p.files()), "listed, but not there", listed)
    # The last one may not have been listed yet.
    must(len(set(p.files()) - set(listed)) <= 1, "not listed", listed)
    return total


def nothing_left(p, limit=LIMIT):
    """All have ended, soon; nobody has the segment any more."""
    must(p.wait(limit), "not all have ended: %s" % {
        x: read("/proc/%d/comm" % x).strip() for x in p.members()})
    must(not p.segment(), "the segment is still held")


def truth_judge(p, stage, status):
    """cxiwrite ended by itself: its totals, words and status are true."""
    said = p.err(stage)
    t = totals(said)
    must(t is not None, "no totals", status, said)
    must(t[0] == sum(t[1:]), "in = written + filtered + failed", said)
    must(t[1] == sum(map(cxi_rows, p.files())), "written", said, p.files())
    must(t[0] == len(log_rows(p)), "in", said, len(log_rows(p)))
    must(not p.files("out/*.tmp"), p.files("out/*"))
    words = {INCOMPLETE: ("without its end record" in said or
                          "empty: no stream" in said or " came" in said),
             INPUT: "ends inside" in said, 0: "missing" not in said,
             FAILED: t[3] > 0}
    must(words.get(status), "status %s" % status, said)
    return t


def clean():
    shutil.rmtree(scratch())
