#!/usr/bin/python3
"""Writes the seeds of the fuzz targets into tests/fuzz/seeds; run it from the
project's root. Findings that were added there stay."""
import os
import struct
import sys

import h5py
import numpy as np

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


def step(what, who=0, settle=True, at=0xffff, change=0, cut=0, number=0,
         stale=False, short=False):
    """A step of fuzz_live.c."""
    return struct.pack("<BHBBB", what | who << 3 | settle << 5 | stale << 6 |
                       short << 7, at, change, cut, number)


def live():
    raw, header, event, sealed, other, end, leave, stop = range(8)
    garbage = b"GET / HTTP/1.0\r\n\r\n".ljust(70)
    two = b"".join(step(k, who, n < 2, number=n) for n, k in enumerate(
        (header, event, sealed, event, end)) for who in (0, 1))
    for mode in (0, 1, 2, 3):
        for name, steps in (
                ("two", two + step(leave) + step(leave, 1)),
                ("cut", step(header, cut=99) + step(event, cut=1) +
                 step(header, 1) + step(sealed, cut=200, number=77) +
                 step(event, 1, cut=128) + step(leave, 1) + step(end, cut=9)),
                ("others", step(header) + step(other, 1) + step(header, 2) +
                 step(raw, 3, number=len(garbage)) + garbage + step(event) +
                 step(header, 1) + step(event, 1) + step(end, 1)),
                ("damage", step(header) + step(header, 1) +
                 step(sealed, at=70, change=1) + step(event, 1, at=32,
                 change=7) + step(event, 1, at=24, change=1) +
                 step(sealed, at=300, change=2) + step(end, at=40, change=9) +
                 step(event, at=60, change=1, stale=True)),
                ("layout", step(header, at=72, change=6) + step(event) +
                 step(header, 1, at=128, change=4)),
                ("stop", two[:24] + step(event, cut=128) + step(header, 2) +
                 step(event, 2, cut=200) + step(stop) + step(event, 1)),
                ("dies", step(header) + step(header, 1) + step(header, 2) +
                 step(event, cut=128, short=True) + step(event, 1) +
                 step(leave) + step(event, 3, cut=80, short=True) +
                 step(event, 2, cut=20, short=True) + step(end, 1)),
                ("silent", step(header, 3) + step(event, 3, cut=99,
                 short=True) + step(header, 2, cut=200, short=True)),
                ("ends", step(header) + step(end, number=0x83) +
                 step(header, 1) + step(end, 1) + step(header, 2) +
                 step(end, 2) + step(header, 3) + step(end, 3, at=24,
                 change=1)),
                ("again", two + two + step(leave) + two)):
            seed("live", "%s-%d" % (name, mode), bytes([mode | (
                8 if name == "two" else 0)]) + steps)


def rows(f, name, data, chunk=2, **more):
    data = np.asarray(data)
    f.create_dataset(name, data=data, maxshape=(None,) + data.shape[1:],
                     chunks=(chunk,) + data.shape[1:], **more)


def cxi_file(name, events, libver='latest', more=None, **image):
    """The least that cximerge takes for a file of cxiwrite: a few KB. HDF5 writes
    the time into it, so one that is there stays."""
    os.makedirs(SEEDS + "/cxi", exist_ok=True)
    if os.path.exists(SEEDS + "/cxi/" + name):
        return
    entry, result = "/entry_1/", "/entry_1/result_1/"
    with h5py.File(SEEDS + "/cxi/" + name, "w", libver=libver) as f:
        for key, text in ("program", "cxiwrite 0.1"), ("stream", "run=7\n"), \
                ("options", "cxiwrite.m=1\ncxiwrite.n=4\n"):
            f[entry + "process_1/" + key] = np.bytes_(text)
        rows(f, "/LCLS/eventNumber", np.arange(events, dtype="u8"))
        rows(f, result + "nPeaks", np.arange(events, dtype="i4") % 3)
        for key in "peakXPosRaw", "peakYPosRaw":
            rows(f, result + key, np.full((events, 2), 1.5, "f4"))
        f[result + "peakXPosRaw"].attrs["units"] = np.bytes_("pixel")
        if image:
            rows(f, entry + "data_1/data", np.arange(
                events * 24, dtype="f4").reshape(events, 6, 4), 1, **image)
            f[entry + "data_1/second"] = f[entry + "data_1/data"]
            f["soft"] = h5py.SoftLink(entry + "data_1/data")
        if more is not None:
            more(f)


def cxi_tables(f):
    for key, data in (
            ("source_name", np.array([b"a.cxi", b"b/c.cxi"])),
            ("source_bytes", np.array([9999, 7], "u8")),
            ("source_events", np.array([2, 1], "u8")),
            ("source_digest", np.array([b"0123456789abcdef"] * 2)),
            ("event_source", np.array([0, 1, 0], "i4")),
            ("event_row", np.array([0, 0, 1], "u8"))):
        rows(f, "/cximerge/" + key, data)
    f["/cximerge/program"] = np.bytes_("cximerge 0.1")


def cxi_peakless(f):
    """Once a null pointer was moved by none of its peaks."""
    f["/entry_1/result_1/nPeaks"][:] = 0


def cxi_virtual(f):
    v = h5py.VirtualLayout((3,), "f8", maxshape=(None,))
    v[:2] = h5py.VirtualSource("a.cxi", "x", (2,))
    f.create_virtual_dataset("/other", v)
    cxi_tables(f)


def cxi():
    packed = {"compression": "gzip", "shuffle": True}
    cxi_file("bare.h5", 2)
    cxi_file("plain.h5", 3, fletcher32=True)
    cxi_file("gzip.h5", 2, **packed)
    cxi_file("old.h5", 2, "earliest", **packed)
    cxi_file("peakless.h5", 2, more=cxi_peakless)
    cxi_file("merged.h5", 3, more=cxi_tables)
    cxi_file("virtual.h5", 3, more=cxi_virtual)


records()
geometry()
slots()
live()
cxi()
