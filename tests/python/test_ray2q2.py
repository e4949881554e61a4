"""ray2q2 with a stand-in for the queue; Ray itself is not needed."""
import importlib.machinery
import importlib.util
import os
import signal
import subprocess
import time
import types

import h5py
import numpy as np
import pytest

import q2
from common import PYTHON, ROOT, VERSION, dump, out

PROGRAM = os.path.join(ROOT, "scripts/ray2q2")
STANDIN = """
import os, time, types
import h5py

class Queue:
    def __init__(self):
        self.taken, self.items = 0, []
        with h5py.File("run.h5") as f:
            for name in sorted(f):
                b = f[name]
                self.items.append(types.SimpleNamespace(
                    predictions=b["logits"][()], batch_id=name, metadata={
                        "original_image": b["original_image"][()],
                        "original_shape": b["preprocessing_metadata/original_shape"][()],
                        "timestamp": b["metadata/timestamp"][()],
                        "photon_wavelength": b["metadata/photon_wavelength"][()]}))

    def get(self, timeout=0.0):
        if not self.items:
            time.sleep(timeout)
            return None
        self.taken += 1
        if os.path.exists("endless"):
            with open("taken", "a") as f:
                f.write("x")
            time.sleep(.02)
            return self.items[0]
        return self.items.pop(0)
"""


def load():
    loader = importlib.machinery.SourceFileLoader("ray2q2", PROGRAM)
    m = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("ray2q2", loader))
    loader.exec_module(m)
    return m


ray2q2 = load()


@pytest.fixture
def run(tmp_path):
    (tmp_path / "standin.py").write_text(STANDIN)
    dump(str(tmp_path / "run.h5"), [3, 3, 2], panels=2)
    return tmp_path


def bridge(run, *options, status=0):
    data = out([PYTHON, PROGRAM, "-q", "standin:Queue", *options], cwd=run,
               status=status)
    (run / "out.q2").write_bytes(data)
    return q2.Reader(run / "out.q2")


def told(e):
    return (e.seq, e.timestamp, e.photon_energy, e.source, e.cause,
            e.logits.tobytes(), None if e.image is None else e.image.tobytes())


@pytest.mark.parametrize("unit", ["A", "nm"])
def test_same(run, unit):
    """a queue and a dump of the same batches give the same events (-w {unit})"""
    (run / "dump.q2").write_bytes(out(["q2cat", "-w", unit, "run.h5"], cwd=run))
    r = bridge(run, "-t", "0", "-w", unit, "-k", "run=7")
    assert list(map(told, r)) == list(map(told, q2.Reader(run / "dump.q2")))
    assert r.header.text == {"ray2q2.version": VERSION, "ray2q2.w": unit,
                             "run": "7"}
    assert r.ended and not r.interrupted


def test_crc(run):
    """-c adds CRCs, which q2cat and peakfind accept"""
    bridge(run, "-c", "-t", "0")
    assert (run / "out.q2").read_bytes()[4096 + 12] == 2
    out("q2cat out.q2 | peakfind | cxiwrite -o out", cwd=run)


def test_end_file(run):
    """an end-of-run file ends it when the queue is empty"""
    (run / "over").touch()
    assert len(list(bridge(run, "-e", "over"))) == 8


def test_slots(run):
    """in slots the CXI file has the same bytes"""
    for d, front in ("a", ""), ("b", "q2slots -n 2 "):
        out("%sbash -o pipefail -c '%s %s -t 0 -q standin:Queue | peakfind |"
            " cxiwrite -o %s'" % (front, PYTHON, PROGRAM, d), cwd=run)
    a, b = (next((run / d).glob("*.cxi")).read_bytes() for d in "ab")
    assert a == b


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal(run, number):
    """after a signal ({number}) every item that was taken is sent, then an end that
    says so"""
    (run / "endless").touch()
    p = subprocess.Popen([PYTHON, PROGRAM, "-q", "standin:Queue"], cwd=run,
                         stdout=subprocess.PIPE)
    head = p.stdout.read(200000)
    time.sleep(.2)
    for _ in range(2 if number == signal.SIGHUP else 1):
        p.send_signal(number)
    (run / "out.q2").write_bytes(head + p.stdout.read())
    assert p.wait() == 3
    r = q2.Reader(run / "out.q2")
    assert len(list(r)) == 3 * len((run / "taken").read_text()) > 3
    assert r.interrupted


def test_gone(run):
    """it ends quietly with status 2 when its reader has gone"""
    (run / "endless").touch()
    out("%s %s -q standin:Queue | head -c 5000 > x; exit ${PIPESTATUS[0]}"
        % (PYTHON, PROGRAM), cwd=run, status=2)
    assert out.err == ""


def test_gone_idle(run):
    """it sees its reader go while nothing is in the queue"""
    (run / "idle.py").write_text(STANDIN + "\ndef idle():\n    q = Queue()\n"
                                 "    q.items.clear()\n    return q\n")
    for module in "idle:idle", "standin:Queue":
        out("%s %s -q %s | { sleep 1; }; exit ${PIPESTATUS[0]}"
            % (PYTHON, PROGRAM, module), cwd=run, status=2)
        assert out.err == ""


def items_bridge(run, code, *options, status=0):
    """ray2q2 on the stand-in's items after code has changed them."""
    (run / "other.py").write_text(
        "import standin, numpy as np\ndef Queue():\n    q = standin.Queue()\n"
        "    i = q.items\n    %s\n    return q\n" % code)
    data = out([PYTHON, PROGRAM, "-q", "other:Queue", "-t", "0", *options],
               cwd=run, status=status)
    (run / "out.q2").write_bytes(data)
    return q2.Reader(run / "out.q2")


def test_no_image(run):
    """items without image are failed events of the stream"""
    r = items_bridge(run, "del i[1].metadata['original_image']")
    assert [e.failed for e in r] == [False] * 3 + [True] * 3 + [False] * 2
    assert "its 3 events are failed ones" in out.err


def test_contradiction(run):
    """an item that contradicts itself is left out, said, and no end is sent"""
    r = items_bridge(run, "i[1].metadata['original_shape'] = [2, 4, 30, 44]",
                     status=6)
    got = []
    with pytest.raises(q2.Incomplete):
        for e in r:
            got.append(e.source)
    assert got == ["batch_%d/%d" % k for k in
                   ((0, 0), (0, 1), (0, 2), (2, 0), (2, 1))]
    assert "item 1: 6 planes are no multiple of the 4 panels" in out.err


@pytest.mark.parametrize("what, code", [
    ("its name is no text", "i[1].batch_id = 'b\\udc80d'"),
    ("put refuses its type", "import q2; put = q2.Writer.put; q2.Writer.put ="
     " lambda w, *a, **k: put(w, np.ma.masked_less(a[0], 99)"
     " if 'batch_1/0' in k['source'] else a[0], *a[1:], **k)")])
def test_item_refused(run, what, code):
    """an item that cannot be put ({what}) is left out, and the run goes on"""
    got = []
    with pytest.raises(q2.Incomplete):
        for e in items_bridge(run, code, status=6):
            got.append(e.source)
    assert got == ["batch_%d/%d" % k for k in
                   ((0, 0), (0, 1), (0, 2), (2, 0), (2, 1))]
    assert out.err.startswith("ray2q2: item 1: ") and \
        out.err.endswith(": it is left out\n")


@pytest.mark.parametrize("kind", ["u2", "i2", "i8"])
def test_integers(run, kind):
    """logits that are integers ({kind}) are numbers, as in a dump"""
    r = items_bridge(run, "i[0].predictions = np.ones_like("
                     "i[0].predictions, '%s')" % kind)
    assert (next(r).logits == 1).all() and len(list(r)) == 7


def test_full(run):
    """an output that cannot be written is status 7, and no item's fault"""
    out("%s %s -q standin:Queue -t 0 > /dev/full" % (PYTHON, PROGRAM), cwd=run,
        status=7)
    assert out.err == "ray2q2: [Errno 28] descriptor 1: No space left on device\n"


def test_names(run):
    """a batch_id names its item, a number or bytes too; without one its place does"""
    r = items_bridge(run, "i[0].batch_id = 0; i[1].batch_id = b'x'; i[2].batch_id = ''")
    assert [e.source for e in r] == ["0/0", "0/1", "0/2", "x/0", "x/1", "x/2",
                                     "batch_2/0", "batch_2/1"]


def test_layout(run):
    """another layout begins another stream"""
    r = items_bridge(run, "del i[1].metadata['original_shape']; del i[2]")
    layouts = [(e.layout.panels, e.layout.real_height) for e in r]
    assert layouts == [(2, 30)] * 3 + [(1, 32)] * 6


@pytest.mark.parametrize("how", ["get raises", "get exits", "it cannot be made",
                                 "no such module", "nothing came"])
def test_broken(run, how):
    """a queue that fails is said and is status 6 ({how})"""
    if how == "get raises":
        items_bridge(run, "q.get = lambda timeout: 1 / 0", status=6)
        assert "the queue failed: ZeroDivisionError" in out.err
    elif how == "get exits":
        items_bridge(run, "import sys; q.get = lambda timeout: sys.exit(0)", status=6)
        assert "the queue failed: SystemExit" in out.err
    elif how == "it cannot be made":
        items_bridge(run, "import sys; sys.exit(0)", status=6)
        assert "cannot open the queue: SystemExit" in out.err
    elif how == "nothing came":
        items_bridge(run, "i.clear()", status=6)
        assert "no item came" in out.err
    else:
        out([PYTHON, PROGRAM, "-q", "none:Q"], cwd=run, status=6)
        assert "cannot open the queue: ModuleNotFoundError" in out.err


def test_wavelength_overflow(run):
    """a wavelength beyond all numbers is unknown, and its item is taken"""
    r = items_bridge(run, "i[0].metadata['photon_wavelength'] = [10 ** 400] * 3")
    assert [e.photon_energy for e in r][:3] == [None] * 3


def test_signals_blocked(run):
    """signals that were blocked when it began stop it all the same"""
    (run / "endless").touch()
    blocked = {signal.SIGINT, signal.SIGTERM}
    p = subprocess.Popen(
        [PYTHON, PROGRAM, "-q", "standin:Queue"], cwd=run, stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, blocked))
    p.stdout.read(100000)
    p.send_signal(signal.SIGTERM)
    p.communicate(timeout=30)
    assert p.returncode == 3


def test_options(run):
    """options are checked"""
    for bad in ["-w", "m", "x"], ["-t", "-1", "x"], [], ["-k", "a b=1", "x"], \
            ["-q", "module"], ["-q", ":f"]:
        out([PYTHON, PROGRAM, *bad], cwd=run, status=1)
        assert "usage" in out.err


def test_help_unread():
    """it says nothing when nobody reads its help"""
    r, w = os.pipe()
    os.close(r)
    p = subprocess.run([PYTHON, PROGRAM, "-h"], stdout=w, stderr=subprocess.PIPE)
    os.close(w)
    assert (p.returncode, p.stderr) == (2, b"")


def test_output_lost():
    """an output that is closed, or full in its help, is said"""
    out("%s %s -h > /dev/full" % (PYTHON, PROGRAM), status=7)
    assert out.err == "ray2q2: standard output: No space left on device\n"
    out("%s %s -q standin:Queue >&-" % (PYTHON, PROGRAM), status=7)
    assert out.err == "ray2q2: standard output is closed\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_before_it_begins(run, number):
    """a signal while the queue is opened ends it, status 3 ({number})"""
    (run / "slow.py").write_text("import time\ndef Queue():\n"
                                 "    open('here', 'w').close()\n"
                                 "    time.sleep(60)\n")
    p = subprocess.Popen([PYTHON, PROGRAM, "-q", "slow:Queue"], cwd=run,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 30
    while not (run / "here").exists() and time.monotonic() < end:
        time.sleep(.02)
    p.send_signal(number)
    said = p.communicate(timeout=30)[1]
    assert (p.returncode, said) == (3, b"")


# Those that are about what an item has, and not about files.
ABOUT = ("time_", "wave_", "shape", "image_", "everything", "short_batch",
         "long_batch", "odd_preprocessed", "preprocessed", "too_large",
         "no_multiple", "zero_", "logits_le", "rank3", "one_class", "booleans",
         "columns_")
FILE_ONLY = {"time_dangling", "time_group"}
FIELDS = {"predictions": "logits", "original_image": "original_image",
          "original_shape": "preprocessing_metadata/original_shape",
          "preprocessed_shape": "preprocessing_metadata/preprocessed_shape",
          "timestamp": "metadata/timestamp",
          "photon_wavelength": "metadata/photon_wavelength"}


def item_of(group, name):
    item = types.SimpleNamespace(batch_id=name, metadata={})
    for key, path in FIELDS.items():
        if path in group:
            item.metadata[key] = group[path][()]
    return item


def case_compare(base, d):
    unit = 10 if "unit 10" in (d / (base + ".txt")).read_text() else 1
    r = subprocess.run(["q2cat", "-w", "nm" if unit == 10 else "A", base + ".h5"],
                       cwd=d, capture_output=True)
    (d / "x.q2").write_bytes(r.stdout)
    events = {}
    try:
        for e in q2.Reader(d / "x.q2"):
            events[e.source] = e
    except (q2.Incomplete, q2.Damaged):
        pass
    n = 0
    with h5py.File(d / (base + ".h5")) as f:
        for name in [k for k in f if k.startswith("batch_")]:
            try:
                item = item_of(f[name], name)
            except (OSError, KeyError, TypeError, AttributeError, ValueError,
                    RuntimeError):
                continue
            n += batch_compare(item, name, events, unit)
    return n


def batch_compare(item, name, events, unit):
    try:
        b = ray2q2.Batch(item, 0, unit)
        q2.Layout(b.panels, b.logits.shape[1], *b.logits.shape[2:], *b.real,
                  "f32", "none", 1)
    except (ray2q2.Contradiction, ValueError, AttributeError):
        assert name + "/0" not in events
        return 1
    for k in range(b.count):
        e = events["%s/%d" % (name, k)]
        s = slice(k * b.panels, (k + 1) * b.panels)
        assert b.times[k] == (e.timestamp or None)
        assert b.energies[k] == e.photon_energy
        with np.errstate(all="ignore"):
            want = b.logits[s].astype(e.logits.dtype)
        assert np.array_equal(want, e.logits, equal_nan=True)
        if b.image is not None:
            assert b.image_type == e.layout.image
            image = np.asarray(b.image[s]).reshape(e.image.shape)
            assert np.array_equal(image.astype(e.image.dtype), e.image,
                                  equal_nan=True)
    return 1


def test_cases(tmp_path):
    """items like the odd dumps of dump_cases.py give the events of q2cat"""
    out([PYTHON, "tests/dump_cases.py", str(tmp_path)])
    names = [line.split("\t")[0] for line in
             (tmp_path / "cases.txt").read_text().splitlines()]
    n, wrong = 0, []
    for name in names:
        if name.startswith(ABOUT) and name not in FILE_ONLY:
            try:
                n += case_compare(name, tmp_path)
            except Exception as e:
                wrong.append("%s: %r" % (name, e))
    assert not wrong and n > 50
