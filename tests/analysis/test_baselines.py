"""The baselines are named, fair, and close to the truth where the truth is known."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sequence_lab.analysis.baselines import BASELINES, cache_probs

PRIMED = "xz (primed with the training text)"


class _Letters:
    """A vocabulary of sixteen symbols; every other one takes two bytes of UTF-8."""

    symbols = "aäbïcödüeéfègñhå"

    def __len__(self) -> int:
        return len(self.symbols)

    def decode(self, ids: np.ndarray) -> str:
        return "".join(self.symbols[i] for i in ids)


def _chain(rng: np.random.Generator, length: int) -> np.ndarray:
    """Each symbol is one of two successors of the one before: exactly one bit per symbol."""
    return np.cumsum(rng.choice([1, 5], length)) % 16


def _all(train: np.ndarray, validation: np.ndarray, test: np.ndarray) -> dict[str, float]:
    rows = [row(train, validation, test, _Letters(), {}) for row in BASELINES.values()]
    return {name: bits for row in rows for name, bits in row.items()}


def test_baselines_are_named_bits_per_symbol() -> None:
    rng = np.random.default_rng(0)
    bits = _all(_chain(rng, 20_000), _chain(rng, 2_000), _chain(rng, 2_000))
    assert set(BASELINES) == {"kneser_ney_5", "ngram", "xz"}
    kn5, cached, ngram, *xz = bits
    assert (kn5, cached) == ("KN5", "KN5 + cache")
    assert 1.0 <= bits[kn5] < 1.03
    assert re.fullmatch(r"interpolated \d+-gram \((kneser_ney|witten_bell)\)", ngram)
    assert xz == ["xz", PRIMED]
    assert 1.0 <= bits[ngram] < 1.02
    assert 1.0 <= bits[PRIMED] < bits["xz"] < 4
    assert all(type(value) is float for value in bits.values())


def test_baselines_xz_copies_from_the_training_text_however_far_back() -> None:
    rng = np.random.default_rng(1)
    test = rng.integers(16, size=4_000)
    train = np.concatenate([test, rng.integers(16, size=100_000)])
    primed, alone = (BASELINES["xz"](text, test, test, _Letters(), {}) for text in (train, train[len(test) :]))
    assert primed[PRIMED] < 0.1
    assert alone[PRIMED] > 3.9
    assert primed["xz"] == alone["xz"] > 3.9


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_use_neither_the_test_text_to_fit_nor_a_longer_denominator(name: str) -> None:
    """Text that nothing foretells costs all of its four bits, whatever the training text is."""
    rng = np.random.default_rng(2)
    train, validation, test = _chain(rng, 5_000), rng.integers(16, size=3_000), rng.integers(16, size=3_000)
    assert min(BASELINES[name](train, validation, test, _Letters(), {}).values()) > 3.95


def test_baselines_ngram_is_chosen_by_the_validation_text() -> None:
    """Validation that looks random must choose a lower order than validation that looks like training."""
    rng = np.random.default_rng(3)
    noisy = [np.where(rng.random(n) < 0.7, _chain(rng, n), rng.integers(16, size=n)) for n in (5_000, 1_000)]
    train, like, unlike = *noisy, rng.integers(16, size=1_000)
    orders = [
        int(next(iter(BASELINES["ngram"](train, validation, like, _Letters(), {}))).split()[1].split("-")[0])
        for validation in (like, unlike)
    ]
    assert orders[1] == 1 < orders[0]


def test_baselines_ngram_takes_a_training_text_shorter_than_its_orders() -> None:
    two = np.array([1, 2])
    assert all(np.isfinite(list(BASELINES["ngram"](two, two, two, _Letters(), {}).values())))


def test_a_cache_is_the_share_of_a_symbol_among_those_before_it() -> None:
    ids = np.random.default_rng(2).integers(0, 4, 30)
    for place, found in enumerate(cache_probs(ids, size=7)):
        before = ids[max(0, place - 7) : place]
        assert found == pytest.approx((before == ids[place]).mean() if place else 0)


def test_a_cache_helps_where_symbols_come_back() -> None:
    """Every hundred symbols are drawn from two of sixteen: which, no 5-gram knows from another hundred."""
    rng = np.random.default_rng(3)

    def topics(count: int) -> np.ndarray:
        return np.concatenate([rng.choice(rng.choice(16, 2, replace=False), 100) for _ in range(count)])

    plain, cached = BASELINES["kneser_ney_5"](topics(50), topics(30), topics(30), _Letters(), {}).values()
    assert cached < 0.97 * plain
