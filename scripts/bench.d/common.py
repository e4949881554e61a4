"""What all sections of the benchmark use: material, pipelines, rows of the table."""
import json
import mmap
import os
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

B = os.path.abspath(os.environ.get("B", "build"))
TOOLS = os.path.join(B, "scripts/bench.d")
MFX = (1, 1696, 1696, 1667, 1668)       # panels, height, width, real ones
WHOLE = (1, 1696, 1696, 1696, 1696)
EPIX = (16, 512, 512, 352, 384)
SQUARES = (16, 512, 512, 512, 512)
TINY = (1, 16, 64, 16, 64)              # whole blocks of 64 pixels, as usual
FULL = 150                              # peaks in a frame


class Capture:
    """A capture of one stream, as numpy sees it."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            head = f.read(4096 + 64)
        (self.panels, self.classes, self.height, self.width, self.real_height,
         self.real_width, self.logits_type, self.image_type, self.capacity,
         self.planes) = struct.unpack_from("<10I", head, 64)
        self.length, = struct.unpack_from("<Q", head, 4096 + 16)
        self.events = (os.path.getsize(path) - 4096) // self.length
        pixels = self.panels * self.height * self.width
        self.logits_bytes = pixels * self.classes * (0, 4, 2, 2)[self.logits_type]
        self.image_bytes = pixels * (0, 4, 2, 2, 4)[self.image_type]
        self.written_bytes = (self.image_bytes // (self.height * self.width) *
                              self.real_height * self.real_width)

    def _array(self, at, dtype, shape):
        import numpy
        return numpy.memmap(self.path, dtype, "r", at, shape)

    def _plane(self, k):
        return 4096 + k * self.length + 64 + 192

    def logits(self, k):
        """(panel, class, ss, fs) of f32 logits."""
        return self._array(self._plane(k), "<f4", (
            self.panels, self.classes, self.height, self.width))

    def image(self, k):
        """(panel, ss, fs) of an f32 image."""
        at = self._plane(k)
        if self.planes & 1:
            at += (self.logits_bytes + 63) // 64 * 64
        return self._array(at, "<f4", (self.panels, self.height, self.width))


class Run:
    """What one run of a pipeline took."""

    def __init__(self, wall, cpu, err):
        self.wall, self.cpu, self.err = wall, cpu, err


class Pace:
    """What a round of a pipeline takes, seconds."""

    def __init__(self, wall, cpu):
        self.wall, self.cpu = wall, cpu


def size_of(directory):
    return sum(e.stat().st_size for e in os.scandir(directory))


class Bench:
    def __init__(self, args):
        self.check = args.check         # tiny sizes, results only
        self.repeat = 1 if self.check else args.repeat
        self.dir = tempfile.mkdtemp(prefix="peakpipe-bench.")
        self.memory = tempfile.mkdtemp(prefix="peakpipe-bench.", dir=args.memory)
        self.env = dict(os.environ, PATH=B + ":" + os.environ["PATH"])
        self.env.pop("Q2_SLOTS", None)
        self.rows, self.failures = [], []
        self.kept = {}
        self.sizes = {}                 # most that each output directory held

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.rmtree(self.memory, ignore_errors=True)

    # ---- results ----

    def row(self, what, value, unit, at_most=None, at_least=None, note=""):
        """A line of the table; limits are those the project set itself."""
        row = dict(what=what, value=value, unit=unit)
        if at_most is not None or at_least is not None:
            row["limit"] = at_most if at_least is None else at_least
            row["bound"] = "at most" if at_least is None else "at least"
            row["met"] = (value <= at_most if at_least is None
                          else value >= at_least)
        if note:
            row["note"] = note
        self.rows.append(row)
        if not self.check:
            print(row_text(row), flush=True)

    def assert_(self, what, ok, *details):
        """A result that must be so, however fast."""
        if self.check:
            print("%s\t%s" % ("ok" if ok else "not ok", what), flush=True)
        if not ok:
            self.failures.append(what)
            print("bench: not so: %s" % what, *details, file=sys.stderr)

    def skip(self, what, why):
        if self.check:
            print("skip\t%s\t%s" % (what, why), flush=True)
        else:
            print("  %-68s (%s)" % (what, why), flush=True)

    # ---- material ----

    def path(self, name, memory=False):
        return os.path.join(self.memory if memory else self.dir, name)

    def capture(self, events, peaks=FULL, every=1, type_="f32", shape=MFX,
                memory=False):
        """A capture of made-up events; the same one if asked for again."""
        key = (events, peaks, every, type_, shape)
        if key not in self.kept:
            path = self.path("%d.q2" % len(self.kept), memory)
            self.make([os.path.join(TOOLS, "planes"), *map(str, key[:4]),
                       *map(str, shape)], path)
            self.kept[key] = Capture(path)
        return self.kept[key]

    def make(self, argv, path):
        """Output of a command into a file, which is synced, so that nothing is
        written behind the back of what is measured next, and mapped, as the first
        replay after a restart does: what was written leaves small pages behind."""
        with open(path, "wb") as f:
            subprocess.run(argv, stdout=f, check=True, env=self.env)
            if self.check:
                return
            os.fsync(f.fileno())
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with open(path, "rb") as f, \
                mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as m:
            m.madvise(mmap.MADV_HUGEPAGE)
            m[::mmap.PAGESIZE]

    def forget(self):
        """Removes the captures, between sections."""
        for c in self.kept.values():
            os.unlink(c.path)
        self.kept.clear()

    # ---- running ----

    def run(self, command, cwd=None):
        """Runs a pipeline of bash; every stage must end well."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command],
                              env=self.env, cwd=cwd or self.dir,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        err = done.stderr.decode("utf-8", "replace")
        if done.returncode != 0:
            raise RuntimeError("%s: status %d\n%s" % (
                command, done.returncode, err))
        return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime -
                   before.ru_stime, err)

    def warm(self, size):
        """Uses so much memory and frees it, right before a run that needs it: some
        virtual machines give free memory back after seconds, and getting it again
        takes ten times as long as what is measured."""
        block = bytes(8 << 20)
        path = self.path("warm", True)
        with open(path, "wb", buffering=0) as f:
            # Half as much again: it is not given out in the same order.
            for _ in range(0 if self.check else 3 * size // 2 // len(block)):
                f.write(block)
        os.unlink(path)

    def emptied(self, out):
        """A directory without what an earlier run left, and at hand as much memory
        as it ever held."""
        size = self.sizes.get(out, 0)
        if os.path.exists(out):
            size = max(size, size_of(out))
            shutil.rmtree(out)
        if out.startswith(self.memory):
            self.warm(size)
        os.mkdir(out)
        self.sizes[out] = size

    def pipeline(self, command, slots=None, out=None):
        """Runs it under q2slots; out, a directory, is emptied before."""
        if out is not None:
            self.emptied(out)
        if slots is not None:
            command = "q2slots -n %d bash -o pipefail -c '%s'" % (slots, command)
        return self.run(command)

    def alternate(self, *functions, repeat=None):
        """Results of each function, in turns, the first round thrown away."""
        if self.check:
            return [[f()] for f in functions]
        results = [[] for _ in functions]
        for round_ in range((repeat or self.repeat) + 1):
            for f, r in zip(functions, results):
                value = f()
                if round_ > 0:
                    r.append(value)
        return results

    def paces(self, rounds, commands, *beside):
        """What a round takes in each pipeline, and all that was run, by name; and
        what functions returned that were called in the same turns.

        commands: name to (function of rounds that makes a command, slots, output).
        Runs of one round and of some more take turns, the first turn is thrown away;
        the median of their differences has nothing of starting, ending and first
        use of memory in it."""
        runs = {n: [] for n in commands}

        def once(name, n):
            make, slots, out = commands[name]
            r = self.pipeline(make(n), slots, out)
            r.rounds = n
            runs[name].append(r)
            return r

        if self.check:
            for n in commands:
                once(n, 1)
            return None, runs, []
        turns = self.alternate(*(lambda n=n, k=k: once(n, k)
                                 for n in commands for k in (1, 1 + rounds)),
                               *beside)
        pairs = dict(zip(commands, zip(turns[::2], turns[1::2])))
        others = turns[2 * len(commands):]
        return {n: Pace(*(statistics.median((getattr(b, x) - getattr(a, x)) / rounds
                                            for a, b in zip(short, long_))
                          for x in ("wall", "cpu")))
                for n, (short, long_) in pairs.items()}, runs, others

    def kernel(self, *captures, events=1000, at_once=1, turns=2,
               of=statistics.median):
        """Medians of kernel.c, milliseconds, by measure; of each capture. At once:
        so many do the same beside each other, and share the memory's bandwidth.
        turns: so many more than elsewhere, since they are short."""
        argv = [os.path.join(TOOLS, "kernel"), str(self.repeat + turns), str(events)]
        running = [subprocess.Popen(argv + [c.path for c in captures],
                                    stdout=subprocess.PIPE, text=True)
                   for _ in range(at_once)]
        values = [{} for _ in captures]
        for p in running:
            for line in p.communicate()[0].splitlines():
                i, name, value = line.split("\t")
                values[int(i)].setdefault(name, []).append(float(value))
            if p.returncode != 0:
                raise RuntimeError("kernel: status %d" % p.returncode)
        return [{k: of(v) for k, v in x.items()} for x in values]


class Watch:
    """A pipeline that is looked at while it runs; every 10 ms or so."""

    def __init__(self, bench, command, slots=None, out=None):
        if out is not None:
            shutil.rmtree(out, ignore_errors=True)
            os.mkdir(out)
        argv = ["bash", "-o", "pipefail", "-c", command]
        if slots is not None:
            argv = ["q2slots", "-n", str(slots)] + argv
        self.process = subprocess.Popen(
            argv, env=bench.env, cwd=bench.dir, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def watch(self, look):
        """Calls look(pid, name) for each of our programs until all have ended."""
        while self.process.poll() is None:
            for pid, name in self.programs():
                try:
                    look(pid, name)
                except OSError:         # it has ended meanwhile
                    pass
            self.round()
            time.sleep(0.01)
        if self.process.returncode != 0:
            raise RuntimeError("a pipeline that is watched: status %d" %
                               self.process.returncode)

    def round(self):
        """All programs were looked at."""

    def programs(self):
        """Process ids and names in the session of the pipeline, but the shell."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/stat" % pid) as f:
                    head, _, rest = f.read().rpartition(") ")
            except OSError:
                continue
            if int(rest.split()[3]) == self.process.pid:
                name = head.partition("(")[2]
                if name != "bash":
                    yield int(pid), name


class WatchPss(Watch):
    """Largest sum of the proportional set sizes of all programs, bytes."""
    largest = total = 0

    def run(self):
        self.watch(self.look)
        return self.largest

    def look(self, pid, _):
        with open("/proc/%d/smaps_rollup" % pid) as f:
            for line in f:
                if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                    self.total += 1024 * int(line.split()[1])

    def round(self):
        self.largest = max(self.largest, self.total)
        self.total = 0


class WatchRss(Watch):
    """Largest resident size of each program without slots and captures, bytes."""

    def run(self):
        self.sizes = {}
        self.watch(self.look)
        return self.sizes

    def look(self, pid, name):
        size, counts = 0, False
        with open("/proc/%d/smaps" % pid) as f:
            for line in f:
                w = line.split()
                if not w[0].endswith(":"):
                    counts = "memfd:" not in line and ".q2" not in line
                elif counts and w[0] == "Rss:":
                    size += 1024 * int(w[1])
        self.sizes[name] = max(size, self.sizes.get(name, 0))


def median_wall(runs):
    return statistics.median(r.wall for r in runs)


def timed(function, *args):
    start = time.perf_counter()
    result = function(*args)
    return time.perf_counter() - start, result


def number_text(v):
    if v == 0 or abs(v) >= 100:
        return "{:,.0f}".format(v)
    return "%.3g" % v if abs(v) < 10 else "%.1f" % v


def row_text(row):
    text = "  %-68s %9s %-9s" % (row["what"], number_text(row["value"]),
                                 row["unit"])
    if "limit" in row:
        text += " %s %s: %s" % (row["bound"], number_text(row["limit"]),
                                "met" if row["met"] else "NOT MET")
    if row.get("note"):
        text += "  (%s)" % row["note"]
    return text.rstrip()


def stats_read(path):
    with open(path) as f:
        return json.load(f)
