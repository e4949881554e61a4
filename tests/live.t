#!/usr/bin/python3
# q2cat -L: producers connect, and their events are merged.
import os
import signal
import stat
import struct
import subprocess
import sys
import threading

sys.path.insert(0, "tests")
from liveinput import *

OTHER = capture_make("other", 3, "-C", "64", "-k", "run=7", width=64)
LARGE = capture_make("large", 2, "-C", "64", width=256, height=256)
FACTS = capture_make("facts", 3, "-C", "64", "-k", "run=8")


for n in 1, 4:
    for kind in "unix", "tcp":
        @test("%d at once, %s: each event once, in order" % (n, kind))
        def _():
            with Live(options=["-e", str(n)],
                      address=None if kind == "unix" else "tcp:0") as l:
                must(kind == "unix" or "tcp:127.0.0.1:" in l.address, l.address)
                for k in range(n):
                    l.send(BYTES[k])
                l.ends(0)
                each_once(l.out(), BYTES[:n])
                must(ends_of(l.out()) == [(n * EVENTS, 0)], ends_of(l.out()))
                must(not os.path.exists(l.name))


def rows(out):
    import h5py
    found = []
    for f in sorted(glob.glob(out + "/*.cxi")):
        with h5py.File(f) as h:
            n = h["/entry_1/result_1/nPeaks"][...]
            x = h["/entry_1/result_1/peakXPosRaw"][...]
            total = h["/entry_1/result_1/peakTotalIntensity"][...]
            image = h["/entry_1/data_1/data"][...]
            found += [(int(n[i]), x[i].tobytes(), total[i].tobytes(),
                       image[i].tobytes()) for i in range(len(n))]
    return sorted(found)


for mode, slots in ("inline", None), ("slots", 5), ("one slot a producer", 4):
    @test("four at once give the hits and peaks of their captures (%s)" % mode)
    def _():
        with Live(*WRITE, options=["-e", "4", "-c"], slots=slots) as l:
            for k in range(4):
                l.send(BYTES[k])
            l.ends(0)
            must(l.p.statuses() == [0, 0, 0], l.p.statuses())
            where = os.path.join(scratch(), "plain" + mode[:3])
            subprocess.run(["sh", "-c", 'd=$1; shift; q2cat "$@" | peakfind |'
                            'cxiwrite -m 0 -o "$d"', "sh", where, *PARTS],
                           check=True, stderr=subprocess.DEVNULL)
            want = rows(where)
            must(len(want) == 4 * EVENTS, len(want))
            must(rows(l.p.path("out")) == want, "peaks differ")
            must(not l.p.segment())


@test("a fast producer takes turns with another one")
def _():
    with Live() as l:
        fast = l.connect()
        fast.sendall(BYTES[0][:STREAM + LENGTH])
        must(wait_for(lambda: len(safe(l)) == 1))
        l.p.signal(1, signal.SIGSTOP)
        # Far more than the pipe and the sockets take.
        threading.Thread(target=fast.sendall, daemon=True,
                         args=(BYTES[0][:-END] * 8,)).start()
        # The pipe fills; what the other one sends waits in its socket.
        other = l.connect()
        other.sendall(BYTES[1][:STREAM + 4 * LENGTH])
        l.p.signal(1, signal.SIGCONT)
        must(wait_for(lambda: len(safe(l)) == 1 + 8 * EVENTS + 4), "starved")
        turns = [i for i, g in enumerate(safe(l)) if g[0] == 2]
        must(all(b - a <= 3 for a, b in zip(turns, turns[1:])), turns)
        other.close()
        fast.close()


for name, capture, why in (("another layout", OTHER, "64 columns"),
                           ("another fact", FACTS, "run=8")):
    @test("%s is refused with the difference, others go on" % name)
    def _():
        with Live(options=["-e", "2"]) as l:
            first = l.connect()
            first.sendall(BYTES[0][:STREAM + LENGTH])
            must(wait_for(lambda: len(l.out()) > STREAM))
            l.send(read(capture, "rb"))
            must(l.says("refused"), l.p.err(0))
            must(why in l.p.err(0) and "p2 (" in l.p.err(0), l.p.err(0))
            first.sendall(BYTES[0][STREAM + LENGTH:])
            first.close()
            l.send(BYTES[1])
            l.ends(INPUT)
            each_once(l.out(), BYTES[:2])
            must(ends_of(l.out()) == [(2 * EVENTS, 0)])


for mode, slots in ("inline", None), ("slots", 2):
    @test("one that dies in an event loses that one, and it is said (%s)" % mode)
    def _():
        with Live(*WRITE, options=["-e", "2"], slots=slots) as l:
            l.send(BYTES[0][:STREAM + 3 * LENGTH + 1000])
            must(l.says("p1 ("))
            l.send(BYTES[1])
            l.ends(INCOMPLETE)
            must("in the middle of event 3: 1000 of %d bytes" % LENGTH in
                 l.p.err(0), l.p.err(0))
            must(totals(l.p.err(2))[0] == 3 + EVENTS, l.p.err(2))
            must(l.p.statuses()[2] == INCOMPLETE, l.p.statuses())
            must(not l.p.segment())


@test("one without an end record is said, and there is no end record")
def _():
    with Live(options=["-e", "2"]) as l:
        l.send(BYTES[0][:-END])
        l.send(BYTES[1])
        l.ends(INCOMPLETE)
        must("without an end record, after %d events" % EVENTS in l.p.err(0))
        must(ends_of(l.out()) == [] and len(events(l.out())) == 2 * EVENTS)


for name, bad, says in (
        ("garbage", b"GET / HTTP/1.0\r\n\r\n" * 9, "not a q2 record"),
        ("a million bytes of nothing", bytes(1000000), "not a q2 record"),
        ("half a header", BYTES[1][:50], "inside a record header")):
    @test("%s ends its connection, others go on" % name)
    def _():
        with Live(options=["-e", "2"]) as l:
            first = l.connect()
            first.sendall(BYTES[0][:STREAM + LENGTH])
            must(wait_for(lambda: len(l.out()) > STREAM))
            l.send(bad)
            must(l.says(says), l.p.err(0))
            first.sendall(BYTES[0][STREAM + LENGTH:])
            first.close()
            l.send(BYTES[1])
            l.ends(INPUT)
            each_once(l.out(), BYTES[:2])
            must(ends_of(l.out()) == [(2 * EVENTS, 0)])


@test("damage and references of producers that have begun are refused")
def _():
    ref = q2bytes.Stream(5).reference(
        0, 0, 1, 1, stream=struct.unpack_from("<Q", BYTES[1], 24)[0])
    with Live(options=["-e", "3"]) as l:
        l.send(BYTES[0][:STREAM + LENGTH] + ref)
        must(l.says("a reference: producers must send events whole"))
        l.send(BYTES[1][:STREAM + LENGTH] + b"x" * 64)
        must(l.says("not a q2 record"), l.p.err(0))
        l.send(BYTES[2])
        l.ends(INPUT)
        must(len(events(l.out())) == 2 + EVENTS and not ends_of(l.out()))


for mode, slots in ("inline", None), ("slots", 3):
    @test("silence, half a header and half an event hold nobody up (%s)" % mode)
    def _():
        with Live(["peakfind"], ["cxiwrite", "-m", "0", "-o", "out", "-l",
                  "log.tsv"], slots=slots) as l:
            silent = l.connect()
            half = l.connect()
            half.sendall(BYTES[0][:STREAM + 2 * LENGTH - 500])
            must(l.p.logged_wait(1), l.p.err(0))
            l.send(BYTES[1], BYTES[2][:0])
            must(l.p.logged_wait(1 + EVENTS), l.p.logged())
            l.send(BYTES[2])
            must(l.p.logged_wait(1 + 2 * EVENTS), l.p.logged())
            half.sendall(BYTES[0][STREAM + 2 * LENGTH - 500:])
            must(l.p.logged_wait(3 * EVENTS), l.p.logged())
            half.close()
            silent.close()
            must(l.says("without a word"))


@test("the first signal takes what has begun, and says interrupted")
def _():
    with Live() as l:
        s = l.connect()
        s.sendall(BYTES[0][:STREAM + 3 * LENGTH + 1000])
        idle = l.connect()
        must(wait_for(lambda: len(safe(l)) == 3))
        l.p.signal(0, signal.SIGINT)
        must(wait_for(lambda: not os.path.exists(l.name)), "still there")
        s.sendall(BYTES[0][STREAM + 3 * LENGTH + 1000:STREAM + 4 * LENGTH])
        l.ends(INTERRUPTED)
        must(ends_of(l.out()) == [(4, q2bytes.INTERRUPTED)], ends_of(l.out()))
        must(len(events(l.out())) == 4)
        idle.close()


@test("the first signal takes what waits in the socket, unread, to its event's end")
def _():
    with Live() as l:
        s = l.connect()
        s.sendall(BYTES[0][:STREAM + LENGTH])
        must(wait_for(lambda: len(safe(l)) == 1))
        l.p.signal(0, signal.SIGSTOP)
        must(wait_for(lambda: state(l.p.pids[0]) == "T"))
        s.sendall(BYTES[0][STREAM + LENGTH:STREAM + 3 * LENGTH + 10])
        l.p.signal(0, signal.SIGINT)
        l.p.signal(0, signal.SIGCONT)
        must(wait_for(lambda: not os.path.exists(l.name)), "still there")
        s.sendall(BYTES[0][STREAM + 3 * LENGTH + 10:STREAM + 4 * LENGTH])
        l.ends(INTERRUPTED)
        must(ends_of(l.out()) == [(4, q2bytes.INTERRUPTED)], ends_of(l.out()))
        must(len(events(l.out())) == 4)


for when, pause in ("comes", 0), ("waits for a slot", 0.5):
    @test("the first signal takes an event that has begun and " + when)
    def _():
        data = read(LARGE, "rb")
        length = (len(data) - STREAM - END) // 2
        cut = STREAM + length + 70000   # more than q2cat takes with one read
        with Live(*WRITE, slots=1) as l:
            l.p.signal(2, signal.SIGSTOP)
            s = l.connect()
            s.sendall(data[:cut])
            must(l.says("connected"), l.p.err(0))
            time.sleep(pause)
            l.p.signal(0, signal.SIGINT)
            l.p.signal_taken(0)
            l.p.signal(2, signal.SIGCONT)
            s.sendall(data[cut:])
            l.ends(INTERRUPTED)
            must(l.p.statuses()[1:] == [0, 0], l.p.statuses())
            must(totals(l.p.err(2))[0] == 2, l.p.err(2))
            must("comes after" not in l.p.err(0), l.p.err(0))


for where, n, said in (
        ("a record header", 10, "a record, after 3 events"),
        ("an event", 1000, "event 3: 1000 of")):
    @test("after a signal, one that is silent in %s is left, and it is said" % where)
    def _():
        with Live() as l:
            s = l.connect()
            s.sendall(BYTES[0][:STREAM + 3 * LENGTH + n])
            must(wait_for(lambda: len(safe(l)) == 3))
            l.p.signal(0, signal.SIGTERM)
            l.ends(INTERRUPTED)
            must("left, silent in the middle of " + said in l.p.err(0), l.p.err(0))
            must(ends_of(l.out()) == [(3, q2bytes.INTERRUPTED)])
            s.close()


@test("after a signal one that is silent is left, whatever another one still sends")
def _():
    with Live() as l:
        a, b = l.connect(), l.connect()
        for s in a, b:
            s.sendall(BYTES[0][:STREAM + LENGTH + 1000])
        must(wait_for(lambda: len(safe(l)) == 2))
        l.p.signal(0, signal.SIGTERM)
        l.p.signal_taken(0)
        rest, at = BYTES[0][STREAM + LENGTH + 1000:STREAM + 2 * LENGTH], 0
        # A byte at a time, until the other one was left.
        while "left, silent in the middle of event 1" not in l.p.err(0):
            must(at < len(rest) - 1, l.p.err(0))
            b.sendall(rest[at:at + 1])
            at += 1
            time.sleep(0.1)
        b.sendall(rest[at:])
        l.ends(INTERRUPTED)
        must([g[0] for g in events(l.out())].count(2) == 2, l.p.err(0))


def one(k):
    """A producer's header, an event, and an end that counts it."""
    stream = int.from_bytes(BYTES[k][24:32], "little")
    return BYTES[k][:STREAM + LENGTH] + q2bytes.header(
        q2bytes.TYPE_END, END, stream, special=struct.pack("<Q", 1))


def again(k):
    """A producer's header, with the flag that says that it is the same."""
    flagged = bytearray(BYTES[k][:STREAM])
    struct.pack_into("<I", flagged, 12, 8)
    return q2bytes.seal(flagged) + BYTES[k][q2bytes.RECORD:STREAM]


@test("who has connected, sent all and left when the signal comes is taken still")
def _():
    for slots in None, 2:
        with Live(*WRITE, slots=slots) as l:
            l.p.signal(0, signal.SIGSTOP)
            must(wait_for(lambda: state(l.p.pids[0]) == "T"))
            for k in range(4):
                s = l.connect()
                s.sendall(one(k))
                s.close()
            l.p.signal(0, signal.SIGTERM)
            l.p.signal(0, signal.SIGCONT)
            l.ends(INTERRUPTED)
            must(totals(l.p.err(2))[0] == 4 and "interrupted" in l.p.err(2),
                 l.p.err(0), l.p.err(2))


@test("numbers that do not rise end a connection, a header said again does not")
def _():
    with Live(options=["-e", "2"]) as l:
        l.send(BYTES[0][:STREAM + LENGTH] + BYTES[0][STREAM:-END])
        must(l.says("event 0 comes after event 0"), l.p.err(0))
        l.send(BYTES[1][:STREAM + LENGTH] + again(1) + BYTES[1][STREAM + LENGTH:] +
               again(1))
        l.ends(INPUT)
        must([g[0] for g in events(l.out())] == [1] + [2] * EVENTS, l.p.err(0))


@test("the second signal ends at once and removes the socket")
def _():
    with Live() as l:
        s = l.connect()
        s.sendall(BYTES[0][:STREAM + 3 * LENGTH + 1000])
        must(wait_for(lambda: len(safe(l)) == 3))
        l.p.signal(0, signal.SIGINT)
        l.p.signal_taken(0)
        l.p.signal(0, signal.SIGINT)
        l.ends(INTERRUPTED)
        must(ends_of(l.out()) == [] and not os.path.exists(l.name))
        s.close()


@test("an interrupted producer makes an interrupted end")
def _():
    with Live(options=["-e", "1"]) as l:
        end = q2bytes.Stream(5).end(
            2, flags=q2bytes.INTERRUPTED,
            stream=struct.unpack_from("<Q", BYTES[0], 24)[0])
        l.send(BYTES[0][:STREAM + 2 * LENGTH] + end)
        l.ends(0)
        must(ends_of(l.out()) == [(2, q2bytes.INTERRUPTED)])
        must("was interrupted after 2 events" in l.p.err(0), l.p.err(0))


@test("the socket is the user's alone, whatever the umask")
def _():
    before = os.umask(0)
    try:
        with Live() as l:
            mode = stat.S_IMODE(os.stat(l.name).st_mode)
            must(mode == 0o600, oct(mode))
    finally:
        os.umask(before)


@test("a dead socket is replaced; a live one and any other file are refused")
def _():
    with Live() as l:
        l.p.signal(0, signal.SIGKILL)
        must(l.p.wait() and os.path.exists(l.name))
        with Live(options=["-e", "1"], address="unix:" + l.name) as m:
            refused("unix:" + l.name, "another program listens")
            m.send(BYTES[0])
            m.ends(0)
        must(not os.path.exists(l.name))
        with open(l.name, "w") as f:
            f.write("kept")
        refused("unix:" + l.name, "not a socket")
        must(read(l.name) == "kept")


@test("addresses that are none are refused, and files and other options")
def _():
    for bad in "unix:", "tcp:", "tcp:70000", "tcp::5", "tcp:::1:5", "/tmp/x", \
            "unix:" + "x" * 200:
        refused(bad, "-L")
    for options in ["-e", "1"], ["-L", "tcp:0", "-n", "3"], \
            ["-L", "tcp:0", PARTS[0]], ["-L", "tcp:0", "-K"]:
        r = subprocess.run(["q2cat", *options], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=LIMIT)
        must(r.returncode == USAGE and r.stderr, options)


@test("all addresses are warned of")
def _():
    with Live(address="tcp:*:0") as l:
        must(l.says("everybody"), l.p.err(0))


for mode, slots in ("inline", None), ("slots", 3):
    @test("a reader that has gone ends q2cat quietly (%s)" % mode)
    def _():
        with Live(*WRITE, slots=slots) as l:
            s = l.connect()
            s.sendall(BYTES[0][:STREAM + LENGTH + 100])
            must(wait_for(lambda: l.p.files("out/*")), l.p.err(2))
            l.p.signal(2, signal.SIGKILL)
            l.ends(GONE)
            lines = [x for x in l.p.err(0).splitlines() if "slots x" not in x
                     and "listening" not in x and "connected" not in x]
            must(not lines and not os.path.exists(l.name), lines)
            s.close()


@test("a stopped reader stops the producers, in bounded memory")
def _():
    with Live(*WRITE, slots=4) as l:
        l.p.signal(2, signal.SIGSTOP)
        body, sent = BYTES[0][:-END], [0]
        s = l.connect()
        s.sendall(BYTES[0][:STREAM])
        s.settimeout(1)
        try:
            for _ in range(2000):
                s.sendall(body)
                sent[0] += len(body)
        except TimeoutError:
            pass
        must(sent[0] < 100 * len(body), sent)
        must(l.p.pss() < 100 << 20, l.p.pss())
        l.p.signal(2, signal.SIGCONT)
        s.settimeout(LIMIT)
        s.close()


@test("more producers than there are slots wait for one to end")
def _():
    with Live(*WRITE, options=["-e", "3"], slots=1) as l:
        for k in range(3):
            l.send(BYTES[k])
        l.ends(0)
        must("others wait" in l.p.err(0), l.p.err(0))
        must(totals(l.p.err(2))[0] == 3 * EVENTS, l.p.err(2))


done()
