"""Records of q2(5) built by hand, also such as no program would write."""
import struct

RECORD, STREAM, BLOCK, PEAK = 64, 4096, 192, 48
MAGIC = b"\x89Q2R\r\n\x1a\n"
TYPE_STREAM, TYPE_EVENT, TYPE_REFERENCE, TYPE_END = 1, 2, 3, 4
FAILED, CRC, INTERRUPTED = 1, 2, 4
LOGITS, SEGMAP, IMAGE, PEAKS, ALL = 1, 2, 4, 8, 15

TABLE = []
for i in range(256):
    for _ in range(8):
        i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
    TABLE.append(i)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def round64(n):
    return (n + 63) & ~63


def seal(header):
    """The header's own checksum, after its fields were changed."""
    return header[:60] + struct.pack("<I", crc32c(header[:60]))


def header(kind, length, stream, seq=0, flags=0, special=b"", session=0,
           magic=MAGIC, version=1):
    return seal(struct.pack("<8sHHIQQQ16sI", magic, version, kind, flags,
                            length, stream, seq, special, session) + bytes(4))


class Stream:
    """A stream of small events: one panel, 16 x 16 of which 15 x 14 are real."""

    def __init__(self, planes, **changes):
        self.id = 0x1122334455667788
        self.fields = dict(
            panels=1, classes=2, height=16, width=16, real_height=15,
            real_width=14, logits=1, image=1, capacity=8, planes=planes,
            quantities=3, text_size=None)
        self.text = b"experiment=cxi78513\n"
        self.reserved = bytes(16)
        self.fill = b""
        for key, value in changes.items():
            if key in self.fields:
                self.fields[key] = value
            else:
                setattr(self, key, value)

    def header(self, **record):
        f = dict(self.fields)
        if f["text_size"] is None:
            f["text_size"] = len(self.text)
        body = struct.pack("<12I", *f.values()) + self.reserved + self.text
        body = body.ljust(STREAM - RECORD, b"\0")
        body = body[:STREAM - RECORD - len(self.fill)] + self.fill
        record.setdefault("length", STREAM)
        return header(TYPE_STREAM, stream=self.id,
                      special=struct.pack("<I", crc32c(body)), **record) + body

    def sizes(self):
        f = self.fields
        pixels = f["panels"] * f["height"] * f["width"]
        return {LOGITS: pixels * f["classes"] * 4, SEGMAP: pixels,
                IMAGE: pixels * 4, PEAKS: f["capacity"] * PEAK}

    def plane(self, plane):
        """Logits that mark two blobs, an image of ones, two peaks."""
        f = self.fields
        if plane == LOGITS:
            image = [0.0] * f["height"] * f["width"]
            for ss, fs in (3, 4), (3, 5), (10, 12):
                image[ss * f["width"] + fs] = 5.0
            data = struct.pack("<%df" % (2 * len(image)), *[1.0] * len(image),
                               *image)
        elif plane == PEAKS:
            data = self.peak(3, 4.5) + self.peak(10, 12)
        else:
            data = struct.pack("<%df" % (f["height"] * f["width"]),
                               *[1.0] * f["height"] * f["width"])
        return data.ljust(round64(self.sizes()[plane]), b"\0")

    @staticmethod
    def peak(ss, fs, panel=0):
        return struct.pack("<ddIIfffffI", ss, fs, panel, 2, 9, 5, 1, 1, 3, 0)

    def payload(self, found=2, kept=None, known=3, cause=0, crc=False,
                source=b"by hand", peaks=None, energy=9500.0):
        planes = [peaks if p == PEAKS and peaks is not None else self.plane(p)
                  for p in (LOGITS, SEGMAP, IMAGE, PEAKS)
                  if self.fields["planes"] & p]
        crcs = [0] * 4
        if crc:
            names = [i for i in range(4) if self.fields["planes"] & 1 << i]
            for i, data in zip(names, planes):
                crcs[i] = crc32c(data[:self.sizes()[1 << i]])
        has_peaks = self.fields["planes"] & PEAKS
        found = found if has_peaks else 0
        kept = found if kept is None else kept
        block = struct.pack("<QddIIIIII4I", 5 << 32 | 7, energy, float("nan"),
                            known, found, kept, 0, cause, 0, *crcs)
        block = block.ljust(128, b"\0") + source.ljust(64, b"\0")
        if crc:
            block = block[:64] + struct.pack("<I", crc32c(block)) + block[68:]
        return block + b"".join(planes)

    def event_header(self, seq, **record):
        record.setdefault("length", RECORD + BLOCK + sum(
            round64(n) for p, n in self.sizes().items()
            if self.fields["planes"] & p))
        record.setdefault("stream", self.id)
        planes = record.pop("planes", self.fields["planes"])
        return header(TYPE_EVENT, seq=seq,
                      special=struct.pack("<I", planes), **record)

    def event(self, seq, flags=0, **payload):
        return self.event_header(seq, flags=flags) + self.payload(**payload)

    def reference(self, seq, slot, generation, session, **record):
        return header(TYPE_REFERENCE, RECORD, record.pop("stream", self.id),
                      seq, session=session, special=struct.pack(
                          "<IIQ", record.pop("planes", self.fields["planes"]),
                          slot, generation), **record)

    def end(self, count, **record):
        record.setdefault("length", RECORD)
        record.setdefault("stream", self.id)
        return header(TYPE_END, special=struct.pack("<Q", count), **record)


def records(data):
    """(type, seq, flags, bytes) of each record of a good stream."""
    at = 0
    while at < len(data):
        kind, flags, length, _, seq = struct.unpack_from("<HIQQQ", data, at + 10)
        assert data[at:at + 8] == MAGIC and length >= RECORD
        assert at + length <= len(data), "a record is cut"
        yield kind, seq, flags, data[at:at + length]
        at += length
