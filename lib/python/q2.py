"""Streams of detector events, q2(5), written and read from Python.

The producer, in five lines:

    import q2
    with q2.Writer(1, panels=16, shape=(352, 384), padded=(512, 512)) as w:
        for logits, image, time, energy in batches:
            w.put(logits, image, timestamp=time, photon_energy=energy)

and the consumer:

    for event in q2.Reader("run.q2"):
        print(event.seq, event.photon_energy, event.logits.shape)

Coordinates are (panel, ss, fs) and arrays [panel][class][ss][fs], padded at the
bottom and the right. Class 0 is background, class 1 is peak. Times are integers,
seconds since 1970 << 32 | nanoseconds; energies are eV; encoders mm.

How it works. A Writer has one output and sends a header, events and an end. In a
pipeline under q2slots(1) whose output is a pipe or a UNIX socket it takes a token
for each event, fills the slot, and sends a reference of 64 bytes; elsewhere it
sends the events themselves. The slots belong to the process (class _Slots): one
set, whose tokens in hand go back when a Writer ends: by close or abort, when it is
forgotten, at exit, by a second signal. A child that was forked has none of it.

Who holds what: a token that was taken and not sent is ours and goes back; an
event that was sent is the reader's, from just before its reference is written. If
the system refuses that, nobody can have it, and it is ours again. An event that a
Reader took by reference is ours until the next one is asked for, or Event.release,
or Writer.write passed it on.

Two ends are no errors of the program, and end it quietly if nobody catches them:
Gone (the reader has gone; exit status 2) and Interrupted (a signal came, and all
in hand was sent; exit status 3). They are SystemExits, so that no "except
Exception" around a loop swallows them.
"""
import atexit
import contextlib
import errno
import fcntl
import math
import mmap
import operator
import os
import select
import signal
import socket
import stat
import struct
import threading
import weakref

import numpy as np

__all__ = ["Writer", "Reader", "Event", "Header", "Layout", "Error", "Damaged",
           "Incomplete", "Gone", "Interrupted", "crc32c", "PEAK"]

MAGIC = b"\x89Q2R\r\n\x1a\n"
RECORD, STREAM_SIZE, BLOCK, ALIGN = 64, 4096, 192, 64
TEXT_AT = 128
STREAM, EVENT, REFERENCE, END = 1, 2, 3, 4
FAILED, CRC, STOPPED, AGAIN = 1, 2, 4, 8
LOGITS, SEGMAP, IMAGE, PEAKS, ALL = 1, 2, 4, 8, 15
TIMESTAMP, ENERGY, ENCODER = 1, 2, 4
QUANTITIES = {"timestamp": TIMESTAMP, "photon_energy": ENERGY,
              "encoder": ENCODER}
UNREADABLE, NO_IMAGE = 1, 2
CAUSES = ("ok", "the source could not read it", "its image is missing",
          "a checksum does not match", "two workers died of it")
PLANE_NAMES = {LOGITS: "logits", SEGMAP: "segmentation map", IMAGE: "image",
               PEAKS: "peaks"}
MAX_BYTES = 0xffff0000
# Type names in the order of their numbers in the header.
LOGITS_TYPES = {"none": None, "f32": "<f4", "f16": "<f2", "bf16": "<u2"}
IMAGE_TYPES = {"none": None, "f32": "<f4", "u16": "<u2", "i16": "<i2",
               "i32": "<i4"}

#: A peak as peakfind(1) leaves it: ss and fs in pixels, 0 the centre of the first
#: one; sum, max, background and sd in units of the image.
PEAK = np.dtype([("ss", "<f8"), ("fs", "<f8"), ("panel", "<u4"),
                 ("npixels", "<u4"), ("sum", "<f4"), ("max", "<f4"),
                 ("background", "<f4"), ("sd", "<f4"), ("snr", "<f4"),
                 ("zero", "<u4")])

_HEAD = struct.Struct("<8sHHIQQQ16sI")
_BLOCK = struct.Struct("<QddIIIII")


class Error(Exception):
    """What this module cannot do; the text names stream, record and cause."""


class Damaged(Error):
    """A record is not what it should be. After one that says "event ..." a
    Reader can go on with the next; other damage ends it."""


class Incomplete(Error):
    """Events are missing: the end record, or as many as it counts."""


class Gone(SystemExit):
    """The reader of the output has gone: exit status 2."""

    def __init__(self):
        super().__init__(2)


class Interrupted(SystemExit):
    """SIGINT, SIGTERM or SIGHUP came, and what was in hand has been sent: exit
    status 3."""

    def __init__(self):
        super().__init__(3)


# ---- CRC-32C ----
#
# Small data goes byte by byte through a table. Large data is a matrix of 32-bit
# words, row by row: all columns are worked on at once, each step multiplying what
# there is by x^(32 columns) mod P, with two tables of 65536, and adding the next
# row. The one row that is left has the CRC of all, and is done the same way with
# fewer columns, the last of them byte by byte.

_POLY = 0x82f63b78


def _table_make():
    table = []
    for c in range(256):
        for _ in range(8):
            c = c >> 1 ^ (_POLY if c & 1 else 0)
        table.append(c)
    return table


_TABLE = _table_make()
_LANES = (16384, 128)
_folds = {}


def _crc_small(data, crc):
    table = _TABLE
    for byte in bytes(data):
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    return crc


def _times(a, b):
    """Product of two polynomials mod P, bits reflected."""
    r = 0
    for i in range(32):
        if b >> (31 - i) & 1:
            r ^= a
        a = a >> 1 ^ (_POLY if a & 1 else 0)
    return r


def _fold_make(lanes):
    """Tables for lower and upper halves of a word times x^(32 lanes)."""
    power, n = 1 << 31, 32 * lanes
    square = 1 << 30
    while n:
        if n & 1:
            power = _times(power, square)
        square = _times(square, square)
        n >>= 1
    bits = np.array([_times(power, 1 << i) for i in range(32)], "u4")
    tables = []
    for half in bits[:16], bits[16:]:
        t = np.zeros(1, "u4")
        for bit in half:
            t = np.concatenate([t, t ^ bit])
        tables.append(t)
    return tables


def _fold(words, lanes, crc):
    """A row of lanes words with the same CRC as all words (a multiple of lanes), the
    state crc in front of them included."""
    if lanes not in _folds:
        _folds[lanes] = _fold_make(lanes)
    low, high = _folds[lanes]
    rows = words.reshape(-1, lanes)
    state = rows[0].copy()
    state[0] ^= crc
    index = np.empty(lanes, "u4")
    a, b = np.empty(lanes, "u4"), np.empty(lanes, "u4")
    for row in rows[1:]:
        np.bitwise_and(state, 0xffff, out=index)
        np.take(low, index, out=a, mode="wrap")
        np.right_shift(state, 16, out=index)
        np.take(high, index, out=b, mode="wrap")
        np.bitwise_xor(a, b, out=state)
        np.bitwise_xor(state, row, out=state)
    return state


def crc32c(data):
    """CRC-32C of bytes, or of an array in C order, as q2(5) defines it."""
    data = np.ascontiguousarray(data).reshape(-1).view("u1") \
        if isinstance(data, np.ndarray) else np.frombuffer(data, "u1")
    crc = 0xffffffff
    for lanes in _LANES:
        n = len(data) // (4 * lanes) * 4 * lanes
        if n < 8 * lanes:
            continue
        crc = _state(data[:n].view("<u4"), lanes, crc)
        data = data[n:]
    return _crc_small(data, crc) ^ 0xffffffff


def _state(words, lanes, crc):
    """The CRC's state behind words, narrower rows by and by."""
    for narrow in _LANES[_LANES.index(lanes):]:
        words, crc = _fold(words, narrow, crc), 0
    return _crc_small(words.tobytes(), 0)


# ---- layouts and headers ----

class Layout:
    """What the events of a stream look like.

    panels, classes; height and width of a panel as sent (padded), real_height
    and real_width without padding, pixels; logits and image: names of element
    types; capacity: peaks an event has room for. Raises TypeError for what is no
    integer, ValueError for what is out of range or larger than 4 GiB an event.
    """

    def __init__(self, panels, classes, height, width, real_height, real_width,
                 logits, image, capacity):
        self.logits, self.image = logits, image
        for name, n in ("panels", panels), ("classes", classes), \
                ("height", height), ("width", width), \
                ("real_height", real_height), ("real_width", real_width), \
                ("capacity", capacity):
            try:        # those of numpy would overflow in products
                setattr(self, name, operator.index(n))
            except TypeError:
                raise TypeError("%s: %r is not an integer" % (name, n)) from None
        self._check()

    def _check(self):
        if not 1 <= self.panels <= 4096:
            raise ValueError("%d panels, not 1 to 4096" % self.panels)
        if not (1 <= self.height <= 65535 and 1 <= self.width <= 65535):
            raise ValueError("panels of %d x %d pixels, not 1 to 65535 each way"
                             % (self.height, self.width))
        if not (1 <= self.real_height <= self.height and
                1 <= self.real_width <= self.width):
            raise ValueError("real panel size %d x %d does not fit the padded"
                             " size %d x %d" % (self.real_height, self.real_width,
                                                self.height, self.width))
        if self.logits not in LOGITS_TYPES:
            raise ValueError("logits of type %r" % (self.logits,))
        if self.image not in IMAGE_TYPES:
            raise ValueError("image of type %r" % (self.image,))
        if self.classes != 0 if self.logits == "none" else \
                not 2 <= self.classes <= 255:
            raise ValueError("%d classes of logits (%s)"
                             % (self.classes, self.logits))
        if not 1 <= self.capacity <= 1048576:
            raise ValueError("capacity of %d peaks, not 1 to 1048576"
                             % self.capacity)
        n = sum(self.bytes(p) for p in (LOGITS, SEGMAP, IMAGE, PEAKS))
        if n > MAX_BYTES:
            raise ValueError("an event of %d bytes; the limit is 4 GiB" % n)

    def dtype(self, plane):
        """The numpy type of a plane's elements; bf16 is uint16."""
        if plane == LOGITS:
            return np.dtype(LOGITS_TYPES[self.logits])
        if plane == IMAGE:
            return np.dtype(IMAGE_TYPES[self.image])
        return PEAK if plane == PEAKS else np.dtype("u1")

    def shape(self, plane):
        """The shape of a plane, with padding."""
        size = (self.height, self.width)
        if plane == LOGITS:
            return (self.panels, self.classes) + size
        return (self.capacity,) if plane == PEAKS else (self.panels,) + size

    def bytes(self, plane):
        """Bytes of a plane that mean something; 0 if its type is none."""
        if plane == LOGITS and self.logits == "none" or \
                plane == IMAGE and self.image == "none":
            return 0
        n = self.dtype(plane).itemsize
        for side in self.shape(plane):
            n *= side
        return n

    def size(self, plane):
        """The same with the rounding behind them."""
        return (self.bytes(plane) + ALIGN - 1) & -ALIGN

    def offset(self, rooms, plane):
        """Bytes from the event block to a plane, where rooms have a place."""
        return BLOCK + sum(self.size(p) for p in (LOGITS, SEGMAP, IMAGE, PEAKS)
                           if rooms & p and p < plane)

    def event_size(self, rooms):
        """Bytes of the event block and the planes in rooms."""
        return self.offset(rooms, ALL + 1)

    def real(self, plane):
        """A view of an image, a segmentation map or logits without padding."""
        return plane[..., :self.real_height, :self.real_width]


_KEY_MAX = 63


def _text_line(key, value):
    key, value = str(key), str(value)
    if not key or not all(c.isascii() and (c.isalnum() or c in ".-_")
                          for c in key):
        raise ValueError("bad key %r: letters, digits, '.', '-', '_' only" % key)
    if len(key) > _KEY_MAX:
        raise ValueError("%.20s...: a key of more than %d bytes" % (key, _KEY_MAX))
    if any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise ValueError("%s: control character in the value" % key)
    return ("%s=%s\n" % (key, value)).encode()


class Header:
    """The header of a stream: layout, planes, quantities (masks), text, id.

    text maps keys to values; the last of a key counts. packed is the record, 4096
    bytes. Two headers are the same stream if packed is the same.
    """

    def __init__(self, layout, planes, quantities, text=(), id=None):
        """text: a mapping, or lines of key=value as bytes. id: of the stream;
        made of all the rest, as q2(5) says, if it is None."""
        self.layout, self.planes, self.quantities = layout, planes, quantities
        lines = text if isinstance(text, bytes) else \
            b"".join(_text_line(k, v) for k, v in dict(text).items())
        if len(lines) > STREAM_SIZE - TEXT_AT:
            raise ValueError("no room in the stream header: its text may have %d"
                             " bytes" % (STREAM_SIZE - TEXT_AT))
        self.lines = lines
        body = self._body()
        if id is None:
            id = crc32c(body[64:] + bytes(64) + body[:64]) << 32 | crc32c(body)
        self.id = id
        self.packed = _record(STREAM, STREAM_SIZE, id,
                              special=struct.pack("<I", crc32c(body))) + body

    def _body(self):
        f = self.layout
        fields = struct.pack(
            "<12I", f.panels, f.classes, f.height, f.width, f.real_height,
            f.real_width, list(LOGITS_TYPES).index(f.logits),
            list(IMAGE_TYPES).index(f.image), f.capacity, self.planes,
            self.quantities, len(self.lines))
        return (fields.ljust(64, b"\0") + self.lines).ljust(
            STREAM_SIZE - RECORD, b"\0")

    @property
    def text(self):
        pairs = (line.partition("=") for line in
                 self.lines.decode("utf-8", "replace").split("\n")[:-1])
        return {key: value for key, _, value in pairs}

    @property
    def event_length(self):
        """Bytes of an inline event, record header included."""
        return RECORD + self.layout.event_size(self.planes)

    def extended(self, text):
        """The same stream with lines of a program behind those that are there."""
        lines = b"".join(_text_line(k, v) for k, v in dict(text).items())
        return Header(self.layout, self.planes, self.quantities,
                      self.lines + lines, self.id)

    @classmethod
    def unpack(cls, record):
        """From the 4096 bytes of a record; Damaged if they are no header."""
        kind, _, _, id, _, special, _ = _record_unpack(record[:RECORD])
        if kind != STREAM:
            raise Damaged("a record of type %d in place of a stream header" % kind)
        body = bytes(record[RECORD:])
        if struct.unpack_from("<I", special)[0] != crc32c(body):
            raise Damaged("damaged stream header (checksum)")
        f = struct.unpack_from("<12I", body)
        if f[6] >= len(LOGITS_TYPES) or f[7] >= len(IMAGE_TYPES):
            raise Damaged("stream header with an unknown type of elements")
        try:
            layout = Layout(*f[:6], list(LOGITS_TYPES)[f[6]],
                            list(IMAGE_TYPES)[f[7]], f[8])
        except ValueError as e:
            raise Damaged("stream header: %s" % e) from None
        can = SEGMAP | PEAKS | (LOGITS if f[6] else 0) | (IMAGE if f[7] else 0)
        if f[9] & ~can or f[10] & ~7:
            raise Damaged("stream header with planes %#x, quantities %#x"
                          % (f[9], f[10]))
        text = body[64:64 + f[11]]
        if f[11] > STREAM_SIZE - TEXT_AT or any(body[48:64]) or \
                any(body[64 + f[11]:]) or (text and not text.endswith(b"\n")):
            raise Damaged("malformed stream header")
        for line in text.split(b"\n")[:-1]:
            key, equal, _ = line.partition(b"=")
            if not equal or not key or \
                    any(c < 32 or c == 127 for c in line) or not all(
                        c < 128 and (chr(c).isalnum() or c in b".-_")
                        for c in key):
                raise Damaged("malformed text in the stream header")
        return cls(layout, f[9], f[10], text, id)


def _record(kind, length, stream, seq=0, flags=0, special=b"", session=0):
    head = struct.pack("<8sHHIQQQ16sI", MAGIC, 1, kind, flags, length, stream,
                       seq, special, session)
    return head + struct.pack("<I", _crc_small(head, 0xffffffff) ^ 0xffffffff)


def _record_unpack(p):
    """Type, flags, length, stream, seq, the 16 bytes by type, session."""
    p = bytes(p)
    magic, version, kind, flags, length, stream, seq, special, session = \
        _HEAD.unpack_from(p)
    if magic == b"\x89HDF\r\n\x1a\n":
        raise Damaged("an HDF5 file: q2cat(1) makes a stream of it")
    if magic != MAGIC:
        raise Damaged("not a q2 record (wrong magic)")
    if version != 1:
        raise Damaged("q2 version %d; this module reads version 1" % version)
    if struct.unpack_from("<I", p, 60)[0] != \
            _crc_small(p[:60], 0xffffffff) ^ 0xffffffff:
        raise Damaged("damaged record header (checksum)")
    lengths = {STREAM: STREAM_SIZE, REFERENCE: RECORD, END: RECORD}
    allowed = {STREAM: AGAIN, EVENT: FAILED | CRC, REFERENCE: FAILED | CRC,
               END: STOPPED}
    if kind not in allowed:
        raise Damaged("unknown record type %d" % kind)
    if length != lengths.get(kind, length) or length % ALIGN or \
            length < RECORD or (kind == EVENT and length == RECORD):
        raise Damaged("record of type %d with length %d" % (kind, length))
    if flags & ~allowed[kind]:
        raise Damaged("record of type %d with unknown flags %#x" % (kind, flags))
    return kind, flags, length, stream, seq, special, session


def _again(packed):
    """A stream header said again: it changes and counts nothing."""
    head = packed[:12] + struct.pack("<I", AGAIN) + packed[16:60]
    return head + struct.pack("<I", _crc_small(head, 0xffffffff) ^ 0xffffffff) + \
        packed[RECORD:]


# ---- where an event lies ----

class _Place:
    """Block and planes of an event: memory is an array of bytes that begins with
    the block; rooms says which planes have a place in it. Planes in there_planes
    lie in there, a capture, instead."""

    def __init__(self, memory, rooms, there=None, there_rooms=0, there_planes=0):
        self.memory, self.rooms = memory, rooms
        self.there, self.there_rooms = there, there_rooms
        self.there_planes = there_planes

    @property
    def block(self):
        return self.memory[:BLOCK]

    def bytes(self, layout, plane, size):
        memory, rooms = self.memory, self.rooms
        if self.there_planes & plane:
            memory, rooms = self.there, self.there_rooms
        at = layout.offset(rooms, plane)
        return memory[at:at + size]

    def plane(self, layout, plane):
        return self.bytes(layout, plane, layout.bytes(plane)).view(
            layout.dtype(plane)).reshape(layout.shape(plane))

    def pieces(self, layout, planes):
        yield self.block
        for p in LOGITS, SEGMAP, IMAGE, PEAKS:
            if planes & p:
                yield self.bytes(layout, p, layout.size(p))


def _crc_block(block):
    copy = bytearray(block.tobytes())
    copy[64:68] = bytes(4)
    return crc32c(bytes(copy))


def _seal(place, layout, planes):
    crcs = [crc32c(place.bytes(layout, p, layout.bytes(p))) if planes & p else 0
            for p in (LOGITS, SEGMAP, IMAGE, PEAKS)]
    place.block[48:64] = np.frombuffer(struct.pack("<4I", *crcs), "u1")
    place.block[64:68] = np.frombuffer(
        struct.pack("<I", _crc_block(place.block)), "u1")


def _seal_check(place, layout, planes):
    crcs = struct.unpack_from("<5I", place.block, 48)
    if crcs[4] != _crc_block(place.block):
        return "damaged event block (checksum)"
    for crc, p in zip(crcs, (LOGITS, SEGMAP, IMAGE, PEAKS)):
        if planes & p and crc != crc32c(place.bytes(layout, p, layout.bytes(p))):
            return "damaged %s (checksum)" % PLANE_NAMES[p]
    return None


# ---- slots ----
#
# As lib/transport/slots.c, and the same traps: the token pipe's flags belong to
# all, so it is opened anew; all tokens are taken at once and the one freed last is
# used first; the consumers' lock drops when any descriptor of the memory file is
# closed, also those that mmap duplicates, so mappings are never closed. Python has
# no atomic operations; who holds a reference is alone with its slot, and of the
# count of consumers only a change matters, so plain aligned stores are enough.

_STRIDE, _SLOT_HEAD, _CONTROL = 1 << 32, 64, 1 << 19
_CAPTURES, _CAPTURE_SIZE = 64, 4024
_POPULATE_WRITE, _POPULATE_MIN = 23, 1 << 18
_WATCH_MS, _LONELY_LOOKS = 200, 10
_GET_SEALS, _SEAL_SHRINK = 1034, 2


class _Slots:
    current = None

    @classmethod
    def open(cls):
        """The slots of Q2_SLOTS, the same for the whole process; or None."""
        env = os.environ.get("Q2_SLOTS")
        if env is None:
            return None
        s = cls.current
        if s is None or s.env != env or s.pid != os.getpid():
            s = cls.current = cls(env)
        return s

    def __init__(self, env):
        try:
            one, memory, take, give, n, session, mi, pi = env.split(":")
            self.memory, self.give, self.n = int(memory), int(give), int(n)
            self.session = int(session, 16)
            if one != "1" or not 1 <= self.n <= 255 or not self.session:
                raise ValueError
            inodes = int(mi), int(pi)
        except ValueError:
            raise Error("Q2_SLOTS is malformed: %r; start the pipeline with"
                        " q2slots" % env) from None
        try:
            ms = os.fstat(self.memory)
            seals = fcntl.fcntl(self.memory, _GET_SEALS)
            ok = stat.S_ISREG(ms.st_mode) and ms.st_ino == inodes[0] and \
                ms.st_size == self.n * _STRIDE + _CONTROL and \
                seals & _SEAL_SHRINK
            for fd in int(take), self.give:
                st = os.fstat(fd)
                ok = ok and stat.S_ISFIFO(st.st_mode) and st.st_ino == inodes[1]
            ok = ok and fcntl.fcntl(self.give, fcntl.F_GETFL) & \
                os.O_ACCMODE == os.O_WRONLY
        except OSError:
            ok = False
        if not ok:
            raise Error("Q2_SLOTS names descriptors that are closed or are not its"
                        " slots; start the pipeline with q2slots")
        self.env, self.pid = env, os.getpid()
        self.take = os.open("/proc/self/fd/%d" % int(take),
                            os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.control = np.frombuffer(mmap.mmap(
            self.memory, _CONTROL, offset=self.n * _STRIDE), "u1")
        self.counters = self.control[:8].view("u4")
        # All slots at once: sparse, and no descriptor for each, as Python keeps.
        try:
            self.segment = mmap.mmap(self.memory, self.n * _STRIDE)
        except OSError as e:
            raise Error("cannot map %d slots, %d GiB of addresses: %s; raise the"
                        " limit, as with ulimit -v unlimited, or take fewer"
                        % (self.n, self.n * _STRIDE >> 30, e.strerror)) from None
        self.segment.madvise(mmap.MADV_DONTDUMP)
        self.slots = np.frombuffer(self.segment, "u1").reshape(self.n, _STRIDE)
        self.populated = [(0, 0)] * self.n      # event size, planes
        self.captures = {}
        self.stack = []         # tokens in hand, the one freed last behind
        self.held = set()       # slot and generation of events Readers have in hand
        self.consumers, self.seen = int(self.counters[0]), False
        self.consuming = False
        self.consumers_gone()

    def _lock(self, command, kind):
        asked = struct.pack("hhqqi4x", kind, os.SEEK_SET, self.n * _STRIDE, 1, 0)
        return struct.unpack("hhqqi4x", fcntl.fcntl(self.memory, command,
                                                    asked))[0]

    def consume(self):
        """Tells sources that this process gives tokens back, until it ends."""
        if not self.consuming:
            self._lock(fcntl.F_SETLK, fcntl.F_RDLCK)
            self.counters[0] += 1
            self.consumers += 1         # we wait for none but ourselves
            self.consuming = True

    def consumers_gone(self):
        if self._lock(fcntl.F_GETLK, fcntl.F_WRLCK) != fcntl.F_UNLCK:
            self.seen = True
            return False
        return self.seen or int(self.counters[0]) != self.consumers

    def _tokens_read(self):
        try:
            tokens = os.read(self.take, 255)
        except BlockingIOError:
            return
        if not tokens:
            raise Error("the token pipe: closed")
        self.stack += tokens
        if max(tokens) >= self.n:
            raise Error("a token for slot %d of %d" % (max(tokens), self.n))

    def token(self, out, stopped, lonely):
        """A free slot; None once stopped() is true. Waits for one, watching out
        (a descriptor) for its reader. Calls lonely() while nobody has ever
        consumed, which should write."""
        watch = select.poll()
        watch.register(self.take, select.POLLIN)
        watch.register(out, 0)
        looks = 0
        while True:
            self._tokens_read()
            # A Writer that is forgotten at this moment gives them back.
            with contextlib.suppress(IndexError):
                return self.stack.pop()
            if stopped():
                return None
            events = dict(watch.poll(_WATCH_MS))
            if any(e & select.POLLNVAL for e in events.values()):
                raise Error("a descriptor is closed")
            if events.get(out, 0) & (select.POLLERR | select.POLLHUP):
                raise Gone
            if events.get(self.take, 0) & select.POLLIN:
                continue
            if self.consumers_gone():
                raise Gone
            looks += 1
            if looks > _LONELY_LOOKS and not self.seen:
                lonely()
                looks = 0

    def untake(self, slot):
        """Gives a token back. Never waits: the pipe has room for all."""
        try:
            os.write(self.give, bytes([slot]))
        except OSError:
            pass

    def return_all(self):
        while self.stack:
            self.untake(self.stack.pop())

    def populate(self, slot, layout, planes):
        """Pages that would fault in one by one, once for each slot and plane, and
        again where events have become larger."""
        size, done = self.populated[slot]
        if layout.event_size(ALL) > size:
            size, done = layout.event_size(ALL), 0
        for p in LOGITS, SEGMAP, IMAGE, PEAKS:
            if not planes & ~done & p or layout.size(p) < _POPULATE_MIN:
                continue
            done |= p
            at = slot * _STRIDE + _SLOT_HEAD + layout.offset(ALL, p)
            begin = at & -mmap.PAGESIZE
            try:
                self.segment.madvise(
                    _POPULATE_WRITE, begin, at + layout.size(p) - begin)
            except OSError:
                pass
        self.populated[slot] = size, done

    def _memory(self, slot, layout):
        """The head of a slot and room for an event."""
        if layout.event_size(ALL) > _STRIDE - _SLOT_HEAD:
            raise Damaged("events of %d bytes are too large for a slot"
                          % layout.event_size(ALL))
        return self.slots[slot, :_SLOT_HEAD + layout.event_size(ALL)]

    def claim(self, slot, layout):
        """Begins to fill a slot that was taken: its place and generation."""
        memory = self._memory(slot, layout)
        head = memory[:8].view("u8")
        generation = (int(head[0]) | 1) + 2
        memory[12:16] = 0
        head[0] = generation
        return _Place(memory[_SLOT_HEAD:], ALL), generation

    def check(self, slot, generation, session):
        """Damaged unless the reference is ours, in range and fresh."""
        if session != self.session:
            raise Damaged("a reference of another session (%08x, ours is %08x)"
                          % (session, self.session))
        if slot >= self.n:
            raise Damaged("a reference to slot %d of %d" % (slot, self.n))
        there = int(self.slots[slot, :8].view("u8")[0])
        if there != generation:
            raise Damaged("a stale reference to slot %d (generation %d, the slot"
                          " has %d)" % (slot, generation, there))

    def release(self, slot, generation):
        """Consumes a reference: its token goes back."""
        if os.getpid() != self.pid:     # it is our parent's
            return
        self.check(slot, generation, self.session)
        self.slots[slot, :8].view("u8")[0] = generation + 1
        self.untake(slot)

    def release_all(self):
        """The same for all that Readers have in hand, forgotten ones too."""
        while self.held:
            self.release(*self.held.pop())

    def place(self, slot, layout):
        """Where the event of a reference lies; Damaged if its capture is gone."""
        memory = self._memory(slot, layout)
        number, planes, rooms = (int(x) for x in memory[8:20].view("u4"))
        if planes == 0:
            return _Place(memory[_SLOT_HEAD:], ALL)
        planes, rooms = planes & ALL, rooms & ALL
        at = int(memory[24:32].view("u8")[0])
        capture = self._capture(number)
        there = capture[at:at + layout.event_size(rooms)]
        if len(there) != layout.event_size(rooms):
            raise Damaged("the capture has no event at byte %d" % at)
        return _Place(memory[_SLOT_HEAD:], ALL, there, rooms, planes)

    def _capture(self, number):
        if number >= _CAPTURES or number >= int(self.counters[1]):
            raise Damaged("a slot names capture %d, which nobody made known"
                          % number)
        if number not in self.captures:
            at = 8 + number * _CAPTURE_SIZE
            device, inode, size = (int(x) for x in
                                   self.control[at:at + 24].view("u8"))
            path = self.control[at + 24:at + _CAPTURE_SIZE].tobytes()
            path = os.fsdecode(path.split(b"\0")[0])
            self.captures[number] = self._capture_open(path, device, inode, size)
        fd, size, memory = self.captures[number]
        if os.fstat(fd).st_size < size:
            raise Damaged("the capture was truncated while it was replayed")
        return memory

    @staticmethod
    def _capture_open(path, device, inode, size):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as e:
            raise Damaged("%s: %s" % (path, e.strerror)) from None
        st = os.fstat(fd)
        if (st.st_dev, st.st_ino) != (device, inode) or st.st_size < size:
            os.close(fd)
            raise Damaged("%s: is not the file any more that is replayed" % path)
        return fd, size, np.frombuffer(mmap.mmap(
            fd, size, prot=mmap.PROT_READ), "u1")


def _memory_check(n, size):
    """Error if n slots of this size are more than the machine has to give."""
    try:
        with open("/proc/meminfo") as f:
            there = [int(x.split()[1]) * 1024 for x in f
                     if x.startswith("MemAvailable:")]
    except OSError:
        return
    if there and n * size > there[0]:
        raise Error("%d slots of %.1f MiB are %.1f GiB, free are %.1f GiB: give"
                    " q2slots -n %d or less"
                    % (n, size / 2 ** 20, n * size / 2 ** 30,
                       there[0] / 2 ** 30, there[0] // size))


# ---- outputs ----

def _connect(name):
    kind, _, where = name.partition(":")
    if kind == "tcp":
        host, _, port = where.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError("%s: not tcp:HOST:PORT, with a port from 1 to 65535"
                             % name)
        try:
            return socket.create_connection((host.strip("[]"), int(port)))
        except OSError as e:
            raise _named(e, name) from None
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(where)
    except OSError as e:
        s.close()
        raise _named(e, name) from None
    return s


def _mode(look, name):
    """What stat or lstat, look, finds; 0 if nothing is there."""
    try:
        return look(name).st_mode
    except FileNotFoundError:
        return 0


def _already_open(name):
    """A descriptor for the name of one. Opened anew it would be written from its
    beginning: one that is ours is shared."""
    n = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}.get(name)
    for folder in "/dev/fd/", "/proc/self/fd/":
        if name.startswith(folder) and name[len(folder):].isdecimal():
            n = int(name[len(folder):])
    try:
        return os.open(name, os.O_WRONLY | os.O_CLOEXEC) if n is None else \
            fcntl.fcntl(n, fcntl.F_DUPFD_CLOEXEC, 0)
    except OSError as e:
        raise _named(e, name) from None


def _own_check(name):
    """A name that was mistyped must not cost a run: what is replaced is a capture,
    or empty."""
    try:
        with open(name, "rb") as f:
            head = f.read(len(MAGIC))
    except FileNotFoundError:
        return
    except OSError as e:
        raise OSError(e.errno, "%s: exists, and it cannot be seen what it is: %s"
                      % (name, os.strerror(e.errno))) from None
    if head not in (b"", MAGIC):
        raise OSError(errno.EEXIST, "%s: exists and is not a Q2 capture, so it is"
                      " kept; remove it, or name another file" % name)


def _named(e, name):
    """An OSError that says whose it is."""
    if e.errno is None:     # Python's own, as for a path too long for a socket
        return OSError("%s: %s" % (name, e))
    return OSError(e.errno, "%s: %s" % (name, e.strerror))


class _Output:
    """Where bytes leave: a borrowed descriptor, a connection, or a file that has
    a temporary name until commit."""

    def __init__(self, to):
        self.owned = self.path = self.temporary = self.keep = None
        self.refers = False
        #: why nothing can follow (a text, or Gone), and whether the system has
        #: refused the rest of the last write
        self.broken, self.refused = None, False
        if isinstance(to, (str, bytes, os.PathLike)):
            self._open(os.fsdecode(to))
        else:
            self.keep = to      # a file object must live as long as we do
            self.fd = to if isinstance(to, int) else to.fileno()
            self.name = "descriptor %d" % self.fd
            self.refers = self._local()

    def _open(self, name):
        if name == "":
            raise OSError(errno.ENOENT, "'': names no file")
        self.name, mode = name, _mode(os.stat, name)
        if name.startswith(("unix:", "tcp:")):
            self._connected(name)
        elif name.startswith(("/dev/std", "/dev/fd/", "/proc/")):
            self.fd = _already_open(name)
            self.refers = self._local()
        elif stat.S_ISSOCK(mode):
            self._connected("unix:" + name)
        elif stat.S_ISLNK(_mode(os.lstat, name)):
            raise OSError(errno.ELOOP, "%s: is a symbolic link; name the file"
                          " itself" % name)
        elif mode == 0 or stat.S_ISREG(mode):
            _own_check(name)
            self._temporary_open(name)
        else:
            self.fd = os.open(name, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            self.refers = self._local()

    def _temporary_open(self, name):
        folder, base = os.path.split(name)
        temporary = os.path.join(folder, ".%s.%s.part"
                                 % (base, os.urandom(6).hex()))
        try:
            self.fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL |
                              os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        except OSError as e:
            raise _named(e, name) from None
        self.path, self.temporary = name, temporary

    def _connected(self, name):
        self.owned = _connect(name)
        self.fd = self.owned.fileno()

    def _local(self):
        """May references leave here: into a FIFO or a socket of this machine?"""
        mode = os.fstat(self.fd).st_mode
        if not stat.S_ISSOCK(mode):
            return stat.S_ISFIFO(mode)
        s = socket.socket(fileno=os.dup(self.fd))
        with s:
            return s.family == socket.AF_UNIX

    def write(self, *pieces):
        """Writes all of the pieces (buffers); Gone if the reader has. Whatever ends
        it before the last byte breaks the output."""
        self.check()
        rest = [memoryview(p).cast("B") for p in pieces if len(p)]
        self.broken = "a write was interrupted"
        while rest:
            try:
                n = os.writev(self.fd, rest)
            except BlockingIOError:
                p = select.poll()
                p.register(self.fd, select.POLLOUT)
                p.poll()
                continue
            except (BrokenPipeError, ConnectionResetError):
                self.broken, self.refused = Gone, True
                raise Gone from None
            except OSError as e:
                if e.errno is None:     # raised by a signal handler
                    raise
                self.broken, self.refused = os.strerror(e.errno), True
                raise _named(e, self.name) from None
            while rest and n >= len(rest[0]):
                n -= len(rest.pop(0))
            if n:
                rest[0] = rest[0][n:]
        self.broken = None

    def check(self):
        """Raises what broke it."""
        if self.broken is Gone:
            raise Gone
        if self.broken is not None:
            raise Error("%s: broken off, and nothing can follow: %s"
                        % (self.name, self.broken))

    def commit(self):
        if self.temporary is not None:
            try:
                os.fsync(self.fd)
                os.rename(self.temporary, self.path)
            except OSError as e:
                raise _named(e, self.name) from None
            self.temporary = None
        self.close()

    def close(self):
        """Without commit a file is removed."""
        if self.temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.temporary)
            self.temporary = None
        if self.owned is not None:
            self.owned.close()
        elif self.keep is None and self.fd is not None:
            os.close(self.fd)
        self.owned = self.fd = self.keep = None


# ---- writing ----

def _bf16(x):
    """Floating-point values to bits of bf16, to nearest, ties to even."""
    x = np.ascontiguousarray(x, "<f4")
    bits = x.view("<u4")
    out = ((bits + (0x7fff + (bits >> 16 & 1))) >> 16).astype("<u2")
    out[np.isnan(x)] = 0x7fc0
    return out


# Facts of an event, as the block has them; None is unknown.

def _is_time(n):
    return n != 0 and n & 0xffffffff < 10 ** 9


def _time(x):
    n = operator.index(x)
    if not 0 <= n < 1 << 64:
        raise ValueError("%d is out of range" % n)
    return n if _is_time(n) else None


def _finite(x):
    return float(x) if math.isfinite(x) else None


def _positive(x):
    return float(x) if math.isfinite(x) and x > 0 else None


def _source(x):
    if isinstance(x, bytes):
        x = x.decode()
    if not isinstance(x, str):
        raise TypeError("text, not %s" % type(x).__name__)
    return x.encode()[:63].decode("utf-8", "ignore").encode()


_FACTS = {"timestamp": _time, "photon_energy": _positive, "encoder": _finite,
          "source": _source}


def _block_make(timestamp, energy, encoder, source, cause):
    known = (timestamp is not None and TIMESTAMP) | \
        (energy is not None and ENERGY) | (encoder is not None and ENCODER)
    block = _BLOCK.pack(timestamp or 0, math.nan if energy is None else energy,
                        math.nan if encoder is None else encoder, known, 0, 0, 0,
                        cause)
    return np.frombuffer(block.ljust(128, b"\0") +
                         (source or b"").ljust(BLOCK - 128, b"\0"), "u1")


class _Planes:
    """What an event has, by the plane that its own _plane finds."""

    __slots__ = ()

    @property
    def logits(self):
        return self._plane(LOGITS)

    @property
    def segmap(self):
        return self._plane(SEGMAP)

    @property
    def image(self):
        return self._plane(IMAGE)


class Slot(_Planes):
    """An event being filled: numpy views of where it will lie.

    logits (panels, classes, H, W), image and segmap (panels, H, W), padded size,
    of the stream's types (bf16 as uint16); None where the stream has no such
    plane. In a slot of q2slots they are the shared memory itself, so that a GPU
    may copy straight into it; they hold what was there before, padding too, and
    the caller fills all of them. Valid until send or drop, then not ours.

    A context manager: sends at the end of the block, or drops after an exception.
    Facts can be given to send, or set before: timestamp, photon_energy, encoder,
    source. Nothing else can be set: s.image[:] = x fills, s.image = x is an
    AttributeError.
    """

    __slots__ = ("timestamp", "photon_energy", "encoder", "source", "_writer",
                 "_place", "_slot", "_generation")

    def __init__(self, writer, place, slot, generation):
        self.timestamp = self.photon_energy = self.encoder = self.source = None
        self._writer, self._place = writer, place
        self._slot, self._generation = slot, generation

    def _plane(self, plane):
        h = self._writer.header
        return self._place.plane(h.layout, plane) if h.planes & plane else None

    def send(self, timestamp=None, photon_energy=None, encoder=None, source=None):
        """Sends it. As Writer.put, raises Gone or, afterwards, Interrupted."""
        given = timestamp, photon_energy, encoder, source
        own = self.timestamp, self.photon_energy, self.encoder, self.source
        facts = [o if g is None else g for g, o in zip(given, own)]
        if self._writer._slot_open is not self:
            raise Error("this slot was sent or dropped before")
        try:
            self._place.block[:] = self._writer._blocks(1, *facts)[0]
            self._blank_peaks()
            self._writer._send(self, 0)
        except BaseException:
            self.drop()
            raise
        self._writer._stop_check()

    def _blank_peaks(self):
        """Peaks of an event that was here before are none of this one."""
        h = self._writer.header
        if h.planes & PEAKS:
            self._place.bytes(h.layout, PEAKS, h.layout.size(PEAKS))[:] = 0

    def drop(self):
        """It is not needed after all: its token goes back."""
        self._writer._drop(self)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self._writer._slot_open is not self:
            return
        if kind is None:
            self.send()
        else:
            self.drop()


# One handler for all Writers that listen, so that they may end in any order.

_writers = weakref.WeakSet()    # all that are open
_before = {}                    # the program's handlers, while ours is in their place


def _signals_take():
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        # nohup(1) must stay what it is.
        if number == signal.SIGHUP and \
                signal.getsignal(number) is signal.SIG_IGN:
            continue
        if signal.getsignal(number) is not _signalled:
            _before[number] = signal.signal(number, _signalled)


def _signals_give():
    """Puts the program's handlers back if nobody listens any more; not those that
    it has replaced itself, and not from another thread, which may not."""
    if any(w._signals for w in _writers) or \
            threading.current_thread() is not threading.main_thread():
        return
    while _before:
        number, handler = _before.popitem()
        if signal.getsignal(number) is _signalled:
            signal.signal(number, handler or signal.SIG_DFL)


def _signalled(number, _):
    """The first one asks Writers to stop, the second ends the process; a terminal
    that hangs up is a first one, however often it comes."""
    listening = [w for w in _writers if w._signals]
    if not listening:           # the last one has ended in another thread
        _signals_give()
        os.kill(os.getpid(), number)
    elif not any(w._asked for w in listening):
        for w in listening:
            w._asked, w.stopped = True, w._signals == "stop"
    elif number != signal.SIGHUP:   # kernel and shell both say it
        try:
            _all_end()
        finally:
            os._exit(3)


def _input_wait(fd):
    """Waits for input; Gone where the reader of an open Writer goes meanwhile: who
    sends us the input may wait for tokens that only that reader gave back."""
    writers = [w for w in _writers if not w._over]
    watch = select.poll()
    watch.register(fd, select.POLLIN)
    for w in writers:
        watch.register(w._out.fd, 0)
    ready = dict(watch.poll())
    for w in writers:
        if w._out.fd != fd and \
                ready.get(w._out.fd, 0) & (select.POLLERR | select.POLLHUP):
            w._lose()


@atexit.register
def _all_end():
    """Nothing stays in hand of what is open, or was and is forgotten."""
    for w in list(_writers):
        w.abort()
    if _Slots.current is not None:
        _Slots.current.release_all()


def _forked():
    for w in list(_writers):
        w._disown()
    _writers.clear()
    _signals_give()


os.register_at_fork(after_in_child=_forked)


def _is_masked(data):
    """Does an array mask something, also one of several in a list?"""
    if isinstance(data, (list, tuple)):
        return any(map(_is_masked, data))
    return isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data)


class Writer:
    """Sends a stream of events.

    out: a descriptor, a file or socket object (borrowed; flush it before), or a
        path. A path that is a UNIX socket, "unix:PATH" and "tcp:HOST:PORT"
        connect, to q2cat -L for example. /dev/stdout, /dev/fd/N and the like are
        that descriptor. A regular file has a temporary name until it is complete;
        it replaces a capture or an empty file, nothing else, and no symbolic link.
    panels: detector modules, 1 to 4096.
    shape: (H0, W0), rows and columns of a panel without padding.
    padded: (H, W) as the network has it; the same as shape by default. Padding is
        at the bottom and the right.
    logits: "f32", "f16", "bf16" (bits in 2 bytes), or "segmap": not logits but a
        segmentation map of uint8 is put.
    classes: logits a pixel, 2 to 255.
    image: "f32", "u16", "i16", "i32" or None.
    quantities: those of "timestamp", "photon_energy" and "encoder" that the
        events have.
    text: facts of the run as a mapping; cxiwrite(1) knows experiment, run and
        detector.
    capacity: peaks that an event has room for, 1 to 1048576.
    crc: add a CRC-32C for each plane and the event block.
    signals: "stop": the first SIGINT, SIGTERM or SIGHUP lets what is in hand be sent and
        raises Interrupted, the second ends the process at once; "drain": only the
        second does, for a program that reads a stream itself; None: leave signals
        alone. Only in the main thread; handlers are put back by close.
    header: a Header to be sent as it is, in place of all that describes events.

    Raises ValueError for a layout that cannot be, OSError where the output cannot
    be opened, Error where Q2_SLOTS is set and wrong or memory is short. Use it
    with "with": a block that ends well sends the end record and commits a file;
    Interrupted sends an end that says so; any other exception sends no end, and
    removes the file, and so does who forgets it. Not to be shared by threads, nor
    sent to another process; a child that was forked cannot use it.
    """

    _over = "the Writer is closed"      # until it is open

    def __init__(self, out, *, panels=None, shape=None, padded=None,
                 logits="f32", classes=2, image="f32",
                 quantities=("timestamp", "photon_energy"), text=(),
                 capacity=2048, crc=False, signals="stop", header=None):
        if header is None:
            header = _header_make(panels, shape, padded, logits, classes, image,
                                  quantities, text, capacity)
        if signals not in ("stop", "drain", None):
            raise ValueError("signals=%r: not 'stop', 'drain' or None"
                             % (signals,))
        self.header, self.layout, self.crc = header, header.layout, crc
        #: events sent; the sequence number of the next event
        self.count = self.seq = 0
        #: whether a signal has asked to stop
        self.stopped = self._asked = False
        # Only the main thread may handle signals.
        self._signals = signals if threading.current_thread() is \
            threading.main_thread() else None
        self._slot_open = self._buffer = None
        self._slots = _Slots.open()
        self._out = _Output(out)
        self._over = None
        try:
            self._begin()
        except BaseException:
            self.abort()
            raise

    def _begin(self):
        if not self._out.refers:
            self._slots = None
        if self._slots is not None:
            _memory_check(self._slots.n, RECORD + self.layout.event_size(
                self.header.planes | SEGMAP | PEAKS))
        _writers.add(self)
        if self._signals:
            _signals_take()
        self._write(self.header.packed)

    # -- putting --

    def put(self, logits, image=None, timestamp=None, photon_energy=None,
            encoder=None, source=None):
        """Sends one event or a batch of them.

        logits: (B * panels, classes, H, W), as a network gives them, plane k being
            panel k % panels of event k // panels, or (B, panels, classes, H, W);
            with one panel an event may be (classes, H, W). H x W is the padded or
            the real size; the rest is then zero. Anything that numpy takes for an
            array and that masks nothing: floating point, or where the stream is
            bf16 its bits as integers of 2 bytes. Other integers are refused: no one
            can tell whether they are bits. A segmentation map has no axis of
            classes.
        image: (B * panels, 1, H, W), (B * panels, H, W) or (B, panels, H, W), of
            values that the stream's type can have. If it is None, but the stream
            has images, the events are failed ones and keep their place.
        timestamp: an integer for an event, or B of them; None, 0 and what has 10^9
            nanoseconds and more is unknown.
            A float, text or datetime is none: TypeError.
        photon_energy: eV, one for all or B of them; None, NaN or anything not
            above zero is unknown.
        encoder: mm, likewise, but any finite value is one.
        source: text (str, or bytes of UTF-8), where the event comes from, cut to
            63 bytes; or B of them.

        Nothing is kept of the arrays. Returns when all of them have been handed
        on: it waits where the reader is slow. Raises ValueError or TypeError
        before the first event is sent, Gone if the reader has gone, and
        Interrupted, when all events of this call were sent, after a signal.
        """
        self._ready()
        main = LOGITS if self.header.planes & LOGITS else SEGMAP
        planes = {main: self._array(logits, main)}
        n = len(planes[main])
        if image is not None:
            if not self.header.planes & IMAGE:
                raise ValueError("an image, but the stream has none")
            planes[IMAGE] = self._array(image, IMAGE)
            if len(planes[IMAGE]) != n:
                raise ValueError("images of %d events, logits of %d"
                                 % (len(planes[IMAGE]), n))
        cause = NO_IMAGE if self.header.planes & IMAGE and image is None else 0
        blocks = self._blocks(n, timestamp, photon_energy, encoder, source, cause)
        for k in range(n):
            self._event_send({p: x[k] for p, x in planes.items()}, blocks[k],
                             FAILED if cause else 0)
        self._stop_check()

    def fail(self, timestamp=None, photon_energy=None, encoder=None, source=None):
        """Sends a failed event: one that there was, but could not be read. Later
        programs name and count it."""
        self._ready()
        block, = self._blocks(1, timestamp, photon_energy, encoder, source,
                              UNREADABLE)
        self._event_send({}, block, FAILED)
        self._stop_check()

    def slot(self):
        """A Slot to be filled in place, the next event. One at a time. Waits for a
        free one; raises Interrupted, with nothing in hand, after a signal."""
        self._ready()
        s = self._slot_find(lambda: self.stopped)
        if s is None:
            raise Interrupted
        return s

    def write(self, event):
        """Sends an Event of a Reader as it is: number, flags, block and planes;
        the Writer must have been made with its header. A reference is passed on,
        if that can be, and the event is then not ours any more."""
        self._ready()
        h = self.header
        event._held_check()
        if event.header.id != h.id or event.header.planes != h.planes or \
                event._header.layout.__dict__ != h.layout.__dict__:
            raise ValueError("an event of another stream")
        self.seq = event.seq
        if event._reference is not None and self._slots is not None:
            self._reference_pass(event)
        else:
            s = self._slot_find()
            try:
                for to, piece in zip(s._place.pieces(h.layout, h.planes),
                                     event._place.pieces(h.layout, h.planes)):
                    to[:] = piece
                self._send(s, event._flags)
            except BaseException:
                self._drop(s)
                raise
        self._stop_check()

    def _array(self, data, plane):
        """Data as (B, panels, ...) of whatever type it has, its sides checked."""
        f, want = self.layout, self.layout.shape(plane)
        name = PLANE_NAMES[plane]
        if _is_masked(data):
            raise TypeError("%s: a masked array: fill in what it masks" % name)
        x = np.asarray(data)
        if x.dtype.name == "bfloat16":
            x = x.view("u2")
        if plane == IMAGE and x.ndim == 4 and x.shape[1] == 1:
            x = x[:, 0]
        rank = len(want)
        if x.ndim == rank - 1 and f.panels == 1:
            x = x[None]
        if x.ndim == rank:
            if len(x) == 0 or len(x) % f.panels:
                raise ValueError("%s: %d planes are no multiple of the %d panels"
                                 % (name, len(x), f.panels))
            x = x.reshape((-1, f.panels) + x.shape[1:])
        sizes = ((f.height, f.width), (f.real_height, f.real_width))
        if x.ndim != rank + 1 or x.shape[1:-2] != want[:-2] or \
                x.shape[-2:] not in sizes:
            raise ValueError(
                "%s of shape %s; an event is %s, or %d x %d without padding"
                % (name, np.shape(data), want, f.real_height, f.real_width))
        return self._type_check(x, plane, name)

    def _type_check(self, x, plane, name):
        to = self.layout.dtype(plane)
        if plane == LOGITS:
            bits = self.layout.logits == "bf16" and x.dtype.kind in "iu" and \
                x.dtype.itemsize == 2
            if x.dtype.kind != "f" and not bits:
                raise TypeError("logits of type %s, the stream's are %s: floating"
                                " point%s" % (x.dtype, self.layout.logits,
                                              ", or bits in 2 bytes"
                                              if self.layout.logits == "bf16"
                                              else ""))
        elif not np.can_cast(x.dtype, to, "same_kind" if to.kind == "f"
                             else "safe"):
            raise TypeError("%s of type %s, the stream's are %s: convert it"
                            % (name, x.dtype, to))
        return x

    def _blocks(self, n, timestamp, energy, encoder, source, cause=0):
        """The blocks of n events, before the first of them is sent."""
        given = timestamp, energy, encoder, source
        columns = [self._column(n, name, x) for name, x in zip(_FACTS, given)]
        return [_block_make(*facts, cause) for facts in zip(*columns)]

    def _column(self, n, name, given):
        """A fact for each of n events, of one value or n of them."""
        if not isinstance(given, (list, tuple)) and np.ndim(given) == 0:
            if name == "timestamp" and given is not None and n > 1:
                raise ValueError("one timestamp for %d events" % n)
            given = [given] * n
        if len(given) != n:
            raise ValueError("%d values of %s for %d events"
                             % (len(given), name, n))
        facts = [None] * n
        for k, x in enumerate(given):
            if x is None:
                continue
            if name in QUANTITIES and \
                    not self.header.quantities & QUANTITIES[name]:
                raise ValueError("%s: not among the stream's quantities" % name)
            try:
                if getattr(x, "ndim", 0):       # a row of one
                    x = x.reshape(())[()]
                facts[k] = _FACTS[name](x)
            except (TypeError, ValueError, OverflowError) as e:
                kind = TypeError if isinstance(e, TypeError) else ValueError
                raise kind("%s of event %d: %s" % (name, k, e)) from None
        return facts

    def _fill(self, place, plane, data):
        """Copies an event's plane to its place, zeros where there is none."""
        f = self.layout
        raw = place.bytes(f, plane, f.size(plane))
        if data is None:
            raw[:] = 0
            return
        raw[f.bytes(plane):] = 0
        to = place.plane(f, plane)
        h, w = data.shape[-2:]
        if (h, w) != to.shape[-2:]:
            to[..., h:, :] = 0
            to[..., :h, w:] = 0
        # A logit beyond the type is infinite; peakfind knows what that means.
        with np.errstate(over="ignore"):
            if plane == LOGITS and f.logits == "bf16" and data.dtype.kind == "f":
                data = _bf16(data)
            np.copyto(to[..., :h, :w], data, casting="unsafe")

    # -- places and sending --

    def _stop_check(self):
        if self.stopped:
            raise Interrupted

    def _ready(self):
        if self._over:
            raise ValueError(self._over)
        self._out.check()
        if self._slot_open is not None:
            raise Error("the last slot was neither sent nor dropped")

    def _slot_find(self, stopped=lambda: False):
        """A place for the next event, now in hand; None once stopped()."""
        if self._slots is not None:
            return self._slot_take(stopped)
        if stopped():
            return None
        if self._buffer is None:
            self._buffer = np.zeros(self.layout.event_size(
                self.header.planes), "u1")
        self._slot_open = Slot(self, _Place(self._buffer, self.header.planes),
                               None, 0)
        return self._slot_open

    def _slot_take(self, stopped):
        token = self._slots.token(self._out.fd, stopped, lambda: self._write(
            _again(self.header.packed)))
        if token is None:
            return None
        try:
            place, generation = self._slots.claim(token, self.layout)
        except BaseException:
            self._slots.untake(token)
            raise
        self._slot_open = Slot(self, place, token, generation)
        self._slots.populate(token, self.layout, self.header.planes)
        return self._slot_open

    def _event_send(self, planes, block, flags):
        """Sends an event of these arrays, zeros where there are none."""
        s = self._slot_find()
        try:
            for p in LOGITS, SEGMAP, IMAGE, PEAKS:
                if self.header.planes & p:
                    self._fill(s._place, p, planes.get(p))
            s._place.block[:] = block
            self._send(s, flags)
        except BaseException:
            self._drop(s)
            raise

    def _drop(self, s):
        """A slot in hand ends: the next reference to it would be stale."""
        if self._slot_open is not s:
            return
        self._slot_open = None
        if s._slot is not None:
            self._slots.release(s._slot, s._generation)

    def _reference(self, slot, generation, flags):
        return _record(REFERENCE, RECORD, self.header.id, self.seq, flags,
                       struct.pack("<IIQ", self.header.planes, slot, generation),
                       self._slots.session)

    def _reference_pass(self, event):
        slot, place = event._reference, event._place
        event._take()
        try:
            self._write(self._reference(*slot, event._flags))
        except BaseException:
            if self._out.refused:
                event._reference, event._place = slot, place
                self._slots.held.add(slot)
            raise
        self.count += 1
        self.seq += 1

    def _send(self, s, flags):
        """Sends the slot in hand, which then is in hand only if it was refused."""
        h = self.header
        for p in LOGITS, SEGMAP, IMAGE:
            if h.planes & p:
                s._place.bytes(h.layout, p, h.layout.size(p))[
                    h.layout.bytes(p):] = 0
        if self.crc and not flags & CRC:
            _seal(s._place, h.layout, h.planes)
            flags |= CRC
        self._slot_open = None
        try:
            if s._slot is not None:
                self._write(self._reference(s._slot, s._generation, flags))
            else:
                self._write(_record(EVENT, h.event_length, h.id, self.seq, flags,
                                    struct.pack("<I", h.planes)),
                            *s._place.pieces(h.layout, h.planes))
        except BaseException:
            if self._out.refused:
                self._slot_open = s
            raise
        self.count += 1
        self.seq += 1

    def _write(self, *pieces):
        try:
            self._out.write(*pieces)
        except Gone:
            self._lose()

    def _lose(self):
        """The reader has gone."""
        self._out.broken = Gone
        # Who waits for tokens behind another program learns it by our end.
        if self._slots is not None:
            self._slots.consume()
        raise Gone

    # -- ends --

    def close(self, interrupted=None):
        """Sends the end record, commits a file, gives tokens back. interrupted:
        whether the end says so; by default, whether a signal came. Behind a write
        that failed or was interrupted it is an abort and raises Error. A second
        close does nothing."""
        if self._over:
            return
        if interrupted is None:
            interrupted = self.stopped
        self._over = Writer._over
        try:
            self._write(_record(END, RECORD, self.header.id,
                                flags=STOPPED if interrupted else 0,
                                special=struct.pack("<Q", self.count)))
            self._out.commit()
        finally:
            self.abort()

    def abort(self):
        """Ends without an end record: what was sent is incomplete, a file is
        removed. Tokens go back. Does nothing behind close."""
        self._over = self._over or Writer._over
        _writers.discard(self)
        if self._slot_open is not None:
            self._drop(self._slot_open)
        if self._slots is not None:
            self._slots.return_all()
        self._out.close()
        _signals_give()

    def __del__(self):
        if not self._over:
            self.abort()

    def _disown(self):
        self._over = "the Writer is of the process that made it, not of its child"
        self._slots = self._slot_open = self._out.temporary = None

    def __reduce__(self):
        raise TypeError("a Writer cannot be copied or sent: make it in the process"
                        " (the actor) that uses it")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        elif issubclass(kind, (Interrupted, KeyboardInterrupt)) and \
                self._out.broken is None:
            self.close(interrupted=True)
        else:
            self.abort()


def _header_make(panels, shape, padded, logits, classes, image, quantities, text,
                 capacity):
    if panels is None or shape is None:
        raise TypeError("a Writer needs panels and shape, or a header")
    segmap = logits == "segmap"
    padded = shape if padded is None else padded
    for name, sides in ("shape", shape), ("padded", padded):
        if np.shape(sides) != (2,):
            raise ValueError("%s: %r is not two numbers, rows and columns"
                             % (name, sides))
    (height, width), (real_height, real_width) = padded, shape
    layout = Layout(panels, 0 if segmap else classes, height, width, real_height,
                    real_width, "none" if segmap else logits, image or "none",
                    capacity)
    if isinstance(quantities, str):
        raise TypeError("quantities: %r is a text, not several" % quantities)
    mask = 0
    for q in quantities:
        if q not in QUANTITIES:
            raise ValueError("quantity %r: not one of %s"
                             % (q, ", ".join(QUANTITIES)))
        mask |= QUANTITIES[q]
    planes = (SEGMAP if segmap else LOGITS) | (IMAGE if layout.image != "none"
                                               else 0)
    return Header(layout, planes, mask, dict(text))


# ---- reading ----

class Event(_Planes):
    """An event of a Reader.

    seq; timestamp (an integer), photon_energy (eV), encoder (mm), None if
    unknown; source (text); failed, and cause, a few words; peaks_found and nans,
    numbers of peakfind(1); header, of its stream.

    logits, segmap, image, peaks: read-only arrays, or None where the stream has no
    such plane. All but peaks have the padded size: layout.real(x) cuts it off. Those
    of a failed event mean nothing.

    How long they are valid: of a capture, as long as its Reader or any of them
    exists, unless somebody truncates the file, which kills who looks (SIGBUS); from
    a pipe, as long as you keep them; by reference, until release or the next event.
    """

    def __init__(self, reader, header, seq, flags, place, reference):
        self._reader, self._header, self._place = reader, header, place
        self._flags, self._reference = flags, reference
        self.seq = seq
        b = place.block
        time, energy, encoder, known, self.peaks_found, kept, self.nans, cause = \
            _BLOCK.unpack_from(b)
        if known & ~7 or kept > header.layout.capacity or \
                kept > self.peaks_found or cause >= len(CAUSES):
            raise Damaged("fields of the event block are out of range")
        self.timestamp = time if known & TIMESTAMP and _is_time(time) else None
        self.photon_energy = energy if known & ENERGY else None
        self.encoder = encoder if known & ENCODER else None
        self.source = b[128:191].tobytes().split(b"\0")[0].decode(
            "utf-8", "replace")
        self.failed = bool(flags & FAILED)
        self.cause = CAUSES[cause or UNREADABLE] if self.failed else CAUSES[0]
        self._kept = kept
        if header.planes & PEAKS and not self.failed:
            self._peaks_check()

    def _peaks_check(self):
        f, p = self._header.layout, self.peaks
        bad = (p["panel"] >= f.panels) | \
            ~((p["ss"] >= -.5) & (p["ss"] <= f.real_height - .5)) | \
            ~((p["fs"] >= -.5) & (p["fs"] <= f.real_width - .5))
        if bad.any():
            raise Damaged("peak %d is not on the detector" % bad.argmax())

    @property
    def header(self):
        return self._header

    @property
    def layout(self):
        return self._header.layout

    def _held_check(self):
        if self._place is None:
            raise ValueError("event %d was released" % self.seq)

    def _plane(self, plane):
        self._held_check()
        if not self._header.planes & plane:
            return None
        x = self._place.plane(self._header.layout, plane)
        x.flags.writeable = False
        return x

    @property
    def peaks(self):
        x = self._plane(PEAKS)
        return None if x is None else x[:self._kept]

    def _take(self):
        """Slot and generation; whoever asks has them now."""
        (slot, generation), self._reference = self._reference, None
        self._reader._slots.held.discard((slot, generation))
        self._place = None
        return slot, generation

    def release(self):
        """Done with it: a reference gives its token back, and its arrays must not
        be looked at any more. The next event does the same."""
        if self._reference is not None:
            self._reader._slots.release(*self._take())


class Reader:
    """Iterates over the events of a stream, a capture, or several of either one
    behind the other.

    source: a descriptor, a file or socket object (borrowed), or a path; standard
        input by default. A regular file is mapped, and read from where its offset
        is; nothing is copied.
    crc: check CRCs of planes and event blocks where the stream has them. Those of
        records and headers always are.

    When an end record has come: ended is true, interrupted tells whether the source
    was stopped, and sent how many events that and the ends before counted; count
    is how many came.

    Raises Incomplete where a stream has no end or its end counts other events than
    came, at the end or in front of the next stream; Damaged for a record that is
    not what it should be. Behind either next() goes on, if it can be known where.
    References that are consumed give their tokens back. A context manager.
    """

    def __init__(self, source=0, crc=True):
        self.crc = crc
        self.count = self.sent = 0
        self.ended = self.interrupted = False
        self._header = self._event = self._over = None
        self._since = 0         # events since the last end
        self._loose = False     # events or a header without an end behind them
        self._owned = None
        self._buffer, self._have = b"", 0
        self._slots = _Slots.open()
        if isinstance(source, (str, bytes, os.PathLike)):
            self.name = os.fsdecode(source)
            self._fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
            self._owned = weakref.finalize(self, os.close, self._fd)
        else:
            self._keep = source
            self._fd = source if isinstance(source, int) else source.fileno()
            self.name = "standard input" if self._fd == 0 else \
                "descriptor %d" % self._fd
        self._map_try()
        # No references are in files; who reads one is no consumer.
        if self._slots is not None and self._memory is None:
            self._slots.consume()

    def _map_try(self):
        self._memory, self._at = None, 0
        st = os.fstat(self._fd)
        if stat.S_ISREG(st.st_mode):
            self._at = os.lseek(self._fd, 0, os.SEEK_CUR)
            self._memory = np.frombuffer(
                mmap.mmap(self._fd, st.st_size, prot=mmap.PROT_READ), "u1") \
                if st.st_size else np.empty(0, "u1")

    # -- bytes --

    def _bytes(self, n):
        """n bytes as an array, fewer only at the end of the input."""
        if self._memory is not None:
            part = self._memory[self._at:self._at + n]
            if len(part) and self._at + len(part) > os.fstat(self._fd).st_size:
                raise Damaged("the file was truncated while it was read")
            self._at += len(part)
            return part
        part = np.empty(n, "u1")
        view, have = memoryview(part), min(n, len(self._buffer))
        view[:have] = self._buffer[:have]
        self._buffer = self._buffer[have:]
        while have < n:
            _input_wait(self._fd)
            try:
                if n - have >= 1 << 16:
                    r = os.readv(self._fd, [view[have:]])
                else:
                    # References are small, and many are ready at once.
                    more = os.read(self._fd, 1 << 16)
                    r = min(len(more), n - have)
                    view[have:have + r] = more[:r]
                    self._buffer = more[r:]
            except BlockingIOError:
                continue
            if r == 0:
                break
            have += r
        return part[:have]

    def _rest(self, n, what):
        part = self._bytes(n)
        if len(part) < n:
            raise Damaged("%s: the input ends inside it" % what)
        return part

    # -- records --

    def __iter__(self):
        return self

    def __next__(self):
        self._event_end()
        while self._over is None:
            try:
                event = self._record()
            except Incomplete as e:
                raise Incomplete("%s: %s" % (self.name, e)) from None
            except Damaged as e:
                raise Damaged("%s: %s" % (self.name, e)) from None
            if event is not None:
                return event
        raise StopIteration

    def _event_end(self):
        if self._event is not None:
            event, self._event = self._event, None
            event.release()

    def _record(self):
        """Takes a record; an Event if it is one."""
        held, self._over = self._over, True
        head = self._bytes(RECORD)
        if len(head) == 0:
            return self._input_end()
        if len(head) < RECORD:
            raise Damaged("%s: the input ends inside it" % self._where())
        try:
            kind, flags, length, stream, seq, special, session = \
                _record_unpack(head)
        except Damaged as e:
            raise Damaged("%s: %s" % (self._where(), e)) from None
        if kind == STREAM:
            body = self._rest(STREAM_SIZE - RECORD, "a stream header")
            self._over = held
            if flags & AGAIN and self._header is not None:
                return None
            return self._stream(head.tobytes() + body.tobytes())
        if self._header is None or stream != self._header.id:
            raise Damaged("a record of stream %016x, which never began" % stream)
        if kind == END:
            self._over = held
            return self._end(flags, struct.unpack_from("<Q", special)[0])
        try:
            return self._event_take(kind, flags, length, seq, special, session,
                                    held)
        except Damaged as e:
            raise Damaged("event %d: %s" % (seq, e)) from None

    def _last(self):
        return self._seq if self._header is not None else -1

    def _where(self):
        return "the first record" if self._header is None else \
            "record behind event %d" % self._last()

    def _input_end(self):
        if self._header is None:
            raise Damaged("empty: no stream header")
        if self._loose:
            self._loose = False
            raise Incomplete("the stream has no end: behind event %d events may be"
                             " missing" % self._seq)

    def _stream(self, record):
        if self._header is not None and record == self._header.packed:
            self._loose = True
            self.ended = False
            return
        loose, behind = self._loose, self._last()
        try:
            self._header = Header.unpack(record)
        except Damaged:
            self._over = True
            raise
        self._since, self._seq, self._loose = 0, -1, True
        self.ended = False
        if loose:
            raise Incomplete("the stream has no end: behind event %d another one"
                             " begins" % behind)

    def _end(self, flags, count):
        came, self._since, self._loose = self._since, 0, False
        self.ended, self.interrupted = True, bool(flags & STOPPED)
        self.sent += count
        if count != came:
            raise Incomplete("%d events were sent, %d came" % (count, came))

    def _event_take(self, kind, flags, length, seq, special, session, held):
        h = self._header
        planes, slot, generation = struct.unpack_from("<IIQ", special)
        if planes != h.planes:
            raise Damaged("planes %#x, its stream has %#x" % (planes, h.planes))
        reference = None
        if kind == EVENT:
            if length != h.event_length:
                raise Damaged("%d bytes, its stream's have %d"
                              % (length, h.event_length))
            place = _Place(self._rest(length - RECORD, "it"), h.planes)
        elif self._slots is None:
            raise Damaged("a reference, but Q2_SLOTS is not set; start the whole"
                          " pipeline with q2slots")
        else:
            self._slots.check(slot, generation, session)
            reference = slot, generation
        # It has come, and it is known where the next one begins.
        self._over = held
        self._since += 1
        self.count += 1
        self._seq, self._loose = seq, True
        try:
            if kind == REFERENCE:
                self._slots.held.add(reference)
                place = self._slots.place(slot, h.layout)
            why = _seal_check(place, h.layout, h.planes) \
                if flags & CRC and self.crc else None
            if why:
                raise Damaged(why)
            self._event = Event(self, h, seq, flags, place, reference)
        except BaseException:
            if reference is not None:
                self._slots.held.discard(reference)
                self._slots.release(slot, generation)
            raise
        return self._event

    @property
    def header(self):
        """The Header of the stream in hand; waits for the first one."""
        if self._header is None and self._over is None and self._event is None:
            try:
                self._record()
            except Damaged as e:
                raise Damaged("%s: %s" % (self.name, e)) from None
        return self._header

    def close(self):
        """Gives back what is held; a path's file is closed, arrays stay."""
        self._event_end()
        self._over = True
        if self._owned is not None:
            self._owned()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
