"""The adding problem of Le, Jaitly and Hinton (2015), after Hochreiter and Schmidhuber (1997)."""

import numpy as np

from sequence_lab.data.generated.drawing import at_least, drawn
from sequence_lab.data.splits import Arrays, Dataset


def adding(length: int = 100, num_train: int = 0, num_test: int = 1_000, seed: int = 0) -> Dataset:
    """Adding problem: add two of many numbers; ``hochreiter1997.adding_1997`` is the original.

    Inputs ``[T, 2]``: a number in [0, 1] and a marker that is 1 at one place in each half; label ``[1]``: the sum of
    the two marked numbers. Always answering 1 has a mean squared error of 1/6.
    """
    at_least(2, length=length)

    def draw(random: np.random.Generator, size: int) -> Arrays:
        inputs = np.zeros((size, length, 2), np.float32)
        inputs[:, :, 0] = random.random((size, length))
        rows, half = np.arange(size), length // 2
        first, second = random.integers(0, half, size), random.integers(half, length, size)
        inputs[rows, first, 1] = inputs[rows, second, 1] = 1
        return {"inputs": inputs, "labels": np.sum(inputs[:, :, 0] * inputs[:, :, 1], axis=1, keepdims=True)}

    return drawn(draw, {"num_outputs": 1}, num_train, num_test, seed)
