"""Scores of a whole split that no mean over examples gives, with 95 % intervals: the table ``SCORES``.

A row belongs to an objective of the same name, and maps its outputs and labels at all places that count to scores.
Where these are steps of sequences it is told how many each has, and what the classes are called, where they have names.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sequence_lab.analysis import spans

DRAWS, AT_ONCE = 2000, 100  # resamplings behind an interval, and those that are held in memory
CONFIDENCE = (2.5, 97.5)  # percentiles
DEVIATIONS = 1.96  # standard ones of a normal distribution, between whose ends as much lies
BLOCK = 1000  # symbols of a text that are drawn together, as those side by side are alike
FEWEST = 20  # blocks of which an interval can be made


class Score(NamedTuple):
    """A score with the ends of its interval over other samples of as many rows; NaN where there is none.

    A row is an example: where each has many steps, a whole sequence of these.
    """

    value: float
    low: float = math.nan
    high: float = math.nan


Scores = dict[str, Score]


def of_classes(logits_NK: np.ndarray, labels_N: np.ndarray, lengths: np.ndarray | None = None) -> Scores:
    """Accuracy, balanced accuracy, macro F1 and Matthews' correlation; of two classes also those of the second one.

    These are sensitivity, specificity, "auc" (under the ROC curve) and "auprc" (average precision). Intervals are
    percentiles of the bootstrap over rows; of accuracy, sensitivity and specificity, which are shares of rows, those
    of Wilson (1927), and of the AUC that of Hanley and McNeil (1982).

    Args:
      lengths: of sequences of which these are the steps, one after the other. As steps of one sequence are alike,
        intervals are then all of the bootstrap over whole sequences; of a single one there are none.
    """
    scores = _counted(logits_NK, labels_N, lengths)
    if logits_NK.shape[-1] == 2:
        scores |= _ranked(logits_NK[:, 1] - logits_NK[:, 0], labels_N, lengths)
    return scores


def of_steps(logits_NK: np.ndarray, labels_N: np.ndarray, lengths: np.ndarray | None, classes: Sequence[str]) -> Scores:
    """Those of the classes; and where these are tags, precision, recall and F1 of the spans they make up, each whole.

    Of all spans together, and F1 of each type. See ``analysis.spans``.
    """
    return of_classes(logits_NK, labels_N, lengths) | _of_spans(logits_NK, labels_N, lengths, classes)


def of_paths(
    answers_NK: np.ndarray, labels_N: np.ndarray, lengths: np.ndarray | None, classes: Sequence[str]
) -> Scores:
    """``of_steps``, of answers that are no more than 0 or 1: without what asks for an order of the places."""
    return _counted(answers_NK, labels_N, lengths) | _of_spans(answers_NK, labels_N, lengths, classes)


def of_text(probs_T: np.ndarray) -> Scores:
    """Bits per symbol and perplexity of a text, of the probabilities that a model gives to its symbols in their order.

    Intervals are percentiles of the bootstrap over blocks of ``BLOCK`` symbols or a few more (Carlstein 1986); of a
    text of fewer than ``FEWEST`` blocks there are none.
    """
    bits_T = -np.log2(probs_T)
    mean, drawn, number = bits_T.mean(), np.zeros(0), len(bits_T) // BLOCK
    if number >= FEWEST:
        sums, sizes = resampled(np.array([(block.sum(), len(block)) for block in np.array_split(bits_T, number)])).T
        drawn = sums / sizes
    return {"bits_per_symbol": score(mean, drawn), "perplexity": score(2**mean, 2**drawn)}


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


def _counted(logits_NK: np.ndarray, labels_N: np.ndarray, lengths: np.ndarray | None) -> Scores:
    """What the confusion matrix tells."""
    matrix, classes = confusion(logits_NK, labels_N), logits_NK.shape[-1]
    if lengths is None:
        drawn = np.random.default_rng(0).multinomial(matrix.sum(), matrix.ravel() / matrix.sum(), DRAWS)
    else:
        cells = classes**2
        places = np.asarray(labels_N, np.int64) * classes + logits_NK.argmax(-1)
        own, number = _sequences(lengths)
        drawn = resampled(np.bincount(own * cells + places, minlength=number * cells).reshape(number, cells))
    drawn = drawn.reshape(-1, classes, classes)
    rows = {"accuracy": matrix.sum(), "sensitivity": matrix[-1].sum(), "specificity": matrix[0].sum()}
    shares = rows if lengths is None else {}
    return {
        name: wilson(float(measure(matrix)), rows[name]) if name in shares else score(measure(matrix), measure(drawn))
        for name, measure in MEASURES.items()
        if classes == 2 or name not in ("sensitivity", "specificity")
    }


def wilson(share: float, rows: int) -> Score:
    """The share of independent rows with Wilson's (1927) interval: one that has a width at 0 and 1 as well."""
    if not rows:
        return Score(share)
    square = DEVIATIONS**2 / rows
    middle, half = share + square / 2, math.sqrt(square * (share * (1 - share) + square / 4))
    return Score(share, max((middle - half) / (1 + square), 0.0), min((middle + half) / (1 + square), 1.0))


def _of_spans(
    logits_NK: np.ndarray, labels_N: np.ndarray, lengths: np.ndarray | None, classes: Sequence[str]
) -> Scores:
    """Of the spans that tags make up; nothing of other classes."""
    kinds = spans.types_of(classes)
    if kinds is None or lengths is None:
        return {}
    true, said = (spans.spans(own, classes, lengths) for own in (labels_N, logits_NK.argmax(-1)))
    counts = spans.counts(true, said, len(kinds), lengths)[lengths > 0]
    drawn, there = resampled(counts.reshape(len(counts), -1)).reshape(-1, len(kinds), 3), counts.sum(0)
    scores = {name: score(share(there.sum(0)), share(drawn.sum(1))) for name, share in SPAN_MEASURES.items()}
    each = {f"span_f1/{kind}": score(_span_f1(there[k]), _span_f1(drawn[:, k])) for k, kind in enumerate(kinds)}
    return scores | each


def resampled(counts_RS: np.ndarray) -> np.ndarray:
    """The sums of counts over rows that are drawn with replacement, as many as there are.

    Returns:
      ``[DRAWS, S]``; ``[0, S]`` of fewer than two rows, which tell nothing of other ones.
    """
    counts_RS, drawn = counts_RS.astype(float), [np.zeros((0, counts_RS.shape[-1]))]
    times = _times(len(counts_RS)) if len(counts_RS) > 1 else iter(())
    while some := list(itertools.islice(times, AT_ONCE)):
        drawn.append(np.stack(some) @ counts_RS)
    return np.concatenate(drawn)


def _times(rows: int) -> Iterator[np.ndarray]:
    """How often each row is in each of the resamplings."""
    random = np.random.default_rng(0)
    return (np.bincount(random.integers(0, rows, rows), minlength=rows) for _ in range(DRAWS))


def _sequences(lengths: np.ndarray) -> tuple[np.ndarray, int]:
    """Of each step the number of its sequence among those that have any; and how many these are."""
    some = lengths[lengths > 0]
    return np.repeat(np.arange(len(some)), some), len(some)


def score(value: float | np.ndarray, drawn: np.ndarray) -> Score:
    """With the interval of what resamplings come to, but for those in which it is not defined."""
    drawn = drawn[~np.isnan(drawn)]
    low, high = np.percentile(drawn, CONFIDENCE) if len(drawn) else (math.nan, math.nan)
    return Score(float(value), float(low), float(high))


def _span_f1(counts: np.ndarray) -> np.ndarray:
    return 2 * counts[..., 0] / np.maximum(counts[..., 1] + counts[..., 2], 1)


# Of counts ``[..., 3]``: spans that are right, said and there.
SPAN_MEASURES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "span_precision": lambda counts: counts[..., 0] / np.maximum(counts[..., 1], 1),
    "span_recall": lambda counts: counts[..., 0] / np.maximum(counts[..., 2], 1),
    "span_f1": _span_f1,
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


def _ranked(scores_N: np.ndarray, labels_N: np.ndarray, lengths: np.ndarray | None) -> Scores:
    from sklearn import metrics  # a second to import, for those who use it

    positive, negative = int((labels_N == 1).sum()), int((labels_N == 0).sum())
    if not positive or not negative:
        return {"auc": Score(math.nan), "auprc": Score(math.nan)}
    area = float(metrics.roc_auc_score(labels_N, scores_N))
    own, number = (np.arange(len(labels_N)), len(labels_N)) if lengths is None else _sequences(lengths)
    areas, precisions = _drawn_ranks(scores_N, labels_N, own, number)
    precision = score(float(metrics.average_precision_score(labels_N, scores_N)), precisions)
    if lengths is not None:
        return {"auc": score(area, areas), "auprc": precision}
    above, twice = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positive - 1) * (above - area**2) + (negative - 1) * (twice - area**2)
    half = DEVIATIONS * math.sqrt(max(variance, 0) / (positive * negative))
    return {"auc": Score(area, max(area - half, 0.0), min(area + half, 1.0)), "auprc": precision}


def _drawn_ranks(
    scores_N: np.ndarray, labels_N: np.ndarray, own_N: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """The AUC and the average precision of each resampling, ``[DRAWS]``; NaN where it has no such class.

    Places are ordered once; how often the row or sequence that each is of, ``own_N``, was drawn weighs it.
    """
    order = np.argsort(-scores_N, kind="stable")
    own_N, positive_N = own_N[order], labels_N[order] == 1
    last = np.append(np.flatnonzero(np.diff(scores_N[order])), len(order) - 1)  # of the places of one score
    found = np.full((2, DRAWS), math.nan)
    for draw, times in enumerate(_times(number) if number > 1 else ()):
        times_N = times[own_N]
        hits, said = np.cumsum(times_N * positive_N)[last], np.cumsum(times_N)[last]
        new, wrong = np.diff(hits, prepend=0), said[-1] - hits[-1]
        if hits[-1] and wrong:
            found[0, draw] = ((hits - new / 2) * np.diff(said - hits, prepend=0)).sum() / (hits[-1] * wrong)
        if hits[-1]:
            found[1, draw] = (new * hits / np.maximum(said, 1)).sum() / hits[-1]
    return found[0], found[1]


Row = Callable[[np.ndarray, np.ndarray, np.ndarray | None, Sequence[str]], Scores]
SCORES: Mapping[str, Row] = {
    "classification": lambda logits_NK, labels_N, lengths, classes: of_classes(logits_NK, labels_N),
    "crf": of_paths,
    "labelling": of_steps,
    "multilabel": lambda logits_NK, labels_NK, lengths, classes: of_labels(logits_NK, labels_NK),
}
