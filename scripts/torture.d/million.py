"""A million small events: memory, descriptors and rate stay what they were."""
from common import *

EVENTS = 1000000
SPREAD = 4 << 20                # bytes that a program may have more at the end


def seq_last(p):
    """Sequence number of the last whole line of the log."""
    try:
        with open(p.path("log.tsv"), "rb") as f:
            f.seek(max(0, os.fstat(f.fileno()).st_size - 1000))
            return int(f.read().split(b"\n")[-2].split(b"\t")[0])
    except (OSError, IndexError, ValueError):
        return -1


def resident(pid):
    """Bytes, slots among them; not pages of files: which are mapped is the kernel's."""
    return sum(1024 * int(line.split()[1])
               for line in read("/proc/%d/status" % pid).splitlines()
               if line.startswith(("RssAnon:", "RssShmem:")))


def look(p):
    """Of each process, by its name and number: memory and descriptors."""
    return {(read("/proc/%d/comm" % x).strip(), x):
            (resident(x), len(os.listdir("/proc/%d/fd" % x)))
            for x in p.programs()}


def million(slots, events=EVENTS):
    # One in fifty is a hit. Without an end of its own: nobody leaves too early.
    path = capture("million", 100, panels=1, height=16, width=16,
                   blobs=lambda k: 8 if k % 50 == 7 else 1)
    write = ["cxiwrite", "-m", "4", "-n", "100", "-o", "out", "-l", "log.tsv"]
    marks, seen, times = [0.1, 0.2, 0.8, 0.9, 1], [], []
    with Pipeline(["q2cat", "-l", "0", path], FIND, write, slots=slots) as p:
        for m in marks:
            must(wait_for(lambda: seq_last(p) >= m * events, 600), "stands still")
            seen.append(look(p))
            times.append((seq_last(p), time.monotonic()))
        p.signal(0, signal.SIGINT)
        nothing_left(p, 600)
        must(p.statuses() == [INTERRUPTED, 0, 0], p.statuses(), p.err(2))
        t = totals(p.err(2))
        hits = len(range(7, t[0], 50))
        must(t[0] >= events and t[1:] == (hits, t[0] - hits, 0), t)
    must(seen[0] and seen[0].keys() == seen[3].keys(), seen[0], seen[3])
    for x, (memory, fds) in seen[0].items():
        must(not MEASURED or seen[3][x][0] <= memory + SPREAD, x, memory,
             seen[3][x][0])
        # The file in the making and the one that settles come and go.
        room = 3 if x[0] == "cxiwrite" else 0
        must(abs(seen[3][x][1] - fds) <= room, x, fds, seen[3][x][1])
    early, late = ((times[i + 1][0] - times[i][0]) /
                   (times[i + 1][1] - times[i][1]) for i in (0, 2))
    # Few events may all be through before the first look at them.
    ratio = late / early if early else float("nan")
    return "%s: %.0f events/s at the beginning, %.0f at the end, ratio %.2f; " \
        "memory at most %+d KiB" % ("slots" if slots else "inline", early, late,
        ratio, max(seen[3][x][0] - m for x, (m, _) in seen[0].items())
        // 1024)


def run(t):
    for slots in None, 100:
        t.one("slots %s" % slots, lambda: million(slots))
