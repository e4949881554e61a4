"""A run that breaks off and is carried on, for resume.t and resume_inputs.t.

A run is made in DIR by LINE; what it leaves is compared with what an undisturbed one
leaves, byte for byte.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

import h5py

from proc import *

EVENTS = 12
ALL = os.environ.get("ALL") == "1"
RUN = capture_make("run", EVENTS, "-C", "32")
OTHER = os.path.join(scratch(), "other.q2")
DIR = os.path.join(scratch(), "place")
CC = os.environ.get("CC", "cc")
FAULT = os.path.join(scratch(), "fault_at.so")
BUILT = subprocess.run([CC, "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", FAULT,
                        "tests/fault_at.c", "-ldl"]).returncode == 0
# Of 12 events some have 11 spots and more: hits and misses, and 3 hits a file.
WRITE = "cxiwrite -m 11 -n 3 -o out -l log.tsv"
LINE = ('q2cat -s "$(cxiwrite -R -o out)" {inputs} | peakfind {find} | '
        '{env} {write} -r {more}')


def sh(line, **more):
    return subprocess.run(["bash", "-c", line], cwd=DIR, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, **more)


def go_on(inputs=RUN, find="", write=WRITE, more="", env="", slots=False):
    """The line that begins a run and carries it on."""
    line = LINE.format(inputs=inputs, find=find, write=write, more=more, env=env)
    r = sh('q2slots -n 3 bash -c "$LINE"', env={**os.environ, "LINE": line}) \
        if slots else sh(line)
    said = re.search(r"not complete: q2cat -s (\S+)", r.stderr)
    must(said is None or said[1] == sh("cxiwrite -R -o out").stdout.strip(),
         "it advises another place than -R", r.stderr)
    return r


def empty():
    shutil.rmtree(DIR, ignore_errors=True)
    os.mkdir(DIR)


def results(journal=False):
    """Contents of all that a run leaves, by name; the journal keeps its past."""
    names = glob.glob(DIR + "/*.tsv") + glob.glob(DIR + "/out/*")
    return {os.path.relpath(n, DIR): read(n, "rb") for n in names
            if journal or not n.endswith(".journal")}


def undisturbed_here(line):
    """Beside what is there, and gone afterwards."""
    r = sh(line)
    must(r.returncode == 0, r.stderr)
    good = results()
    shutil.rmtree(DIR + "/out")
    for name in glob.glob(DIR + "/*.tsv"):
        os.unlink(name)
    return good


def undisturbed(line):
    empty()
    return undisturbed_here(line)


def same(good, r):
    must(r.returncode == 0, r.returncode, r.stderr)
    got = results()
    must(sorted(got) == sorted(good), sorted(got), sorted(good))
    for name in good:
        must(got[name] == good[name], name, "has other bytes")


def complete_only(good):
    """No name holds an incomplete file."""
    for name, data in results().items():
        if name.endswith(".cxi"):
            must(data == good[name], name, "is not whole")


def rows():
    """Hits in the files that have their names."""
    n = 0
    for name in glob.glob(DIR + "/out/*.cxi"):
        with h5py.File(name) as f:
            n += len(f["/entry_1/result_1/nPeaks"])
    return n


def wanted():
    """What -R tells: (header, number), or 0 where there is no run."""
    at = sh("cxiwrite -R -o out").stdout.strip()
    return tuple(map(int, at.split(":"))) if ":" in at else int(at)


def calls(write):
    """Calls of cxiwrite that change files, in an undisturbed run."""
    empty()
    sh("peakfind <%s | FAULT_COUNT=n LD_PRELOAD=%s %s" % (RUN, FAULT, write))
    return int(read(DIR + "/n"))


with open(OTHER, "wb") as f:
    dump_make(os.path.join(scratch(), "o.h5"), EVENTS, seed=2)
    subprocess.run(["q2cat", "-C", "32", "-k", "run=2", os.path.join(scratch(), "o.h5")],
                   stdout=f, check=True)
GOOD = undisturbed("peakfind <%s | %s" % (RUN, WRITE))
TWO = undisturbed("q2cat %s %s | peakfind | %s" % (RUN, OTHER, WRITE))
MODES = ("inline", False), ("slots", True)
FILTER = os.path.join(scratch(), "keep")
with open(FILTER, "w") as f:
    f.write("""#!%s
# keep NUMBERS: passes the events of these numbers, and says so in the end record.
import struct, sys
sys.path.insert(0, %r)
import q2bytes as q
keep, kept = set(map(int, sys.argv[1].split(","))), 0
for kind, seq, flags, record in q.records(sys.stdin.buffer.read()):
    if kind == q.TYPE_EVENT:
        if seq not in keep:
            continue
        kept += 1
    if kind == q.TYPE_END:
        record = q.seal(record[:40] + struct.pack("<Q", kept) + record[48:])
    sys.stdout.buffer.write(record)
""" % (sys.executable, os.path.abspath("tests")))
os.chmod(FILTER, 0o755)
