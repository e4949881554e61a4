#!/usr/bin/python3
"""Simulated patterns obey the physics they claim, judged without our own code:
records are taken apart here, peaks are found by scipy, and orientations, cells
and centres are worked out with numpy from the geometry text alone."""
import os, re, shutil, signal, struct, subprocess, sys, tempfile
import numpy as np
from scipy import ndimage, optimize

BUILD = os.environ.get("B", "build")
Q2SIM = os.path.join(BUILD, "q2sim")
HC = 12398.419843320026
CELL = (79.2, 79.2, 37.9)
tests = 0
failed = 0


def check(good, name, note=""):
    global tests, failed
    tests += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {name}")
    if note:
        print(f"# {note}")


def stream(data):
    """Header fields and events (seq, energy, logits, image) of an inline run."""
    f = struct.unpack_from("<12I", data, 64)
    panels, classes, h, w, rh, rw, ltype = f[:7]
    size = {1: 4, 2: 2, 3: 2}[ltype]
    n = panels * h * w
    length = 64 + 192 + n * classes * size + n * 4
    events = []
    at = 4096
    while struct.unpack_from("<H", data, at + 10)[0] == 2:
        seq = struct.unpack_from("<Q", data, at + 32)[0]
        energy = struct.unpack_from("<d", data, at + 64 + 8)[0]
        p = at + 256
        raw = memoryview(data)[p:p + n * classes * size]
        if ltype == 1:
            logits = np.frombuffer(raw, "<f4")
        elif ltype == 2:
            logits = np.frombuffer(raw, "<f2")
        else:
            logits = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
        logits = logits.reshape(panels, classes, h, w)[:, :, :rh, :rw]
        image = np.frombuffer(data, "<f4", n, p + n * classes * size)
        events.append((seq, energy, logits,
                       image.reshape(panels, h, w)[:, :rh, :rw]))
        at += length
    return (panels, rh, rw), events, data[at:]


def geometry(path):
    """Panels of a CrystFEL geometry as dicts of numbers."""
    top, asics = {}, {}
    for line in open(path):
        m = re.match(r"(?:(\w+)/)?(\w+) = (.*)", line)
        if not m:
            continue
        name, key, value = m.groups()
        if name is None:
            top[key] = value
        elif key in ("fs", "ss"):
            m = re.match(r"([-+][\d.]+)x ([-+][\d.]+)y$", value)
            asics.setdefault(name, {})[key] = np.array(m.groups(), float)
        else:
            asics.setdefault(name, {})[key] = float(value)
    return top, asics


def place(top, asics, height, panel, ss, fs):
    """Lab positions in metres of positions in panels."""
    slab = panel * height + ss
    xy = np.full((len(ss), 2), np.nan)
    for a in asics.values():
        inside = ((fs > a["min_fs"] - .5) & (fs < a["max_fs"] + .5) &
                  (slab > a["min_ss"] - .5) & (slab < a["max_ss"] + .5))
        u = fs[inside] - a["min_fs"] + .5
        v = slab[inside] - a["min_ss"] + .5
        xy[inside] = (np.array([a["corner_x"], a["corner_y"]]) +
                      u[:, None] * a["fs"] + v[:, None] * a["ss"])
    return xy / float(top["res"])


def reciprocal(xy, distance, energy):
    v = np.column_stack([xy, np.full(len(xy), distance)])
    v /= np.linalg.norm(v, axis=1)[:, None]
    return (v - [0, 0, 1]) * energy / HC


def peaks(logits, image):
    """Plain and intensity-weighted centroids: panel, ss, fs, ss, fs."""
    out = []
    for k in range(len(logits)):
        marked = logits[k, 1] > logits[k, 0]
        labels, n = ndimage.label(marked, np.ones((3, 3)))
        grown = ndimage.binary_dilation(marked, np.ones((3, 3)))
        for i, box in enumerate(ndimage.find_objects(labels)):
            s, f = np.nonzero(labels[box] == i + 1)
            s, f = s + box[0].start, f + box[1].start
            wide = tuple(slice(max(b.start - 3, 0), b.stop + 3) for b in box)
            around = image[k][wide][~grown[wide]]
            weight = np.maximum(image[k][s, f] - around.mean(), 0)
            if weight.sum() == 0:
                weight[:] = 1
            out.append((k, s.mean(), f.mean(), np.average(s, weights=weight),
                        np.average(f, weights=weight)))
    return np.array(out).reshape(-1, 5)


def strength(q, t):
    """1 if every peak's q . t is a whole number: t is then a lattice vector."""
    return np.abs(np.exp(2j * np.pi * (q @ t)).mean())


def autoindex(q):
    """Lengths of a cell's axes from peaks alone: Fourier transforms along 4000
    directions (I. Steller et al., J. Appl. Cryst. 30, 1036, 1997), the best
    refined, and the three shortest of them that span space."""
    n, step, bins = 4000, .004, 1024
    i = np.arange(n) + .5
    z, turn = 1 - i / n, np.pi * (1 + 5 ** .5) * i
    r = np.sqrt(1 - z * z)
    found = []
    power = np.empty((n, bins // 2 + 1))
    directions = np.column_stack([r * np.cos(turn), r * np.sin(turn), z])
    for j, d in enumerate(directions):
        at = np.floor(q @ d / step).astype(int) % bins
        power[j] = np.abs(np.fft.rfft(np.bincount(at, minlength=bins)))
    lengths = np.arange(bins // 2 + 1) / (step * bins)
    power[:, (lengths < 30) | (lengths > 95)] = 0
    for j in power.max(1).argsort()[::-1][:150]:
        start = directions[j] * lengths[power[j].argmax()]
        fit = optimize.minimize(lambda t: -strength(q, t), start,
                                method="Nelder-Mead", options={"maxiter": 150})
        if -fit.fun > .8:
            found.append(fit.x)
    axes = []
    for t in sorted(found, key=np.linalg.norm):
        unit = [v / np.linalg.norm(v) for v in axes + [t]]
        gram = np.array(unit) @ np.array(unit).T
        if np.linalg.det(gram) > .3:
            axes.append(t)
    return sorted(np.linalg.norm(t) for t in axes)


def truth_read(path):
    with open(path) as f:
        head = f.readline().rstrip("\n").split("\t")
        rows = [line.rstrip("\n").split("\t") for line in f]
    n = {name: i for i, name in enumerate(head)}
    return {name: np.array([float(r[n[name]]) for r in rows])
            for name in head if name != "state"}


def simulate(*args):
    return subprocess.run([Q2SIM, *args], stdout=subprocess.PIPE, check=True).stdout


def score(detector, tmp, distances):
    geom, tsv = os.path.join(tmp, "d.geom"), os.path.join(tmp, "d.tsv")
    data = simulate("-n", "2", "-x", "1", "-D", detector, "-g", geom, "-T", tsv)
    (_, height, _), events, _ = stream(data)
    top, asics = geometry(geom)
    truth = truth_read(tsv)
    residual, cells, counts, indexed, near = [], [], [], [], []
    for seq, energy, logits, image in events:
        here = truth["seq"] == seq
        t = {k: v[here] for k, v in truth.items()}
        q = reciprocal(place(top, asics, height, t["panel"], t["ss"], t["fs"]),
                       float(top["clen"]), energy)
        hkl = np.column_stack([t["h"], t["k"], t["l"]])
        star, *_ = np.linalg.lstsq(hkl, q, rcond=None)
        residual.append(np.abs(q - hkl @ star).max())
        cells.append(np.linalg.norm(np.linalg.inv(star), axis=0))
        counts.append(t["in_logits"].sum())

        p = peaks(logits, image)
        fq = reciprocal(place(top, asics, height, p[:, 0], p[:, 1], p[:, 2]),
                        float(top["clen"]), energy)
        index = fq @ np.linalg.inv(star)
        indexed.append((np.abs(index - index.round()) < .15).all(1).mean())
        for k, ss, fs in zip(*(t[n][t["in_logits"] == 1]
                               for n in ("panel", "ss", "fs"))):
            own = p[p[:, 0] == k]
            plain = np.hypot(own[:, 1] - ss, own[:, 2] - fs)
            j = plain.argmin() if len(plain) else None
            near.append(j is not None and plain[j] <= .5)
            if near[-1]:
                distances.append((plain[j], np.hypot(own[j, 3] - ss,
                                                     own[j, 4] - fs)))
    note = f"{counts} spots, worst residual {max(residual):.5f}/A"
    check(max(residual) < .0006,
          f"{detector}: spots lie on one lattice, as far as its points are thick",
          note)
    check(all(np.allclose(c, CELL, rtol=.004) for c in cells),
          f"{detector}: the lattice has the cell that was asked for",
          str(np.round(cells, 2).tolist()))
    check(all(100 <= n <= 400 for n in counts),
          f"{detector}: a hit shows 100 to 400 spots")
    check(min(indexed) > .95,
          f"{detector}: 95 % of what scipy finds has whole indices",
          f"{np.round(indexed, 3).tolist()}")
    check(np.mean(near) >= .95,
          f"{detector}: 95 % of the marked spots are found within 0.5 pixel",
          f"{np.mean(near):.4f} of {len(near)}")
    axes = autoindex(fq)
    check(len(axes) == 3 and np.allclose(axes, sorted(CELL), rtol=.01),
          f"{detector}: peaks alone, blindly indexed, give the cell",
          str(np.round(axes, 2).tolist()))


def score_overlaps(tmp):
    for detector in ("epix10k2m", "jungfrau4m", "cspad"):
        geom = os.path.join(tmp, "o.geom")
        simulate("-n", "0", "-D", detector, "-g", geom)
        _, asics = geometry(geom)
        seen = np.zeros((2400, 2400), np.uint8)
        for a in asics.values():
            u = np.arange(a["max_fs"] - a["min_fs"] + 1) + .5
            v = np.arange(a["max_ss"] - a["min_ss"] + 1) + .5
            x = a["corner_x"] + np.add.outer(v * a["ss"][0], u * a["fs"][0])
            y = a["corner_y"] + np.add.outer(v * a["ss"][1], u * a["fs"][1])
            at = (y + 1200).astype(int) * 2400 + (x + 1200).astype(int)
            # Rounding may put two pixels of one ASIC together: count it once.
            seen.ravel()[np.unique(at)] += 1
        centre = seen[1195:1205, 1195:1205].sum()
        check((seen > 1).sum() == 0 and centre == 0,
              f"{detector}: no ASICs overlap and the beam passes between them")


def score_noise():
    _, events, _ = stream(simulate("-n", "6", "-x", "0"))
    most = max(sum(ndimage.label(p[1] > p[0], np.ones((3, 3)))[1]
                   for p in e[2]) for e in events)
    check(most < 10, "a miss has fewer than 10 peaks", f"at most {most}")
    photons = events[0][3].astype(float) / 10
    for axis, name in ((2, "fs"), (1, "ss")):
        # Differences of white noise correlate with the next by exactly -1/2.
        d = np.diff(photons, axis=axis)
        a, b = (d[:, :, 1:], d[:, :, :-1]) if axis == 2 else (d[:, 1:], d[:, :-1])
        lag = (a * b).mean() / (d * d).mean()
        check(abs(lag + .5) < .01, f"neighbours along {name} share no noise",
              f"{lag:.4f}")
    d = np.diff(photons, axis=2)
    variance, mean = (d * d).mean() / 2, photons.mean()
    check(mean < variance < mean + .3,
          "the variance of the background is its mean, and read-out noise",
          f"{variance:.3f} of {mean:.3f} photons")


def score_bytes(tmp):
    three, five = simulate("-n", "3"), simulate("-n", "5")
    check(five[:len(three) - 64] == three[:-64],
          "an event does not depend on how many are asked for")
    check(simulate("-n", "3") == three, "the same seed gives the same bytes")
    check(simulate("-n", "3", "-S", "2") != three, "another seed gives others")
    for t in ("f16", "bf16"):
        a = stream(simulate("-n", "1", "-x", "1", "-t", t))[1][0]
        b = stream(simulate("-n", "1", "-x", "1"))[1][0]
        differs = ((a[2][:, 1] > a[2][:, 0]) != (b[2][:, 1] > b[2][:, 0])).sum()
        check((a[3] == b[3]).all() and differs < 30,
              f"{t} logits mark the same spots on the same image",
              f"{differs} pixels differ")


def score_signals():
    p = subprocess.Popen([Q2SIM, "-D", "cspad"], stdout=subprocess.PIPE)
    data = p.stdout.read(30 << 20)
    p.send_signal(signal.SIGINT)
    data += p.stdout.read()
    status = p.wait()
    _, events, rest = stream(data)
    kind, flags = struct.unpack_from("<HI", rest, 10)
    check(status == 3 and kind == 4 and flags == 4 and
          struct.unpack_from("<Q", rest, 40)[0] == len(events),
          "SIGINT ends the stream after a whole event, as interrupted",
          f"{len(events)} events, status {status}")
    p = subprocess.Popen([Q2SIM], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.read(5000)
    p.stdout.close()
    errors = p.stderr.read()
    check(p.wait() == 2 and errors == b"",
          "a reader that has gone ends it quietly")


def score_options():
    for bad in (["-D", "pilatus"], ["-C", "1,2,3"], ["-C", "79,79,37,90,90,x"],
                ["-C", "2000,2000,2000,90,90,90"], ["-C", "50,50,50,30,30,160"],
                ["-e", "1"], ["-z", "0"], ["-x", "1.1"], ["-t", "f64"],
                ["-n", "-1"], ["-S", "x"], ["operand"]):
        p = subprocess.run([Q2SIM, *bad], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        check(p.returncode == 1 and p.stdout == b"" and p.stderr != b"",
              f"{' '.join(bad)} is refused", p.stderr.decode().split("\n")[0])
    p = subprocess.run([Q2SIM, "-n", "0", "-g", "/nonexistent/x.geom"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check(p.returncode == 7, "a geometry that cannot be written is an error")


def main():
    tmp = tempfile.mkdtemp()
    try:
        distances = []
        for detector in ("epix10k2m", "jungfrau4m", "mfx", "cspad"):
            score(detector, tmp, distances)
        plain, weighted = np.mean(distances, axis=0)
        check(weighted < plain, "weighted centroids are nearer to the truth",
              f"mean distance {plain:.3f} plain, {weighted:.3f} weighted")
        score_overlaps(tmp)
        score_noise()
        score_bytes(tmp)
        score_signals()
        score_options()
    finally:
        shutil.rmtree(tmp)
    print(f"1..{tests}")
    sys.exit(failed != 0)


main()
