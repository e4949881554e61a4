#!/usr/bin/python3
# A reader that has gone ends everything upstream, quietly and soon.
import os
import signal
import sys

sys.path.insert(0, "tests")
from proc import *

FEW = capture_make("few", 20, "-C", "64")
CAT = ["q2cat", "-l", "0", FEW]
SLOW = ["q2cat", "-r", "2", "-l", "0", FEW]
# Begins when readers that leave at once have surely left.
LATE = ["sh", "-c", 'sleep 1; exec "$@"', "sh"] + CAT
SIM = ["q2sim", "-D", "cspad"]
FIND = ["peakfind", "-P", "2"]
EARLY = [sys.executable, "-c", "import os; os.read(0, 100)"]
WRITE = ["cxiwrite", "-m", "0", "-o", "out"]
BAD = ["cxiwrite", "-n", "nonsense"]


def quiet(p, stages):
    """They said nothing but what memory they may need."""
    for i in stages:
        lines = [x for x in p.err(i).splitlines() if "slots x" not in x]
        must(not lines, lines)


def goes(sources, reader, slots, last):
    """Everything ends; sources have the status for a reader that has gone."""
    with Pipeline(*sources, *reader, slots=slots) as p:
        must(p.wait(), "not all have ended: %s" % p.programs())
        must(not p.segment())
        s = p.statuses()
        must(s[:len(sources)] == [GONE] * len(sources), s)
        must(s[-1] in last, s)
        quiet(p, range(len(sources)))


for mode, slots in ("inline", None), ("slots", 2):
    # References: a head that waits for more holds all tokens, and may.
    size = "4200" if slots else "10000"
    for name, reader, last in (
            ("head -c " + size, [["head", "-c", size]], (0,)),
            ("true", [["true"]], (0,)),
            ("a reader that leaves early", [EARLY], (0,)),
            ("cxiwrite with a bad option", [BAD], (1,))):
        @test("%s ends q2cat and peakfind (%s)" % (name, mode))
        def _():
            goes([CAT, FIND], reader, slots, last)

        @test("%s ends q2cat alone (%s)" % (name, mode))
        def _():
            goes([CAT], reader, slots, last)

        @test("%s ends a slow q2cat (%s)" % (name, mode))
        def _():
            goes([SLOW, FIND], reader, slots, last)

        # By reference cat cannot know of a stranger that took all tokens along;
        # nor of one that would not have read, but was still there to be sent to.
        if slots and reader[0][0] not in ("true", "cxiwrite"):
            continue
        source = LATE if slots else CAT

        @test("%s behind cat ends q2cat (%s)" % (name, mode))
        def _():
            with Pipeline(source, FIND, ["cat"], *reader, slots=slots) as p:
                must(p.wait(), "not all have ended: %s" % p.programs())
                must(p.statuses()[0] == GONE, p.statuses())
                # Its source may have ended before its own reader did.
                must(p.statuses()[1] in (GONE, 0, INPUT), p.statuses())
                quiet(p, [0])

    @test("cxiwrite with a bad option between cats ends q2cat (%s)" % mode)
    def _():
        with Pipeline(LATE if slots else CAT, ["cat"], FIND, ["cat"], BAD,
                      slots=slots) as p:
            must(p.wait(), "not all have ended: %s" % p.programs())
            must(p.statuses()[0] == GONE, p.statuses())
            quiet(p, [0])

    @test("a reader that leaves ends q2ls and all before it (%s)" % mode)
    def _():
        goes([CAT, FIND, ["q2ls"]], [["head", "-n", "3"]], slots, (0,))

    @test("peakfind with a bad option ends q2cat (%s)" % mode)
    def _():
        with Pipeline(CAT, ["peakfind", "-P", "x"], WRITE, slots=slots) as p:
            must(p.wait(), "not all have ended: %s" % p.programs())
            must(p.statuses() == [GONE, USAGE, INCOMPLETE], p.statuses())
            quiet(p, [0])

@test("head -c 10000 ends all with the usual number of slots")
def _():
    goes([CAT, FIND], [["head", "-c", "10000"]], 100, (0,))

@test("head ends q2sim")
def _():
    goes([SIM], [["head", "-c", "10000"]], None, (0,))

done()
