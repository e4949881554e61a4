"""What the Python tests of whole pipelines share: TAP, a scratch directory,
running pipelines with the status of each stage, small dumps, records.

Nothing here looks at the project's code: q2(5) and DESIGN.md tell the bytes.
"""
import atexit
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

import h5py
import numpy as np

REAL = '../shared/data/cxi78513-r0014-thermolysin.q2dump.h5'
GEOM = '../shared/geom/cspad-cxi78513.geom'
HC = 12398.4198
EIGHT = np.ones((3, 3), int)
STREAM, EVENT, REFERENCE, END = 1, 2, 3, 4
INTERRUPTED = 4
BLOCK = 192

os.environ['PATH'] = os.path.abspath(os.environ.get('B', 'build')) + ':' + \
    os.environ['PATH']
os.environ.pop('Q2_SLOTS', None)
T = tempfile.mkdtemp()
atexit.register(shutil.rmtree, T, True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

tests = failures = 0


def check(ok, name, note=''):
    """One line of TAP; the note explains a failure."""
    global tests, failures
    tests += 1
    failures += not ok
    print('ok' if ok else 'not ok', tests, '-', name, flush=True)
    if not ok and note != '':
        for line in str(note).rstrip('\n').split('\n')[:12]:
            print('#', line[:300], flush=True)
    return ok


def skip_all(why):
    print('1..0 # SKIP', why)
    sys.exit(0)


def done():
    print(f'1..{tests}', flush=True)
    sys.exit(failures != 0)


def path(*name):
    return os.path.join(T, *name)


def sh(text, **env):
    """A pipeline in bash: the status of each stage, and what they said."""
    p = subprocess.run(['bash', '-c', text +
                        '\necho "@@${PIPESTATUS[@]}" >&2'],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       cwd=os.getcwd(), env={**os.environ, 'T': T, **env})
    said, _, status = p.stderr.decode(errors='replace').rpartition('@@')
    result = subprocess.CompletedProcess(text, p.returncode, p.stdout, said)
    result.status = [int(s) for s in status.split()]
    result.said = said
    result.note = f'{text}\nstatus {status.strip()}\n{said}'
    return result


def files(directory, end='.cxi'):
    """Paths of the files in it that end so, in order."""
    if not os.path.isdir(directory):
        return []
    return [os.path.join(directory, f) for f in sorted(os.listdir(directory))
            if f.endswith(end)]


def read(name):
    with open(name, 'rb') as f:
        return f.read()


def column(paths, dataset):
    """A dataset of all files, joined; None where one lacks it."""
    out = []
    for p in paths:
        with h5py.File(p) as f:
            if dataset not in f:
                return None
            out.append(f[dataset][...])
    return np.concatenate(out) if out else None


def datasets(name):
    """All paths of datasets in a file, second names included."""
    found = []

    def walk(group, at):
        for key in group:
            item = group[key]
            if isinstance(item, h5py.Group):
                walk(item, f'{at}/{key}')
            else:
                found.append(f'{at}/{key}')
    with h5py.File(name) as f:
        walk(f, '')
    return sorted(found)


# ---- records, q2(5) ----

def records(data):
    """(type, flags, seq, bytes) of each record."""
    at = 0
    while at < len(data):
        assert data[at:at + 8] == b'\x89Q2R\r\n\x1a\n', at
        kind, flags, length = struct.unpack_from('<HIQ', data, at + 10)
        seq, = struct.unpack_from('<Q', data, at + 32)
        yield kind, flags, seq, data[at:at + length]
        at += length


def counts(data):
    """Sequence numbers of the events, and what the end records say."""
    seqs, ends = [], []
    for kind, flags, seq, record in records(data):
        if kind in (EVENT, REFERENCE):
            seqs.append(seq)
        if kind == END:
            ends.append((struct.unpack_from('<Q', record, 40)[0], flags))
    return seqs, ends


# ---- dumps, upstream.md section 2 ----

def blob_event(rng, panels, shape, peaks, real=None):
    """Logits and image of one event: peaks of 2 x 2 pixels on a grid."""
    h, w = real or shape
    logits = np.zeros((panels, 2) + shape, 'f4')
    logits[:, 0] = 4
    logits[:, 1] = -4
    image = rng.normal(20, 3, (panels, 1) + shape).astype('f4')
    places = [(p, s, f) for p in range(panels) for s in range(2, h - 4, 6)
              for f in range(2, w - 4, 6)]
    assert peaks <= len(places)
    for p, s, f in places[:peaks]:
        logits[p, 1, s:s + 2, f:f + 2] = 8
        image[p, 0, s:s + 2, f:f + 2] += rng.uniform(200, 900, (2, 2))
    return logits, image


def dump(name, batches, panels=2, shape=(32, 48), real=(30, 44), seed=1,
         image=True, original_shape=True, wavelength=True, timestamp=True,
         peaks=15, first=0, logits_type='f4'):
    """Writes a dump: batches is a list of numbers of events. wavelength and
    timestamp: True, None, or a function of the event's number."""
    rng = np.random.default_rng(seed)
    k = 0
    with h5py.File(name, 'w') as f:
        for b, n in enumerate(batches, first):
            g = f.create_group(f'batch_{b}')
            made = [blob_event(rng, panels, shape, peaks if np.isscalar(peaks)
                               else peaks[k + i], real) for i in range(n)]
            g['logits'] = np.concatenate([m[0] for m in made]).astype(
                logits_type)
            if image is True or (callable(image) and image(b)):
                g['original_image'] = np.concatenate([m[1] for m in made])
            m = g.create_group('metadata')
            p = g.create_group('preprocessing_metadata')
            if original_shape:
                p['original_shape'] = np.array([n, panels, *real])
            p['preprocessed_shape'] = np.array([n * panels, 1, *shape])
            at = range(k, k + n)
            if wavelength:
                m['photon_wavelength'] = np.array([
                    wavelength(i) if callable(wavelength) else 1.3 + .01 * i
                    for i in at])
            if timestamp:
                m['timestamp'] = np.array([
                    timestamp(i) if callable(timestamp)
                    else (1700000000 + i) << 32 | 1000 * i + 7
                    for i in at], 'u8')
            k += n
    return name


# ---- geometry, upstream.md section 3 ----

def geometry(name):
    """Rectangles of ASICs in the order of first mention, and the defaults."""
    asics, top = {}, {}
    with open(name) as f:
        for line in f:
            m = re.match(r'\s*(?:([^/;\s]+)/)?(\w+)\s*=\s*([^;]*)', line)
            if not m or (m[1] or '').startswith('bad'):
                continue
            (top if m[1] is None else asics.setdefault(m[1], {}))[m[2]] = \
                m[3].strip()
    return asics, top


def modules(name, height, width):
    """Slab place (ss, fs) of each module of height x width, in order. Modules
    lie on a grid of their own size here."""
    places, size = [], [0, 0]
    for a in geometry(name)[0].values():
        ss, fs = int(a['min_ss']), int(a['min_fs'])
        at = ss // height * height, fs // width * width
        if at not in places:
            places.append(at)
        size[0] = max(size[0], int(a['max_ss']) + 1)
        size[1] = max(size[1], int(a['max_fs']) + 1)
    return places, tuple(size)
