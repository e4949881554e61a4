#!/usr/bin/python3
"""Damaged streams: each program names stream, record and cause, ends with its
status, and loses nothing of what came before the damage."""
import glob
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import h5py

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__)))
import tap
from q2bytes import (CRC, FAILED, IMAGE, LOGITS, PEAKS,
                     RECORD, STREAM, TYPE_EVENT, Stream, header, records)

BUILD = os.path.abspath(os.environ.get("B", "build"))
os.environ["PATH"] = BUILD + ":" + os.environ["PATH"]
os.environ.pop("Q2_SLOTS", None)
HELPER = os.path.abspath(os.path.join(os.path.dirname(__file__), "q2refs.py"))
TIMEOUT = 60


def run(command, data=b""):
    """Exit status, output, messages; a hang is status 'hangs'."""
    try:
        p = subprocess.run(command, input=data, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as e:
        return "hangs", b"", (e.stderr or b"").decode()
    return p.returncode, p.stdout, p.stderr.decode(errors="replace")


def rows(directory):
    """Event numbers in the complete files, by the list; no others may lie there."""
    seqs = []
    lists = glob.glob(directory + "/*.lst")
    names = open(lists[0]).read().split() if lists else []
    left = [n for n in os.listdir(directory) if not n.endswith((".lst", ".tsv", ".journal"))]
    assert sorted(left) == sorted(map(os.path.basename, names)), left
    for name in names:
        with h5py.File(name, "r") as f:
            seqs += [int(v) for v in f["/LCLS/eventNumber"][...]]
    return seqs


def is_said(program, messages, pattern):
    """A line with the program's name and all that the pattern wants."""
    return any(line.startswith(program + ": ") and
               re.search(pattern, line) for line in messages.splitlines())


def check_writer(name, data, status, pattern, good):
    with tempfile.TemporaryDirectory() as d:
        out = d + "/out"
        got, _, said = run(["cxiwrite", "-m", "1", "-n", "2", "-o", out], data)
        kept = rows(out) if os.path.isdir(out) else []
    tap.check("cxiwrite: " + name, got == status and kept == list(good) and
              is_said("cxiwrite", said, pattern),
              "status %s, not %s; events %s, not %s" % (got, status, kept, good),
              "wanted: " + pattern, said)


def check_filter(program, name, data, status, pattern, good):
    got, out, said = run([program], data)
    try:
        kept = [r[1] for r in records(out) if r[0] == TYPE_EVENT]
    except AssertionError as e:
        kept = e
    tap.check("%s: %s" % (program, name), got == status and
              kept == list(good) and
              (pattern is None or is_said(program, said, pattern)),
              "status %s, not %s; events %s, not %s" % (got, status, kept, good),
              "wanted: %s" % pattern, said)


def check_window(name, data, status, pattern, good):
    got, out, said = run(["q2ls"], data)
    kept = [int(line.split("\t")[2]) for line in out.decode().splitlines()
            if line.startswith("event\t")]
    tap.check("q2ls: " + name, got == status and kept == list(good) and
              (pattern is None or is_said("q2ls", said, pattern)),
              "status %s, not %s; events %s, not %s" % (got, status, kept, good),
              "wanted: %s" % pattern, said)


def broken(name, make, pattern, good=(), readers="cflw"):
    """Damage that no reader can pass: status 6. make(planes) gives the bytes."""
    pattern = "standard input.*" + pattern
    if "w" in readers:
        check_writer(name, make(PEAKS | IMAGE), 6, pattern, good)
    if "f" in readers:
        check_filter("peakfind", name, make(LOGITS | IMAGE), 6, pattern, good)
    if "c" in readers:
        check_filter("q2cat", name, make(LOGITS | IMAGE), 6, pattern, good)
    if "l" in readers:
        check_window(name, make(PEAKS | IMAGE), 6, pattern, good)


def after_two(tail):
    """Three good events (two fill a file), then what tail(stream) gives."""
    def make(planes):
        s = Stream(planes)
        return (s.header() + s.event(4) + s.event(5) + s.event(9) + tail(s))
    return make


GOOD = (4, 5, 9)


def truncated():
    def cut(n):
        return after_two(lambda s: s.event(10)[:n])
    broken("truncated inside the first record header",
           lambda p: Stream(p).header()[:10], "record header.*byte 10.*truncated")
    broken("truncated inside a stream header, at its 100th byte",
           lambda p: Stream(p).header()[:100], "stream header.*byte 100.*truncated")
    broken("truncated one byte before the end of a stream header",
           lambda p: Stream(p).header()[:-1], "stream header.*byte 4095")
    broken("truncated inside an event's header", cut(63),
           "inside a record header.*truncated", GOOD)
    broken("truncated behind an event's header", cut(64),
           "event 10.*inside an event.*truncated", GOOD)
    broken("truncated inside an event block", cut(64 + 100),
           "event 10.*inside an event.*truncated", GOOD)
    broken("truncated inside a plane", cut(64 + 192 + 700),
           "event 10.*inside an event.*truncated", GOOD)
    broken("truncated one byte before the end of an event", cut(-1),
           "event 10.*inside an event.*truncated", GOOD)
    broken("truncated inside an end record",
           after_two(lambda s: s.end(3)[:20]), "inside a record header", GOOD)
    check_writer("a stream without its end record is incomplete",
                 after_two(lambda s: b"")(PEAKS | IMAGE), 5,
                 "without its end", GOOD)
    check_writer("a header alone is incomplete", Stream(PEAKS).header(), 5,
                 "without its end", ())
    check_writer("an empty input is incomplete", b"", 5,
                 "empty: no stream came", ())
    check_filter("q2cat", "an empty input is refused", b"", 6,
                 "standard input.*empty", ())
    check_window("an empty input is refused", b"", 6, "standard input.*empty", ())


def no_records():
    broken("long text is not a record", lambda p: b"all work and no play\n" * 99,
           r"not a q2 record \(wrong magic\)")
    broken("short text is not a record", lambda p: b"hello\n",
           r"not a q2 record \(wrong magic\)")
    broken("an HDF5 file on a pipe is named", lambda p: b"\x89HDF\r\n\x1a\n" +
           bytes(5000), "HDF5 file, not q2 records; a dump is an operand of q2cat")
    broken("a short HDF5 file on a pipe is named", lambda p:
           b"\x89HDF\r\n\x1a\n" + bytes(9), "HDF5 file.*q2cat")
    broken("zeros behind good events are not a record",
           after_two(lambda s: bytes(6400)), "wrong magic", GOOD)


def headers():
    def event(**record):
        return after_two(lambda s: s.event_header(10, **record) +
                         s.payload() + s.end(4))

    def flip(s):
        h = bytearray(s.event(10))
        h[33] ^= 4
        return bytes(h) + s.end(4)
    broken("a record of another version is refused", event(version=2),
           "version 2.*reads version 1", GOOD)
    broken("a stream header of another version is refused",
           lambda p: Stream(p).header(version=7), "version 7")
    broken("a wrong magic is refused", event(magic=b"\x89Q2R\n\n\x1a\n"),
           "wrong magic", GOOD)
    broken("a flipped bit in an event's header is noticed", after_two(flip),
           "damaged record header", GOOD)
    for n in (0, 1, 63, 64, 65, 128, 2 ** 32, 2 ** 63, 2 ** 64 - 64,
              2 ** 64 - 1):
        broken("an event of length %d is refused" % n, event(length=n),
               r"length %d\b|\b%d bytes" % (n, n), GOOD)
    for n in (0, 64, 8192, 2 ** 64 - 64):
        broken("a stream header of length %d is refused" % n,
               lambda p: Stream(p).header(length=n), "length %d" % n)
        if n != 64:
            broken("an end record of length %d is refused" % n, after_two(
                lambda s: s.end(3, length=n)), "length %d" % n, GOOD)
    broken("an unknown record type is refused", after_two(
        lambda s: header(5, 64, s.id)), "unknown record type 5", GOOD)
    broken("an unknown flag of an event is refused", event(flags=8),
           "unknown flags", GOOD)
    broken("an unknown flag of a stream header is refused",
           lambda p: Stream(p).header(flags=1), "unknown flags")
    broken("an unknown flag of an end record is refused", after_two(
        lambda s: s.end(3, flags=1)), "unknown flags", GOOD)
    broken("planes that are not the stream's are refused", event(planes=1 << 5),
           "event 10 has planes 0x20", GOOD)
    broken("an event of another stream is refused", event(stream=99),
           "event 10 belongs to stream 0+63", GOOD)
    broken("an event before any header is refused",
           lambda p: Stream(p).event(0), "before any stream header")
    broken("an end before any header is refused",
           lambda p: Stream(p).end(0), "end record.*never began")
    broken("an end of another stream is refused", after_two(
        lambda s: s.end(3, stream=99)), "end record.*never began", GOOD)
    broken("a reference without Q2_SLOTS is refused", after_two(
        lambda s: s.reference(10, 0, 3, 1)), "Q2_SLOTS is not set.*q2slots",
        GOOD)


def layouts():
    def stream(**fields):
        def make(planes):
            s = Stream(fields.get("planes", planes), **{
                k: v for k, v in fields.items() if k != "planes"})
            return s.header() + s.end(0)
        return make
    for name, pattern, fields in (
            ("no panels", "0 panels", dict(panels=0)),
            ("4097 panels", "4097 panels", dict(panels=4097)),
            ("height 0", "0 x 16", dict(height=0)),
            ("width 65536", "16 x 65536", dict(width=65536)),
            ("a real height of 0", "0 x 14", dict(real_height=0)),
            ("a real height beyond the padded one", "17 x 14",
             dict(real_height=17)),
            ("a real width beyond the padded one", "15 x 4294967295",
             dict(real_width=2 ** 32 - 1)),
            ("logits of an unknown type", "logits type 4", dict(logits=4)),
            ("images of an unknown type", "image type 5", dict(image=5)),
            ("one class", "1 classes", dict(classes=1)),
            ("256 classes", "256 classes", dict(classes=256)),
            ("classes without logits", "classes", dict(logits=0)),
            ("no capacity", "capacity of 0", dict(capacity=0)),
            ("too much capacity", "capacity of 1048577",
             dict(capacity=1048577)),
            ("events of more than 4 GiB", "limit is 4 GiB",
             dict(panels=4096, height=65535, width=65535)),
            ("the most of everything", "limit is 4 GiB",
             dict(panels=4096, height=65535, width=65535, classes=255,
                  capacity=1048576)),
            ("unknown planes", "planes 0x1f", dict(planes=31)),
            ("an image plane without image type", "planes 0x",
             dict(image=0)),
            ("unknown quantities", "quantities 0x8", dict(quantities=8)),
            ("text longer than there is room", "text of 5000 bytes",
             dict(text_size=5000)),
            ("text longer than it says", "longer than it says",
             dict(text_size=3)),
            ("text of 2^32-1 bytes", "text of 4294967295 bytes",
             dict(text_size=2 ** 32 - 1)),
            ("a NUL in the text", "NUL", dict(text=b"a=b\0c\n")),
            ("text without a newline", "malformed text", dict(text=b"a=b")),
            ("text without '='", "malformed text", dict(text=b"ab\n")),
            ("text with an escape", "control character",
             dict(text=b"a=\x1b[2J\n")),
            ("bytes behind its text", "longer than it says",
             dict(fill=b"x")),
            ("reserved bytes in use", "reserved",
             dict(reserved=bytes(15) + b"\1"))):
        broken("a stream header with %s is refused" % name, stream(**fields),
               pattern)

    def flip(planes):
        h = bytearray(Stream(planes).header())
        h[3000] ^= 1
        return bytes(h)
    broken("a flipped bit in a stream header is noticed", flip,
           "damaged stream header")


def order():
    for seq in (8, 9):
        check_writer("event %d after event 9 is refused" % seq,
                     after_two(lambda s: s.event(seq) + s.end(4))(PEAKS | IMAGE),
                     6, "event %d comes after event 9" % seq, GOOD)
    for count, words in ((4, "4 events were sent, 3 came"),
                         (2, "2 events were sent, 3 came"),
                         (2 ** 64 - 1, "were sent, 3 came")):
        check_writer("an end record that counts %d of 3 is noticed" % count,
                     after_two(lambda s: s.end(count))(PEAKS | IMAGE), 5, words,
                     GOOD)
    other = Stream(PEAKS | IMAGE, id=77)
    check_writer("another stream before an end is a missing end, and written",
                 after_two(lambda s: other.header() + other.event(1) +
                           other.end(1))(PEAKS | IMAGE), 5, "without its end",
                 GOOD + (1,))
    other = Stream(PEAKS | IMAGE, id=77, capacity=9, panels=4097)
    check_writer("a bad second stream leaves the first one's files",
                 after_two(lambda s: s.end(3) + other.header())(PEAKS | IMAGE),
                 6, "4097 panels", GOOD)
    check_writer("a stream without peaks is refused with a hint",
                 Stream(LOGITS | IMAGE).header(), 6, "no peaks.*peakfind", ())
    check_filter("peakfind", "a stream without logits is refused",
                 Stream(PEAKS | IMAGE).header(), 6,
                 "neither logits nor a segmentation map", ())


def failed(name, planes, pattern, programs="flw", flags=0, change=None,
           **payload):
    """An event that is damaged inside: it fails, those beside it are written."""
    s = Stream(planes)
    bad = s.event(5, flags=flags, **payload)
    if change is not None:
        bad = bytearray(bad)
        bad[change] ^= 1
    data = s.header() + s.event(4) + bytes(bad) + s.event(6) + s.end(3)
    if "w" in programs:
        check_writer(name, data, 4, "event 5 .*stream 1122334455667788.*" +
                     pattern, (4, 6))
    if "l" in programs:
        check_window(name + " is listed", data, 0, None, (4, 5, 6))
    if "p" in programs:
        got, _, said = run(["q2ls", "-p"], data)
        tap.check("q2ls -p: " + name, got == 4 and
                  is_said("q2ls", said, "event 5.*" + pattern), got, said)
    if "f" in programs:
        got, out, said = run(["peakfind"], data)
        kept = [r[1:3] for r in records(out) if r[0] == TYPE_EVENT]
        tap.check("peakfind: " + name, got == 0 and
                  [(n, f & FAILED) for n, f in kept] ==
                  [(4, 0), (5, FAILED), (6, 0)] and
                  (pattern is None or
                   is_said("peakfind", said, "event 5.*" + pattern)), got, kept,
                  said)


def blocks():
    p, f = PEAKS | IMAGE, LOGITS | IMAGE
    failed("unknown quantities of an event", p, "quantities 0x8", "lpw", known=8)
    failed("more peaks than the capacity", p, "9 peaks kept", "lpw", found=9)
    failed("more peaks kept than found", p, "3 peaks kept of 2", "lpw", kept=3)
    failed("an unknown cause", p, "cause of failure 5", "lpw", cause=5)
    failed("an event that the source could not read", p, "", "lpw",
           flags=FAILED, cause=1)
    failed("unknown quantities of an event", f, "quantities 0x8", "f", known=8)
    failed("an event that the source could not read", f, None, "f",
           flags=FAILED, cause=1)
    for name, at, planes, programs in (
            ("damaged event block", 3, p, "lpw"), ("damaged image", 300, p, "w"),
            ("damaged peaks", 192 + 1024 + 3, p, "pw"),
            ("damaged event block", 3, f, "f"), ("damaged logits", 300, f, "f"),
            ("damaged image", 192 + 2048 + 3, f, "f")):
        failed("a %s is told by its checksum" % name, planes, name, programs,
               flags=CRC, crc=True, change=RECORD + at)
    for name, peak in (
            ("a peak of a panel that is not there", Stream.peak(3, 3, panel=1)),
            ("a peak outside its panel", Stream.peak(16, 3)),
            ("a peak at NaN", Stream.peak(float("nan"), 3)),
            ("a peak at infinity", Stream.peak(3, float("inf")))):
        failed(name, p, "peak", "w", found=1,
               peaks=peak.ljust(8 * 48, b"\0"))
    s = Stream(p)
    got, out, _ = run(["q2ls"], s.header() +
                      s.event(1, source=b"\x1b[2Jx\ny") + s.end(1))
    tap.check("q2ls: an event's source moves no terminal", got == 0 and
              b"\x1b" not in out and len(out.splitlines()) == 4, out)


# ---- references ----

def facts():
    """What an event says of itself is kept, whatever else of it is damaged."""
    s = Stream(PEAKS | IMAGE, capacity=64)
    data = bytearray(s.header() + s.event(0, flags=CRC, crc=True) + s.end(1))
    data[STREAM + RECORD + 300] ^= 1
    with tempfile.TemporaryDirectory() as t:
        got, _, said = run(["cxiwrite", "-m", "0", "-o", t, "-l", t + "/log"],
                           bytes(data))
        with open(t + "/log") as f:
            row = f.read().splitlines()[-1].split("\t")
    tap.check("the log has source, time and energy of an event with a damaged image",
              got == 4 and row[1:4] == ["by hand", "5.000000007", "9500.000000"] and
              row[6] == "failed" and "image" in row[9], got, row, said)
    s = Stream(LOGITS | IMAGE)
    data = s.header() + s.event(0, flags=CRC, crc=True, known=8) + s.end(1)
    got, out, said = run(["sh", "-c", "peakfind | q2ls"], data)
    tap.check("an event block that makes no sense is no matter of its checksum",
              got == 0 and b"could not read" in out, got, out, said)
    s = Stream(LOGITS | IMAGE | PEAKS, capacity=8)
    data = s.header() + s.event(0, flags=FAILED, cause=3, found=5) + s.end(1)
    got, out, said = run(["sh", "-c", "peakfind -c 2 | q2ls"], data)
    tap.check("an event that came failed keeps them where there is less room for peaks",
              b"by hand" in out and b"checksum" in out, got, out, said)
    with tempfile.TemporaryDirectory() as t:
        got, out, said = run(["sh", "-c", """cd "$0" || exit
            q2cat -c | peakfind -k >map && q2slots -n 2 sh -c '
                q2cat map | peakfind -k | q2cat' >again && q2ls again &&
            peakfind -k <map | cmp - again""", t], capture()[1])
    tap.check("a map that is made anew is not held against the checksum of the old one",
              got == 0 and b"failed" not in out, got, out, said)


def slots_run(case, pipeline, slots=3):
    """A pipeline behind q2refs.py; then the free tokens, a line of stdout."""
    script = '%s %s %s | %s; status=$?; %s %s tokens; exit $status' % (
        sys.executable, HELPER, case, pipeline, sys.executable, HELPER)
    return run(["q2slots", "-n", str(slots), "sh", "-c", script])


def references():
    for case, pattern, good, free in (
            ("good", "2 events in = 2 written", [0, 1], [0, 1, 2]),
            ("slot", "reference to slot 3 of 3", [0], None),
            ("slot-huge", "reference to slot 4294967295 of 3", [0], None),
            ("stale", "stale reference to slot", [0], None),
            ("session", "another session", [0], None),
            ("session-zero", "another session", [0], None),
            ("duplicate", "stale reference to slot", [0], [0, 1, 2]),
            ("released", "stale reference to slot", [], [0, 1, 2]),
            ("stream", "belongs to stream", [0], None),
            ("planes", "has planes", [0], None),
            ("cut", "inside a record header", [0], None),
            ("end", "reference|came", [0], [0, 1, 2])):
        status = {"good": 0, "end": 5}.get(case, 6)
        for reader in "", "peakfind | ", "q2cat - | ":
            if reader == "peakfind | " and case == "duplicate":
                continue
            with tempfile.TemporaryDirectory() as d:
                got, out, said = slots_run(
                    case + (" logits" if "peakfind" in reader else ""),
                    reader + "cxiwrite -m 1 -o " + d)
                kept = rows(d)
            # Behind a filter, which stops at the damage, the end is missing.
            if status == 6 and reader and case != "duplicate":
                want = 5
            else:
                want = status
            tokens = [int(t) for t in out.split()]
            tap.check("%scxiwrite: reference case %s" % (reader, case),
                      got == want and kept == good and
                      re.search(pattern, said) and
                      len(set(tokens)) == len(tokens) and
                      (free is None or reader or tokens == free),
                      "status %s, not %s; events %s; tokens %s" % (
                          got, want, kept, tokens), "wanted: " + pattern, said)
    for reader in "q2ls", "q2cat > /dev/null", "peakfind > /dev/null":
        got, out, said = slots_run("duplicate" + (
            " logits" if "peakfind" in reader else ""), reader)
        tokens = [int(t) for t in out.split() if t.isdigit()][-3:]
        tap.check("%s: a duplicate reference never becomes a token" % reader,
                  got == 6 and sorted(tokens) == [0, 1, 2] and
                  re.search("stale reference to slot|twice", said), got, out,
                  said)


# ---- every byte ----

def capture():
    s = Stream(LOGITS | IMAGE, capacity=64)
    return s, s.header() + s.event(0, flags=CRC, crc=True) + s.end(1)


def pipeline(data):
    """peakfind | q2ls -p: statuses, output, messages."""
    with tempfile.TemporaryFile() as f, tempfile.TemporaryFile() as e, \
            tempfile.TemporaryFile() as e2:
        f.write(data)
        f.seek(0)
        a = subprocess.Popen(["peakfind"], stdin=f, stdout=subprocess.PIPE,
                             stderr=e)
        b = subprocess.Popen(["q2ls", "-p"], stdin=a.stdout, stderr=e2,
                             stdout=subprocess.PIPE)
        a.stdout.close()
        try:
            out = b.communicate(timeout=TIMEOUT)[0]
            status = (a.wait(timeout=TIMEOUT), b.returncode)
        except subprocess.TimeoutExpired:
            a.kill()
            b.kill()
            status, out = ("hangs", "hangs"), b""
        e.seek(0)
        e2.seek(0)
        return status, out, (e.read() + e2.read()).decode(errors="replace")


def flips():
    """The headers, a program run each: every byte that means something, and
    some of the text and zeros behind it (test_stream flips every one)."""
    s, data = capture()
    event = STREAM
    end = len(data) - RECORD
    places = [*range(0, 160), *range(160, event, 251),
              *range(event, event + RECORD), *range(end, len(data))]
    good = pipeline(data)

    def flip(at):
        bad = bytearray(data)
        bad[at] ^= 1 << at % 8
        return at, pipeline(bytes(bad))
    wrong = []
    with ThreadPoolExecutor(2) as pool:
        for at, (status, out, said) in pool.map(flip, places):
            if status[0] != 6 or status[1] not in (0, 6) or not re.search(
                    "peakfind: standard input: (byte [0-9]+:|damaged stream"
                    " header)", said):
                wrong.append((at, status, said))
    tap.check("peakfind | q2ls -p: a damaged header is always named",
              good[0] == (0, 0) and not wrong, good, *wrong[:5])

    # Each byte of block and planes, an event each of one long stream.
    payload = s.payload(crc=True)
    parts = [s.header()]
    for at in range(len(payload)):
        bad = bytearray(payload)
        bad[at] ^= 1 << at % 8
        parts += [s.event_header(at, flags=CRC), bytes(bad)]
    status, out, said = pipeline(b"".join(parts) + s.end(len(payload)))
    named = set(map(int, re.findall(r"peakfind: event (\d+) of stream \w+ failed:"
                                    " damaged", said)))
    tap.check("peakfind | q2ls -p: a damaged byte of an event is always named",
              status == (0, 4) and named == set(range(len(payload))) and
              out.count(b"\n") == 1, status, out[:200],
              sorted(set(range(len(payload))) - named)[:20])


truncated()
no_records()
headers()
layouts()
order()
blocks()
facts()
references()
flips()
tap.done()
