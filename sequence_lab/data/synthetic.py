"""Generated tasks whose only difficulty is memory: adding, temporal order, copy.

Each split comes from its own stream of random numbers, fixed by (seed, split): the same fields, the same data.
"""

from collections.abc import Callable

import numpy as np

from sequence_lab.data.splits import Dataset, Examples

Arrays = dict[str, np.ndarray]


def _dataset(
    draw: Callable[[np.random.Generator, int], Arrays],
    num_outputs: int,
    num_train: int,
    num_test: int,
    seed: int,
) -> Dataset:
    """Validation and test have ``num_test`` examples each."""
    sizes = {"train": num_train, "validation": num_test, "test": num_test}
    if min(sizes.values()) < 1:
        raise ValueError(f"num_train is {num_train}, num_test is {num_test}; allowed: at least 1 each")
    splits = {
        name: Examples(draw(np.random.default_rng([seed, index]), size))
        for index, (name, size) in enumerate(sizes.items())
    }
    return Dataset(splits, facts={"num_outputs": num_outputs})


def adding(length: int = 100, num_train: int = 20_000, num_test: int = 1_000, seed: int = 0) -> Dataset:
    """Adding problem (Hochreiter and Schmidhuber 1997, as in Le et al. 2015): add two of many numbers.

    Inputs ``[T, 2]``: a number in [0, 1] and a marker that is 1 at one place in each half; label ``[1]``: the sum of
    the two marked numbers. Always answering 1 has a mean squared error of 1/6.
    """
    if length < 2:
        raise ValueError(f"dataset.length is {length}; allowed: at least 2")

    def draw(random: np.random.Generator, size: int) -> Arrays:
        inputs = np.zeros((size, length, 2), np.float32)
        inputs[:, :, 0] = random.random((size, length))
        rows, half = np.arange(size), length // 2
        first, second = random.integers(0, half, size), random.integers(half, length, size)
        inputs[rows, first, 1] = inputs[rows, second, 1] = 1
        return {"inputs": inputs, "labels": np.sum(inputs[:, :, 0] * inputs[:, :, 1], axis=1, keepdims=True)}

    return _dataset(draw, 1, num_train, num_test, seed)


def temporal_order(length: int = 50, num_train: int = 20_000, num_test: int = 1_000, seed: int = 0) -> Dataset:
    """Temporal order (Hochreiter and Schmidhuber 1997, task 6a; Pascanu et al. 2013): which of two came first?

    Inputs ``[T, 6]``: one-hot symbols, four distractors everywhere but at one place in [T/10, 2T/10) and one in
    [4T/10, 5T/10), where one of two relevant symbols stands; label: which of the four pairs it was.
    """
    if length < 10:
        raise ValueError(f"dataset.length is {length}; allowed: at least 10")

    def draw(random: np.random.Generator, size: int) -> Arrays:
        symbols = random.integers(2, 6, (size, length))
        rows, relevant = np.arange(size), random.integers(0, 2, (2, size))
        for which, tenth in enumerate((1, 4)):
            place = random.integers(tenth * length // 10, (tenth + 1) * length // 10, size)
            symbols[rows, place] = relevant[which]
        labels = (2 * relevant[0] + relevant[1]).astype(np.int32)
        return {"inputs": np.eye(6, dtype=np.float32)[symbols], "labels": labels}

    return _dataset(draw, 4, num_train, num_test, seed)


def copy_memory(
    length: int = 50, num_symbols: int = 10, num_train: int = 20_000, num_test: int = 1_000, seed: int = 0
) -> Dataset:
    """Copy memory (Arjovsky et al. 2016): repeat ``num_symbols`` symbols after ``length`` blanks.

    Inputs ``[length + 2 * num_symbols, 10]``: one-hot of the symbols 1..8, blanks (0), and a 9 that asks for them;
    labels at every step: blank, then the symbols in order. Remembering nothing costs
    num_symbols * ln(8) / (length + 2 * num_symbols) nats a step.
    """
    if length < 1 or num_symbols < 1:
        raise ValueError(f"dataset.length is {length}, dataset.num_symbols is {num_symbols}; allowed: at least 1")

    def draw(random: np.random.Generator, size: int) -> Arrays:
        total = length + 2 * num_symbols
        to_copy = random.integers(1, 9, (size, num_symbols))
        symbols = np.zeros((size, total), np.int64)
        symbols[:, :num_symbols] = to_copy
        symbols[:, num_symbols + length - 1] = 9
        labels = np.zeros((size, total), np.int32)
        labels[:, -num_symbols:] = to_copy
        return {"inputs": np.eye(10, dtype=np.float32)[symbols], "labels": labels}

    return _dataset(draw, 10, num_train, num_test, seed)
