#!/usr/bin/python3
"""What q2serve tells an indexer: the rows of the CXI file that cxiwrite makes of the
same records, and a geometry for them."""
import os
import re
import subprocess
import sys

sys.path.insert(0, 'tests')
from servetest import *
from pipetest import T, check

import h5py
import numpy as np
import q2bytes


# ---- what a reply says ----

def same_as_cxi(name, stream, options, n, cxi=None):
    """The replies for a stream against the CXI file that cxiwrite makes of it."""
    out = path(f'cxi{n}')
    p = subprocess.run(['cxiwrite', '-o', out, *options], input=stream,
                       stderr=subprocess.PIPE)
    with Serve(*options, stdin=subprocess.PIPE) as s, Client(s.address) as c:
        s.feed(stream)
        s.p.stdin.close()
        replies = c.all()
        c.s.close()
        status = s.end()
    wrong = []
    with h5py.File(t.files(out)[0]) as f:
        kept = f[PEAKS + '/nPeaks'][...]
        if len(replies) != len(kept):
            wrong.append(f'{len(replies)} replies, {len(kept)} rows')
        for i, m in enumerate(replies[:len(kept)]):
            wrong += [f'event {i}: {w}' for w in differences(m, f, i, kept[i])]
    if remarks(s.said) != remarks(p.stderr.decode()):
        wrong.append('other remarks on events')
    check(p.returncode == status == 0 and not wrong and replies, name,
          '\n'.join(wrong) + s.said + p.stderr.decode())
    return replies


def remarks(said):
    return re.findall('(?:event [0-9]|PHOTON|ENCODER).*', said)


def differences(m, f, i, n):
    d, p = m[DATA], m[PEAKS]
    image = f[DATA][i]
    if d['type'] != ('<f4' if image.dtype.kind == 'f' else '<i4'):
        yield 'type'
    if d['shape'] != list(image.shape):
        yield 'shape'
    mine = np.frombuffer(d['data'], d['type']).reshape(d['shape'])
    if not np.array_equal(mine, image.astype(d['type'])):
        yield 'image'
    for key, name in ('fs', 'peakXPosRaw'), ('ss', 'peakYPosRaw'), \
            ('intensity', 'peakTotalIntensity'):
        if not all(type(x) is float for x in p[key]):
            yield key + ' is not floating point'
        if not np.array_equal(np.array(p[key], 'f4'), f[PEAKS][name][i, :n]):
            yield key
    if not np.array_equal(m.get('beam_energy', np.nan),
                          f['/LCLS/photon_energy_eV'][i], equal_nan=True):
        yield 'energy'
    at = '/entry_1/instrument_1/detector_1/distance'
    if m.get('detector_distance') != (f[at][i] if at in f else None):
        yield 'distance'
    if '/LCLS/machineTime' in f and abs(
            m['timestamp'] - f['/LCLS/machineTime'][i] -
            1e-9 * f['/LCLS/machineTimeNanoSeconds'][i]) > 1e-6:
        yield 'timestamp'
    if '/entry_1/experiment_identifier' in f and m['event_id'] != \
            f['/entry_1/experiment_identifier'][i].decode():
        yield 'event_id'


def values_test(dump, facts):
    stream = subprocess.run(f'q2cat {" ".join(facts)} {dump} | peakfind',
                            shell=True, stdout=subprocess.PIPE).stdout
    replies = same_as_cxi('panels stacked: replies are the rows of the CXI file',
                          stream, [], 1)
    m = replies[0]
    check(set(m) == {'event_id', 'timestamp', 'beam_energy', DATA, PEAKS},
          'what the stream does not have is absent', set(m))
    check(all(type(x) is int for x in m[DATA]['shape']) and
          all(type(m[k]) is float for k in ('timestamp', 'beam_energy')),
          'shapes are integers, quantities floating point')
    with open(path('two.geom'), 'w') as f:
        f.write(GEOMETRY)
    replies = same_as_cxi('by a geometry: replies are the rows of the CXI file',
                          stream, ['-g', path('two.geom')], 2)
    check(replies[0]['detector_distance'] == 0.125 and
          replies[0][DATA]['shape'] == [50, 94],
          'with the distance and the image of the geometry')
    same_as_cxi('hits are those of cxiwrite -m and -M', stream,
                ['-m', '2', '-M', '10'], 3)
    same_as_cxi('-m 0: all events', stream, ['-m', '0'], 4)
    odd = t.dump(path('odd.h5'), [3], wavelength=lambda i: (.13, np.nan, 1.3)[i])
    one = subprocess.run(f'q2cat -C 2 {odd} | peakfind', shell=True,
                         stdout=subprocess.PIPE).stdout
    same_as_cxi('odd energies and peaks cut off are told of as by cxiwrite', one,
                ['-m', '0'], 6)
    dark = q2bytes.Stream(q2bytes.IMAGE | q2bytes.PEAKS, quantities=7)
    with open(path('dark.geom'), 'w') as f:
        f.write('clen = /LCLS/detector_1/EncoderValue mm\nres = 10000\n'
                'p/min_fs = 0\np/max_fs = 13\np/min_ss = 0\np/max_ss = 14\n'
                'p/fs = x\np/ss = y\np/corner_x = 0\np/corner_y = 0\n')
    one = dark.header() + dark.event(0, known=7) + dark.event(1, known=3) + dark.end(2)
    same_as_cxi('encoders that are no distance are told of as by cxiwrite', one,
                ['-m', '0', '-g', path('dark.geom')], 7)
    single = t.dump(path('single.h5'), [3], panels=1, peaks=12)
    one = subprocess.run(f'q2cat {single} | peakfind', shell=True,
                         stdout=subprocess.PIPE).stdout
    same_as_cxi('one panel: replies are the rows of the CXI file', one, [], 5)
    text = GEOMETRY.replace('data_1/data', 'x/y').replace(
        'clen', 'peak_list = p/q\nclen')
    with open(path('keys.geom'), 'w') as f:
        f.write(text)
    with Serve('-g', path('keys.geom')) as s, Client(s.address) as c:
        s.feed(stream)
        m = c.next()
    check(m['/entry_1/x/y']['shape'] == [50, 94] and len(m['p/q']['fs']) == 15,
          'data and peak_list of the geometry are the keys', m.keys())


def types_test():
    for n, (image, name, kind) in enumerate((
            (1, 'f4', '<f4'), (2, 'u2', '<i4'), (3, 'i2', '<i4'),
            (4, 'i4', '<i4')), 10):
        s = q2bytes.Stream(q2bytes.IMAGE | q2bytes.PEAKS, image=image)
        rng = np.random.default_rng(image)
        if name == 'f4':
            pixels = rng.normal(0, 1e3, (16, 16)).astype('f4')
        else:
            i = np.iinfo(name)
            pixels = rng.integers(i.min, i.max, (16, 16), name, True)
        size = q2bytes.round64(16 * 16 * pixels.itemsize)
        s.sizes = lambda size=size: {
            q2bytes.IMAGE: size, q2bytes.PEAKS: 8 * q2bytes.PEAK}
        s.plane = lambda plane, pixels=pixels: (
            pixels.tobytes() if plane == q2bytes.IMAGE else
            s.peak(3, 4.5) + s.peak(10, 12) + bytes(6 * q2bytes.PEAK))
        stream = s.header() + s.event(0) + s.event(1) + s.end(2)
        m = same_as_cxi(f'pixels of type {name} become {kind}', stream,
                        ['-m', '0'], n)[0]
        check(m[DATA]['type'] == kind and np.array_equal(
            np.frombuffer(m[DATA]['data'], kind).reshape(15, 14),
            pixels[:15, :14]), f'and are what was sent ({name})')


# ---- the geometry for the indexer ----

def geometry_made(stream, *options, fds=()):
    p = subprocess.run(['q2serve', '-w', '0', '-l', 'ipc://' + path('g'), '-G',
                        path('made.geom'), *options], input=stream,
                       stderr=subprocess.PIPE, pass_fds=fds)
    said = p.stderr.decode()
    if not os.path.exists(path('made.geom')):
        return said, ''
    with open(path('made.geom')) as f:
        text = f.read()
    os.unlink(path('made.geom'))
    return said, text


def geometry_test(head, events, end):
    stream = head + events[0] + end_of(end, 1)
    said, text = geometry_made(stream, '-g', path('two.geom'))
    with open(path('again.geom'), 'w') as f:
        f.write(text)
    end_read, end_write = os.pipe()
    with open(path('two.geom'), 'rb') as f, os.fdopen(end_write, 'wb') as o:
        o.write(f.read())
    check(geometry_made(stream, '-g', '/dev/fd/%d' % end_read,
                        fds=(end_read,))[1] == text,
          '-G: the geometry may come through a pipe')
    os.close(end_read)
    asics, top = t.geometry(path('again.geom'))
    want_asics, want = t.geometry(path('two.geom'))
    check(asics == want_asics and top == {
        'clen': want['clen'], 'res': want['res'], 'data': want['data'],
        'dim0': 'ss', 'dim1': 'fs', 'peak_list': PEAKS,
        'photon_energy': 'beam_energy eV'},
        '-G: dimensions, energy, peak list and mask differ, nothing else', text)
    check('bad1/max_fs = 4' in text and '%' not in text,
          'bad regions stay, and no dimension is for events', text)
    p = subprocess.run(['cxiwrite', '-g', path('again.geom'), '-o', path('ga')],
                       input=stream, stderr=subprocess.PIPE)
    check(p.returncode == 0, 'and it can be read', p.stderr.decode())

    def made(*changes, quantities=None):
        text = GEOMETRY
        for a, b in changes:
            assert a in text
            text = text.replace(a, b)
        with open(path('changed.geom'), 'w') as f:
            f.write(text)
        return geometry_made(stream, '-g', path('changed.geom'))
    text = made(('/LCLS/photon_energy_eV eV', '9500 eV ; measured'))[1]
    check('photon_energy = 9500 eV' in text and 'beam_energy' not in text,
          'an energy that is a number stays', text)
    text = made(('mask_good', 'mask_file = m.h5\nmask_good'))[1]
    check('mask = /entry_1/data_1/mask' in text and 'mask_bad' in text,
          'a mask in a file of its own stays', text)
    text = made(('\n', '\r'), ('clen', 'clen = 0.1\rmask1_data = /d\rclen'))[1]
    check('\r' not in text and '\nclen = 0.1\n' in text and 'mask1' not in text,
          'lines that end at returns are lines', text)
    text = made(('clen', 'mask_edge_pixels = 2\nclen'))[1]
    check('\nmask_edge_pixels = 2\n' in text and 'mask_bad' not in text,
          'the edge of panels, which needs no mask, stays', text)
    text = made(('clen', 'mask1_file = m.h5\nmask1_data = /d\nmask1_badbits = 1\n'
                 'clen'))[1]
    check('mask1_data = /d\nmask1_badbits = 1' in text and 'mask =' not in text and
          'mask_bad' not in text, 'each number of a mask is for itself', text)
    text = made(('clen', 'mask3_data = /m3\nclen'),
                ('b/min_fs', 'b/mask3_file = b.h5\nb/min_fs'))
    check('mask3_data' in text[0] and 'only some panels' in text[0] and
          not text[1], 'a mask that only some panels have in a file is refused',
          text)
    text = made(('a/min_fs', 'a/mask4_data = /m4\na/mask4_file = m.h5\na/min_fs'),
                ('b/min_fs', 'b/mask4_data = /b4\nb/min_fs'))[1]
    check('a/mask4_data = /m4\na/mask4_file = m.h5\n' in text and
          'b/mask4' not in text,
          'a mask that each panel names is judged for each', text)
    text = made(('a/min_fs', 'a / mask4_data = /m4\na / mask4_file = m.h5\na/min_fs'))[1]
    check('mask4_data = /m4' in text, 'blanks around a slash are no difference', text)
    for key in 'wavelength = /LCLS/photon_wavelength_A A', \
            'electron_voltage = /v kV', 'photon_energy = info/energy eV':
        text = made(('photon_energy = /LCLS/photon_energy_eV eV', key))[1]
        check('photon_energy = beam_energy eV' in text and key not in text,
              key.split()[0] + ' from a file gives way to beam_energy', text)
    text = made(('photon_energy = /LCLS/photon_energy_eV eV',
                 'wavelength = 1.3 A'))[1]
    check('wavelength = 1.3 A' in text and 'beam_energy' not in text,
          'a wavelength that is a number stays', text)
    text = made(('b/min_fs', 'b/data = /other\nb/min_fs'))[1]
    check(text.count('data = ') == 1 and 'data = /other\n' in text,
          'one place of data, that of the first panel, is named for all', text)
    for key in 'detector_shift_x = /LCLS/x mm', 'saturation_map = /s':
        text = made(('clen', key + '\nclen'))
        check(key + ': replies do not have that' in text[0] and not text[1],
              key.split()[0] + ' from a file is refused', text)
    text = made(('clen', 'detector_shift_x = 0.1 mm\nsaturation_map = /s\n'
                 'saturation_map_file = s.h5\nclen'))[1]
    check('detector_shift_x = 0.1 mm\nsaturation_map = /s\n' in text,
          'as a number, and from a file of its own, they stay', text)
    text = made(('dim2 = fs\n', 'dim2 = fs\nb/dim0 = %\nb/dim1 = ss\nb/dim2 = fs\n'))
    check('b/dim' not in text[1] and text[1], 'dimensions of panels go, too', text)
    text = made(('clen = 0.125', 'clen = /LCLS/detector_1/EncoderValue mm'))
    check('the stream has no encoder' in text[0] and not text[1],
          'clen from the encoder, which the stream does not have, is refused',
          text)
    b = q2bytes.Stream(q2bytes.IMAGE | q2bytes.PEAKS, quantities=7)
    with open(path('enc.geom'), 'w') as f:
        f.write('clen = /LCLS/detector_1/EncoderValue m ; far\ncoffset = 0.58\n'
                'res = 1e4\ndim0=%\ndim1=ss\ndim2=fs\np/min_fs=0\np/max_fs=13\n'
                'p/min_ss=0\np/max_ss=14\n')
    known = b.header() + b.event(0, known=7) + b.end(1)
    said, text = geometry_made(known, '-g', path('enc.geom'), '-m', '9')
    check('\nclen = encoder_value m\ncoffset = 0.58\n' in text and
          f'data = {DATA}\n' in text, 'from one that it has, encoder_value', text)
    said, text = geometry_made(known, '-m', '9')
    with open(path('one.geom'), 'w') as f:
        f.write(text)
    asics, top = t.geometry(path('one.geom'))
    check(list(asics) == ['p0'] and 'clen' not in top and 'res' not in top and
          (asics['p0']['max_fs'], asics['p0']['max_ss']) == ('13', '14') and
          (asics['p0']['corner_x'], asics['p0']['corner_y']) == ('-7.0', '-7.5'),
          'without -g: one panel, beam in the middle, clen and res to be filled in',
          text)
    made_3d = made(('dim0 = %\ndim1 = ss\ndim2 = fs\n',
                    'dim0 = %\ndim2 = ss\ndim3 = fs\na/dim1 = 0\nb/dim1 = 1\n'))
    check('3-D slab' in made_3d[0] and not made_3d[1],
          'a 3-D slab is refused', made_3d)


# ---- real frames ----

def real_test():
    name = 'real frames: 286, 192, 205 and 155 peaks, and the CXI file\'s values'
    if not os.path.exists(t.REAL):
        t.tests += 1
        print(f'ok {t.tests} - {name} # SKIP no {t.REAL}')
        return
    stream = subprocess.run(f'q2cat {t.REAL} | peakfind', shell=True,
                            stdout=subprocess.PIPE).stdout
    replies = same_as_cxi(name, stream, ['-g', t.GEOM], 'real')
    check([len(m[PEAKS]['fs']) for m in replies] == [286, 192, 205, 155] and
          [m[DATA]['shape'] for m in replies] == [[5920, 388]] * 4,
          'and their numbers')
    text = geometry_made(stream, '-g', t.GEOM)[1]
    with open(path('real.geom'), 'w') as f:
        f.write(text)
    check(t.geometry(path('real.geom'))[0] == t.geometry(t.GEOM)[0],
          'the geometry for the indexer has the same ASICs')


facts = ['-k', 'experiment=mfxx49820', '-k', 'run=12']
dump = t.dump(path('a.h5'), [8, 8, 4],
              peaks=[15 if i % 5 else 3 for i in range(20)])
values_test(dump, facts)
types_test()
geometry_test(*peaks_of(dump))
real_test()
t.done()
