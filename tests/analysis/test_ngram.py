"""N-gram models against slow dictionaries written from the formulas, and what every language model holds."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np
import pytest

from sequence_lab.analysis import ngram
from sequence_lab.analysis.ngram import NGram, Smoothing, best_ngram

SMOOTHINGS: list[Smoothing] = ["kneser_ney", "witten_bell"]
START = "start"  # what stands left of the first symbol


def _text(seed: int, length: int, vocabulary_size: int) -> np.ndarray:
    """A random walk with a skewed choice of steps: some n-grams are frequent, many are rare or unseen."""
    rng = np.random.default_rng(seed)
    steps = rng.geometric(0.45, length) - 1
    steps[rng.random(length) < 0.1] = rng.integers(vocabulary_size)
    return np.cumsum(steps) % vocabulary_size


class _Reference:
    """Chen and Goodman (1999), literally: recursive, one dictionary of counts per order."""

    def __init__(self, ids: np.ndarray, vocabulary_size: int, order: int, smoothing: Smoothing) -> None:
        self.size, self.smoothing = vocabulary_size, smoothing
        self.counts: list[dict[tuple[int, ...], int]] = []
        text = [START, *ids.tolist()]
        for n in range(1, order + 1):
            windows = [tuple(text[i - n : i]) for i in range(n + 1, len(text) + 1)]
            if smoothing == "kneser_ney" and n < order:
                longer = {tuple(text[i - n - 1 : i]) for i in range(n + 1, len(text) + 1)}
                windows = [window[1:] for window in longer]
            table: dict[tuple[int, ...], int] = defaultdict(int)
            for window in windows:
                table[window] += 1
            self.counts.append(table)

    def probability(self, history: tuple[int, ...], symbol: int, n: int | None = None) -> float:
        n = min(len(self.counts), len(history) + 1) if n is None else n
        if n == 0:
            return 1 / self.size
        context = history[len(history) - n + 1 :]
        lower = self.probability(history, symbol, n - 1)
        followers = {w: c for w in range(self.size) if (c := self.counts[n - 1].get((*context, w), 0))}
        total = sum(followers.values())
        if total == 0:
            return lower
        count = followers.get(symbol, 0)
        if self.smoothing == "witten_bell":
            return (count + len(followers) * lower) / (total + len(followers))
        freed = sum(self.discount(c, n) for c in followers.values())
        return (count - self.discount(count, n)) / total + freed / total * lower

    def discount(self, count: int, n: int) -> float:
        if count == 0:
            return 0.0
        n1, n2, n3, n4 = (sum(c == k for c in self.counts[n - 1].values()) for k in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2) if n1 else 0.5
        try:
            d = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3][min(count, 3) - 1]
        except ZeroDivisionError:
            return y
        return d if d > 0 else y


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize(("order", "size", "length"), [(1, 30, 200), (2, 6, 150), (3, 5, 200), (4, 4, 300)])
def test_log_probs_equal_a_reference_with_dictionaries(
    smoothing: Smoothing, order: int, size: int, length: int
) -> None:
    train, other = _text(order, length, size), _text(order + 100, 60, size)
    model = NGram.fit(train, size, order, smoothing)
    reference = _Reference(train, size, order, smoothing)
    for text in (train[:60], other):
        expected = [reference.probability(tuple(text[:t]), text[t]) for t in range(len(text))]
        actual = model.log_probs(text)
        assert actual.dtype == np.float64
        assert actual.shape == text.shape
        np.testing.assert_allclose(np.exp(actual), expected, rtol=1e-12)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("train", [_text(0, 400, 5), np.array([3, 3, 3, 3, 3, 3]), np.array([0, 1, 2])], ids=str)
def test_distribution_is_positive_and_sums_to_one(smoothing: Smoothing, train: np.ndarray) -> None:
    """For every history up to one symbol more than matters: seen, unseen, the end of the training text."""
    model = NGram.fit(train, 6, 3, smoothing)  # id 5 (and more) is never seen
    for length in range(4):
        for history in product(range(6), repeat=length):
            distribution = model.distribution(np.array(history, dtype=np.int64))
            assert distribution.shape == (6,)
            assert distribution.min() > 0
            np.testing.assert_allclose(distribution.sum(), 1, rtol=1e-12)
    end = model.distribution(train)
    np.testing.assert_array_equal(end, model.distribution(train[-2:]))


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_log_probs_look_at_the_history_alone(smoothing: Smoothing) -> None:
    """Rows of a batch, and a prefix, score as they do by themselves; ids beyond the order change nothing."""
    model = NGram.fit(_text(0, 300, 7), 7, 3, smoothing)
    batch = np.stack([_text(seed, 20, 7) for seed in (1, 2, 3)])
    scores = model.log_probs(batch)
    for row, score in zip(batch, scores, strict=True):
        np.testing.assert_array_equal(score[:11], model.log_probs(row[:11]))
        np.testing.assert_array_equal(score[7:], model.log_probs(row[5:])[2:])
        np.testing.assert_allclose(np.exp(score[9]), model.distribution(row[:9])[row[9]], rtol=1e-12)
    assert model.log_probs(batch[:, :0]).shape == (3, 0)


def test_ngram_holds_for_vocabularies_whose_power_overflows() -> None:
    """A million symbols to the sixth power do not fit in 64 bits; renamed symbols must score as before."""
    small = _text(4, 300, 9)
    names = np.random.default_rng(0).permutation(1_000_000)[:9]
    models = NGram.fit(small, 9, 6), NGram.fit(names[small], 1_000_000, 6)
    lower = [np.exp(m.log_probs(x)) for m, x in zip(models, (small, names[small]), strict=True)]
    difference = lower[0] - lower[1]  # only the share of the uniform distribution differs
    assert (difference > 0).all()
    assert difference.max() < 0.02


@pytest.mark.parametrize("max_order", [1, 2, 5])
@pytest.mark.parametrize("length", [60, 2000])
def test_best_ngram_is_the_best_of_all_single_fits(max_order: int, length: int) -> None:
    train, validation = _text(5, length, 12), _text(6, 400, 12)
    fits = [NGram.fit(train, 12, n, smoothing) for n in range(1, max_order + 1) for smoothing in SMOOTHINGS]
    expected = max(fits, key=lambda fit: fit.log_probs(validation).sum())
    best = best_ngram(train, validation, 12, max_order)
    assert (best.order, best.smoothing) == (expected.order, expected.smoothing)
    np.testing.assert_array_equal(best.log_probs(validation), expected.log_probs(validation))


def test_discounts_are_the_published_ones_where_they_exist() -> None:
    counts = np.repeat([1, 2, 3, 4, 9], [40, 20, 10, 5, 3])  # Y = 40 / 80
    np.testing.assert_allclose(ngram._discounts(counts), [0, 0.5, 2 - 3 * 0.5 * 10 / 20, 3 - 4 * 0.5 * 5 / 10])


@pytest.mark.parametrize("counts", [[1], [2], [7, 8], [1, 1, 2], [1, 2, 2, 3, 3, 3, 3, 3], [1, 3, 4, 4, 4, 4]])
def test_discounts_leave_mass_and_take_no_more_than_the_count(counts: list[int]) -> None:
    discounts = ngram._discounts(np.array(counts))
    assert discounts[0] == 0
    assert (discounts[1:] > 0).all()
    assert (discounts[1:] <= [1, 2, 3]).all()


def test_ngram_refuses_what_it_cannot_fit_or_score() -> None:
    ids = _text(0, 20, 5)
    with pytest.raises(ValueError, match="witten_bell"):
        NGram.fit(ids, 5, 2, "katz")  # type: ignore[arg-type]
    for order in (0, 21):
        with pytest.raises(ValueError, match=f"order .*{order}"):
            NGram.fit(ids, 5, order)
    with pytest.raises(ValueError, match=r"\[0, 4\)"):
        NGram.fit(np.array([0, 4]), 4, 1)
    with pytest.raises(ValueError, match=r"\[0, 5\)"):
        NGram.fit(ids, 5, 2).log_probs(np.array([0, -1]))
