"""Anyone is stopped for a while: memory stays bounded, nothing is lost."""
from common import *

MIB = 1 << 20
SHAPE = dict(panels=4, height=512, width=512)
# Logits, segmentation map, image, peaks of one event, and its block.
RECORD = 4 * 512 * 512 * (2 * 4 + 1 + 4) + 64 * 48 + 256
CONSTANT = 64 * MIB             # programs, libraries, pipes, one file's columns
WRITE = ["cxiwrite", "-m", "0", "-n", "7", "-o", "out", "-l", "log.tsv"]
_good = {}


def material(events):
    path = capture("stop", 12, **SHAPE)
    if path not in _good:
        with Pipeline(["q2cat", "-l", str(events // 12), path], FIND, WRITE) as p:
            must(p.wait(60) and p.statuses() == [0, 0, 0], p.err(2))
            _good[path] = p.bytes(), read(p.path("log.tsv"))
    return path, _good[path]


def stop_round(rng, k, events=48):
    path, (files, log) = material(events)
    slots = rng.choice([None, 2, 4, 8])
    # Inline, each program has events of its own: peakfind DEPTH a worker and two.
    held = 10 if slots is None else slots
    source = ["q2cat", "-l", str(events // 12), path]
    copied = slots and rng.random() < 0.4
    stages = [source, FIND, WRITE]
    if copied:
        stages = [["env", "-u", "Q2_SLOTS", *source], ["q2cat"], FIND, WRITE]
        held += 1               # in the hands of the one without slots
    most = 0
    with Pipeline(*stages, slots=slots) as p:
        while p.leader.poll() is None:
            whom = rng.choice([p.pids, p.workers])
            victim = rng.choice((whom() if callable(whom) else whom) or p.pids)
            until = time.monotonic() + rng.random() * 0.5
            p.send(victim, signal.SIGSTOP)
            while time.monotonic() < until:
                most = max(most, p.pss())
                time.sleep(0.02)
            p.send(victim, signal.SIGCONT)
            time.sleep(rng.random() * 0.2)
            most = max(most, p.pss())
        nothing_left(p, 60)
        told = p.statuses(), slots, stages
        must(set(p.statuses()) == {0}, told, p.err(len(stages) - 1))
        must(totals(p.err(len(stages) - 1)) == (events, events, 0, 0), told)
        must(read(p.path("log.tsv")) == log and p.bytes() == files,
             "other bytes", told)
        must(not MEASURED or most <= held * RECORD + CONSTANT,
             "%.1f MiB, at most %.1f" % (
                 most / MIB, (held * RECORD + CONSTANT) / MIB), told)


def run(t):
    t.each(stop_round, 30)
    print("stop: memory of all programs below slots x %.1f MiB + %d MiB" % (
        RECORD / MIB, CONSTANT / MIB))
