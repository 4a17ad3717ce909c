"""Mixtures: proportions that no others beat, chosen on validation text alone."""

import numpy as np
import pytest

from sequence_lab.analysis import mixtures
from sequence_lab.analysis.mixtures import Probabilities


def drawn(seed, count=3, length=400):
    random = np.random.default_rng(seed)
    return [Probabilities(*random.uniform(0.01, 1, (2, length)) ** 3) for _ in range(count)]


@pytest.mark.parametrize("seed", range(3))
def test_no_other_proportions_make_validation_likelier(seed):
    probs = np.stack([model.validation for model in drawn(seed)])
    found = mixtures.proportions(probs)
    assert found.sum() == pytest.approx(1)
    grid = [(a, b, 1 - a - b) for a in np.linspace(0, 1, 41) for b in np.linspace(0, 1 - a, 41)]
    best = max(np.log(np.array(shares) @ probs).mean() for shares in grid)
    assert np.log(found @ probs).mean() >= best - 1e-6


def test_a_model_that_is_always_worse_gets_nothing_and_alone_each_is_itself():
    good, bad = Probabilities(np.full(50, 0.5), np.full(50, 0.25)), Probabilities(np.full(50, 0.1), np.full(50, 0.9))
    assert mixtures.bits([good]) == 2
    assert mixtures.bits([good, bad]) == pytest.approx(2, abs=1e-3)  # though the test text likes the other better


def test_models_that_know_different_symbols_are_better_together():
    knows = np.arange(100) % 2 == 0
    one, other = (Probabilities(*2 * (np.where(own, 0.9, 0.01),)) for own in (knows, ~knows))
    assert mixtures.bits([one, other]) == pytest.approx(-np.log2(0.455), abs=1e-6)
