"""Killed and carried on, again and again: the bytes of an undisturbed run."""
from common import *

EVENTS = 60
# By chance, and the last five: events of few blobs are misses.
MANY = [random.Random(k).random() < 0.5 and k < EVENTS - 5 for k in range(EVENTS)]
MISSES = ["-m", "6"]
_undisturbed = {}


def inputs(two):
    def blobs(k):
        return 12 if MANY[k] else 3
    first = capture("misses", EVENTS, blobs=blobs)
    if not two:
        return [first]
    return [first, capture("second", EVENTS // 2, seed=2, height=40,
                           blobs=lambda k: blobs(k + 7))]


def results(where):
    """Files, list and log; the list as if all were in one directory."""
    out = {f: read(os.path.join(where, "out", f), "rb")
           for f in os.listdir(os.path.join(where, "out"))
           if f.endswith((".cxi", ".lst", ".tmp"))}
    out["peaknet.lst"] = out["peaknet.lst"].replace(where.encode(), b"DIR")
    out["log.tsv"] = read(os.path.join(where, "log.tsv"), "rb")
    return out


def undisturbed(files, options):
    key = str((files, options))
    if key not in _undisturbed:
        with Pipeline(["q2cat", *files], FIND, ["cxiwrite", *options]) as p:
            must(p.wait() and p.statuses() == [0, 0, 0], p.err(2))
            hits = sum(map(cxi_rows, p.files()))
            must(0.3 < hits / len(log_rows(p)) < 0.7, "half are misses", hits)
            _undisturbed[key] = results(p.dir)
    return _undisturbed[key]


def wanted(where):
    return subprocess.run(["cxiwrite", "-R", "-o", "out"], cwd=where, check=True,
                          stdout=subprocess.PIPE, text=True).stdout.strip()


def run_again(where, rng, files, options, slots, disturbed):
    """One run that carries on; what was killed."""
    rate = rng.choice([[], ["-r", "200"], ["-r", "500"]]) if disturbed else []
    stages, at = between(rng, [
        ["q2cat", *rate, "-s", wanted(where), *files], FIND,
        ["cxiwrite", "-r", *options]], 0.3 if disturbed else 0)
    with Pipeline(*stages, slots=slots, dir=where) as p:
        if not disturbed:
            nothing_left(p)
            must(p.statuses() == [0, 0, 0], p.statuses(), p.err(0), p.err(2))
            t = totals(p.err(2))
            must(t[0] == sum(t[1:]) == len(log_rows(p)), p.err(2))
            return None
        # From here on, not from the beginning.
        size = len(log_rows(p))
        if rng.random() < 0.5:
            time.sleep(rng.random() ** 2 * 0.5)
        else:
            n = rng.randrange(EVENTS // 2)
            wait_for(lambda: abs(p.logged() - size) >= n or
                     p.leader.poll() is not None, 1)
        victim = rng.choice([0, at[1], at[2], at[2], len(stages) // 2, "all",
                             "worker", "signals"])
        if victim == "all":
            p.signal_group(signal.SIGKILL)
        elif victim == "signals":
            p.signal_group(signal.SIGINT)
            if rng.random() < 0.5:
                p.signal_group(signal.SIGTERM)
        elif victim == "worker":
            for pid in p.workers()[:1]:
                p.send(pid, signal.SIGKILL)
        else:
            p.signal(victim, signal.SIGKILL)
        nothing_left(p)
        for f in p.files():
            cxi_rows(f)
        return victim


def resume_round(rng, k):
    files = inputs(rng.random() < 0.4)
    options = MISSES + ["-o", "out", "-l", "log.tsv",
                        "-n", rng.choice(["1", "3", "7", "100"])]
    options += rng.choice([[], ["-z", "gzip", "-j", "2"]])
    good = undisturbed(files, options)
    where = tempfile.mkdtemp(dir=scratch())
    killed = []
    try:
        for _ in range(rng.randrange(2, 7)):
            slots = rng.choice([None, 1, 3, 20])
            killed.append((slots, run_again(where, rng, files, options, slots,
                                            True)))
        run_again(where, rng, files, options, rng.choice([None, 3]), False)
        found = results(where)
        wrong = [f for f in sorted(set(good) | set(found))
                 if good.get(f) != found.get(f)]
        must(not wrong, "not the bytes of an undisturbed run:", wrong)
    except Failure as e:
        raise Failure(*e.args, "files %d" % len(files), options, killed)
    finally:
        shutil.rmtree(where)


def run(t):
    t.each(resume_round, 100)
