"""q2.py against the programs in C, both ways."""
import copy
import gc
import os
import pickle
import signal
import socket
import subprocess
import threading
import time
from decimal import Decimal

import h5py
import numpy as np
import pytest

import q2
from common import PYTHON, ROOT, VERSION, dump, out, script

COPY = """
r = q2.Reader(sys.argv[1] if len(sys.argv) > 1 else 0)
with q2.Writer(1, header=r.header, signals="drain") as w:
    for e in r:
        w.write(e)
    w.close(interrupted=r.interrupted)
"""
ENDLESS = """
with q2.Writer(1, panels=2, shape=(30, 44), padded=(32, 48)) as w:
    k = 0
    while k < %s:
        w.put(np.zeros((2, 2, 32, 48), "f4"), np.ones((2, 30, 44), "f4"),
              timestamp=k + 1 << 32)
        k += 1
        %s
"""
TOKENS = "; %s %s/tests/q2refs.py tokens" % (PYTHON, ROOT)


@pytest.fixture(scope="session")
def material(tmp_path_factory):
    """Captures of several kinds, by name."""
    d = tmp_path_factory.mktemp("material")
    dump(str(d / "run.h5"), [3, 2], panels=2)
    made = {"run": "q2cat run.h5", "crc": "q2cat -c run.h5",
            "peaks": "q2cat -c run.h5 | peakfind -k", "cut": "q2cat -i 1/2 run.h5",
            "two": "cat run.q2 cut.q2"}
    for t in "f32", "f16", "bf16":
        made[t] = "q2sim -n 1 -D mfx -t " + t
    for name, command in made.items():
        (d / (name + ".q2")).write_bytes(out(command, cwd=d))
    return d


def header_of(material):
    return q2.Reader(material / "run.q2").header


def test_crc_vector():
    """CRC-32C of 123456789 is e3069283"""
    assert q2.crc32c(b"123456789") == 0xe3069283


def test_crc_large():
    """CRCs of large data are those of the table"""
    rng = np.random.default_rng(1)
    for n in 1, 1023, 1024, 1025, 70001, 131071, 131072, 131073, 300001:
        x = rng.integers(0, 256, n, dtype="u1")
        crc = 0xffffffff
        for byte in x.tobytes():
            crc = crc >> 8 ^ q2._TABLE[(crc ^ byte) & 255]
        assert q2.crc32c(x) == crc ^ 0xffffffff, n


def test_crc_strided():
    """the CRC of an array is that of its elements in C order, wherever they lie"""
    x = np.arange(60, dtype="f4").reshape(6, 10)
    for view in x[:, ::2], x[::2], x.T, x[0, 3]:
        assert q2.crc32c(view) == q2.crc32c(view.tobytes())


@pytest.mark.parametrize("name", ["run", "crc", "peaks", "cut", "f32", "f16",
                                  "bf16"])
def test_copy(material, tmp_path, name):
    """a capture ({name}) that Reader read and Writer wrote has the same bytes"""
    data = (material / (name + ".q2")).read_bytes()
    with q2.Reader(material / (name + ".q2")) as r, \
            q2.Writer(tmp_path / "copy.q2", header=r.header) as w:
        for e in r:
            w.write(e)
    assert (tmp_path / "copy.q2").read_bytes() == data
    assert out(script(tmp_path / "c.py", COPY), data) == data


@pytest.mark.parametrize("crc", [False, True])
def test_put(material, crc):
    """batches that are put make the bytes of q2cat of the same dump (crc {crc})"""
    read, write = os.pipe()
    got = []
    t = threading.Thread(target=lambda: got.append(open(read, "rb").read()))
    t.start()
    with h5py.File(material / "run.h5") as f, q2.Writer(
            write, panels=2, shape=(30, 44), padded=(32, 48), crc=crc,
            text={"q2cat.version": VERSION, "q2cat.w": "A"}) as w:
        for name in "batch_0", "batch_1":
            b = f[name]
            n = len(b["metadata/timestamp"])
            w.put(b["logits"][()], b["original_image"][()],
                  b["metadata/timestamp"][()],
                  12398.419843320026 / b["metadata/photon_wavelength"][()],
                  source=["%s/%d" % (name, k) for k in range(n)])
    os.close(write)
    t.join()
    assert got[0] == (material / ("crc.q2" if crc else "run.q2")).read_bytes()


def test_arrays(material):
    """a Reader gives the planes and facts that h5py gives, mapped and read-only"""
    events = q2.Reader(material / "run.q2")
    with h5py.File(material / "run.h5") as f:
        for name, n in ("batch_0", 3), ("batch_1", 2):
            b = f[name]
            for k in range(n):
                e = next(events)
                s = slice(2 * k, 2 * k + 2)
                assert (e.logits == b["logits"][s]).all()
                assert (e.image == b["original_image"][s, 0]).all()
                assert e.timestamp == b["metadata/timestamp"][k]
                assert e.source == "%s/%d" % (name, k) and not e.failed
                assert e.peaks is None and e.encoder is None
                assert not e.image.flags.owndata
                assert not e.image.flags.writeable
    assert list(events) == [] and events.ended and events.sent == 5


def test_connection_long():
    """a path that is too long for a socket is an error that says so"""
    with pytest.raises(OSError, match="unix:x{200}: .*too long"):
        q2.Writer("unix:" + "x" * 200, panels=1, shape=(8, 8))


def test_peaks(material):
    """a Reader gives the peaks that q2ls prints"""
    lines = out(["q2ls", "-p", str(material / "peaks.q2")]).decode().split("\n")
    want = np.array([line.split("\t") for line in lines[1:] if line], "f8")
    got = [[e.seq, p["panel"], *list(p)[:2], *list(p)[3:9]]
           for e in q2.Reader(material / "peaks.q2") for p in e.peaks]
    assert len(got) == len(want) > 20
    assert np.allclose(got, want, rtol=1e-6)
    assert all(e.segmap.max() == 1 for e in q2.Reader(material / "peaks.q2"))


def test_padding(tmp_path):
    """panels of the real size are padded with zeros, below and on the right"""
    x = np.arange(2 * 2 * 3 * 5, dtype="f8").reshape(2, 2, 3, 5)
    with q2.Writer(tmp_path / "a.q2", panels=2, shape=(3, 5), padded=(4, 8)) as w:
        w.put(np.full((2, 2, 4, 8), 7.), np.full((2, 1, 4, 8), 7.))
        w.put(x, x[:, 0])
    _, e = q2.Reader(tmp_path / "a.q2")
    assert (e.layout.real(e.logits) == x).all() and e.logits.sum() == x.sum()
    assert (e.layout.real(e.image) == x[:, 0]).all()
    assert e.image.sum() == x[:, 0].sum()


def test_bf16(tmp_path):
    """bf16 is taken as bits, or rounded to the nearest, ties to even"""
    x = np.array([1, -2, np.inf, np.nan, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3e38,
                  1 + 2 ** -8 + 2 ** -20], "f4").reshape(1, 2, 2, 2)
    bits = [0x3f80, 0xc000, 0x7f80, 0x7fc0, 0x3f80, 0x3f82, 0x7f62, 0x3f81]
    with q2.Writer(tmp_path / "a.q2", panels=1, shape=(2, 2), logits="bf16",
                   image=None) as w:
        w.put(x)
        w.put(np.array(bits, "u2").reshape(1, 2, 2, 2))
    for e in q2.Reader(tmp_path / "a.q2"):
        assert e.logits.reshape(-1).tolist() == bits


@pytest.mark.parametrize("kind", ["<u2", ">u2", "<i2", ">i2"])
def test_bf16_bits(tmp_path, kind):
    """bits of bf16 are integers of 2 bytes ({kind}), in whatever order"""
    bits = np.array([0x3f80, 0xc000, 0x7fc0, 0], "u2")
    with q2.Writer(tmp_path / "a.q2", panels=1, shape=(1, 2), logits="bf16",
                   image=None) as w:
        w.put(bits.view("i2" if "i" in kind else "u2").astype(kind).reshape(
            1, 2, 1, 2))
    e = next(q2.Reader(tmp_path / "a.q2"))
    assert e.logits.reshape(-1).tolist() == bits.tolist()


@pytest.mark.parametrize("to", ["f32", "f16", "bf16"])
def test_integers_refused(tmp_path, to):
    """logits that are integers are refused by a stream of {to}; bf16 takes bits"""
    with q2.Writer(tmp_path / "a.q2", panels=1, shape=(8, 8), logits=to,
                   image=None) as w:
        for kind in "u1", "i1", "u2", ">i2", "i4", "i8", "?", "c8":
            if to != "bf16" or kind[-1] != "2":
                with pytest.raises(TypeError, match="the stream's are " + to):
                    w.put(np.zeros((1, 2, 8, 8), kind))
    assert w.count == 0


def test_masked_refused(tmp_path):
    """arrays that mask something are refused, those that mask nothing taken"""
    x, y = np.zeros((1, 2, 8, 8)), np.zeros((1, 8, 8))
    with q2.Writer(tmp_path / "a.q2", panels=1, shape=(8, 8)) as w:
        for bad in dict(logits=np.ma.masked_less(x, 1), image=y), \
                dict(logits=x, image=np.ma.masked_less(y, 1)), \
                dict(logits=[[x[0, 0], np.ma.masked_less(x[0, 1], 1)]], image=y):
            with pytest.raises(TypeError, match="a masked array: fill in"):
                w.put(**bad)
        w.put(np.ma.masked_less(x, 0), np.ma.masked_less(y, 0))
    assert w.count == 1


def test_segmap(tmp_path):
    """peakfind takes a stream of segmentation maps"""
    with q2.Writer(tmp_path / "a.q2", panels=1, shape=(8, 8),
                   logits="segmap") as w:
        x = np.zeros((8, 8), "u1")
        x[2, 3:5] = x[6, 6] = 1
        w.put(x, np.ones((1, 8, 8)))
    data = out(["peakfind"], (tmp_path / "a.q2").read_bytes())
    (tmp_path / "b.q2").write_bytes(data)
    e = next(q2.Reader(tmp_path / "b.q2"))
    assert e.peaks[["ss", "fs", "npixels"]].tolist() == [(2, 3.5, 2), (6, 6, 1)]


def test_failed(tmp_path):
    """an event without image, and one that could not be read, are failed ones"""
    with q2.Writer(tmp_path / "a.q2", panels=1, shape=(8, 8)) as w:
        w.put(np.zeros((1, 2, 8, 8)), source="here")
        w.fail(source="there")
    a, b = q2.Reader(tmp_path / "a.q2")
    assert a.failed and "image" in a.cause and a.source == "here"
    assert b.failed and "read" in b.cause and b.source == "there"
    out("peakfind < a.q2 | cxiwrite -o out", cwd=tmp_path, status=4)
    assert "2 failed" in out.err


BAD = [dict(logits=np.zeros((3, 2, 8, 8))), dict(logits=np.zeros((2, 2, 7, 7))),
       dict(logits=np.zeros((2, 2, 8, 8), "u2")),
       dict(image=np.zeros((4, 8, 8))), dict(timestamp=[1, 2]),
       dict(timestamp=1.5), dict(encoder=3.), dict(photon_energy="x"),
       dict(logits=np.zeros((4, 2, 8, 8)), image=None, timestamp=5)]


@pytest.mark.parametrize("k", range(len(BAD)))
def test_refused(tmp_path, k):
    """put refuses what is no event, and nothing of it was sent (case {k})"""
    with q2.Writer(tmp_path / "a.q2", panels=2, shape=(8, 8)) as w:
        with pytest.raises((ValueError, TypeError)):
            w.put(**{"logits": np.zeros((2, 2, 8, 8)),
                     "image": np.zeros((2, 8, 8)), **BAD[k]})
    assert list(q2.Reader(tmp_path / "a.q2")) == []


BAD_FACTS = [
    ("source", ["a", "b\udcff", "c"], ValueError),
    ("source", ["a", 7, "c"], TypeError),
    ("source", [b"a", b"\xff", b"c"], ValueError),
    ("photon_energy", [9000., "9000", 1.], TypeError),
    ("photon_energy", [9000., 10 ** 400, 1.], ValueError),
    ("photon_energy", np.ones((3, 2)), ValueError),
    ("timestamp", [1, 2.0, 3], TypeError),
    ("timestamp", np.full((3, 1), 1.7e9), TypeError),
    ("timestamp", [1, "2", 3], TypeError),
    ("timestamp", [1, Decimal(2), 3], TypeError),
    ("timestamp", np.array(["2026-01-01"] * 3, "M8[ns]"), TypeError),
    ("timestamp", np.array([["2026-01-01"]] * 3, "M8[ns]"), TypeError),
    ("timestamp", [1, -2, 3], ValueError),
    ("timestamp", [1, 1 << 64, 3], ValueError)]


@pytest.mark.parametrize("k", range(len(BAD_FACTS)))
def test_facts_refused(tmp_path, k):
    """facts that are none are refused before the first of a batch (case {k})"""
    name, values, error = BAD_FACTS[k]
    with q2.Writer(tmp_path / "a.q2", panels=1, shape=(8, 8)) as w:
        with pytest.raises(error, match=name + " of event [01]: "):
            w.put(np.zeros((3, 2, 8, 8)), np.zeros((3, 8, 8)), **{name: values})
        assert w.count == 0


def test_facts(tmp_path):
    """facts are numbers of every kind, rows of one, and text or bytes"""
    with q2.Writer(tmp_path / "a.q2", panels=1, shape=(8, 8), image=None,
                   quantities=q2.QUANTITIES) as w:
        x = np.zeros((3, 2, 8, 8))
        w.put(x, None, np.array([[5], [10 ** 9], [1 << 63]], "u8"),
              [Decimal("9.5"), 10 ** 30, np.nan], np.full((3, 1), -1, "f4"),
              np.array([b"a", b"b", b"c"]))
        w.put(x, None, [np.array([7]), None, np.int32(8)], -1, [0, np.inf, None],
              ["\u00e9" * 40, "", None])
    assert [(e.timestamp, e.photon_energy, e.encoder, e.source)
            for e in q2.Reader(tmp_path / "a.q2")] == [
        (5, 9.5, -1, "a"), (None, 1e30, -1, "b"), (1 << 63, None, -1, "c"),
        (7, None, 0, "\u00e9" * 31), (None, None, None, ""), (8, None, None, "")]


def test_layout_refused(tmp_path):
    """a layout that cannot be is refused, and no file is made"""
    for bad in dict(panels=0), dict(shape=(9, 8)), dict(logits="f64"), \
            dict(text={"a b": 1}), dict(quantities=["time"]), \
            dict(text={"a": "x" * 4000}), dict(text={"k" * 64: 1}), \
            dict(shape=(8,)), dict(padded=8):
        with pytest.raises(ValueError):
            q2.Writer(tmp_path / "a.q2", **{"panels": 1, "shape": (8, 8),
                                            "padded": (8, 8), **bad})
    assert os.listdir(tmp_path) == []


def test_quantities_text(tmp_path):
    """one quantity as a text is refused, and not taken letter by letter"""
    with pytest.raises(TypeError, match="quantities: 'timestamp' is a text"):
        q2.Writer(tmp_path / "a.q2", panels=1, shape=(8, 8),
                  quantities="timestamp")


@pytest.mark.parametrize("text", [b"no line", "run=1", 5, None])
def test_text_refused(tmp_path, text):
    """facts that are no mapping are refused, and make no header that nobody reads
    ({text})"""
    with pytest.raises((TypeError, ValueError)):
        q2.Writer(tmp_path / "a.q2", panels=1, shape=(8, 8), text=text)
    assert os.listdir(tmp_path) == []


def test_layout_integers(tmp_path):
    """numbers of a layout are integers of any kind; products do not overflow"""
    f = q2.Layout(*np.array([32, 8, 1696, 1696, 1696, 1696], "i2"), "f32", "none",
                  np.uint8(8))
    assert f.bytes(q2.LOGITS) == 32 * 8 * 1696 * 1696 * 4 and \
        type(f.bytes(q2.LOGITS)) is int
    with q2.Writer(tmp_path / "a.q2", panels=np.uint8(2), shape=np.array([3, 5]),
                   padded=np.array([4, 8])) as w:
        assert w.layout.shape(q2.IMAGE) == (2, 4, 8)
    for name, bad in ("panels", 1.), ("shape", (8, 8.)), ("capacity", "9"), \
            ("classes", None):
        with pytest.raises(TypeError, match="is not an integer"):
            q2.Writer(tmp_path / "b.q2", **{"panels": 1, "shape": (8, 8),
                                            name: bad})
    assert os.listdir(tmp_path) == ["a.q2"]


def test_text_lines():
    """a value of the text is one line, whatever else Unicode breaks lines at"""
    text = {"note": "a\u2028b=c\x85d\u2029", "run": "1"}
    assert q2.Header(q2.Layout(1, 2, 4, 4, 4, 4, "f32", "f32", 8), 5, 0,
                     text).text == text


def test_file(tmp_path):
    """a file has its name only when the Writer was closed well"""
    with q2.Writer(tmp_path / "a.q2", panels=1, shape=(8, 8)):
        assert not (tmp_path / "a.q2").exists()
    assert os.listdir(tmp_path) == ["a.q2"]
    with pytest.raises(KeyError), \
            q2.Writer(tmp_path / "b.q2", panels=1, shape=(8, 8)):
        raise KeyError
    assert os.listdir(tmp_path) == ["a.q2"]


def put_one(to, value=0, **how):
    with q2.Writer(to, panels=1, shape=(8, 8), **how) as w:
        w.put(np.full((1, 2, 8, 8), value, "f4"), np.ones((1, 8, 8), "f4"))


def test_file_replaced(tmp_path):
    """a capture and an empty file are replaced"""
    (tmp_path / "a.q2").touch()
    for value in 1, 2:
        put_one(tmp_path / "a.q2", value)
        assert next(q2.Reader(tmp_path / "a.q2")).logits.max() == value
    assert os.listdir(tmp_path) == ["a.q2"]


def test_file_kept(tmp_path):
    """a file that is no capture is kept, and the error says so"""
    (tmp_path / "model.pt").write_bytes(b"PK weights")
    with pytest.raises(FileExistsError, match="model.pt: exists and is not a Q2"
                       " capture, so it is kept; remove it, or name another"):
        put_one(tmp_path / "model.pt")
    assert (tmp_path / "model.pt").read_bytes() == b"PK weights"
    assert os.listdir(tmp_path) == ["model.pt"]


def test_file_unseen(tmp_path, monkeypatch):
    """a file that cannot be read is kept, and the error says so"""
    monkeypatch.chdir(tmp_path)
    os.chmod(".", 0o777)
    (tmp_path / "a.q2").touch(0)
    who = os.geteuid()
    if who == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError, match="a.q2: exists, and it cannot be"
                           " seen what it is: Permission denied"):
            put_one("a.q2")
    finally:
        os.seteuid(who)
    assert os.listdir(".") == ["a.q2"]


def test_file_link(tmp_path):
    """a symbolic link is refused, also one to nothing, and stays what it is"""
    put_one(tmp_path / "there.q2")
    for to in "there.q2", "nothing":
        (tmp_path / to[:1]).symlink_to(to)
        with pytest.raises(OSError, match="is a symbolic link; name the file"
                           " itself"):
            put_one(tmp_path / to[:1])
        assert os.readlink(tmp_path / to[:1]) == to
    assert sorted(os.listdir(tmp_path)) == ["n", "t", "there.q2"]


def test_file_nowhere(tmp_path):
    """a folder that is not there is an error with the name that was given"""
    with pytest.raises(FileNotFoundError, match="none/a.q2: No such file"):
        put_one(tmp_path / "none/a.q2")


def test_file_nameless():
    """no name at all is refused at once, and not when all was sent"""
    for to in "", b"":
        with pytest.raises(FileNotFoundError, match="'': names no file"):
            q2.Writer(to, panels=1, shape=(8, 8))


def test_file_beside(tmp_path):
    """two Writers of one name do not disturb each other"""
    with q2.Writer(tmp_path / "a.q2", panels=1, shape=(8, 8)) as w:
        put_one(tmp_path / "a.q2")
        w.fail()
    assert next(q2.Reader(tmp_path / "a.q2")).failed
    assert os.listdir(tmp_path) == ["a.q2"]


def test_file_sync(tmp_path, monkeypatch):
    """a file that cannot be synced is named, and removed"""
    def full(fd):
        raise OSError(28, os.strerror(28))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="a.q2: No space left"):
        put_one(tmp_path / "a.q2")
    assert os.listdir(tmp_path) == []


TORN = """
import resource
w = q2.Writer("a.q2", panels=1, shape=(8, 8))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096 + 700, hard))
for again in lambda: w.fail(), lambda: w.fail(), lambda: w.slot(), lambda: \
        w.write(None), lambda: w.close():
    try:
        again()
    except (OSError, q2.Error) as e:
        print(type(e).__name__, e)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
print(w.count, os.listdir("."))
"""


def test_torn(tmp_path):
    """after a write that failed nothing is sent, and no file gets its name"""
    line = script(tmp_path / "p.py", TORN)
    (tmp_path / "d").mkdir()
    said = out(line, cwd=tmp_path / "d").decode().splitlines()
    assert said == ["OSError [Errno 27] a.q2: File too large"] + \
        ["Error a.q2: broken off, and nothing can follow: File too large"] * 4 + \
        ["0 []"]


INTERRUPT = """
signal.signal(signal.SIGALRM, lambda *_: 1 / 0)
signal.setitimer(signal.ITIMER_REAL, .3)
with q2.Writer(1, panels=1, shape=(600, 600), signals=None) as w:
    try:
        while True:
            w.fail()
    except ZeroDivisionError:
        open("raised", "w").close()
"""


def test_interrupted_write(tmp_path):
    """an event that a signal handler cut off is not followed by an end"""
    line = script(tmp_path / "p.py", INTERRUPT)
    data = out("%s | (until test -e raised; do sleep .1; done; cat)" % line,
               cwd=tmp_path, status=1)
    assert "nothing can follow: a write was interrupted" in out.err
    (tmp_path / "a.q2").write_bytes(data)
    with pytest.raises(q2.Damaged, match="event 0: it: the input ends inside it"):
        next(q2.Reader(tmp_path / "a.q2"))


def test_gone_again(tmp_path):
    """a Writer whose reader has gone says so again, if a FIFO has a new one too"""
    os.mkfifo(tmp_path / "f")
    r = os.open(tmp_path / "f", os.O_RDONLY | os.O_NONBLOCK)
    w = q2.Writer(tmp_path / "f", panels=1, shape=(8, 8))
    os.close(r)
    with pytest.raises(q2.Gone):
        w.fail()
    r = os.open(tmp_path / "f", os.O_RDONLY | os.O_NONBLOCK)
    for again in w.fail, w.slot, w.close:
        with pytest.raises(q2.Gone):
            again()
    assert os.read(r, 9999) == w.header.packed
    os.close(r)


NAMED = """
print("in front", flush=True)
with q2.Writer(sys.argv[1] % os.getpid() if "%" in sys.argv[1] else sys.argv[1],
               panels=1, shape=(8, 8)) as w:
    w.fail()
"""


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_descriptor_name(tmp_path, name):
    """the name of a descriptor ({name}) is written to itself, where it stands"""
    command = "%s %s" % (script(tmp_path / "p.py", NAMED), name)
    # Not in /dev itself, where a test that fails must not replace anything.
    assert len(out(command + " | cat")) == 9 + 4096 + 1024 + 64
    assert len(out("q2slots sh -c '%s | cat'" % command)) == 9 + 4096 + 2 * 64
    if name != "/dev/stdout":
        out(command + " > file", cwd=tmp_path)
        assert (tmp_path / "file").read_bytes()[:17] == b"in front\n" + q2.MAGIC


def test_descriptor_other(tmp_path):
    """the descriptor of another process is opened, and written to"""
    line = script(tmp_path / "p.py", NAMED)
    assert len(out(line + " /proc/%d/fd/1 | cat")) == 9 + 4096 + 1024 + 64


def test_descriptor_closed():
    """the name of a descriptor that is closed is an error that names it"""
    with pytest.raises(OSError, match="/dev/fd/99: Bad file descriptor"):
        put_one("/dev/fd/99")


@pytest.mark.parametrize("kind", ["unix", "tcp", "path"])
def test_socket(material, tmp_path, kind):
    """a Writer connects to a socket ({kind}) and sends events inline"""
    if kind == "tcp":
        s = socket.create_server(("127.0.0.1", 0))
        name = "tcp:127.0.0.1:%d" % s.getsockname()[1]
    else:
        s = socket.socket(socket.AF_UNIX)
        s.bind(str(tmp_path / "s"))
        s.listen()
        name = ("unix:" if kind == "unix" else "") + str(tmp_path / "s")
    got = []

    def serve():
        with s, s.accept()[0] as c:
            got.append(c.makefile("rb").read())
    t = threading.Thread(target=serve)
    t.start()
    r = q2.Reader(material / "run.q2")
    with q2.Writer(name, header=r.header) as w:
        for e in r:
            w.write(e)
    t.join()
    assert got[0] == (material / "run.q2").read_bytes()


@pytest.mark.parametrize("to", ["tcp:127.0.0.1", "tcp::7", "tcp:h:0", "tcp:h:65536",
                                "tcp:h:x"])
def test_port_refused(to):
    """what is no TCP address is refused, with what it should be ({to})"""
    with pytest.raises(ValueError, match="%s: not tcp:HOST:PORT" % to):
        q2.Writer(to, panels=1, shape=(8, 8))


@pytest.mark.parametrize("to", ["tcp:127.0.0.1:1", "unix:/no/such/socket"])
def test_connection_refused(to):
    """an address at which nobody listens is named ({to})"""
    with pytest.raises(OSError, match="%s: (Connection|No such)" % to):
        q2.Writer(to, panels=1, shape=(8, 8))


def test_live(material, tmp_path):
    """two Writers feed one q2cat -L: each event once, in order, with its source"""
    at, out = tmp_path / "live", tmp_path / "live.q2"
    with open(out, "wb") as f:
        cat = subprocess.Popen(["q2cat", "-e", "2", "-L", "unix:%s" % at],
                               stdout=f)
    while not at.exists():
        assert cat.poll() is None
        time.sleep(0.01)

    def send():
        r = q2.Reader(material / "run.q2")
        with q2.Writer("unix:%s" % at, header=r.header) as w:
            for e in r:
                w.write(e)
    senders = [threading.Thread(target=send) for _ in range(2)]
    for t in senders:
        t.start()
    for t in senders:
        t.join()
    assert cat.wait(60) == 0
    sent = list(q2.Reader(material / "run.q2"))
    got = list(q2.Reader(out))
    assert [e.seq for e in got] == list(range(2 * len(sent)))
    for producer in "p1:", "p2:":
        mine = [e for e in got if e.source.startswith(producer)]
        assert len(mine) == len(sent)
        for a, b in zip(mine, sent):
            assert np.array_equal(a.logits, b.logits)
            assert np.array_equal(a.image, b.image)
            assert a.timestamp == b.timestamp


# ---- slots ----

def test_slots_bytes(material, tmp_path):
    """through slots the CXI file has the same bytes, and all tokens come back"""
    copy = script(tmp_path / "c.py", COPY)
    run = material / "run.q2"
    line = "%s %s | peakfind | cxiwrite -o %s"
    out(line % (copy, run, "plain"), cwd=tmp_path)
    left = out(["q2slots", "-n", "3", "sh", "-c",
                line % (copy, run, "slots") + TOKENS], cwd=tmp_path)
    assert left.split() == [b"0", b"1", b"2"]
    a, b = (next((tmp_path / d).glob("*.cxi")).read_bytes()
            for d in ("plain", "slots"))
    assert a == b


def test_slots_references(material, tmp_path):
    """a Writer sends references of 64 bytes into a pipe, and events elsewhere"""
    copy = script(tmp_path / "c.py", COPY)
    run = material / "run.q2"
    assert len(out(["q2slots", "-n", "9", "sh", "-c", "%s %s | cat"
                    % (copy, run)])) == 4096 + 6 * 64
    out(["q2slots", "-n", "9", "sh", "-c", "%s %s > file" % (copy, run)],
        cwd=tmp_path)
    assert (tmp_path / "file").read_bytes() == run.read_bytes()


@pytest.mark.parametrize("what", ["run", "crc", "peaks"])
@pytest.mark.parametrize("how", ["copied into slots", "mapped"])
def test_slots_reader(material, tmp_path, what, how):
    """references ({what}, {how}) are read, written inline, and give tokens back"""
    copy = script(tmp_path / "c.py", COPY)
    run = material / (what + ".q2")
    source = "q2cat %s" % run if how == "mapped" else "cat %s | q2cat" % run
    out(["q2slots", "-n", "2", "sh", "-c", "%s | %s > file" % (source, copy) +
         TOKENS], cwd=tmp_path)
    assert (tmp_path / "file").read_bytes() == run.read_bytes()
    left = out(["q2slots", "-n", "2", "sh", "-c", "%s | %s | %s | cxiwrite -o o"
                % (source, copy, "peakfind" if what != "peaks" else "cat") +
                TOKENS], cwd=tmp_path)
    assert left.split() == [b"0", b"1"]


def test_slot_views(tmp_path):
    """slot() gives views that are sent, or dropped after an exception"""
    line = script(tmp_path / "s.py", """
with q2.Writer(1, panels=1, shape=(8, 8)) as w:
    for k in range(5):
        try:
            with w.slot() as s:
                s.logits[:] = k
                s.image[:] = 10 * k
                s.timestamp = k + 1 << 32
                assert s.image.shape == (1, 8, 8) and s.image.flags.writeable
                if k == 2:
                    raise KeyError
        except KeyError:
            pass
""")
    want = [(0, 0), (1, 10), (3, 30), (4, 40)]
    for command in line, "q2slots -n 2 sh -c '%s | q2cat > x; cat x%s'" % (
            line, TOKENS):
        data = out(command, cwd=tmp_path)
        data, left = (data, b"0 1") if command is line else (data[:-4],
                                                             data[-4:-1])
        (tmp_path / "a.q2").write_bytes(data)
        got = [(e.logits.max(), e.image.min())
               for e in q2.Reader(tmp_path / "a.q2")]
        assert got == want and left == b"0 1"


IN_HAND = """
r = q2.Reader("%s")
e = next(r)
with q2.Writer(1, header=r.header) as w:
    s = w.slot()
    for call in w.slot, w.fail, lambda: w.put(e.logits, e.image), \\
            lambda: w.write(e):
        try:
            call()
            sys.exit(9)
        except q2.Error as x:
            assert "neither sent nor dropped" in str(x)
    s.drop()
    w.write(e)
    s = w.slot()
    w.close()
    assert w.count == 1
"""


def test_slot_in_hand(material, tmp_path):
    """while a slot is in hand nothing else is sent, and its token is not lost"""
    line = script(tmp_path / "p.py", IN_HAND % (material / "run.q2"))
    out("%s > a.q2" % line, cwd=tmp_path)
    assert [e.seq for e in q2.Reader(tmp_path / "a.q2")] == [0]
    assert out("timeout 20 q2slots -n 1 sh -c '%s | q2ls > list%s'"
               % (line, TOKENS), cwd=tmp_path) == b"0\n"


def test_slot_peaks(material, tmp_path):
    """an event that was filled in place has no peaks of another one in its plane"""
    r = q2.Reader(material / "peaks.q2")
    with q2.Writer(tmp_path / "a.q2", header=r.header) as w:
        e = next(r)
        assert len(e.peaks) > 0
        w.write(e)
        with w.slot() as s:
            for plane in s.logits, s.segmap, s.image:
                plane[:] = 0
    last = (tmp_path / "a.q2").read_bytes()[-64 - r.header.event_length:-64]
    assert not any(last[-r.header.layout.size(q2.PEAKS):])


def test_slot_sent_twice(tmp_path):
    """a slot that was sent is not touched when it is sent again"""
    line = script(tmp_path / "p.py", """
with q2.Writer(1, panels=1, shape=(8, 8)) as w:
    s = w.slot()
    s.send(timestamp=7)
    try:
        s.send(timestamp=8)
    except q2.Error as e:
        print(e, file=sys.stderr)
    s.drop()
""")
    out("q2slots -n 1 sh -c '%s | q2cat > a.q2'" % line, cwd=tmp_path)
    assert [e.timestamp for e in q2.Reader(tmp_path / "a.q2")] == [7]
    assert "this slot was sent or dropped before" in out.err


def test_slot_stopped(tmp_path):
    """after a signal slot() leaves nothing in hand, however often it is called"""
    line = script(tmp_path / "p.py", """
with q2.Writer(1, panels=1, shape=(8, 8)) as w:
    os.kill(os.getpid(), signal.SIGTERM)
    n = 0
    while n < 3:
        try:
            w.slot()
            w.slot()
        except (q2.Interrupted, q2.Error) as e:
            n += 1 if isinstance(e, q2.Interrupted) else 99
    w.fail() if n == 3 else None
""")
    out(line, status=3)
    assert out("q2slots -n 1 bash -c '%s | q2ls > list; test $PIPESTATUS = 3%s'"
               % (line.replace("'", ""), TOKENS), cwd=tmp_path) == b"0\n"


def test_write_released(material, tmp_path):
    """writing an event that was released is an error, and no token is lost"""
    line = script(tmp_path / "p.py", """
r = q2.Reader()
with q2.Writer(1, header=r.header, signals="drain") as w:
    for e in r:
        e.release()
        for _ in range(2):
            try:
                w.write(e)
            except ValueError as x:
                print(x, file=sys.stderr)
""")
    assert out("timeout 20 q2slots -n 2 sh -c 'q2cat %s | %s | q2ls > list%s'"
               % (material / "run.q2", line, TOKENS), cwd=tmp_path) == b"0 1\n"
    assert out.err.splitlines()[1:] == ["event %d was released" % k for k in
                                    (0, 0, 1, 1, 2, 2, 3, 3, 4, 4)]


def test_second_signal_sent(tmp_path):
    """a second signal just behind a reference does not take its slot back"""
    line = script(tmp_path / "p.py", """
w = q2.Writer(1, panels=1, shape=(8, 8))
write = w._out.write
def killed(*pieces):
    write(*pieces)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
w._out.write = killed
w.fail()
""")
    said = out("q2slots -n 3 bash -c '%s | q2cat > a.q2; echo $PIPESTATUS%s'"
               % (line, TOKENS), cwd=tmp_path)
    assert said == b"3\n0 1 2\n" and "stale" not in out.err
    assert next(q2.Reader(tmp_path / "a.q2")).failed


REFUSED = """
r = q2.Reader(*sys.argv[2:])
e = next(r)
w = q2.Writer(1, header=r.header)
if sys.argv[1] == "read-only":
    os.dup2(os.open("/dev/null", os.O_RDONLY), 1)
else:
    a, b = os.pipe()
    os.dup2(b, 1)
    os.close(a)
try:
    w.write(e)
except (OSError, q2.Gone) as x:
    print(type(x).__name__, file=sys.stderr)
assert e.image.shape == (2, 32, 48)
w.abort()
for e in r:
    pass
"""


@pytest.mark.parametrize("what", ["filled", "passed on"])
@pytest.mark.parametrize("how", ["gone", "read-only"])
def test_refused_reference(material, tmp_path, what, how):
    """the token of a reference ({what}) comes back if it was refused ({how})"""
    line, run = script(tmp_path / "p.py", REFUSED), material / "run.q2"
    line = "%s %s %s" % (line, how, run) if what == "filled" else \
        "q2cat %s | %s %s" % (run, line, how)
    assert out("timeout 20 q2slots -n 2 sh -c '%s | cat > list%s'"
               % (line, TOKENS), cwd=tmp_path) == b"0 1\n"
    assert out.err.splitlines()[-1] == ("Gone" if how == "gone" else "OSError")


def test_slot_fixed(tmp_path):
    """planes of a slot cannot be set, nor facts that there are not"""
    with q2.Writer(tmp_path / "a.q2", panels=1, shape=(8, 8)) as w, w.slot() as s:
        for name in "logits", "image", "segmap", "energy":
            with pytest.raises(AttributeError):
                setattr(s, name, s.logits)
        s.logits[:], s.image[:] = 2, 3
        s.photon_energy, s.source = 9000, b"here"
    e = next(q2.Reader(tmp_path / "a.q2"))
    assert (e.logits == 2).all() and (e.image == 3).all()
    assert (e.photon_energy, e.source) == (9000, "here")


@pytest.mark.parametrize("end, status", [
    ("raise KeyError", 1), ("sys.exit(9)", 9), ("k > 2 and os.kill(os.getpid(),"
                                                " signal.SIGTERM)", 3)])
def test_slots_exit(tmp_path, end, status):
    """tokens in hand come back when the producer ends by: {end}"""
    line = script(tmp_path / "p.py", ENDLESS % (10, "s = w.slot(); " + end +
                                                "; s.drop()"))
    left = out(["q2slots", "-n", "3", "sh", "-c",
                "{ %s; echo $? > status; } | q2ls > list" % line + TOKENS],
               cwd=tmp_path)
    assert (tmp_path / "status").read_text() == "%d\n" % status
    assert left.split() == [b"0", b"1", b"2"]


def test_no_close(tmp_path):
    """tokens come back when nobody closed the Writer"""
    line = script(tmp_path / "p.py", "w = q2.Writer(1, panels=1, shape=(8, 8))\n"
                  "s = w.slot()\n")
    left = out(["q2slots", "-n", "3", "sh", "-c", "%s | q2ls > list" % line +
                TOKENS], cwd=tmp_path)
    assert left.split() == [b"0", b"1", b"2"]


@pytest.mark.parametrize("slots", ["", "q2slots -n 3"])
def test_gone(tmp_path, slots):
    """a producer whose reader has gone ends quietly with status 2 ({slots})"""
    line = script(tmp_path / "p.py", ENDLESS % (1e9, ""))
    out("%s bash -c '%s | head -c 4160 > x; exit ${PIPESTATUS[0]}'"
        % (slots, line), cwd=tmp_path, status=2)
    assert out.err == ""


def test_gone_behind(tmp_path):
    """a producer learns through a program between that the reader has gone"""
    line = script(tmp_path / "p.py", ENDLESS % (1e9, ""))
    out("q2slots -n 3 bash -c '%s | cat | true; exit ${PIPESTATUS[0]}'" % line,
        cwd=tmp_path, status=2)


FILTER = """
r = q2.Reader(*sys.argv[1:])
w = None
for e in r:
    if w is None:
        w = q2.Writer(1, header=r.header)
    w.write(e)
w.close()
"""


@pytest.mark.parametrize("line", ["{} {}", "cat {1} | {0}"])
def test_late_consumer(material, tmp_path, line):
    """a program that reads and writes waits for a consumer that begins late ({line})"""
    line = line.format(script(tmp_path / "f.py", FILTER), material / "peaks.q2")
    out("q2slots -n 2 bash -c '%s | (sleep 3; exec cxiwrite -m 1 -o o); "
        "echo ${PIPESTATUS[@]} >s'" % line, cwd=tmp_path)
    assert set((tmp_path / "s").read_text().split()) == {"0"}


@pytest.mark.parametrize("source", [
    "q2cat -l 0 {}", "{{ cat {}; while [ ! -e s ]; do sleep .1; done; }}"])
@pytest.mark.parametrize("slots", ["q2slots -n 3", ""])
def test_gone_while_waiting(material, tmp_path, source, slots):
    """a filter that waits for input sees its reader go: who feeds it may wait for
    tokens ({slots}, {source})"""
    line = script(tmp_path / "f.py", FILTER)
    out("timeout 40 %s bash -c '%s | (%s; echo $? >s) |"
        " (cxiwrite -m 1 -o o <&0 & sleep 1; kill -9 $!)' || true"
        % (slots, source.format(material / "peaks.q2"), line), cwd=tmp_path)
    assert (tmp_path / "s").read_text() == "2\n"


@pytest.mark.parametrize("ignored", [False, True])
def test_hangup(tmp_path, ignored):
    """a terminal that hangs up stops a producer, said twice too; not under nohup"""
    line = script(tmp_path / "p.py", ENDLESS % (1e9, "time.sleep(.01)"))
    p = subprocess.Popen(
        line.split(), stdout=subprocess.PIPE, preexec_fn=lambda: signal.signal(
            signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL))
    head = p.stdout.read(100000)
    for _ in range(2):
        p.send_signal(signal.SIGHUP)
    if ignored:
        head += p.stdout.read(300000)
        p.send_signal(signal.SIGINT)
    (tmp_path / "a.q2").write_bytes(head + p.stdout.read())
    assert p.wait() == 3
    r = q2.Reader(tmp_path / "a.q2")
    assert len(list(r)) == r.sent > 1 and r.interrupted
    assert not ignored or len(head) == 400000


def test_interrupted(tmp_path):
    """SIGINT ends a producer with an end that says so, a second one at once"""
    line = script(tmp_path / "p.py", ENDLESS % (1e9, "time.sleep(.01)"))
    p = subprocess.Popen(line.split(), stdout=subprocess.PIPE)
    head = p.stdout.read(100000)
    p.send_signal(signal.SIGINT)
    (tmp_path / "a.q2").write_bytes(head + p.stdout.read())
    assert p.wait() == 3
    r = q2.Reader(tmp_path / "a.q2")
    assert len(list(r)) == r.sent > 1 and r.interrupted
    p = subprocess.Popen(line.split(), stdout=subprocess.PIPE)
    p.stdout.read(100000)
    time.sleep(.3)              # now it waits for us, in the middle of a write
    for _ in range(2):
        p.send_signal(signal.SIGINT)
        time.sleep(.1)
    assert p.wait() == 3
    p.stdout.close()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_handlers(tmp_path, order):
    """Writers closed in any order {order} leave the program's handlers"""
    def mine(*_):
        pass
    numbers = signal.SIGINT, signal.SIGTERM
    before = [signal.signal(n, mine) for n in numbers]
    w = [q2.Writer(tmp_path / name, panels=1, shape=(8, 8)) for name in "ab"]
    try:
        w[order[0]].close()
        assert all(signal.getsignal(n) is not mine for n in numbers)
        w[order[1]].close()
        assert all(signal.getsignal(n) is mine for n in numbers)
    finally:
        for n, handler in zip(numbers, before):
            signal.signal(n, handler)


def test_handlers_other(tmp_path):
    """a handler that the program set since the Writer was made stays"""
    def mine(*_):
        pass
    with q2.Writer(tmp_path / "a", panels=1, shape=(8, 8)):
        before = signal.signal(signal.SIGINT, mine)
    assert signal.signal(signal.SIGINT, before) is mine


def test_handlers_thread(tmp_path):
    """behind a Writer closed in another thread a signal does what it did before"""
    out(script(tmp_path / "p.py", """
import threading
w = q2.Writer("a.q2", panels=1, shape=(8, 8))
t = threading.Thread(target=w.close)
t.start()
t.join()
for k in range(2):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(9)
    except KeyboardInterrupt:
        pass
os.kill(os.getpid(), signal.SIGTERM)
"""), cwd=tmp_path, status=-signal.SIGTERM)
    assert q2.Reader(tmp_path / "a.q2").header is not None


def test_two_stopped(tmp_path):
    """one signal stops two Writers, a second one removes the files of both"""
    line = script(tmp_path / "p.py", """
v = q2.Writer("a.q2", panels=1, shape=(8, 8))
w = q2.Writer("b.q2", panels=1, shape=(8, 8))
os.kill(os.getpid(), signal.SIGTERM)
for x in v, w:
    try:
        x.fail()
        sys.exit(9)
    except q2.Interrupted:
        pass
assert len(os.listdir(".")) == 2
os.kill(os.getpid(), signal.SIGTERM)
""")
    (tmp_path / "d").mkdir()
    out(line, cwd=tmp_path / "d", status=3)
    assert os.listdir(tmp_path / "d") == []


# ---- children, and Writers that are forgotten ----

def test_child_killed(tmp_path):
    """a signal to a forked child ends it, and its parent's file is whole"""
    out(script(tmp_path / "p.py", """
import multiprocessing
fork = multiprocessing.get_context("fork")
begun = fork.Event()
with q2.Writer("a.q2", panels=1, shape=(8, 8)) as w:
    p = fork.Process(target=lambda: begun.set() or time.sleep(9))
    p.start()
    begun.wait()
    p.terminate()
    p.join()
    assert p.exitcode == -signal.SIGTERM
    w.fail()
"""), cwd=tmp_path)
    assert len(list(q2.Reader(tmp_path / "a.q2"))) == 1


CHILD = """
r = q2.Reader("%s")
e = next(r)
with q2.Writer(%s, header=r.header, signals=None) as w:
    with w.slot() as s:
        if os.fork() == 0:
            try:
                w.write(e)
            except ValueError as x:
                print(x, file=sys.stderr)
            w.close()
            sys.exit(%s)
        os.wait()
        s.drop()
    w.write(e)
"""


@pytest.mark.parametrize("end", ["0", "w.abort()"])
def test_child_file(material, tmp_path, end):
    """a forked child that ends ({end}) leaves its parent's file alone"""
    (tmp_path / "d").mkdir()
    out(script(tmp_path / "p.py", CHILD % (material / "run.q2", "'a.q2'", end)),
        cwd=tmp_path / "d")
    assert out.err == "the Writer is of the process that made it, not of its" \
        " child\n"
    assert [e.seq for e in q2.Reader(tmp_path / "d/a.q2")] == [0]
    assert os.listdir(tmp_path / "d") == ["a.q2"]


def test_child_tokens(material, tmp_path):
    """a forked child gives no token back, neither a Writer's nor a Reader's"""
    line = script(tmp_path / "p.py", CHILD % (material / "run.q2", 1, "0"))
    reader = script(tmp_path / "r.py", """
r = q2.Reader()
e = next(r)
if os.fork() == 0:
    r.close()
    sys.exit()
os.wait()
list(r)
""")
    for end in "q2ls > list", reader:
        assert out("q2slots -n 2 sh -c '%s | %s%s'" % (line, end, TOKENS),
                   cwd=tmp_path) == b"0 1\n"


def test_forgotten_file(tmp_path):
    """a Writer that is forgotten leaves no file, and its name is free"""
    for k in range(2):
        w = q2.Writer(tmp_path / "a.q2", panels=1, shape=(8, 8))
        w.fail()
        del w
        assert os.listdir(tmp_path) == []
    put_one(tmp_path / "a.q2")


def test_forgotten_reader(material):
    """a Reader that is forgotten closes the file of its path"""
    gc.collect()        # what tests before have forgotten
    before = len(os.listdir("/proc/self/fd"))
    for how in range(3):
        for event in q2.Reader(material / "run.q2"):
            if how:
                break
    r = q2.Reader(material / "run.q2")
    r.close()
    r.close()
    del event, r
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_limited_addresses(tmp_path):
    """a limit of addresses that slots do not fit into is said, and what to do"""
    line = script(tmp_path / "r.py", "q2.Reader(0)")
    out("q2slots -n 50 sh -c 'ulimit -v 60000000; %s'" % line, status=1)
    assert "cannot map 50 slots, 200 GiB" in out.err and "ulimit -v" in out.err


def test_growing_slots(tmp_path):
    """streams with ever larger events take no more descriptors, by either end"""
    write = script(tmp_path / "w.py", """
for k in range(1, 40):
    with q2.Writer(1, panels=1, shape=(8 * k, 64), image=None) as w:
        for i in range(3):
            w.put(np.zeros((1, 2, 8 * k, 64)) + k)
    n = len(os.listdir("/proc/self/fd"))
    first = n if k == 1 else first
assert n == first, (n, first)
""")
    read = script(tmp_path / "r.py", """
first = None
for k, e in enumerate(q2.Reader(0)):
    assert e.logits.shape[2] == 8 * (k // 3 + 1) and (e.logits == k // 3 + 1).all()
    n = len(os.listdir("/proc/self/fd"))
    first = first or n
assert n == first and k == 116, (n, first, k)
""")
    out(["q2slots", "-n", "9", "bash", "-o", "pipefail", "-c",
         "%s | %s" % (write, read)])


def test_forgotten_tokens(tmp_path):
    """tokens come back from a Writer that is forgotten with a slot in hand"""
    line = script(tmp_path / "p.py", """
import gc
def forget():
    w = q2.Writer(1, panels=1, shape=(8, 8))
    w.fail()
    s = w.slot()
forget()
gc.collect()
os.close(1)
os.execlp("sh", "sh", "-c", "until test -s list; do sleep .1; done; exec %s >&2")
""" % TOKENS[2:])
    out("q2slots -n 3 sh -c '%s | q2ls > list'" % line, cwd=tmp_path)
    assert out.err == "0 1 2\n"


@pytest.mark.parametrize("end", ["pass", "sys.exit(3)", "raise KeyError",
                                 "import gc; del r, e; gc.collect()",
                                 "r.close()"])
def test_exit_in_hand(material, tmp_path, end):
    """the token of an event in hand comes back when its Reader's program ends
    ({end})"""
    line = script(tmp_path / "p.py", "r = q2.Reader()\nfor e in r:\n    break\n" +
                  end)
    left = out("q2slots -n 3 sh -c 'q2cat -n 1 %s | %s%s'"
               % (material / "run.q2", line, TOKENS), cwd=tmp_path)
    assert left.split() == [b"0", b"1", b"2"]


def test_sent(tmp_path):
    """a Writer that is pickled or copied says where to make it"""
    with q2.Writer(tmp_path / "a", panels=1, shape=(8, 8)) as w:
        for take in pickle.dumps, copy.copy, copy.deepcopy:
            with pytest.raises(TypeError, match="make it in the process"):
                take(w)


# ---- damage ----

def damaged(material, tmp_path, name, change):
    data = bytearray((material / name).read_bytes())
    data = change(data) or data
    (tmp_path / "bad.q2").write_bytes(data)
    return q2.Reader(tmp_path / "bad.q2")


def flip(at):
    def change(data):
        data[at] ^= 1
    return change


LENGTH = 64 + 192 + 2 * 32 * 48 * 12      # of an event of run.q2


def test_damage_plane(material, tmp_path):
    """a damaged plane is named with its event, and the next one comes"""
    for at, what in (300, "logits"), (LENGTH - 9, "image"), (70, "event block"):
        r = damaged(material, tmp_path, "crc.q2", flip(4096 + LENGTH + at))
        assert next(r).seq == 0
        with pytest.raises(q2.Damaged, match="bad.q2: event 1: damaged " + what):
            next(r)
        assert [e.seq for e in r] == [2, 3, 4]


def test_damage_header(material, tmp_path):
    """a damaged record header, stream header, or a cut record, is named"""
    r = damaged(material, tmp_path, "run.q2", flip(4096 + LENGTH + 20))
    next(r)
    with pytest.raises(q2.Damaged, match="behind event 0: .*checksum"):
        next(r)
    for at in 30, 130:
        with pytest.raises(q2.Damaged, match="header .checksum"):
            next(damaged(material, tmp_path, "run.q2", flip(at)))
    r = damaged(material, tmp_path, "run.q2", lambda d: d[:4096 + LENGTH + 99])
    next(r)
    with pytest.raises(q2.Damaged, match="event 1: .*ends inside"):
        next(r)
    with pytest.raises(q2.Damaged, match="HDF5"):
        next(q2.Reader(material / "run.h5"))
    for data, why in (b"x" * 99, "not a q2 record"), (b"x", "the input ends"):
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(q2.Damaged, match="x: the first record: " + why):
            next(q2.Reader(tmp_path / "x"))


def test_missing(material, tmp_path):
    """a missing end and missing events are told when all events have come"""
    for cut, why in (slice(0, -64), "no end"), \
            (slice(4096 + LENGTH, 4096 + 2 * LENGTH), "5 events were sent, 4"):
        def change(d):
            del d[slice(-64, None) if cut.stop == -64 else cut]
        r, n = damaged(material, tmp_path, "run.q2", change), 0
        with pytest.raises(q2.Incomplete, match=why):
            for _ in r:
                n += 1
        assert n == (5 if "no end" in why else 4)


def test_concatenated(material):
    """streams one behind the other are read, the same header goes on"""
    assert [e.seq for e in q2.Reader(material / "two.q2")] == \
        [0, 1, 2, 3, 4, 1, 3]


@pytest.mark.parametrize("case", ["slot", "stale", "session", "stream", "planes",
                                  "released", "duplicate", "cut"])
def test_bad_reference(tmp_path, case):
    """a bad reference ({case}) is an error that says so, and gives no token"""
    line = script(tmp_path / "r.py", """
try:
    print(*[e.seq for e in q2.Reader(0)])
except q2.Damaged as e:
    print("DAMAGED", e)
""")
    data = out(["q2slots", "-n", "3", "sh", "-c",
                "%s %s/tests/q2refs.py %s | %s" % (PYTHON, ROOT, case, line) +
                TOKENS])
    said, left = data.decode().splitlines()
    assert said.startswith("DAMAGED standard input: ")
    tokens = left.split()
    assert len(tokens) == len(set(tokens))


def test_no_slots(tmp_path, material):
    """a reference without Q2_SLOTS is an error that says so"""
    data = out(["q2slots", "-n", "9", "sh", "-c", "q2cat %s | cat"
                % (material / "run.q2")])
    (tmp_path / "refs.q2").write_bytes(data)
    with pytest.raises(q2.Damaged, match="Q2_SLOTS is not set"):
        list(q2.Reader(tmp_path / "refs.q2"))


def test_example(tmp_path):
    """the example producer's events become hits"""
    example = os.path.join(ROOT, "scripts/examples/producer.py")
    for front in "", "q2slots -n 4 ":
        out("%sbash -o pipefail -c '%s %s 6 | peakfind | cxiwrite -o out%d'"
            % (front, PYTHON, example, len(front)), cwd=tmp_path)
        assert "6 events in = 6 written" in out.err
