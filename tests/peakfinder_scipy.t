#!/usr/bin/python3
# Peaks equal those of scipy.ndimage and of a plain numpy reference.

import os
import struct
import subprocess
import sys

import numpy as np
from scipy import ndimage

B = os.environ.get('B', 'build')
TOOL = os.path.join(B, 'tests/tools/peakfind_raw')
DUMP = '../shared/data/cxi78513-r0014-thermolysin.q2dump.h5'

LOGITS = {'none': 0, 'f32': 1, 'f16': 2, 'bf16': 3}
IMAGE = {None: 0, np.dtype('f4'): 1, np.dtype('u2'): 2, np.dtype('i2'): 3,
         np.dtype('i4'): 4}
PEAK = np.dtype([('ss', 'f8'), ('fs', 'f8'), ('panel', 'u4'), ('npixels', 'u4'),
                 ('sum', 'f4'), ('max', 'f4'), ('background', 'f4'),
                 ('sd', 'f4'), ('snr', 'f4'), ('zero', 'f4')])
EIGHT = np.ones((3, 3), int)
rng = np.random.default_rng(2027)
tests = 0
failures = 0


def check(ok, name):
    global tests, failures
    tests += 1
    failures += not ok
    print('ok' if ok else 'not ok', tests, '-', name, flush=True)


class Case:
    """Logits (or a segmentation map) as sent, and what goes with them."""

    def __init__(self, scores, real=None, type='f32', image=None, bad=None,
                 capacity=100000, minpix=1, maxpix=0, weighted=False,
                 segmap=False):
        self.scores = scores        # [panel][class][ss][fs], or [panel][ss][fs]
        self.type = type
        self.shape = scores.shape[-2:]
        self.real = real or self.shape
        self.image = image
        self.bad = bad
        self.capacity = capacity
        self.minpix, self.maxpix = minpix, maxpix
        self.weighted = weighted
        self.segmap = segmap

    def logits(self):
        """The bytes sent, and the values that they stand for."""
        s = self.scores
        if self.type == 'none':
            return s.astype('u1').tobytes(), s
        if self.type == 'f16':
            with np.errstate(over='ignore'):
                h = s.astype('f2')
            return h.tobytes(), h.astype('f4')
        if self.type == 'bf16':
            u = s.astype('f4').view('u4')
            nan = np.isnan(s)
            u = np.where(nan, u | 0x400000, u) & 0xffff0000
            return (u >> 16).astype('u2').tobytes(), u.astype('u4').view('f4')
        return s.astype('f4').tobytes(), s.astype('f4')

    def pack(self):
        data, _ = self.logits()
        classes = 0 if self.type == 'none' else self.scores.shape[1]
        head = struct.pack('14I', self.scores.shape[0], classes, *self.shape,
                           *self.real, LOGITS[self.type],
                           IMAGE[None if self.image is None
                                 else self.image.dtype],
                           self.capacity, self.minpix, self.maxpix,
                           self.weighted, self.bad is not None, self.segmap)
        if self.image is not None:
            data += self.image.tobytes()
        if self.bad is not None:
            data += self.bad.astype('u1').tobytes()
        return head + data


def classes_of(case):
    """The winning class, 0 for ties and NaNs; and where NaNs are."""
    _, v = case.logits()
    if case.type == 'none':
        return v, np.zeros(v.shape, bool)
    nan = np.isnan(v).any(axis=1)
    clean = np.where(np.isnan(v), -np.inf, v)
    won = clean.argmax(axis=1)
    tie = (clean == clean.max(axis=1, keepdims=True)).sum(axis=1) > 1
    return np.where(nan | tie, 0, won), nan


def background(image, free, where):
    h, w = image.shape
    for by in 3, 5:
        box = (slice(max(where[0].start - by, 0), where[0].stop + by),
               slice(max(where[1].start - by, 0), where[1].stop + by))
        v = image[box][free[box]]
        if v.size >= 8:
            return v.mean(), v.std()
    return 0.0, 0.0


def measure(case, panel, mask, label, where, image, free):
    """One peak, the plain way."""
    box = where[label - 1]
    ss, fs = np.nonzero(mask[box] == label)
    ss, fs = ss + box[0].start, fs + box[1].start
    p = dict(panel=panel, npixels=ss.size, ss=ss.mean(), fs=fs.mean(),
             sum=0, max=0, background=0, sd=0, snr=0)
    if image is None:
        return p
    mean, sd = background(image, free, box)
    v = image[ss, fs]
    ok = np.isfinite(v)
    v, ss, fs = v[ok] - mean, ss[ok], fs[ok]
    p.update(sum=v.sum(), max=v.max() if v.size else 0, background=mean, sd=sd)
    if np.float32(sd) > 0:
        p['snr'] = p['sum'] / (sd * np.sqrt(p['npixels']))
    weight = np.maximum(v, 0)
    if case.weighted and weight.sum() > 0:
        p['ss'] = (weight * ss).sum() / weight.sum()
        p['fs'] = (weight * fs).sum() / weight.sum()
    return p


def expected(case):
    won, nan = classes_of(case)
    h, w = case.real
    peaks = []
    for panel in range(won.shape[0]):
        mark = won[panel, :h, :w] == 1
        bad = np.zeros((h, w), bool)
        if case.bad is not None:
            bad = case.bad[panel] != 0
            mark &= ~bad
        mask, n = ndimage.label(mark, EIGHT)
        where = ndimage.find_objects(mask)
        image = free = None
        if case.image is not None:
            image = case.image[panel, :h, :w].astype('f8')
            free = ~ndimage.binary_dilation(mark, EIGHT) & ~bad
            free &= np.isfinite(image)
        size = np.bincount(mask.ravel(), minlength=n + 1)
        for label in range(1, n + 1):
            if size[label] >= case.minpix and (
                    case.maxpix == 0 or size[label] <= case.maxpix):
                peaks.append(measure(case, panel, mask, label, where, image,
                                     free))
    return peaks, nan[:, :h, :w].sum(), won


def run(cases):
    out = subprocess.run([TOOL], input=b''.join(c.pack() for c in cases),
                         stdout=subprocess.PIPE, check=True).stdout
    at = 0
    for c in cases:
        kept, found, nans = struct.unpack_from('3I', out, at)
        at += 12
        peaks = np.frombuffer(out, PEAK, kept, at)
        at += kept * PEAK.itemsize
        segmap = None
        if c.segmap:
            shape = (c.scores.shape[0],) + c.shape
            segmap = np.frombuffer(out, 'u1', np.prod(shape), at).reshape(shape)
            at += segmap.size
        yield peaks, found, nans, segmap
    assert at == len(out)


def strongest(peaks, capacity):
    if len(peaks) <= capacity:
        return peaks
    order = np.argsort([-np.float32(p['sum']) for p in peaks], kind='stable')
    return [peaks[i] for i in sorted(order[:capacity])]


def differs(case, answer):
    """What is wrong with the answer; None if nothing is."""
    got, found, nans, segmap = answer
    want, n_nans, won = expected(case)
    if found != len(want):
        return f'{found} found, not {len(want)}'
    if nans != n_nans:
        return f'{nans} NaNs, not {n_nans}'
    want = strongest(want, case.capacity)
    if len(got) != len(want):
        return f'{len(got)} kept, not {len(want)}'
    for name in 'panel', 'npixels':
        if not np.array_equal(got[name], [p[name] for p in want]):
            return name
    for name, rtol, atol in (('ss', 1e-12, 1e-9), ('fs', 1e-12, 1e-9),
                             ('sum', 1e-5, 1e-4), ('max', 1e-5, 1e-4),
                             ('background', 1e-6, 1e-6), ('sd', 1e-5, 1e-6),
                             ('snr', 1e-4, 1e-4)):
        w = np.array([p[name] for p in want])
        if not np.allclose(got[name], w, rtol=rtol, atol=atol):
            return name
    if case.segmap:
        h, w = case.real
        full = np.zeros(won.shape, 'u1')
        full[:, :h, :w] = won[:, :h, :w]
        if not np.array_equal(segmap, full):
            return 'segmap'
    return None


def check_all(cases, name):
    wrong = [(i, d) for i, (c, a) in enumerate(zip(cases, run(cases)))
             if (d := differs(c, a)) is not None]
    for i, d in wrong[:5]:
        c = cases[i]
        print(f'# case {i}: {d}; {c.type} {c.scores.shape} real {c.real}')
    check(not wrong, f'{name} ({len(cases)} maps)')


def scores_of(mark, classes=2):
    """Random logits whose class 1 wins just where mark is set."""
    mark = np.asarray(mark, bool)
    if mark.ndim == 2:
        mark = mark[None]
    shape = (mark.shape[0], classes) + mark.shape[1:]
    s = rng.uniform(-4, 4, shape).astype('f4')
    other = np.delete(s, 1, axis=1).max(axis=1)
    gap = rng.uniform(0.5, 8, mark.shape).astype('f4')
    s[:, 1] = np.where(mark, other + gap, other - gap)
    return s


def image_of(shape, dtype=np.float32):
    v = rng.normal(20, 3, shape) + 500 * (rng.random(shape) < 0.02)
    if dtype != np.float32:
        v = np.round(v)
    if np.dtype(dtype).kind == 'i':
        v = v - 25
    return v.astype(dtype)


def spiral(n):
    m = np.zeros((n, n), bool)
    y, x, dy, dx, length = 0, 0, 0, 1, n - 1
    m[0, 0] = True
    turn = 0
    while length > 0:
        for _ in range(length):
            y, x = y + dy, x + dx
            m[y, x] = True
        dy, dx = dx, -dy
        turn += 1
        if turn >= 3 and turn % 2 == 1:
            length -= 2
    return m


def rings(n, pitch=2):
    y, x = np.indices((n, n))
    return np.maximum(abs(y - n // 2), abs(x - n // 2)) % pitch == 0


def comb(h, w, down):
    m = np.zeros((h, w), bool)
    m[:, ::2] = True
    m[-1 if down else 0] = True
    return m


def interleaved(h, w):
    m = np.zeros((h, w), bool)
    m[0], m[-1] = True, True
    m[:-2, ::4] = True
    m[2:, 2::4] = True
    return m


def shapes():
    n = 71
    y, x = np.indices((n, n))
    yield from (spiral(n), spiral(130), rings(n), rings(n, 3), rings(n, 7))
    yield from (comb(n, n, True), comb(n, n, False), comb(64, 129, True))
    yield from (interleaved(n, n), interleaved(40, 130), interleaved(40, 130).T)
    yield from ((y + x) % 2 == 0, (y + x) % 2 == 1, (y + x) % 3 == 0)
    yield from ((y - x) % 4 == 0, y % 2 == 0, x % 2 == 0, x % 3 == 0)
    yield from (np.ones((n, n), bool), np.zeros((n, n), bool))
    yield (abs(y - 35) == abs(x - 35))          # X
    yield (y == abs(x - 35))                    # V: joined in the last row
    yield (y == 70 - abs(x - 35))
    w = np.zeros((n, n), bool)                  # W: joins joined components
    for k in range(0, 70, 2):
        w[:70 - k // 2, k] = True
    w[35] = True
    yield w
    yield w[::-1]
    u = np.zeros((n, n), bool)
    for k in range(0, 35, 2):                   # nested U
        u[:n - k, [k, n - 1 - k]] = True
        u[n - 1 - k, k:n - k] = True
    yield u
    yield u[::-1]
    yield u.T
    yield ((y * 7919 + x * 104729) % 11 == 0)


WIDTHS = (1, 2, 3, 31, 62, 63, 64, 65, 66, 126, 127, 128, 129, 191, 192, 193)


def dots():
    """Single pixels at every corner and edge, and runs over word borders."""
    for w in WIDTHS:
        h = 9
        for ss in (0, 4, 8):
            for fs in sorted({0, w // 2, w - 1, min(63, w - 1), min(64, w - 1)}):
                m = np.zeros((h, w), bool)
                m[ss, fs] = True
                yield m
        yield np.ones((h, w), bool)
        yield np.ones((1, w), bool)
        m = np.zeros((h, w), bool)
        m[::2] = rng.random((5, w)) < 0.7
        yield m


def test_shapes():
    for t in 'f32', 'f16', 'bf16':
        check_all([Case(scores_of(m), type=t,
                        image=image_of((1,) + m.shape), segmap=True)
                   for m in shapes()],
                  f'shapes made to break labelling, {t}')
    check_all([Case(np.where(m, 1, rng.choice([0, 2, 255], m.shape))[None],
                    type='none', image=image_of((1,) + m.shape))
               for m in shapes()], 'the same as segmentation maps')
    check_all([Case(scores_of(m), type=t, image=image_of((1,) + m.shape))
               for t in ('f32', 'f16') for m in dots()],
              'single pixels and full rows at corners, edges and word borders')


def test_padding():
    cases = []
    for w in WIDTHS:
        for extra in 1, 5, 64, 70:
            h = 12
            m = rng.random((2, h + 3, w + extra)) < 0.2
            m[:, :, w - 1:w + 1] = True         # over the right border
            m[:, h - 1:h + 1] = True            # over the lower border
            for t in 'f32', 'f16', 'bf16':
                cases.append(Case(scores_of(m), real=(h, w), type=t,
                                  image=image_of(m.shape), segmap=True))
            cases.append(Case(m.astype('u1'), real=(h, w), type='none',
                              image=image_of(m.shape)))
    check_all(cases, 'blobs across the padding end at the real border')


def test_noise():
    cases = []
    for density in 0.0001, 0.001, 0.01, 0.05, 0.1, 0.3, 0.41, 0.5, 0.6:
        for shape in (64, 64), (97, 131), (40, 257), (200, 1), (3, 300):
            m = rng.random((2,) + shape) < density
            for t in 'f32', 'f16', 'bf16':
                cases.append(Case(scores_of(m), type=t,
                                  image=image_of(m.shape), segmap=True))
    check_all(cases, 'noise of 0.01 to 60 %, several panels')
    m = rng.random((1, 600, 700)) < 0.002
    check_all([Case(scores_of(m), image=image_of(m.shape))],
              'a large sparse map')


def test_classes():
    cases = []
    for k in 2, 3, 5:
        for t in 'f32', 'f16', 'bf16':
            for w in 17, 64, 65, 130:
                m = rng.random((3, 30, w)) < 0.1
                cases.append(Case(scores_of(m, k), type=t, segmap=True,
                                  image=image_of(m.shape)))
                few = rng.integers(-2, 3, (2, k, 30, w)).astype('f4')
                cases.append(Case(few, type=t, segmap=True,
                                  image=image_of((2, 30, w))))
    check_all(cases, 'two, three and five classes, ties are background')


def special(shape):
    """Mostly background, with every pair of odd values somewhere."""
    odd = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 6e-8, -6e-8,
                    1.0, -1.0, 65504, -65504, 3e38, -3e38, 1e-40], 'f4')
    s = np.empty(shape, 'f4')
    s[:, 0], s[:, 1:] = 3, -3
    at = rng.random(shape) < rng.choice([0.002, 0.02, 0.3])
    s[at] = rng.choice(odd, at.sum())
    return s


def test_special():
    for t in 'f32', 'f16', 'bf16':
        check_all([Case(special((2, k, 40, w)), real=(38, w - 1), type=t,
                        segmap=True, image=image_of((2, 40, w)))
                   for k in (2, 3, 5) for w in (64, 65, 127, 193, 256)],
                  f'NaN of both signs, infinities and zeros of both signs, {t}')
    # Every bit pattern against opponents of every kind.
    for t, dtype in ('f16', 'f2'), ('bf16', 'u2'):
        u = np.arange(65536, dtype='u2')
        v = (u.view('f2').astype('f4') if t == 'f16' else
             (u.astype('u4') << 16).view('f4'))
        cases = []
        for other in (0.0, -0.0, 1.5, np.inf, -np.inf, np.nan, -np.nan, -2e-7):
            for first in False, True:
                s = np.empty((1, 2, 256, 256), 'f4')
                s[:, int(first)], s[:, int(not first)] = v.reshape(256, 256), other
                cases.append(Case(s, type=t, segmap=True))
        check_all(cases, f'every {t} against zeros, infinities and NaNs')


def test_images():
    for dtype in np.float32, np.uint16, np.int16, np.int32:
        cases = []
        for density in 0.003, 0.02, 0.15:
            for weighted in False, True:
                m = rng.random((3, 70, 133)) < density
                m = ndimage.binary_dilation(m, np.ones((1, 2, 2)))
                v = image_of((3, 72, 140), dtype)
                m2 = np.zeros(v.shape, bool)
                m2[:, :70, :133] = m
                cases.append(Case(scores_of(m2), real=(70, 133), image=v,
                                  weighted=weighted,
                                  bad=rng.random(m.shape) < 0.05))
        check_all(cases, f'{np.dtype(dtype).name} images, bad pixels, both'
                  ' centroids')
    cases = []
    for weighted in False, True:
        m = ndimage.binary_dilation(rng.random((2, 80, 80)) < 0.01,
                                    np.ones((1, 3, 3)))
        v = image_of(m.shape)
        at = rng.random(v.shape) < 0.2
        v[at] = rng.choice(np.array([np.nan, np.inf, -np.inf], 'f4'), at.sum())
        cases.append(Case(scores_of(m), image=v, weighted=weighted))
        v = np.full(m.shape, np.nan, 'f4')
        cases.append(Case(scores_of(m), image=v, weighted=weighted))
        v = np.full(m.shape, 7, 'f4')
        cases.append(Case(scores_of(m), image=v, weighted=weighted))
        v = np.full(m.shape, 1e6, 'f4') + image_of(m.shape)
        cases.append(Case(scores_of(m), image=v, weighted=weighted))
        cases.append(Case(scores_of(m), weighted=weighted))
    check_all(cases, 'images with NaNs and infinities, flat, offset, or none')
    m = np.zeros((1, 9, 9), bool)
    m[0, 4, 4] = True
    cases = []
    for n in range(0, 60):
        bad = np.ones(m.shape, bool)
        bad[0, 4, 4] = False
        at = rng.permutation(81)[:n]
        bad.reshape(-1)[at] = False
        cases.append(Case(scores_of(m), bad=bad, image=image_of(m.shape)))
    check_all(cases, 'backgrounds of few pixels grow by 5, then are 0')
    m = rng.random((2, 50, 90)) < 0.3
    check_all([Case(scores_of(m), bad=np.ones(m.shape, 'u1') * 255),
               Case(scores_of(m), bad=np.zeros(m.shape, 'u1')),
               Case(m.astype('u1'), type='none', bad=m * 2)],
              'masks that are all bad, all good, or just the peaks')


def test_limits():
    cases = []
    for minpix, maxpix in (2, 0), (1, 3), (3, 9), (5, 4), (0, 0), (1000, 0):
        m = rng.random((2, 60, 100)) < 0.15
        cases.append(Case(scores_of(m), image=image_of(m.shape), minpix=minpix,
                          maxpix=maxpix))
    check_all(cases, 'pixel limits; components outside still are no background')
    cases = []
    for capacity in 1, 2, 3, 7, 50, 199, 200, 201, 5000:
        m = np.zeros((2, 60, 100), bool)
        m[:, ::6, ::10] = True
        for v in (image_of(m.shape), None, np.ones(m.shape, 'f4'),
                  rng.integers(0, 3, m.shape).astype('i2') * 100,
                  -np.arange(m.size, dtype='f4').reshape(m.shape),
                  np.arange(m.size, dtype='f4').reshape(m.shape)):
            cases.append(Case(scores_of(m), image=v, capacity=capacity))
    check_all(cases, 'the strongest stay, ties in raster order')


def test_center_of_mass():
    m = ndimage.binary_dilation(rng.random((300, 300)) < 0.004)
    mask, n = ndimage.label(m, EIGHT)
    want = np.array(ndimage.center_of_mass(m, mask, range(1, n + 1)))
    (got, found, _, _), = run([Case(scores_of(m))])
    check(found == n and np.allclose(np.c_[got['ss'], got['fs']], want,
                                     rtol=0, atol=1e-9),
          'centroids are those of scipy.ndimage.center_of_mass')


def test_real_frames():
    name = 'real frames have 286, 192, 205 and 155 peaks, as measured by numpy'
    if not os.path.exists(DUMP):
        check(True, name + ' # SKIP no frames here')
        return
    import h5py
    cases = []
    with h5py.File(DUMP) as f:
        for b in 'batch_0', 'batch_1':
            events, panels, h, w = f[b]['preprocessing_metadata/original_shape']
            logits = f[b]['logits'][:].astype('f4')
            image = f[b]['original_image'][:, 0].astype('f4')
            for e in range(events):
                at = slice(e * panels, (e + 1) * panels)
                for t in 'f32', 'f16', 'bf16':
                    cases.append(Case(logits[at], real=(int(h), int(w)), type=t,
                                      image=image[at]))
    answers = list(run(cases))
    wrong = [differs(c, a) for c, a in zip(cases, answers)]
    if any(wrong):
        print('#', wrong)
    check([a[1] for a in answers[::3]] == [286, 192, 205, 155]
          and not any(wrong), name)


if not os.path.exists(TOOL):
    sys.exit(f'{TOOL} is not built: make units')
test_shapes()
test_padding()
test_noise()
test_classes()
test_special()
test_images()
test_limits()
test_center_of_mass()
test_real_frames()
print(f'1..{tests}')
sys.exit(failures > 0)
