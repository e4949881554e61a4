"""What others do to find peaks in a plane: functions of a (2, ss, fs) array of
logits that return (n, 2) centroids, ss and fs, in raster order of first pixels."""
import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

try:
    import cv2
    cv2.setNumThreads(1)
except ImportError:
    cv2 = None

EIGHT = np.ones((3, 3))


def existing(logits):
    """As the existing writer: the whole plane is searched for each component."""
    labels, n = ndimage.label(np.argmax(logits, axis=0), EIGHT)
    found = [np.where(labels == k) for k in range(1, n + 1)]
    return np.array([(y.mean(), x.mean()) for y, x in found]).reshape(-1, 2)


def center_of_mass(logits):
    """The documented way of scipy."""
    mask = logits[1] > logits[0]
    labels, n = ndimage.label(mask, EIGHT)
    return np.array(ndimage.center_of_mass(mask, labels,
                                           range(1, n + 1))).reshape(-1, 2)


def bincount(logits):
    """One pass over the labels for all components."""
    labels, n = ndimage.label(logits[1] > logits[0], EIGHT)
    at = np.flatnonzero(labels)
    y, x = np.divmod(at, labels.shape[1])
    k = labels.reshape(-1)[at] - 1
    size = np.bincount(k, minlength=n)
    return np.stack([np.bincount(k, y, n) / size,
                     np.bincount(k, x, n) / size], 1)


def sparse(logits):
    """Only the pixels that are set: neighbours by binary search, then a graph."""
    h, w = logits.shape[1:]
    at = np.flatnonzero(logits[1] > logits[0])
    if at.size == 0:
        return np.empty((0, 2))
    y, x = np.divmod(at, w)
    a, b = [], []
    for step, inside in ((1, x < w - 1), (w - 1, x > 0), (w, True),
                         (w + 1, x < w - 1)):
        j = np.searchsorted(at, at + step)
        j[j == at.size] = 0
        edge = np.flatnonzero((at[j] == at + step) & inside)
        a.append(edge)
        b.append(j[edge])
    a, b = np.concatenate(a), np.concatenate(b)
    graph = coo_matrix((np.ones(a.size, bool), (a, b)), (at.size, at.size))
    n, k = connected_components(graph, directed=False)
    size = np.bincount(k, minlength=n)
    return np.stack([np.bincount(k, y, n) / size,
                     np.bincount(k, x, n) / size], 1)


def opencv(logits):
    """connectedComponentsWithStats."""
    mask = (logits[1] > logits[0]).view(np.uint8)
    centroids = cv2.connectedComponentsWithStats(mask, connectivity=8)[3]
    return centroids[1:, ::-1]
