#!/usr/bin/python3
# q2top says of running pipelines what they wait for, and disturbs none.
import glob
import os
import pty
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, "tests")
from proc import *

OUTPUT = 7
TOP = os.path.join(ROOT, "scripts/q2top")
HEADING = ("seq\tsource\ttimestamp\tenergy_eV\tpeaks_found\tpeaks_kept\thit\tfile"
           "\tindex\tcause\n")
EVENTS = 40
RUN = capture_make("run", EVENTS, "-C", "32", blobs=lambda k: 20 if k % 4 else 0)
FIND = ["peakfind", "-P", "2"]
WRITE = ["cxiwrite", "-o", "out", "-l", "log.tsv"]
ENDLESS = ["q2cat", "-l", "1000000", RUN]
# Passes the half of a run on, and then uses a processor.
BUSY = [sys.executable, "-c", "import os\n"
        "left = %d\n"
        "while left:\n"
        "    left -= os.write(1, os.read(0, min(left, 65536)))\n"
        "open('passed', 'w')\n"
        "while True:\n"
        "    pass\n" % (os.path.getsize(RUN) // 2)]


def top(*argv, cwd=None):
    return subprocess.run([TOP, *argv], cwd=cwd or scratch(), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60)


def round_of(p, seconds="1.5"):
    """One round: its text, and the shares of each stage by its name."""
    r = top("-n", "1", "-i", seconds, "log.tsv", cwd=p.dir)
    must(r.returncode == 0, r.stderr)
    lines = r.stdout.splitlines()
    at = [i for i, l in enumerate(lines) if l.startswith("stage ")]
    must(len(at) == 1, r.stdout)
    kinds = lines[at[0]].split()[1:]
    stages = {}
    for line in lines[at[0] + 1:]:
        w = line.split()
        if len(w) != len(kinds) + 1 or not w[1].isdigit():
            break
        stages[w[0]] = dict(zip(kinds, map(float, w[1:])))
    return r.stdout, stages


def standstill(p):
    """Nobody uses a processor any more."""
    before, still = None, 0
    def over():
        nonlocal before, still
        now = [read("/proc/%d/stat" % x).split()[11:15] for x in p.programs()]
        still = still + 1 if now == before else 0
        before = now
        return still >= 30
    must(wait_for(over), "no standstill")


def counted(path):
    """Events, hits and failed ones of a log."""
    hit = [x.split("\t")[6] for x in read(path).splitlines()[1:]]
    return len(hit), hit.count("1"), hit.count("failed")


def told(text):
    """The same of q2top's last line."""
    m = re.search(r"over: (\d+) events, (\d+) hits(?: \([\d.]+ %\))?, (\d+) failed\n$",
                  text)
    return m and tuple(map(int, m.groups()))


@test("stages behind a throttled source wait for input, and the source rests")
def _():
    with Pipeline(["q2cat", "-r", "10", "-l", "1000", RUN], FIND, WRITE) as p:
        must(p.logged_wait(2))
        text, s = round_of(p)
        must(list(s) == ["q2cat", "peakfind", "cxiwrite"], text)
        must([s[x]["pid"] for x in s] == p.pids, text)
        must(s["peakfind"]["procs"] == 3, text)
        must(s["q2cat"]["rests"] > 50, text)
        must(s["peakfind"]["input"] > 50 and s["cxiwrite"]["input"] > 50, text)
        must("q2cat rests: all wait for its source" in text, text)
        must("slots" not in text, text)


@test("stages before a stopped writer wait for output")
def _():
    with Pipeline(ENDLESS, FIND, WRITE) as p:
        must(p.logged_wait(2))
        p.signal(2, signal.SIGSTOP)
        standstill(p)
        text, s = round_of(p)
        must(s["q2cat"]["output"] > 90 and s["peakfind"]["output"] > 90, text)
        must(s["cxiwrite"]["rests"] > 90, text)
        must(max(s[x]["cpu"] for x in s) == 0, text)
        must("cxiwrite is stopped: the others wait for it" in text, text)


@test("a source whose slots are exhausted waits for a token")
def _():
    with Pipeline(ENDLESS, FIND, WRITE, slots=3) as p:
        must(p.logged_wait(2))
        p.signal(2, signal.SIGSTOP)
        standstill(p)
        text, s = round_of(p)
        must(s["q2cat"]["token"] > 90 and s["peakfind"]["input"] > 90, text)
        must("3 of 3 slots pending" in text, text)
        must("cxiwrite is stopped" in text, text)


@test("slots whose tokens a source only has in hand are not pending")
def _():
    slow = ["q2cat", "-l", "0", "-r", "20", RUN]
    with Pipeline(slow, FIND, WRITE, slots=50) as p:
        must(p.logged_wait(2))
        text, _ = round_of(p)
        must(int(re.search(r"(\d+) of 50 slots pending", text).group(1)) < 10, text)


@test("who is busy is named, and the others wait for it")
def _():
    with Pipeline(["q2cat", "-l", "1000", RUN], BUSY, FIND, WRITE) as p:
        must(wait_for(lambda: os.path.exists(p.path("passed"))))
        must(p.logged_wait(1))
        must(wait_for(lambda: all(state(p.pids[i]) == "S" for i in (0, 3))))
        text, s = round_of(p)
        name = list(s)[1]
        must(s[name]["works"] > 90 and s[name]["cpu"] > 5, text)
        must(s["q2cat"]["output"] > 80 and s["peakfind"]["input"] > 80, text)
        must(re.search(r"^%s is busy \d+ %%: the others wait for it$" % name, text,
                       re.M), text)


@test("with an empty input, a stage waits for output only if that is full")
def _():
    silent = ["tail", "-f", "/dev/null"]
    hold = ["sh", "-c", "printf 'seq\\tsource\\t\\n' >log.tsv; "
            "exec sleep 1000 3>>log.tsv"]
    full = ["head", "-c", "1000000", "/dev/zero"]
    partly = ["sh", "-c", "head -c 49152 /dev/zero; exec cat"]
    for name, stage, kind in ("head", full, "output"), ("cat", partly, "input"):
        with Pipeline(silent, stage, hold) as p:
            must(wait_for(lambda: all(
                read("/proc/%d/comm" % x).strip() == n and state(x) == "S"
                for x, n in zip(p.pids, ("tail", name, "sleep")))))
            text, s = round_of(p, "0.3")
            must(s[name][kind] > 90, text)


@test("a shell in between and its program are one stage")
def _():
    line = "(:; q2cat -r 10 -l 1000 %s; :) | (:; peakfind; :) | %s" % (
        RUN, " ".join(WRITE))
    with Pipeline(line) as p:
        must(p.logged_wait(2))
        text, s = round_of(p, "0.3")
        must(list(s) == ["q2cat", "peakfind", "cxiwrite"], text)


@test("a run under watch ends as any other, and q2top with its totals")
def _():
    half = os.path.getsize(RUN) // 2
    held = ["sh", "-c", "head -c %d %s; until [ -e go ]; do sleep 0.1; done; "
            "tail -c +%d %s" % (half, RUN, half + 1, RUN)]
    with Pipeline(held, ["q2cat"], FIND, WRITE, slots=3) as p:
        must(p.logged_wait(1))
        watch = subprocess.Popen([TOP, "-i", "0.2", "log.tsv"], cwd=p.dir,
                                 stdout=subprocess.PIPE, text=True)
        must(any("stage " in watch.stdout.readline() for _ in range(20)))
        file_put(p.path("go"), "")
        text = watch.communicate(timeout=LIMIT)[0]
        must(watch.returncode == 0, text)
        must(p.wait() and p.statuses() == [0] * 4, p.statuses())
        must(counted(p.path("log.tsv")) == (EVENTS, EVENTS * 3 // 4, 0),
             counted(p.path("log.tsv")))
        must(told(text) == counted(p.path("log.tsv")), text)
        over = top("-n", "5", "log.tsv", cwd=p.dir)
        must(over.returncode == 0 and over.stderr == "", over.stderr)
        must("nobody writes it" in over.stdout and
             over.stdout.count("\n") == 1, over.stdout)
        must(told(over.stdout) == counted(p.path("log.tsv")), over.stdout)


@test("stages under watch learn that their reader has been killed")
def _():
    with Pipeline(ENDLESS, FIND, WRITE) as p:
        must(p.logged_wait(2))
        watch = subprocess.Popen([TOP, "-i", "0.1", "log.tsv"], cwd=p.dir,
                                 stdout=subprocess.PIPE, text=True)
        must(watch.stdout.readline())
        pipes = {link("/proc/%d/fd/0" % x) for x in p.pids[1:]}
        must(wait_for(lambda: not pipes & {
            link(fd) for fd in glob.glob("/proc/%d/fd/*" % watch.pid)}),
            "a pipe is kept open")
        p.signal(2, signal.SIGKILL)
        must(p.wait(), "stages are left")
        must(p.statuses() == [GONE, GONE, -signal.SIGKILL], p.statuses())
        text = watch.communicate(timeout=LIMIT)[0]
        must(watch.returncode == 0 and
             told(text) == counted(p.path("log.tsv")), text)


@test("a log that is cut back under watch is counted anew")
def _():
    path = os.path.join(scratch(), "cut.tsv")
    line = "%d\ts\t\t\t1\t1\t%s\t\t\t\n"
    with open(path, "w") as f:
        f.write(HEADING + "".join(line % (k, "1") for k in range(50)))
        f.flush()
        watch = subprocess.Popen([TOP, "-i", "0.1", "-n", "1000", path],
                                 stdout=subprocess.PIPE, text=True)
        def seen(what):
            return any(what in watch.stdout.readline() for _ in range(500))
        must(seen(": 50 events, 50 hits (100.0 %), 0 failed"))
        f.seek(len(HEADING))
        f.truncate()
        f.write(line % (0, "0") + line % (1, "failed") + "2\ts\t")
        f.flush()
        must(seen(": 2 events, 0 hits (0.0 %), 1 failed"))
        f.seek(len(HEADING))
        f.truncate()
        f.write("".join("1" + line % (k, "0") for k in range(90)))
        f.flush()
        must(seen(": 90 events, 0 hits (0.0 %), 0 failed"))
        watch.send_signal(signal.SIGINT)
        must(watch.wait(LIMIT) == INTERRUPTED, watch.returncode)


@test("on a terminal the screen is written over")
def _():
    with Pipeline(["q2cat", "-r", "10", "-l", "1000", RUN], FIND, WRITE) as p:
        must(p.logged_wait(1))
        ours, theirs = pty.openpty()
        status = subprocess.run([TOP, "-n", "2", "-i", "0.2", "log.tsv"],
                                cwd=p.dir, stdout=theirs, timeout=LIMIT)
        os.close(theirs)
        text = os.read(ours, 65536).decode()
        os.close(ours)
        must(status.returncode == 0)
        must(text.count("\033[2J") == 1 and text.count("\033[H") == 2, repr(text))


@test("on a terminal that does not tell its size lines are whole")
def _():
    with Pipeline(["q2cat", "-r", "10", "-l", "1000", RUN], FIND, WRITE) as p:
        must(p.logged_wait(1))
        ours, theirs = pty.openpty()
        must(os.get_terminal_size(theirs).columns == 0)
        status = subprocess.run([TOP, "-n", "1", "-i", "0.2", "log.tsv"],
                                cwd=p.dir, stdout=theirs, timeout=LIMIT)
        os.close(theirs)
        text = os.read(ours, 65536).decode()
        os.close(ours)
        must(status.returncode == 0)
        must("log.tsv: " in text and "cxiwrite" in text, repr(text))


@test("names that do not fit the terminal or the locale are shown with '?'")
def _():
    name = os.fsdecode(b"a\xff\n\x1b[2Jb\xc3\xa4.tsv")
    file_put(os.path.join(scratch(), name), HEADING)
    for codec, shown in ("utf-8", "a???[2Jb\xe4"), ("ascii", "a???[2Jb?"):
        r = subprocess.run([TOP, name], cwd=scratch(), timeout=LIMIT,
                           env=dict(os.environ, PYTHONIOENCODING=codec),
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = r.stdout.decode()
        must(r.returncode == 0 and said.startswith(shown + ".tsv: nobody"), said,
             r.stderr)


@test("so are names of programs")
def _():
    odd = os.path.join(scratch(), "q2\n\x1b[2Jcat")
    shutil.copy(os.path.join(B, "q2cat"), odd)
    with Pipeline([odd, "-r", "10", "-l", "1000", RUN], FIND, WRITE) as p:
        must(p.logged_wait(1))
        r = top("-n", "1", "-i", "0.2", "log.tsv", cwd=p.dir)
        must(r.returncode == 0 and "\nq2??[2Jcat " in r.stdout, r.stdout)


@test("what is no log is refused, and says why")
def _():
    for name, text, why in (("none", None, "No such file"),
                            ("empty", "", "is empty, and nobody writes it"),
                            ("other", "seq source\n", "is not a log"),
                            ("torn", HEADING + "0\t1\n", "line 2 is none"),
                            (".", None, "is no file")):
        if text is not None:
            file_put(os.path.join(scratch(), name), text)
        r = top(name)
        must(r.returncode == INPUT and why in r.stderr and r.stdout == "" and
             r.stderr.startswith("q2top: "), name, r.returncode, r.stderr)


@test("wrong options are refused")
def _():
    for argv in ([], ["a", "b"], ["-x", "a"], ["-n", "0", "a"], ["-n", "x", "a"],
                 ["-i", "0", "a"], ["-i", "nan", "a"]):
        r = top(*argv)
        must(r.returncode == USAGE and "usage: q2top" in r.stderr, argv, r.stderr)
    # What is said of a range can be given.
    must("from 1 to 1000000000 is" in top("-n", "1e9", "a").stderr)
    must(top("-n", "1000000000", "a").returncode == INPUT)


@test("a reader that has gone ends it quietly")
def _():
    with Pipeline(["q2cat", "-r", "10", "-l", "1000", RUN], FIND, WRITE) as p:
        must(p.logged_wait(1))
        watch = subprocess.Popen([TOP, "-i", "0.1", "log.tsv"], cwd=p.dir,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        watch.stdout.close()
        must(watch.wait(LIMIT) == GONE, watch.returncode)
        must(watch.stderr.read() == b"")
        watch.stderr.close()


@test("an output that cannot be written is said")
def _():
    file_put(os.path.join(scratch(), "log.tsv"), HEADING)
    with open("/dev/full", "w") as full:
        r = subprocess.run([TOP, "log.tsv"], cwd=scratch(), stdout=full,
                           stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    must(r.returncode == OUTPUT, r.returncode, r.stderr)
    must(r.stderr == "q2top: standard output: No space left on device\n", r.stderr)


@test("nor where it is closed")
def _():
    r = subprocess.run(["sh", "-c", "exec %s log.tsv >&-" % TOP], cwd=scratch(),
                       stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    must(r.returncode == OUTPUT and r.stderr == "q2top: standard output is closed\n",
         r.returncode, r.stderr)


@test("who has too few descriptors to look does not say that the run is over")
def _():
    with Pipeline(["q2cat", "-r", "10", "-l", "1000", RUN], FIND, WRITE) as p:
        must(p.logged_wait(1))
        r = subprocess.run(["sh", "-c", "ulimit -n 5; exec %s -n 1 log.tsv" % TOP],
                           cwd=p.dir, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=LIMIT)
        must(r.returncode == 8 and "Too many open files" in r.stderr and
             r.stdout == "", r.returncode, r.stdout, r.stderr)


done()
