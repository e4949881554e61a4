#!/usr/bin/python3
# What -v says while a run goes, on a terminal and elsewhere, and that the log can
# be followed meanwhile.
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios

sys.path.insert(0, "tests")
from proc import *

EVENTS = 40
RUN = capture_make("run", EVENTS, "-C", "32")
HALF = os.path.getsize(RUN) // 2
DIR = scratch()
# Half of the run comes, and then nothing until our end of the pipe is closed.
HELD = "{ head -c %d %s; cat >/dev/null; tail -c +%d %s; }" % (
    HALF, RUN, HALF + 1, RUN)
CUT = "{ head -c %d %s; cat >/dev/null; }" % (HALF, RUN)
LINE = re.compile(r"cxiwrite: (\d+) events, [\d.]+ events/s, (\d+) hits"
                  r"( \([\d.]+ % lately\))?, \d+ files"
                  r"(, (\d+) of 4 slots pending)?(, ends in \d+:\d\d:\d\d)?")


def held_run(line, enough, terminal=False, columns=0):
    """Runs a line until enough(what it said on standard error), lets its input go
    on, and takes the rest. What was said, and the status. A terminal of 0 columns
    does not tell how many it has."""
    read_end, write_end = pty.openpty() if terminal else os.pipe()
    if columns:
        fcntl.ioctl(write_end, termios.TIOCSWINSZ,
                    struct.pack("4H", 24, columns, 0, 0))
    hold, release = os.pipe()
    p = subprocess.Popen(["bash", "-c", line], cwd=DIR, stdin=hold,
                         stdout=subprocess.DEVNULL, stderr=write_end)
    os.close(write_end)
    os.close(hold)
    said = []

    def more():
        if select.select([read_end], [], [], 0.1)[0]:
            try:
                said.append(os.read(read_end, 65536).decode())
            except OSError:         # the other end of the terminal is closed
                return True
            return said[-1] == ""
        return False

    def text():
        return "".join(said)

    try:
        must(wait_for(lambda: more() or enough(text()), 40), "too little said",
             text())
    finally:
        os.close(release)
        must(wait_for(more), "no end", text())
        os.close(read_end)
        status = p.wait()
    return text(), status


def screen(text):
    """The lines that a terminal shows in the end."""
    lines, line, at = [], "", 0
    for c in re.findall(r"\x1b\[K|[\s\S]", text):
        if c == "\r":
            at = 0
        elif c == "\n":
            lines.append(line)
            line, at = "", 0
        elif c == "\x1b[K":
            line = line[:at]
        else:
            line, at = line[:at] + c + line[at + 1:], at + 1
    return lines + [line]


def drawn(n):
    return lambda text: len(LINE.findall(text)) >= n


@test("on a terminal one line is kept up to date, also while nothing comes")
def _():
    text, status = held_run(HELD + " | peakfind 2>/dev/null | cxiwrite -v -m 1"
                            " -o live", drawn(4), terminal=True)
    must(status == 0, status, text)
    must(not any(LINE.search(s) for s in screen(text)), text)
    must(any(s.startswith("cxiwrite: %d events in = " % EVENTS)
             for s in screen(text)), text)


@test("that line is cut to the terminal, or its second row would stay")
def _():
    text, status = held_run(HELD + " | peakfind 2>/dev/null | cxiwrite -v -m 1"
                            " -o narrow", lambda t: t.count("\r") >= 3,
                            terminal=True, columns=30)
    must(status == 0, status, text)
    lines = re.findall(r"\r([^\r\n\x1b]+)\x1b\[K", text)
    must(len(lines) >= 3 and all(len(s) == 29 and
                                 re.match(r"cxiwrite: \d+ events, ", s)
                                 for s in lines), lines)


@test("a message takes the place of that line and is whole")
def _():
    text, status = held_run(CUT + " | cat | q2cat 2>/dev/null | peakfind"
                            " 2>/dev/null | cxiwrite -v -m 1 -o cut",
                            drawn(2), terminal=True)
    must(status == INCOMPLETE, status)
    lines = screen(text)
    must(all(s == "" or s.startswith("cxiwrite: ") and s.count("cxiwrite") == 1
             for s in lines if "carry on" not in s), lines)
    must(any("without" in s and "end record" in s for s in lines), lines)


@test("the line counts the slots that are pending, and not more than there are")
def _():
    text, status = held_run(
        "q2slots -n 4 bash -c '%s | q2cat | peakfind 2>/dev/null |"
        " cxiwrite -v -m 1 -o slots'" % HELD, drawn(3), terminal=True)
    must(status == 0, status, text)
    seen = [int(m.group(5)) for m in LINE.finditer(text) if m.group(5)]
    must(seen and max(seen) <= 4, seen)


@test("of a capture in a file it knows when it will end")
def _():
    text, status = held_run(
        "q2slots -n 4 bash -c 'q2cat -r 16 %s | peakfind 2>/dev/null |"
        " cxiwrite -v -m 1 -o end'" % RUN, lambda t: "ends in" in t,
        terminal=True)
    must(status == 0, status, text)
    for line in text.split("\r"):
        m = re.search(r"(\d+) events, ([\d.]+) events/s.*in 0:00:(\d\d)", line)
        if m is None:
            continue
        events, rate, seconds = (float(m.group(i)) for i in (1, 2, 3))
        # The rate is rounded to a tenth, the time to a second.
        must((EVENTS - events) / (rate + 0.05) - 0.5 <= seconds <=
             (EVENTS - events) / max(rate - 0.05, 1e-9) + 0.5, line)


@test("elsewhere all three say a plain line every 10 seconds, also while nothing"
      " comes")
def _():
    names = "q2cat", "peakfind", "cxiwrite"
    text, status = held_run(
        HELD + " | q2cat -v | peakfind -v | cxiwrite -v -m 1 -o plain",
        lambda t: all(len(re.findall("^%s: \\d+ events, " % n, t, re.M)) > 0
                      for n in names))
    must(status == 0, status, text)
    must("\r" not in text and "\x1b" not in text, text)
    must(re.search("^peakfind: \\d+ events, \\d+ peaks, [\\d.]+ events/s$", text,
                   re.M), text)
    must(re.search("^q2cat: \\d+ events, [\\d.]+ events/s$", text, re.M), text)
    must(LINE.search(text), text)


@test("there, too, the rate is that of late, and slots without events are free")
def _():
    text, status = held_run(
        "q2slots -n 20 bash -c 'q2cat -v -l 0 -r 10 -n 115 %s | peakfind -v |"
        " cxiwrite -v -m 1 -o paced'" % RUN,
        lambda t: t.count(" events/s") >= 3)
    must(status == 0, status, text)
    rates = [float(r) for r in re.findall(r"events, .*?([\d.]+) events/s", text)]
    must(len(rates) >= 3 and min(rates) > 1, text)
    must(int(re.search(r"(\d+) of 20 slots pending", text).group(1)) < 10, text)


@test("without -v nothing is said on the way")
def _():
    text, status = held_run("{ sleep 1; echo >&2 waited; } & " + HELD +
                            " | q2cat | peakfind | cxiwrite -m 1 -o quiet",
                            lambda t: "waited" in t, terminal=True)
    must(status == 0, status, text)
    lines = [s for s in screen(text) if s]
    must(len(lines) == 2 and lines[1].startswith("cxiwrite: %d events in" %
                                                 EVENTS), lines)


@test("the log has each event's line while the run still goes")
def _():
    log = os.path.join(DIR, "log.tsv")
    lines = []

    def enough(text):
        lines[:] = read(log).splitlines()
        return len(lines) > 2

    text, status = held_run(HELD + " | peakfind | cxiwrite -m 1 -l log.tsv"
                            " -o logged", enough)
    must(status == 0, status, text)
    must(all(s.count("\t") == 9 for s in lines), lines)
    must(len(lines) < EVENTS + 1 == len(read(log).splitlines()), len(lines))


done()
