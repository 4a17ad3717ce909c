"""Interpolated n-gram language models over integer ids: the baseline a sequence model has to beat.

Every order is one sorted table of the n-grams seen, keyed by (rank of the history in the table of the order
below) * V + symbol. Ranks keep the keys small, so any vocabulary and any order fit in 64 bits, and a text is
scored by one binary search per order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Smoothing = Literal["kneser_ney", "witten_bell"]
Ids = npt.NDArray[np.integer]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class _Counts(NamedTuple):
    """The distinct n-grams of one order; every array holds one number for each."""

    keys: Integers  # history * V + symbol, ascending
    history: Integers  # the rank of the first n - 1 symbols in the table of the order below
    raw: Integers  # occurrences
    continuation: Integers  # distinct left neighbours
    histories: int  # length of the table of the order below


class _Level(NamedTuple):
    """One order of a model: p(w | h) = own[h w] + backoff[h] p(w | h without its oldest symbol)."""

    keys: Integers  # of the n-grams h w, ascending
    own: Floats  # one for each n-gram; 0 for those not in the table
    backoff: Floats  # one for each history; 1 for those not in the table below


@dataclass(frozen=True, eq=False)
class NGram:
    """A fitted model: for every history, seen or not, a distribution over all V symbols without a zero.

    Orders are interpolated down to the uniform distribution. "kneser_ney" is modified Kneser-Ney: discounts
    D1, D2 and D3+ from the counts of counts, raw counts in the highest order, and numbers of distinct left
    neighbours below it. "witten_bell" takes raw counts in every order.

    Source: Chen and Goodman (1999), "An empirical study of smoothing techniques for language modeling"
    (Computer Speech and Language 13), with the interpolated form of both.
    """

    vocabulary_size: int
    order: int
    smoothing: Smoothing
    levels: tuple[_Level, ...]

    @classmethod
    def fit(cls, ids: Ids, vocabulary_size: int, order: int, smoothing: Smoothing = "kneser_ney") -> NGram:
        """Fits the model to ids [T] in [0, V), one text without boundaries.

        Raises:
          ValueError: fewer than `order` ids, ids outside [0, V), order below 1, or an unknown smoothing.
        """
        if smoothing not in _SMOOTHINGS:
            raise ValueError(f"unknown smoothing {smoothing!r}; allowed: {', '.join(_SMOOTHINGS)}")
        return cls._smooth(_count(ids, vocabulary_size, order), vocabulary_size, smoothing)

    @classmethod
    def _smooth(cls, counts: list[_Counts], vocabulary_size: int, smoothing: Smoothing) -> NGram:
        smooth = _SMOOTHINGS[smoothing]
        levels = (*(smooth(c, False) for c in counts[:-1]), smooth(counts[-1], True))
        return cls(vocabulary_size, len(counts), smoothing, levels)

    def log_probs(self, ids: Ids) -> Floats:
        """Natural log probability of every id given the `order - 1` before it in the same row.

        Args:
          ids: [..., T] in [0, V). The first ids of a row have the shorter history there is.

        Returns:
          float64 [..., T].

        Raises:
          ValueError: an id lies outside [0, V).
        """
        symbols = _checked(ids, self.vocabulary_size)
        probabilities = np.full(symbols.shape, 1 / self.vocabulary_size)
        history = np.zeros_like(symbols)  # rank of the history of each position; -1: not seen in training
        for level in self.levels:
            seen = history >= 0
            key = history * self.vocabulary_size + symbols  # negative, so never found, if the history is not
            rank = np.minimum(np.searchsorted(level.keys, key), len(level.keys) - 1)
            found = level.keys[rank] == key
            backoff = np.where(seen, level.backoff[history], 1.0)
            probabilities = np.where(found, level.own[rank], 0.0) + backoff * probabilities
            history = np.full_like(symbols, -1)
            history[..., 1:] = np.where(found, rank, -1)[..., :-1]
        return np.log(probabilities)

    def distribution(self, history: Ids) -> Floats:
        """Probabilities [V] of the id after `history` [T], T from 0; only the last `order - 1` ids matter."""
        recent = np.asarray(history, dtype=np.int64)[max(0, len(history) - self.order + 1) :]
        following = np.arange(self.vocabulary_size)[:, None]
        rows = np.concatenate([np.broadcast_to(recent, (len(following), len(recent))), following], axis=1)
        return np.exp(self.log_probs(rows)[:, -1])


def best_ngram(train: Ids, validation: Ids, vocabulary_size: int, max_order: int = 6) -> NGram:
    """The order and smoothing under which `validation` is likeliest, fitted to `train`.

    Raises:
      ValueError: as `NGram.fit` does for `max_order`.
    """
    counts = _count(train, vocabulary_size, max_order)
    models = (
        NGram._smooth(counts[:order], vocabulary_size, smoothing)
        for order in range(1, max_order + 1)
        for smoothing in _SMOOTHINGS
    )
    return max(models, key=lambda model: float(model.log_probs(validation).sum()))


def _checked(ids: Ids, vocabulary_size: int) -> Integers:
    array = np.asarray(ids, dtype=np.int64)
    if array.size and not 0 <= array.min() <= array.max() < vocabulary_size:
        raise ValueError(f"ids must lie in [0, {vocabulary_size}), got {array.min()} to {array.max()}")
    return array


def _count(ids: Ids, vocabulary_size: int, max_order: int) -> list[_Counts]:
    """The tables of orders 1 to `max_order`. `rank` follows the n-gram that ends at each position."""
    symbols = _checked(ids, vocabulary_size)
    if not 1 <= max_order <= len(symbols):
        raise ValueError(f"order must lie in [1, number of ids = {len(symbols)}], got {max_order}")
    tables: list[_Counts] = []
    shorter = history = np.zeros_like(symbols)
    histories = 1
    for order in range(1, max_order + 1):
        grams = history * vocabulary_size + symbols[order - 1 :]
        keys, rank, raw = np.unique(grams, return_inverse=True, return_counts=True)
        if tables:
            tables[-1] = tables[-1]._replace(continuation=_left_neighbours(rank, shorter, len(keys)))
        tables.append(_Counts(keys, keys // vocabulary_size, raw, np.zeros_like(raw), histories))
        shorter, history, histories = rank, rank[:-1], len(keys)
    return tables


def _left_neighbours(rank: Integers, shorter: Integers, grams: int) -> Integers:
    """Distinct symbols seen left of each n-gram, from the ranks of the (n+1)-grams that end where it does.

    The beginning of the text counts as one more symbol: it stands left of the first n-gram, which might have
    no other neighbour and yet has been seen.
    """
    suffix = np.empty(grams, dtype=np.int64)
    suffix[rank] = shorter[1:]
    counts = np.bincount(suffix, minlength=int(shorter.max()) + 1)
    counts[shorter[0]] += 1
    return counts


def _kneser_ney(counts: _Counts, highest: bool) -> _Level:
    count = counts.raw if highest else counts.continuation
    discount = _discounts(count)[np.minimum(count, 3)]
    total = np.bincount(counts.history, count, counts.histories)
    freed = np.bincount(counts.history, discount, counts.histories)
    own = (count - discount) / total[counts.history]
    return _Level(counts.keys, own, _ratio_or_one(freed, total))


def _discounts(counts: Integers) -> Floats:
    """D for counts 0, 1, 2 and 3 or more.

    The estimates are meant for large samples. Where one cannot be had or is not positive, the single discount
    of Ney, Essen and Kneser (1994) stands in, or else 1/2: without, unseen symbols would get no mass.
    """
    n1, n2, n3, n4 = (float(np.count_nonzero(counts == k)) for k in (1, 2, 3, 4))
    single = n1 / (n1 + 2 * n2) if n1 else 0.5
    discounts = [0.0]
    for count, here, above in ((1, n1, n2), (2, n2, n3), (3, n3, n4)):
        estimate = count - (count + 1) * single * above / here if here else 0.0
        discounts.append(estimate if estimate > 0 else single)
    return np.array(discounts)


def _witten_bell(counts: _Counts, highest: bool) -> _Level:
    del highest  # raw counts in every order
    kinds = np.bincount(counts.history, minlength=counts.histories)
    total = np.bincount(counts.history, counts.raw, counts.histories) + kinds
    own = counts.raw / total[counts.history]
    return _Level(counts.keys, own, _ratio_or_one(kinds, total))


def _ratio_or_one(numerator: npt.NDArray[np.number], denominator: npt.NDArray[np.number]) -> Floats:
    """Back-off weights; 1 for a history that nothing follows, which is the last of the training text."""
    ones = np.ones(len(denominator))
    return np.divide(numerator, denominator, out=ones, where=denominator > 0)


_SMOOTHINGS: dict[Smoothing, Callable[[_Counts, bool], _Level]] = {
    "kneser_ney": _kneser_ney,
    "witten_bell": _witten_bell,
}
