"""Temporal order as Pascanu, Mikolov and Bengio (2013) have it, after Hochreiter and Schmidhuber (1997)."""

import numpy as np

from sequence_lab.data.generated.drawing import at_least, drawn, one_hot
from sequence_lab.data.splits import Arrays, Dataset


def temporal_order(length: int = 50, num_train: int = 0, num_test: int = 1_000, seed: int = 0) -> Dataset:
    """Temporal order: which of two relevant symbols stood at the first place, and which at the second?

    Inputs ``[T, 6]``: one-hot symbols, four distractors everywhere but at one place in [T/10, 2T/10) and one in
    [5T/10, 6T/10), where one of two relevant symbols stands; label: first + 2 * second, each 0 or 1. The places are
    those of the authors' program. Guessing is right in 1/4.
    """
    at_least(10, length=length)

    def draw(random: np.random.Generator, size: int) -> Arrays:
        symbols = random.integers(2, 6, (size, length))
        rows, relevant = np.arange(size), random.integers(0, 2, (2, size))
        for which, tenth in enumerate((1, 5)):
            place = random.integers(tenth * length // 10, (tenth + 1) * length // 10, size)
            symbols[rows, place] = relevant[which]
        labels = (relevant[0] + 2 * relevant[1]).astype(np.int32)
        return {"inputs": one_hot(symbols, 6), "labels": labels}

    return drawn(draw, {"num_outputs": 4}, num_train, num_test, seed)
