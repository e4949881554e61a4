#!/usr/bin/python3
# peakfind -x: an event that kills two workers is kept for study, as it came.
import os
import resource
import shlex
import subprocess
import sys

sys.path.insert(0, "tests")
from proc import *
import q2bytes

OUTPUT = 7
EVENTS = 12
SHAPE = dict(height=128, width=192)
PLAIN = capture_make("plain", EVENTS, "-C", "64", **SHAPE)
SEALED = capture_make("sealed", EVENTS, "-C", "64", "-c", **SHAPE)
SMALL = capture_make("small", EVENTS, "-C", "64", seed=2)

PRELOAD = os.path.join(scratch(), "die_at_event.so")
if subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC",
                   "-D_GNU_SOURCE", "-o", PRELOAD, "tests/die_at_event.c",
                   "-ldl"]).returncode != 0:
    print("1..0 # SKIP no C compiler")
    sys.exit(0)


# Every event kills: a worker dies at whatever it is at.
EVERY = os.path.join(scratch(), "die_always.so")
subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-D_GNU_SOURCE",
                "-o", EVERY, "-x", "c", "-"], check=True, input=b"""
#include <signal.h>
#include <string.h>
void setproctitle(const char *fmt, ...)
{
	if (strstr(fmt, "event") != NULL)
		raise(SIGKILL);
}
""")


def through(name, capture, *options):
    """A capture of what peakfind makes of one: planes that came are remade."""
    path = os.path.join(scratch(), name + ".q2")
    with open(capture, "rb") as i, open(path, "wb") as o:
        subprocess.run(["peakfind", *options], stdin=i, stdout=o, check=True)
    return path


KEPT = through("kept", SEALED, "-k")
MAPS = through("maps", PLAIN, "-k")
# The segmentation map and no logits: not what a program of ours writes.
MAP_ONLY = os.path.join(scratch(), "map_only.q2")
with open(MAP_ONLY, "wb") as f:
    s = q2bytes.Stream(q2bytes.SEGMAP, logits=0, classes=0, image=0)
    s.plane = lambda plane: bytes(i % 5 == 0 for i in range(256))
    f.write(s.header() + b"".join(map(s.event, range(EVENTS))) + s.end(EVENTS))


def pieces(path):
    """Of a capture with one stream: header, events by number, end."""
    header, events, end = None, {}, None
    for kind, seq, _, data in q2bytes.records(read(path, "rb")):
        if kind == q2bytes.TYPE_STREAM:
            must(header is None, "two headers")
            header = data
        elif kind == q2bytes.TYPE_EVENT:
            events[seq] = data
        else:
            end = data
    return header, events, end


def count(end):
    return int.from_bytes(end[40:48], "little")


def dying(event, *options, times=2, late=0):
    """peakfind, workers of which die so many times at an event."""
    return ["env", "LD_PRELOAD=" + PRELOAD, "DIE_AT=%d %d %d deaths" % (
        event, times, late), "peakfind", *options]


def find(capture, *command, status=0):
    """Runs a command of peakfind with a capture in, in a new directory."""
    here = os.path.join(scratch(), "d%d" % find.n)
    find.n += 1
    os.mkdir(here)
    with open(capture, "rb") as f:
        p = subprocess.run(command, stdin=f, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, cwd=here)
    must(p.returncode == status, p.returncode, p.stderr)
    return here, p.stdout, p.stderr.decode()


find.n = 0


# ---- what lies in the file ----

WAYS = (("inline", "q2cat %s | cat | ", None),
        ("in slots", "cat %s | q2cat - | ", 3),
        ("on replay", "q2cat %s | ", 3))
STREAMS = ((PLAIN, ""), (SEALED, ", with checksums"), (SMALL, ", small events"),
           (KEPT, ", with all planes"), (MAPS, ", with all planes unsealed"),
           (MAP_ONLY, ", of maps only"))
for way, source, slots in WAYS:
    for capture, kind in STREAMS:
        for options in [], ["-k"]:
            @test("an event that kills two workers is kept as it came (%s%s%s)" %
                  (way, kind, ", -k" if options else ""))
            def _():
                # -a: other peaks than those that came, if any did.
                # Results of small events leave in batches, so none is late.
                for late in (0,) if capture in (SMALL, MAP_ONLY) else (0, 1):
                    line = source % capture + shlex.join(
                        dying(7, "-P", "2", "-a", "5", "-x", "aside.q2", *options,
                              late=late)) + " 2>err.1 | q2ls >list"
                    with Pipeline(line, slots=slots) as p:
                        must(p.wait(), "not all have ended")
                        header, events, end = pieces(p.path("aside.q2"))
                        want = pieces(capture)
                        must(header == want[0], "another header")
                        must(list(events) == [7], list(events))
                        must(events[7] == want[1][7], "other bytes")
                        must(count(end) == 1 and end[24:32] == header[24:32])
                        said = p.err(1)
                        must("at event 7 of stream" in said and
                             "is set aside in aside.q2\n" in said, said)

for reader in (["q2ls", "aside.q2"], ["q2cat", "aside.q2"],
               ["sh", "-c", "peakfind <aside.q2"],
               ["sh", "-c", "q2cat aside.q2 | peakfind | cxiwrite -m 0 -o out"],
               ["q2slots", "sh", "-c",
                "q2cat aside.q2 | peakfind | cxiwrite -m 0 -o out"]):
    @test("%s reads the file" % " ".join(reader))
    def _():
        here, _, _ = find(SEALED, *dying(3, "-x", "aside.q2"))
        p = subprocess.run(reader, cwd=here, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        must(p.returncode == 0, p.returncode, p.stderr)
        if reader[0] == "q2cat":
            must(p.stdout == read(os.path.join(here, "aside.q2"), "rb"))
        if "cxiwrite" in reader[-1]:
            must(totals(p.stderr.decode()) == (1, 1, 0, 0), p.stderr)

@test("the file has the mode that the umask leaves")
def _():
    for mask in 0o077, 0o022, 0o027:
        before = os.umask(mask)
        here, _, _ = find(SMALL, *dying(3, "-x", "aside.q2"))
        os.umask(before)
        mode = os.stat(os.path.join(here, "aside.q2")).st_mode & 0o777
        must(mode == 0o666 & ~mask, oct(mode))

@test("the run is the same with -x and without it")
def _():
    a = find(SEALED, *dying(3, "-x", "aside.q2"))
    b = find(SEALED, *dying(3))
    must(a[1] == b[1], "other records")
    must("-x FILE keeps such events" in b[2], b[2])
    must(os.listdir(b[0]) == ["deaths"], os.listdir(b[0]))

@test("without such an event no file is left")
def _():
    here, out, said = find(SEALED, "peakfind", "-P", "2", "-x", "aside.q2")
    must(os.listdir(here) == [] and said == "", os.listdir(here), said)
    # One death is no reason.
    here, out, said = find(SEALED, *dying(3, "-x", "aside.q2", times=1))
    must(os.listdir(here) == ["deaths"] and "goes to another" in said, said)

@test("an event that came as a failed one is not set aside")
def _():
    failed = os.path.join(scratch(), "failed.q2")
    s = q2bytes.Stream(q2bytes.LOGITS | q2bytes.IMAGE)
    with open(failed, "wb") as f:
        f.write(s.header() + s.event(0, flags=q2bytes.FAILED, cause=1) +
                s.event(1) + s.end(2))
    here, _, _ = find(failed, *dying(0, "-x", "aside.q2"))
    must(os.listdir(here) == [], os.listdir(here))


# ---- more than one ----

def joined(name, *captures):
    path = os.path.join(scratch(), name)
    with open(path, "wb") as f:
        for c in captures:
            f.write(read(c, "rb"))
    return path


def outline(path):
    """Kinds of records, with numbers of events and counts of ends."""
    return [{1: "stream", 2: seq, 4: "end of %d" % count(data)}[kind]
            for kind, seq, _, data in q2bytes.records(read(path, "rb"))]


@test("two streams have a header and an end each")
def _():
    both = joined("both.q2", SEALED, SMALL, PLAIN)
    here, _, _ = find(both, *dying(3, "-x", "aside.q2", times=99))
    path = os.path.join(here, "aside.q2")
    must(outline(path) == ["stream", 3, "end of 1"] * 3, outline(path))
    want = b""
    for c in SEALED, SMALL, PLAIN:
        header, events, _ = pieces(c)
        want += header + events[3]
    must(b"".join(d for k, _, _, d in q2bytes.records(read(path, "rb"))
                  if k != q2bytes.TYPE_END) == want, "other bytes")
    p = subprocess.run("q2cat aside.q2 | peakfind | cxiwrite -m 0 -o out",
                       shell=True, cwd=here, stderr=subprocess.PIPE)
    must(totals(p.stderr.decode()) == (3, 3, 0, 0), p.stderr)

@test("a stream without such an event leaves nothing between two that have")
def _():
    # Two deaths at event 3 of the first, none in the second.
    both = joined("first.q2", SEALED, SMALL)
    here, _, _ = find(both, *dying(3, "-x", "aside.q2"))
    must(outline(os.path.join(here, "aside.q2")) == ["stream", 3, "end of 1"])

@test("the same stream twice has two headers, one that goes on has one")
def _():
    twice = joined("twice.q2", SEALED, SEALED)
    here, _, _ = find(twice, *dying(3, "-x", "aside.q2", times=99))
    got = outline(os.path.join(here, "aside.q2"))
    must(got == ["stream", 3, "end of 1"] * 2, got)
    p = subprocess.run("q2cat aside.q2 | peakfind | cxiwrite -m 0 -o out",
                       shell=True, cwd=here, stderr=subprocess.PIPE)
    must(p.returncode == 0 and totals(p.stderr.decode()) == (2, 2, 0, 0),
         p.stderr)
    header, events, end = pieces(SEALED)
    parts = os.path.join(scratch(), "parts.q2")
    with open(parts, "wb") as f:
        for k in range(EVENTS):
            f.write(header + events[k])
        f.write(end)
    # DIE_AT is one number: 1 and 11 begin alike, but are not the same.
    here, _, _ = find(parts, *dying(11, "-x", "aside.q2"))
    got = outline(os.path.join(here, "aside.q2"))
    must(got == ["stream", 11, "end of 1"], got)

@test("all events of a run may be set aside: the file is then the run")
def _():
    for capture in PLAIN, KEPT:
        here, _, _ = find(capture, "env", "LD_PRELOAD=" + EVERY, "peakfind",
                          "-P", "3", "-x", "aside.q2")
        must(read(os.path.join(here, "aside.q2"), "rb") ==
             read(capture, "rb"), "other bytes")


# ---- names that are taken, and disks that are full ----

def refused(name, *words, capture=SEALED):
    here = os.path.join(scratch(), "taken")
    p = subprocess.Popen(["peakfind", "-x", name], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         cwd=here)
    # Before it has read anything.
    must(wait_for(lambda: p.poll() is not None), p.kill())
    must(p.returncode == OUTPUT, p.returncode)
    said = p.stderr.read().decode()
    must(p.stdout.read() == b"" and said.startswith(
        "peakfind: -x ") and all(w in said for w in (name, *words)), said)


@test("a name that is taken is refused before anything is read")
def _():
    here = os.path.join(scratch(), "taken")
    os.mkdir(here)
    for name, content in ("full", "x"), ("empty", ""):
        with open(os.path.join(here, name), "w") as f:
            f.write(content)
    os.symlink("target", os.path.join(here, "dangling"))
    os.symlink("full", os.path.join(here, "link"))
    os.link(os.path.join(here, "full"), os.path.join(here, "hard"))
    os.mkdir(os.path.join(here, "directory"))
    os.mkfifo(os.path.join(here, "fifo"))
    for name in ("full", "empty", "dangling", "link", "hard", "directory",
                 "fifo", "/dev/full", "/dev/stdout", "/dev/null"):
        refused(name, "is there already")
    refused("missing/aside.q2", "No such file or directory")
    refused("full/aside.q2", "Not a directory")
    refused("", "no name of a file")
    refused("new/", "no name of a file")
    must(read(os.path.join(here, "full")) == "x")
    must(not os.path.lexists(os.path.join(here, "target")))

if os.geteuid() == 0 and subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", "true"]).returncode == 0:
    @test("a directory that may not be written is refused at once")
    def _():
        here = os.path.join(scratch(), "taken")
        p = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups",
                            "peakfind", "-x", "/aside.q2"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, cwd="/")
        must(p.returncode == OUTPUT and b"Permission denied" in p.stderr,
             p.returncode, p.stderr)

def fed(command, here, taken):
    """peakfind with standard input in hand; taken() once it has begun."""
    header, events, end = pieces(SEALED)
    p = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=here,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(header + events[0])
    p.stdin.flush()
    out = p.stdout.read(4096)
    head = p.stdout.read(64)
    length = int.from_bytes(head[16:24], "little")
    p.stdout.read(length - 64)
    taken(p)
    for k in range(1, EVENTS):
        p.stdin.write(events[k])
        p.stdin.flush()
        p.stdout.read(length)
    p.stdin.write(end)
    p.stdin.close()
    must(len(p.stdout.read()) == 64, "no end record")
    return p.wait(), p.stderr.read().decode()


def new():
    here = os.path.join(scratch(), "d%d" % find.n)
    find.n += 1
    os.mkdir(here)
    return here


SIZE = len(pieces(SEALED)[1][0])

@test("a file that may not grow is said, nothing half is left, the run goes on")
def _():
    for room in 100, 4096, 4096 + SIZE - 1:
        here = new()
        status, said = fed(dying(3, "-x", "aside.q2"), here, lambda p:
                           resource.prlimit(p.pid, resource.RLIMIT_FSIZE,
                                            (room, room)))
        must(status == OUTPUT and "event 3 of stream" in said and
             "NOT set aside: aside.q2: cannot be written: File too large"
             in said, room, status, said[200:])
        must(not os.path.exists(os.path.join(here, "aside.q2")))

@test("what was set aside before the disk is full stays whole")
def _():
    here = new()
    room = 4096 + 2 * SIZE + SIZE // 2
    status, said = fed(["env", "LD_PRELOAD=" + EVERY, "peakfind", "-x",
                        "aside.q2"], here, lambda p: resource.prlimit(
                            p.pid, resource.RLIMIT_FSIZE, (room, room)))
    path = os.path.join(here, "aside.q2")
    must(status == OUTPUT, status)
    must(outline(path) == ["stream", 0, 1, "end of 2"], outline(path))
    must(said.count("NOT set aside") == EVENTS - 2, said)

@test("an end that has no room is said, and the events are there")
def _():
    here = new()
    room = 4096 + SIZE
    status, said = fed(dying(3, "-x", "aside.q2"), here, lambda p:
                       resource.prlimit(p.pid, resource.RLIMIT_FSIZE,
                                        (room, room)))
    path = os.path.join(here, "aside.q2")
    must(status == OUTPUT and "end record cannot be written" in said, said)
    must(outline(path) == ["stream", 3], outline(path))
    # Without its end a capture is read all the same.
    p = subprocess.run("q2cat aside.q2 | peakfind | q2ls", shell=True, cwd=here,
                       stdout=subprocess.PIPE)
    must(p.stdout.count(b"\nevent") == 1, p.stdout)

@test("a name that is taken in the meantime is said, and left alone")
def _():
    here = new()

    def take(p):
        with open(os.path.join(here, "aside.q2"), "w") as f:
            f.write("mine")
    status, said = fed(dying(3, "-x", "aside.q2"), here, take)
    must(status == OUTPUT and "File exists" in said, status, said)
    must(read(os.path.join(here, "aside.q2")) == "mine")

    def point(p):
        os.symlink("elsewhere", os.path.join(here, "aside.q2"))
    here = new()
    status, said = fed(dying(3, "-x", "aside.q2"), here, point)
    must(status == OUTPUT and "File exists" in said, status, said)
    must(not os.path.exists(os.path.join(here, "elsewhere")))

@test("what was set aside is there when peakfind is killed")
def _():
    here = new()
    header, events, _ = pieces(SEALED)
    with open(os.path.join(here, "err"), "wb") as err:
        p = subprocess.Popen(dying(1, "-x", "aside.q2"), cwd=here, stderr=err,
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    p.stdin.write(header + events[0] + events[1] + events[2])
    p.stdin.flush()
    must(wait_for(lambda: "set aside" in read(os.path.join(here, "err"))))
    p.kill()
    p.wait()
    p.stdin.close()
    must(read(os.path.join(here, "aside.q2"), "rb") == header + events[1])

@test("a capture that loses its end on replay leaves no zeros in the file")
def _():
    capture = joined("cut.q2", SEALED)
    # All references are in the pipe before peakfind begins.
    line = "{ q2cat %s; : >gone; } | { while ! test -e gone; do sleep 0.01;" \
        " done; truncate -s 9000 %s; %s 2>err.1 | q2ls >list; }" % (
            capture, capture, shlex.join(dying(7, "-x", "aside.q2")))
    with Pipeline(line, slots=EVENTS + 1) as p:
        must(p.wait(), "not all have ended")
        must("event 7 of stream" in p.err(1) and "NOT set aside" in p.err(1) and
             "truncated" in p.err(1), p.err(1))
        must(not os.path.exists(p.path("aside.q2")), p.err(1))
        must(read(p.path("list")).count("\nreference") == EVENTS)

@test("with several workers events are in the order of the input")
def _():
    here, _, _ = find(PLAIN, "env", "LD_PRELOAD=" + EVERY, "peakfind", "-P", "4",
                      "-x", "aside.q2")
    got = outline(os.path.join(here, "aside.q2"))
    must(got == ["stream", *range(EVENTS), "end of %d" % EVENTS], got)

done()
