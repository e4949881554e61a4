#!/usr/bin/python3
# Streams: their ends, cuts and joins, totals, and what cxiwrite makes of them.

import json
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import h5py
import numpy as np

import pipetest as t
from pipetest import HC, T, check, column, counts, files, path, read, sh

N = 13                          # events of the dump A, in batches of 5, 5, 3
PEAKS = [15, 12, 20, 14, 3, 15, 30, 11, 10, 0, 15, 9, 25]
HITS = [i for i, n in enumerate(PEAKS) if n >= 10]
PANELS, SHAPE, PLACE = 2, (32, 48), 2 * 32 * 48
LOGITS_AT = 64 + t.BLOCK
IMAGE_AT = LOGITS_AT + PLACE * 2 * 4
NPEAKS = '/entry_1/result_1/nPeaks'
NUMBER = '/LCLS/eventNumber'
A = t.dump(path('a.h5'), [5, 5, 3], peaks=PEAKS)
B = t.dump(path('b.h5'), [4], seed=2, wavelength=lambda i: 2.)
WIDE = t.dump(path('wide.h5'), [4], panels=3, seed=3)
sh(f'q2cat {A} > {T}/a.q2; q2cat {B} > {T}/b.q2')
AQ = path('a.q2')
runs = 0


def write(source, options='', out=None, find='peakfind', **env):
    """source | peakfind | cxiwrite into a new directory; its files and all."""
    global runs
    runs += 1
    out = out or path(f'out{runs}')
    r = sh(f'{source} | {find} | cxiwrite {options} -o {out} -S {out}.json',
           **env)
    r.files = files(out)
    r.stats = {}
    if os.path.exists(out + '.json'):
        with open(out + '.json') as f:
            r.stats = json.load(f)
        os.remove(out + '.json')
    r.rows = [len(column([f], NPEAKS)) for f in r.files]
    r.note += f'\nrows {r.rows}\n{r.stats}'
    return r


def rows(r, dataset=NUMBER):
    v = column(r.files, dataset)
    return [] if v is None else v.tolist()


def save(name, data):
    with open(path(name), 'wb') as f:
        f.write(data)
    return path(name)


def cat(*options):
    return counts(sh('q2cat ' + ' '.join(options)).stdout)


def ends():
    every = list(range(N))
    check(cat(A) == (every, [(N, 0)]), 'the end record counts all events')
    check(counts(sh(f'q2cat {A} | peakfind').stdout) == (every, [(N, 0)]),
          'peakfind passes the end record on')
    check(cat('-s 3 -n 5', A) == ([3, 4, 5, 6, 7], [(5, 0)]),
          '-s and -n: numbers survive, the end counts what was sent')
    check(cat('-s 3 -n 5', AQ) == ([3, 4, 5, 6, 7], [(5, 0)]),
          '-s and -n on a capture are the same')
    check(cat('-n 5', AQ, '| q2cat -s 2 -') == ([2, 3, 4], [(3, 0)]),
          '-s and -n on a pipe too')
    check(cat('-s 20', A) == ([], [(0, 0)]),
          'more skipped than there are: an empty stream with its end')
    check(cat('-i 1/3', A) == ([1, 4, 7, 10], [(4, 0)]),
          '-i 1/3 takes every third event beginning with 1')
    shards = [cat('-s 3 -n 7 -i', f'{k}/3', A)[0] for k in range(3)]
    check(sorted(sum(shards, [])) == list(range(3, 10)) and
          max(map(len, shards)) == 3,
          '-s and -n count before -i: shards divide what they leave', shards)
    check(all(n % 3 == k for k in range(3) for n in shards[k]),
          'an event is of the same shard whatever -s is', shards)
    check(cat('-s 6 -i 1/3', A) == (cat('-i 1/3', A)[0][2:], [(2, 0)]),
          'so a shard goes on with -s where it was')
    for bad in '3/3', '-1/2', '0/0', 'x', '1', '0/2x':
        r = sh(f'q2cat -i {bad} {A}')
        check(r.status == [1] and r.stdout == b'', f'-i {bad} is refused',
              r.note)
    r = sh(f'q2cat -l 0 {A} | head -c 100000 | wc -c')
    check(r.status[1:] == [0, 0] and 0 < r.status[0] < 126 and not r.said,
          '-l 0 goes on until the reader has gone, and then ends quietly',
          r.note)


def missing_end():
    data = read(AQ)
    cut = save('cut.q2', data[:-64])
    r = write(f'cat {cut}', '-m 0')
    check(r.status[2] == 5 and r.rows == [N], 'a missing end is a failure, all'
          ' that came is written', r.note)
    check('end' in r.said and r.stats.get('complete') is False,
          'and is said, and in the statistics', r.note)
    check(r.status[1] == 0, 'peakfind leaves the judgement to cxiwrite', r.note)
    r = write(f'q2cat {cut}', '-m 0')
    check(r.status[2] == 5 and r.rows == [N], 'also behind q2cat', r.note)
    r = write(f'cat {cut} {T}/b.q2', '-m 0')
    check(r.status[2] == 5 and r.rows == [N, 4],
          'another stream before the end is a missing end', r.note)
    hole = b''.join(rec for kind, _, seq, rec in t.records(data)
                    if not (kind == t.EVENT and seq == 6))
    r = write(f'cat {save("hole.q2", hole)}', '-m 0')
    check(r.status[2] == 5 and r.rows == [N - 1] and '13' in r.said and
          '12' in r.said and r.stats.get('missing') == 1,
          'an event lost on the way is missed by the count', r.note)
    r = write(f'cat {save("torn.q2", data[:len(data) // 2])}', '-m 0')
    check(0 < r.status[2] < 126 and len(rows(r)) >= N // 2 - 1,
          'a capture torn in an event is a failure, whole events are written',
          r.note)
    r = write('true', '-m 0')
    check(0 < r.status[2] < 126 and not r.files, 'no stream at all is a failure',
          r.note)


def joins():
    sh(f'q2cat -n 6 {A} > {T}/1; q2cat -s 6 {A} > {T}/2')
    r = write(f'cat {T}/1 {T}/2', '-m 0')
    check(not any(r.status) and r.rows == [N],
          'the second half of a capture continues its file', r.note)
    r = write(f'cat {T}/2 {T}/1', '-m 0')
    check(not any(r.status) and r.rows == [7, 6],
          'halves the wrong way round are two streams in two files', r.note)
    r = write(f'cat {AQ} {AQ}', '-m 0')
    check(not any(r.status) and r.rows == [N, N],
          'a capture twice is two streams in two files', r.note)
    check(r.stats.get('events_in') == 2 * N and r.stats.get('complete') is True,
          'the statistics are of both', r.note)
    r = write(f'cat {AQ} {T}/b.q2', '-m 0')
    check(not any(r.status) and sum(r.rows) == N + 4 and
          rows(r, '/LCLS/photon_energy_eV')[-4:] == [HC_(2.)] * 4,
          'captures of two runs, joined by cat: all events in order', r.note)
    r = write(f'q2cat {A} {B}', '-m 0')
    check(not any(r.status) and sum(r.rows) == N + 4 and
          rows(r, '/LCLS/photon_energy_eV')[-4:] == [HC_(2.)] * 4,
          'q2cat joins several dumps', r.note)
    r = write(f'q2cat {AQ} {B}', '-m 0')
    check(not any(r.status) and sum(r.rows) == N + 4,
          'q2cat joins a capture and a dump, told apart by content', r.note)
    os.link(AQ, path('capture.h5'))
    os.link(A, path('dump.q2'))
    r = write(f'q2cat {T}/capture.h5 - {T}/dump.q2 < {T}/b.q2', '-m 0')
    check(not any(r.status) and sum(r.rows) == 2 * N + 4,
          'whatever their names, and standard input as -', r.note)
    r = write(f'q2cat {A} {WIDE} {A}', '-m 0')
    check(not any(r.status) and r.rows == [N, 4, N],
          'a change of layout begins a new file', r.note)
    shape = [h5py.File(f)['/entry_1/data_1/data'].shape[1:] for f in r.files]
    check(shape == [(60, 44), (90, 44), (60, 44)],
          'each file has the shape of its stream', shape)
    for n in 1, 3, 100:
        out = path(f'slots{n}')
        r = sh(f"q2slots -n {n} sh -c 'q2cat {A} {WIDE} {A} | peakfind -P 2 |"
               f" cxiwrite -m 0 -o {out}'")
        check(r.status == [0] and [len(column([f], NPEAKS))
                                   for f in files(out)] == [N, 4, N],
              f'a change of layout in {n} slots', r.note)
    with h5py.File(WIDE, 'r') as w, h5py.File(A, 'r') as a, \
            h5py.File(path('mixed.h5'), 'w') as m:
        a.copy('batch_0', m)
        w.copy('batch_0', m, 'batch_1')
        a.copy('batch_1', m, 'batch_2')
    r = write(f'q2cat {T}/mixed.h5', '-m 0')
    check(not any(r.status) and r.rows == [5, 4, 5],
          'also in the middle of a dump', r.note)
    r = write(f'q2cat -l 3 {A}', '-m 0')
    check(not any(r.status) and sum(r.rows) == 3 * N and
          r.stats.get('events_in') == 3 * N and
          rows(r, NPEAKS) == [p for p in PEAKS] * 3,
          '-l 3 sends all events three times', r.note)


def HC_(wavelength):
    """eV with CODATA's last digits, as a double."""
    return 12398.419843320026 / wavelength


def checksums():
    sh(f'q2cat -c {A} > {T}/c.q2')
    data = read(path('c.q2'))
    sh(f'peakfind < {T}/c.q2 > {T}/p.q2')
    found = read(path('p.q2'))
    r = write(f'cat {T}/c.q2', '-m 0')
    check(not any(r.status) and r.rows == [N], '-c: sound planes pass', r.note)
    for what, source, at, find in (
            ('logits', data, LOGITS_AT + 101, 'peakfind'),
            ('image', data, IMAGE_AT + 1001, 'peakfind'),
            ('event block', data, 64 + 10, 'peakfind'),
            ('peakfind-image', found, 64 + t.BLOCK + 1001, 'cat'),
            ('peaks', found, 64 + t.BLOCK + PLACE * 4 + 50, 'cat')):
        out = bytearray()
        for kind, _, seq, rec in t.records(source):
            rec = bytearray(rec)
            if kind == t.EVENT and seq == 6:
                rec[at] ^= 0x10
            out += rec
        r = write(f'cat {save("flip.q2", out)}', '-m 0', find=find)
        check(r.status[2] == 4 and rows(r) == [i for i in range(N) if i != 6],
              f'-c: a flipped bit in the {what} fails the event, others are'
              ' written', r.note)
        check('event 6' in r.said and r.stats.get('failed') == 1,
              f'-c: the event with the flipped {what} is named', r.note)
        save(f'{what.split()[-1]}.q2', out)
    for what, n in ('c', N), ('logits', N - 1), ('image', N - 1):
        r = sh(f"q2slots -n 3 sh -c 'q2cat {T}/{what}.q2 | peakfind |"
               f" cxiwrite -m 0 -o {T}/slots-{what}'")
        got = column(files(path('slots-' + what)), NUMBER)
        check(r.status == [0 if n == N else 4] and got is not None and
              len(got) == n and (n == N or 'event 6' in r.said),
              f'-c by reference: {N - n} events fail of {what}.q2', r.note)


def signals():
    """Ctrl-C, to all at once, when some events have been written."""
    for how, prefix, suffix in (('inline', '', ''),
                                ('in slots', "q2slots -n 3 sh -c '", "'")):
        out = path('int-' + how[-5:])
        p = subprocess.Popen(
            ['bash', '-c', f'trap "" INT; {prefix}q2cat -l 0 -r 100 {A} | '
             f'peakfind -P 2 | cxiwrite -m 0 -n 1000000 -o {out} -l {out}.tsv '
             f'-S {out}.json{suffix}; echo "@${{PIPESTATUS[@]}}" >&2'],
            stderr=subprocess.PIPE, start_new_session=True)
        if not wait_lines(out + '.tsv', 8, p):
            check(False, f'Ctrl-C {how}: events are written before')
            continue
        os.killpg(p.pid, signal.SIGINT)
        said = p.communicate(timeout=60)[1].decode()
        status = said.rpartition('@')[2].split()
        with open(out + '.json') as f:
            s = json.load(f)
        got = sum(len(column([f], NPEAKS)) for f in files(out))
        check(status[-1] == '0' and s['interrupted'] and s['complete'],
              f'Ctrl-C {how}: an interrupted run ends whole, with 0',
              said + str(s))
        # The log has a heading.
        check(s['events_in'] == s['written'] == got >= 7,
              f'Ctrl-C {how}: everything taken is written', said + str(s))
        if not prefix:
            check(status[0] == '3', 'Ctrl-C: q2cat says it was interrupted',
                  said)
    out = path('twice')
    feed = subprocess.Popen(['bash', '-c', f'q2cat -l 0 -r 100 {A} | peakfind'],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    p = subprocess.Popen(['cxiwrite', '-m', '0', '-n', '1000000', '-o', out,
                          '-l', out + '.tsv'], stdin=feed.stdout,
                         stderr=subprocess.PIPE)
    feed.stdout.close()
    if wait_lines(out + '.tsv', 5, p):
        p.send_signal(signal.SIGINT)
        wait_lines(out + '.tsv', 20, p)
        check(p.poll() is None and lines(out + '.tsv') >= 20,
              'the first signal does not stop cxiwrite')
        p.send_signal(signal.SIGINT)
    p.communicate(timeout=60)
    check(p.returncode == 3 and set(os.listdir(out)) <= {'peaknet.lst', 'peaknet.journal'} and
          not lines(out + '/peaknet.lst'),
          'a second one ends it at once, and nothing unfinished is left',
          f'{p.returncode} {os.listdir(out)}')
    feed.wait(timeout=60)


def lines(name):
    return read(name).count(b'\n') if os.path.exists(name) else 0


def wait_lines(name, n, process):
    """Until a log has n lines; False when the process has ended before."""
    for _ in range(1200):
        if lines(name) >= n:
            return True
        if process.poll() is not None:
            return False
        time.sleep(.05)
    return False


def totals():
    log = path('log.tsv')
    r = write(f'q2cat {A}', f'-n 4 -l {log}')
    s = r.stats
    check(not any(r.status) and rows(r) == HITS,
          'events with 10 peaks and more are written', r.note)
    check(s.get('events_in') == N and s.get('written') == len(HITS) and
          s.get('filtered') == N - len(HITS) and s.get('failed') == 0 and
          s.get('files') == 3 and s.get('seconds', -1) >= 0 and
          s.get('events_per_second', -1) > 0, '-S tells the totals', r.note)
    check(f'{N} events in = {len(HITS)} written + {N - len(HITS)} filtered + 0'
          ' failed' in r.said and '3 files' in r.said and
          'seconds' in r.said and 'events/s' in r.said,
          'standard error tells the same', r.note)
    with open(log) as f:
        head, *table = [line.rstrip('\n').split('\t') for line in f]
    check(len(head) == 10 and head[0] == 'seq' and len(table) == N and
          all(len(row) == 10 and row[9] == "" for row in table),
          '-l has a heading and a line an event', head)
    check([int(row[0]) for row in table] == list(range(N)) and
          [int(row[4]) for row in table] == PEAKS and
          [int(row[5]) for row in table] == PEAKS,
          '-l tells seq, peaks found, peaks kept', table)
    check([row[1] for row in table] ==
          [f'batch_{i // 5}/{i % 5}' for i in range(N)],
          '-l tells where in the dump an event was', table[0])
    check([row[2] for row in table] ==
          [f'{1700000000 + i}.{1000 * i + 7:09d}' for i in range(N)] and
          np.allclose([float(row[3]) for row in table],
                      [HC / (1.3 + .01 * i) for i in range(N)], rtol=1e-8),
          '-l tells timestamp and energy', table[0])
    where = [(row[7], row[8]) for row in table]
    want = [('', '')] * N
    for k, i in enumerate(HITS):
        want[i] = (f'peaknet_{k // 4:04d}.cxi', str(k % 4))
    check([(os.path.basename(f), i) for f, i in where] == want and
          [row[6] for row in table] ==
          ['1' if n >= 10 else '0' for n in PEAKS],
          '-l tells misses, and file and index of hits', where)


def hits():
    for options, keep in (('-m 0', lambda n: True), ('-m 15', lambda n: n >= 15),
                          ('-M 15', lambda n: 10 <= n <= 15),
                          ('-m 0 -M 3', lambda n: n <= 3),
                          ('-m 12 -M 14', lambda n: 12 <= n <= 14),
                          ('-M 0', lambda n: n >= 10)):
        r = write(f'cat {AQ}', options)
        want = [n for n in PEAKS if keep(n)]
        check(not any(r.status) and rows(r, NPEAKS) == want,
              f'{options}: {len(want)} hits', r.note)
    r = write(f'cat {AQ}', '-m 1000')
    check(not any(r.status) and not r.files and
          r.stats.get('filtered') == N, 'no hits: no files, and no failure',
          r.note)
    r = write(f'q2cat -C 12 {A}', '-m 13')
    check(not any(r.status) and set(rows(r, NPEAKS)) == {12} and
          rows(r, '/entry_1/result_1/nPeaksFound') ==
          [n for n in PEAKS if n >= 13],
          '-C 12: hits are judged on peaks found, 12 are kept', r.note)
    check('strongest' in r.said or 'kept' in r.said,
          'peaks that had no room are told of', r.note)
    whole = write(f'cat {AQ}', '-m 13')
    for dataset in 'peakXPosRaw', 'peakTotalIntensity':
        v = column(whole.files, '/entry_1/result_1/' + dataset)
        power = column(whole.files, '/entry_1/result_1/peakTotalIntensity')
        n = column(whole.files, NPEAKS)
        want = [v[k, np.sort(np.argsort(-power[k, :n[k]], kind='stable')[:12])]
                for k in range(len(n))]
        got = column(r.files, '/entry_1/result_1/' + dataset)[:, :12]
        check(np.array_equal(got, want),
              f'-C 12: the strongest are kept, in raster order ({dataset})')
    r2 = write(f'cat {AQ}', '-m 13', find='peakfind -c 12')
    check(rows(r2, NPEAKS) == rows(r, NPEAKS) and np.array_equal(
          column(r2.files, '/entry_1/result_1/peakXPosRaw')[:, :12],
          column(r.files, '/entry_1/result_1/peakXPosRaw')[:, :12]),
          'peakfind -c 12 keeps the same', r2.note)
    for options, n in ('-a 5', 0), ('-a 4', 15), ('-A 3', 0), ('-A 4', 15):
        r = write(f'q2cat -n 1 {A}', '-m 0', find='peakfind ' + options)
        check(rows(r, NPEAKS) == [n], f'peakfind {options}: {n} peaks of 4'
              ' pixels', r.note)


def masks():
    bad = np.zeros((PANELS, 30, 44), 'u1')
    bad[0, :5] = 1
    with h5py.File(path('mask.h5'), 'w') as f:
        f['data'] = bad
        f['entry/stacked'] = bad.reshape(-1, 44).astype('i4')
    plain = write(f'q2cat -n 1 {A}', '-m 0')
    y = column(plain.files, '/entry_1/result_1/peakYPosRaw')[0, :15]
    for name in ':/data', ':/entry/stacked':
        b = path('mask.h5') + name
        r = write(f'q2cat -n 1 {A}', f'-m 0 -b {b}', find=f'peakfind -b {b}')
        n = rows(r, NPEAKS)
        check(not any(r.status) and n == [int((y > 4).sum())] and n != [15],
              f'-b {name}: bad pixels join no peak', r.note)
        with h5py.File(r.files[0]) as f:
            check(np.array_equal(f['/entry_1/data_1/mask'][...],
                                 bad.reshape(-1, 44)),
                  f'-b {name}: and are in the mask')


def series():
    r = write(f'cat {AQ}', '-m 0 -n 5 -p run12')
    names = [os.path.basename(f) for f in r.files]
    check(names == ['run12_0000.cxi', 'run12_0001.cxi', 'run12_0002.cxi'] and
          r.rows == [5, 5, 3], '-n 5: files of 5, 5 and 3 events', r.note)
    out = os.path.dirname(r.files[0])
    check(read(f'{out}/run12.lst').decode().split('\n') == r.files + [''],
          'the list has their absolute paths')
    check(sorted(os.listdir(out)) == sorted(names + ['run12.journal', 'run12.lst']),
          'nothing else is in the directory', os.listdir(out))
    r = write(f'cat {AQ}', '-m 0 -n 13')
    check(r.rows == [N], 'a full last file is not followed by an empty one',
          r.note)
    sums = [read(f) for f in r.files]
    out = os.path.dirname(r.files[0])
    again = write(f'q2cat {B}', '-m 0', out=out)
    check(0 < again.status[2] < 126 and [read(f) for f in again.files] == sums
          and 'exist' in again.said, 'files are not written over', again.note)
    write(f'cat {AQ}', '-m 0 -n 4 -f', out=out)
    again = write(f'q2cat {B}', '-m 0 -f', out=out)
    check(not any(again.status) and again.rows[0] == 4,
          '-f writes over them', again.note)
    check(read(f'{out}/peaknet.lst').decode().split('\n') ==
          again.files + [''], '-f: what is listed is what is there',
          (read(f'{out}/peaknet.lst'), again.files))
    other = write(f'q2cat {B}', '-m 0 -p other', out=out)
    check(not any(other.status) and
          f'{out}/other_0000.cxi' in other.files, 'another prefix fits beside',
          other.note)
    r = sh(f'cd {T} && q2cat {A} | peakfind | cxiwrite -m 0 -o relative')
    check(read(path('relative/peaknet.lst')).decode().strip() ==
          os.path.realpath(path('relative/peaknet_0000.cxi')),
          'a relative -o is absolute in the list')
    r = write(f'cat {AQ}', '-m 0', out=path('no/such/parent'))
    check(0 < r.status[2] < 126 and not os.path.exists(path('no')) and
          'no/such' in r.said,
          'a directory whose parent is missing is refused', r.note)


def debug():
    half = t.dump(path('half.h5'), [3], logits_type='f2')
    r = write(f'q2cat -l 0 {half}', '-d -m 0')
    check(0 < r.status[2] < 126 and not r.files and '-k' in r.said,
          '-d is refused at the header when peakfind had no -k', r.note)
    r = write(f'q2cat {half}', '-d -m 0', find='peakfind -k')
    check(not any(r.status) and r.rows == [3], '-d behind peakfind -k', r.note)
    with h5py.File(half) as f:
        logits = f['batch_0/logits'][:, :, :30, :44].astype('f4')
    logits = logits.reshape(3, PANELS, 2, 30, 44)
    for k in 0, 1:
        v = column(r.files, f'/entry_1/result_1/logit_map_class{k}')
        check(v is not None and v.dtype == 'f4' and
              np.array_equal(v, logits[:, :, k].reshape(3, 60, 44)),
              f'-d: logit_map_class{k} has the logits as f32')
    v = column(r.files, '/entry_1/result_1/segmentation_map')
    check(v is not None and v.dtype == 'u1' and np.array_equal(
          v, (logits[:, :, 1] > logits[:, :, 0]).reshape(3, 60, 44)),
          '-d: segmentation_map has the winning class')


def sources():
    r = sh(f'cat {A} | q2cat > /dev/null')
    check(0 < r.status[1] < 126 and 'HDF5' in r.said,
          'an HDF5 file on a pipe is refused, and why is said', r.note)
    check(cat('<', AQ) == cat(A), 'no file means standard input')
    with h5py.File(A) as a, h5py.File(path('gap.h5'), 'w') as g:
        a.copy('batch_0', g)
        a.copy('batch_2', g)
    r = write(f'q2cat {T}/gap.h5', '-m 0')
    check(r.rows == [8] and 'batch_1' in r.said and r.status[1:] == [0, 0],
          'a gap in the numbering is said, and all events are sent', r.note)
    plain = t.dump(path('plain.h5'), [2, 3], original_shape=False)
    r = write(f'q2cat {plain}', '-m 0')
    check(r.rows == [10] and r.said.count('original_shape') == 1,
          'without original_shape a plane is an event of one panel, said once',
          r.note)
    r = sh(f'q2cat -k experiment=mfxl1 -k run=7 -k detector=epix {A} | q2ls')
    text = r.stdout.decode()
    check('experiment=mfxl1' in text and 'run=7' in text and
          'detector=epix' in text, '-k adds facts to the header', text[:300])
    heading, *rest = text.rstrip('\n').split('\n')
    check('\t' in heading and len(rest) == N + 2 and
          len({line.count('\t') for line in text.rstrip('\n').split('\n')})
          == 1, 'q2ls has a heading and a line a record', text[:400])
    r = write(f'q2cat -k experiment=mfxl1 -k run=7 {A}', '-m 0')
    v = column(r.files, '/entry_1/experiment_identifier')
    check(v is not None and len(v) == N and b'mfxl1' in bytes(v[0]),
          'experiment_identifier has the experiment', v)


def own_output():
    """ulimit: an output that feeds itself must not fill the disk of the test."""
    for what, source, command in (
            ('a capture', AQ, 'q2cat {0} >> {0}'),
            ('a capture, read and written', AQ, 'q2cat {0} 1<> {0}'),
            ('standard input', AQ, 'q2cat < {0} >> {0}'),
            ('a dump', A, 'q2cat {0} >> {0}')):
        own = path('own')
        r = sh(f'ulimit -f 20000; cp {source} {own}; ' + command.format(own))
        check(r.status == [6] and 'is standard output, too' in r.said and
              read(own) == read(source),
              f'q2cat of {what} into itself is refused, and it stays as it is',
              r.note)
    own = save('own.q2', read(AQ))
    r = sh(f'ulimit -f 20000; q2cat {own} {T}/b.q2 >> {own}')
    check(r.status == [6] and len(counts(read(own))[0]) == N + 4,
          'the other inputs are sent', r.note)
    own = save('own.q2', read(AQ))
    r = sh(f'peakfind < {own} >> {own}')
    check(r.status == [6] and 'is standard output, too' in r.said and
          read(own) == read(AQ),
          'peakfind into its own input is refused, and it stays as it is', r.note)
    r = sh(f'{{ cat > {T}/read; q2cat - {T}/b.q2 >> {own}; }} < {own}')
    check(r.status == [6] and 'empty' in r.said and
          len(counts(read(own))[0]) == N + 4,
          'an input that is read to its end may be added to', r.note)


def main():
    for part in (ends, missing_end, joins, checksums, signals, totals, hits,
                 masks, series, debug, sources, own_output):
        try:
            part()
        except Exception as e:
            check(False, f'{part.__name__} comes to its end', repr(e))
    t.done()


main()
