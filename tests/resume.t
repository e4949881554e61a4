#!/usr/bin/python3
# A run that broke off is carried on: cxiwrite -r and -R, and the journal.
#
# ALL=1 in the environment takes every moment, not some of them (make torture).
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, "tests")
import q2bytes
from resuming import *

import h5py

OUTPUT, USAGE = 7, 1


@test("the material has hits, misses, and a last file that is not full")
def _():
    log = [x.split("\t") for x in GOOD["log.tsv"].decode().splitlines()[1:]]
    must({x[6] for x in log} == {"0", "1"}, log)
    must(len(log) == EVENTS and len(GOOD) >= 5, sorted(GOOD))
    must(sum(x[6] == "1" for x in log) % 3 != 0, log)


for mode, slots in MODES:
    @test("the line that carries on begins a run where there is none (%s)" % mode)
    def _():
        empty()
        same(GOOD, go_on(slots=slots))

    @test("and changes nothing of one that is complete (%s)" % mode)
    def _():
        before = results(journal=True)
        r = go_on(slots=slots)
        must(r.returncode == 0 and results(journal=True) == before, r.stderr)
        must(totals(r.stderr)[0] == EVENTS, r.stderr)

    @test("input that breaks off anywhere is carried on (%s)" % mode)
    def _():
        size = os.path.getsize(RUN)
        cuts = range(4096, size, size // (97 if ALL else 7))
        for cut in cuts:
            empty()
            with open(RUN, "rb") as f, open(DIR + "/cut.q2", "wb") as out:
                out.write(f.read(cut))
            r = go_on(DIR + "/cut.q2", slots=slots)
            os.unlink(DIR + "/cut.q2")
            must(r.returncode != 0, cut)
            must("empty" in r.stderr or "-r with the same options" in r.stderr or
                 totals(r.stderr)[0] == 0, cut, r.stderr)
            same(GOOD, go_on(slots=slots))

    @test("two streams are carried on in the first and in the second (%s)" % mode)
    def _():
        for n in range(1, 2 * EVENTS, 1 if ALL else 5):
            empty()
            r = sh("q2cat -n %d %s %s | peakfind | head -c -64 | %s" % (
                n, RUN, OTHER, WRITE))
            must(r.returncode == INCOMPLETE, n, r.returncode, r.stderr)
            must(wanted() <= divmod(n, EVENTS), n, wanted())
            same(TWO, go_on("%s %s" % (RUN, OTHER), slots=slots))


# ---- inputs that were not whole at first, in the middle of others ----

def pieces_make(kind):
    """Four inputs of 8 events: (name, bytes) each."""
    if kind == "dumps":
        for k in range(4):
            dump_make(DIR + "/%d" % k, 8, seed=k)
    elif kind == "captures of one header":
        for k in range(4):
            dump_make(DIR + "/d", 8, seed=k)
            sh("q2cat -C 32 d >%d" % k)
    elif kind == "captures of headers of their own":
        for k in range(4):
            dump_make(DIR + "/d", 8, seed=k)
            sh("q2cat -C 32 -k run=%d d >%d" % (k, k))
    else:                           # one capture in pieces
        dump_make(DIR + "/d", 32, seed=1)
        sh("q2cat -C 32 d >whole; for k in 0 1 2 3; do"
           " q2cat -s $((8 * k)) -n 8 whole >$k; done")
    return [(DIR + "/%d" % k, read(DIR + "/%d" % k, "rb")) for k in range(4)]


def broken_inputs(pieces, rng):
    """Cuts, empties or removes some of them; not the last only."""
    for k in rng.sample(range(4), rng.choice((1, 1, 2))):
        name, data = pieces[k]
        how = rng.choice(("cut", "cut", "empty", "gone", "end"))
        if how == "gone":
            os.unlink(name)
            continue
        with open(name, "wb") as f:
            f.write(data[:{"cut": rng.randrange(len(data)), "empty": 0,
                           "end": len(data) - 64}[how]])


for kind in ("captures of one header", "captures of headers of their own",
             "one capture in pieces", "dumps"):
    @test("what was missing of an input is taken when it is there: no event is lost"
          " or twice (%s)" % kind)
    def _():
        write = WRITE.replace("-m 11", "-m 4")
        for seed in range(40 if ALL else 6):
            rng = random.Random("%s %d" % (kind, seed))
            empty()
            pieces = pieces_make(kind)
            good = undisturbed_here("q2cat 0 1 2 3 | peakfind | " + write)
            for _ in range(rng.choice((1, 2))):
                broken_inputs(pieces, rng)
                r = go_on("0 1 2 3", write=write, slots=rng.random() < .3)
                must(r.returncode in (INCOMPLETE, INPUT), seed, r.returncode, r.stderr)
                for name, data in pieces:
                    with open(name, "wb") as f:
                        f.write(data)
            same(good, go_on("0 1 2 3", write=write))
            same(good, go_on("0 1 2 3", write=write))


@test("killed at any moment while files behind missing events make room, it is"
      " carried on")
def _():
    if not BUILT:
        return
    write = WRITE.replace("-m 11", "-m 4")
    empty()
    pieces = pieces_make("captures of one header")
    good = undisturbed_here("q2cat 0 1 2 3 | peakfind | " + write)
    for n in range(1, 40, 1 if ALL else 4):
        shutil.rmtree(DIR + "/out", ignore_errors=True)
        for name in glob.glob(DIR + "/*.tsv"):
            os.unlink(name)
        os.truncate(pieces[0][0], len(pieces[0][1]) - 64)
        r = go_on("0 1 2 3", write=write)
        must(r.returncode == INCOMPLETE, r.returncode, r.stderr)
        with open(pieces[0][0], "wb") as f:
            f.write(pieces[0][1])
        r = go_on("0 1 2 3", write=write,
                  env="FAULT_AT='%d kill' LD_PRELOAD=%s" % (n, FAULT))
        must(r.returncode == 128 + signal.SIGKILL, n, r.returncode, r.stderr)
        same(good, go_on("0 1 2 3", write=write))


@test("pieces of a stream with one end record are as complete as the whole")
def _():
    empty()
    pieces_make("one capture in pieces")
    pieces = "for k in 0 1 2 3; do head -c -64 $k; done; tail -c 64 whole"
    # The end record of the whole counts all 32.
    good = undisturbed_here("cat whole | peakfind | " + WRITE)
    same(good, sh("{ %s; } | peakfind | %s -r" % (pieces, WRITE)))
    must(wanted() == (3, 32), wanted())


@test("a filter in front may leave out any event, and the run is carried on")
def _():
    write = WRITE.replace("-m 11 -n 3", "-m 0 -n 2")
    for kept in "0,2,3,4,7,8,11", "0,1,2,3,5,9", "1,6,7":
        good = undisturbed("q2cat %s | %s %s | peakfind | %s" % (RUN, FILTER, kept, write))
        for n in range(1, EVENTS, 1 if ALL else 3):
            empty()
            sh("q2cat -n %d %s | %s %s | peakfind | head -c -64 | %s" % (
                n, RUN, FILTER, kept, write))
            same(good, sh('q2cat -s "$(cxiwrite -R -o out)" %s | %s %s | peakfind | '
                          '%s -r' % (RUN, FILTER, kept, write)))


@test("the same capture twice is carried on in both passes")
def _():
    twice = "cat %s %s | peakfind" % (RUN, RUN)
    good = undisturbed("%s | %s" % (twice, WRITE))
    for n in 5, EVENTS, EVENTS + 5:
        empty()
        sh("cat %s %s | q2cat -n %d | peakfind | head -c -64 | %s" % (
            RUN, RUN, n, WRITE))
        same(good, sh('cat %s %s | q2cat -s "$(cxiwrite -R -o out)" | peakfind | '
                      '%s -r' % (RUN, RUN, WRITE)))


@test("a run with failed events says so when it is carried on, too")
def _():
    s = q2bytes.Stream(q2bytes.LOGITS | q2bytes.IMAGE, capacity=64)
    empty()
    with open(DIR + "/failed.q2", "wb") as f:
        f.write(s.header() + b"".join(
            s.event(k, flags=q2bytes.FAILED if k == 1 else 0, cause=k == 1)
            for k in range(6)) + s.end(6))
    write = WRITE.replace("-m 11 -n 3", "-m 0 -n 2")
    must(sh("q2cat -n 4 failed.q2 | peakfind | head -c -64 | " +
            write).returncode == INCOMPLETE)
    r = go_on("failed.q2", write=write)
    must(r.returncode == 4 and totals(r.stderr)[3] == 1, r.returncode, r.stderr)


@test("a shard is carried on")
def _():
    shard = "q2cat -i 1/3 %s"
    write = WRITE.replace("-m 11 -n 3", "-m 0 -n 2")
    good = undisturbed((shard + " | peakfind | %s") % (RUN, write))
    for n in range(2, EVENTS, 1 if ALL else 4):
        empty()
        sh((shard + " -n %d | peakfind | head -c -64 | %s").replace(
            "%s -n %d", "-n %d %s") % (n, RUN, write))
        same(good, sh('q2cat -s "$(cxiwrite -R -o out)" -i 1/3 %s | peakfind | '
                      '%s -r' % (RUN, write)))


@test("-R tells 0 where nothing is, and behind each file the next event")
def _():
    empty()
    must(wanted() == 0)
    seen = set()
    for n in range(1, EVENTS + 1, 1 if ALL else 2):
        empty()
        sh("q2cat -n %d %s | peakfind | head -c -64 | %s" % (n, RUN, WRITE))
        log = [x.split("\t") for x in read(DIR + "/log.tsv").splitlines()[1:]]
        full = [int(x[0]) + 1 for x in log if x[6] == "1" and x[8] == "2"]
        must(wanted() == (0, ([0] + full)[-1]), n, wanted(), full)
        seen.add(wanted())
    must(len(seen) >= 2, seen)


@test("-R whose reader has gone ends with 2 and without a word")
def _():
    r, w = os.pipe()
    os.close(r)
    p = subprocess.run(["cxiwrite", "-R", "-o", DIR + "/out"], stdout=w,
                       stderr=subprocess.PIPE)
    os.close(w)
    must(p.returncode == 2 and p.stderr == b"", p.returncode, p.stderr)


@test("-R under q2slots takes no token and is no consumer")
def _():
    empty()
    r = sh("q2slots -n 2 bash -c 'cxiwrite -R; q2cat %s | peakfind | %s'" % (
        RUN, WRITE))
    must(r.returncode == 0 and r.stdout == "0\n", r.stderr)


@test("an interrupted run is carried on")
def _():
    with Pipeline(["q2cat", "-r", "1", RUN], ["peakfind"], WRITE.split()) as p:
        must(p.logged_wait(2))
        p.signal(0, signal.SIGINT)
        must(p.wait() and p.statuses() == [INTERRUPTED, 0, 0], p.statuses())
        must("carry on" in p.err(2), p.err(2))
        empty()
        shutil.copytree(p.path("out"), DIR + "/out")
        shutil.copy(p.path("log.tsv"), DIR)
    same(GOOD, go_on())


@test("a run over a damaged capture, q2cat -K, is carried on behind the damage")
def _():
    damaged = os.path.join(scratch(), "damaged.q2")
    data = bytearray(read(RUN, "rb"))
    length = (len(data) - 4096 - 64) // EVENTS
    for k in 2, 7:
        data[4096 + k * length:4096 + k * length + 64] = bytes(64)
    with open(damaged, "wb") as f:
        f.write(data)
    empty()
    r = sh("q2cat -K %s | peakfind | %s" % (damaged, WRITE))
    good = results()
    must(r.returncode != 0 and "2 failed" in r.stderr, r.stderr)
    must(sum(n.endswith(".cxi") for n in good) > 1, good.keys())
    for n in range(1, EVENTS):
        empty()
        sh("q2cat -K -n %d %s | peakfind | head -c -64 | %s" % (n, damaged, WRITE))
        go_on(inputs="-K " + damaged)
        must(results() == good, n)


# ---- the writer dies, or cannot write ----

for options in "", "-z gzip -j 2":
    write = "%s %s" % (WRITE, options)
    way = " (%s)" % options if options else ""
    good = undisturbed("peakfind <%s | %s" % (RUN, write))
    total = calls(write) if BUILT else 0
    # A prime step meets all kinds of calls; it begins elsewhere each time.
    few = 43 if options else 23
    steps = {"kill": (1, 1 if ALL else few), "once": (2, 1 if ALL else few),
             "full": (3, 1 if ALL else few), "quota": (4, 1 if ALL else 2 * few)}
    if not BUILT:
        continue

    @test("killed at any moment, and carried on, it ends with the same bytes" +
          way)
    def _():
        must(total > 100, total)
        first, step = steps["kill"]
        for n in range(first, total + 1, step):
            empty()
            env = "FAULT_AT='%d kill' LD_PRELOAD=%s" % (n, FAULT)
            r = go_on(write=write, env=env)
            must(r.returncode == 128 + signal.SIGKILL, n, r.returncode, r.stderr)
            complete_only(good)
            same(good, go_on(write=write))

    @test("killed again and again while it carries on, it comes to its end" + way)
    def _():
        for first in (40,) if not ALL else range(10, 200, 7):
            empty()
            for n in range(first, 400, 10 if ALL else 25):
                env = "FAULT_AT='%d kill' LD_PRELOAD=%s" % (n, FAULT)
                r = go_on(write=write, env=env)
                complete_only(good)
                if r.returncode == 0:
                    break
            same(good, r)

    for how, cause in (("full", "No space left"), ("quota", "quota exceeded"),
                       ("once", "Input/output error")):
        @test("an output that fails at any moment is said (%s), and carried on%s" %
              (cause, way))
        def _():
            first, step = steps[how]
            failures = 0
            for n in range(first, total + 1, step):
                empty()
                env = "FAULT_AT='%d %s' LD_PRELOAD=%s" % (n, how, FAULT)
                r = go_on(write=write, env=env)
                complete_only(good)
                must(r.returncode in (0, OUTPUT), n, r.returncode, r.stderr)
                must(not glob.glob(DIR + "/out/*.tmp") or r.returncode, n)
                if r.returncode == OUTPUT:
                    must(cause in r.stderr, n, r.stderr)
                    said = re.search(r" events in = (\d+) written", r.stderr)
                    must(said is None or int(said[1]) == rows(), n, rows(),
                         r.stderr)
                    must("peakfind:" not in r.stderr, r.stderr)
                    n_in, *parts = totals(r.stderr) or (0,)
                    lost = re.search(r"(\d+) events were taken but are NOT", r.stderr)
                    must(n_in == sum(parts) + int(lost[1] if lost else 0), r.stderr)
                    failures += 1
                    r = go_on(write=write)
                same(good, r)
            must(failures > 1, failures)


@test("a file that cannot be told from the open one before it is made again")
def _():
    # Without images, files of 2 and of 3 hits have as many bytes.
    empty()
    dump_make(DIR + "/d", EVENTS)
    with h5py.File(DIR + "/d", "a") as f:
        for batch in f.values():
            del batch["original_image"]
    write = "cxiwrite -m 0 -n 5 -o out"
    sh("q2cat -C 32 d >n.q2")
    good = undisturbed_here("peakfind <n.q2 | " + write)
    sh("q2cat -n 7 n.q2 | peakfind | head -c -64 | " + write)
    short = read(DIR + "/out/peaknet_0001.cxi", "rb")
    same(good, sh('q2cat -s "$(cxiwrite -R -o out)" n.q2 | peakfind | %s -r' % write))
    must(len(short) == len(good["out/peaknet_0001.cxi"]) and
         short != good["out/peaknet_0001.cxi"], len(short))
    # As if it had ended behind the journal's line, its file removed.
    lines = read(DIR + "/out/peaknet.journal").splitlines(True)
    at = [k for k, x in enumerate(lines) if x.startswith("peaknet_0001.cxi")]
    must(len(at) == 2, lines)
    with open(DIR + "/out/peaknet.journal", "w") as f:
        f.writelines(lines[:at[1] + 1])
    with open(DIR + "/out/peaknet_0001.cxi", "wb") as f:
        f.write(short)
    os.unlink(DIR + "/out/peaknet_0002.cxi")
    same(good, sh('q2cat -s "$(cxiwrite -R -o out)" n.q2 | peakfind | %s -r' % write))


# ---- statistics ----

STATS = WRITE + " -S s.json"


def complete():
    return json.loads(read(DIR + "/s.json"))["complete"]


@test("statistics of a run that had all events but not its end are those of the whole"
      " when it is carried on")
def _():
    empty()
    # Full files only: no event is left to come.
    write = STATS.replace("-m 11 -n 3", "-m 0 -n %d" % EVENTS)
    sh("peakfind <%s | head -c -64 | %s" % (RUN, write))
    must(not complete())
    r = go_on(write=write)
    must(r.returncode == 0 and "no event is left" in r.stderr, r.stderr)
    must(complete() and json.loads(read(DIR + "/s.json"))["written"] == EVENTS)


@test("statistics do not say complete while a run goes on, and not when it is killed")
def _():
    empty()
    must(sh("peakfind <%s | %s" % (RUN, STATS)).returncode == 0 and complete())
    os.unlink(sorted(glob.glob(DIR + "/out/*.cxi"))[-1])
    sh('q2cat -s "$(cxiwrite -R -o out)" %s | peakfind | head -c -64 | '
       '{ %s -r & p=$!; sleep 60 <&0 & n=0; while grep -q "complete.*true" s.json'
       ' && [ $((n += 1)) -lt 300 ]; do sleep .1; done; kill -9 $p; kill $!; }' %
       (RUN, STATS))
    must(not complete())
    same(GOOD, go_on(write=WRITE))


# ---- others at our names ----

def interfered(attack):
    """Runs with a complete file and one in the making while the attack happens."""
    empty()
    sh("peakfind <%s >pk" % RUN)
    event = (os.path.getsize(DIR + "/pk") - 4096 - 64) // EVENTS
    return sh("""mkfifo f
        cxiwrite -m 0 -n 4 -o out <f & p=$!
        exec 3>f
        head -c %d pk >&3
        until [ -e out/peaknet_0000.cxi ] && [ -e out/peaknet_0001.cxi.tmp ]; do
            sleep .02; done
        %s
        tail -c +%d pk >&3; exec 3>&-
        wait $p""" % (4096 + 5 * event, attack, 4096 + 5 * event + 1))


@test("a directory that was moved away is not written to under its old name")
def _():
    r = interfered("mv out old; mkdir out; echo precious >out/peaknet_0001.cxi.tmp")
    must(r.returncode == OUTPUT and "removed or replaced by others" in r.stderr,
         r.returncode, r.stderr)
    must(os.listdir(DIR + "/out") == ["peaknet_0001.cxi.tmp"], os.listdir(DIR + "/out"))
    must(read(DIR + "/out/peaknet_0001.cxi.tmp") == "precious\n")


@test("a directory that was emptied under a run is said")
def _():
    r = interfered("rm out/*")
    must(r.returncode == OUTPUT and "removed or replaced by others" in r.stderr,
         r.returncode, r.stderr)
    must(os.listdir(DIR + "/out") == [], os.listdir(DIR + "/out"))


@test("a file that others put in the place of the one in the making gets no name")
def _():
    r = interfered("rm out/*.tmp; echo foreign >out/peaknet_0001.cxi.tmp")
    must(r.returncode == OUTPUT and "peaknet_0001.cxi.tmp: was removed or replaced" in
         r.stderr, r.returncode, r.stderr)
    must(not os.path.exists(DIR + "/out/peaknet_0001.cxi"))
    must(read(DIR + "/out/peaknet_0001.cxi.tmp") == "foreign\n")


@test("a log that another run writes is refused")
def _():
    for more in "", "-f":
        empty()
        r = sh("""mkfifo f; cxiwrite -p a -l log.tsv <f & p=$!
            exec 3>f; until [ -s log.tsv ]; do sleep .02; done
            peakfind <%s | cxiwrite -p b -l log.tsv %s; echo $?
            exec 3>&-; wait $p""" % (RUN, more))
        must(r.stdout == "7\n" and "another cxiwrite writes this log" in r.stderr,
             r.stdout, r.stderr)


@test("-f empties no log where its run cannot begin")
def _():
    empty()
    sh("peakfind <%s | %s" % (RUN, WRITE))
    os.link(DIR + "/out/peaknet.journal", DIR + "/second")
    before = results(journal=True)
    r = sh("peakfind <%s | %s -f" % (RUN, WRITE))
    must(r.returncode == OUTPUT, r.returncode, r.stderr)
    must(results(journal=True) == before, "something has changed")


# ---- what is refused ----

def broken_off():
    """A run with one complete file, and a second one that is open."""
    empty()
    sh("q2cat -n 6 %s | peakfind | head -c -64 | %s" % (RUN, WRITE))
    must((0, 0) < wanted() < (0, 6), wanted())
    return results(journal=True)


def refused(r, status, text, before):
    must(r.returncode == status, r.returncode, r.stderr)
    must(text in r.stderr, r.stderr)
    must(results(journal=True) == before, "something has changed")


@test("a first event before the one wanted is refused")
def _():
    before = broken_off()
    header, number = wanted()
    for at in "0", "0:0", str(number - 1), "%d:%d" % (header, number - 1):
        refused(sh("q2cat -s %s %s | peakfind | %s -r" % (at, RUN, WRITE)), INPUT,
                "give q2cat -s %d:%d" % (header, number), before)


@test("inputs that end before the place that is wanted are refused, and no run is"
      " complete by them")
def _():
    before = broken_off()
    header, number = wanted()
    for n in 0, number - 1:
        r = sh("q2cat -n %d %s >part; { q2cat -s %d:%d part; echo $? >status; } |"
               " peakfind | %s -r" % (n, RUN, header, number, WRITE))
        must("end before %d:%d" % (header, number) in r.stderr, r.stderr)
        must(read(DIR + "/status") == "6\n", read(DIR + "/status"))
        must(r.returncode == INCOMPLETE, r.returncode, r.stderr)
        must(results(journal=True) == before, "something has changed")
    same(GOOD, go_on())


@test("another stream in place of the one wanted is refused")
def _():
    before = broken_off()
    refused(go_on(OTHER), INPUT, "give the inputs that it began with", before)


@test("other options, another geometry, another stream text are refused")
def _():
    before = broken_off()
    for write in WRITE.replace("-m 11", "-m 10"), WRITE.replace("-n 3", "-n 4"), \
            WRITE + " -z gzip", WRITE + " -M 500":
        refused(go_on(write=write), USAGE, "not those that the run", before)
    refused(go_on(find="-a 2"), INPUT, "programs in front", before)


@test("a run without its log, or with another, is refused")
def _():
    before = broken_off()
    refused(go_on(write=WRITE.replace("-l log.tsv", "")), USAGE,
            "the run has a log", before)
    shutil.copy(DIR + "/log.tsv", DIR + "/log2")
    with open(DIR + "/log2", "r+") as f:
        f.write("xxx")
    refused(go_on(write=WRITE.replace("log.tsv", "log2")), OUTPUT,
            "is not the log", before)
    os.unlink(DIR + "/log2")
    refused(go_on(write=WRITE.replace("log.tsv", "log2")), OUTPUT, "log2: No such",
            before)


@test("a complete file that is gone or has another size is named")
def _():
    for change in os.unlink, lambda f: os.truncate(f, 5000):
        # Two complete ones: the last may be one that never got its name.
        empty()
        sh("peakfind <%s | %s" % (RUN, WRITE))
        change(DIR + "/out/peaknet_0000.cxi")
        before = results(journal=True)
        refused(go_on(), OUTPUT, "peaknet_0000.cxi: is not there", before)
        must(sh("cxiwrite -R -o out").returncode == INPUT)


@test("files that the journal does not know are refused")
def _():
    broken_off()
    with open(DIR + "/out/peaknet_0007.cxi", "w") as f:
        f.write("precious")
    refused(go_on(), OUTPUT, "peaknet_0007.cxi: exists, but",
            results(journal=True))
    empty()
    os.mkdir(DIR + "/out")
    shutil.copy(RUN, DIR + "/out/peaknet_0000.cxi")
    before = results(journal=True)
    refused(go_on(), OUTPUT, "there is no peaknet.journal",
            {**before, "out/peaknet.lst": b""})


@test("a journal that is damaged is refused with the line")
def _():
    broken_off()
    path = DIR + "/out/peaknet.journal"
    text = read(path)
    for bad in text.replace("full", "fool"), text.replace("\t0\t0\tbegin", "\tbegin"), \
            "nonsense\n":
        with open(path, "w") as f:
            f.write(bad)
        r = sh("cxiwrite -R -o out")
        must(r.returncode == INPUT and "peaknet.journal: " in r.stderr and
             ("line " in r.stderr or "is not a journal" in r.stderr), r.stderr)
        refused(go_on(), OUTPUT, "peaknet.journal: ", results(journal=True))


@test("half a last line of the journal is void")
def _():
    broken_off()
    with open(DIR + "/out/peaknet.journal", "a") as f:
        f.write("peaknet_0001.cxi\t3\t1")
    same(GOOD, go_on())


@test("-r and -f together, and a run that is not carried on, are refused")
def _():
    before = broken_off()
    refused(go_on(more="-f"), USAGE, "not both", before)
    refused(sh("peakfind <%s | %s" % (RUN, WRITE)), OUTPUT, "-r carries on", before)


@test("the open file stays until the whole one takes its name")
def _():
    broken_off()
    first = read(DIR + "/out/peaknet_0001.cxi", "rb")
    must(first and first != GOOD["out/peaknet_0001.cxi"])
    if BUILT:
        for n in 5, 20, 40, 60:
            go_on(env="FAULT_AT='%d kill' LD_PRELOAD=%s" % (n, FAULT))
            now = read(DIR + "/out/peaknet_0001.cxi", "rb")
            must(now in (first, GOOD["out/peaknet_0001.cxi"]), n)
    same(GOOD, go_on())


@test("a second cxiwrite -r on the same series is refused")
def _():
    before = broken_off()
    with subprocess.Popen(["cxiwrite", "-r", "-o", "out", "-l", "log.tsv"], cwd=DIR,
                          stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as p:
        must(wait_for(lambda: any("peaknet.lst" in link(x) for x in
                                  glob.glob("/proc/%d/fd/*" % p.pid))))
        refused(sh("%s -r </dev/null" % WRITE), OUTPUT, "another cxiwrite", before)
        p.stdin.close()


@test("-S tells the totals of the whole run")
def _():
    broken_off()
    r = go_on(more="-S stats.json")
    must(r.returncode == 0, r.stderr)
    stats = json.loads(read(DIR + "/stats.json"))
    must(stats["events_in"] == EVENTS and stats["complete"] and
         stats["events_in"] == stats["written"] + stats["filtered"], stats)


@test("-S of an attempt that had no event does not stand in the way")
def _():
    empty()
    sh("%s -r -S stats.json </dev/null" % WRITE)
    must(json.loads(read(DIR + "/stats.json"))["events_in"] == 0)
    same({**GOOD}, go_on(more="-S stats.json"))
    must(json.loads(read(DIR + "/stats.json"))["events_in"] == EVENTS)
    empty()
    sh("%s -r -S stats.json </dev/null" % WRITE)
    r = sh("q2cat -n 0 %s | peakfind | %s -r -S stats.json" % (RUN, WRITE))
    must(r.returncode == 0 and json.loads(read(DIR + "/stats.json"))["complete"],
         r.stderr)


done()
