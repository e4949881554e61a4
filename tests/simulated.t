#!/usr/bin/python3
# Simulated crystals through the whole pipeline, beside the truth.

import sys

sys.dont_write_bytecode = True

import h5py
import numpy as np

import pipetest as t
from pipetest import T, check, column, files, path, read, sh

R = '/entry_1/result_1/'
DETECTORS = {                   # events, panels, height, width, padded
    'epix10k2m': (24, 16, 352, 384, 512, 512),
    'jungfrau4m': (4, 8, 512, 1024, 512, 1024),
    'mfx': (4, 1, 1667, 1668, 1696, 1696),
    'cspad': (4, 32, 185, 388, 192, 416),
}


def truth(name):
    with open(name) as f:
        head, *rows = [line.rstrip('\n').split('\t') for line in f]
    i = {h: k for k, h in enumerate(head)}
    return np.array([[float(r[i[c]]) for c in
                      ('seq', 'panel', 'ss', 'fs', 'in_logits')]
                     for r in rows]).reshape(-1, 5)


def distances(peaks, spots):
    """From each true spot that carries logits to the nearest peak."""
    out = np.full(len(spots), np.inf)
    for i, (seq, panel, ss, fs, _) in enumerate(spots):
        p = peaks[(peaks[:, 0] == seq) & (peaks[:, 1] == panel)]
        if len(p):
            out[i] = np.hypot(p[:, 2] - ss, p[:, 3] - fs).min()
    return out


def peaks_of(directory, places):
    """Of all files: seq, panel, ss and fs in the panel."""
    found = files(directory)
    seq, n = column(found, '/LCLS/eventNumber'), column(found, R + 'nPeaks')
    x, y = column(found, R + 'peakXPosRaw'), column(found, R + 'peakYPosRaw')
    p = column(found, R + 'peakSegPosRaw').astype(int)
    at = np.array(places)
    return np.concatenate([np.column_stack([
        np.full(k, s), p[i, :k], y[i, :k] - at[p[i, :k], 0],
        x[i, :k] - at[p[i, :k], 1]]) for i, (s, k) in enumerate(zip(seq, n))])


def detector(name):
    events, panels, h, w, ph, pw = DETECTORS[name]
    g, tsv, out = (path(f'{name}.{e}') for e in ('geom', 'tsv', 'out'))
    # One simulation, two peak finders: the stream is the same for both.
    r = sh(f'mkfifo {out}.fifo; (peakfind -w | cxiwrite -g {g} -o {out}.w)'
           f' < {out}.fifo 2> /dev/null & q2sim -n {events} -D {name} -g {g}'
           f' -T {tsv} | tee {out}.fifo | peakfind -P 2 | cxiwrite -g {g}'
           f' -o {out} -l {out}.log; s=${{PIPESTATUS[*]}}; wait $! &&'
           ' (exit $((${s// /+})))')
    check(r.status == [0], f'{name}: the pipeline ends with 0', r.note)
    check(f'{events} events in = ' in r.said and '+ 0 failed' in r.said and
          'warn' not in r.said.lower() and 'ENERGY' not in r.said,
          f'{name}: all events arrive, nothing to complain of', r.note)
    with h5py.File(files(out)[0]) as f:
        places, size = t.modules(g, h, w)
        check(len(places) == panels and
              f['/entry_1/data_1/data'].shape[1:] == size,
              f'{name}: the slab is that of the geometry, {size}',
              f['/entry_1/data_1/data'].shape)
    asics, top = t.geometry(g)
    check({'peak_list', 'mask', 'photon_energy', 'data', 'clen', 'res'} -
          {k for a in asics.values() for k in a} <= set(top) and
          top['peak_list'] == '/entry_1/result_1',
          f'{name}: the geometry is complete', top)
    with open(out + '.log') as f:
        log = [line.split('\t') for line in f][1:]
    spots = truth(tsv)
    hits = {int(row[0]) for row in log if row[6] == '1'}
    strong = {s for s in range(events) if
              ((spots[:, 0] == s) & (spots[:, 4] == 1)).sum() >= 20}
    check(hits >= strong and len(hits) > 0, f'{name}: events with spots are'
          ' hits', (sorted(hits), sorted(strong)))
    spots = spots[(spots[:, 4] == 1) & np.isin(spots[:, 0], sorted(hits))]
    plain = distances(peaks_of(out, places), spots)
    check(len(spots) > 100 and (plain <= .5).mean() >= .95,
          f'{name}: 95 % of the spots that carry logits are found within 0.5'
          ' pixel', f'{(plain <= .5).mean():.4f} of {len(spots)}')
    weighted = distances(peaks_of(out + '.w', places), spots)
    both = (plain <= .5) & (weighted <= .5)
    check((weighted <= .5).mean() >= .95 and
          weighted[both].mean() < plain[both].mean(),
          f'{name}: with -w they are found nearer to the truth',
          f'{weighted[both].mean():.4f}, plain {plain[both].mean():.4f}')
    print(f'# {name}: {len(spots)} spots, {(plain <= .5).mean():.4f} found,'
          f' mean distance {plain[both].mean():.4f} plain,'
          f' {weighted[both].mean():.4f} weighted')


def same():
    one, two = (sh(f'q2sim -n 1 -S 5 -D cspad -T {T}/{k}.tsv -g {T}/{k}.geom |'
                   ' sha256sum').stdout for k in 'ab')
    check(one == two and read(path('a.tsv')) == read(path('b.tsv')) and
          read(path('a.geom')) == read(path('b.geom')),
          'the same seed gives the same stream, truth and geometry')
    other = sh('q2sim -n 1 -S 6 -D cspad | sha256sum').stdout
    check(other != one, 'another seed gives another stream')
    says = [sh(f'q2sim -n 0 -e {e} | head -c 4096').stdout
            for e in ('9500.001', '9500.002', '9500')]
    check(b' energy=9500.001 ' in says[0] and b' energy=9500.002 ' in says[1] and
          b' energy=9500 ' in says[2],
          'the header has every digit of what makes a run, and no more')
    check(all(f' type={t}\n'.encode() in sh(f'q2sim -n 0 -t {t} | head -c 4096').stdout
              for t in ('f32', 'f16', 'bf16')),
          'the header has the type of the logits, which decides what they are')
    r = sh('q2sim -n 3 -x 0 -D cspad | peakfind | q2cat | q2ls')
    check(r.stdout.decode().rstrip().split('\n')[-1].startswith('end') and
          '3 events' in r.stdout.decode().split('\n')[-2],
          'a counted stream has its end record', r.note)


def types():
    """Narrow logits mark the same spots; those right at the edge may differ."""
    base = None
    for kind in 'f32', 'f16', 'bf16':
        out = path(kind)
        r = sh(f'q2sim -n 2 -x 1 -D epix10k2m -t {kind} | peakfind | '
               f'cxiwrite -o {out}')
        n = column(files(out), R + 'nPeaks')
        data = column(files(out), '/entry_1/data_1/data')
        if base is None:
            base = n, data
        check(not any(r.status) and n is not None and len(n) == 2 and
              np.array_equal(data, base[1]) and
              (np.abs(n - base[0]) <= .02 * base[0] + 2).all(),
              f'{kind} logits give the same peaks of the same images',
              f'{n} {base[0]}\n{r.note}')


def main():
    for name in DETECTORS:
        detector(name)
    same()
    types()
    t.done()


main()
