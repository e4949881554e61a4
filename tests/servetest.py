"""q2serve under test: fed by a pipe, and asked by clients in Python.

Clients that are to be killed, stopped or signalled are processes of their own:
tests/serve_client.py.
"""
import fcntl
import os
import re
import socket
import struct
import subprocess
import sys
import termios
import time

import pipetest as t
from pipetest import path

try:
    import msgpack
    import zmq
except ImportError as why:
    t.skip_all(f'{why}: python3-zmq, python3-msgpack')
import q2bytes

LIMIT = 20          # seconds; nothing that works comes near it
DATA, PEAKS = '/entry_1/data_1/data', '/entry_1/result_1'
CONTEXT = zmq.Context()


def wait_for(condition):
    end = time.monotonic() + LIMIT
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(.01)
    return value


class Serve:
    """q2serve with a pipe to write records to; served counts its last line."""
    n = 0

    def __init__(self, *options, stdin=subprocess.PIPE):
        Serve.n += 1
        self.socket = path(f's{Serve.n}')
        self.address = 'ipc://' + self.socket
        self.p = subprocess.Popen(['q2serve', '-l', self.address, *options],
                                  stdin=stdin, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.kill()
        self.p.communicate()

    def listening(self):
        """Waits until it does."""
        def answers():
            with socket.socket(socket.AF_UNIX) as s:
                return s.connect_ex(self.socket) == 0
        return wait_for(answers)

    def sockets(self):
        """How many it has: more while a client is connected."""
        n = 0
        for x in os.scandir(f'/proc/{self.p.pid}/fd'):
            try:
                n += os.readlink(x.path).startswith('socket:')
            except OSError:             # it has just gone
                pass
        return n

    def feed(self, *records):
        for r in records:
            self.p.stdin.write(r)
        self.p.stdin.flush()

    def taken(self):
        """Waits until the pipe to it is empty."""
        return wait_for(lambda: struct.unpack('i', fcntl.ioctl(
            self.p.stdin, termios.FIONREAD, b'    '))[0] == 0)

    def end(self):
        """Its status, when its input has ended."""
        try:
            if self.p.stdin and not self.p.stdin.closed:
                self.p.stdin.close()
            self.p.stdin = None
            self.said = self.p.communicate(timeout=LIMIT)[1].decode()
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.said = 'it does not end\n' + self.p.communicate()[1].decode()
            return None
        return self.p.returncode

    def totals(self):
        """in, delivered, dropped, waiting, filtered, failed."""
        m = re.search(r'(\d+) events in = (\d+) delivered \+ (\d+) dropped \+ '
                      r'(\d+) waiting \+ (\d+) filtered \+ (\d+) failed;',
                      self.said)
        return m and tuple(map(int, m.groups()))


class Client:
    """What indexamajig's worker does: asks, takes a reply, asks again."""

    def __init__(self, address, kind=zmq.REQ):
        self.s = CONTEXT.socket(kind)
        self.s.linger = 0
        self.s.rcvtimeo = self.s.sndtimeo = 1000 * LIMIT
        self.s.connect(address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def ask(self):
        self.s.send(b'next')

    def take(self):
        reply = self.s.recv()
        return msgpack.unpackb(reply, strict_map_key=True) if reply else None

    def next(self):
        self.ask()
        return self.take()

    def all(self):
        """All hits until an empty reply."""
        hits = []
        while (m := self.next()) is not None:
            hits.append(m)
        return hits


def ids(hits):
    return [int(m['event_id'].rpartition('-')[2]) for m in hits]


class Worker:
    """A client in a process of its own, that tells what it does."""

    def __init__(self, address, times=0):
        self.p = subprocess.Popen(
            [sys.executable, 'tests/serve_client.py', address, str(times)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hear(self):
        return self.p.stdout.readline().split()

    def kill(self):
        self.p.kill()
        self.p.communicate()


def peaks_of(dump, *options):
    """Records with peaks: header, events, end."""
    p = subprocess.run(f'q2cat {" ".join(options)} {dump} | peakfind',
                       shell=True, stdout=subprocess.PIPE, check=True)
    parts = [r for *_, r in t.records(p.stdout)]
    return parts[0], parts[1:-1], parts[-1]


def end_of(end, count):
    """The end record of the same stream with another count."""
    return q2bytes.seal(end[:40] + struct.pack('<Q', count) + end[48:])


GEOMETRY = '''clen = 0.125
res = 10000
photon_energy = /LCLS/photon_energy_eV eV
data = /entry_1/data_1/data
mask = /entry_1/data_1/mask
mask_good = 0x0000
mask_bad = 0xffff
dim0 = %
dim1 = ss
dim2 = fs
; the second panel lies left of the first and lower, with a gap between
b/min_fs = 50
b/max_fs = 93
b/min_ss = 0
b/max_ss = 29
b/corner_x = 10
b/corner_y = -50.5
a/min_fs = 0
a/max_fs = 43
a/min_ss = 20
a/max_ss = 49
a/corner_x = -50
a/corner_y = 2
bad1/min_fs = 3
bad1/max_fs = 4
bad1/min_ss = 20
bad1/max_ss = 22
a/fs = +1.0x +0.0y
a/ss = +0.0x +1.0y
b/fs = +1.0x +0.0y
b/ss = +0.0x +1.0y
'''
