"""Readers that leave: all in front of them end within a second, quietly."""
from common import *

BOUND = 1.0
SLACK = 2.0                     # of a machine that has other things to do
LEAVES = """
import os, sys, time
n = int(sys.argv[1])
while n > 0 and (b := os.read(0, min(n, 65536))):
    n -= len(b)
open("left", "w").close()
"""


def ends_round(rng, k):
    slots = rng.choice([None, 1, 3, 20])
    path = capture("small", 40)
    rate = rng.choice([[], ["-r", "2"], ["-r", "500"]])
    stages = [["q2cat", *rate, "-l", "0", path], FIND]
    if rng.random() < 0.3:
        stages = stages[:1]
    elif not slots and rng.random() < 0.3:
        stages.insert(rng.choice([1, 2]), ["cat"])
    ours = len(stages)
    # By reference a reader must leave before it has all references there are.
    size = rng.choice([0, 1, 4096, 4160] if slots else [0, 1, 10000, 100000])
    if rate == ["-r", "2"]:
        size = min(size, 4096)
    head = [sys.executable, "-c", LEAVES, str(size)]
    with Pipeline(*stages, head, slots=slots) as p:
        must(wait_for(lambda: os.path.exists(p.path("left"))), "never left", size)
        left = time.monotonic()
        nothing_left(p)
        took = time.monotonic() - left
        s = p.statuses()
        told = "%s, slots %s, statuses %s, %d bytes" % (
            [x[0] for x in stages], slots, s, size)
        must(took <= BOUND + SLACK, "%.1f s" % took, told)
        must(s[0] == GONE and s[-1] == 0, told)
        for i in range(ours):
            if stages[i] == ["cat"]:
                continue
            # Behind cat its source may have been cut inside an event.
            must(s[i] == GONE or ["cat"] in stages and s[i] in (0, INPUT), told)
            said = [x for x in p.err(i).splitlines() if "slots x" not in x]
            must(not said or s[i] == INPUT, said, told)
        return took


def run(t):
    longest = []

    def one(rng, k):
        longest.append(ends_round(rng, k))
    t.each(one, 60)
    print("ends: the longest took %.2f s" % max(longest, default=0))
