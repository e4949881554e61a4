#!/usr/bin/python3
# Other users and other mistakes: nothing that is made can be opened by others,
# nothing that others planted is written to, and Q2_SLOTS is believed only if its
# descriptors are what they were.
import glob
import os
import shutil
import signal
import stat
import subprocess
import sys

sys.path.insert(0, "tests")
from proc import *
import q2bytes

OUTPUT, SYSTEM = 7, 8
RUN = capture_make("run", 6, "-C", "64")
FOUND = os.path.join(scratch(), "found.q2")
with open(RUN, "rb") as i, open(FOUND, "wb") as o:
    subprocess.run(["peakfind"], stdin=i, stdout=o, check=True)

# Kills every worker at its first event, so that -x has something to write.
EVERY = os.path.join(scratch(), "die_always.so")
DYING = subprocess.run(
    [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", EVERY,
     "-x", "c", "-"], input=b"""
#include <signal.h>
#include <string.h>
void setproctitle(const char *fmt, ...)
{
	if (strstr(fmt, "event") != NULL)
		raise(SIGKILL);
}
""").returncode == 0

new_count = [0]


def new():
    new_count[0] += 1
    here = os.path.join(scratch(), "d%d" % new_count[0])
    os.mkdir(here)
    return here


def sh(line, here, **more):
    """A command of sh in a directory: status and what it said."""
    p = subprocess.run(["sh", "-c", line], cwd=here, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    return p.returncode, p.stderr.decode()


ALL = "q2sim -n 2 -D cspad -g sim.geom -T truth.tsv >sim.q2;" \
    " q2cat -c %s >cat.q2; peakfind <cat.q2 >find.q2;" \
    " cxiwrite -m 0 -n 2 -o out -l log.tsv -S stats.json <find.q2;" \
    " q2ls find.q2 >list; q2slots -n 3 sh -c 'q2cat cat.q2 | peakfind |" \
    " cxiwrite -m 0 -o slots'%s" % (RUN, (
        "; env LD_PRELOAD=%s peakfind -x aside.q2 <cat.q2 >aside.out 2>said" %
        EVERY) if DYING else "")


def made(here):
    """Modes of all that lies under a directory, by name."""
    out = {}
    for at, dirs, files in os.walk(here):
        for name in dirs + files:
            path = os.path.join(at, name)
            out[os.path.relpath(path, here)] = stat.S_IMODE(
                os.lstat(path).st_mode)
    return out


def half(name):
    """A capture with peaks that ends behind its third event."""
    path = os.path.join(scratch(), name)
    data = [d for _, _, _, d in q2bytes.records(read(FOUND, "rb"))]
    with open(path, "wb") as f:
        f.write(b"".join(data[:4]))
    return path


# ---- what is made ----

@test("with umask 077 nothing is open to others")
def _():
    here = new()
    status, said = sh("umask 077; " + ALL, here)
    must(status == 0, status, said)
    modes = made(here)
    for name in ("sim.geom", "truth.tsv", "out/peaknet_0000.cxi", "log.tsv",
                 "stats.json", "out/peaknet.lst"):
        must(name in modes, name, sorted(modes))
    must("aside.q2" in modes or not DYING, sorted(modes))
    wide = {n: oct(m) for n, m in modes.items()
            if m != (0o700 if os.path.isdir(os.path.join(here, n)) else 0o600)}
    must(not wide, wide)

@test("with umask 022 others may read and no more")
def _():
    here = new()
    status, said = sh("umask 022; " + ALL, here)
    must(status == 0, status, said)
    wide = {n: oct(m) for n, m in made(here).items()
            if m != (0o755 if os.path.isdir(os.path.join(here, n)) else 0o644)}
    must(not wide, wide)

@test("a file in the making has the rights of the whole one")
def _():
    for mask in 0o077, 0o027:
        before = os.umask(mask)
        with Pipeline("{ cat %s; sleep 60; } | cxiwrite -m 0 -o out" %
                      half("half.q2")) as p:
            os.umask(before)
            must(wait_for(lambda: p.files("out/*.tmp")), "no temporary file")
            modes = {stat.S_IMODE(os.stat(f).st_mode)
                     for f in p.files("out/*.tmp")}
            must(modes == {0o666 & ~mask}, modes)

@test("nothing is left or made outside the working directory")
def _():
    # TMPDIR would be used if anything used one; other tests may run in /tmp.
    here, tmp = new(), new()
    status, said = sh(ALL, here, env={**os.environ, "TMPDIR": tmp})
    must(status == 0, status, said)
    must(os.listdir(tmp) == [], os.listdir(tmp))
    for kind in "fifo", "sock":
        must(not [n for n in made(here) if getattr(stat, "S_IS" + kind.upper())(
            os.lstat(os.path.join(here, n)).st_mode)], kind)

@test("the slots, the workers' sockets and the token pipe have no name")
def _():
    line = "{ cat %s; sleep 60; } | peakfind -P 2 | cxiwrite -m 0 -l log.tsv" \
        " -o out" % RUN
    for slots in None, 3:
        with Pipeline(line, slots=slots) as p:
            must(p.logged_wait(1))
            for pid in p.programs():
                for fd in glob.glob("/proc/%d/fd/*" % pid):
                    to = link(fd)
                    if not to.startswith("/"):
                        continue
                    must(to.startswith((p.dir + "/", "/dev/null",
                                        "/memfd:q2slots (deleted)")) or
                         to.startswith("/proc/") or to == RUN, to)
            # No name in the abstract space of sockets either.
            inodes = {link(fd)[8:-1] for pid in p.programs()
                      for fd in glob.glob("/proc/%d/fd/*" % pid)
                      if link(fd).startswith("socket:")}
            named = [x for x in read("/proc/net/unix").splitlines()[1:]
                     if x.split()[6] in inodes and len(x.split()) > 7]
            must(not named, named)

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
others = os.geteuid() == 0 and subprocess.run(
    NOBODY + ["true"], stderr=subprocess.DEVNULL).returncode == 0


WHY = "needs root to become another user"
if others and subprocess.run(NOBODY + ["test", "-x", shutil.which("q2slots")]).returncode:
    others, WHY = False, "others cannot reach the programs"


def test_others(name):
    if others:
        return test(name)
    return lambda f: print_skip(name)


def print_skip(name):
    from proc import _results
    _results.append(True)
    print("ok %d - %s # SKIP %s" % (len(_results), name, WHY), flush=True)


# Two other users: the one who runs the pipeline, and the one who looks.
@test_others("another user cannot open slots or pipes of a running pipeline")
def _():
    here = new()
    os.chmod(scratch(), 0o711)
    os.chmod(here, 0o777)
    os.chmod(RUN, 0o644)
    run = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups",
           "env", "PATH=" + os.environ["PATH"], "q2slots", "-n", "3", "sleep", "60"]
    p = subprocess.Popen(run, cwd=here)
    try:
        must(wait_for(lambda: read("/proc/%d/comm" % p.pid).strip() == "sleep"))
        for fd in 100, 101, 102:
            must(os.path.lexists("/proc/%d/fd/%d" % (p.pid, fd)), fd)
            for how in "<", ">":
                q = subprocess.run(NOBODY + ["sh", "-c", ": %s/proc/%d/fd/%d" % (
                    how, p.pid, fd)], stderr=subprocess.PIPE)
                must(q.returncode != 0 and b"denied" in q.stderr, q.stderr)
    finally:
        p.kill()
        p.wait()


# ---- what others planted ----

SIDES = (
    ("q2sim -g", "q2sim -n 1 -D cspad -g NAME >sim.q2"),
    ("q2sim -T", "q2sim -n 1 -D cspad -T NAME >sim.q2"),
    ("cxiwrite -l", "cxiwrite -m 0 -f -o out -l NAME <" + FOUND),
    ("cxiwrite -S", "cxiwrite -m 0 -f -o out -S NAME <" + FOUND),
    ("peakfind -x", "env LD_PRELOAD=%s peakfind -x NAME <%s >found" % (EVERY, RUN)))
INSIDE = "out/peaknet_0000.cxi.tmp", "out/peaknet_0000.cxi", "out/peaknet.lst", \
    "out/peaknet.journal"


def victim(here):
    path = os.path.join(here, "victim")
    with open(path, "w") as f:
        f.write("precious\n")
    return path


for who, line in SIDES:
    if "-x" in who and not DYING:
        continue
    for kind in "symbolic link", "dangling symbolic link", "hard link", "directory":
        @test("%s: a %s planted at the name is refused" % (who, kind))
        def _():
            here = new()
            v, name = victim(here), os.path.join(here, "planted")
            if kind == "hard link":
                os.link(v, name)
            elif kind == "directory":
                os.mkdir(name)
            else:
                os.symlink(v if kind[0] == "s" else "other", name)
            status, said = sh(line.replace("NAME", "planted"), here)
            must(status == OUTPUT and "planted" in said, status, said)
            must(read(v) == "precious\n", said)
            must(not os.path.exists(os.path.join(here, "other")), said)

for who, line in SIDES[:4]:
    @test("%s: what is open already may be named" % who)
    def _():
        here = new()
        for name in "/dev/stderr", "/dev/fd/5", "/proc/self/fd/5", "/dev/null":
            status, said = sh("{ " + line.replace("NAME", name) + "; } 5>five",
                              here)
            must(status == 0, name, status, said)
            if name == "/dev/stderr":
                must(len(said) > 100, said)
            elif "5" in name:
                must(os.path.getsize(os.path.join(here, "five")) > 50, name)
        status, said = sh(line.replace("NAME", "/dev/full"), here)
        must(status == OUTPUT and "/dev/full" in said, status, said)

@test("cxiwrite -l: a pipe is a log without -f, too")
def _():
    status, said = sh("timeout -s KILL 20 cxiwrite -m 0 -o out -l /dev/stderr <" +
                      FOUND, new())
    must(status == 0 and "\tcause\n" in said, status, said)

CXI = "cxiwrite -m 0 -o out <" + FOUND
for name in INSIDE:
    for option in "", " -f":
        for kind in "symbolic link", "hard link", "directory":
            @test("cxiwrite%s: a %s planted at %s harms nothing" % (
                option, kind, name))
            def _():
                here = new()
                v, path = victim(here), os.path.join(here, name)
                os.mkdir(os.path.join(here, "out"))
                if kind == "hard link":
                    os.link(v, path)
                elif kind == "directory":
                    os.mkdir(path)
                else:
                    os.symlink(v, path)
                status, said = sh(CXI + option, here)
                must(read(v) == "precious\n", "it was written to")
                # What is no series of ours may be taken out of the way; if not
                # it is said. Nothing but a whole file bears the name.
                if status == 0:
                    final = os.path.join(here, INSIDE[1])
                    must(os.path.isfile(final) and not os.path.islink(final))
                    must(cxi_rows(final) == 6)
                    must(os.stat(final).st_nlink == 1)
                else:
                    must(status == OUTPUT and name.split("/")[1] in said,
                         status, said)


# ---- two at once ----

WRITE = "cxiwrite -m 0 -l log.tsv -o out"


def writing(p):
    """A first cxiwrite has its lock."""
    return wait_for(lambda: p.logged() >= 1)


FIRST = "{ cat %s; sleep 60; } | exec cxiwrite -m 0 -l log.tsv -o out" % half("h")

@test("a second cxiwrite on the same directory and prefix is refused")
def _():
    with Pipeline(FIRST) as p:
        must(writing(p))
        os.symlink("out", p.path("same"))
        before = {f: os.stat(f).st_ino for f in p.files("out/*")}
        for out in "out", "./out", "out/", p.path("out"), "same", "same/../out":
            for option in "", " -f", " -r":
                status, said = sh("cxiwrite -m 0 -o %s%s <%s" % (
                    out, option, FOUND), p.dir)
                must(status == OUTPUT and "another cxiwrite" in said, out,
                     option, status, said)
        must({f: os.stat(f).st_ino for f in p.files("out/*")} == before)
        status, said = sh("cxiwrite -m 0 -p other -o out <" + FOUND, p.dir)
        must(status == 0, status, said)

@test("when the first was killed the next one may write")
def _():
    for option in " -f", " -r":
        with Pipeline(FIRST) as p:
            must(writing(p))
            for pid in p.programs("cxiwrite"):
                p.send(pid, signal.SIGKILL)
            must(wait_for(lambda: not p.programs("cxiwrite")))
            line = "cxiwrite -m 0 -o out -l log.tsv%s <%s" % (option, FOUND)
            status, said = sh(line, p.dir)
            must(status == 0, option, status, said)
            must(sum(map(cxi_rows, p.files())) == 6, p.files())

@test("of many that begin at once one writes, and the others say so")
def _():
    here = new()
    many = [subprocess.Popen(["cxiwrite", "-m", "0", "-o", "out"], cwd=here,
                             stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(6)]
    # All but one end before they have read anything.
    must(wait_for(lambda: sum(p.poll() is not None for p in many) >= 5))
    for p in many:
        if p.poll() is None:
            p.stdin.write(read(FOUND, "rb"))
        p.stdin.close()
    said = [p.stderr.read().decode() for p in many]
    must(sorted(p.wait() for p in many) == [0] + [OUTPUT] * 5, said)
    must(sum("another cxiwrite" in s for s in said) == 5, said)
    must(cxi_rows(os.path.join(here, INSIDE[1])) == 6)


# ---- Q2_SLOTS ----

PROGRAMS = (["q2cat", RUN], ["peakfind"], ["cxiwrite", "-o", "out"],
            ["q2ls"])


class Slots:
    """A q2slots of our own, its descriptors here; fields of Q2_SLOTS."""

    def __init__(self, n=3):
        self.p = subprocess.Popen(["q2slots", "-n", str(n), "sh", "-c",
                                   "echo $Q2_SLOTS; exec cat"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.text = self.p.stdout.readline().decode().strip()
        self.fields = self.text.split(":")
        self.fds = [os.open("/proc/%d/fd/%s" % (self.p.pid, fd), how)
                    for fd, how in zip(self.fields[1:4], (
                        os.O_RDWR, os.O_RDONLY | os.O_NONBLOCK, os.O_WRONLY))]

    def close(self):
        for fd in self.fds:
            os.close(fd)
        self.p.stdin.close()
        self.p.wait()


def tried(fields, fds, what):
    """Every program with such a Q2_SLOTS: an error, and nothing is written."""
    here = new()
    env = {**os.environ, "Q2_SLOTS": ":".join(map(str, fields))
           if not isinstance(fields, str) else fields}
    for argv in PROGRAMS:
        with open(FOUND if argv[0] != "peakfind" else RUN, "rb") as i:
            p = subprocess.run(argv, cwd=here, env=env, stdin=i, pass_fds=fds,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        must(p.returncode in (SYSTEM,) and b"Q2_SLOTS" in p.stderr and
             b"start the pipeline with q2slots" in p.stderr,
             what, argv, p.returncode, p.stderr)
        must(p.stdout == b"", what, argv)


@test("Q2_SLOTS that is garbage is an error of every program")
def _():
    s = Slots()
    good = s.text
    f = s.fields
    for text in ("", "1", "garbage", good + "x", good + ":1", good[:-1] + "x",
                 good.replace("1:", "2:", 1), "1:" * 500, "\n" + good, good + "\n",
                 ":".join(f[:1] + ["-1"] + f[2:]),
                 ":".join(f[:1] + ["99999999999"] + f[2:]),
                 ":".join(f[:4] + ["0"] + f[5:]),
                 ":".join(f[:4] + ["256"] + f[5:]),
                 ":".join(f[:5] + ["00000000"] + f[6:]),
                 ":".join(f[:6] + ["0", "0"]), "%s%n%s" * 9):
        tried(text, s.fds, text[:60])
    s.close()

@test("Q2_SLOTS that names closed descriptors is an error")
def _():
    s = Slots()
    # Nothing was inherited.
    tried(s.text, (), "closed")
    s.close()

@test("Q2_SLOTS that names descriptors of something else is an error")
def _():
    s, t = Slots(), Slots()
    here = new()
    v = victim(here)
    plain = os.open(v, os.O_RDWR)
    memory = os.memfd_create("other", os.MFD_ALLOW_SEALING)
    size = os.fstat(s.fds[0]).st_size
    os.ftruncate(memory, size)
    r, w = os.pipe()
    tty = os.open("/dev/null", os.O_RDWR)
    f = s.fields
    memfd, take, give = s.fds

    def q2(m, ta, gi, n=f[4], session=f[5], mi=f[6], pi=f[7]):
        return [1, m, ta, gi, n, session, mi, pi]
    inode = lambda fd: os.fstat(fd).st_ino
    keep = (*s.fds, *t.fds, plain, memory, r, w, tty)
    for what, fields in (
            ("another pipe", q2(memfd, r, w)),
            ("another pipe for give", q2(memfd, take, w)),
            ("another pipe for take", q2(memfd, r, give)),
            ("a file for memory", q2(plain, take, give)),
            ("a file for give", q2(memfd, take, plain)),
            ("a device for give", q2(memfd, take, tty)),
            ("a memory of somebody, unsealed",
             q2(memory, take, give, mi=inode(memory))),
            ("memory of other slots", q2(t.fds[0], take, give)),
            ("tokens of other slots", q2(memfd, t.fds[1], t.fds[2])),
            ("a give that is the reading end", q2(memfd, take, take)),
            ("another number of slots", q2(memfd, take, give, n=4)),
            ("wrong inodes", q2(memfd, take, give, mi=int(f[6]) + 1)),
            ("wrong inodes of the pipe", q2(memfd, take, give, pi=int(f[7]) + 1)),
            ("a file with its own inode", q2(plain, take, give,
                                             mi=inode(plain)))):
        tried(fields, keep, what)
    os.set_blocking(r, False)
    try:
        must(os.read(r, 100) is None, "written into somebody's pipe")
    except BlockingIOError:
        pass
    must(read(v) == "precious\n")
    # All tokens are where they were.
    for x in s, t:
        must(sorted(os.read(x.fds[1], 100)) == [0, 1, 2], "tokens are lost")
        x.close()
    for fd in plain, memory, r, w, tty:
        os.close(fd)

@test("slots of another q2slots under this one's session are an error")
def _():
    # The inodes and all are right, the session of the references is not.
    s, t = Slots(), Slots()
    fields = [1, *s.fds, s.fields[4], t.fields[5], *s.fields[6:]]
    good = [1, *s.fds, *s.fields[4:]]
    q = subprocess.Popen(["q2cat", RUN], stdout=subprocess.PIPE, pass_fds=s.fds,
                         env={**os.environ, "Q2_SLOTS": ":".join(map(str, good))},
                         stderr=subprocess.PIPE)
    p = subprocess.run(["peakfind"], stdin=q.stdout, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, pass_fds=s.fds,
                       env={**os.environ, "Q2_SLOTS": ":".join(map(str, fields))})
    must(p.returncode == INPUT and b"another session" in p.stderr,
         p.returncode, p.stderr)
    q.kill()
    q.wait()
    s.close()
    t.close()

@test("a FIFO in the place of the journal is refused and not waited for")
def _():
    here = new()
    os.mkdir(os.path.join(here, "out"))
    os.mkfifo(os.path.join(here, "out/peaknet.journal"))
    for options in "-R", "-r", "", "-f":
        status, said = sh("timeout -k 2 20 cxiwrite %s -o out <%s" % (
            options, FOUND), here)
        must(status in (6, OUTPUT) and "peaknet.journal: " in said, options,
             status, said)

done()
