#!/usr/bin/python3
"""What cxiwrite says of a geometry that CrystFEL will not read its files with:
panels, defaults and masks as crystfel_geometry(5) has them."""
import re
import struct
import subprocess
import sys

sys.dont_write_bytecode = True

import pipetest as t
import q2bytes
from pipetest import check, path

STREAM = q2bytes.Stream(q2bytes.IMAGE | q2bytes.PEAKS, quantities=7)
HEAD, END = STREAM.header(), STREAM.end(1)
ONE = HEAD + STREAM.event(0, known=7) + END
DATA = '/entry_1/data_1/data'
GEOMETRY = f'''clen = 0.1
res = 10000
data = {DATA}
mask = /entry_1/data_1/mask
mask_good = 0x0000
mask_bad = 0xffff
peak_list = /entry_1/result_1
a/min_fs = 0
a/max_fs = 13
a/min_ss = 0
a/max_ss = 7
a/fs = x
a/ss = y
a/corner_x = 0
a/corner_y = 0
b/min_fs = 0
b/max_fs = 13
b/min_ss = 8
b/max_ss = 14
b/fs = x
b/ss = y
b/corner_x = 0
b/corner_y = 8
'''
runs = 0


def said(*changes, stream=ONE):
    """What cxiwrite says, with the geometry changed: its messages but the totals."""
    global runs
    runs += 1
    text = GEOMETRY
    for a, b in changes:
        assert a in text, a
        text = text.replace(a, b, 1)
    with open(path('x.geom'), 'w') as f:
        f.write(text)
    p = subprocess.run(['cxiwrite', '-m', '0', '-g', path('x.geom'), '-o',
                        path(f'o{runs}')], input=stream, stderr=subprocess.PIPE)
    lines = p.stderr.decode().splitlines()
    assert p.returncode == 0 and ' events in = ' in lines[-1], lines
    return [re.sub('^cxiwrite: (.*?x.geom: )?', '', s) for s in lines[:-1]]


def told(name, words, *changes, **more):
    """One message, with these words; none if they are None."""
    lines = said(*changes, **more)
    check(not lines if words is None else len(lines) == 1 and words in lines[0],
          name, '\n'.join(lines))


def data():
    line = f'data = {DATA}\n'
    told('a geometry that fits: nothing is said', None)
    told('one without data is told of', 'ASIC a has no data = line', (line, ''))
    told('one ASIC with other data is told of', 'ASIC b has data = /wrong, so',
         ('b/min_fs', 'b/data = /wrong\nb/min_fs'))
    told('a right line behind does not make up for it',
         'ASIC a has data = /wrong, so', ('a/min_fs', 'a/data = /wrong\na/min_fs'),
         ('b/corner_x', f'b/{line}b/corner_x'))
    told('a line behind the first mention of an ASIC is none for it',
         'ASIC a has no data = line', (line, ''), ('b/min_fs', line + 'b/min_fs'))
    told('lines of the ASICs\' own are enough', None, (line, ''),
         ('a/max_fs', f'a/{line}a/max_fs'), ('b/max_fs', f'b/{line}b/max_fs'))
    told('the other name of the data does as well', None,
         (DATA, '/entry_1/instrument_1/detector_1/data'))


def slashes():
    for line in (f'data = {DATA}', 'mask = /entry_1/data_1/mask',
                 'peak_list = /entry_1/result_1'):
        told(f'{line.split()[0]} may end with a slash', None, (line, line + '/'))
    told('another peak_list is told of', 'has no peak_list = /entry_1/result_1',
         ('peak_list = /entry_1/', 'peak_list = /'))


def event(seq, encoder, known=7):
    r = STREAM.event(seq, known=known)
    at = q2bytes.RECORD + 16
    return r[:at] + struct.pack('<d', encoder) + r[at + 8:]


def encoder():
    clen = 'clen = 0.1', 'clen = /LCLS/detector_1/EncoderValue mm'
    odd = [event(0, 580), event(1, 0), event(2, float('inf')), event(3, 580, 3),
           event(4, -580), event(5, float('nan'))]
    stream = HEAD + b''.join(odd) + STREAM.end(6)
    lines = said(clen, stream=stream)
    check(len(lines) == 2 and lines[0].startswith('event 1 (by hand): ENCODER IS') and
          lines[1] == 'ENCODER: unknown, not finite or 0 in 4 events',
          'an encoder that is no distance is told of once and counted, where clen'
          ' names it', '\n'.join(lines))
    told('and not where clen is a number', None, stream=stream)


def reach():
    larger = q2bytes.Stream(q2bytes.IMAGE | q2bytes.PEAKS, quantities=7, id=5,
                            real_height=16)
    second = larger.header() + larger.event(0, known=7) + larger.end(1)
    told('ASICs that end before the image are told of in a later stream, too',
         'reach to ss 14, fs 13 only; images have 16 x 14', stream=ONE + second)
    lines = said(('peak_list = ', ';'), stream=ONE + second)
    check(len([s for s in lines if 'peak_list' in s]) == 1,
          'what does not depend on the stream is told of once', lines)


def masks():
    ours = '/entry_1/data_1/mask'
    good, bad = 'mask_good = 0x0000', 'mask_bad = 0xffff'
    told('an inverted mask is told of', 'ASIC a has good pixels with bits in mask 0',
         (good, 'mask_good = 0xffff'), (bad, 'mask_bad = 0x0000'))
    told('also in the newer spelling, and of one ASIC',
         'ASIC b has good pixels with bits in mask 0',
         ('b/min_fs', 'b/mask0_goodbits = 0xffff\nb/min_fs'))
    told('and of another number', 'ASIC a has good pixels with bits in mask 3',
         (good, f'{good}\nmask3_data = {ours}\nmask3_goodbits = 1'))
    told('good bits that nothing is left of are not', None,
         (good, 'mask_good = 1\nmask0_goodbits = 0'))
    told('nor are those of a mask in a file of its own', None,
         (good, f'{good}\nmask1_data = /m\nmask1_file = m.h5\nmask1_goodbits = 1'))
    told('a mask that the files do not have is told of',
         'ASIC a has mask 0 in a dataset that these files do not have',
         (f'mask = {ours}', 'mask = /some/mask'))
    told('also of another number, and of one ASIC', 'ASIC b has mask 7 in a dataset',
         ('b/max_fs', 'b/mask7_data = /some/mask\nb/max_fs'))
    told('the other name of the mask does as well', None,
         (ours, '/entry_1/instrument_1/detector_1/mask'))


def regions():
    region = ('clen', 'bad/min_x = 1\nbad/max_x = 2\nbad/min_y = 1\n'
              'bad/max_y = 9\nclen')
    shift = 'clen', 'detector_shift_x = /shift\nclen'
    told('bad regions in x and y that a file shifts are told of',
         'bad region bad is in x and y, but the shift', region, shift)
    told('those that a number shifts are not', None, region,
         ('clen', 'detector_shift_x = 1 mm\ndetector_shift_y = 0\nclen'))
    told('nor is such a shift without them', None, shift)


data()
encoder()
masks()
regions()
reach()
slashes()
t.done()
