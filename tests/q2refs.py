#!/usr/bin/python3
"""q2refs.py case [logits]: inside q2slots, a stream of references, good and bad.

One good event goes first, in a slot of its own; then what the case says.
q2refs.py tokens: prints the free slots, sorted, and leaves them taken.
"""
import mmap
import os
import struct
import sys

sys.dont_write_bytecode = True
from q2bytes import BLOCK, IMAGE, LOGITS, PEAKS, SEGMAP, Stream, round64

STRIDE, HEAD = 1 << 32, 64

_, memory, take, give, n, session, _, _ = os.environ["Q2_SLOTS"].split(":")
memory, take, n, session = int(memory), int(take), int(n), int(session, 16)
case = sys.argv[1]


def tokens():
    own = os.open("/proc/self/fd/%d" % take, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return sorted(os.read(own, 300))
    except BlockingIOError:
        return []


def fill(stream, slot):
    """Puts an event into a slot as q2cat does; returns its generation."""
    sizes = stream.sizes()
    room = HEAD + BLOCK + sum(map(round64, sizes.values()))
    page = mmap.mmap(memory, room, offset=slot * STRIDE)
    generation = (struct.unpack_from("<Q", page)[0] | 1) + 2
    struct.pack_into("<Q", page, 0, generation)
    payload = stream.payload()
    page[HEAD:HEAD + BLOCK] = payload[:BLOCK]
    at, used = HEAD + BLOCK, BLOCK
    for plane in LOGITS, SEGMAP, IMAGE, PEAKS:
        size = round64(sizes[plane])
        if stream.fields["planes"] & plane:
            page[at:at + size] = payload[used:used + size]
            used += size
        at += size
    page.close()
    return generation


if case == "tokens":
    print(*tokens(), flush=True)
    sys.exit()

s = Stream((LOGITS if "logits" in sys.argv else PEAKS) | IMAGE)
a, b = [os.read(take, 1)[0] for _ in range(2)]
ga, gb = fill(s, a), fill(s, b)
out = [s.header(), s.reference(0, a, ga, session)]
second = dict(slot=b, generation=gb, session=session)
change, kind = {}, case
if case == "slot":
    second["slot"] = n
elif case == "slot-huge":
    second["slot"] = 2 ** 32 - 1
elif case == "stale":
    second["generation"] = gb - 2
elif case == "session":
    second["session"] = session ^ 0x10
elif case == "session-zero":
    second["session"] = 0
elif case == "stream":
    change["stream"] = 99
elif case == "planes":
    change["planes"] = SEGMAP
if case == "released":
    # The consumer had it already: its token is back, its reference comes late.
    for slot, generation in (a, ga), (b, gb):
        page = mmap.mmap(memory, 4096, offset=slot * STRIDE)
        struct.pack_into("<Q", page, 0, generation + 1)
        os.write(int(give), bytes([slot]))
if case == "duplicate":
    os.write(int(give), bytes([b]))
    out.append(s.reference(1, a, ga, session))
elif case == "end":
    os.write(int(give), bytes([b]))
    out.append(s.end(2))
else:
    ref = s.reference(1, **second, **change)
    out.append(ref[:20] if case == "cut" else ref)
if case == "good":
    out.append(s.end(2))
sys.stdout.buffer.write(b"".join(out))
