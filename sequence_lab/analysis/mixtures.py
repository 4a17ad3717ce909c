"""Language models that speak together: the probabilities of several in proportions that validation text likes best."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

ROUNDS = 200  # of expectation and maximisation; three models need some thirty


class Probabilities(NamedTuple):
    """What a model gives to each symbol of the validation and of the test text, ``[T]`` each."""

    validation: np.ndarray
    test: np.ndarray


def proportions(probs_KT: np.ndarray) -> np.ndarray:
    """The shares ``[K]`` under which the mixture of K models makes a text likeliest.

    Jelinek and Mercer (1980), by expectation and maximisation, which only ever improves them.
    """
    shares_K = np.full(len(probs_KT), 1 / len(probs_KT))
    for _ in range(ROUNDS):
        parts_KT = shares_K[:, None] * probs_KT
        shares_K = (parts_KT / parts_KT.sum(axis=0)).mean(axis=1)
    return shares_K


def bits(models: Sequence[Probabilities]) -> float:
    """Bits per symbol of the test text under the mixture in the proportions that the validation text likes best."""
    shares_K = proportions(np.stack([model.validation for model in models]))
    return -float(np.log2(shares_K @ np.stack([model.test for model in models])).mean())
