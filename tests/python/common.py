"""What the tests of the Python side share."""
import os
import subprocess
import sys

sys.path.insert(0, "tests")
from pipetest import dump           # noqa: puts the programs into PATH

B = os.path.abspath(os.environ.get("B", "build"))
PYTHON = sys.executable
ROOT = os.getcwd()
VERSION = subprocess.run(["q2cat", "--version"], capture_output=True,
                         text=True).stdout.split()[1]


def out(command, data=None, status=0, **how):
    """Standard output of a command (a list, or a line for bash)."""
    if isinstance(command, str):
        command = ["bash", "-o", "pipefail", "-c", command]
    r = subprocess.run(command, input=data, capture_output=True, timeout=60,
                       **how)
    assert r.returncode == status, (r.returncode, r.stderr.decode())
    out.err = r.stderr.decode()
    return r.stdout


def script(path, text):
    """A Python program with q2 and numpy at hand; the words of its command."""
    path.write_text("import os, signal, sys, time\nimport numpy as np\n"
                    "import q2\n" + text)
    return "%s %s" % (PYTHON, path)
