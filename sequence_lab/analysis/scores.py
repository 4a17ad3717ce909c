"""Scores of a whole split that no mean over examples gives, with 95 % intervals: the table ``SCORES``.

A row belongs to an objective of the same name, and maps its outputs and labels at all places that count to scores.
Where these are steps of sequences it is told how many each has, and what the classes are called, where they have names.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sequence_lab.analysis import spans

DRAWS = 2000  # resamplings behind an interval
CONFIDENCE = (2.5, 97.5)  # percentiles
BLOCK = 1000  # symbols of a text that are drawn together, as those side by side are alike
FEWEST = 20  # blocks of which an interval can be made


class Score(NamedTuple):
    """A score with the ends of its interval over other samples of as many rows; NaN where there is none."""

    value: float
    low: float = math.nan
    high: float = math.nan


Scores = dict[str, Score]


def of_classes(logits_NK: np.ndarray, labels_N: np.ndarray) -> Scores:
    """Accuracy, balanced accuracy, macro F1 and Matthews' correlation; of two classes also those of the second one.

    These are sensitivity, specificity, "auc" (under the ROC curve) and "auprc" (average precision). Intervals are
    percentiles of the bootstrap over rows; of the AUC that of Hanley and McNeil (1982).
    """
    classes = logits_NK.shape[-1]
    matrix = confusion(logits_NK, labels_N)
    drawn = np.random.default_rng(0).multinomial(matrix.sum(), matrix.ravel() / matrix.sum(), DRAWS)
    drawn = drawn.reshape(DRAWS, classes, classes)
    scores = {}
    for name, score in MEASURES.items():
        values = score(drawn)
        values = values[~np.isnan(values)]
        low, high = np.percentile(values, CONFIDENCE) if len(values) else (math.nan, math.nan)
        scores[name] = Score(float(score(matrix[None])[0]), float(low), float(high))
    if classes == 2:
        scores |= _ranked(logits_NK[:, 1] - logits_NK[:, 0], labels_N)
    else:
        del scores["sensitivity"], scores["specificity"]
    return scores


def of_steps(logits_NK: np.ndarray, labels_N: np.ndarray, lengths: np.ndarray | None, classes: Sequence[str]) -> Scores:
    """Those of the classes; and where these are tags, precision, recall and F1 of the spans they make up, each whole.

    Of all spans together, and F1 of each type. See ``analysis.spans``.
    """
    scores, kinds = of_classes(logits_NK, labels_N), spans.types_of(classes)
    if kinds is None or lengths is None:
        return scores
    true, said = (spans.spans(own, classes, lengths) for own in (labels_N, logits_NK.argmax(-1)))
    counts = spans.counts(true, said, len(kinds))
    right, many, there = counts.sum(axis=0)
    scores |= {
        "span_precision": Score(right / max(many, 1)),
        "span_recall": Score(right / max(there, 1)),
        "span_f1": Score(2 * right / max(many + there, 1)),
    }
    each = zip(kinds, counts, strict=True)
    return scores | {f"span_f1/{kind}": Score(2 * own[0] / max(own[1] + own[2], 1)) for kind, own in each}


def of_paths(
    answers_NK: np.ndarray, labels_N: np.ndarray, lengths: np.ndarray | None, classes: Sequence[str]
) -> Scores:
    """``of_steps``, of answers that are no more than 0 or 1: without what asks for an order of the places."""
    scores = of_steps(answers_NK, labels_N, lengths, classes)
    return {name: score for name, score in scores.items() if name not in ("auc", "auprc")}


def of_text(probs_T: np.ndarray) -> Scores:
    """Bits per symbol and perplexity of a text, of the probabilities that a model gives to its symbols in their order.

    Intervals are percentiles of the bootstrap over blocks of ``BLOCK`` symbols or a few more (Carlstein 1986); of a
    text of fewer than ``FEWEST`` blocks there are none.
    """
    bits_T = -np.log2(probs_T)
    mean, (low, high), number = float(bits_T.mean()), (math.nan, math.nan), len(bits_T) // BLOCK
    if number >= FEWEST:
        blocks = np.array_split(bits_T, number)
        times = np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), DRAWS)
        drawn = times @ [block.sum() for block in blocks] / (times @ [len(block) for block in blocks])
        low, high = map(float, np.percentile(drawn, CONFIDENCE))
    return {"bits_per_symbol": Score(mean, low, high), "perplexity": Score(2**mean, 2**low, 2**high)}


def confusion(logits_NK: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """Counts ``[K, K]``: rows are the labels, columns the likeliest classes."""
    classes = logits_NK.shape[-1]
    places = np.asarray(labels_N, np.int64) * classes + logits_NK.argmax(-1)
    return np.bincount(places, minlength=classes**2).reshape(classes, classes)


def of_labels(logits_NK: np.ndarray, labels_NK: np.ndarray) -> Scores:
    """Precision, recall and F1 of independent yes-or-no labels, over all of them together; and the mean F1 of each."""
    said, true = logits_NK > 0, labels_NK > 0
    hits, says, trues = (said & true).sum(0), said.sum(0), true.sum(0)
    each = 2 * hits / np.maximum(says + trues, 1)
    return {
        "precision": Score(hits.sum() / max(says.sum(), 1)),
        "recall": Score(hits.sum() / max(trues.sum(), 1)),
        "f1": Score(2 * hits.sum() / max(says.sum() + trues.sum(), 1)),
        "macro_f1": Score(float(each[trues > 0].mean()) if trues.any() else math.nan),
    }


def _accuracy(matrix: np.ndarray) -> np.ndarray:
    return np.trace(matrix, axis1=-2, axis2=-1) / matrix.sum((-2, -1))


def _recalls(matrix: np.ndarray) -> np.ndarray:
    """Of each class; NaN of one that no row has."""
    rows = matrix.sum(-1)
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    return np.divide(hits, rows, out=np.full(rows.shape, math.nan), where=rows > 0)


def _balanced_accuracy(matrix: np.ndarray) -> np.ndarray:
    return np.nanmean(_recalls(matrix), axis=-1)


def _macro_f1(matrix: np.ndarray) -> np.ndarray:
    """The mean over those classes that are among the labels or the answers."""
    both = matrix.sum(-1) + matrix.sum(-2)
    hits = 2 * np.diagonal(matrix, axis1=-2, axis2=-1)
    return np.nanmean(np.divide(hits, both, out=np.full(both.shape, math.nan), where=both > 0), axis=-1)


def _matthews(matrix: np.ndarray) -> np.ndarray:
    """Gorodkin's (2004) for any number of classes; 0 where all labels, or all answers, are of one class."""
    total, true, said = (x.astype(float) for x in (matrix.sum((-2, -1)), matrix.sum(-1), matrix.sum(-2)))
    covariance = np.trace(matrix, axis1=-2, axis2=-1) * total - (true * said).sum(-1)
    spread = np.sqrt((total**2 - (true**2).sum(-1)) * (total**2 - (said**2).sum(-1)))
    return np.divide(covariance, spread, out=np.zeros_like(spread), where=spread > 0)


MEASURES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "macro_f1": _macro_f1,
    "mcc": _matthews,
    "sensitivity": lambda matrix: _recalls(matrix)[..., -1],
    "specificity": lambda matrix: _recalls(matrix)[..., 0],
}


def _ranked(scores_N: np.ndarray, labels_N: np.ndarray) -> Scores:
    from sklearn import metrics  # a second to import, for those who use it

    positive, negative = int((labels_N == 1).sum()), int((labels_N == 0).sum())
    if not positive or not negative:
        return {"auc": Score(math.nan), "auprc": Score(math.nan)}
    area = float(metrics.roc_auc_score(labels_N, scores_N))
    above, twice = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positive - 1) * (above - area**2) + (negative - 1) * (twice - area**2)
    half = 1.96 * math.sqrt(max(variance, 0) / (positive * negative))
    drawn = _drawn_precisions(scores_N, labels_N)
    low, high = np.percentile(drawn[~np.isnan(drawn)], CONFIDENCE)
    precision = float(metrics.average_precision_score(labels_N, scores_N))
    return {
        "auc": Score(area, max(area - half, 0.0), min(area + half, 1.0)),
        "auprc": Score(precision, float(low), float(high)),
    }


def _drawn_precisions(scores_N: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """The average precision of each resampling of the rows, ``[DRAWS]``; NaN where none is of class 1.

    Rows are ordered once; how often each was drawn weighs it.
    """
    order, rows = np.argsort(-scores_N, kind="stable"), len(scores_N)
    positive_N = labels_N[order] == 1
    last = np.append(np.flatnonzero(np.diff(scores_N[order])), rows - 1)  # of the rows of one score
    random, found = np.random.default_rng(0), np.full(DRAWS, math.nan)
    for draw in range(DRAWS):
        times_N = np.bincount(random.integers(0, rows, rows), minlength=rows)[order]
        hits, said = np.cumsum(times_N * positive_N)[last], np.cumsum(times_N)[last]
        if hits[-1]:
            found[draw] = (np.diff(hits, prepend=0) * hits / np.maximum(said, 1)).sum() / hits[-1]
    return found


Row = Callable[[np.ndarray, np.ndarray, np.ndarray | None, Sequence[str]], Scores]
SCORES: Mapping[str, Row] = {
    "classification": lambda logits_NK, labels_N, lengths, classes: of_classes(logits_NK, labels_N),
    "crf": of_paths,
    "labelling": of_steps,
    "multilabel": lambda logits_NK, labels_NK, lengths, classes: of_labels(logits_NK, labels_NK),
}
