"""Labels at each frame of long recordings: what they are worth as segments, plain and smoothed; drawn as a timeline.

How much is smoothed, validation says.
"""

import functools
import itertools
import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sequence_lab.analysis import plots, segments
from sequence_lab.analysis.scores import Score, Scores
from sequence_lab.training.predictions import Predictions

WIDTHS, LEASTS = (0.0, 0.3, 0.5, 1.0, 2.0, 4.0), (0.0, 0.5, 1.0, 2.0, 3.0)  # seconds that are tried
TOLERANCE = 0.5  # seconds by which an event or a change may be off
LEVELS = (-10.0, 0.0, 10.0, 20.0)  # decibels between which mixtures are counted together


class Smoothing(NamedTuple):
    """Frames of the median filter, odd, and of the shortest segment that is left."""

    width: int = 1
    least: int = 1

    def __call__(self, labels_T: np.ndarray) -> np.ndarray:
        return segments.without_short(segments.smoothed(labels_T, self.width), self.least)


class Recordings(NamedTuple):
    """Of each recording what is true and what was said, booleans ``[T, K]``; and how long a frame is, in seconds."""

    true: list[np.ndarray]
    said: list[np.ndarray]
    frame: float

    @classmethod
    def of(cls, predicted: Predictions, frame: float, smoothing: Smoothing) -> "Recordings":
        """Of logits ``[N, K]``: the likeliest class where labels ``[N]`` are classes, yes or no of each where not."""
        assert predicted.lengths is not None
        cuts = np.cumsum(predicted.lengths)[:-1]
        outputs, labels = np.split(predicted.outputs, cuts), np.split(predicted.labels, cuts)
        kinds = predicted.outputs.shape[-1]
        if predicted.labels.ndim == 1:
            said = [segments.one_hot(smoothing(own.argmax(-1)), kinds) for own in outputs]
            return cls([segments.one_hot(own, kinds) for own in labels], said, frame)
        said = [np.stack([smoothing(own[:, k] > 0) for k in range(kinds)], axis=-1) > 0 for own in outputs]
        return cls([own > 0 for own in labels], said, frame)

    def counted(self, count: Callable[[np.ndarray, np.ndarray], segments.Counts]) -> segments.Counts:
        """The sum over the recordings of ``count(true, said)``."""
        return functools.reduce(operator.add, map(count, self.true, self.said))

    def frame_f(self) -> float:
        """The mean over the classes of the F-score of their frames."""
        return float(np.nanmean(self.counted(segments.frame_counts).f))

    def scores(self) -> dict[str, float]:
        """F-scores: of frames and of events, means over the classes; of changes, whatever to."""
        near = round(TOLERANCE / self.frame)
        events = [self.counted(functools.partial(_events, k, near)).f for k in range(self.true[0].shape[-1])]
        changes = self.counted(lambda true, said: segments.change_point_counts(_codes(true), _codes(said), near))
        return {"frame_f": self.frame_f(), "event_f": float(np.nanmean(events)), "change_f": float(changes.f)}


def chosen_smoothing(validation: Predictions, frame: float) -> Smoothing:
    """The one of ``WIDTHS`` and ``LEASTS`` with the best F-score of frames; of equals the least."""
    tried = [
        Smoothing(2 * round(width / frame / 2) + 1, max(1, round(least / frame)))
        for width, least in itertools.product(WIDTHS, LEASTS)
    ]
    return max(tried, key=lambda smoothing: Recordings.of(validation, frame, smoothing).frame_f())


def scored(
    validation: Predictions,
    test: Predictions,
    frame: float,
    classes: Sequence[str],
    levels: np.ndarray | None,
    path: Path,
    title: str,
) -> Scores:
    """Scores of the test split, plain and, as smoothed/..., smoothed; draws the first recording's timeline.

    Of each class alone "smoothed/frame_f of CLASS", and "smoothed/recall of CLASS at ..." of the mixtures between two
    levels: in a mixture every class is there, and precision says nothing.

    Args:
      frame: seconds from one frame to the next.
      classes: names of the K.
      levels: decibels of each frame of the test split that is a mixture, NaN elsewhere; None: there are none.
    """
    smoothing = chosen_smoothing(validation, frame)
    plain, smooth = (Recordings.of(test, frame, one) for one in (Smoothing(), smoothing))
    found = {**plain.scores(), **{f"smoothed/{name}": value for name, value in smooth.scores().items()}}
    kinds = list(classes) or [str(k) for k in range(plain.true[0].shape[-1])]
    of_class = smooth.counted(segments.frame_counts).f
    found |= {f"smoothed/frame_f of {kind}": float(f) for kind, f in zip(kinds, of_class, strict=True)}
    if levels is not None:
        true, said = np.concatenate(smooth.true), np.concatenate(smooth.said)
        counts = segments.frame_counts_by_level(true, said, levels, LEVELS)
        for (low, high), own in zip(itertools.pairwise(LEVELS), counts, strict=True):
            for kind, share in zip(kinds, own.recall, strict=True):
                found[f"smoothed/recall of {kind} at {low:g} to {high:g} dB"] = float(share)
    rows = {"truth": plain.true[0], "answers": plain.said[0], "smoothed": smooth.said[0]}
    width, least = (frames * frame for frames in smoothing)
    about = f"{title}; median over {width:.2g} s, segments of {least:.2g} s or more"
    plots.timeline(rows, frame, kinds, path, about)
    return {name: Score(value) for name, value in found.items()}


def _events(kind: int, near: int, true_TK: np.ndarray, said_TK: np.ndarray) -> segments.Counts:
    return segments.event_counts(true_TK[:, kind], said_TK[:, kind], near)


def _codes(active_TK: np.ndarray) -> np.ndarray:
    """One number for each combination of classes."""
    return np.unique(active_TK, axis=0, return_inverse=True)[1].ravel() if len(active_TK) else np.zeros(0, int)
