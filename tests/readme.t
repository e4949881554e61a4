#!/usr/bin/python3
# The lines of README do what it says, one after the other, as a newcomer runs them.
import re
import shutil
import subprocess
import sys

sys.path.insert(0, "tests")
from proc import *

try:
    import h5py
except ImportError:
    print("1..0 # SKIP h5py is not installed")
    sys.exit(0)

# What needs a program that may be absent, or another machine.
ABSENT = {"parallel": "GNU parallel", "peakpipe-array": "Slurm",
          "indexamajig": "CrystFEL"}
DIR = scratch()


def lines():
    """Commands of README from its first steps on; one may go on behind a "|"."""
    text = read("README").partition("\nFirst steps\n")[2]
    text = re.sub(r"\|\n +", "| ", text.partition("\nManual\n")[0])
    return re.findall(r"^    (\S.*)", text, re.M)


def geometry_make(path):
    with open(path, "w") as f:
        f.write("clen = 0.1\nres = 10000\nphoton_energy = 9500 eV\n"
                "peak_list = /entry_1/result_1\ndata = /entry_1/data_1/data\n"
                "dim0 = %\ndim1 = ss\ndim2 = fs\n")
        for k in 0, 1:
            f.write("p%d/min_fs = 0\np%d/max_fs = 47\np%d/min_ss = %d\n"
                    "p%d/max_ss = %d\np%d/corner_x = -24\np%d/corner_y = %d\n"
                    "p%d/fs = x\np%d/ss = y\n" % (
                        k, k, k, 32 * k, k, 32 * k + 31, k, k, 40 * k - 36, k, k))


dump_make(DIR + "/run.h5", 4)
geometry_make(DIR + "/det.geom")
for name in "scripts", "lib":
    os.symlink(os.path.abspath(name), os.path.join(DIR, name))
ENV = {**os.environ, "PATH": "%s:%s:/usr/bin:%s" % (
    os.path.abspath(B), os.path.abspath("scripts"), os.environ["PATH"])}
FOUND = lines()


@test("README has its lines where this test looks for them")
def _():
    must(len(FOUND) > 14 and any(c.startswith("q2slots") for c in FOUND) and
         any("producer.py" in c for c in FOUND), FOUND)


for line in FOUND:
    lacking = next((ABSENT[w] for w in ABSENT if line.startswith(w + " ") and
                    (w != "parallel" or shutil.which(w) is None)), None)
    if lacking or "-L tcp:" in line:
        skip(line, lacking or "it waits for a network elsewhere")
        continue

    @test(line)
    def _():
        r = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=DIR, env=ENV,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=120)
        must(r.returncode == 0, r.returncode, r.stderr)


done()
