#!/usr/bin/python3
"""serve_client.py address times: asks so often, 0 for as long as SIGUSR1 has not
come, says "asked" each time, and the numbers of the events that came; then waits to
be killed, or ends."""
import signal
import sys

import msgpack
import zmq

stop = []
signal.signal(signal.SIGUSR1, lambda *_: stop.append(1))
times = int(sys.argv[2])
s = zmq.Context().socket(zmq.REQ)
s.linger = 0
s.connect(sys.argv[1])
n = 0
while not stop and (times == 0 or n < times):
    s.send(b'next')
    print('asked', flush=True)
    reply = s.recv()
    if reply:
        print(msgpack.unpackb(reply)['event_id'].rpartition('-')[2], flush=True)
    n += 1
if not stop:
    sys.stdin.read()
