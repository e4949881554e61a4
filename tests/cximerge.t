#!/usr/bin/python3
# cximerge: one file over all files of a run, beside h5py, and what it refuses.

import sys

sys.dont_write_bytecode = True

import fcntl
import glob
import hashlib
import os
import resource
import shutil
import signal
import struct
import subprocess

import h5py
import numpy as np

import proc
from proc import INPUT, INTERRUPTED, USAGE, capture_make, must, scratch, test

OUTPUT = 7
R = '/entry_1/result_1/'
EVENTS = 20
os.environ.pop('HDF5_VDS_PREFIX', None)


def blobs(k):
    return 2 if k % 7 == 3 else 10 + k % 5      # some are no hits


A = capture_make('a', EVENTS, '-k', 'capture=a', seed=1, blobs=blobs)
B = capture_make('b', EVENTS, '-k', 'capture=b', seed=2, blobs=blobs)
C = capture_make('c', EVENTS, '-k', 'capture=a', seed=3, blobs=blobs)


def path(*name):
    return os.path.join(scratch(), *name)


def write(out, prefix, *source, find='', write=''):
    """Events of q2cat's operands as CXI files of four events."""
    subprocess.run(['sh', '-c', 'q2cat %s | peakfind %s 2> /dev/null |'
                    ' cxiwrite -m 4 -n 4 -o %s -p %s %s' %
                    (' '.join(source), find, path(out), prefix, write)],
                   check=True, stderr=subprocess.DEVNULL)


def lists(out):
    return sorted(glob.glob(path(out, '*.lst')))


def run(*argv, **more):
    return subprocess.run(['cximerge', *argv], stderr=subprocess.PIPE, text=True,
                          **more)


def merge(out, *more, name='run.cxi'):
    r = run(*more, '-o', path(out, name), *lists(out))
    must(r.returncode == 0, r.stderr)
    return path(out, name)


def refused(status, words, *argv, **more):
    r = run(*argv, **more)
    must(r.returncode == status, r.returncode, r.stderr)
    must(words in r.stderr, words, r.stderr)


def objects(name):
    """All there is under each of its names, as arrays with their attributes."""
    out = {}

    def walk(group, at):
        for k, x in group.items():
            if at + k == '/cximerge':
                continue
            is_set = isinstance(x, h5py.Dataset)
            out[at + k] = (x[()], x.dtype, dict(x.attrs)) if is_set else None
            if not is_set:
                walk(x, at + k + '/')
    with h5py.File(name, 'r') as f:
        walk(f, '/')
    return out


def same(a, b):
    """Nothing but what was said to differ differs: types, shapes, values."""
    x, y = objects(a), objects(b)
    must(set(x) == set(y), set(x) ^ set(y))
    must(len(x) > 30, len(x))
    for name in x:
        if x[name] is None:
            must(y[name] is None, name)
            continue
        (v, t, at), (w, u, bt) = x[name], y[name]
        must(t == u and at == bt, name, t, u, at, bt)
        must(np.asarray(v).tobytes() == np.asarray(w).tobytes(), name, v, w)


def joined(files, name):
    return np.concatenate([h5py.File(f, 'r')[name][:] for f in files])


def read_list(name):
    with open(name) as f:
        return f.read().split('\n')[:-1]


def files(out):
    return [f for x in lists(out) for f in read_list(x)]


def copied(out, new):
    shutil.rmtree(path(new), ignore_errors=True)
    shutil.copytree(path(out), path(new))
    for x in lists(new):
        with open(x) as f:
            text = f.read()
        with open(x, 'w') as f:
            f.write(text.replace(path(out) + '/', path(new) + '/'))
    return path(new)


write('plain', 'all', A, B)
for k in range(3):
    write('shards', 's%d' % k, '-i', '%d/3' % k, A, B)
write('captures', 'x', B)
write('captures', 'y', A)
# A node that was stopped and carried on, and another.
write('nodes', 'n1', '-n', '11', A)
write('nodes', 'n1', '-s', '11', A, write='-r')
write('nodes', 'n2', '-i', '1/2', B)
write('nodes', 'n3', '-i', '0/2', B)
PLAIN = merge('plain')


@test('an unspread run: all its events, in the order of its list')
def _():
    x = objects(PLAIN)
    names = files('plain')
    must(len(names) > 7)
    for name in ('/LCLS/eventNumber', R + 'nPeaks', R + 'peakXPosRaw',
                 R + 'peakSNR', '/entry_1/data_1/data', '/LCLS/machineTime'):
        must(np.array_equal(x[name][0], joined(names, name)), name)
    with h5py.File(names[0], 'r') as f:
        must(f[R + 'peakSNR'].dtype == x[R + 'peakSNR'][1])
        must(np.array_equal(f['/entry_1/data_1/mask'][:],
                            x['/entry_1/data_1/mask'][0]))
        must(dict(f['/LCLS/photon_energy_eV'].attrs) ==
             x['/LCLS/photon_energy_eV'][2])
        must(set(objects(names[0])) == set(x))


for spread in 'shards', 'nodes':
    @test('the same from %s as from an unspread run' % spread)
    def _():
        must(len(lists(spread)) == 3)
        same(PLAIN, merge(spread))


@test('captures come in the order of operands where timestamps tell none')
def _():
    number = objects(merge('captures'))['/LCLS/eventNumber'][0]
    must(np.array_equal(number, joined(files('captures'), '/LCLS/eventNumber')))
    r = run('-o', path('captures', 'other.cxi'), *reversed(lists('captures')))
    must(r.returncode == 0, r.stderr)
    same(PLAIN, path('captures', 'other.cxi'))


@test('a copy is the same, and needs its sources no more')
def _():
    copied('shards', 'gone')
    copy = merge('gone', '-x', name='copy.cxi')
    for f in files('gone'):
        os.unlink(f)
    same(PLAIN, copy)


@test('storage chunks in a copy are those of the sources, byte for byte')
def _():
    for k in range(2):
        write('packed', 'g%d' % k, '-i', '%d/2' % k, A, write='-z gzip')
    copy = merge('packed', '-x')
    chunks = 0
    with h5py.File(copy, 'r') as f:
        data = f['/entry_1/data_1/data']
        source = f['/cximerge/event_source'][:]
        row = f['/cximerge/event_row'][:]
        names = f['/cximerge/source_name'][:]
        must(data.compression == 'gzip' and data.shuffle)
        for k in range(len(row)):
            with h5py.File(path('packed', names[source[k]].decode())) as g:
                x = g['/entry_1/data_1/data']
                must(x.chunks == data.chunks)
                for ss in range(0, x.shape[1], x.chunks[1]):
                    for fs in range(0, x.shape[2], x.chunks[2]):
                        a = x.id.read_direct_chunk((int(row[k]), ss, fs))
                        b = data.id.read_direct_chunk((k, ss, fs))
                        must(a == b, k, ss, fs)
                        chunks += 1
    must(chunks >= 2 * len(row) > 24, chunks)
    same(copy, merge('packed', name='view.cxi'))


if h5py.h5z.filter_avail(32008):
    @test('a copy of bitshuffled files is one for the filter as they are')
    def _():
        for k in range(2):
            write('bits', 'g%d' % k, '-i', '%d/2' % k, A, write='-z bslz4')
        copy = merge('bits', '-x')
        with h5py.File(copy) as f, h5py.File(files('bits')[0]) as g:
            a, b = (h['/entry_1/data_1/data'].id.get_create_plist().get_filter(0)
                    for h in (f, g))
            must(a == b and a[0] == 32008 and b'bitshuffle' in a[3], a, b)
        same(copy, merge('bits', name='view.cxi'))

    @test('also where a file has a filter twice')
    def _():
        name = path('bits', 'twice.cxi')
        shutil.copy(files('bits')[0], name)
        with h5py.File(name, 'r+') as f:
            image = '/entry_1/data_1/data'
            x, chunks = f[image][:], f[image].chunks
            del f[image], f['/entry_1/instrument_1/detector_1/data']
            p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            p.set_chunk(chunks)
            p.set_filter(32008, 0, (0, 0))
            p.set_filter(32008, 0, (0, 3, 4, 0, 0))
            s = h5py.h5s.create_simple(x.shape, (h5py.h5s.UNLIMITED,) + x.shape[1:])
            h5py.h5d.create(f.id, image.encode(), h5py.h5t.IEEE_F32LE, s, p).write(
                h5py.h5s.ALL, h5py.h5s.ALL, x)
        r = run('-xo', path('bits', 'one.cxi'), name)
        must(r.returncode == 0, r.stderr)
        with h5py.File(path('bits', 'one.cxi')) as f:
            must(np.array_equal(f[image][:], x))


@test('compression may differ in a view, and is refused in a copy')
def _():
    write('mixed', 'a', '-i', '0/2', A)
    write('mixed', 'b', '-i', '1/2', A, write='-z gzip')
    must(objects(merge('mixed'))['/LCLS/eventNumber'][0].size > 12)
    refused(INPUT, 'cximerge: ' + path('mixed', 'b_0000.cxi') + ': /entry_1/data_1/'
            'data is not compressed or not cut into chunks', '-xo',
            path('mixed', 'x.cxi'), *lists('mixed'))
    must(not os.path.exists(path('mixed', 'x.cxi')))


@test('a source that cannot be copied is to blame, not the output')
def _():
    copied('plain', 'holed')
    victim = files('holed')[1]
    image = '/entry_1/data_1/data'
    with h5py.File(victim, 'r+') as f:
        x, chunks = f[image], f[image].chunks
        shape, kind = x.shape, x.dtype
        del f[image], f['/entry_1/instrument_1/detector_1/data']
        f.create_dataset(image, shape, kind, chunks=chunks,
                         maxshape=(None,) + shape[1:])
        f['/entry_1/instrument_1/detector_1/data'] = f[image]
    refused(INPUT, 'cximerge: ' + victim, '-xo', path('holed', 'x.cxi'),
            *files('holed'))
    must(not os.path.exists(path('holed', 'x.cxi')))


@test('the directory can be moved, and read from any other')
def _():
    copied('shards', 'before')
    merge('before')
    os.rename(path('before'), path('after'))
    os.mkdir(path('decoy'))
    for f in os.listdir(path('after')):         # names that are no HDF5 here
        open(path('decoy', f), 'w').close()
    here = os.getcwd()
    os.chdir(path('decoy'))
    try:
        same(PLAIN, path('after', 'run.cxi'))
        out = subprocess.run(['h5dump', '-d', '/LCLS/eventNumber',
                              '../after/run.cxi'], capture_output=True,
                             text=True)
    finally:
        os.chdir(here)
    told = [int(w) for line in out.stdout.split('\n') if '): ' in line
            for w in line.split('): ')[1].split(',') if w.strip()]
    must(told == list(objects(PLAIN)['/LCLS/eventNumber'][0]), out.stdout)


@test('a percent sign in a name is one')
def _():
    copied('nodes', 'od%bd%%')
    same(PLAIN, merge('od%bd%%', name='../percent.cxi'))


@test('the list of events names each event where it is')
def _():
    lines = read_list(PLAIN[:-3] + 'events')
    number = objects(PLAIN)['/LCLS/eventNumber'][0]
    must(len(lines) == len(number))
    for line, n in zip(lines, number):
        name, row = line.split(' //')
        must(os.path.isabs(name))
        with h5py.File(name, 'r') as f:
            must(f['/LCLS/eventNumber'][int(row)] == n, line)


@test('cxiview and cxireport read it as one file, as they read a copy')
def _():
    copy = merge('shards', '-x', name='x.cxi')
    merge('shards', name='v.cxi')
    dump = os.path.join(proc.B, 'tests/tools/cxireader_dump')
    want = len(objects(copy)['/LCLS/eventNumber'][0])
    a, b = (subprocess.run([dump, path('shards', n)], capture_output=True,
                           text=True, input=''.join('%d\n' % k for k in
                                                    range(want)))
            for n in ('v.cxi', 'x.cxi'))
    must(a.returncode == b.returncode == 0, a.stderr, b.stderr)
    must(a.stdout.replace('v.cxi', 'x.cxi') == b.stdout and
         len(a.stdout) > 10000, len(a.stdout), len(b.stdout))
    for program in (['cxiview', '-e', '20', '-o'], ['cxireport', '-o']):
        r = subprocess.run([*program, path(program[0]), path('shards', 'v.cxi')],
                           stderr=subprocess.PIPE, text=True)
        must(r.returncode == 0, r.stderr)
    must(os.path.exists(copy))


@test('the digest is that of the page')
def _():
    with h5py.File(PLAIN, 'r') as f:
        for i, name in enumerate(f['/cximerge/source_name'][:]):
            name = path('plain', name.decode())
            h = hashlib.sha256()
            with h5py.File(name, 'r') as g:
                n = g[R + 'nPeaks'][:]
                for k, number in enumerate(g['/LCLS/eventNumber'][:]):
                    h.update(struct.pack('<QI', number, n[k]))
                    h.update(np.column_stack([
                        g[R + x][k, :n[k]] for x in
                        ('peakXPosRaw', 'peakYPosRaw', 'peakTotalIntensity')
                    ]).astype('<f4').tobytes())
                must(f['/cximerge/source_events'][i] == len(n))
            must(f['/cximerge/source_bytes'][i] == os.path.getsize(name))
            must(f['/cximerge/source_digest'][i].decode() ==
                 h.hexdigest()[:16], name)


# ---- are the sources as they were? ----

@test('-c says what of the sources it looked at, and that it is as it was')
def _():
    must(run('-c', PLAIN).stderr ==
         'cximerge: %s: all %d sources are as many bytes as they were, with the same'
         ' %d events and peaks; images and energies were not compared\n' %
         (PLAIN, len(files('plain')), len(read_list(PLAIN[:-3] + 'events'))))


def spoiled(name, words, spoil):
    @test('-c says that a source is %s' % name)
    def _():
        out = copied('plain', 'spoiled')
        view = merge('spoiled')
        victim = files('spoiled')[1]
        spoil(victim)
        refused(INPUT, words, '-c', view)
        r = run('-c', view)
        must(os.path.basename(victim) in r.stderr and
             '1 of its' in r.stderr, r.stderr, out)


def change(name):
    with h5py.File(name, 'r+') as f:
        f[R + 'peakXPosRaw'][0, 0] += 1


def cut_rows(name):
    shutil.copy(files('spoiled')[-1], name)     # one with fewer events


def fewer_than(name):
    with h5py.File(name, 'r') as f:
        return len(f['/LCLS/eventNumber']) < 4


must(fewer_than(files('plain')[-1]))
spoiled('missing', 'missing', os.unlink)
spoiled('changed', 'its peaks are others', change)
spoiled('short of bytes', 'short', lambda f: os.truncate(f, 5000))
spoiled('short of events', 'short: it has', cut_rows)
spoiled('no CXI file', 'damaged', lambda f: open(f, 'r+').write('x' * 600))


@test('-c refuses what is no merged file, a copy too')
def _():
    refused(INPUT, 'is no file that cximerge made', '-c', files('plain')[0])
    copied('plain', 'plain2')
    refused(INPUT, 'is no file that cximerge made', '-c', merge('plain2', '-x'))
    refused(USAGE, '-c goes with', '-cx', PLAIN)


@test('what is in a file does not reach the terminal as more than text')
def _():
    copied('plain', 'forged')
    view = merge('forged')
    with h5py.File(view, 'r+') as f:
        names = f['/cximerge/source_name'][1:]
        del f['/cximerge/source_name']
        f.create_dataset('/cximerge/source_name', maxshape=(None,), data=np.array(
            [b'\x1b[31mx\nb\xc2\x9b\x9by\xc3\xa9', *names],
            h5py.string_dtype('utf-8', 60)))
    r = subprocess.run(['cximerge', '-c', view], stderr=subprocess.PIPE)
    must(r.returncode == INPUT and '/?[31mx?b???y\xe9: missing'.encode() in r.stderr,
         r.stderr)


@test('an event of a missing source is an error, not zeros')
def _():
    copied('plain', 'holes')
    view = merge('holes')
    os.unlink(files('holes')[3])
    r = subprocess.run(['cxiview', '-s', '-o', path('x.png'), view],
                       stderr=subprocess.PIPE, text=True)
    must(r.returncode == INPUT and os.path.basename(files('holes')[3]) in
         r.stderr, r.stderr)
    must(not os.path.exists(path('x.png')))


# ---- what does not fit ----

OUT = path('no.cxi')


def nothing_made():
    left = [f for f in os.listdir(scratch()) if f.startswith('no.')]
    must(not left, left)


def unfit(name, words, *more, status=INPUT):
    @test(name)
    def _():
        given = [m() if callable(m) else m for m in more]
        refused(status, words, '-o', OUT, *files('plain')[:2], *given)
        nothing_made()


def made(out, *source, **options):
    def make():
        write(out, out, *source, **options)
        return path(out, out + '.lst')
    return make


def foreign():
    with h5py.File(path('foreign.cxi'), 'w') as f:
        f['/entry_1/data_1/data'] = np.zeros((2, 60, 48), 'f4')
    return path('foreign.cxi')


def listed(text):
    def make():
        with open(path('made.lst'), 'w') as f:
            f.write(text + '\n')
        return path('made.lst')
    return make


def truncated():
    shutil.copy(files('plain')[0], path('cut.cxi'))
    os.truncate(path('cut.cxi'), 3000)
    return path('cut.cxi')


def external():
    shutil.copy(files('plain')[0], path('linked.cxi'))
    with h5py.File(path('linked.cxi'), 'r+') as f:
        f['/else'] = h5py.ExternalLink(files('plain')[1], '/LCLS')
    return path('linked.cxi')


def masked():
    shutil.copy(files('captures')[0], path('masked.cxi'))
    with h5py.File(path('masked.cxi'), 'r+') as f:
        f['/entry_1/data_1/mask'][1] = 1
    return path('masked.cxi')


def ascii_texts():
    name = '/entry_1/experiment_identifier'
    shutil.copy(files('captures')[0], path('ascii.cxi'))
    with h5py.File(path('ascii.cxi'), 'r+') as f:
        n = len(f['/LCLS/eventNumber'])
        if name in f:
            del f[name]
        f.create_dataset(name, data=np.array(['x'] * n, 'S40'), maxshape=(None,))
    return path('ascii.cxi')


def lopsided():
    shutil.copy(files('captures')[0], path('lopsided.cxi'))
    with h5py.File(path('lopsided.cxi'), 'r+') as f:
        f[R + 'peakSNR'].resize(2, 0)
    return path('lopsided.cxi')


unfit('an event that occurs twice is refused, and where it is is said',
      'event 0 occurs twice: it is row 0 of ' + files('plain')[0],
      made('again', A))
unfit('so is a file that is named twice', 'occurs twice', files('plain')[1])
unfit('other options of peakfind are refused', 'peakfind.w=1',
      made('weighed', B, find='-w'))
unfit('other options of cxiwrite are refused', 'cxiwrite.M=500',
      made('limit', B, write='-M 500'))
unfit('debug datasets beside none are refused', 'cxiwrite.d=1',
      made('debug', B, find='-k', write='-d'))
unfit('another shape is refused, with both', '(N, 80, 48) f32, that of',
      made('shape', capture_make('d', 3, height=40)))
unfit('another capacity is refused', 'peakfind.c=64',
      made('capacity', capture_make('e', 3, '-C', '64')))
unfit('a file of others is refused', 'not a file of cxiwrite', foreign)
unfit('another mask is refused', 'masked.cxi: does not fit: its'
      ' /entry_1/data_1/mask has other values', masked)
unfit('texts in ASCII are refused', 'ascii.cxi: /entry_1/experiment_identifier:'
      ' text of another character set', ascii_texts)
unfit('rows that are missing are refused', 'peakSNR has 2 rows, but', lopsided)
unfit('a truncated file is refused', 'cut.cxi', truncated)
unfit('an external link is refused', 'external link', external)
unfit('a merged file is refused', 'is a merged file', PLAIN)
unfit('a file that a list names and is not there is refused',
      'nowhere.cxi: No such file', listed('/nowhere.cxi'))
unfit('a list that is not there is refused', 'none.lst: No such file',
      path('none.lst'))
unfit('a file in the making is refused', 'unfinished',
      lambda: shutil.copy(files('plain')[0], path('peaknet_0000.cxi.tmp')))


@test('captures with the same facts are put in the order of time')
def _():
    write('alike', 'a', A)
    later = capture_make('f', EVENTS, '-k', 'capture=a', seed=4, blobs=blobs)
    write('alike', 'b', later)
    for f in sorted(glob.glob(path('alike', 'b_*.cxi'))):
        with h5py.File(f, 'r+') as g:
            g['/LCLS/detector_1/timestamp'][:] += 1 << 40
    want = joined(files('alike'), '/LCLS/detector_1/timestamp')
    r = run('-o', path('alike', 'r.cxi'), *reversed(lists('alike')))
    must(r.returncode == 0, r.stderr)
    got = objects(path('alike', 'r.cxi'))['/LCLS/detector_1/timestamp'][0]
    must(np.array_equal(got, want) and len(set(want)) == len(want))


@test('a list that cxiwrite still adds to is refused')
def _():
    r, w = os.pipe()
    writer = subprocess.Popen(['cxiwrite', '-o', path('busy')], stdin=r,
                              stderr=subprocess.DEVNULL)
    os.close(r)
    try:
        must(proc.wait_for(lambda: os.path.exists(path('busy', 'peaknet.lst'))))
        must(proc.wait_for(lambda: 'still adds' in run(
            '-o', OUT, path('busy', 'peaknet.lst')).stderr))
        refused(INPUT, 'unfinished', '-o', OUT, path('busy'))
    finally:
        os.close(w)
        writer.wait()
    refused(INPUT, 'there are no events', '-o', OUT, path('busy'))
    nothing_made()


@test('what cannot be read is refused')
def _():
    name = path('closed.cxi')
    os.mkdir(name)
    refused(INPUT, 'neither lists', '-o', OUT, name)
    os.mkfifo(path('fifo.cxi'))
    refused(INPUT, 'not a regular file', '-o', OUT, path('fifo.cxi'))


# ---- the output ----

@test('a name with a line break cannot be in the list of events')
def _():
    os.makedirs(path('br\neak'), exist_ok=True)
    broken = path('br\neak', 'a.cxi')
    shutil.copy(files('plain')[0], broken)
    refused(INPUT, 'line break', '-o', OUT, broken)
    refused(OUTPUT, 'line break', '-xo', path('br\neak', 'no.cxi'),
            files('plain')[0])
    must(os.listdir(path('br\neak')) == ['a.cxi'])
    nothing_made()
    must(run('-xo', path('unbroken.cxi'), broken).returncode == 0)


@test('no name in what it says controls a terminal, that of the output neither')
def _():
    os.makedirs(path('od\nd'), exist_ok=True)
    out = path('od\nd', 'esc\x1b[1m.cxi')
    for argv in ('-o', out, files('plain')[0]), ('-c', out):
        r = run(*argv)
        must(r.returncode == 0 and '\x1b' not in r.stderr and
             r.stderr.count('\n') == 1 and 'od?d/esc?[1m.cxi: ' in r.stderr,
             r.returncode, r.stderr)


@test('what is no merged file is not replaced')
def _():
    copied('plain', 'keep')
    victim = files('keep')[0]
    before = proc.read(victim, 'rb')
    refused(OUTPUT, 'only a merged file', '-o', victim, *lists('keep'))
    must(proc.read(victim, 'rb') == before)
    os.symlink(victim, path('link.cxi'))
    refused(OUTPUT, 'no regular file', '-o', path('link.cxi'),
            *lists('keep'))
    must(proc.read(victim, 'rb') == before and os.path.islink(path('link.cxi')))


@test('a merged file that another program has locked is not called another one')
def _():
    view = merge('plain')
    with open(view, 'rb') as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        refused(OUTPUT, 'locked by a program', '-o', view, *lists('plain'))


@test('runs whose numbers differ in length are one file')
def _():
    for k, n in enumerate(('9', '10')):
        write('runs', 'r' + n, capture_make(
            'run' + n, 6, '-k', 'run=' + n, '-k', 'experiment=mfx12', seed=7 + k,
            blobs=lambda k: 12))
    name = '/entry_1/experiment_identifier'
    want = sorted(joined(files('runs'), name))
    must(want[0].startswith(b'mfx12-r10-') and want[-1].startswith(b'mfx12-r9-'),
         want)
    for more in (), ('-x',):
        os.path.exists(path('run.cxi')) and os.remove(path('run.cxi'))
        got = objects(merge('runs', *more))[name][0]
        must(sorted(got) == want, got, want)


@test('a merged file is replaced, by the same bytes for the same files')
def _():
    before = proc.read(PLAIN, 'rb')
    merge('plain')
    must(proc.read(PLAIN, 'rb') == before)


@test('a merged file is replaced, whatever has become of its sources')
def _():
    copied('plain', 'was')
    view = merge('was')
    victims = files('was')
    shutil.copy(victims[1], victims[0])
    os.remove(victims[2])
    must(run('-c', view).returncode == INPUT)
    r = run('-o', view, *lists('shards'))
    must(r.returncode == 0, r.stderr)
    number = objects(view)['/LCLS/eventNumber'][0]
    must(np.array_equal(number, objects(PLAIN)['/LCLS/eventNumber'][0]))


@test('a copy is never replaced: it may be all that is left')
def _():
    copy = path('all.cxi')
    r = run('-x', '-o', copy, *lists('plain'))
    must(r.returncode == 0, r.stderr)
    before = proc.read(copy, 'rb')
    for more in (), ('-x',):
        refused(OUTPUT, 'without -x', *more, '-o', copy, *lists('plain'))
    must(proc.read(copy, 'rb') == before)


@test('a damaged file among others spoils none of them')
def _():
    copied('plain', 'worse')
    view = merge('worse')
    names = files('worse')
    with open(names[1], 'r+b') as f:
        f.truncate(os.path.getsize(names[1]) // 2)
    with open(names[4], 'r+b') as f:
        f.write(b'nothing of the kind')
    r = run('-c', view)
    must(r.returncode == INPUT)
    must(r.stderr.count('\n') == 3 and names[1] in r.stderr and
         names[4] in r.stderr and '2 of its' in r.stderr, r.stderr)


@test('a name that CrystFEL would not read is refused')
def _():
    refused(USAGE, 'end in .cxi', '-o', path('no.h5'), *lists('plain'))


@test('whatever fails but the second renaming, list and file are of the same run')
def _():
    fault = path('fault_at.so')
    subprocess.run([os.environ.get('CC', 'cc'), '-shared', '-fPIC',
                    '-D_GNU_SOURCE', '-o', fault, 'tests/fault_at.c', '-ldl'],
                   check=True)
    copied('plain', 'pair')
    view = merge('pair')
    names = [view, view[:-3] + 'events']
    old = [proc.read(x, 'rb') for x in names]
    some = files('pair')[:2]
    must(run('-o', view, *some).returncode == 0)
    new = [proc.read(x, 'rb') for x in names]
    must(old[0] != new[0] and old[1] != new[1])
    torn = 0
    for at in range(1, 200):
        for x, text in zip(names, old):
            with open(x, 'wb') as f:
                f.write(text)
        r = run('-o', view, *some, env={
            **os.environ, 'FAULT_AT': '%d once' % at,
            'LD_PRELOAD': fault + ' ' + os.environ.get('LD_PRELOAD', '')})
        now = [proc.read(x, 'rb') for x in names]
        if r.returncode == 0:
            break
        must(now != new or 'its directory' in r.stderr, at, r.stderr)
        torn += now not in (old, new)
    must(torn <= 1, torn)
    must(now == new and at > 6, at, r.stderr)


def small(argv):
    """Runs it where its output is on a disk of 16 KiB: status and what is left."""
    os.makedirs(path('small'), exist_ok=True)
    return subprocess.run(
        ['unshare', '-m', 'sh', '-c', 'd=$1; shift; mount -t tmpfs -o size=16k'
         ' none "$d" || exit 99; "$@"; s=$?; ls "$d"; exit $s', '-',
         path('small'), *argv], capture_output=True, text=True)


if small(['true']).returncode == 0:
    for how in '-o', '-xo':
        @test('a full disk is said, and nothing is left (%s)' % how)
        def _():
            r = small(['cximerge', how, path('small', 'r.cxi'),
                       *files('plain')])
            must(r.returncode == OUTPUT, r.returncode, r.stderr)
            must('No space left' in r.stderr, r.stderr)
            must(r.stdout == '', r.stdout)
else:
    @test('a full disk is said, and nothing is left # SKIP no mount')
    def _():
        pass


@test('a directory that is not there is a message')
def _():
    refused(OUTPUT, 'No such file', '-o', path('no', 'x.cxi'), *lists('plain'))


@test('a signal ends it with status 3 and nothing is left')
def _():
    many = [files('plain')[0]] * 2000
    for sig in signal.SIGINT, signal.SIGTERM:
        p = subprocess.Popen(['cximerge', '-o', OUT, *many],
                             stderr=subprocess.PIPE, text=True)
        must(proc.wait_for(lambda: proc.catches(p.pid, sig)))
        p.send_signal(sig)
        said = p.communicate()[1]
        must(p.returncode == INTERRUPTED, p.returncode, said)
        must('stopped' in said, said)
        nothing_made()


def child_of(p):
    """A process that p has started, 0 if there is none."""
    try:
        with open('/proc/%d/task/%d/children' % (p.pid, p.pid)) as f:
            return int((f.read().split() or [0])[0])
    except OSError:
        return 0


def stopped_while_reading(*argv):
    """A signal comes while the process that reads files does not answer."""
    for _ in range(50):
        p = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        while p.poll() is None and child_of(p) == 0:
            pass
        reader = child_of(p)
        if reader != 0:
            os.kill(reader, signal.SIGSTOP)
            p.send_signal(signal.SIGTERM)
            said = p.communicate(timeout=30)[1]
            must(proc.wait_for(lambda: not os.path.exists('/proc/%d' % reader)))
            if p.returncode != 0:
                break
        p.communicate()
    must(p.returncode == INTERRUPTED, p.returncode, said)
    must('stopped' in said, said)


@test('a signal ends -c while a file is read')
def _():
    merge('plain', name='view.cxi')
    stopped_while_reading('cximerge', '-c', path('plain', 'view.cxi'))
    os.unlink(path('plain', 'view.cxi'))


@test('a signal while the file is looked at that is to be replaced leaves it')
def _():
    view = merge('plain', name='old.cxi')
    was = proc.read(view, 'rb')
    stopped_while_reading('cximerge', '-o', view, *files('plain'))
    must(proc.read(view, 'rb') == was)
    must(not glob.glob(view + '?*'), glob.glob(view + '?*'))
    os.unlink(view)


@test('a signal ends -x while a file is read, and nothing is left')
def _():
    stopped_while_reading('cximerge', '-xo', OUT, *files('plain'))
    nothing_made()


@test('cxiview ends at a signal, too, while it reads, and makes no picture')
def _():
    picture = path('never.png')
    for mode in '-s', '-e0':
        stopped_while_reading('cxiview', mode, '-o', picture, *files('plain'))
        must(not glob.glob(picture + '*'))


@test('few descriptors are enough for many files')
def _():
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    must(len(files('shards')) < 40)
    many = path('many')
    os.mkdir(many)
    for i in range(60):
        name = os.path.join(many, 'm_%04d.cxi' % i)
        shutil.copy(files('plain')[0], name)
        with h5py.File(name, 'r+') as f:
            n = f['/LCLS/eventNumber']
            n[:] = np.arange(len(n)) * 60 + i
    r = run('-o', path('m.cxi'), many, preexec_fn=limit)
    must(r.returncode == 0, r.stderr)
    number = objects(path('m.cxi'))['/LCLS/eventNumber'][0]
    must(np.array_equal(number, np.arange(240)), number)
    r = subprocess.run(['cxiview', '-P', '-o', path('m.png'), path('m.cxi')],
                       stderr=subprocess.PIPE, text=True)
    must(r.returncode == 0, r.stderr)


proc.done()
