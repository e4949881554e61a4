#!/usr/bin/python3
"""cxireport: its numbers are those of the files, and nothing in it is active."""
import base64
import glob
import html.parser
import io
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

sys.path.insert(0, "tests")
from proc import done, dump_make, must, read, scratch, test
import q2bytes

import h5py
import numpy as np
try:
    from PIL import Image
except ImportError:
    Image = None

EVIL = "<script>alert(1)</script>&\"'"
D = scratch()
RUN = os.path.join(D, "run")


def sh(line, status=0):
    p = subprocess.run(["sh", "-c", line], cwd=D, capture_output=True, text=True)
    must(p.returncode == status, line, p.returncode, p.stderr)
    return p.stderr


def report(run="run", options="", status=0):
    sh("cxireport %s -o r.html %s" % (options, run), status)
    return read(os.path.join(D, "r.html"))


def value(page, key):
    return float(re.search('data-key="%s" data-value="([^"]*)"' % key, page)[1])


def hist(page, name):
    m = re.search('data-hist="%s" data-count="([^"]*)" data-outside="([^"]*)"'
                  ' data-min="([^"]*)" data-max="([^"]*)" data-median="([^"]*)"'
                  % name, page)
    return [float(x) for x in m.groups()]


def figures(page, what):
    """Pictures of the page: attributes, PNG as an array, circles."""
    for head, body in re.findall(r'<figure %s([^>]*)>(.*?)</figure>' % what,
                                 page, re.S):
        png = re.search(r'href="data:image/png;base64,([^"]*)"', body)
        png = base64.b64decode(png[1], validate=True)
        must(png[:8] == b"\x89PNG\r\n\x1a\n" and png[25] == 3, png[:30])
        box = re.search(r'viewBox="0 0 (\d+) (\d+)"', body)
        image = Image.open(io.BytesIO(png))
        must(image.size == tuple(map(int, box.groups())), image.size, box[0])
        circles = re.findall(r'<circle cx="([^"]*)" cy="([^"]*)"', body)
        yield head, np.array(image.convert("L"), int), np.array(circles, float)


def darker(grey, values):
    """Is more darker everywhere?"""
    grey = grey.ravel()[np.argsort(values, axis=None)]
    return (np.diff(grey) <= 0).all() and grey[0] > 200 and grey[-1] < 60


def rows_all():
    """Image and peaks (fs, ss) of each hit; and its file's name and row."""
    for path in sorted(glob.glob(RUN + "/*.cxi")):
        with h5py.File(path) as f:
            r = f["/entry_1/result_1"]
            for i, n in enumerate(r["nPeaks"]):
                yield f["/entry_1/data_1/data"][i], np.stack(
                    [r["peakXPosRaw"][i, :n], r["peakYPosRaw"][i, :n]], 1)


def column(name):
    out = []
    for path in sorted(glob.glob(RUN + "/*.cxi")):
        with h5py.File(path) as f:
            n = f["/entry_1/result_1/nPeaks"][...]
            a = f["/entry_1/result_1/" + name][...]
            out += [a] if a.ndim == 1 else [a[i, :k] for i, k in enumerate(n)]
    return np.concatenate(out)


dump_make(os.path.join(D, "run.h5"), 40, panels=3, blobs=lambda k: 5 + k % 20)
with h5py.File(os.path.join(D, "run.h5"), "a") as f:
    del f["batch_7/original_image"]
WRITE = "cxiwrite -n 7 -o run -l run/log.tsv -S run/stats.json"
subprocess.run(["sh", "-c", "q2cat -k experiment=\"$1\" run.h5 | peakfind | " +
                WRITE, "-", EVIL], cwd=D, stderr=subprocess.DEVNULL)


@test("totals and histograms are those that h5py and numpy find")
def _():
    page = report()
    rows = column("nPeaks")
    log = [x.split("\t") for x in read(RUN + "/log.tsv").splitlines()[1:]]
    must(value(page, "hits") == len(rows) > 10, page[:3000])
    must(value(page, "events") == 40 and value(page, "failed") == 1)
    must(abs(value(page, "hit-rate") - len(rows) / 40) < 1e-6)
    must(value(page, "peaks") == rows.sum())
    found = [int(x[4]) for x in log if x[6] != "failed"]
    must(hist(page, "peaks")[:4] == [39, 0, min(found), max(found)],
         hist(page, "peaks"))
    for name, set in ("intensity", "peakTotalIntensity"), ("snr", "peakSNR"):
        a = column(set)
        a = a[a > 0]
        h = hist(page, name)
        must(h[0] == len(a) and np.allclose(h[2:4], [a.min(), a.max()], 1e-6), h)
        must(abs(h[4] / np.median(a) - 1) < 0.06, h, np.median(a))
    panels = np.bincount(column("peakSegPosRaw"))
    for i, n in enumerate(panels):
        must("panel %d: %d peaks" % (i, n) in page, i, n)


if Image is None:
    @test("pictures # SKIP no python3-pil")
    def _():
        pass
else:
    @test("the hits with most peaks are shown, with each of their peaks circled")
    def _():
        got = list(figures(report(), "data-picture"))
        rows = sorted(rows_all(), key=lambda x: -len(x[1]))
        must(len(got) == 8, len(got))
        for (head, grey, circles), (image, peaks) in zip(got, rows):
            must('data-peaks="%d"' % len(peaks) in head, head)
            must(grey.shape == image.shape and darker(grey, image), head)
            must(len(circles) == len(peaks) and
                 np.allclose(circles, peaks + .5, atol=.06), head)

    @test("the maximum is that of the images that its caption counts")
    def _():
        page = report()
        (_, grey, _), = figures(page, 'id="maximum"')
        images = np.array([image for image, _ in rows_all()])
        n, step = len(images), (len(images) - 1) // 30 + 1
        must(value(page, "maximum") == len(images[::step]) > 10, n)
        must("%d of %d hits" % (len(images[::step]), n) in page)
        must(darker(grey, images[::step].max(0)))

    @test("a geometry assembles pictures, and circles go along")
    def _():
        with open(D + "/g.geom", "w") as f:
            print("clen = 0.1\nres = 10000\nphoton_energy = 9500", file=f)
            for i in range(3):      # side by side, each upside down
                print("p%d/min_fs = 0\np%d/max_fs = 47\np%d/min_ss = %d\n"
                      "p%d/max_ss = %d\np%d/fs = x\np%d/ss = y\np%d/corner_x ="
                      " %d\np%d/corner_y = 0" % (i, i, i, 32 * i, i, 32 * i + 31,
                                                 i, i, i, 50 * i, i), file=f)
        head, grey, circles = next(figures(report(options="-g g.geom"),
                                           "data-picture"))
        image, peaks = max(rows_all(), key=lambda x: len(x[1]))
        must(grey.shape == (32, 148), grey.shape)
        for i in range(3):
            part = image[32 * i:32 * i + 32][::-1]
            grey_part = grey[:, 50 * i:50 * i + 48]
            must((np.diff(grey_part.ravel()[np.argsort(part, axis=None)])
                  <= 0).all(), i)
        panel = peaks[:, 1].round() // 32
        want = np.stack([peaks[:, 0] + .5 + 50 * panel,
                         32 - (peaks[:, 1] + .5 - 32 * panel)], 1)
        must(np.allclose(circles, want, atol=.06), circles, want)


@test("statistics that are none, and a negative total, are refused")
def _():
    good = read(RUN + "/stats.json")
    for text, why in ((good.replace('"events_in": ', '"events_in": -'), "a total is negative"),
                      ("; a geometry\n", "is no statistics of cxiwrite -S"),
                      (good.replace("written", "wrote"), "is no statistics of cxiwrite -S")):
        with open(D + "/bad.json", "w") as f:
            f.write(text)
        must(why in sh("cxireport -S bad.json -o never.html run", 6), why)
    must(not os.path.exists(D + "/never.html"))


@test("energies that are none leave a log that can be read")
def _():
    s = q2bytes.Stream(q2bytes.IMAGE | q2bytes.PEAKS)
    wild = float("nan"), float("inf"), -float("inf"), 1e301, -1.0, 0.0
    with open(D + "/wild.q2", "wb") as f:
        f.write(s.header() + b"".join(s.event(i, energy=e)
                                      for i, e in enumerate(wild)) + s.end(len(wild)))
    sh("cxiwrite -m 1 -o wild -l wild/peaknet.tsv <wild.q2")
    must(read(D + "/wild/peaknet.tsv").count("\n") == 1 + len(wild))
    must(value(report("wild", "-l wild/peaknet.tsv"), "events") == len(wild))


def panel(ss, fs):
    with open(D + "/one.geom", "w") as f:
        print("clen = 0.1\nres = 10000\nphoton_energy = 9500\np/min_fs = 0\np/max_fs"
              " = %d\np/min_ss = 0\np/max_ss = %d\np/fs = x\np/ss = y\np/corner_x"
              " = 0\np/corner_y = 0" % (fs - 1, ss - 1), file=f)


@test("files of another detector are said, and have no part in panels and powder")
def _():
    panel(96, 48)
    alone = report(options="-g one.geom")
    dump_make(os.path.join(D, "wide.h5"), 3, panels=4)
    sh("q2cat wide.h5 | peakfind | cxiwrite -o wide; cat run/*.lst wide/*.lst"
       " >wide.lst")
    page = report("wide.lst", "-g one.geom", 6)
    must("1 files have images of another size" in
         sh("cxireport -g one.geom -o r.html wide.lst", 6))
    must(value(page, "peaks") > value(alone, "peaks"))
    for what in ("panel [0-9]*: [0-9]* peaks", "class=\"heat[^>]*",
                 "data-hist=\"resolution\"[^>]*"):
        must(re.findall(what, page) == re.findall(what, alone), what)


@test("the geometry of a larger detector is an error, with a report that says so")
def _():
    panel(97, 48)
    page = report(options="-g one.geom", status=6)
    must("this is not its geometry" in page and "<html" in page)
    must("-g one.geom: ASIC p reaches" in
         sh("cxireport -g one.geom -o r.html run", 6))


@test("the geometry of a smaller detector is said, on the page too; of this one not")
def _():
    panel(95, 48)
    must("its ASICs reach to ss 94, fs 47 only" in
         report(options="-g one.geom"))
    must("-g one.geom: its ASICs reach to ss 94" in
         sh("cxireport -g one.geom -o r.html run"))
    panel(96, 48)
    must("its ASICs reach" not in report(options="-g one.geom"))
    must(sh("cxireport -g one.geom -o r.html run") == "")


@test("a strip of panels without a geometry says what is needed, not pictures")
def _():
    dump_make(os.path.join(D, "strip.h5"), 4, panels=8)
    sh("q2cat strip.h5 | peakfind 2>err | cxiwrite -o strip 2>err")
    page = report("strip")
    must('data-absent="pictures"' in page and "256 x 48" in page and
         "data-picture" not in page and 'id="maximum"' in page)


@test("a run without images says so")
def _():
    shutil.copytree(RUN, D + "/blind")
    os.unlink(D + "/blind/peaknet.lst")
    for path in glob.glob(D + "/blind/*.cxi"):
        with h5py.File(path, "a") as f:
            del f["/entry_1/data_1/data"]
            del f["/entry_1/instrument_1/detector_1/data"]
    page = report("blind")
    must('data-absent="pictures"' in page and "<image" not in page and
         "have no images" in page, re.findall('data-absent="pic.*', page))


CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    @test("the page fits a phone # SKIP no chromium")
    def _():
        pass
else:
    @test("the page fits a phone of 390 pixels, and a browser has no complaints")
    def _():
        report()
        with open(D + "/phone.html", "w") as f:
            f.write('<!DOCTYPE html><body><iframe id="f" src="r.html" style="'
                    'border:0;width:390px;height:800px"></iframe><script>'
                    'onload=function(){var d=document.getElementById("f")'
                    '.contentDocument.documentElement;document.body.innerHTML='
                    '"width="+d.scrollWidth+" of "+d.clientWidth}</script>')
        p = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
             "--hide-scrollbars", "--allow-file-access-from-files",
             "--enable-logging=stderr", "--user-data-dir=" + D + "/chromium",
             "--dump-dom", "file://" + D + "/phone.html"],
            capture_output=True, text=True)
        must("width=390 of 390" in p.stdout, p.stdout[-300:], p.stderr[-300:])
        must("CONSOLE" not in p.stderr, p.stderr)


@test("what failed and why is told")
def _():
    must('data-failed="7"' in report() and "image" in re.search(
        'data-failed="7".*', report())[0])


@test("the page is well formed, needs nothing from outside, and runs nothing")
def _():
    page = re.sub(r' href="data:image/png;base64,[A-Za-z0-9+/=]*"/>',
                  "></image>", report())
    stack = []

    class Parser(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            must(tag not in ("script", "link", "iframe", "object"), tag)
            must(not any(k.startswith("on") or k in ("src", "href")
                         for k, _ in attrs), attrs)
            if tag not in ("meta",):
                stack.append(tag)

        def handle_endtag(self, tag):
            must(stack.pop() == tag, tag, stack)
    Parser().feed(page)
    must(not stack and "http" not in page and "<script" not in page)
    svgs = re.findall("<svg.*?</svg>", page, re.S)
    must(len(svgs) >= 7, len(svgs))
    for svg in svgs:
        ET.fromstring(svg)


@test("hostile text stays text")
def _():
    must("&lt;script&gt;alert(1)" in report())


@test("the commands run nothing that a file smuggles in, and name no program but ours")
def _():
    os.makedirs(D + "/smuggle")
    path = D + "/smuggle/a.cxi"
    shutil.copy(sorted(glob.glob(RUN + "/*.cxi"))[0], path)
    with h5py.File(path, "a") as f:
        for name, text in (
                ("stream", "q2cat.version=1\nq2cat.n;touch PWNED;=1\n"
                 "x;touch PWNED;y.z=2\nrm.r=PWNED\nmine.version=1\nmine.a=3\n"
                 "peakfind.a=;touch PWNED\npeakfind.;=1\npeakfind.=1\n"),
                ("options", "cxiwrite.m=1\ncxiwrite.m 1|touch PWNED #=1\n")):
            del f["/entry_1/process_1/" + name]
            f["/entry_1/process_1/" + name] = text
    got = html.unescape(re.search("<pre data-commands=[^>]*>(.*?)</pre>",
                                  report("smuggle"), re.S)[1])
    must(got == "q2cat |\n    FILTER |\n    FILTER |\n    FILTER |\n    peakfind -a"
         " ';touch PWNED' |\n    cxiwrite -m 1 -o OUT", got)


@test("the same files give the same bytes")
def _():
    must(report() == report())


@test("a directory is the same with a slash behind it")
def _():
    must(report("run/") == report("run") and "<title>Run report: run<" in report("run//"))


@test("without log and statistics it says which options would have told")
def _():
    os.makedirs(D + "/bare")
    for x in glob.glob(RUN + "/*.cxi"):
        shutil.copy(x, D + "/bare")
    page = report("bare")
    must('data-absent="log"' in page and "cxiwrite -l" in page and
         "cxiwrite -S" in page and 'data-verdict="unknown"' in page)


@test("a run that is whole is called complete, one that broke off is not")
def _():
    must('data-verdict="complete"' in report())
    shutil.copytree(RUN, D + "/off")
    os.unlink(D + "/off/stats.json")
    open(D + "/off/peaknet_0009.cxi.tmp", "w").close()
    must('data-verdict="broken"' in report("off"))


@test("a run that still goes has a report, and is not called complete")
def _():
    shutil.copytree(RUN, D + "/live")
    open(D + "/live/stats.json", "w").close()
    open(D + "/live/peaknet_0009.cxi.tmp", "w").close()
    page = report("live")
    must('data-verdict="broken"' in page and "still runs" in page and
         value(page, "hits") == value(report(), "hits"))


@test("the log and the statistics of one prefix are not those of two")
def _():
    # Every event is a hit: 2 by prefix a, 10 by prefix b.
    line = ("q2cat %s run.h5 | peakfind | cxiwrite -m 0 -o two -p %s"
            " -l two/%s.tsv -S two/%s.json")
    sh("; ".join(line % (cut, p, p, p) for cut, p in
                 (("-n 2", "a"), ("-s 20 -n 10", "b"))))
    for gone in (), ("b.json",), ("a.tsv",), ("b.tsv",), ("a.json",):
        for name in gone:
            os.unlink(D + "/two/" + name)
        page = report("two")
        got = [value(page, k) for k in ("hits", "events", "hit-rate")]
        must(got == [12, 12, 1], gone, got)
        must('data-verdict="complete"' in page, gone)
    must('data-absent="log"' in page and "no statistics (cxiwrite -S)" in page)


@test("a log and statistics of another run are left out, with no hit rate")
def _():
    os.makedirs(D + "/alone")
    for x in glob.glob(RUN + "/*.cxi"):
        shutil.copy(x, D + "/alone")
    line = "q2cat %s run.h5 | peakfind | cxiwrite -m 0 -o %s -l %s/l.tsv -S %s/s.json"
    sh("; ".join(line % (cut, d, d, d) for cut, d in (("", "all"), ("-n 2", "few"))))
    for run, options, what in (
            ("alone", "-l few/l.tsv", "log"), ("alone", "-S few/s.json", "statistics"),
            ("alone", "-S all/s.json", "statistics"), ("run", "-l all/l.tsv", "log"),
            ("run", "-l few/l.tsv", "log")):
        page = report(run, options, 6)
        must('data-misfit="%s"' % what in page, run, options)
        must("of these files" in sh("cxireport %s -o r.html %s" % (options, run), 6))
        if run == "alone":
            must(re.search('data-key="hit-rate"\\s+data-absent', page), options)
        else:
            must(value(page, "hit-rate") == value(report(), "hit-rate"), options)


@test("the log of a run that broke off, and statistics from before it was carried on,"
      " are taken")
def _():
    page = report("alone", "-l all/l.tsv")
    must(value(page, "hit-rate") == 39 / 40 and 'data-verdict="broken"' in page)
    shutil.copytree(RUN, D + "/goes")
    text = re.sub('"written": [0-9]*', '"written": 1', read(RUN + "/stats.json"))
    with open(D + "/goes/stats.json", "w") as f:
        f.write(re.sub('"complete": true', '"complete": false', text))
    page = report("goes")
    must(value(page, "hit-rate") == value(report(), "hit-rate"))
    must('data-verdict="broken"' in page and "data-misfit" not in page)


@test("a merged file beside its sources counts no event twice, nor does a file that is"
      " named twice")
def _():
    sh("cximerge -o merged.cxi run && mkdir both && cp run/*.cxi merged.* both")
    must(value(report("both"), "hits") == value(report(), "hits"))
    sh("mkdir one && cximerge -x -o one/merged.cxi run")
    must(value(report("one"), "hits") == value(report(), "hits"))
    sh("cat run/peaknet.lst run/peaknet.lst >twice.lst")
    must("is named twice" in sh("cxireport -o t.html twice.lst", 6))
    first = sorted(glob.glob(RUN + "/*.cxi"))[0]
    must("is named twice" in sh("cxiview -s -o t.png %s run/peaknet.lst" % first, 6))
    must(not glob.glob(D + "/t.*"))


@test("which files are merged ones, and of what, is told by what is in them")
def _():
    hits = value(report(), "hits")
    sh("cd both && rm merged.events && >peaknet_0001.events")
    must(value(report("both"), "hits") == hits)
    # Of another run, whose sources are elsewhere.
    sh("q2cat run.h5 | peakfind | cxiwrite -m 9 -n 9 -o nine; true")
    sh("mkdir mixed; cd nine && cximerge -o ../mixed/nine.cxi *.cxi && cd .. &&"
       " cp run/*.cxi mixed")
    sh("cximerge -o x.cxi nine")
    must(value(report("mixed"), "hits") == hits + value(report("x.cxi"), "hits"))


@test("two merged files of the same events, or one with a part of its sources, are"
      " refused")
def _():
    sh("cp one/merged.cxi one/again.cxi; mkdir part; cp run/peaknet_0000.cxi"
       " one/merged.cxi part; cp -r both more; cp one/merged.cxi more/again.cxi")
    must("merged of the same files" in sh("cxireport -o t.html one", 6))
    must(re.search("merged of [0-9]+ files, and 1 of them",
                   sh("cxireport -o t.html part", 6)))
    must(value(report("more"), "hits") == value(report(), "hits"))


@test("where no file can be read, an older report stays")
def _():
    page = report()
    sh("ls -d run/*.cxi | sed s/run/gone/ >gone.lst")
    for line, status, why in (
            ("cxireport -o r.html gone.lst", 6, "none of its CXI files can be read"),
            ("ulimit -f 1; cxireport -o r.html run", 8, "raise the limit")):
        must(why in sh(line, status), line)
        must(read(D + "/r.html") == page, line)


@test("the range of resolutions goes from the smallest to the largest")
def _():
    sh("q2sim -n 3 -x 1 -D cspad -g s.geom | peakfind | cxiwrite -m 1 -o sim")
    least, most, median = hist(report("sim", "-g s.geom"), "resolution")[2:]
    must(0.5 < least < median < most < 100, least, median, most)


@test("dead and hot panels are flagged")
def _():
    shutil.copytree(RUN, D + "/odd")
    shutil.rmtree(D + "/bare")
    for path in glob.glob(D + "/odd/*.cxi"):
        with h5py.File(path, "a") as f:
            p = f["/entry_1/result_1/peakSegPosRaw"]
            a = p[...]
            k = np.arange(a.size).reshape(a.shape) % 40
            p[...] = np.where(k < 2, 5, np.where(k < 34, 1, k % 2 * 2 + 2))
    # 0 is dead, 1 hot; the paths of the list are those of the first run.
    os.unlink(D + "/odd/peaknet.lst")
    page = report("odd")
    must('data-panel="0" data-flag="dead"' in page, page[-6000:])
    must('data-panel="1" data-flag="hot"' in page)


@test("a file of more events than bytes keeps no reader")
def _():
    with h5py.File(D + "/none.cxi", "w") as f:
        f.create_dataset("/entry_1/data_1/data", (2 ** 40, 4, 4), "f4",
                         maxshape=(None, 4, 4), chunks=(1, 4, 4))
    for line in "cxireport -o never.html none.cxi", "cxiview -t 4 -o no.png none.cxi":
        must("1099511627776 events cannot be in a file of" in
             sh("timeout 60 " + line, 6), line)


@test("errors have their statuses and leave nothing")
def _():
    sh("rm -f r.html; mkdir empty; echo p0/min_fs = x >r.geom")
    for line, status in (("cxireport nowhere", 6), ("cxireport empty", 6),
                         ("cxireport", 1), ("cxireport -o no/r.html run", 7),
                         ("cxireport -o /dev/full run", 7),
                         ("cxireport -g r.geom -o r.html run", 6)):
        must(sh(line, status) != "", line)
    must(not glob.glob(D + "/r.html*") and not os.path.exists(D + "/report.html"))


done()
