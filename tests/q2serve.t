#!/usr/bin/python3
"""Hits for indexers over ZeroMQ: who gets what, and what becomes of all others when
one dies, stands still, or never asks."""
import os
import re
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import time

sys.path.insert(0, 'tests')
from servetest import *
from pipetest import T, check


# ---- who gets what ----

def sharing_test(head, events, end, hits):
    with Serve() as s, Client(s.address) as a, Client(s.address) as b:
        got = [[], []]
        a.ask()
        b.ask()
        s.feed(head, *events)
        # Who gets the last one is not known; the end comes when all have come.
        while len(got[0]) + len(got[1]) < len(hits):
            for c, g in (a, got[0]), (b, got[1]):
                if c.s.poll(10):
                    g += ids([c.take()])
                    c.ask()
        s.feed(end)
        s.p.stdin.close()
        empty = a.take() is None and b.take() is None
        a.s.close()
        b.s.close()
        status = s.end()
    check(sorted(got[0] + got[1]) == hits and got[0] and got[1],
          'two clients share all hits, each once', got)
    check(empty, 'at the end of the stream who waits gets an empty reply')
    check(status == 0 and s.totals() == (20, 16, 0, 0, 4, 0) and
          'NOT' not in s.said and 'may not' not in s.said,
          'and all is accounted for', s.said)
    with Serve() as s, Client(s.address) as c:
        c.ask()
        check(wait_for(lambda: os.path.exists(s.socket)) and
              stat.S_IMODE(os.stat(s.socket).st_mode) == 0o600,
              'the socket is for its owner only')
        s.feed(head, events[1])
        check(ids([c.take()]) == [1],
              'a request is held until a hit comes, and gets it at once')
        c.s.close()
    with Serve() as s, Client(s.address, zmq.DEALER) as odd, \
            Client(s.address) as c:
        odd.s.send(b'no empty frame')
        odd.s.send_multipart([b'', b'a', b'b', b'c'])
        odd.s.send_multipart([b'', b'x' * 100000])
        s.listening()
        for noise in b'GET / HTTP/1.0\r\n\r\n', b'\xff' * 5000, b'':
            with socket.socket(socket.AF_UNIX) as raw:
                raw.connect(s.socket)
                raw.send(noise)
        s.feed(head, *events[:5], end_of(end, 5))
        s.p.stdin.close()
        got = ids(c.all())
        odd.s.close()
        c.s.close()
        status = s.end()
    check(status == 0 and got == [1, 2, 3, 4] and 'connected' not in s.said,
          'requests that are none get nothing, and nobody is kept waiting',
          (got, s.said))
    with Serve('-n', '20') as s, Client(s.address, zmq.DEALER) as greedy, \
            Client(s.address) as c:
        for _ in range(100):
            greedy.s.send_multipart([b'', b'next'])
        s.feed(head, *events, end)
        s.p.stdin.close()
        got = ids(c.all())
        while greedy.s.poll(300):
            reply = greedy.s.recv_multipart()[1]
            got += ids([msgpack.unpackb(reply)]) if reply else []
        greedy.s.close()
        c.s.close()
        status = s.end()
    check(status == 0 and sorted(got) == hits and
          s.totals() == (20, 16, 0, 0, 4, 0),
          'who asks on and on without reading costs no hit', (got, s.said))


def death_test(head, events, end, hits):
    with Serve() as s:
        wait_for(lambda: os.path.exists(s.socket))
        sockets = s.sockets()
        w = Worker(s.address, 1)
        w.hear()
        s.feed(head, events[0])             # a miss: the request is held
        wait_for(lambda: s.sockets() > sockets)
        time.sleep(.1)                      # (or comes later: the same is seen)
        w.kill()
        wait_for(lambda: s.sockets() <= sockets)
        with Client(s.address) as c:
            s.feed(*events[1:], end)
            s.p.stdin.close()
            got = ids(c.all())
        status = s.end()
    check(status == 0 and got == hits and s.totals() == (20, 16, 0, 0, 4, 0) and
          'may not' not in s.said,
          'a client that dies after asking costs no hit', (got, s.said))

    with Serve() as s:
        w = Worker(s.address, 1)
        s.feed(head, *events[:5])
        w.hear()
        lost = [int(x) for x in w.hear()]
        w.kill()
        with Client(s.address) as c:
            s.feed(*events[5:], end)
            s.p.stdin.close()
            got = ids(c.all())
        status = s.end()
    check(lost == [1] and got == hits[1:] and status == 0,
          'what a client took before it died is not given to another',
          (lost, got))
    check(s.totals() == (20, 16, 0, 0, 4, 0) and
          '1 of those delivered may not have arrived' in s.said,
          'but is counted as unconfirmed', s.said)

    with Serve('-w', '0.5') as s:
        wait_for(lambda: os.path.exists(s.socket))
        sockets = s.sockets()
        w = Worker(s.address, 1)
        w.hear()
        wait_for(lambda: s.sockets() > sockets)
        w.p.send_signal(signal.SIGSTOP)
        with Client(s.address) as c:
            s.feed(head, *events, end)
            s.p.stdin.close()
            got = ids(c.all())
        status = s.end()
        w.kill()
    check(status == 0 and len(got) in (15, 16) and set(got) <= set(hits) and
          s.totals() == (20, 16, 0, 0, 4, 0),
          'a client that stands still is in nobody\'s way', (got, s.said))
    check('1 clients are still connected' in s.said,
          'and keeps q2serve no longer than -w', s.said)


# ---- the queue ----

def rss(pid):
    with open(f'/proc/{pid}/statm') as f:
        return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def queue_test(head, events, end, hits):
    # 20 events of 1 MiB of pixels; a queue of 3; a pipe of 1 MiB.
    big = t.dump(path('big.h5'), [4] * 5, panels=1, shape=(512, 512),
                 real=(512, 512), peaks=12)
    with open(path('big.q2'), 'wb') as f:
        subprocess.run(f'q2cat {big} | peakfind', shell=True, stdout=f)
    with Serve('-n', '3', stdin=subprocess.PIPE) as s:
        p = subprocess.Popen(['cat', path('big.q2')], stdout=s.p.stdin)

        def given():
            """What the producer has written, once it stands still."""
            with open(f'/proc/{p.pid}/io') as f:
                n = int(re.search(r'wchar: (\d+)', f.read())[1])
            now = (n, open(f'/proc/{s.p.pid}/stat').read().split()[13:15])
            given.still = given.still + 1 if now == given.last else 0
            given.last = now
            return n if given.still > 20 else 0
        given.still, given.last = 0, None
        n = wait_for(given)
        # Queue, the one in hand, the pipe, and the buffers of cat and q2serve.
        check(n and n < (3 + 1 + 1 + 2) << 20 and p.poll() is None,
              'nobody asks: the queue fills, and the producer waits', n)
        small = 'san' in os.environ.get('B', '') or rss(s.p.pid) < 40 << 20
        check(small, 'and memory is bounded', rss(s.p.pid))
        with Client(s.address) as c:
            got = []
            s.p.stdin.close()
            got = ids(c.all())
        status = s.end()
        p.wait()
    check(status == 0 and got == list(range(20)),
          'when somebody asks, all of them come', (got, s.said))

    with Serve('-D', '-n', '5') as s:
        s.feed(head, *events)
        s.taken()
        # The last event may still be on its way into the queue.
        wait_for(lambda: open(f'/proc/{s.p.pid}/wchan').read() and
                 open(f'/proc/{s.p.pid}/stat').read().split()[2] == 'S')
        s.feed(end)
        s.p.stdin.close()
        with Client(s.address) as c:
            got = ids(c.all())
        status = s.end()
    check(status == 0 and got == hits[-5:] and
          s.totals() == (20, 5, 11, 0, 4, 0),
          '-D: the oldest hits give way, and are counted', (got, s.said))


# ---- the end ----

def end_test(head, events, end):
    w = Worker(f'ipc://{path("s" + str(Serve.n + 1))}')
    w.hear()
    with Serve('-v', '-k', str(w.p.pid)) as s:
        s.feed(head, *events[:5], end_of(end, 5))
        status = s.end()
    said = w.p.communicate()[0].split()
    check(status == 0 and [x for x in said if x != 'asked'] == list('1234') and
          s.totals() == (5, 4, 0, 0, 1, 0) and 'connected' not in s.said and
          'may not' not in s.said and 'serving at ' + s.address in s.said and
          'indexers may end' in s.said,
          '-k: the indexer is told of the end when it has all hits, and ends; so '
          'does q2serve', (said, s.said))
    check(not os.path.exists(s.socket), 'and no socket is left')

    with Serve('-w', '0.5') as s, Client(s.address) as c:
        s.feed(head, *events[:5], end_of(end, 5))
        status = None
        s.p.stdin.close()
        while s.p.poll() is None:
            c.ask()
            if not c.s.poll(2000):
                break
            c.take()
        status = s.end()
    check(status == 0 and '1 clients are still connected' in s.said,
          'one that asks on and on is left after -w', s.said)
    with Serve('-w', '0.5') as s:
        s.feed(head, *events[:5], end_of(end, 5))
        status = s.end()
    check(status == 7 and s.totals() == (5, 0, 0, 4, 1, 0) and
          '4 hits were NOT DELIVERED' in s.said,
          'nobody ever asks: after -w it ends, status 7', s.said)
    with Serve() as s:
        status = (s.feed(head, events[0], end_of(end, 1)), s.end())[1]
    check(status == 0 and s.totals() == (1, 0, 0, 0, 1, 0),
          'no hits and no clients: it ends at once', s.said)
    with Serve() as s, Client(s.address) as c:
        s.feed(head, *events[:5])
        s.p.stdin.close()
        got = ids(c.all())
        c.s.close()
        status = s.end()
    check(status == 5 and got == [1, 2, 3, 4] and 'without' in s.said,
          'no end record: hits are given out, status 5', s.said)
    with Serve() as s, Client(s.address) as c:
        s.feed(head, *events[:4], events[4][:1000])
        s.p.stdin.close()
        got = ids(c.all())
        c.s.close()
        status = s.end()
    check(status == 6 and got == [1, 2, 3] and 'truncated' in s.said,
          'cut inside an event: what came before is given out, status 6', s.said)
    with Serve() as s, Client(s.address) as c:
        s.feed(head, *events[:3], end)
        s.p.stdin.close()
        got = ids(c.all())
        c.s.close()
        status = s.end()
    check(status == 5 and got == [1, 2], 'events are missing: status 5', s.said)
    b = q2bytes.Stream(q2bytes.IMAGE | q2bytes.PEAKS)
    with Serve('-m', '0') as s, Client(s.address) as c:
        s.feed(b.header(), b.event(0), b.event(1, flags=q2bytes.FAILED, cause=1),
               b.event(2, found=9), b.end(3))
        s.p.stdin.close()
        got = ids(c.all())
        c.s.close()
        status = s.end()
    check(status == 4 and got == [0] and s.totals() == (3, 1, 0, 0, 0, 2) and
          s.said.count(' failed: ') == 2,
          'failed events are named and counted, status 4', s.said)


def last_hit_test(head, events, end):
    """One works on the last hit: it is waited for, whoever else asks."""
    def dies(s):
        sockets = s.sockets()
        w = Worker(s.address, 1)
        w.hear()
        wait_for(lambda: s.sockets() > sockets)
        time.sleep(.1)
        w.kill()
        wait_for(lambda: s.sockets() <= sockets)

    def asks_twice(s):
        c = Client(s.address, zmq.DEALER)
        for _ in range(2):
            c.s.send_multipart([b'', b'next'])
        time.sleep(.1)
        return c
    for other, name in (dies, 'one that asked and died'), \
            (asks_twice, 'one that asks twice'):
        with Serve('-v') as s, Client(s.address) as c:
            s.p.stderr.readline()
            s.feed(head, events[1])
            c.next()
            more = other(s)
            s.feed(end_of(end, 1))
            s.p.stdin.close()
            early = select.select([s.p.stderr], [], [], 1)[0]
            c.ask()
            told = s.p.stderr.readline()
            c.s.close()
            if more:
                more.s.close()
            status = s.end()
        check(not early and b'indexers may end' in told and status == 0,
              'who works on the last hit is waited for, beside ' + name,
              (told, s.said))


# ---- signals ----

def signals_test(head, events, end):
    with Serve() as s, Client(s.address) as c:
        s.feed(head, *events[:3])
        first = ids([c.next()])
        s.p.send_signal(signal.SIGTERM)
        s.feed(*events[3:5], end_of(end, 5))
        s.p.stdin.close()
        got = first + ids(c.all())
        c.s.close()
        status = s.end()
    check(status == 0 and got == [1, 2, 3, 4],
          'the first signal: all that comes is given out', (got, s.said))
    # Not so long for each of the 15 that find no room: that would be beyond LIMIT.
    with Serve('-n', '1', '-w', '1.5') as s:
        s.listening()
        s.p.send_signal(signal.SIGINT)
        s.feed(head, *events, end)
        status = s.end()
    check(status == 7 and s.totals() == (20, 0, 0, 16, 4, 0),
          'nobody asks after it: it ends after -w, all counted', s.said)
    with Serve('-n', '1') as s:
        s.feed(head, *events[:5], end_of(end, 5))
        s.listening()
        s.p.send_signal(signal.SIGINT)
        wait_for(lambda: not pending(s.p.pid))
        s.p.send_signal(signal.SIGINT)
        status = s.end()
    check(status == 3 and not os.path.exists(s.socket),
          'the second ends it at once, and no socket is left', s.said)
    with Serve() as s:
        s.feed(head, events[1])
        s.listening()
        s.p.kill()
        s.p.wait()
        left = os.path.exists(s.socket)
        with subprocess.Popen(['q2serve', '-l', s.address], stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE) as again, \
                Client(s.address) as c:
            again.stdin.write(head + events[1])
            again.stdin.flush()
            got = ids([c.next()])
            again.kill()
    check(left and got == [1], 'after SIGKILL the next takes the socket over', got)


def pending(pid):
    with open(f'/proc/{pid}/status') as f:
        return any(int(x, 16) for x in
                   re.findall(r'S[ih][gd]Pnd:\s*(\w+)', f.read()))


# ---- refusals ----

def refusals_test(head, events, end):
    def refused(name, status, pattern, *options, stream=b''):
        p = subprocess.run(['q2serve', *options], input=stream,
                           stderr=subprocess.PIPE, timeout=LIMIT)
        said = p.stderr.decode()
        check(p.returncode == status and re.search(pattern, said), name,
              f'{p.returncode}\n{said}')
    at = ['-l', 'ipc://' + path('r')]
    with open(path('file'), 'w') as f:
        f.write('precious')
    refused('an address that is none', 1, '^q2serve: -l here: not tcp://',
            '-l', 'here')
    refused('a port that is none', 1, 'a port of 0 to 65535', '-l',
            'tcp://127.0.0.1:x')
    refused('a path in no directory', 1, 'No such file', '-l', 'ipc:///no/such')
    refused('a path that is too long', 1, 'a path of 1 to',
            '-l', 'ipc://' + 'x' * 200)
    refused('a file in the way', 1, 'not a socket', '-l', 'ipc://' + path('file'))
    check(t.read(path('file')) == b'precious', 'and it is still there')
    with Serve() as s:
        s.listening()
        refused('a socket in use', 1, 'another program listens there',
                '-l', s.address)
        with Client(s.address) as c:
            s.feed(head, events[1])
            check(ids([c.next()]) == [1], 'and it still serves')
    p = subprocess.Popen(['q2serve', '-l', 'tcp://127.0.0.1:0'],
                         stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    line = p.stderr.readline().decode()
    tcp = line.split()[-1]
    refused('a port in use', 1, 'Address already in use', '-l', tcp)
    with Client(tcp) as c:
        p.stdin.write(head + events[1])
        p.stdin.flush()
        check(ids([c.next()]) == [1], 'TCP serves as well, at the port that is said',
              line)
    p.kill()
    p.communicate()
    refused('beyond loopback it warns', 5, 'everybody who can reach this machine',
            '-l', 'tcp://*:0')
    refused('-M less than -m', 1, '-M 3 is less', '-M', '3')
    refused('an empty input', 5, 'standard input: ', *at)
    refused('no records', 6, '^q2serve: standard input: .*byte 0', *at,
            stream=b'x' * 5000)
    no_peaks = subprocess.run(['q2cat', path('a.h5')], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout
    refused('no peaks', 6, 'put peakfind in front', *at, stream=no_peaks)
    whole = head + events[0] + end_of(end, 1)
    refused('no geometry there', 6, '/no/geom: No such', *at, '-g', '/no/geom',
            stream=whole)
    with open(path('two.geom'), 'w') as f:
        f.write(GEOMETRY)
    with open(path('bad.geom'), 'w') as f:
        f.write(GEOMETRY.replace('a/max_ss = 49', 'a/max_ss = 48'))
    refused('a geometry that does not fit', 6, 'bad.geom: the stream has panels',
            *at, '-g', path('bad.geom'), stream=whole)
    with open(path('clash.geom'), 'w') as f:
        f.write(GEOMETRY + 'peak_list = /entry_1/data_1\n')
    refused('a key that begins another', 6, 'CrystFEL would take', *at, '-g',
            path('clash.geom'), stream=whole)
    refused('-G: several panels and no -g', 6, 'give -g', *at, '-G',
            path('no.geom'), stream=whole)
    refused('-G in no directory', 7, '/no/such/g: No such', *at, '-g',
            path('two.geom'), '-G', '/no/such/g', stream=whole)
    other = t.dump(path('other.h5'), [1], panels=3, peaks=12)
    a, b, c = peaks_of(other)
    refused('a stream of another size after the first', 6,
            'an indexer has one geometry', *at, stream=head + events[0] +
            end_of(end, 1) + a + b''.join(b) + c)
    check(not os.path.exists(path('no.geom')) and not [
        f for f in os.listdir(T) if f.startswith(('no.geom', 'r.'))],
        'and nothing is left of any of them')


# ---- in pipelines ----

INDEXAMAJIG = """#!/bin/sh
# What it is told, and a client that ends as indexamajig does.
test -s live.geom || exit 1
for word; do
	case $word in
	--zmq-input=*) exec "$PYTHON" "$ROOT/tests/serve_client.py" "${word#*=}" 0 ;;
	esac
done
"""


def example(name):
    text = t.read('man/q2serve.1').decode()
    part = re.search(rf'\n\.\\" {name} begins\n(.*)\n\.\\" {name} ends\n', text,
                     re.S)[1]
    return part.replace('\\e', '\\')


def examples_test(dump, hits):
    """The examples of the page, with a client in the place of indexamajig."""
    os.mkdir(path('bin'))
    os.mkdir(path('work'))
    with open(path('bin', 'indexamajig'), 'w') as f:
        f.write(INDEXAMAJIG)
    os.chmod(path('bin', 'indexamajig'), 0o755)
    with open(path('work', 'det.geom'), 'w') as f:
        f.write(GEOMETRY)
    with open(path('work', 'run.q2'), 'wb') as f:
        subprocess.run(['q2cat', dump], stdout=f)
    for shell, name in ('sh', 'indexer'), ('bash', 'tee'):
        p = subprocess.run(
            [shell, '-c', example(name).replace(
                'q2serve -D', 'q2serve -D -w 0 -l ipc://tee.socket')], cwd=path('work'), timeout=LIMIT,
            env={**os.environ, 'PATH': path('bin') + ':' + os.environ['PATH'],
                 'PYTHON': sys.executable, 'ROOT': os.getcwd()},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = p.stderr.decode()
        if name == 'indexer':
            got = [int(x) for x in p.stdout.split() if x != b'asked']
            check(p.returncode == 0 and got == hits and '16 delivered' in said,
                  'the example: indexer and pipeline end together', (got, said))
        else:
            check('16 written' in said, 'the example with tee', said)


def pipelines_test(dump, hits):
    address = f'ipc://{path("pipe")}'
    capture = path('a.q2')
    with open(capture, 'wb') as f:
        subprocess.run(['q2cat', dump], stdout=f)

    def run(command):
        p = subprocess.Popen(['bash', '-c', command], stderr=subprocess.PIPE,
                             env={**os.environ, 'A': address, 'T': T})
        with Client(address) as c:
            got = ids(c.all())
        said = p.communicate(timeout=LIMIT)[1].decode()
        return p.returncode, sorted(got), said

    for what, name in (dump, 'a dump'), (capture, 'a capture'):
        got = run(f"q2slots -n 3 sh -c 'q2cat {what} | peakfind -P 2 |"
                  f" q2serve -l $A'")
        check(got[:2] == (0, hits), f'by reference, {name}: all hits come, and '
              'the tokens go back', got)
    got = run(f'set -o pipefail; q2cat {dump} | peakfind |'
              f' tee -p >(q2serve -l $A) | cxiwrite -o $T/tee')
    rows = t.column(t.files(path('tee')), '/LCLS/eventNumber')
    check(got[:2] == (0, hits) and list(rows) == hits,
          'beside cxiwrite, by tee: both have all hits', got)
    p = subprocess.run(
        ['q2slots', '-n', '3', 'bash', '-c', f'q2cat {dump} | peakfind |'
         f' tee -p >(q2serve -D -w 0 -l {address}) |'
         f' cxiwrite -m 1 -o {path("teeref")}'], stderr=subprocess.PIPE,
        timeout=LIMIT)
    said = p.stderr.decode()
    check('stale reference' in said and 'must be inline' in said,
          'references cannot be teed, and one of the readers says so', said)


dump = t.dump(path('a.h5'), [8, 8, 4],
              peaks=[15 if i % 5 else 3 for i in range(20)])
hits = [i for i in range(20) if i % 5]
head, events, end = peaks_of(dump)
sharing_test(head, events, end, hits)
death_test(head, events, end, hits)
queue_test(head, events, end, hits)
end_test(head, events, end)
last_hit_test(head, events, end)
signals_test(head, events, end)
refusals_test(head, events, end)
pipelines_test(dump, hits)
examples_test(dump, hits)
t.done()
