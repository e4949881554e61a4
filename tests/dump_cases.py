#!/usr/bin/python3
"""Writes HDF5 dumps of every odd kind into a directory, and beside each what a
reader should make of it: NAME.h5, NAME.txt, NAME.logits and NAME.image. The list
of cases, with what each of them states, is cases.txt; see tests/unit/test_dump.c.

    tests/dump_cases.py DIRECTORY
"""
import os
import sys

import h5py
import numpy as np

HC = 12398.419843320026
NAN = float("nan")
CASES = []
random = np.random.default_rng(1)


def case(f):
    CASES.append(f)
    return f


def values(*shape, dtype="f4"):
    return random.integers(-50, 100, shape).astype(dtype)


class Dump:
    """A dump being written, and the expectations that go with it."""

    def __init__(self, directory, name):
        self.base = os.path.join(directory, name)
        self.h5 = h5py.File(self.base + ".h5", "w")
        self.text = open(self.base + ".txt", "w")
        self.logits = open(self.base + ".logits", "wb")
        self.images = open(self.base + ".image", "wb")

    def close(self):
        for f in (self.h5, self.text, self.logits, self.images):
            f.close()

    def batch(self, number, logits, original=None, image=None, time=None,
              wavelength=None, **how):
        g = self.h5.create_group("batch_%s" % number)
        g.create_dataset("logits", data=logits, **how)
        if original is not None:
            g["preprocessing_metadata/original_shape"] = original
        if image is not None:
            g.create_dataset("original_image", data=image)
        if time is not None:
            g["metadata/timestamp"] = time
        if wavelength is not None:
            g["metadata/photon_wavelength"] = wavelength
        return g

    def say(self, *words):
        print(*words, file=self.text)

    def refused(self, why):
        self.say("refused", why)

    def section(self, panels, shape, real, events, logits="f32", image="none",
                quantities=0):
        self.say("section", panels, *shape, *real, events, logits, image,
                 quantities)

    def note(self, damage, text):
        self.say("note", damage, text)

    def event(self, source, logits, image=None, time=0, energy=NAN, cause=0):
        known = (time != 0) + 2 * (energy == energy)
        self.say("event", source, time, float(energy).hex(), known, cause)
        np.asarray(logits).tofile(self.logits)
        if image is not None:
            np.asarray(image).tofile(self.images)

    def fails(self, source, why):
        self.say("fails", source, why)


def plain(d, number=0, events=2, **how):
    """A sound batch of events of 1 panel, and its events."""
    x = values(events, 2, 4, 6)
    d.batch(number, x, [events, 1, 4, 6], **how)
    for k in range(events):
        d.event("batch_%s/%d" % (number, k), x[k])


def sound(d, events=2):
    """One sound batch, 9, behind a bad one; says all but the notes."""
    plain(d, 9, events)
    d.section(1, (2, 4, 6), (4, 6), events)


@case
def everything(d):
    "planes, times and energies come as they were written"
    for b, n in ((0, 3), (1, 2)):
        x, im = values(n * 4, 2, 8, 12), values(n * 4, 1, 8, 12)
        t = np.arange(n, dtype="u8") + (1700000000 << 32) + 10 * b
        w = 1.3 + 0.01 * np.arange(n)
        g = d.batch(b, x, [n, 4, 7, 10], im, t, w)
        g["preprocessing_metadata/preprocessed_shape"] = [n * 4, 1, 8, 12]
        for k in range(n):
            s = slice(4 * k, 4 * k + 4)
            d.event("batch_%d/%d" % (b, k), x[s], im[s], int(t[k]), HC / w[k])
    d.section(4, (2, 8, 12), (7, 10), 5, image="f32", quantities=3)


@case
def numeric_order(d):
    "batches come in the order of their numbers, other names are no batches"
    for b in range(12):
        plain(d, b, 1)
    for name in ("batch_", "batch_1x", "batch_-1", "other", "Batch_3"):
        d.h5.create_group(name)
    d.section(1, (2, 4, 6), (4, 6), 12)


@case
def gaps(d):
    "a gap in the numbers is said and read over"
    for b in (0, 2, 5):
        plain(d, b, 1)
    d.section(1, (2, 4, 6), (4, 6), 3)
    d.note(0, "batch_1 missing, reading on")
    d.note(0, "batch_3 to batch_4 missing, reading on")


@case
def nothing(d):
    "a file without any batch is refused"
    d.h5["data"] = [1, 2, 3]
    d.refused("no batch in it")


@case
def long_number(d):
    "a number too long for a batch is said to be lost"
    d.h5.create_group("batch_" + "1" * 2000)
    plain(d, 0)
    d.section(1, (2, 4, 6), (4, 6), 2)
    d.note(1, "more than 18 digits")


@case
def leading_zeros(d):
    "two batches of one number are both read"
    plain(d, "00")
    plain(d, "0000")
    d.section(1, (2, 4, 6), (4, 6), 4)


@case
def one_class(d):
    "logits of a single class are refused"
    d.batch(0, values(2, 1, 4, 6))
    d.refused("no usable batch in it; the last: batch_0/logits: 1 class")


def bad(name, text, why, damage=1, **what):
    """A case in which batch 8 is left out and batch 9 is read."""
    def f(d):
        what["make"](d)
        d.note(0, "batch_0 to batch_7 missing")
        d.note(damage, why)
        sound(d)
    f.__name__, f.__doc__ = name, text
    CASES.append(f)


def put(name, make):
    """Batch 8, sound but for what make puts in place of one dataset."""
    def f(d):
        x = values(4, 2, 4, 6)
        g = d.batch(8, x, [2, 2, 4, 6])
        if name in g:
            del g[name]
        make(g, name)
    return f


def data(*a, **k):
    def f(g, name):
        g.create_dataset(name, *a, **k)
    return f


L, IM = "logits", "original_image"
OS = "preprocessing_metadata/original_shape"
PS = "preprocessing_metadata/preprocessed_shape"

bad("rank3", "logits of three dimensions are left out", "3 dimensions, not 4",
    make=put(L, data(data=values(4, 4, 6))))
bad("rank7", "logits of seven dimensions are left out", "7 dimensions",
    make=put(L, data(data=values(1, 1, 1, 1, 4, 4, 6))))
bad("no_multiple", "a plane count that is no multiple of C is left out",
    "batch_8: 4 planes are no multiple of the 3 panels",
    make=put(OS, data(data=[2, 3, 4, 6])))
bad("zero_panels", "an original_shape of no panels is left out",
    "no multiple of the 0", make=put(OS, data(data=[2, 0, 4, 6])))
bad("zero_height", "an original_shape of no rows is left out",
    "real panel size 0 x 6", make=put(OS, data(data=[2, 2, 0, 6])))
bad("too_large", "an original_shape larger than the logits is left out",
    "panels of 5 x 6, larger than the logits' 4 x 6",
    make=put(OS, data(data=[2, 2, 5, 6])))
bad("shape_text", "an original_shape of text is left out", "not four numbers",
    make=put(OS, data(data=[b"2", b"2", b"4", b"6"])))
bad("shape_three", "an original_shape of three numbers is left out",
    "not four numbers", make=put(OS, data(data=[2, 4, 6])))
bad("shape_nan", "an original_shape with a NaN is left out",
    "is not a size", make=put(OS, data(data=[2, NAN, 4, 6])))
bad("shape_half", "an original_shape with a fraction is left out",
    "1.5 is not a size", make=put(OS, data(data=[2, 1.5, 4, 6])))
bad("shape_negative", "a negative original_shape is left out",
    "-2 is not a size", make=put(OS, data(data=[2, -2, 4, 6])))
bad("shape_huge", "an original_shape beyond 32 bits is left out",
    "is not a size", make=put(OS, data(data=[2, 2 ** 63, 4, 6], dtype="u8")))
bad("preprocessed", "a preprocessed_shape unlike the logits is left out",
    "preprocessed_shape says 4 planes of 8 x 6, the logits are 4 of 4 x 6",
    make=put(PS, data(data=[4, 1, 8, 6])))
bad("image_planes", "an image of other planes is left out",
    "original_image: 3 planes of 4 x 6, the logits are 4 of 4 x 6",
    make=put(IM, data(data=values(3, 1, 4, 6))))
bad("image_size", "an image of another size is left out",
    "original_image: 4 planes of 4 x 7", make=put(IM, data(data=values(4, 4, 7))))
bad("image_rank", "an image of two dimensions is left out", "2 dimensions",
    make=put(IM, data(data=values(4, 4))))
bad("image_colours", "an image of three channels is left out", "4 dimensions",
    make=put(IM, data(data=values(4, 3, 4, 6))))
bad("image_text", "an image of text is left out", "original_image: not numbers",
    make=put(IM, data(data=np.full((4, 4, 6), b"x"))))
bad("classes", "more classes than a layout has are left out",
    "batch_8: 300 classes", make=put(L, data(data=values(4, 300, 4, 6))))
bad("compound", "logits of a compound type are left out", "not numbers",
    make=put(L, data(data=np.zeros((4, 2, 4, 6), "f4,f4"))))
bad("references", "logits of references are left out", "not numbers",
    make=put(L, lambda g, n: g.create_dataset(n, data=np.full(
        (4, 2, 4, 6), g.ref, h5py.ref_dtype))))
bad("booleans", "logits of an enumeration are left out", "not numbers",
    make=put(L, data(data=values(4, 2, 4, 6) > 0)))
bad("complex", "complex logits are left out", "not numbers",
    make=put(L, data(data=values(4, 2, 4, 6, dtype="c8"))))
bad("null_space", "logits of a null dataspace are left out", "holds nothing",
    make=put(L, data(data=h5py.Empty("f4"))))
bad("no_logits", "a batch without logits is left out", "batch_8: no logits",
    make=put(L, lambda g, n: None))
bad("group_logits", "a group in place of logits is left out",
    "batch_8/logits: not a dataset", make=put(L, lambda g, n: g.create_group(n)))
bad("type_logits", "a named type in place of logits is left out",
    "batch_8/logits: not a dataset",
    make=put(L, lambda g, n: g.__setitem__(n, np.dtype("f4"))))
bad("dangling", "logits that are a dangling link are left out",
    "batch_8/logits: a link that leads nowhere",
    make=put(L, lambda g, n: g.__setitem__(n, h5py.SoftLink("/no/where"))))
bad("circle", "logits that are a link to themselves are left out",
    "batch_8/logits: ",
    make=put(L, lambda g, n: g.__setitem__(n, h5py.SoftLink("/batch_8/logits"))))
bad("external_link", "external links are not followed",
    "batch_8/logits: an external link", make=put(
        L, lambda g, n: g.__setitem__(n, h5py.ExternalLink(
            "everything.h5", "/batch_0/logits"))))


def soft_external(g, name):
    g["elsewhere"] = h5py.ExternalLink("everything.h5", "/batch_0")
    g[name] = h5py.SoftLink("/batch_8/elsewhere/logits")


bad("soft_external", "soft links to external links are not followed",
    "batch_8/logits: an external link", make=put(L, soft_external))
bad("external_batch", "a batch that is an external link is left out",
    "batch_8: an external link", make=lambda d: d.h5.__setitem__(
        "batch_8", h5py.ExternalLink("everything.h5", "/batch_0")))
bad("dataset_batch", "a batch that is a dataset is left out",
    "batch_8: not a group", make=lambda d: d.h5.__setitem__("batch_8", [1]))
bad("group_is_dataset", "metadata that is a dataset is no group",
    "batch_8/preprocessing_metadata: not a group",
    make=lambda d: d.batch(8, values(4, 2, 4, 6)).__setitem__(
        "preprocessing_metadata", [4]))


def virtual(g, name):
    layout = h5py.VirtualLayout((4, 2, 4, 6), "f4")
    layout[:] = h5py.VirtualSource("everything.h5", "/batch_0/logits",
                                   (12, 2, 8, 12))[:4, :, :4, :6]
    g.create_virtual_dataset(name, layout)


def unknown_filter(g, name):
    p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    p.set_chunk((4, 2, 4, 6))
    p.set_filter(399, h5py.h5z.FLAG_OPTIONAL)
    s = h5py.h5d.create(g.id, name.encode(), h5py.h5t.IEEE_F32LE,
                        h5py.h5s.create_simple((4, 2, 4, 6)), p)
    s.write_direct_chunk((0, 0, 0, 0), b"x" * 500)


bad("virtual", "virtual datasets are refused", "a virtual dataset",
    make=put(L, virtual))
bad("external_storage", "data stored in other files is refused",
    "stored outside of the file", make=put(L, lambda g, n: g.create_dataset(
        n, (4, 2, 4, 6), "f4", external=[("everything.h5", 0, 768)])))
bad("never_written", "logits that were made but never written are left out",
    "made but never written", make=put(L, data((4, 2, 4, 6), "f4")))
bad("huge", "dimensions of a hostile size are left out", "batch_8/logits: ",
    make=put(L, data((2 ** 62, 2, 4, 6), "u1", chunks=(1, 2, 4, 6))))
bad("unknown_filter", "a filter that is not installed is named",
    "compressed with HDF5 filter 399, which is not installed",
    make=put(L, unknown_filter))
bad("no_planes", "a batch of no planes loses nothing", "batch_8: no planes",
    damage=0, make=lambda d: d.batch(8, values(0, 2, 4, 6)))


@case
def huge_written(d):
    "a hostile plane count takes neither memory nor a whole dump"
    g = d.h5.create_group("batch_8")
    x = g.create_dataset("logits", (2 ** 40, 2, 4, 6), "u1", chunks=(1, 2, 4, 6))
    x[0] = 1
    d.note(0, "batch_0 to batch_7")
    d.note(1, "batch_8/logits: dimension 0 is 1099511627776 long")
    sound(d)


@case
def shapeless(d):
    "without original_shape a plane is an event, said once"
    for b in range(3):
        x = values(2, 2, 4, 6)
        d.batch(b, x, wavelength=[1.5, 2])
        for k in range(2):
            d.event("batch_%d/%d" % (b, k), x[k], energy=HC / (1.5, 2)[k])
    d.section(1, (2, 4, 6), (4, 6), 6, quantities=2)
    d.note(0, "no original_shape in 3 batches (batch_0, ...): each plane is")


@case
def shapeless_columns(d):
    "without original_shape values of another count belong to nobody"
    x = values(4, 2, 4, 6)
    d.batch(0, x, time=np.array([7, 8], "u8"), wavelength=[1.5, 2])
    for k in range(4):
        d.event("batch_0/%d" % k, x[k])
    d.section(1, (2, 4, 6), (4, 6), 4)
    d.note(0, "timestamp: 2 values for 4 planes")
    d.note(0, "photon_wavelength: 2 values for 4 planes")
    d.note(0, "no original_shape in 1 batch (batch_0)")


@case
def short_batch(d):
    "a short batch is read and said"
    x = values(4, 2, 4, 6)
    g = d.batch(0, x, [8, 2, 4, 6], time=np.arange(1, 9, dtype="u8"))
    g[PS] = [16, 1, 4, 6]
    for k in range(2):
        d.event("batch_0/%d" % k, x[2 * k:2 * k + 2], time=k + 1)
    d.section(2, (2, 4, 6), (4, 6), 2, quantities=1)
    d.note(0, "batch_0: 2 of the 8 events of its original_shape: a short batch")


@case
def long_batch(d):
    "a batch with more events than its original_shape says is read whole"
    x = values(4, 2, 4, 6)
    d.batch(0, x, [1, 1, 4, 6])
    for k in range(4):
        d.event("batch_0/%d" % k, x[k])
    d.section(1, (2, 4, 6), (4, 6), 4)
    d.note(0, "batch_0: 4 events, 1 in its original_shape")


@case
def odd_preprocessed(d):
    "a preprocessed_shape that is no shape is ignored"
    x = values(1, 2, 4, 6)
    d.batch(0, x, [1, 1, 4, 6])[PS] = [4]
    d.event("batch_0/0", x)
    d.section(1, (2, 4, 6), (4, 6), 1)
    d.note(0, "preprocessed_shape: not four numbers: ignored")


def shape_type(name, dtype):
    def f(d):
        x = values(4, 2, 4, 6)
        d.batch(0, x, np.array([2, 2, 3, 5], dtype))
        for k in range(2):
            d.event("batch_0/%d" % k, x[2 * k:2 * k + 2])
        d.section(2, (2, 4, 6), (3, 5), 2)
    f.__name__ = "shape_" + name
    f.__doc__ = "original_shape may be of type " + dtype
    CASES.append(f)


for t in ("i1", "<u2", ">i4", ">u8", "f2", "<f4", ">f8"):
    shape_type(t.replace("<", "le_").replace(">", "be_"), t)


def logits_type(name, dtype, kept="f32"):
    def f(d):
        with np.errstate(all="ignore"):
            x = (random.normal(0, 30, (4, 3, 5, 7))).astype(dtype)
        if x.dtype.kind == "f":
            x[0, 0, 0, :3] = NAN, np.inf, -np.inf
        d.batch(0, x, [2, 2, 5, 6])
        for k in range(2):
            y = x[2 * k:2 * k + 2]
            d.event("batch_0/%d" % k, y.astype("<f2" if kept == "f16" else "<f4"))
        d.section(2, (3, 5, 7), (5, 6), 2, logits=kept)
    f.__name__ = "logits_" + name
    f.__doc__ = "logits of type %s come as %s" % (dtype, kept)
    CASES.append(f)


for t in ("<f4", ">f4", "<f8", ">f8", "i1", "u1", "<i2", ">u2", "<i4", ">u4",
          "<i8", "<u8"):
    logits_type(t.replace("<", "le_").replace(">", "be_"), t)
logits_type("le_f2", "<f2", "f16")
logits_type("be_f2", ">f2", "f16")


@case
def logits_bf16(d):
    "logits of bfloat16 come as f32"
    x = values(2, 2, 4, 6)
    t = h5py.h5t.IEEE_F32LE.copy()
    t.set_fields(15, 7, 8, 0, 7)
    t.set_size(2)
    t.set_ebias(127)
    g = d.h5.create_group("batch_0")
    s = h5py.h5d.create(g.id, b"logits", t, h5py.h5s.create_simple(x.shape))
    s.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(x))
    g[OS] = [2, 1, 4, 6]
    for k in range(2):
        d.event("batch_0/%d" % k, x[k])
    d.section(1, (2, 4, 6), (4, 6), 2)


def image_kind(dtype, kept):
    def f(d):
        x = values(4, 2, 4, 6)
        if np.dtype(dtype).kind == "f":
            im = random.normal(0, 100, (4, 1, 4, 6)).astype(dtype)
        else:
            r = np.iinfo(dtype)
            im = random.integers(r.min, r.max, (4, 1, 4, 6), dtype=np.dtype(dtype).newbyteorder("="),
                                 endpoint=True).astype(dtype)
            im[0, 0, 0, :2] = r.min, r.max
        d.batch(0, x, [2, 2, 4, 6], im)
        for k in range(2):
            s = slice(2 * k, 2 * k + 2)
            d.event("batch_0/%d" % k, x[s], im[s].astype("<" + kept[0] + str(
                int(kept[1:]) // 8)))
        d.section(2, (2, 4, 6), (4, 6), 2, image=kept)
    f.__name__ = "image_" + dtype.replace("<", "le_").replace(">", "be_")
    f.__doc__ = "images of type %s come as %s" % (dtype, kept)
    CASES.append(f)


for t, kept in (("u1", "u16"), ("i1", "i16"), ("<u2", "u16"), (">u2", "u16"),
                ("<i2", "i16"), (">i2", "i16"), ("<i4", "i32"), (">i4", "i32"),
                ("<u4", "f32"), ("<i8", "f32"), (">f4", "f32"), ("<f8", "f32"),
                ("<f2", "f32")):
    image_kind(t, kept)


@case
def image_flat(d):
    "an image of three dimensions is one"
    x, im = values(4, 2, 4, 6), values(4, 4, 6)
    d.batch(0, x, [2, 2, 4, 6], im)
    for k in range(2):
        s = slice(2 * k, 2 * k + 2)
        d.event("batch_0/%d" % k, x[s], im[s])
    d.section(2, (2, 4, 6), (4, 6), 2, image="f32")


@case
def image_missing(d):
    "a batch without images among others gives zeroed, failed events"
    for b, has in ((0, False), (1, True), (2, False), (3, True)):
        x, im = values(1, 2, 4, 6), values(1, 1, 4, 6)
        d.batch(b, x, [1, 1, 4, 6], im if has else None)
        d.event("batch_%d/0" % b, x, im if has else np.zeros_like(im), cause=0 if has else 2)
    d.section(1, (2, 4, 6), (4, 6), 4, image="f32")
    d.note(0, "batch_0: no original_image")
    d.note(0, "batch_2: no original_image")


@case
def sections(d):
    "consecutive batches of one layout are a section"
    for b, shape in enumerate(((4, 6), (4, 6), (8, 6), (8, 6), (4, 6))):
        x = values(2, 2, *shape)
        d.batch(b, x, [1, 2, 4, 6], time=np.array([5], "u8") if b == 4 else None)
        d.event("batch_%d/0" % b, x, time=5 if b == 4 else 0)
    d.section(2, (2, 4, 6), (4, 6), 2, quantities=1)
    d.section(2, (2, 8, 6), (4, 6), 2, quantities=1)
    d.section(2, (2, 4, 6), (4, 6), 1, quantities=1)


@case
def sections_images(d):
    "another image type begins a new section"
    for b, t in enumerate((None, "<u2", None, "<f4")):
        x, im = values(1, 2, 4, 6), values(1, 1, 4, 6).astype(t or "<u2")
        d.batch(b, x, [1, 1, 4, 6], im if t else None)
        d.event("batch_%d/0" % b, x, im if t else np.zeros_like(im), cause=0 if t else 2)
    d.section(1, (2, 4, 6), (4, 6), 3, image="u16")
    d.section(1, (2, 4, 6), (4, 6), 1, image="f32")
    d.note(0, "batch_0: no original_image")
    d.note(0, "batch_2: no original_image")


def stamp(sec, nsec=0):
    return sec << 32 | nsec


def times(name, text, written, expected, notes=(), quantities=1, **how):
    def f(d):
        n = len(expected)
        x = values(n, 2, 4, 6)
        g = d.batch(0, x, [n, 1, 4, 6])
        g.create_dataset("metadata/timestamp", data=written, **how)
        for k in range(n):
            d.event("batch_0/%d" % k, x[k], time=expected[k])
        d.section(1, (2, 4, 6), (4, 6), n, quantities=quantities)
        for note in notes:
            d.note(0, note)
    f.__name__, f.__doc__ = "time_" + name, text
    CASES.append(f)


S = 1700000000
TEXTS = ["%d" % stamp(S, 5), " %d.000000005 " % S, "%d.0000000049999" % S,
         "4294967295.9999999996", "yesterday", "", "-5", "1e9", "12.5x", "7.",
         "18446744073709551616", "%d.9999999996" % S, "0.25"]
TIMES = [stamp(S, 5), stamp(S, 5), stamp(S, 5), 0, 0, 0, 0, 0, 0, stamp(7), 0,
         stamp(S + 1), stamp(0, 250000000)]
times("u64", "integer times are kept bit by bit, 0 and 10^9 nanoseconds are unknown",
      np.array([2 ** 64 - 1, stamp(S, 999999999), 0, 17, stamp(S, 10 ** 9)], "u8"),
      [0, stamp(S, 999999999), 0, 17, 0])
times("i64", "negative times are unknown",
      np.array([stamp(S), -1, 3], ">i8"), [stamp(S), 0, 3])
times("i32", "integers are not guessed to be seconds", np.array([S, 2], "i4"),
      [0, 2])
times("f64", "times in float are seconds, rounded to nanoseconds",
      np.array([S + 0.25, 0.1, 3.9999999999, NAN, np.inf, -1, 0, 2.0 ** 32, 1e300,
                2.0 ** 32 - 2.0 ** -20]),
      [stamp(S, 250000000), stamp(0, 100000000), stamp(4), 0, 0, 0, 0, 0, 0,
       stamp(2 ** 32 - 1, 999999046)])
times("f32", "times in single precision are seconds, too",
      np.array([1024.5, 3], ">f4"), [stamp(1024, 500000000), stamp(3)])
times("text", "times in text are integers or seconds, else unknown", TEXTS, TIMES,
      dtype=h5py.string_dtype())
times("fixed_text", "times in text of fixed length are the same",
      np.array(TEXTS, "S40"), TIMES)
times("padded_text", "text in a long field is what is at its beginning",
      np.array(TEXTS, "S400"), TIMES)
times("long_text", "text too long for a time is unknown", np.array([b"1" * 400]),
      [0])
times("column", "times may stand in a column of their own",
      np.array([[5], [6]], "u8"), [5, 6])
times("short", "a short column leaves the others unknown", np.array([5, 6], "u8"),
      [5, 6, 0], ["timestamp: 2 values for 3 events, unknown for the others"])
times("long", "what a column has beyond the events is told of",
      np.array([5, 6, 7], "u8"), [5, 6],
      ["timestamp: 3 values for 2 events, the first ones are taken"])
times("scalar", "a scalar is the time of a batch of one", np.uint64(5), [5])
times("scalars", "a scalar is nobody's time in a batch of several", np.uint64(5),
      [0, 0], ["timestamp: one value for 2 events, unknown for all"], 0)
times("single", "an array of one is nobody's time, too", np.array([5], "u8"),
      [0, 0], ["timestamp: one value for 2 events, unknown for all"], 0)
times("empty", "an empty column is none", np.array([], "u8"), [0, 0],
      ["timestamp: not a value an event"], 0)
times("compound", "times of a compound type are unknown",
      np.zeros(2, "u8,u8"), [0, 0], ["timestamp: not a value an event"], 0)
times("square", "a table of times is unknown", np.ones((2, 2)), [0, 0],
      ["timestamp: not a value an event"], 0)


@case
def time_dangling(d):
    "times behind a dangling link are unknown, the event is read"
    x = values(1, 2, 4, 6)
    d.batch(0, x, [1, 1, 4, 6])["metadata/timestamp"] = h5py.SoftLink("/x")
    d.event("batch_0/0", x)
    d.section(1, (2, 4, 6), (4, 6), 1)
    d.note(0, "batch_0/metadata/timestamp: a link that leads nowhere: taken as")


@case
def time_group(d):
    "a group in place of times leaves them unknown"
    x = values(1, 2, 4, 6)
    d.batch(0, x, [1, 1, 4, 6]).create_group("metadata/timestamp")
    d.event("batch_0/0", x)
    d.section(1, (2, 4, 6), (4, 6), 1)
    d.note(0, "batch_0/metadata/timestamp: not a dataset: taken as unknown")


def waves(name, text, written, expected, notes=(), unit=1, **how):
    def f(d):
        n = len(expected)
        x = values(n, 2, 4, 6)
        g = d.batch(0, x, [n, 1, 4, 6])
        g.create_dataset("metadata/photon_wavelength", data=written, **how)
        d.say("unit", unit)
        for k in range(n):
            d.event("batch_0/%d" % k, x[k], energy=HC / (expected[k] * unit))
        d.section(1, (2, 4, 6), (4, 6), n, quantities=2)
        for note in notes:
            d.note(0, note)
    f.__name__, f.__doc__ = "wave_" + name, text
    CASES.append(f)


waves("f64", "no energy comes from an impossible wavelength",
      [1.3, 0, -1, NAN, np.inf, 1e-320], [1.3] + 5 * [NAN])
waves("nm", "the unit of the wavelength counts", [0.13, 0.15], [0.13, 0.15],
      unit=10.0)
waves("f32", "wavelengths may be in single precision", np.array([1.5, 2], ">f4"),
      [1.5, 2])
waves("int", "wavelengths may be integers", np.array([1, 2], "u1"), [1, 2])
waves("text", "wavelengths may be text", ["1.3", " 1.5 ", "1e0", "blue", "", "nan"],
      [1.3, 1.5, 1, NAN, NAN, NAN], dtype=h5py.string_dtype())
waves("fixed_text", "wavelengths may be text of fixed length",
      np.array([b"1.3", b"x"]), [1.3, NAN])
waves("scalar", "a scalar wavelength holds for all events", 1.25, [1.25] * 3)
waves("single", "an array of one wavelength holds for all events", [1.25],
      [1.25] * 3)
waves("short", "a short column of wavelengths leaves the others unknown",
      [1.5, 1.25], [1.5, 1.25, NAN],
      ["photon_wavelength: 2 values for 3 events, unknown for the others"])


def chunked(name, text, chunks, **how):
    def f(d):
        x = values(24, 2, 8, 12)
        d.batch(0, x, [6, 4, 8, 12], chunks=chunks, **how)
        for k in range(6):
            d.event("batch_0/%d" % k, x[4 * k:4 * k + 4])
        d.section(4, (2, 8, 12), (8, 12), 6)
    f.__name__, f.__doc__ = "chunks_" + name, text
    CASES.append(f)


chunked("plane", "chunks of one plane are read", (1, 2, 8, 12))
chunked("gzip", "compressed chunks of one plane are read", (1, 2, 8, 12),
        compression="gzip", shuffle=True)
chunked("event", "compressed chunks of one event are read", (4, 2, 8, 12),
        compression="gzip")
chunked("straddling", "compressed chunks across events are read", (7, 1, 5, 12),
        compression="gzip", fletcher32=True)
chunked("straddling_plain", "plain chunks across events are read", (7, 2, 8, 12))
chunked("small", "plain chunks of parts of planes are read", (3, 1, 5, 5))
chunked("whole", "a compressed chunk of a whole batch is read", (24, 2, 8, 12),
        compression="gzip")


@case
def corrupt_chunk(d):
    "a corrupt chunk fails its event and no other"
    x = values(3, 2, 4, 6)
    g = d.batch(0, x, [3, 1, 4, 6], chunks=(1, 2, 4, 6), compression="gzip")
    g["logits"].id.write_direct_chunk((1, 0, 0, 0), b"this is not a deflate stream")
    d.event("batch_0/0", x[0])
    d.fails("batch_0/1", "batch_0/1: batch_0/logits: cannot be read: ")
    d.event("batch_0/2", x[2])
    d.section(1, (2, 4, 6), (4, 6), 3)


@case
def unwritten_chunk(d):
    "a chunk that was never written fails its event and no other"
    x = values(3, 2, 4, 6)
    g = d.h5.create_group("batch_0")
    s = g.create_dataset("logits", x.shape, "f4", chunks=(1, 1, 4, 6))
    s[0], s[2], s[1, 0] = x[0], x[2], x[1, 0]
    g[OS] = [3, 1, 4, 6]
    d.event("batch_0/0", x[0])
    d.fails("batch_0/1", "the chunk of plane 1 was never written")
    d.event("batch_0/2", x[2])
    d.section(1, (2, 4, 6), (4, 6), 3)


@case
def unwritten_beyond(d):
    "a missing chunk is one also where others stick out by as many bytes"
    x = values(3, 2, 6, 6)
    g = d.h5.create_group("batch_0")
    # Two chunks a plane, of which the second sticks out by a third of a plane.
    s = g.create_dataset("logits", x.shape, "f4", chunks=(1, 2, 4, 6))
    s[0], s[1], s[2, :, :4] = x[0], x[1], x[2, :, :4]
    g[OS] = [3, 1, 6, 6]
    d.event("batch_0/0", x[0])
    d.event("batch_0/1", x[1])
    d.fails("batch_0/2", "the chunk of plane 2 was never written")
    d.section(1, (2, 6, 6), (6, 6), 3)


@case
def columns_of_planes(d):
    "of a value a plane, an event has that of its first plane"
    n = 3
    x = values(n * 2, 2, 4, 6)
    t = np.repeat(np.arange(n, dtype="u8") + (1700000000 << 32), 2)
    w = np.repeat(1.3 + 0.1 * np.arange(n), 2)
    d.batch(0, x, [n, 2, 4, 6], None, t, w)
    for k in range(n):
        d.event("batch_0/%d" % k, x[2 * k:2 * k + 2], None, int(t[2 * k]),
                HC / w[2 * k])
    d.section(2, (2, 4, 6), (4, 6), n, quantities=3)
    for name in "timestamp", "photon_wavelength":
        d.note(0, "%s: a value a plane; that of an event's first" % name)


@case
def many_notes(d):
    "more notes than a person reads are counted"
    for b in range(100):
        d.h5.create_group("batch_%d" % b)
    x = values(1, 2, 4, 6)
    d.batch(100, x, [1, 1, 4, 6])
    d.event("batch_100/0", x)
    d.section(1, (2, 4, 6), (4, 6), 1)
    for b in range(64):
        d.note(1, "batch_%d: no logits" % b)
    d.note(1, "36 more notes")


@case
def many_batches(d):
    "a thousand batches are read"
    for b in range(1000):
        x = values(1, 2, 4, 6)
        d.batch(b, x, [1, 1, 4, 6], time=np.uint64(b + 1))
        d.event("batch_%d/0" % b, x, time=b + 1)
    d.section(1, (2, 4, 6), (4, 6), 1000, quantities=1)


def main():
    directory = sys.argv[1]
    os.chdir(directory)     # external files are named relative to it
    with open("cases.txt", "w") as f:
        for c in CASES:
            print(c.__name__, c.__doc__, sep="\t", file=f)
    for c in CASES:
        d = Dump(directory, c.__name__)
        c(d)
        d.close()


main()
