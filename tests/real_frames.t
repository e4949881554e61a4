#!/usr/bin/python3
# Real LCLS frames, from the dump to CXI files, beside scipy and plain numpy.

import os
import sys

sys.dont_write_bytecode = True

import h5py
import numpy as np
from scipy import ndimage

import pipetest as t
from pipetest import GEOM, HC, REAL, T, check, column, files, path, sh

PANELS, H, W = 32, 185, 388
JOULE = 1.602176634e-19
R = '/entry_1/result_1/'


def frames():
    """Events of the dump without padding: logits, image, wavelength, time."""
    with h5py.File(REAL) as f:
        for b in range(len(f)):
            g = f[f'batch_{b}']
            shape = tuple(g['preprocessing_metadata/original_shape'])
            assert shape[1:] == (PANELS, H, W)
            for i in range(shape[0]):
                at = slice(i * PANELS, (i + 1) * PANELS)
                yield (g['logits'][at, :, :H, :W],
                       g['original_image'][at, 0, :H, :W].astype('f8'),
                       g['metadata/photon_wavelength'][i],
                       int(g['metadata/timestamp'][i]),
                       g['logits'][at])


def background(image, free, box):
    """Mean and standard deviation around a peak, as DESIGN.md has it."""
    for by in 3, 5:
        around = tuple(slice(max(b.start - by, 0), b.stop + by) for b in box)
        v = image[around][free[around]]
        if v.size >= 8:
            return v.mean(), v.std()
    return 0., 0.


def peaks_of(logits, image):
    """What scipy finds in one event, in its order, and what numpy measures."""
    out = []
    for p in range(PANELS):
        marked = logits[p, 1] > logits[p, 0]
        label, n = ndimage.label(marked, t.EIGHT)
        centres = ndimage.center_of_mass(marked, label, range(1, n + 1))
        free = ~ndimage.binary_dilation(marked, t.EIGHT)
        free &= np.isfinite(image[p])
        for i, box in enumerate(ndimage.find_objects(label), 1):
            mean, sd = background(image[p], free, box)
            ss, fs = np.nonzero(label == i)
            above = image[p][ss, fs] - mean
            weight = np.maximum(above, 0)
            if weight.sum() == 0:
                weight[:] = 1
            out.append((p, *centres[i - 1], ss.size, above.sum(), above.max(),
                        above.sum() / (sd * np.sqrt(ss.size)) if sd > 0 else 0,
                        np.average(ss, weights=weight),
                        np.average(fs, weights=weight)))
    return np.array(out)


PANEL, SS, FS, SIZE, SUM, MAX, SNR, WEIGHTED_SS, WEIGHTED_FS = range(9)


def places_check(found, wanted, places, what, ss=SS, fs=FS):
    """Centroids in the slab, in scipy's order. A float32 at 5920 has steps of
    0.0005: half of one is all that the file can be asked for."""
    x, y = column(found, R + 'peakXPosRaw'), column(found, R + 'peakYPosRaw')
    seg = column(found, R + 'peakSegPosRaw')
    worst, order = 0, True
    for k, w in enumerate(wanted):
        n = len(w)
        at = np.array([places[int(p)] for p in w[:, PANEL]], 'f8')
        for got, want in (x, at[:, 1] + w[:, fs]), (y, at[:, 0] + w[:, ss]):
            steps = np.abs(got[k, :n] - want) / np.spacing(want.astype('f4'))
            worst = max(worst, steps.max())
        order &= np.array_equal(seg[k, :n], w[:, PANEL])
    check(order, f'{what}: the panels come in scipy\'s order')
    check(worst < .5001, f'{what}: centroids in the slab equal scipy\'s within'
          ' half a float32 step', f'off by {worst} steps')


def panel_check(wanted, option, ss, fs):
    """Before they are placed in a slab, where nothing is rounded."""
    r = sh(f'q2cat {REAL} | peakfind {option} | q2ls -p')
    rows = np.array([line.split('\t')[:4]
                     for line in r.stdout.decode().split('\n')[1:-1]], float)
    want = np.concatenate([np.column_stack([np.full(len(w), k), w[:, PANEL],
                                            w[:, ss], w[:, fs]])
                           for k, w in enumerate(wanted)])
    check(rows.shape == want.shape and np.abs(rows - want).max() < 1e-4,
          f'peakfind {option}: centroids in the panel equal the reference'
          ' within 1e-4 pixel, in scipy\'s order')


def images_check(found, events, places, size, what):
    data = column(found, '/entry_1/data_1/data')
    ok = data.shape == (len(events), *size)
    for k, e in enumerate(events):
        slab = np.zeros(size, 'f4')
        for p, (ss, fs) in enumerate(places):
            slab[ss:ss + H, fs:fs + W] = e[1][p]
        ok = ok and np.array_equal(data[k], slab, equal_nan=True)
    check(ok, f'{what}: rows are the images without padding, in their places',
          data.shape)


def intensities_check(found, wanted):
    for name, index in (('peakTotalIntensity', SUM), ('peakMaximumValue', MAX),
                        ('peakMaxIntensity', MAX), ('peakSNR', SNR),
                        ('peakNPixels', SIZE)):
        v = column(found, R + name)
        ok, worst = v is not None, ''
        for k, w in enumerate(wanted if ok else []):
            a, b = v[k, :len(w)], w[:, index]
            if not np.allclose(a, b, rtol=2e-5, atol=1e-2):
                ok = False
                i = np.abs(a - b).argmax()
                worst = f'event {k} peak {i}: {a[i]}, not {b[i]}'
        check(ok, f'{name} is what numpy measures', worst)
    total = column(found, R + 'peakTotalIntensity')
    check(all((total[k, :len(w)] > 0).mean() > .95
              for k, w in enumerate(wanted)),
          'intensities are real: nearly all peaks are above their background')


def rest_check(found, events, wanted):
    wavelength = np.array([e[2] for e in events])
    for name, want in (
            ('/LCLS/photon_energy_eV', HC / wavelength),
            ('/LCLS/photon_wavelength_A', wavelength),
            ('/entry_1/instrument_1/source_1/energy',
             HC / wavelength * JOULE)):
        v = column(found, name)
        check(v is not None and v.dtype == 'f8' and v.shape == want.shape and
              np.allclose(v, want, rtol=1e-8, atol=0), f'{name} is right', v)
    time = [e[3] for e in events]
    check(column(found, '/LCLS/detector_1/timestamp').tolist() == time and
          column(found, '/LCLS/detector_1/timestamp').dtype == 'u8',
          'timestamps are those of the dump, to the last bit')
    check(column(found, '/LCLS/machineTime').tolist() ==
          [v >> 32 for v in time] and
          column(found, '/LCLS/machineTimeNanoSeconds').tolist() ==
          [v & 0xffffffff for v in time], 'and machineTime is their two halves')
    asics, top = t.geometry(GEOM)
    with h5py.File(found[0]) as f:
        mask = f['/entry_1/data_1/mask']
        check(mask.shape == f['/entry_1/data_1/data'].shape[1:] and
              not mask[...].any(),
              'the mask is zero: this geometry has no gap and no bad region')
        d = f['/entry_1/instrument_1/detector_1']
        check(d['x_pixel_size'].shape == (len(events),) and
              np.allclose(d['x_pixel_size'], 1 / float(top['res'])) and
              np.allclose(d['y_pixel_size'], 1 / float(top['res'])) and
              np.allclose(d['distance'], float(top['clen'].split()[0])),
              'pixel size and distance are those of the geometry')


def padding_check(found, events):
    """The blob is in the padding of panel 3 of every event, and in no peak."""
    there = gone = True
    seg = column(found, R + 'peakSegPosRaw')
    n = column(found, R + 'nPeaks')
    for k, e in enumerate(events):
        marked = e[4][3, 1] > e[4][3, 0]
        outside = marked.copy()
        outside[:H, :W] = False
        there &= bool(outside.any())
        _, real = ndimage.label(marked[:H, :W], t.EIGHT)
        gone &= (seg[k, :n[k]] == 3).sum() == real
    check(there and gone, 'the blob in the padding of panel 3 is gone',
          f'{there} {gone}')


def cheetah_geometry(name):
    """The modules in four columns, mentioned from the last to the first, with
    names that tell nothing: only order and rectangles count."""
    with open(name, 'w') as f:
        f.write('; made for a test\nres = 9097.5255\nclen=0.13\n'
                'peak_list = /entry_1/result_1\n')
        for m in range(PANELS - 1, -1, -1):
            ss, fs = m % 8 * H, m // 8 * W
            for half in 1, 0:
                a = f'q{(m * 7) % 32}x{half}'
                f.write(f'{a}/min_fs={fs + 194 * half}\n'
                        f'{a}/max_fs={fs + 194 * half + 193}\n'
                        f'{a}/min_ss={ss}\n{a}/max_ss={ss + H - 1}\n'
                        f'{a}/fs = x\n{a}/ss = y\n{a}/corner_x = {fs}\n'
                        f'{a}/corner_y = {ss}\n')
    return name


def main():
    if not (os.path.exists(REAL) and os.path.exists(GEOM)):
        t.skip_all('the real frames are not here')
    events = list(frames())
    wanted = [peaks_of(e[0], e[1]) for e in events]
    check([len(w) for w in wanted] == [286, 192, 205, 155],
          'scipy finds what upstream.md expects')
    places, size = t.modules(GEOM, H, W)

    for how, command in (
            ('inline', f'q2cat {REAL} | peakfind -P 2 | '
             f'cxiwrite -g {GEOM} -o {T}/inline'),
            ('slots', f'q2slots -n 100 sh -c "q2cat {REAL} | peakfind -P 2 | '
             f'cxiwrite -g {GEOM} -o {T}/slots"')):
        r = sh(command)
        check(not any(r.status), f'{how}: the pipeline ends with 0', r.note)
        check('4 events in = 4 written + 0 filtered + 0 failed' in r.said,
              f'{how}: 4 events in, 4 written', r.note)
        found = files(path(how))
        n = column(found, R + 'nPeaks')
        if not check(n is not None and n.tolist() == [286, 192, 205, 155],
                     f'{how}: 286, 192, 205 and 155 peaks', n):
            t.done()
        places_check(found, wanted, places, how)
        images_check(found, events, places, size, how)
    panel_check(wanted, '', SS, FS)
    panel_check(wanted, '-w', WEIGHTED_SS, WEIGHTED_FS)
    padding_check(found, events)
    intensities_check(found, wanted)
    rest_check(found, events, wanted)

    sh(f'q2cat {REAL} | peakfind -w | cxiwrite -g {GEOM} -o {T}/w')
    places_check(files(path('w')), wanted, places, 'peakfind -w',
                 WEIGHTED_SS, WEIGHTED_FS)

    r = sh(f'q2cat {REAL} | peakfind | cxiwrite -o {T}/stacked')
    check(not any(r.status), 'without -g: the pipeline ends with 0', r.note)
    stacked = [(p * H, 0) for p in range(PANELS)]
    places_check(files(path('stacked')), wanted, stacked, 'without -g')
    images_check(files(path('stacked')), events, stacked, (PANELS * H, W),
                 'without -g')

    columns = cheetah_geometry(path('columns.geom'))
    r = sh(f'q2cat {REAL} | peakfind | cxiwrite -g {columns} -o {T}/columns')
    check(not any(r.status), 'in four columns: the pipeline ends with 0',
          r.note)
    places, size = t.modules(columns, H, W)
    check(places[0] == (7 * H, 3 * W), 'in four columns: modules are placed by'
          ' the order of first mention')
    places_check(files(path('columns')), wanted, places,
                 'in four columns')
    images_check(files(path('columns')), events, places, size,
                 'in four columns')
    t.done()


main()
