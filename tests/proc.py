"""Pipelines under test: started, watched, signalled and killed.

Used by tests/*.t. All waiting is by bounded polling: a condition that does not
come true within LIMIT seconds is a failure, and nothing depends on speed.

Run as a program this file is the shell of such a pipeline: it starts the stages,
tells their process ids, waits, and tells their statuses.
"""
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.getcwd()
B = os.path.abspath(os.environ.get("B", "build"))
LIMIT = 20
USAGE, GONE, INTERRUPTED, FAILED, INCOMPLETE, INPUT = 1, 2, 3, 4, 5, 6

os.environ["PATH"] = B + ":" + os.environ["PATH"]
if __name__ != "__main__":
    os.environ.pop("Q2_SLOTS", None)


# ---- the shell of a pipeline ----

def stages_run(stages):
    """Starts the stages, a pipe between each two, and waits for all."""
    # Handlers, which the stages do not inherit; q2slots ignores the other two.
    hear = [] if "Q2_SLOTS" in os.environ else [signal.SIGINT, signal.SIGTERM]
    for sig in hear + [signal.SIGHUP]:
        signal.signal(sig, lambda *a: None)
    before, children = subprocess.DEVNULL, []
    for i, argv in enumerate(stages):
        last = i == len(stages) - 1
        read, write = (None, None) if last else os.pipe()
        out = open("stdout", "wb") if last else write
        with open("err.%d" % i, "wb") as err:
            children.append(subprocess.Popen(argv, stdin=before, stdout=out,
                                             stderr=err, close_fds=False))
        if before != subprocess.DEVNULL:
            os.close(before)
        if last:
            out.close()
        else:
            os.close(write)
        before = read
    file_put("pids", json.dumps([c.pid for c in children]))
    file_put("statuses", json.dumps([c.wait() for c in children]))


def file_put(name, text):
    with open(name + ".tmp", "w") as f:
        f.write(text)
    os.rename(name + ".tmp", name)


# ---- what the tests see ----

def wait_for(condition, limit=LIMIT):
    """Polls until condition() is true; its value, or None after the limit."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    return None


def read(path, mode="r"):
    try:
        with open(path, mode) as f:
            return f.read()
    except (FileNotFoundError, ProcessLookupError):
        return "" if mode == "r" else b""


def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def state(pid):
    """One letter, or an empty string for a process that is not there."""
    return read("/proc/%d/stat" % pid).rpartition(") ")[2][:1]


def pending(pid):
    """Does a signal wait to be delivered?"""
    for line in read("/proc/%d/status" % pid).splitlines():
        if line.startswith(("SigPnd:", "ShdPnd:")) and int(line.split()[1], 16):
            return True
    return False


def catches(pid, sig):
    """Has the process a handler for the signal?"""
    for line in read("/proc/%d/status" % pid).splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (sig - 1) & 1)
    return False


class Pipeline:
    """A pipeline in a session and a directory of its own.

    stages: argument lists; or one string, a command for sh. slots: under
    q2slots with so many. dir: of an earlier pipeline, to be used again.
    """

    def __init__(self, *stages, slots=None, env=None, dir=None):
        self.dir = dir or tempfile.mkdtemp(dir=scratch())
        self.kept = dir is not None
        for name in "pids", "statuses":
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        self.stages = stages
        self.shell = isinstance(stages[0], str)
        if self.shell:
            argv = ["sh", "-c", stages[0]]
        else:
            argv = [sys.executable, os.path.join(ROOT, "tests/proc.py"),
                    json.dumps(stages)]
        if slots is not None:
            argv = ["q2slots", "-n", str(slots)] + argv
        with open(self.path("err"), "wb") as err:
            self.leader = subprocess.Popen(
                argv, cwd=self.dir, stdin=subprocess.DEVNULL, stderr=err,
                stdout=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, **(env or {})})
        self.pids = [] if self.shell else json.loads(
            wait_for(lambda: read(self.path("pids"))) or "[]")

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        for pid in self.members():
            self.send(pid, signal.SIGKILL)
        self.leader.wait()
        if not self.kept:
            shutil.rmtree(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def members(self):
        """Process ids of all that run in our directory, zombies not counted."""
        return [int(p) for p in os.listdir("/proc") if p.isdigit() and
                link("/proc/%s/cwd" % p) == self.dir]

    def programs(self, name=None):
        """Members without the shell, or those of one name."""
        names = {p: read("/proc/%d/comm" % p).strip() for p in self.members()}
        return [p for p, n in names.items() if n == name or
                name is None and not n.startswith(("python", "sh"))]

    def workers(self):
        """Process ids of peakfind's workers."""
        return [p for p in self.programs("peakfind")
                if b"worker" in read("/proc/%d/cmdline" % p, "rb")]

    def segment(self):
        """Does anybody hold a segment of slots that was made here?"""
        return any("q2slots" in link(fd) for p in self.members()
                   for fd in glob.glob("/proc/%d/fd/*" % p))

    def pss(self):
        """Proportional set sizes of all programs together, in bytes."""
        total = 0
        for p in self.programs():
            for line in read("/proc/%d/smaps_rollup" % p).splitlines():
                if line.startswith("Pss:"):
                    total += 1024 * int(line.split()[1])
        return total

    @staticmethod
    def send(pid, sig):
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass

    def signal(self, stage, sig):
        self.send(self.pids[stage], sig)

    def signal_group(self, sig):
        try:
            os.killpg(self.leader.pid, sig)
        except ProcessLookupError:
            pass

    def signal_taken(self, *stages):
        """Waits until no signal is pending for these: two would become one."""
        must(wait_for(lambda: not any(pending(self.pids[i]) for i in stages)))

    def wait(self, limit=LIMIT):
        """True if all ended within the limit."""
        def over():
            return self.leader.poll() is not None and not self.members()
        return bool(wait_for(over, limit))

    def statuses(self):
        return json.loads(read(self.path("statuses")) or "[]")

    def err(self, stage=None):
        name = "err" if stage is None else "err.%d" % stage
        return read(self.path(name))

    def logged(self):
        """Events in cxiwrite's log (-l log.tsv)."""
        return max(0, read(self.path("log.tsv")).count("\n") - 1)

    def logged_wait(self, n):
        return wait_for(lambda: self.logged() >= n)

    def files(self, pattern="out/*.cxi"):
        return sorted(glob.glob(self.path(pattern)))

    def bytes(self):
        """Contents of all CXI files, by name."""
        return {os.path.basename(f): read(f, "rb") for f in self.files()}


def cxi_rows(path):
    """Rows of a CXI file; all datasets must agree and be readable."""
    import h5py
    rows = set()

    def visit(_, x):
        if isinstance(x, h5py.Dataset):
            x[...]
            if x.shape and not x.name.endswith("/mask"):
                rows.add(x.shape[0])
    with h5py.File(path, "r") as f:
        f.visititems(visit)
        rows.add(f["/entry_1/data_1/data"].shape[0])
    assert len(rows) == 1, (path, rows)
    return rows.pop()


def totals(text):
    """cxiwrite's last line: in, written, filtered, failed."""
    for line in text.splitlines():
        if " events in = " in line:
            w = line.split()
            return tuple(int(w[i]) for i in (1, 5, 8, 11))
    return None


# ---- material ----

def dump_make(path, events, panels=2, height=32, width=48, seed=1,
              blobs=lambda k: 12):
    """An HDF5 dump with blobs(k) bright blobs in event k, each event different."""
    import h5py                 # here: the shell of a pipeline needs neither
    import numpy as np
    rng = np.random.default_rng(seed)
    with h5py.File(path, "w") as f:
        for k in range(events):
            logits = np.full((panels, 2, height, width), -1, "f4")
            logits[:, 0] = 1
            image = rng.normal(10, 1, (panels, 1, height, width)).astype("f4")
            for _ in range(blobs(k)):
                p = rng.integers(panels)
                y, x = rng.integers(height - 2), rng.integers(width - 2)
                logits[p, 1, y:y + 2, x:x + 2] = 5
                image[p, 0, y:y + 2, x:x + 2] += rng.uniform(50, 500)
            g = f.create_group("batch_%d" % k)
            g["logits"], g["original_image"] = logits, image
            g["preprocessing_metadata/original_shape"] = np.array(
                [1, panels, height, width])
            g["metadata/timestamp"] = np.array([(k + 1) << 32], "u8")
            g["metadata/photon_wavelength"] = np.array([1.3])


def capture_make(name, events, *options, **shape):
    """The same as a capture; returns its path."""
    dump = os.path.join(scratch(), name + ".h5")
    path = os.path.join(scratch(), name + ".q2")
    dump_make(dump, events, **shape)
    with open(path, "wb") as f:
        subprocess.run(["q2cat", *options, dump], stdout=f, check=True)
    os.unlink(dump)
    return path


# ---- TAP ----

_scratch = []
_results = []


def scratch():
    """A directory for the whole test program."""
    if not _scratch:
        _scratch.append(os.path.realpath(tempfile.mkdtemp()))
    return _scratch[0]


class Failure(Exception):
    pass


def must(ok, *what):
    if not ok:
        raise Failure(*what)


def test(name):
    """Decorator: runs the function at once; an exception is a failure."""
    def run(function):
        why = None
        try:
            function()
        except Exception as e:      # noqa: whatever it is, the next one runs
            why = e
        _results.append(why is None)
        print("%sok %d - %s" % ("" if why is None else "not ", len(_results),
                                name), flush=True)
        if why is not None:
            for line in ("%s: %s" % (type(why).__name__, why)).splitlines():
                print("#", line, flush=True)
    return run


def skip(name, why):
    """A test that cannot run here."""
    _results.append(True)
    print("ok %d - %s # SKIP %s" % (len(_results), name, why), flush=True)


def done():
    shutil.rmtree(scratch())
    print("1..%d" % len(_results))
    sys.exit(not all(_results))


if __name__ == "__main__":
    stages_run(json.loads(sys.argv[1]))
