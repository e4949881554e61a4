"""Producers that connect to q2cat -L, and what became of their events."""
import os
import socket
import struct
import subprocess
import threading

import q2bytes
from proc import *

EVENTS = 12
PARTS = [capture_make("part%d" % k, EVENTS, "-C", "64", "-k", "run=7", seed=k)
         for k in range(4)]
STREAM, END = 4096, 64
LENGTH = (os.path.getsize(PARTS[0]) - STREAM - END) // EVENTS
BYTES = [read(p, "rb") for p in PARTS]


def connect(address):
    family, _, where = address.partition(":")
    if family == "unix":
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(LIMIT)
        s.connect(where)
        return s
    host, _, port = where.rpartition(":")
    return socket.create_connection((host, int(port)), LIMIT)


class Live:
    """q2cat -L behind a UNIX socket, with what stands behind it. before: a
    command that takes q2cat as its arguments."""

    def __init__(self, *behind, options=(), slots=None, address=None,
                 before=()):
        name = os.path.join(tempfile.mkdtemp(dir=scratch()), "live")
        self.address = address or "unix:" + name
        self.name = name
        self.p = Pipeline([*before, "q2cat", "-v", "-L", self.address,
                           *options], *(behind or [["cat"]]), slots=slots)

    def __enter__(self):
        self.p.__enter__()
        must(self.says("listening at"), self.p.err(0))
        self.address = self.p.err(0).split("listening at ")[1].split("\n")[0]
        return self

    def __exit__(self, *failure):
        self.p.__exit__(*failure)

    def connect(self):
        return connect(self.address)

    def says(self, text, times=1):
        return wait_for(lambda: self.p.err(0).count(text) >= times)

    def send(self, *pieces, close=True):
        """A producer that sends in a thread, and closes."""
        s = self.connect()

        def run():
            try:
                for piece in pieces:
                    s.sendall(piece)
                if close:
                    s.close()
            except OSError:
                s.close()
        t = threading.Thread(target=run, daemon=True)
        t.start()
        return s

    def out(self):
        return read(self.p.path("stdout"), "rb")

    def ends(self, *statuses):
        must(self.p.wait(), "not all have ended", self.p.err(0))
        if statuses:
            must(self.p.statuses()[0] in statuses, self.p.statuses(),
                 self.p.err(0))


def source(record):
    return record[64 + 128:64 + 192].rstrip(b"\0").decode()


def events(data):
    """(producer, its number, its source, all behind the record but the source)
    of each event; the numbers of the stream must be 0, 1, 2, ..."""
    got = []
    for kind, seq, _, r in q2bytes.records(data):
        if kind == q2bytes.TYPE_EVENT:
            must(seq == len(got), "number", seq, len(got))
            who, number, own = source(r).split(":", 2)
            got.append((int(who[1:]), int(number), own,
                        r[64:192] + r[256:]))
    return got


def ends_of(data):
    return [(struct.unpack_from("<Q", r, 40)[0], flags)
            for kind, _, flags, r in q2bytes.records(data)
            if kind == q2bytes.TYPE_END]


def own(capture):
    return [(seq, source(r), r[64:192] + r[256:])
            for kind, seq, _, r in q2bytes.records(capture)
            if kind == q2bytes.TYPE_EVENT]


def each_once(data, captures):
    """Every event once, in order within each producer; whole streams."""
    got = events(data)
    for who in sorted({g[0] for g in got}):
        mine = [g[1:] for g in got if g[0] == who]
        must(mine in [own(c) for c in captures], "events of p%d" % who)
    total = sum(len(own(c)) for c in captures)
    must(len(got) == total, len(got), total)
    must(len({g[3] for g in got}) == total, "an event twice")
    headers = [r for kind, _, _, r in q2bytes.records(data)
               if kind == q2bytes.TYPE_STREAM]
    must(headers == [captures[0][:STREAM]], "headers")


WRITE = [["peakfind", "-P", "2"], ["cxiwrite", "-m", "0", "-o", "out"]]


def safe(l):
    """Whole events so far; of a stream that is still being written."""
    data = l.out()
    n = max(0, (len(data) - STREAM) // LENGTH)
    return events(data[:STREAM + n * LENGTH]) if len(data) >= STREAM else []


def refused(address, text):
    r = subprocess.run(["q2cat", "-L", address], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                       timeout=LIMIT)
    must(r.returncode == USAGE and text in r.stderr.decode(), r)
