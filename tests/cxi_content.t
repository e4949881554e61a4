#!/usr/bin/python3
# What is in a CXI file: upstream.md section 4, as far as the stream can know it.

import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True

import h5py
import numpy as np

import pipetest as t
from pipetest import HC, T, check, column, files, path, read, sh

JOULE = 1.602176634e-19
R, D = '/entry_1/result_1/', '/entry_1/instrument_1/detector_1/'
ENERGY = ['/entry_1/instrument_1/source_1/energy', '/LCLS/photon_energy_eV',
          '/LCLS/photon_wavelength_A']
TIME = ['/LCLS/machineTime', '/LCLS/machineTimeNanoSeconds',
        '/LCLS/detector_1/timestamp']
IMAGE = ['/entry_1/data_1/data', D + 'data']
INTENSITY = [R + n for n in ('peakTotalIntensity', 'peakMaximumValue',
                             'peakMaxIntensity', 'peakSNR')]
PLACE = [D + n for n in ('distance', 'x_pixel_size', 'y_pixel_size')]
DEBUG = [R + n for n in ('segmentation_map', 'logit_map_class0',
                         'logit_map_class1')]
ENCODER = '/LCLS/detector_1/EncoderValue'
IDENTIFIER = '/entry_1/experiment_identifier'
ALWAYS = ['/entry_1/data_1/mask', '/LCLS/eventNumber'] + [
    R + n for n in ('nPeaks', 'peakXPosRaw', 'peakYPosRaw', 'peakNPixels',
                    'peakSegPosRaw')]
UNKNOWN = {'no energy': ENERGY, 'no timestamp': TIME,
           'no image': IMAGE + INTENSITY}
MODULE, ASIC = (30, 44), (15, 22)
runs = 0


def geometry(name, uneven=False):
    """Two modules side by side, six columns apart, four ASICs each."""
    cut = 20 if uneven else 22
    with open(name, 'w') as f:
        f.write('res = 10000\nclen = 0.1\npeak_list = /entry_1/result_1\n'
                'mask = /entry_1/data_1/mask\nmask_good = 0\nmask_bad = 1\n'
                'bad_corner/min_fs = 2\nbad_corner/max_fs = 3\n'
                'bad_corner/min_ss = 4\nbad_corner/max_ss = 6\n'
                'bad_corner/panel = m0_00\n')
        for m in 0, 1:
            for i in 0, 1:
                for j, (a, b) in enumerate(((0, cut - 1), (cut, 43))):
                    n = f'm{m}_{i}{j}'
                    f.write(f'{n}/min_fs = {50 * m + a}\n'
                            f'{n}/max_fs = {50 * m + b}\n'
                            f'{n}/min_ss = {15 * i}\n'
                            f'{n}/max_ss = {15 * i + 14}\n'
                            f'{n}/fs = x\n{n}/ss = y\n'
                            f'{n}/corner_x = {50 * m + a}\n'
                            f'{n}/corner_y = {15 * i}\n')
    return name


GEOM = geometry(path('two.geom'))


def write(source, options='-m 0', find='peakfind'):
    global runs
    runs += 1
    out = path(f'out{runs}')
    r = sh(f'q2cat {source} | {find} | cxiwrite {options} -o {out}')
    r.files = files(out)
    return r


def rows_check(r, what, count):
    """The same datasets in all files, one row an event."""
    have = [t.datasets(f) for f in r.files]
    check(len(have) > 1 and all(h == have[0] for h in have),
          f'{what}: all files hold the same datasets', r.note)
    wrong, kinds = [], {}
    for name in r.files:
        with h5py.File(name) as f:
            n = len(f[R + 'nPeaks'])
            count -= n
            for d in t.datasets(name):
                kind = f[d].dtype, f[d].shape[1:] if f[d].ndim else ()
                if kinds.setdefault(d, kind) != kind:
                    wrong.append(f'{d} changes its type or shape')
                if d.startswith('/entry_1/process') or d in (
                        '/entry_1/data_1/mask', D + 'mask', D + 'description'):
                    continue
                if f[d].ndim and f[d].shape[0] != n:
                    wrong.append(f'{d} {f[d].shape}')
                if f[d].ndim == 0 and d != '/cxi_version':
                    wrong.append(f'{d} is a scalar')
    check(not wrong and count == 0, f'{what}: one row an event in each', wrong)
    return have[0] if have else []


def full():
    a = t.dump(path('full.h5'), [3, 2])
    r = write(f'-k experiment=mfxl1 -k run=7 -k detector=epix {a}',
              f'-m 0 -n 2 -d -g {GEOM}', 'peakfind -k')
    check(not any(r.status) and len(r.files) == 3, 'a stream with everything',
          r.note)
    have = rows_check(r, 'everything', 5)
    want = ALWAYS + ENERGY + TIME + IMAGE + INTENSITY + PLACE + DEBUG + \
        [IDENTIFIER]
    check(not set(want) - set(have), 'everything: all of section 4 is there',
          sorted(set(want) - set(have)))
    check(ENCODER not in have, 'no encoder is made up where none is known')
    with h5py.File(r.files[0]) as f:
        for d, kind in ((R + 'peakXPosRaw', 'f4'), (R + 'peakYPosRaw', 'f4'),
                        (R + 'peakTotalIntensity', 'f4'),
                        (R + 'peakMaximumValue', 'f4'), (R + 'peakSNR', 'f4'),
                        (R + 'peakNPixels', 'f4'), (ENERGY[0], 'f8'),
                        (ENERGY[1], 'f8'), (ENERGY[2], 'f8'),
                        (TIME[2], 'u8')):
            check(f[d].dtype == kind, f'{d} is {kind}', f[d].dtype)
        check(f[R + 'nPeaks'].dtype.kind in 'iu' and f[R + 'nPeaks'].ndim == 1
              and f[R + 'peakXPosRaw'].shape == (2, 2048),
              'nPeaks is 1-D of integers, peak arrays are 2-D')
        for x, y in ((IMAGE[0], IMAGE[1]), (R + 'peakMaximumValue',
                                           R + 'peakMaxIntensity')):
            check(f[x] == f[y] and isinstance(f.get(x, getlink=True),
                                              h5py.HardLink) and
                  isinstance(f.get(y, getlink=True), h5py.HardLink),
                  f'{y} and {x} are one dataset')
        data, mask = f[IMAGE[0]], f['/entry_1/data_1/mask'][...]
        check(data.shape == (2, 30, 94) and data.chunks == (1, *MODULE),
              'uncompressed chunks are modules', (data.shape, data.chunks))
        expected = np.zeros((30, 94), int)
        expected[:, 44:50] = 1
        expected[4:7, 2:4] = 1
        check(np.array_equal(mask != 0, expected != 0),
              'the mask has the gap and the bad region of the geometry')
        check((data[:, :, 44:50] == 0).all(), 'nothing is in the gap')
        x = f[R + 'peakXPosRaw'][...]
        seg = f[R + 'peakSegPosRaw'][...]
        n = f[R + 'nPeaks'][...]
        check(all((seg[k, :n[k]] == (x[k, :n[k]] >= 50)).all()
                  for k in range(2)), 'peakSegPosRaw is the panel')
        check(f[D + 'distance'][...].tolist() == [.1, .1] and
              np.allclose(f[D + 'x_pixel_size'], 1e-4),
              'distance and pixel size are those of the geometry')
    ids = column(r.files, IDENTIFIER)
    check(len(set(ids.tolist())) in (1, 5) and all(b'mfxl1' in v for v in ids),
          'experiment_identifier is known for every event', ids)
    check(column(r.files, '/LCLS/eventNumber').tolist() == list(range(5)),
          'eventNumber is the position in the stream')
    check(all(read(f)[8] == 0 for f in r.files),
          'files have the earliest superblock')
    for name in r.files:
        p = subprocess.run(['h5dump', name], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        check(p.returncode == 0 and not p.stderr and len(p.stdout) > 10000,
              f'h5dump reads all of {os.path.basename(name)}',
              p.stderr.decode())
    bare = write(a, '-m 0 -n 2')
    have = rows_check(bare, 'without -g, -k, -d', 5)
    check(not set(PLACE + DEBUG + [IDENTIFIER, ENCODER]) & set(have) and
          not set(ALWAYS + ENERGY + TIME + IMAGE + INTENSITY) - set(have),
          'without -g, -k, -d: what they tell is absent, the rest is there',
          have)
    check(not column(bare.files, D + 'mask').any(),
          'without -g and -b the mask is zeros')
    with h5py.File(bare.files[0], 'r') as f:
        size = f[D + 'mask'].id.get_storage_size()
    check(size == 0, 'and takes no place in the file', size)


def absent():
    """What no event of the stream has is not there, in any file."""
    for what, gone in UNKNOWN.items():
        a = t.dump(path('gone.h5'), [3, 2], wavelength=what != 'no energy',
                   timestamp=what != 'no timestamp', image=what != 'no image')
        r = write(a, '-m 0 -n 2')
        check(not any(r.status), f'{what}: the pipeline ends with 0', r.note)
        have = rows_check(r, what, 5)
        rest = set(ALWAYS + sum((v for k, v in UNKNOWN.items() if k != what),
                                []))
        if what == 'no image':
            check(not set(gone) & set(have), 'no image: image and intensities'
                  ' are absent', have)
        else:
            check(not set(gone) & set(have), f'{what}: absent', have)
        check(not rest - set(have), f'{what}: the rest is there',
              sorted(rest - set(have)))
    with h5py.File(path('gone.h5'), 'r+') as f:
        for b in f:
            del f[b]['metadata'], f[b]['preprocessing_metadata']
    r = write(path('gone.h5'), '-m 0 -n 5')
    check(not any(r.status) and len(column(r.files, R + 'nPeaks')) == 10,
          'logits alone: every plane is an event', r.note)


def partial():
    """What one event lacks is NaN, or 0 beside a validity dataset."""
    a = t.dump(path('part.h5'), [2, 2, 2])
    with h5py.File(a, 'r+') as f:
        del f['batch_1/metadata/timestamp']
        del f['batch_1/metadata/photon_wavelength']
    r = write(a, '-m 0 -n 2')
    check(not any(r.status), 'a batch without metadata: all is written', r.note)
    rows_check(r, 'a batch without metadata', 6)
    lost = np.array([0, 0, 1, 1, 0, 0], bool)
    for d in ENERGY:
        v = column(r.files, d)
        check(v is not None and np.array_equal(np.isnan(v), lost),
              f'{d} is NaN where it is unknown', v)
    for d in TIME:
        v = column(r.files, d)
        check(v is not None and np.array_equal(v == 0, lost)
              or d == TIME[1] and (v[lost] == 0).all(),
              f'{d} is 0 where it is unknown', v)
    valid = [d for d in t.datasets(r.files[0]) if 'valid' in d]
    check(len(valid) > 0 and all(np.array_equal(column(r.files, d) == 0, lost)
                                 for d in valid),
          'and a validity dataset tells', valid)
    check(len(re.findall(r'event 2 \(batch_1/0\): PHOTON ENERGY', r.said)) == 1
          and 'ENERGY: unknown in 2 events' in r.said,
          'missing energies are told of, once, with the source, and counted', r.note)
    check(len(re.findall(r'event 2 \(batch_1/0\): TIMESTAMP', r.said)) == 1
          and 'TIMESTAMP: unknown in 2 events' in r.said,
          'and so are missing timestamps', r.note)
    with open(path('far.geom'), 'w') as f:
        f.write(open(GEOM).read().replace('clen = 0.1', f'clen = {ENCODER} mm'))
    r = write(a, f'-m 0 -g {path("far.geom")}')
    check(not any(r.status) and
          len(re.findall(f'far.geom: clen = {ENCODER}, which .* do not have', r.said)) == 1,
          'a geometry that wants an encoder, of which there is none, is told of',
          r.note)
    a = t.dump(path('hole.h5'), [2, 2, 2], image=lambda b: b != 1)
    r = write(a, '-m 0 -n 2')
    check(r.status[2] == 4 and 'event 2' in r.said and 'event 3' in r.said and
          column(r.files, '/LCLS/eventNumber').tolist() == [0, 1, 4, 5],
          'events without their image fail, are named, and the rest is written',
          r.note)


def energies():
    loud = re.compile(r'energy', re.I)
    for what, wavelength, options, hint in (
            ('0.1 nm read as angstrom', .1, '', 'nm'),
            ('0.13 nm read as angstrom', .13, '', 'nm'),
            ('1.3 angstrom read as nm', 1.3, '-w nm', 'A'),
            ('25 angstrom', 25., '', ''),
            ('0.01 nm', .01, '-w nm', ''),
            ('a NaN', np.nan, '', ''),
            ('a wavelength of 0', 0., '', ''),
            ('a negative wavelength', -1.3, '', ''),
            ('infinity', np.inf, '', '')):
        a = t.dump(path('e.h5'), [2], wavelength=lambda i: wavelength)
        r = write(f'{options} {a}')
        check(r.files and len(column(r.files, R + 'nPeaks')) == 2 and
              not any(r.status), f'{what}: the events are written', r.note)
        check(loud.search(r.said) and 'events in' in r.said,
              f'{what}: and it is told of', r.note)
        hints = re.findall('q2cat -w (.*)', r.said)
        check(hints == ([hint] if hint else []), f'{what}: '
              f'{"the" if hint else "no"} hint at the unit', r.note)
        v = column(r.files, ENERGY[1])
        if np.isfinite(wavelength) and wavelength > 0:
            check(np.allclose(v, HC / wavelength / (10 if options else 1),
                              rtol=1e-8),
                  f'{what}: the energy is written as it came', v)
        else:
            check(v is not None and np.isnan(v).all(),
                  f'{what}: no energy is made up', v)
    a = t.dump(path('e.h5'), [2], wavelength=lambda i: .13)
    r = write(f'-w nm {a}')
    check(not any(r.status) and
          np.allclose(column(r.files, ENERGY[1]), HC / 1.3, rtol=1e-8) and
          np.allclose(column(r.files, ENERGY[0]), HC / 1.3 * JOULE,
                      rtol=1e-8) and
          np.allclose(column(r.files, ENERGY[2]), 1.3, rtol=1e-8),
          '-w nm: energies and wavelengths are right', r.note)
    check('ENERGY' not in r.said, '-w nm: nothing to complain of', r.note)
    r = sh(f'q2cat -w m {a}')
    check(r.status == [1], 'another unit is refused', r.note)


def timestamps():
    for what, values, want in (
            ('integers', np.array([5 << 32 | 7, 6 << 32], 'u8'),
             [5 << 32 | 7, 6 << 32]),
            ('signed integers', np.array([5 << 32 | 7, 6 << 32], 'i8'),
             [5 << 32 | 7, 6 << 32]),
            ('seconds', np.array([1.7e9 + .5, 1.7e9 + 1.25]),
             [1700000000 << 32 | 500000000, 1700000001 << 32 | 250000000]),
            ('text', np.array([b'1700000000.5', b'1700000001.25']),
             [1700000000 << 32 | 500000000, 1700000001 << 32 | 250000000])):
        a = t.dump(path('t.h5'), [2], timestamp=None)
        with h5py.File(a, 'r+') as f:
            f['batch_0/metadata/timestamp'] = values
        r = write(a)
        v = column(r.files, TIME[2])
        check(not any(r.status) and v is not None and v.tolist() == want,
              f'timestamps as {what}', (v, want))
    a = t.dump(path('t.h5'), [1], timestamp=None)
    with h5py.File(a, 'r+') as f:
        f['batch_0/metadata/timestamp'] = np.uint64(5 << 32 | 7)
    r = write(a)
    v = column(r.files, TIME[2])
    check(v is not None and v.tolist() == [5 << 32 | 7],
          'a scalar timestamp of a batch of one', r.note)
    a = t.dump(path('t.h5'), [2], timestamp=None)
    with h5py.File(a, 'r+') as f:
        f['batch_0/metadata/timestamp'] = np.array([b'yesterday', b'5.5'])
    r = write(a)
    check(r.files and len(column(r.files, R + 'nPeaks')) == 2,
          'a timestamp that is no number loses no event', r.note)


def images():
    for kind in 'u1', 'i1', 'u2', 'i2', 'i4', 'f2', 'f8', 'u4', 'i8':
        a = t.dump(path('i.h5'), [2])
        with h5py.File(a, 'r+') as f:
            v = np.clip(f['batch_0/original_image'][...], 0, 120).astype(kind)
            l = f['batch_0/logits'][...].astype(kind if kind in ('f2', 'f8')
                                                else 'i2')
            del f['batch_0/original_image'], f['batch_0/logits']
            f['batch_0/original_image'] = v
            f['batch_0/logits'] = l
        r = write(a)
        got = column(r.files, IMAGE[0])
        want = v[:, 0, :30, :44].reshape(2, 60, 44)
        check(not any(r.status) and got is not None and
              np.array_equal(got, want.astype('f4')) and
              column(r.files, R + 'nPeaks').tolist() == [15, 15],
              f'images of type {kind} keep their values', r.note)


def chunks():
    a = t.dump(path('c.h5'), [2])
    uneven = geometry(path('uneven.geom'), True)
    for z, geom, want in (('gzip', GEOM, ASIC), ('gzip', uneven, MODULE),
                          ('bslz4', GEOM, ASIC), ('none', uneven, MODULE)):
        r = write(a, f'-m 0 -g {geom} -z {z}')
        with h5py.File(r.files[0]) as f:
            d = f[IMAGE[0]]
            check(d.chunks == (1, *want) and (d.compression == 'gzip') ==
                  (z == 'gzip') and ('32008' in d._filters) == (z == 'bslz4'),
                  f'-z {z}, {os.path.basename(geom)}: chunks of {want}',
                  (d.chunks, d._filters))
        if z == 'gzip':
            p = sh(f'h5dump {r.files[0]} > /dev/null')
            check(p.status == [0], 'h5dump reads a compressed file', p.note)
        if z == 'bslz4':
            packed = r.files[0]
    os.environ['HDF5_PLUGIN_PATH'] = path('none')
    r = write(a, f'-m 0 -g {GEOM} -z bslz4')
    del os.environ['HDF5_PLUGIN_PATH']
    check(max(r.status) == 0 and sh(f'cmp {packed} {r.files[0]}').status == [0],
          'bslz4 needs no plugin where it is written', r.note)


def told(name):
    """All texts of a file that stand alone: the provenance."""
    out = []
    with h5py.File(name) as f:
        for d in t.datasets(name):
            if f[d].ndim == 0 and f[d].dtype.kind in 'SO':
                out.append(bytes(f[d][()]).decode())
    return '\n'.join(out)


def provenance():
    a = t.dump(path('p.h5'), [3])
    bad = path('bad.h5')
    with h5py.File(bad, 'w') as f:
        f['data'] = np.zeros((2, *MODULE), 'u1')
    other = path('elsewhere.geom')
    shutil.copy(GEOM, other)
    base = f'-m 0 -g {GEOM}'
    first = write(f'-k experiment=mfxl1 {a}', base)
    text = told(first.files[0])
    for word in 'peakfind', 'cxiwrite', 'q2cat', 'mfxl1', '0.1':
        check(word in text, f'provenance speaks of {word}', text)
    changes = [('q2cat -k', f'-k experiment=mfxl1 -k run=1 {a}', base,
                'peakfind'),
               ('q2cat -w', f'-k experiment=mfxl1 -w nm {a}', base,
                'peakfind')]
    source = f'-k experiment=mfxl1 {a}'
    changes += [(f'peakfind {o}', source, base, f'peakfind {o}') for o in
                ('-a 2', '-A 50', f'-b {bad}:/data', '-c 100', '-w')]
    changes += [(f'cxiwrite {o}', source, f'{base} {o}', 'peakfind') for o in
                ('-m 1', '-M 500', '-n 50', '-z gzip', f'-b {bad}:/data')]
    changes += [('cxiwrite -g', source, '-m 0', 'peakfind'),
                ('cxiwrite -d', source, f'{base} -d', 'peakfind -k')]
    for what, q2cat, options, find in changes:
        r = write(q2cat, options, find)
        check(r.files and told(r.files[0]) != text,
              f'{what.replace(T, "")} changes the provenance', r.note)
        check(r.files and T.encode() not in read(r.files[0]),
              f'{what.replace(T, "")}: no path is in the file')
    for what, q2cat, options, find in (
            ('peakfind -P', source, base, 'peakfind -P 3'),
            ('cxiwrite -j', source, base + ' -j 3', 'peakfind'),
            ('cxiwrite -l -S', source, base + f' -l {T}/l.tsv -S {T}/s.json',
             'peakfind'),
            ('q2cat -r', '-r 1000 ' + source, base, 'peakfind'),
            ('another path of the geometry', source, f'-m 0 -g {other}',
             'peakfind')):
        r = write(q2cat, options, find)
        check(r.files and read(r.files[0]) == read(first.files[0]),
              f'{what} leaves the bytes as they are', r.note)


def main():
    for part in (full, absent, partial, energies, timestamps, images, chunks,
                 provenance):
        try:
            part()
        except Exception as e:
            check(False, f'{part.__name__} comes to its end', repr(e))
    t.done()


main()
