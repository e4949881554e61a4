"""SIGKILL to anything at any moment: no hang, no rest, no half file, no lie."""
from common import *


def source(rng, endless):
    """q2cat's arguments: small and larger events, at full speed or not."""
    if rng.random() < 0.5:
        path = capture("small", 40)
    else:
        path = capture("large", 40, height=128, width=192)
    rate = rng.choice([None, "300", "1000"])
    argv = ["q2cat", "-l", "0" if endless else str(rng.randrange(1, 6))]
    return argv + (["-r", rate] if rate else []) + [path]


def writer(rng):
    argv = ["cxiwrite", "-m", "0", "-o", "out", "-l", "log.tsv",
            "-n", rng.choice(["1", "3", "7", "100"])]
    return argv + rng.choice([[], ["-z", "gzip", "-j", "2"]])


def programs_killed(rng, k, slots):
    """One to three of the programs."""
    stages, at = between(rng, [source(rng, True), FIND, writer(rng)])
    many = rng.choice([1, 1, 1, 2, 3])
    victims = rng.sample(range(len(stages)), min(many, len(stages)))
    with Pipeline(*stages, slots=slots) as p:
        moment_wait(rng, p)
        for v in victims:
            p.signal(v, signal.SIGKILL)
            if rng.random() < 0.3:
                time.sleep(rng.random() * 0.01)
        nothing_left(p)
        files_judge(p, k % 10 == 0)
        s = p.statuses()
        told = "statuses %s, killed %s of %s" % (
            s, victims, [x[0] for x in stages])
        first, find, last = (s[i] for i in at)
        must(all(s[v] == KILLED for v in victims) or many > 1, told)
        # The source has no end, so all that lived saw one too early.
        must(first in (KILLED, GONE), told)
        must(find in (KILLED, GONE, INPUT, 0), told, p.err(at[1]))
        if last != KILLED:
            must(last in (INCOMPLETE, INPUT), told)
            must(last != INPUT or "ends inside" in p.err(at[2]) or
                 not slots, told)
            truth_judge(p, at[2], last)
        if first == GONE:
            must(not [x for x in p.err(0).splitlines() if "slots x" not in x],
                 p.err(0))


def all_killed(rng, k, slots):
    stages, _ = between(rng, [source(rng, True), FIND, writer(rng)])
    with Pipeline(*stages, slots=slots) as p:
        moment_wait(rng, p)
        p.signal_group(signal.SIGKILL)
        nothing_left(p)
        files_judge(p, k % 10 == 0)


def shell_killed(rng, k, slots):
    """The shell, or q2slots that became it: the others go on to the end."""
    stages = [source(rng, False), FIND, writer(rng)]
    if rng.random() < 0.5:
        line = " | ".join(" ".join(x) for x in stages) + " 2>err.2; :"
        p, shell = Pipeline(line, slots=slots), lambda: p.programs("sh")
    else:
        p = Pipeline(*stages, slots=slots)
        shell = lambda: [p.leader.pid]
    with p:
        moment_wait(rng, p)
        for pid in shell():
            p.send(pid, signal.SIGKILL)
        nothing_left(p, 60)
        files_judge(p, k % 10 == 0)
        # One that was killed while it started them started not all.
        if len(p.err(2)) > 0:
            truth_judge(p, 2, 0 if "without" not in p.err(2) and "empty" not in
                        p.err(2) else INCOMPLETE)


def workers_killed(rng, k, slots):
    """Their events go to others; peakfind names who died; nothing is lost."""
    stages, at = between(rng, [source(rng, True), FIND, writer(rng)])
    dead = []
    with Pipeline(*stages, slots=slots) as p:
        for _ in range(rng.randrange(1, 4)):
            moment_wait(rng, p)
            workers = wait_for(p.workers)
            must(workers, "no workers")
            dead.append(rng.choice(workers))
            p.send(dead[-1], signal.SIGKILL)
            must(wait_for(lambda: "pid %d" % dead[-1] in p.err(at[1])),
                 "not named", dead, p.err(at[1]))
        n = p.logged()
        must(wait_for(lambda: p.logged() > n + 10), "stands still")
        p.signal(0, signal.SIGINT)
        nothing_left(p)
        files_judge(p, k % 10 == 0)
        s = p.statuses()
        lost = p.err(at[1]).count("has failed")
        must(lost == 0 or len(dead) > 1, p.err(at[1]))
        must(s[0] == INTERRUPTED and s[at[2]] == (FAILED if lost else 0), s)
        t = truth_judge(p, at[2], s[at[2]])
        must(t[3] == lost, t, lost)
        seqs = [x[0] for x in log_rows(p)]
        must(seqs == [str(x) for x in range(t[0])], "order, or some are missing")


WAYS = [programs_killed] * 6 + [all_killed, shell_killed, workers_killed,
                                workers_killed]


def kill_round(rng, k):
    way = WAYS[k % len(WAYS)]
    slots = rng.choice([None, 1, 3, 20])
    try:
        way(rng, k, slots)
    except Failure as e:
        raise Failure(way.__name__, "slots %s" % slots, *e.args)


def run(t):
    t.each(kill_round, 200)
