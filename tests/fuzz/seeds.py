#!/usr/bin/python3
"""Writes the seeds of the fuzz targets into tests/fuzz/seeds; run it from the
project's root. Findings that were added there stay."""
import os
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, "tests")
from q2bytes import CRC, IMAGE, LOGITS, PEAKS, Stream

SEEDS = "tests/fuzz/seeds"
GEOMETRY = b"""photon_energy = 9500 ; eV
clen = 0.1
res = 10000
adu_per_eV = 0.001
data = /entry/data
dim0 = %
dim1 = ss
dim2 = fs
rigid_group_all = a,b
bad_one/min_fs = 1
bad_one/max_fs = 2
bad_one/min_ss = 1
bad_one/max_ss = 2
"""
ASIC = b"""%s/min_fs = 0
%s/max_fs = 7
%s/min_ss = %d
%s/max_ss = %d
%s/fs = +1.0x -0.002y
%s/ss = +0.002x +1.0y
%s/corner_x = -4.5
%s/corner_y = %d
"""


def seed(target, name, data):
    os.makedirs(os.path.join(SEEDS, target), exist_ok=True)
    with open(os.path.join(SEEDS, target, name), "wb") as f:
        f.write(data)


def records():
    s = Stream(LOGITS | IMAGE, height=4, width=4, real_height=4, real_width=3)
    s.plane = lambda plane: bytes(
        (s.sizes()[plane] + 63) // 64 * 64)
    whole = s.header() + b"".join(s.event(i, flags=CRC, crc=True)
                                  for i in range(3)) + s.end(3)
    lost = whole[:4096 + 700] + whole[4096 + 710:]
    p = Stream(PEAKS | IMAGE, capacity=2)
    peaks = p.header() + p.event(4) + p.end(1)
    for name, data in (("whole", whole), ("lost", lost), ("peaks", peaks),
                       ("twice", whole + whole), ("cut", whole[:5000])):
        for mode in (60, 62, 64, 66):
            seed("records", "%s-%d" % (name, mode), bytes([mode]) + data)


def geometry():
    asics = [ASIC % (n, n, n, 8 * k, n, 8 * k + 7, n, n, n, n, 8 * k)
             for k, n in enumerate((b"a", b"b"))]
    seed("geometry", "two", GEOMETRY + b"".join(asics))
    seed("geometry", "one", asics[0])
    seed("geometry", "facts", GEOMETRY)


def slots():
    good = b"1:M:T:G:3:S:I:J"
    for name, text in (
            ("good", good), ("empty", b""), ("other", b"2:M:T:G:3:S:I:J"),
            ("foreign-pipe", b"1:M:A:B:3:S:I:J"),
            ("foreign-memory", b"1:D:T:G:3:S:I:J"),
            ("sealed", b"1:F:T:G:3:S:I:J"), ("closed", b"1:X:X:X:3:S:I:J"),
            ("swapped", b"1:M:G:T:3:S:I:J"), ("more", b"1:M:T:G:255:S:I:J"),
            ("tail", good + b" "), ("huge", b"1:" + b"9" * 30)):
        seed("slots", name, text)
    for name, captures, size, offset, path in (
            ("capture", 1, 8192, 64, b"@"), ("behind", 1, 1 << 40, 1 << 30, b"@"),
            ("torn", 1, 1 << 20, 8000, b"@"), ("none", 0, 1, 0, b"/"),
            ("wrapped", 1, 8192, (1 << 64) - 64, b"@")):
        seed("slots", "heads-" + name, good + b"\0" + struct.pack(
            "<QIII4xQ", 3, 0, 5, 5, offset) + bytes(8) + struct.pack(
            "<IIQQQ", 1, captures, 1, 1, size) + path)


records()
geometry()
slots()
