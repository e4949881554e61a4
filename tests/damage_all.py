#!/usr/bin/python3
"""Every flipped byte and every truncation of small captures, by the programs.

usage: tests/damage_all.py [-n samples] [-s seed] [-t seconds]

Each damaged capture is read by q2cat, q2cat -K, peakfind, q2ls and cxiwrite.
It must end in what the whole one gives and status 0, or in a message that names
the place and a status of the table, or, cut between records, without its end
record; never in a crash or a hang. With checksums no good event may differ. -n:
so many cases of each reader, at random; -t: stop after so many seconds. The last
line is "N passed, N failed"; the status is 1 if any failed.
"""
import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pipetest as t
from q2bytes import FAILED, TYPE_END, TYPE_EVENT, records

PLACE = re.compile(r'byte \d+|event \d+|stream|record|end|empty')
NAMES = {'q2cat': ['q2cat'], 'q2cat -K': ['q2cat', '-K'],
         'peakfind': ['peakfind'], 'q2ls': ['q2ls'], 'q2ls -p': ['q2ls', '-p'],
         'cxiwrite': ['cxiwrite', '-m', '0', '-o', t.path('out')]}
READERS = {'logits': ('q2cat', 'q2cat -K', 'peakfind', 'q2ls'),
           'plain': ('q2cat', 'q2cat -K', 'peakfind', 'q2ls'),
           'peaks': ('q2cat', 'q2cat -K', 'q2ls -p', 'cxiwrite')}


def run(reader, data):
    """Status, output, messages."""
    shutil.rmtree(t.path('out'), True)
    try:
        p = subprocess.run(NAMES[reader], input=data, capture_output=True,
                           timeout=60)
    except subprocess.TimeoutExpired:
        return 'hangs', b'', ''
    out = p.stdout
    if reader == 'cxiwrite':
        out = b''.join(t.read(f) for f in t.files(t.path('out')))
    return p.returncode, out, p.stderr.decode(errors='replace')


def split(out):
    """Good events, failed events, ends of an output of records."""
    good, failed, ends = [], 0, 0
    for kind, seq, flags, record in records(out):
        if kind == TYPE_EVENT and flags & FAILED:
            failed += 1
        elif kind == TYPE_EVENT:
            good.append(record)
        ends += kind == TYPE_END
    return good, failed, ends


def planes_at(data, at):
    """Is that byte behind the header of an event?"""
    begin = 0
    for kind, _, _, record in records(data):
        if begin <= at < begin + len(record):
            return kind == TYPE_EVENT and at >= begin + 64
        begin += len(record)
    return False


def said(reader, messages):
    name = reader.split()[0] + ': '
    return any(line.startswith(name) and PLACE.search(line)
               for line in messages.splitlines())


def judge(reader, capture, whole, base, data, at, cut):
    """None, or what is wrong."""
    status, out, messages = run(reader, data)
    if status not in range(0, 9):
        return f'status {status}'
    if status != 0 and not said(reader, messages):
        return f'status {status} without a place'
    free = capture == 'plain' and not cut and planes_at(whole, at)
    if reader.startswith('q2ls'):
        if status == 0 and not free and out != base and not (
                cut and base.startswith(out)) and b'checksum' not in out:
            return 'other lines'
    elif reader == 'cxiwrite':
        if status == 0 and out != base:
            return 'other files'
    else:
        good, failed, ends = split(out)
        if status == 0 and ends == 0 and not cut:
            return 'no end, and no message'
        if status == 0 and reader == 'q2cat' and out not in (base, data):
            return 'not what came'
        if reader == 'peakfind' and not free:
            if any(g not in split(base)[0] for g in good):
                return 'other peaks'
            if status == 0 and failed and not said(reader, messages):
                return 'failed without a message'
    return None


def captures():
    t.dump(t.path('d.h5'), [3], panels=1, shape=(8, 8), real=(8, 8), peaks=1)
    for name, command in (('logits', 'q2cat -c -C 4 $T/d.h5'),
                          ('plain', 'q2cat -C 4 $T/d.h5'),
                          ('peaks', 'q2cat -c -C 4 $T/d.h5 | peakfind')):
        yield name, t.sh(command).stdout


def main():
    p = argparse.ArgumentParser()
    p.add_argument('-n', type=int)
    p.add_argument('-s', type=int, default=1)
    p.add_argument('-t', type=float, default=float('inf'))
    o = p.parse_args()
    rng, cases = random.Random(o.s), []
    for capture, whole in captures():
        for reader in READERS[capture]:
            base = run(reader, whole)
            assert base[0] == 0, base
            mine = [(at, mask) for at in range(len(whole))
                    for mask in (1 << at % 8, 0xff, None)]
            rng.shuffle(mine)
            cases += [(reader, capture, whole, base[1], at, mask)
                      for at, mask in mine[:o.n]]
    rng.shuffle(cases)
    passed = failed = 0
    end = time.monotonic() + o.t
    for reader, capture, whole, base, at, mask in cases:
        if time.monotonic() > end:
            break
        data = whole[:at]
        if mask is not None:
            data += bytes([whole[at] ^ mask]) + whole[at + 1:]
        why = judge(reader, capture, whole, base, data, at, mask is None)
        passed += why is None
        failed += why is not None
        if why is not None:
            print(f'# {reader}, {capture}, byte {at}, '
                  f'{"cut" if mask is None else hex(mask)}: {why}', flush=True)
    print(f'{passed} passed, {failed} failed')
    sys.exit(failed != 0)


if __name__ == '__main__':
    main()
