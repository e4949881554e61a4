#!/usr/bin/python3
# The same input gives byte-identical CXI files, however it got there.

import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import numpy as np

import pipetest as t
from pipetest import GEOM, REAL, T, check, column, files, path, read, sh


class Source:
    """A file of events, and how cxiwrite is called for it."""

    def __init__(self, name, file, events, options, brief=False):
        self.name, self.file, self.events = name, file, events
        self.brief = brief      # large: only the ways that the issue names
        self.cxiwrite = f'cxiwrite -m 1 {options}'
        self.base = path(name)
        self.runs = 0

    def write(self, pipeline, **more):
        """Runs a pipeline; OUT in it is cxiwrite with a new directory."""
        self.runs += 1
        # Directories of different lengths: no path may be in a file.
        out = path(f'{self.name}-{"x" * self.runs}')
        r = sh(pipeline.replace('OUT', f'{self.cxiwrite} -o {out}'), **more)
        return files(out), r

    def same(self, pipeline, name, base=None):
        base = base or self.files
        got, r = self.write(pipeline)
        ok = [os.path.basename(f) for f in got] == \
            [os.path.basename(f) for f in base] and \
            all(read(a) == read(b) for a, b in zip(got, base))
        # The status of a reader of a cut capture is cxiwrite's own business.
        check(ok and r.status[-1] == 0, f'{self.name}: {name}',
              f'{len(got)} files for {len(base)}\n{r.note}')


def slots(n, pipeline):
    return f"q2slots -n {n} sh -c '{pipeline}'"


def parallel(jobs, batch):
    """A job of peakfind for each batch of references (DESIGN.md)."""
    return (f'setsid -w parallel --will-cite -j{jobs} -k --halt now,fail=1'
            f' --pipe --recend "" --block {64 * batch}'
            ' --header "(?s)^.{4096}" peakfind')


def ways(s):
    """All ways that there are for one source."""
    cat = f'q2cat {s.file}'
    s.files, r = s.write(f'{cat} | peakfind | OUT')
    n = column(s.files, '/entry_1/result_1/nPeaks')
    check(not any(r.status) and n is not None and len(n) == s.events and
          len(s.files) > 1, f'{s.name}: {s.events} events in several files',
          r.note)
    time.sleep(1.1)
    for p in (2, 5) if s.brief else (1, 2, 5):
        s.same(f'{cat} | peakfind -P {p} | OUT',
               f'-P {p} at another second gives the same bytes')
    for n in (100, 2) if s.brief else (100, 3, 2, 1):
        s.same(slots(n, f'{cat} | peakfind -P 2 | OUT'),
               f'{n} slots give the same bytes')
    if not s.brief:
        s.same(slots(2, f'{cat} | peakfind -P 5 | OUT'),
               'more workers than slots give the same bytes')
    s.same(slots(8, f'{cat} | {parallel(2, 2)} | OUT'),
           'GNU parallel inside the pipe gives the same bytes')

    a = path(f'{s.name}.q2')
    sh(f'q2cat {s.file} > {a}')
    s.same(f'q2cat {a} | peakfind -P 2 | OUT',
           'a capture and its replay give the same bytes')
    s.same(slots(3, f'q2cat {a} | peakfind -P 2 | OUT'),
           'a capture replayed by reference too')
    if not s.brief:
        s.same(f'peakfind < {a} | OUT', 'a capture read without q2cat too')
        s.same(slots(8, f'q2cat {a} | {parallel(2, 2)} | OUT'),
               'a capture replayed through GNU parallel too')
        sh(f'q2cat {a} > {a}.again')
        check(read(a) == read(a + '.again'),
              f'{s.name}: a capture of a capture is the capture')

    cut = s.events // 2
    sh(f'q2cat -n {cut} {a} > {a}.1; q2cat -s {cut} -n 1 {a} > {a}.2;'
       f'q2cat -s {cut + 1} {a} > {a}.3')
    s.same(f'cat {a}.1 {a}.2 {a}.3 | peakfind -P 2 | OUT',
           'cut with -s and -n and put together with cat')
    if not s.brief:
        s.same(f'q2cat {a}.1 {a}.2 {a}.3 | peakfind | OUT',
               'cut and put together with q2cat')
        sh(f'cat {a}.1 {a}.2 {a}.3 > {a}.joined')
        s.same(slots(3, f'q2cat {a}.joined | peakfind | OUT'),
               'cut, put together, and replayed by reference')
    sh(f'rm {a}.*')

    for z in 'gzip', 'bslz4':
        base = None
        for j in (1, 5) if s.brief else (1, 2, 5):
            pipe = f'peakfind < {a} | OUT -z {z} -j {j}'
            if base is None:
                base, r = s.write(pipe)
                check(not any(r.status) and len(base) == len(s.files) and
                      all(np.array_equal(column([x], d), column([y], d))
                          for x, y in zip(base, s.files)
                          for d in ('/entry_1/data_1/data',
                                    '/entry_1/result_1/peakXPosRaw')),
                      f'{s.name}: -z {z} changes no pixel', r.note)
            else:
                s.same(pipe, f'-z {z} -j {j} gives the same bytes as -j 1',
                       base)
    shards(s, a)
    os.remove(a)


def shards(s, a):
    """Two shards hold between them what one stream holds, row by row."""
    rows = {}
    for k in 0, 1:
        got, r = s.write(f'q2cat -i {k}/2 {a} | peakfind | OUT')
        number = column(got, '/LCLS/eventNumber')
        if not check(not any(r.status) and number is not None and
                     all(number % 2 == k), f'{s.name}: shard {k}/2 has every'
                     f' other event from {k}', r.note):
            return
        for name in ('nPeaks', 'peakXPosRaw', 'peakYPosRaw',
                     'peakTotalIntensity'):
            v = column(got, '/entry_1/result_1/' + name)
            rows.setdefault(name, {}).update(zip(number.tolist(), v))
        v = column(got, '/entry_1/data_1/data')
        rows.setdefault('data', {}).update(zip(number.tolist(), v))
    number = column(s.files, '/LCLS/eventNumber').tolist()
    ok = sorted(rows['nPeaks']) == sorted(number)
    for name, group in [(n, '/entry_1/data_1/' if n == 'data' else
                         '/entry_1/result_1/') for n in rows]:
        v = column(s.files, group + name)
        ok = ok and all(np.array_equal(rows[name][k], v[i])
                        for i, k in enumerate(number))
    check(ok, f'{s.name}: shards 0/2 and 1/2 hold the same rows')


def workers(capture, processors):
    """How many peakfind -P 0 has that may use these processors."""
    p = subprocess.Popen(['peakfind', '-P', '0'], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE,
                         preexec_fn=lambda: os.sched_setaffinity(0, processors))
    data = read(capture)
    length = int.from_bytes(data[4096 + 16:4096 + 24], 'little')
    p.stdin.write(data[:4096 + length])
    p.stdin.flush()
    p.stdout.read(4096 + 64)        # the event: all workers have begun
    n = len(read(f'/proc/{p.pid}/task/{p.pid}/children').split())
    p.kill()
    p.communicate()
    return n


def main():
    small = t.dump(path('small.h5'), [7] * 5 + [5], shape=(64, 64),
                   real=(60, 61), peaks=[5 + 3 * i % 40 for i in range(40)])
    ways(Source('small', small, 40, '-n 9'))
    if os.path.exists(REAL) and os.path.exists(GEOM):
        ways(Source('real', REAL, 4, f'-n 3 -g {GEOM}', brief=True))
    sim, geom = path('sim.q2'), path('sim.geom')
    r = sh(f'q2sim -n 2 -x 1 -D cspad -t bf16 -g {geom} > {sim}')
    check(not any(r.status), 'a simulated stream is made', r.note)
    ways(Source('simulated', sim, 2, f'-n 1 -g {geom}', brief=True))
    ours = sorted(os.sched_getaffinity(0))
    check([workers(sim, ours[:n]) for n in (1, len(ours))] == [1, len(ours)],
          'peakfind -P 0 has a worker for each processor that it may use')
    t.done()


main()
