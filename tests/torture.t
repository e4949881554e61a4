#!/usr/bin/python3
# The short form of scripts/torture: its rounds with a fixed seed.
import random
import sys

sys.dont_write_bytecode = True
sys.path[:0] = ["tests", "scripts/torture.d"]
from proc import *
import kill
import million
import resume
import stop

ROUNDS = 12
STOPPED = 0


def dice(k):
    return random.Random("short %d" % k)


for k in range(ROUNDS):
    @test("round %d: %s, nothing is left and nobody lies" % (
        k, kill.WAYS[k % len(kill.WAYS)].__name__.replace("_", " ")))
    def _():
        kill.kill_round(dice(k), k)

@test("whoever is stopped for a while, memory is bounded and nothing is lost")
def _():
    stop.stop_round(dice(STOPPED), 0, 24)

for mode, slots in ("inline", None), ("slots", 100):
    @test("twenty thousand events need no more than two thousand (%s)" % mode)
    def _():
        million.million(slots, 20000)

WRITE = ["cxiwrite", "-r", "-m", "0", "-n", "7", "-o", "out", "-l", "log.tsv"]
RUN = capture_make("run", 20, "-C", "64")


@test("a run that died before it listed its last file lists it, though no event "
      "is left")
def _():
    where = os.path.join(scratch(), "list")
    os.mkdir(where)
    for n in range(2):
        skip = resume.wanted(where)
        with Pipeline(["q2cat", "-s", skip, RUN], ["peakfind"], WRITE,
                      dir=where) as p:
            must(p.wait() and p.statuses() == [0, 0, 0], p.statuses(), p.err(2))
            lines = read(p.path("out/peaknet.lst"))
            must(lines.split() == p.files() and len(p.files()) == 3, lines)
        with open(p.path("out/peaknet.lst"), "w") as f:
            f.write("".join(lines.splitlines(True)[:2]))


@test("cxiwrite may die before it has said that it is there")
def _():
    # It ends without a word when cat has sent it all references there are.
    dead = [sys.executable, "-c", "import os; os.read(0, 4096 + 2 * 64)"]
    late = ["sh", "-c", 'sleep 0.3; exec "$@"', "sh", "env", "-u", "Q2_SLOTS"]
    with Pipeline(["q2cat", "-l", "0", RUN], ["peakfind"], ["cat"], late + dead,
                  slots=2) as p:
        must(p.wait(), "not all have ended: %s" % p.programs())
        must(p.statuses()[:2] == [GONE, GONE], p.statuses())
        must(not p.segment())

done()
