"""The writer that is used today, from its description: peaks by searching the
whole plane a component, then a row of h5py, peaks one scalar at a time."""
import h5py

import algorithms

PEAKS = 2048
NAMES = ("peakXPosRaw", "peakYPosRaw", "peakSegPosRaw")


def file_create(path, events, shape):
    f = h5py.File(path, "w")
    f.create_dataset("/entry_1/data_1/data", (events,) + shape, "f4",
                     chunks=(1,) + shape)
    f.create_dataset("/entry_1/result_1/nPeaks", (events,), "i4")
    for name in NAMES + ("peakTotalIntensity",):
        f.create_dataset("/entry_1/result_1/" + name, (events, PEAKS), "f4")
    return f


def event_write(f, k, image, peaks):
    f["/entry_1/data_1/data"][k] = image
    f["/entry_1/result_1/nPeaks"][k] = len(peaks)
    for i, (ss, fs) in enumerate(peaks):
        for name, value in zip(NAMES, (fs, ss, 0)):
            f["/entry_1/result_1/" + name][k, i] = value


def run(capture, path, events, least=10):
    """Peaks of the first events of one panel, hits into a file; the hits."""
    h, w = capture.real_height, capture.real_width
    hits = 0
    with file_create(path, events, (h, w)) as f:
        for k in range(events):
            peaks = algorithms.existing(capture.logits(k)[0, :, :h, :w])
            if len(peaks) < least:
                continue
            event_write(f, hits, capture.image(k)[0, :h, :w], peaks)
            hits += 1
    return hits
