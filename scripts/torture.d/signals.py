"""SIGINT and SIGTERM, once and twice, to one or all, in every stage."""
from common import *

WRITE = ["cxiwrite", "-m", "0", "-n", "7", "-o", "out", "-l", "log.tsv"]


def program_of(stage):
    return "q2cat" if stage == ["q2cat"] else stage[0]


def drained(p, at, told):
    """Every event that was taken is written, and it is said why there are no more."""
    s = p.statuses()
    must(s[0] == INTERRUPTED and set(s[1:]) == {0}, told)
    truth_judge(p, at[2], 0)
    must("interrupted" in p.err(at[2]), told, p.err(at[2]))


def unchanged(p, at, events, told):
    must(set(p.statuses()) == {0}, told)
    must(truth_judge(p, at[2], 0)[:2] == (events, events), told)
    must("interrupted" not in p.err(at[2]), told)


def twice_to_one(p, at, victim, told):
    """It has ended at once; the others as when one has gone."""
    s = p.statuses()
    # What was in hand may have gone out between the two.
    must(s[victim] in (INTERRUPTED, 0, GONE, INCOMPLETE, INPUT), told)
    must(victim == 0 or s[0] in (GONE, 0), told)
    if s[at[2]] != INTERRUPTED:
        truth_judge(p, at[2], s[at[2]])
    must(not p.files("out/*.tmp"), p.files("out/*"), told)


def signals_round(rng, k):
    slots = rng.choice([None, 1, 3, 20])
    sig, second = (rng.choice([signal.SIGINT, signal.SIGTERM]) for _ in range(2))
    path = capture("small", 40)
    times = rng.choice([1, 2])
    group = rng.random() < 0.4
    rate = rng.choice([[], ["-r", "500"]])
    stages = [["q2cat", *rate, path], FIND, WRITE]
    if rng.random() < 0.3:
        stages.insert(rng.choice([1, 2]), ["q2cat"])
    at = [0, stages.index(FIND), len(stages) - 1]
    victim = rng.randrange(len(stages))
    # Alone, peakfind and cxiwrite carry on to the end: it must have one.
    finite = not group and victim != 0
    events = 40 * rng.randrange(1, 4) if finite else None
    stages[0][1:1] = ["-l", str(events // 40) if finite else "0"]
    with Pipeline(*stages, slots=slots) as p:
        must(wait_for(lambda: all(catches(x, signal.SIGINT) or
                                  state(x) in ("", "Z") for x in p.pids)))
        # Before the stream's header there is nothing to be drained.
        must(p.logged_wait(1))
        moment_wait(rng, p, 40, 0.3)
        victims = range(len(stages)) if group else [victim]
        for n in range(times):
            for v in victims if not group else []:
                p.signal(v, sig if n == 0 else second)
            if group:
                p.signal_group(sig if n == 0 else second)
            if n == 0 and rng.random() < 0.7:
                p.signal_taken(*victims)
                time.sleep(rng.random() * 0.02)
        nothing_left(p)
        files_judge(p)
        told = "%s%s to %s, slots %s, statuses %s of %s" % (
            sig.name, " twice" * (times - 1), "all" if group else victim, slots,
            p.statuses(), [program_of(x) for x in stages])
        if times == 1 and not finite:
            drained(p, at, told)
        elif times == 1:
            unchanged(p, at, events, told)
        elif group:
            must(set(p.statuses()) <= {INTERRUPTED, 0, GONE, INCOMPLETE, INPUT},
                 told)
            must(not p.files("out/*.tmp"), p.files("out/*"), told)
            if p.statuses()[-1] != INTERRUPTED:
                truth_judge(p, at[2], p.statuses()[-1])
        else:
            twice_to_one(p, at, victim, told)


def run(t):
    t.each(signals_round, 100)
