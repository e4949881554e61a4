#!/usr/bin/python3
# A run that broke off is carried on over inputs that were missing, cut or damaged,
# or that a program in front could not take: nothing is lost, nothing comes twice.
import json
import os
import re
import shutil
import sys

sys.path.insert(0, "tests")
import q2bytes
from resuming import *

INCOMPLETE = 5
COPY = "cp %s a.q2; cp %s b.q2; " % (RUN, OTHER)


def events(log):
    return [line.split(b"\t")[:7] for line in log.splitlines()]


def stats():
    return json.loads(read(DIR + "/stats.json"))


@test("headers that are said again while nobody reads count as nothing")
def _():
    empty()
    line = "q2cat -n 15 %s %s | peakfind | { sleep %d; exec %s; }"
    for wait in 0, 5:
        shutil.rmtree(DIR + "/out", ignore_errors=True)
        sh("rm -f log.tsv; q2slots -n 2 bash -c '%s'" %
           (line % (RUN, OTHER, wait, WRITE)))
        must(wanted() == (1, 3), wait, wanted())
    r = go_on(inputs=RUN + " " + OTHER, slots=True)
    must(r.returncode == 0, r.stderr)
    # The end of -n ended a file, too: rows are others.
    must(events(read(DIR + "/log.tsv", "rb")) == events(TWO["log.tsv"]))


@test("an input cut right behind its header is missing, and taken when it is whole")
def _():
    empty()
    r = sh(COPY + "head -c 4096 a.q2 >c.q2; q2cat c.q2 b.q2 | peakfind | " + WRITE)
    must(r.returncode == INCOMPLETE and "c.q2: ends behind a stream header" in r.stderr,
         r.returncode, r.stderr)
    sh("cp a.q2 c.q2")
    same(TWO, go_on(inputs="c.q2 b.q2"))


@test("also a piece of a run that is cut so")
def _():
    empty()
    sh("q2cat -n 5 %s >p0; q2cat -s 5 -n 4 %s >p1; q2cat -s 9 %s >p2" % (RUN, RUN, RUN))
    r = sh("head -c 4096 p1 >cut; q2cat p0 cut p2 | peakfind | " + WRITE)
    must(r.returncode == INCOMPLETE, r.returncode, r.stderr)
    r = sh("mv p1 cut; q2cat -s $(cxiwrite -R -o out) p0 cut p2 | peakfind | %s -r" %
           WRITE)
    same(GOOD, r)


@test("the place that the last line tells is that of -R")
def _():
    empty()
    event = (os.path.getsize(RUN) - 4096 - 64) // EVENTS
    write = "cxiwrite -m 0 -n 1 -o out -l log.tsv"
    good = undisturbed("q2cat %s %s | peakfind | %s" % (RUN, OTHER, write))
    sh(COPY)
    for k in 1, 2:
        sh("head -c %d %s >a.q2" % (4096 + k * event, RUN))
        go_on(inputs="a.q2 b.q2" if k == 1 else "a.q2", write=write)
    sh(COPY)
    same(good, go_on(inputs="a.q2 b.q2", write=write))


@test("a stream that peakfind refuses behind a good one makes no complete run")
def _():
    empty()
    r = sh(COPY + "peakfind <b.q2 >f.q2; q2cat a.q2 f.q2 | peakfind | %s -S stats.json"
           % WRITE)
    must("neither logits nor" in r.stderr and r.returncode == INCOMPLETE, r.returncode,
         r.stderr)
    must(not stats()["complete"])
    same(TWO, go_on(inputs="a.q2 b.q2"))


@test("an input that was missing before the place brings nothing twice")
def _():
    dumps = []
    for k in range(3):
        dumps.append(os.path.join(scratch(), "d%d.h5" % k))
        dump_make(dumps[k], 4, seed=k)
    write = "cxiwrite -m 0 -n 4 -o out -l log.tsv"
    line = " ".join(dumps)
    good = undisturbed("q2cat %s | peakfind | %s" % (line, write))
    for gone in dumps:
        empty()
        same(good, go_on(inputs=line, write=write))
        os.rename(gone, DIR + "/away")
        r = go_on(inputs=line, write=write)
        must(r.returncode == INCOMPLETE, r.returncode, r.stderr)
        os.rename(DIR + "/away", gone)
        same(good, go_on(inputs=line, write=write))


@test("an input that ends before the place is no complete run")
def _():
    empty()
    sh(COPY + "q2cat a.q2 b.q2 | peakfind | head -c -64 | " + WRITE)
    at = wanted()
    must(at[0] == 1, at)
    r = sh("q2cat -s %d:%d a.q2 b.q2 | head -c 6000 | peakfind | %s -r -S stats.json" %
           (*at, WRITE))
    must(r.returncode == INCOMPLETE and wanted() == at, r.returncode, r.stderr)
    must(not stats()["complete"])
    # Nor is one with an end, of fewer inputs.
    r = sh("q2cat -n 0 a.q2 | peakfind | %s -r -S stats.json" % WRITE)
    must(r.returncode == INCOMPLETE and wanted() == at, r.returncode, r.stderr)
    must("standard input: ends before stream 1 of the input" in r.stderr and
         "give q2cat -s %d:%d, and" % at in r.stderr, r.stderr)
    must(not stats()["complete"])
    same(TWO, go_on(inputs="a.q2 b.q2"))


@test("a run carried on behind the place that is wanted keeps its hits, and says so")
def _():
    write = WRITE.replace("-n 3", "-n 4")
    good = undisturbed("peakfind <%s | %s" % (RUN, write))
    # No event is left; one that is no hit.
    for events, behind in (EVENTS, "-s 0:12"), (4, "-s 0:4 -n 1"):
        empty()
        sh("q2cat -n %d %s | peakfind | head -c -64 | %s" % (events, RUN, write))
        before, at = results(), wanted()
        last = max(before)
        must(last.endswith(".cxi") and at < (0, events - 1), last, at)
        r = sh("q2cat %s %s | peakfind | %s -r -S stats.json" % (behind, RUN, write))
        must(r.returncode == INCOMPLETE and wanted() == at, r.returncode, r.stderr)
        must("place/%s: its events did not come again" % last in r.stderr, r.stderr)
        must(not stats()["complete"])
        after = results()
        must(all(after[n] == before[n] for n in before if n.endswith(".cxi")))
        same(good, go_on(write=write))


@test("a batch that was left out of a dump and is mended is taken, and none twice")
def _():
    whole = os.path.join(scratch(), "whole.h5")
    dump_make(whole, 8, seed=5)
    write = "cxiwrite -m 0 -n 2 -o out -l log.tsv"
    good = undisturbed("q2cat %s | peakfind | %s" % (whole, write))
    shutil.copy(whole, DIR + "/d.h5")
    with h5py.File(DIR + "/d.h5", "r+") as f:
        del f["batch_2/logits"]
    r = go_on(inputs="d.h5", write=write)
    must(r.returncode == INCOMPLETE, r.returncode, r.stderr)
    shutil.copy(whole, DIR + "/d.h5")
    same(good, go_on(inputs="d.h5", write=write))


@test("a piece without its end, left out of a shard, is not counted as nonsense")
def _():
    for options in "-i 1/2", "-s 0:%d" % EVENTS:
        empty()
        r = sh(COPY + "head -c -64 a.q2 >c.q2; q2cat -n 2 a.q2 >two.q2;"
               " q2cat %s c.q2 two.q2 | peakfind | %s -S stats.json" % (options, WRITE))
        must("18446744073709551" not in r.stderr and stats()["missing"] >= 0, r.stderr)


@test("a log that the run does not have is refused where it is carried on")
def _():
    empty()
    write = "cxiwrite -m 11 -n 3 -o out"
    sh("q2cat -n 4 %s | peakfind | head -c -64 | %s" % (RUN, write))
    before = results(journal=True)
    r = go_on(write=write, more="-l l.tsv")
    must(r.returncode == 1 and "the run has no log; leave out -l" in r.stderr,
         r.returncode, r.stderr)
    must(results(journal=True) == before)
    r = go_on(write=write)
    must(r.returncode == 0, r.stderr)


def holed(target, *lost):
    """The run without some events, as a careless program between leaves it."""
    with open(DIR + "/" + target, "wb") as f:
        for kind, seq, _, record in q2bytes.records(read(RUN, "rb")):
            if kind != q2bytes.TYPE_EVENT or seq not in lost:
                f.write(record)


@test("events lost by a program between are said, and not promised by carrying on")
def _():
    empty()
    holed("a.q2", 2, 3)
    r = sh("q2cat a.q2 %s | peakfind | %s" % (OTHER, WRITE))
    must(r.returncode == INCOMPLETE and "12 events were sent, 10 came" in r.stderr and
         "begin anew, with -f" in r.stderr and "carry on" not in r.stderr, r.stderr)
    same(TWO, sh("q2cat %s %s | peakfind | %s -f" % (RUN, OTHER, WRITE)))


@test("a run that lost events between is not carried on, wherever it breaks off later")
def _():
    for cut in "", " | head -c -64", " | head -c -30000":
        empty()
        holed("a.q2", 2, 3)
        sh("q2cat a.q2 %s | peakfind%s | %s" % (OTHER, cut, WRITE))
        before = results(journal=True)
        must(sh("cxiwrite -R -o out").returncode == 6)
        r = sh("q2cat %s %s | peakfind | %s -r" % (RUN, OTHER, WRITE))
        must(r.returncode != 0 and "begin anew, with -f" in r.stderr, r.stderr)
        must(results(journal=True) == before, cut)
        r = sh("cxireport -o r.html out")
        must(r.returncode == 0, r.returncode, r.stderr)
        must("events were lost before cxiwrite" in read(DIR + "/r.html"), cut)
        same(TWO, sh("q2cat %s %s | peakfind | %s -f" % (RUN, OTHER, WRITE)))


@test("a loss that only the end of a carried-on run tells is kept in mind, too")
def _():
    empty()
    sh("q2cat -n 4 %s | peakfind | head -c -64 | %s" % (RUN, WRITE))
    holed("a.q2", 11)
    r = go_on(inputs="a.q2")
    must(r.returncode == INCOMPLETE, r.returncode, r.stderr)
    r = sh("cxiwrite -R -o out")
    must(r.returncode == 6 and "lost" in r.stderr, r.returncode, r.stderr)


@test("a journal that cannot take a loss ends the run, and both are said")
def _():
    empty()
    holed("a.q2", 2, 3)
    line = "peakfind <a.q2 | %s LD_PRELOAD=" + FAULT + " " + WRITE
    sh(line % "FAULT_COUNT=n")
    said = 0
    for n in range(1, int(read(DIR + "/n")) + 1):
        shutil.rmtree(DIR + "/out", ignore_errors=True)
        r = sh("rm -f log.tsv; " + line % ("FAULT_AT='%d once'" % n))
        must(r.returncode == 7, n, r.returncode, r.stderr)
        said += bool(re.search("10 came.*\n.*peaknet.journal: Input/output", r.stderr))
    must(said > 0)


done()
