#!/usr/bin/python3
# Pictures, and the reading, assembling and resolutions that they rest on, beside
# h5py, numpy and PIL.

import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True

try:
    from PIL import Image
except ImportError:
    print('1..0 # SKIP no python3-pil')
    sys.exit(0)
import h5py
import numpy as np

import pipetest as t
from pipetest import HC, T, check, path, read, sh

TOOLS = os.path.join(os.environ.get('B', 'build'), 'tests/tools')
R = '/entry_1/result_1/'
NOTHING = (0xd9, 0xe2, 0xec)


def geometry():
    """Four turned ASICs of 40 x 60, two of them in a module."""
    rng = np.random.default_rng(3)
    asics = []
    for k in range(4):
        a = rng.uniform(0, 2 * np.pi) if k else 0
        flip = -1 if k == 2 else 1
        asics.append(dict(
            ss=40 * (k // 2), fs=60 * (k % 2), c=(-70.3 + 150 * (k % 2),
                                                  95.6 - 170 * (k // 2)),
            f=(np.cos(a), np.sin(a)), s=(-flip * np.sin(a), flip * np.cos(a))))
    with open(path('g.geom'), 'w') as f:
        f.write('res = 2000\nclen = /LCLS/detector_1/EncoderValue\n'
                'coffset = 0.02\n')
        for k, a in enumerate(asics):
            f.write(f'a{k}/min_ss = {a["ss"]}\na{k}/max_ss = {a["ss"] + 39}\n'
                    f'a{k}/min_fs = {a["fs"]}\na{k}/max_fs = {a["fs"] + 59}\n'
                    f'a{k}/fs = {a["f"][0]:+.17f}x {a["f"][1]:+.17f}y\n'
                    f'a{k}/ss = {a["s"][0]:+.17f}x {a["s"][1]:+.17f}y\n'
                    f'a{k}/corner_x = {a["c"][0]}\n'
                    f'a{k}/corner_y = {a["c"][1]}\n')
    return asics


def cxi(name, first=0, n=5, **drop):
    """A file with n events; event k has k + 1 peaks more than the one before."""
    rng = np.random.default_rng(first + 11)
    data = rng.normal(10, 3, (n, 80, 120)).astype('f4')
    data[:, 5, 7] = 60000
    mask = np.zeros((80, 120), 'u2')
    mask[10:12, 20:30] = 8
    count = np.arange(n) + 2 + first
    x = np.zeros((n, 32), 'f4')
    y = np.zeros((n, 32), 'f4')
    for k in range(n):
        for i in range(count[k]):
            y[k, i] = rng.integers(6, 34) + 40 * (i % 2) + .25
            x[k, i] = rng.integers(6, 54) + 60 * (i // 2 % 2)
            data[k, int(y[k, i]), int(x[k, i])] += 500
    sets = {
        '/entry_1/data_1/data': data, '/entry_1/data_1/mask': mask,
        R + 'nPeaks': count.astype('i4'), R + 'peakXPosRaw': x,
        R + 'peakYPosRaw': y, R + 'peakTotalIntensity': x * 3 + 1,
        R + 'peakMaxIntensity': x * 2 + 1,
        '/LCLS/photon_energy_eV': 9000. + np.arange(n),
        '/LCLS/detector_1/EncoderValue': np.full(n, 60.),
        '/LCLS/eventNumber': np.arange(n, dtype='u8') * 3 + 2**60,
        '/LCLS/machineTime': np.arange(n) + 1700000000,
        '/LCLS/machineTimeNanoSeconds': np.arange(n) + 5}
    with h5py.File(name, 'w') as f:
        for key, value in sets.items():
            if key not in drop.get('drop', ()):
                f[key] = value
    return data, mask, count, x, y


def assembled(asics, fs, ss):
    """(column, row) from the first corner of the map, by plain arithmetic."""
    k = 2 * int(ss > 39.5) + int(fs > 59.5)
    a = asics[k]
    i, j = fs - a['fs'] + .5, ss - a['ss'] + .5
    return (a['c'][0] + i * a['f'][0] + j * a['s'][0],
            a['c'][1] + i * a['f'][1] + j * a['s'][1])


def dump(*args, lines=()):
    p = subprocess.run([os.path.join(TOOLS, args[0]), *map(str, args[1:])],
                       input='\n'.join(lines) + '\n', text=True,
                       stdout=subprocess.PIPE)
    return [re.split('[\t ]', line) if args[0] == 'assembly_dump' else
            line.split('\t') for line in p.stdout.splitlines()]


def assembly_check(asics):
    rng = np.random.default_rng(5)
    at = [(rng.uniform(0, 119), rng.uniform(0, 79)) for _ in range(200)]
    out = dump('assembly_dump', path('g.geom'), 80, 120, .06, 1.3,
               path('map'), lines=[f'{a} {b}' for a, b in at])
    h, w = int(out[0][0]), int(out[0][1])
    left, top = float(out[0][2]), float(out[0][3])
    got = np.array(out[1:], float)
    xy = np.array([assembled(asics, *a) for a in at])
    check(np.allclose(got[:, 0], xy[:, 0] - left) and
          np.allclose(got[:, 1], top - xy[:, 1]),
          'positions are assembled as plain arithmetic has it: +x right, +y up')
    r = np.hypot(*xy.T) / 2000
    d = 1.3 / (2 * np.sin(np.arctan2(r, .08) / 2))
    check(np.allclose(got[:, 5], d, rtol=1e-12) and np.allclose(got[:, 6], r),
          'resolutions are those of Bragg\'s law, and radii their inverse')
    m = np.fromfile(path('map'), 'u4').reshape(h, w)
    gap = np.uint32(0xffffffff)
    want = np.full((h, w), gap)
    yy, xx = np.mgrid[:h, :w]
    px, py = left + xx + .5, top - yy - .5
    for a in asics:
        inverse = np.linalg.inv(np.array([a['f'], a['s']]).T)
        i = np.floor(inverse[0, 0] * (px - a['c'][0]) +
                     inverse[0, 1] * (py - a['c'][1]))
        j = np.floor(inverse[1, 0] * (px - a['c'][0]) +
                     inverse[1, 1] * (py - a['c'][1]))
        ok = (i >= 0) & (i < 60) & (j >= 0) & (j < 40)
        want[ok] = ((a['ss'] + j) * 120 + a['fs'] + i)[ok]
    check((m != want).mean() < 1e-4, 'every pixel of the map is the slab pixel'
          ' that its centre lies in: no holes', (m != want).sum())
    return m, left, top


def reader_check(made):
    data, mask, count, x, y = made
    out = dump('cxireader_dump', path('a.cxi'),
               '/LCLS/detector_1/EncoderValue', lines=['3', '0'])
    check(out[0][1:7] == ['5', '80', '120', '32', '1', 'f32'],
          'the reader tells events, sizes, capacity, mask and type', out[0])
    e = out[1]
    check(e[1:4] == ['1', '5', '5'] and e[4:8] ==
          ['1', str((1700000003 << 32) + 8), '1', str(2**60 + 9)] and
          float(e[8]) == 9003 and abs(float(e[9]) - HC / 9003) < 1e-6 and
          e[10:13] == ['nan'] * 3 and e[13:] == ['60', '60'],
          'the reader reads an event\'s columns, and NaN for what is absent', e)
    p = np.array(out[2:7])[:, 1:].astype(float)
    check(np.array_equal(p[:, 0], x[3, :5]) and
          np.array_equal(p[:, 1], y[3, :5]) and
          np.array_equal(p[:, 3], x[3, :5] * 2 + 1) and
          np.isnan(p[:, 4]).all() and (p[:, 5] != 0).all() and
          (p[:, 6] == -1).all(), 'and its peaks', p)
    check(abs(float(out[7][1]) - data[3].sum(dtype='f8')) < 1e-6 and
          int(out[7][3]) == 20 and out[8][0] == 'event',
          'and its image and mask', out[7])


def picture(args, name):
    r = sh(f'cxiview -o {path(name)} {args}')
    check(r.status == [0], f'cxiview {args.split()[0]} ends with 0', r.note)
    with Image.open(path(name)) as i:
        i.load()
        note = dict(re.findall(r'(\w+)=(\S+)', i.info.get('Scale', '')))
        return np.array(i).astype(int), {k: float(v) for k, v in note.items()}, \
            i.info, r


def grey(v, s):
    """What a value must look like by CIE L* and sRGB."""
    v = np.arcsinh((v - s['low']) / s['knee']) / \
        np.arcsinh((s['high'] - s['low']) / s['knee'])
    l = 98 - 94 * np.clip(v, 0, 1)
    y = np.where(l > 8, ((l + 16) / 116) ** 3, l * 27 / 24389)
    return 255 * np.where(y <= .0031308, 12.92 * y,
                          1.055 * y ** (1 / 2.4) - .055)


def plane_check(got, want, s, name):
    zoom = (800 - 1) // 120 + 1
    small = got[zoom // 2:80 * zoom:zoom, zoom // 2::zoom]
    bad = (small == NOTHING).all(2)
    ok = np.abs(small[..., 0] - grey(np.where(np.isnan(want), 0, want), s)) <= 1
    check(np.array_equal(bad, np.isnan(want)) and
          (ok | bad).mean() > .999, name, (ok | bad).mean())


def red(p):
    return (p[..., 0] > 150) & (p[..., 1] < 110) & (p[..., 2] < 110)


def blue(p):
    return (p[..., 2] > p[..., 0] + 60) & (p[..., 0] < 120)


def circles_check(got, places, zoom, name):
    """Red on a ring about each place, the peak itself is free of it."""
    marks, bad = red(got), 0
    yy, xx = np.mgrid[:got.shape[0], :got.shape[1]]
    for c, r in places:
        d = np.hypot(xx + .5 - c * zoom, yy + .5 - r * zoom)
        bad += marks[(d > zoom + 2) & (d < zoom + 5)].mean() < .2 or \
            marks[d < zoom * .9].any() and len(places) == 1
    check(bad == 0 and marks.any(), name, f'{bad} of {len(places)}')


def edge_check():
    """A peak on the first pixel of the second of two ASICs side by side."""
    cxi(path('edge.cxi'), n=1)
    with h5py.File(path('edge.cxi'), 'a') as f:
        f[R + 'nPeaks'][...] = 1
        f[R + 'peakXPosRaw'][0, 0] = 60
        f[R + 'peakYPosRaw'][0, 0] = 20
    with open(path('two.geom'), 'w') as f:
        f.write('res = 2000\nclen = 0.1\n')
        for k, ss in enumerate((0, 0, 40, 40)):
            fs = k % 2 * 60
            f.write(f'a{k}/min_ss = {ss}\na{k}/max_ss = {ss + 39}\n'
                    f'a{k}/min_fs = {fs}\na{k}/max_fs = {fs + 59}\n'
                    f'a{k}/fs = x\na{k}/ss = y\na{k}/corner_x = {fs * 2}\n'
                    f'a{k}/corner_y = {ss}\n')
    got, s, _, _ = picture(f'-P -g {path("two.geom")} {path("edge.cxi")}',
                           'edge.png')
    dark = (got[..., 0] < 60) & (abs(got[..., 0] - got[..., 2]) < 4)
    dark = dark[:80 * (got.shape[1] // 180)]
    zoom = got.shape[1] // 180
    check(dark[:, 120 * zoom:].any() and not dark[:, 50 * zoom:70 * zoom].any(),
          '-P: a peak at the edge of an ASIC does not show on another one')


def float_mask_check():
    cxi(path('half.cxi'), n=1)
    with h5py.File(path('half.cxi'), 'a') as f:
        m = np.zeros((80, 120), 'f4')
        m[30:33, 40:50] = .5
        m[40, 0] = -2
        del f['/entry_1/data_1/mask']
        f['/entry_1/data_1/mask'] = m
    got = dump('cxireader_dump', path('half.cxi'), '', lines=['0'])
    check(int([line for line in got if line[0] == 'image'][0][3]) == 31,
          'what is not 0 in a mask of real numbers is bad', got[-1])


def title_check():
    odd = os.fsencode(path('m')) + b'\xfcller.cxi'
    long = os.fsencode(path('a' * 195)) + b'\xc3\xa9' * 20 + b'.cxi'
    for name in odd, long:
        shutil.copy(path('edge.cxi'), name)
        subprocess.run([b'cxiview', b'-o', os.fsencode(path('n.png')), name])
        with Image.open(path('n.png')) as i:
            top = np.array(i.convert('L')).astype(int)[:, :]
            title = i.info['Title']
        # The lines of text are below the picture of 80 x 120 by 7.
        check((top[560:585] < 100).any(1).any() and '\ufffd' not in title and
              '?' in title, 'a name that is no UTF-8 still has a title', title)


def main():
    asics = geometry()
    _, left, top = assembly_check(asics)
    made = cxi(path('a.cxi'))
    data, mask, count, x, y = made
    other = cxi(path('b.cxi'), 5)
    with open(path('run.lst'), 'w') as f:
        f.write(path('a.cxi') + '\n' + path('b.cxi') + '\n')
    reader_check(made)
    good = np.where(mask != 0, np.nan, data)
    both = np.concatenate([good, np.where(mask != 0, np.nan, other[0])])

    got, s, info, r = picture(f'-s {path("run.lst")}', 's.png')
    plane_check(got, both.sum(0), s, '-s: the sum is numpy\'s, masked pixels are'
                ' neutral')
    got, s, info, r = picture(f'-m {path("run.lst")}', 'm.png')
    plane_check(got, both.max(0), s, '-m: the maximum is numpy\'s')
    want = np.zeros((80, 120))
    for _, _, n, px, py in made, other:
        for k in range(5):
            for i in range(n[k]):
                a, b = int(round(py[k, i])), int(round(px[k, i]))
                want[a - 1:a + 2, b - 1:b + 2] += 1
    want[mask != 0] = np.nan
    got, s, info, r = picture(f'-P {path("run.lst")}', 'p.png')
    plane_check(got, want, s, '-P: peaks are counted where they are, bad pixels'
                ' are neutral')
    edge_check()
    float_mask_check()
    title_check()

    got, s, info, r = picture(f'-e 2 {path("a.cxi")}', 'e.png')
    places = [(x[2, i] + .5, y[2, i] + .5) for i in range(count[2])]
    circles_check(got, places, 7, '-e: each peak of the slab has a circle')
    check('4 peaks' in info['Title'] and 'row 2' in info['Title'],
          'the title tells row and peaks', info['Title'])
    check(not blue(got).any(), 'without a geometry there are no rings')
    got2, *_ = picture(f'-e 2 {path("run.lst")}', 'e2.png')
    check(read(path('e.png')) == read(path('e2.png')),
          'the same event gives the same bytes')
    got, s, info, r = picture(f'-e 7 {path("run.lst")}', 'e7.png')
    check('9 peaks' in info['Title'] and info['Title'].startswith('b.cxi'),
          'events are counted over all files', info['Title'])

    got, s, info, r = picture(f'-e 2 -g {path("g.geom")} {path("a.cxi")}',
                              'g.png')
    out = dump('assembly_dump', path('g.geom'), 80, 120, .06, 1.3, path('map'))
    h, w = int(out[0][0]), int(out[0][1])
    zoom = got.shape[1] // w
    places = []
    for i in range(count[2]):
        a, b = assembled(asics, x[2, i], y[2, i])
        places.append((a - left, top - b))
    circles_check(got[:h * zoom], places, zoom,
                  '-g: circles are where the geometry puts the peaks')
    lam = HC / 9002
    yy, xx = np.mgrid[:h * zoom, :w * zoom]
    d = np.hypot(xx + .5 + left * zoom, yy + .5 - top * zoom) / zoom
    on = blue(got[:h * zoom])
    found = [a for a in (10, 8, 7, 6, 5, 4.5, 4, 3.5, 3.2, 3, 2.8, 2.6, 2.4, 2.2,
                         2, 1.9, 1.8, 1.7, 1.6, 1.5)
             if (ring := on[np.abs(d - .08 * np.tan(2 * np.arcsin(lam / 2 / a)) *
                                   2000) < .3]).size and ring.mean() > .4]
    check(len(found) >= 2, 'rings are at the radii of whole resolutions', found)

    cxi(path('dark.cxi'), drop=('/LCLS/photon_energy_eV',))
    got, s, info, r = picture(f'-g {path("g.geom")} {path("dark.cxi")}', 'd.png')
    check('no resolution rings: the photon energy' in r.said and
          not blue(got).any(), 'no energy: no rings, and it is said', r.said)

    got, s, info, r = picture(f'-t 3 -g {path("g.geom")} {path("run.lst")}',
                              't.png')
    check('3 of 10 events' in info['Title'], 'a sheet has as many as asked',
          info['Title'])

    for name, status, words, command in (
            ('a missing file', 6, 'No such file', f'{T}/no.cxi'),
            ('an event out of range', 6, '0 to 4', f'-e 5 {T}/a.cxi'),
            ('two ways at once', 1, 'only one', f'-s -m {T}/a.cxi'),
            ('a file that is not HDF5', 6, 'not a readable HDF5', f'{T}/g.geom'),
            ('a full disk', 7, 'No space left', f'-o /dev/full {T}/a.cxi')):
        r = sh(f'cxiview {command} > {T}/out.png')
        check(r.status == [status] and words in r.said, f'{name} is refused',
              r.note)
    sh(f'sed "s/max_ss = 79/max_ss = 99/" {T}/g.geom > {T}/bad.geom')
    r = sh(f'cxiview -g {T}/bad.geom -o {T}/never.png {T}/a.cxi')
    check(r.status == [6] and 'not its geometry' in r.said and
          not os.path.exists(path('never.png')),
          'a geometry that does not fit is refused', r.note)
    check(' only; images have ' not in
          sh(f'cxiview -g {T}/g.geom -o {T}/whole.png {T}/a.cxi').said,
          'a geometry that fits is taken without a word')
    sh(f'sed "s/max_ss = 79/max_ss = 69/" {T}/g.geom > {T}/small.geom')
    r = sh(f'cxiview -g {T}/small.geom -o {T}/small.png {T}/a.cxi')
    check(r.status == [0] and 'small.geom: its ASICs reach to ss' in r.said and
          os.path.exists(path('small.png')),
          'a geometry that ends before the image does is said', r.note)
    for good, told in (0, False), ('0x1', True):
        with open(path('mask.geom'), 'w') as f:
            f.write(f'mask_good = {good}\n' + open(path('g.geom')).read())
        r = sh(f'cxiview -g {T}/mask.geom -o {T}/mask.png {T}/a.cxi')
        check(r.status == [0] and
              ('mask.geom: mask_good is not looked at' in r.said) == told,
              f'mask_good = {good} is {"told of" if told else "taken"}', r.note)
    with h5py.File(path('high.h5'), 'w') as f:
        f['entry_1/data_1/data'] = np.zeros((1, 40000, 8), 'f4')
    r = sh(f'cxiview -o {T}/never.png {T}/high.h5')
    check(r.status == [6] and 'a side has 1 to 32767' in r.said,
          'a picture that would be too high is no lack of the machine', r.note)
    with h5py.File(path('other.h5'), 'w') as f:
        f['x'] = 1
    r = sh(f'cxiview -o {T}/never.png {T}/other.h5')
    check(r.status == [6] and 'not a CXI file' in r.said,
          'an HDF5 file that is no CXI file is refused', r.note)
    for what, words in ((h5py.SoftLink('/nowhere'), 'a link that leads nowhere'),
                        (h5py.ExternalLink('a.cxi', '/entry_1/data_1/data'),
                         'an external link; no other files are read'),
                        (None, 'not a dataset')):
        for name in 'data', 'mask':
            shutil.copy(path('a.cxi'), path('odd.cxi'))
            with h5py.File(path('odd.cxi'), 'a') as f:
                g = f['entry_1/data_1']
                if name in g:
                    del g[name]
                if what is None:
                    g.create_group(name)
                else:
                    g[name] = what
            r = sh(f'cxiview -o {T}/never.png {T}/odd.cxi')
            check(r.status == [6] and f'/entry_1/data_1/{name}: {words}' in r.said,
                  f'{words}, in place of the {name}: that is said', r.note)
    r = sh(f'cxiview {T}/a.cxi | cmp - <(cxiview -o - {T}/a.cxi)')
    check(r.status == [0, 0], 'without -o, and with -o -, it goes to a pipe',
          r.note)
    check(not [f for f in os.listdir(T) if f.endswith('.tmp')],
          'no temporary file is left')
    t.done()


main()
