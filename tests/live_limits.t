#!/usr/bin/python3
# q2cat -L at its limits: producers, descriptors, addresses, and connections that
# break.
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading

sys.path.insert(0, "tests")
from liveinput import *

SEALED = [read(capture_make("sealed%d" % k, EVENTS, "-c", "-C", "64", "-k",
                            "run=7", seed=k), "rb") for k in (0, 1)]
SYSTEM = 8
ID = struct.unpack_from("<Q", BYTES[0], 24)[0]


def end(count, stream=ID):
    return q2bytes.Stream(5).end(count, stream=stream)


def descriptors(n, *which):
    """A command that takes n descriptors at most; which: -S, can be more again."""
    return ["sh", "-c", 'ulimit %s -n %d; exec "$@"' % (" ".join(which), n), "sh"]


def reset(s):
    """Ends a connection with a reset, as a machine that fell over and is back."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def queued(s):
    """Bytes that q2cat has not read of what s sent over TCP, both on loopback."""
    port = s.getsockname()[1]
    for line in read("/proc/net/tcp").splitlines()[1:]:
        w = line.split()
        if int(w[2].split(":")[1], 16) == port:
            return int(w[4].split(":")[1], 16)
    return 0


# ---- how many ----

@test("the 65th producer waits for one to end, and the others go on")
def _():
    with Live(options=["-e", "2"]) as l:
        silent = [l.connect() for _ in range(63)]
        must(l.says("connected", 63), l.p.err(0))
        first = l.connect()
        first.sendall(BYTES[0][:STREAM + LENGTH])
        must(l.says("64 producers are connected, the most there can be: others "
                    "wait until one ends"), l.p.err(0))
        l.send(BYTES[1])
        first.sendall(BYTES[0][STREAM + LENGTH:-END])
        must(wait_for(lambda: len(safe(l)) == EVENTS))
        must("p65" not in l.p.err(0), l.p.err(0))
        silent.pop().close()
        must(l.says("p65 ("), l.p.err(0))
        must(wait_for(lambda: len(safe(l)) == 2 * EVENTS))
        first.sendall(BYTES[0][-END:])
        first.close()
        l.ends(0)
        each_once(l.out(), BYTES[:2])
        must(ends_of(l.out()) == [(2 * EVENTS, 0)])
        must(all(s.recv(1) == b"" for s in silent))


@test("when descriptors run out it is said, the others wait, and all is taken")
def _():
    with Live(options=["-e", "4"], before=descriptors(6)) as l:
        four = [l.connect() for _ in range(4)]
        must(l.says("Too many open files: others wait until a producer ends"),
             l.p.err(0))
        must("p1 (" in l.p.err(0) and "p4 (" not in l.p.err(0), l.p.err(0))
        for s, capture in zip(four, BYTES):
            threading.Thread(target=lambda s=s, c=capture: (
                s.sendall(c), s.close()), daemon=True).start()
        l.ends(0)
        each_once(l.out(), BYTES)
        must(l.p.err(0).count("Too many") == 1, l.p.err(0))


@test("descriptors that are there again are used when a producer has ended")
def _():
    with Live(options=["-e", "4"], before=descriptors(6, "-S")) as l:
        four = [l.connect() for _ in range(4)]
        must(l.says("Too many open files"), l.p.err(0))
        _, hard = resource.prlimit(l.p.pids[0], resource.RLIMIT_NOFILE)
        resource.prlimit(l.p.pids[0], resource.RLIMIT_NOFILE, (64, hard))
        four.pop(0).close()
        must(l.says("p4 ("), l.p.err(0))
        must(l.p.err(0).count("left without a word") == 1, l.p.err(0))
        for s in four:
            s.close()


@test("without a descriptor for anybody it ends, and says why")
def _():
    with Live(address="tcp:0", before=descriptors(4)) as l:
        try:
            l.connect().close()
        except ConnectionResetError:
            pass                # it has ended already
        l.ends(SYSTEM)
        must("accept: Too many open files" in l.p.err(0), l.p.err(0))
        must(l.out() == b"")


@test("without a descriptor to listen with it is the machine's lack")
def _():
    address = "unix:" + os.path.join(scratch(), "s")
    # One is there, for the directory; fewer, and no program begins.
    r = subprocess.run([*descriptors(4), "q2cat", "-L", address],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True)
    must(r.returncode == SYSTEM and "Too many open files" in r.stderr,
         (r.returncode, r.stderr))


@test("more than -e wants are refused, and it is said")
def _():
    with Live(options=["-e", "1"]) as l:
        late = l.connect()
        must(l.says("p1 ("))
        first = l.connect()
        first.sendall(BYTES[0][:STREAM])
        must(wait_for(lambda: not os.path.exists(l.name)), "still listening")
        late.sendall(BYTES[1][:STREAM])
        must(l.says("refused: 1 producers were asked for, and have come"),
             l.p.err(0))
        first.sendall(BYTES[0][STREAM:])
        first.close()
        l.ends(INPUT)
        each_once(l.out(), BYTES[:1])
        late.close()


@test("with -e one that sends nothing is not waited for")
def _():
    with Live(*WRITE, options=["-e", "2"], slots=4) as l:
        silent = l.connect()
        must(l.says("p1 ("))
        half = l.connect()
        half.sendall(BYTES[2][:STREAM - 1])
        for k in 0, 1:
            l.send(BYTES[k])
        l.ends(0)
        must(totals(l.p.err(2))[0] == 2 * EVENTS, l.p.err(2))
        must(silent.recv(1) == b"")
        half.close()


# ---- where ----

@test("two addresses at once are served, and the one does not crowd out the other")
def _():
    with Live(options=["-L", "tcp:0", "-e", "4"]) as l:
        must(l.says("listening at tcp"))
        tcp = l.p.err(0).split("listening at ")[2].split("\n")[0]
        l.p.signal(0, signal.SIGSTOP)
        must(wait_for(lambda: state(l.p.pids[0]) == "T"))
        many = [l.connect() for _ in range(8)]
        few = connect(tcp)
        l.p.signal(0, signal.SIGCONT)
        must(l.says("connected", 9), l.p.err(0))
        number = [w.split()[1] for w in l.p.err(0).splitlines()
                  if "(127.0.0.1:" in w]
        must(number in (["p1"], ["p2"]), l.p.err(0))
        few.sendall(BYTES[0])
        few.close()
        l.send(BYTES[1])
        for s, capture in zip(many, BYTES[2:]):
            s.sendall(capture)
        for s in many:
            s.close()
        l.ends(0)
        each_once(l.out(), BYTES)
        try:
            must(connect(tcp) is None, "still listening")
        except ConnectionRefusedError:
            pass


def ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


if not ipv6():
    @test("an IPv6 address # SKIP no IPv6 here")
    def _():
        pass
else:
    @test("an IPv6 address stands in brackets, and its loopback is not warned of")
    def _():
        with Live(options=["-e", "1"], address="tcp:[::1]:0") as l:
            must(l.address.startswith("tcp:[::1]:"), l.address)
            s = socket.create_connection(("::1", int(l.address.split(":")[-1])))
            s.sendall(BYTES[0])
            s.close()
            l.ends(0)
            must("p1 ([::1]:" in l.p.err(0) and "everybody" not in l.p.err(0),
                 l.p.err(0))
            each_once(l.out(), BYTES[:1])

    @test("all IPv6 addresses are warned of")
    def _():
        with Live(address="tcp:[::]:0") as l:
            must(l.says("everybody"), l.p.err(0))


@test("a port in use is refused, and can be had as soon as it is free")
def _():
    with Live(address="tcp:0") as l:
        refused(l.address, "Address already in use")
        s = l.connect()
        s.sendall(BYTES[0][:STREAM + LENGTH])
        must(wait_for(lambda: len(safe(l)) == 1))
        l.p.signal(0, signal.SIGINT)
        # The connection's end is on our side: the kernel remembers the port.
        l.ends(INTERRUPTED)
        with Live(options=["-e", "1"], address=l.address) as m:
            m.send(BYTES[0])
            m.ends(0)
            each_once(m.out(), BYTES[:1])
        s.close()


@test("a path of 107 bytes is taken, a longer one is refused")
def _():
    where = tempfile.mkdtemp(dir=scratch())
    path = os.path.join(where, "x" * (106 - len(where)))
    must(len(path) == 107, path)
    with Live(options=["-e", "1"], address="unix:" + path) as l:
        refused("unix:%sx" % path, "a path of 1 to 107 bytes is wanted")
        l.send(BYTES[0])
        l.ends(0)
        each_once(l.out(), BYTES[:1])
    refused("unix:" + os.path.join(where, "none", "x"),
            "its directory: No such file or directory")
    must(os.listdir(where) == [], os.listdir(where))


@test("when one of two addresses cannot be had, the other is left at once")
def _():
    path = os.path.join(tempfile.mkdtemp(dir=scratch()), "live")
    r = subprocess.run(["q2cat", "-L", "unix:" + path, "-L", "unix:/none/x"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=LIMIT)
    must(r.returncode == USAGE and b"-L unix:/none/x: its directory" in r.stderr,
         r)
    must(not os.path.exists(path))


# ---- what is sent ----

@test("q2cat itself is a producer, with checksums, and they are right")
def _():
    with Live(*WRITE, options=["-e", "2"]) as l:
        for k in 0, 1:
            with l.connect() as s:
                subprocess.run(["q2cat", "-c", PARTS[k]], stdout=s, check=True)
        l.ends(0)
        must(l.p.statuses() == [0, 0, 0], l.p.statuses())
        must(totals(l.p.err(2)) == (2 * EVENTS, 2 * EVENTS, 0, 0), l.p.err(2))


def flip(capture, event, at):
    """A byte of an event, counted from its record, is changed."""
    at += STREAM + event * LENGTH
    return capture[:at] + bytes([capture[at] ^ 1]) + capture[at + 1:]


for mode, slots in ("inline", None), ("slots", 3):
    @test("damage that checksums show makes failed events, no more (%s)" % mode)
    def _():
        bad = flip(flip(SEALED[0], 3, 64 + 192 + 5), 5, 64 + 128)
        with Live(*WRITE, options=["-e", "2"], slots=slots) as l:
            l.send(bad)
            l.send(SEALED[1])
            l.ends(0)
            must(l.p.statuses() == [0, 0, FAILED], l.p.statuses())
            must(totals(l.p.err(2))[0::3] == (2 * EVENTS, 2), l.p.err(2))
            for what in "damaged logits", "damaged event block":
                must(l.p.err(1).count(what) == 1, l.p.err(1))
            must("damaged" not in l.p.err(0), l.p.err(0))


@test("a damaged record header ends that producer, the other goes on")
def _():
    with Live(options=["-e", "2"]) as l:
        other = l.connect()
        other.sendall(SEALED[1][:STREAM + LENGTH])
        must(wait_for(lambda: len(l.out()) > STREAM))
        l.send(flip(SEALED[0], 3, 33))
        must(l.says("damaged record header (checksum)"), l.p.err(0))
        must("p2 (" in l.p.err(0), l.p.err(0))
        other.sendall(SEALED[1][STREAM + LENGTH:])
        other.close()
        l.ends(INPUT)
        must(len(events(l.out())) == 3 + EVENTS and not ends_of(l.out()))


for name, sent, says, status, whole in (
        ("an event before any header", BYTES[1][STREAM:],
         "an event before any stream header", INPUT, True),
        ("an end before any header", end(0),
         "an end record of a stream that never began", INPUT, True),
        ("an end of another stream", BYTES[1][:STREAM] + end(0, ID + 1),
         "an end record of a stream that never began", INPUT, False),
        ("another stream before the first one's end", BYTES[1][:STREAM] +
         q2bytes.Stream(5).header(), "began another stream before the end",
         INCOMPLETE, False),
        ("half a header behind an end", BYTES[1][:STREAM] + end(0) + b"\x89Q2",
         "inside a record header", INCOMPLETE, True)):
    @test("%s is said, and the others go on" % name)
    def _():
        with Live() as l:
            l.send(sent)
            must(l.says(says) and "p1 (" in l.p.err(0), l.p.err(0))
            l.send(BYTES[0])
            must(l.says("p2 (", 2), l.p.err(0))
            l.p.signal(0, signal.SIGINT)
            l.ends(status)
            must(len(events(l.out())) == EVENTS)
            must(ends_of(l.out()) == ([(EVENTS, q2bytes.INTERRUPTED)]
                                      if whole else []), ends_of(l.out()))


@test("an end record of fewer events than came ends its producer, others go on")
def _():
    with Live(options=["-e", "2"]) as l:
        l.send(BYTES[0][:STREAM + 2 * LENGTH] + end(1))
        must(l.says("its end record counts 1 events, fewer than came: 2 came"),
             l.p.err(0))
        must("p1 (" in l.p.err(0), l.p.err(0))
        l.send(BYTES[1])
        l.ends(INPUT)
        must(len(events(l.out())) == 2 + EVENTS and not ends_of(l.out()))


@test("end records whose sum is beyond 64 bits are not added, and it is said")
def _():
    with Live(options=["-e", "3"]) as l:
        l.send(BYTES[0][:STREAM + 3 * LENGTH] + end(5))
        must(wait_for(lambda: len(safe(l)) == 3))
        must(l.says("has ended"), l.p.err(0))
        l.send(BYTES[0][:STREAM] + end(2 ** 64 - 2))
        must(l.says("p2 (", 2), l.p.err(0))
        must("its end record counts %d events, more than can be added to the "
             "others': 0 came" % (2 ** 64 - 2) in l.p.err(0), l.p.err(0))
        l.send(BYTES[1])
        l.ends(INPUT)
        must(len(events(l.out())) == 3 + EVENTS and not ends_of(l.out()))


@test("events of one that is left are not added beyond 64 bits: there is no end")
def _():
    with Live() as l:
        l.send(BYTES[0][:STREAM] + end(2 ** 64 - 2))
        must(l.says("has ended"), l.p.err(0))
        s = l.connect()
        s.sendall(BYTES[1][:STREAM + 3 * LENGTH])
        must(wait_for(lambda: len(safe(l)) == 3))
        l.p.signal(0, signal.SIGINT)
        l.ends(INTERRUPTED)
        must(len(events(l.out())) == 3 and not ends_of(l.out()))
        s.close()


@test("streams that come a few bytes at a time are whole")
def _():
    with Live(options=["-e", "2"]) as l:
        slow = l.connect()
        l.send(BYTES[1])
        edges = [*range(0, STREAM + 400, 37), STREAM + LENGTH - 1,
                 STREAM + LENGTH + 1, len(BYTES[0]) - 1]
        for a, b in zip(edges, edges[1:] + [len(BYTES[0])]):
            slow.sendall(BYTES[0][a:b])
        slow.close()
        l.ends(0)
        each_once(l.out(), BYTES[:2])


# ---- how it breaks ----

for mode, slots in ("inline", None), ("slots", 1):
    @test("producers that die in an event leave their place to others (%s)" % mode)
    def _():
        with Live(*WRITE, options=["-e", "6"], slots=slots) as l:
            for k in range(5):
                s = l.connect()
                s.sendall(BYTES[0][:STREAM + LENGTH + 1000])
                must(l.says("connected", k + 1))
                s.close()
                must(l.says("in the middle of event 1: 1000 of", k + 1),
                     l.p.err(0))
            l.send(BYTES[1])
            l.ends(INCOMPLETE)
            must(totals(l.p.err(2))[0] == 5 + EVENTS, l.p.err(2))
            must(not l.p.segment())


@test("a producer that is killed loses its event in hand, and it is said")
def _():
    with Live(options=["-e", "2"]) as l:
        with l.connect() as s:
            p = subprocess.Popen(["q2cat", "-l", "0", "-r", "100",
                                  PARTS[0]], stdout=s)
        must(wait_for(lambda: len(safe(l)) > EVENTS))
        p.kill()
        p.wait()
        must(wait_for(lambda: "in the middle of event" in l.p.err(0) or
                      "without an end record" in l.p.err(0)), l.p.err(0))
        l.send(BYTES[1])
        l.ends(INCOMPLETE)
        whose = [g[0] for g in events(l.out())]
        must(whose.count(1) > EVENTS and whose.count(2) == EVENTS, whose)
        must(not ends_of(l.out()))


for where, sent, said, status, whole in (
        ("behind its end", BYTES[0], "read: Connection reset", 0, True),
        ("between two events", BYTES[0][:-END], "read: Connection reset",
         INCOMPLETE, False),
        ("in an event", BYTES[0][:-END] + BYTES[0][:STREAM + 1000],
         "reset by peer in the middle of event 0: 1000 of", INCOMPLETE, False)):
    @test("a connection that is reset %s is said" % where)
    def _():
        with Live(options=["-e", "2"], address="tcp:0") as l:
            s = l.connect()
            s.sendall(sent)
            must(wait_for(lambda: len(safe(l)) == EVENTS))
            # What it sent last is taken, too: nothing waits in the socket.
            must(wait_for(lambda: queued(s) == 0), queued(s))
            l.p.signal(0, signal.SIGSTOP)
            reset(s)
            l.p.signal(0, signal.SIGCONT)
            must(l.says(said), l.p.err(0))
            l.send(BYTES[1])
            l.ends(status)
            must(len(events(l.out())) == 2 * EVENTS)
            must(bool(ends_of(l.out())) == whole, ends_of(l.out()))


done()
