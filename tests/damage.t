#!/usr/bin/python3
"""Damage: q2cat -K reads on behind it and tells what is lost; checksums tell of
damage in planes, however events travel; every byte of a small capture."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(__file__))
import pipetest as t
from pipetest import T, check, path, sh
from q2bytes import CRC, FAILED, IMAGE, LOGITS, TYPE_END, TYPE_EVENT, Stream, \
    records, struct

N = 6
s = Stream(LOGITS | IMAGE)
L = len(s.event(0))


def at(k, byte=0):
    """Offset of a byte of event k."""
    return 4096 + k * L + byte


def capture(crc=False):
    return s.header() + b''.join(
        s.event(k, flags=CRC if crc else 0, crc=crc) for k in range(N)) + s.end(N)


def flip(data, *places):
    data = bytearray(data)
    for place in places:
        data[place] ^= 1
    return bytes(data)


def save(name, data):
    with open(path(name), 'wb') as f:
        f.write(data)
    return path(name)


def seen(data):
    """'0 1 2F end6': events, F for failed, and ends."""
    out = []
    for kind, seq, flags, record in records(data):
        if kind == TYPE_EVENT:
            out.append(f'{seq}{"F" if flags & FAILED else ""}')
            if flags & FAILED and any(record[256:]):
                out.append('planes')
        if kind == TYPE_END:
            out.append(f'end{struct.unpack_from("<Q", record, 40)[0]}')
    return ' '.join(out)


def salvage(name, data, want, said, options='', status=6):
    """The same from a file, a pipe, and by reference; options of q2cat."""
    f = save('x.q2', data)
    for how, command in (
            ('a file', f'q2cat -K {options} {f}'),
            ('a pipe', f'cat {f} | q2cat -K {options}'),
            ('a file into slots', 'q2slots -n 3 sh -c '
             f'"(q2cat -K {options} {f}; echo status \\$? >&2) | q2cat >{T}/o";'
             f' cat {T}/o')):
        r = sh(command)
        got = f'status {status}' in r.said or r.status[-1] == status
        check(got and seen(r.stdout) == want and said in r.said,
              f'-K, {how}: {name}',
              f'{seen(r.stdout)}\nwanted {want}, {said}\n{r.note}')


def places():
    for crc in False, True:
        c = capture(crc)
        with_crc = ', checksums' if crc else ''
        for name, data, want, said in (
                ('a bad event header is one failed event',
                 flip(c, at(2, 30)), '0 1 2F 3 4 5 end6',
                 f'skipped {L} bytes from byte {at(2)} on; 1 lost, from event 2'),
                ('so is that of the first event', flip(c, at(0)),
                 '0F 1 2 3 4 5 end6', '1 lost, from event 0'),
                ('and of the last', flip(c, at(5, 63)), '0 1 2 3 4 5F end6',
                 '1 lost, from event 5'),
                ('two bad headers in a row are two events',
                 flip(c, at(2), at(3)), '0 1 2F 3F 4 5 end6',
                 '2 lost, from event 2'),
                ('two places are two places', flip(c, at(1), at(4)),
                 '0 1F 2 3 4F 5 end6', 'damaged places: 2'),
                ('bytes lost in planes fail that event alone',
                 c[:at(2, 500)] + c[at(2, 510):], '0 1 2F 3 4 5 end6',
                 f'skipped {L - 10} bytes'),
                ('bytes put into planes fail that event alone',
                 c[:at(2, 500)] + b'x' * 10 + c[at(2, 500):],
                 '0 1 2F 3 4 5 end6', f'skipped {L + 10} bytes'),
                ('a bad end record is a missing end', flip(c, len(c) - 64),
                 '0 1 2 3 4 5', 'gets no end record'),
                ('bytes behind the end do not matter', c + b'junk' * 20,
                 '0 1 2 3 4 5 end6', 'skipped 80 bytes'),
                ('a cut inside an event has no end', c[:at(3, 100)],
                 '0 1 2', 'gets no end record'),
                ('a cut inside a header leaves the event before', c[:at(3, 10)],
                 '0 1 2', 'skipped 10 bytes'),
                ('more numbers missing than room for them has no end',
                 flip(c[:at(2)] + c[at(4):], at(2)), '0 1 5',
                 'gets no end record'),
                ('a bad stream header skips to the next', flip(c, 100) + c,
                 '0 1 2 3 4 5', 'damaged stream header'),
                ('the stream before keeps its end',
                 c + flip(c, 70)[:4096] + c, '0 1 2 3 4 5 end6 0 1 2 3 4 5 end6',
                 'damaged stream header')):
            salvage(name + with_crc, data, want, said)
    salvage('an undamaged capture is as without -K', capture(),
            '0 1 2 3 4 5 end6', '', status=0)
    c = flip(capture(), at(2, 30))
    salvage('positions count lost events', c, '3 4 end2', '', '-s 3 -n 2')
    salvage('a lost event is of its shard', c, '0 2F 4 end3', '', '-i 0/2')
    salvage('and not of another', c, '1 3 5 end3', '', '-i 1/2')
    many = s.header() + b''.join(flip(s.event(k), 0) if k % 2 else s.event(k)
                                 for k in range(61)) + s.end(61)
    r = sh(f'q2cat -K {save("many.q2", many)}')
    check(r.said.count('skipped') == 21 and 'damaged places: 30' in r.said,
          '-K: many places are counted, 20 are named', r.note)
    r = sh(f'q2cat {save("x.q2", c)}')
    check(r.status == [6] and seen(r.stdout) == '0 1',
          'without -K the capture ends at the damage', r.note)
    r = sh(f'q2cat -K {T}/x.q2 | peakfind -a 1 | cxiwrite -m 0 -o {T}/k')
    check(r.status == [6, 0, 4] and '6 events in = 5 written' in r.said and
          '1 failed' in r.said and 'event 2' in r.said,
          '-K: cxiwrite names and counts the lost event', r.note)


def checksums():
    """A flip in each plane, inline, by slots, on replay: the event fails."""
    c = capture(crc=True)
    for name, byte in ('event block', 64 + 3), ('logits', 64 + 192 + 9), \
            ('image', 64 + 192 + 2048 + 9):
        f = save('c.q2', flip(c, at(2, byte)))
        save('p.q2', sh(f'q2cat {T}/good.q2 | peakfind -a 1').stdout)
        for how, command in (
                ('inline', f'cat {f} | OUT'),
                ('by slots', f'q2slots -n 3 sh -c "cat {f} | q2cat - | OUT"'),
                ('on replay', f'q2slots -n 3 sh -c "q2cat {f} | OUT"')):
            r = sh(command.replace('OUT', 'peakfind -a 1 | cxiwrite -f -m 0 '
                                   f'-o {T}/c'))
            check(r.status[-1] == 4 and '5 written' in r.said and
                  f'event 2' in r.said and f'damaged {name}' in r.said,
                  f'a damaged {name} is a failed event {how}', r.note)
    p = sh(f'q2cat {save("good.q2", c)} | peakfind -a 1').stdout
    size = (len(p) - 4096 - 64) // N
    for name, byte in ('event block', 64 + 3), ('image', 64 + 192 + 9), \
            ('peaks', 64 + 192 + 1024 + 9):
        f = save('p.q2', flip(p, 4096 + 2 * size + byte))
        for how, command in (
                ('inline', f'cat {f} | OUT'),
                ('by slots', f'q2slots -n 3 sh -c "cat {f} | q2cat - | OUT"'),
                ('on replay', f'q2slots -n 3 sh -c "q2cat {f} | OUT"')):
            r = sh(command.replace('OUT', f'cxiwrite -f -m 0 -o {T}/p'))
            check(r.status[-1] == 4 and '5 written' in r.said and
                  'event 2' in r.said and f'damaged {name}' in r.said,
                  f'cxiwrite: a damaged {name} is a failed event {how}', r.note)


def every_byte():
    """All in one process."""
    t.dump(path('d.h5'), [3], panels=1, shape=(8, 8), real=(8, 8), peaks=1)
    sh(f'q2cat -c -C 4 {T}/d.h5 > {T}/logits.q2')
    sh(f'peakfind < {T}/logits.q2 > {T}/peaks.q2')
    for name in 'logits', 'peaks':
        r = sh(f'$B/tests/tools/damage_flips {T}/{name}.q2',
               B=os.environ.get('B', 'build'))
        check(r.status == [0] and ' 0 failed' in r.stdout.decode() and
              int(r.stdout.split()[-4]) > 30000,
              f'every flip and cut of a capture of {name} is noticed',
              r.stdout.decode() + r.note)


def programs():
    r = sh('/usr/bin/python3 tests/damage_all.py -n 8')
    check(r.status == [0] and r.stdout.split()[-4:] ==
          [b'96', b'passed,', b'0', b'failed'],
          'damaged captures through each program, a sample',
          r.stdout.decode() + r.note)


places()
checksums()
every_byte()
programs()
t.done()
