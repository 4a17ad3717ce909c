"""What was said of every frame of a recording as segments: post-processing, and measures that look at their ends.

All are functions of NumPy arrays. Measures are ``Counts``, which add up over recordings; steps are frames.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Segment = tuple[int, int]  # first frame, and the one after the last


class Counts(NamedTuple):
    """Hits among what was said and among what is true.

    Attributes:
      hits, said, true: numbers, or arrays of them, one per class.
    """

    hits: np.ndarray | int
    said: np.ndarray | int
    true: np.ndarray | int

    def __add__(self, other: "Counts") -> "Counts":  # type: ignore[override]
        return Counts(self.hits + other.hits, self.said + other.said, self.true + other.true)

    @property
    def recall(self) -> np.ndarray:
        return _share(self.hits, self.true)

    @property
    def f(self) -> np.ndarray:
        """2 hits / (said + true); NaN where there is neither."""
        return _share(2 * np.asarray(self.hits), np.asarray(self.said) + self.true)


def smoothed(labels_T: np.ndarray, width: int) -> np.ndarray:
    """The class that most frames of a window have, which for two classes is a median filter: ints ``[T]``.

    A window is cut off at the ends of the recording; of equal numbers the frame's own class stays, or the lowest.

    Args:
      width: odd, frames.

    Raises:
      ValueError: a width that is not odd and 1 or more.
    """
    if width < 1 or width % 2 == 0:
        raise ValueError(f"width is {width}; allowed: an odd int >= 1")
    labels_T = np.asarray(labels_T, np.int64)
    if not len(labels_T):
        return labels_T
    own_TK = np.eye(labels_T.max() + 1, dtype=np.int64)[labels_T]
    so_far = np.concatenate([np.zeros_like(own_TK[:1]), own_TK.cumsum(axis=0)])
    at, reach = np.arange(len(labels_T)), width // 2
    votes_TK = so_far[np.minimum(at + reach + 1, len(at))] - so_far[np.maximum(at - reach, 0)]
    return (2 * votes_TK + own_TK).argmax(axis=1)


def without_short(labels_T: np.ndarray, least: int) -> np.ndarray:
    """No segment of one class shorter than so many frames, as far as there are others: ints ``[T]``.

    The shortest goes first, the earliest of equals, to the longer one of its neighbours, the earlier of equals.
    """
    labels_T = np.array(labels_T, np.int64)
    while True:
        found = segments(labels_T)
        sizes = [end - start for start, end in found]
        if len(found) < 2 or min(sizes) >= least:
            return labels_T
        place = int(np.argmin(sizes))
        beside = [other for other in (place - 1, place + 1) if 0 <= other < len(found)]
        chosen = max(beside, key=lambda other: (sizes[other], -other))
        labels_T[slice(*found[place])] = labels_T[found[chosen][0]]


def segments(labels_T: np.ndarray) -> list[Segment]:
    """The stretches of frames that have one label."""
    labels_T = np.asarray(labels_T)
    if not len(labels_T):
        return []
    edges = np.concatenate([[0], change_points(labels_T), [len(labels_T)]])
    return [(int(start), int(end)) for start, end in itertools.pairwise(edges)]


def events(active_T: np.ndarray) -> list[Segment]:
    """The stretches of frames in which something is active."""
    active_T = np.asarray(active_T, bool)
    return [(start, end) for start, end in segments(active_T) if active_T[start]]


def change_points(labels_T: np.ndarray) -> np.ndarray:
    """The frames that have another label than the one before."""
    labels_T = np.asarray(labels_T)
    return np.flatnonzero(labels_T[1:] != labels_T[:-1]) + 1


def frame_counts(true_TK: np.ndarray, said_TK: np.ndarray) -> Counts:
    """Frames, of each class by itself; booleans ``[T, K]``, or classes by ``one_hot``."""
    true_TK, said_TK = _alike(true_TK, said_TK)
    return Counts((true_TK & said_TK).sum(0), said_TK.sum(0), true_TK.sum(0))


def frame_counts_by_level(
    true_TK: np.ndarray, said_TK: np.ndarray, levels_T: np.ndarray, edges: Sequence[float]
) -> list[Counts]:
    """``frame_counts`` of the frames whose level is from one edge to below the next; a level of NaN is in none."""
    true_TK, said_TK = _alike(true_TK, said_TK)
    inside = [(levels_T >= low) & (levels_T < high) for low, high in itertools.pairwise(edges)]
    return [frame_counts(true_TK[own], said_TK[own]) for own in inside]


def event_counts(true_T: np.ndarray, said_T: np.ndarray, collar: int, share: float = 0.5) -> Counts:
    """Events of one class, booleans ``[T]``: a hit begins and ends where a true one does, within tolerances.

    As sed_eval's event-based measure (Mesaros et al. 2016, section 3.3) with its optimal matching: each true event is
    matched with one event at most, so that there are as many hits as can be.

    Args:
      collar: frames by which the first frame may be off.
      share: the end may be off by the collar, or by that share of the true event's length, if that is more.
    """
    true, said = events(true_T), events(said_T)
    near = np.zeros((len(true), len(said)), bool)
    for row, (start, end) in enumerate(true):
        tolerance = max(collar, share * (end - start))
        near[row] = [abs(first - start) <= collar and abs(last - end) <= tolerance for first, last in said]
    return Counts(_matched(near), len(said), len(true))


def change_point_counts(true_T: np.ndarray, said_T: np.ndarray, tolerance: int) -> Counts:
    """Changes of label, whatever to: a hit is off by so many frames at most; each is matched once."""
    true, said = change_points(true_T), change_points(said_T)
    return Counts(_matched(np.abs(true[:, None] - said) <= tolerance), len(said), len(true))


def one_hot(labels_T: np.ndarray, classes: int) -> np.ndarray:
    """Classes as booleans ``[T, K]``."""
    return np.asarray(labels_T)[:, None] == np.arange(classes)


def _alike(true_TK: np.ndarray, said_TK: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    true_TK, said_TK = np.asarray(true_TK, bool), np.asarray(said_TK, bool)
    if true_TK.shape != said_TK.shape:
        raise ValueError(f"the answers have shape {said_TK.shape}; allowed: {true_TK.shape}, that of the truth")
    return true_TK, said_TK


def _matched(near: np.ndarray) -> int:
    """The most pairs of near ones in which each is once."""
    from scipy.sparse import csgraph, csr_matrix  # for those who use it

    if not near.any():
        return 0
    return int((csgraph.maximum_bipartite_matching(csr_matrix(near)) >= 0).sum())


def _share(part: np.ndarray | int, whole: np.ndarray | int) -> np.ndarray:
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
