"""Tasks of Martens and Sutskever (2011), after Hochreiter and Schmidhuber (1997): permutation, memorisation."""

import numpy as np

from sequence_lab.data.generated.drawing import at_least, drawn, one_hot, recalled
from sequence_lab.data.splits import Arrays, Dataset


def random_permutation(
    length: int = 100, num_symbols: int = 100, num_train: int = 0, num_test: int = 1_000, seed: int = 0
) -> Dataset:
    """Random permutation: the first symbol, one of two, comes again at the end, after distractors in any order.

    Inputs ``[T]``: ids, of which there are ``num_symbols``: 0 or 1, then permutations of the others, one after the
    other, as far as T goes (at T = num_symbols - 1 one whole permutation). Label: the first symbol, as one of all.
    Guessing one of the two is right in 1/2.
    """
    at_least(3, num_symbols=num_symbols)
    at_least(2, length=length)

    def draw(random: np.random.Generator, size: int) -> Arrays:
        labels = random.integers(0, 2, size, np.int32)
        rounds = -(-(length - 1) // (num_symbols - 2))
        others = np.broadcast_to(np.arange(2, num_symbols), (size, rounds, num_symbols - 2))
        others = random.permuted(others, axis=-1).reshape(size, -1)[:, : length - 1]
        symbols = np.concatenate([labels[:, None], others], axis=1)
        return {"inputs": symbols.astype(np.int32), "labels": labels}

    return drawn(draw, {"num_outputs": num_symbols, "vocabulary_size": num_symbols}, num_train, num_test, seed)


def memorisation(
    length: int = 50,
    values: int = 2,
    positions: int = 5,
    num_train: int = 0,
    num_test: int = 1_000,
    seed: int = 0,
) -> Dataset:
    """Noiseless memorisation: repeat ``positions`` symbols of ``values`` kinds after a cue, ``length`` steps later.

    5 bits are (2, 5), 20 bits (5, 10): 5^10 strings. Inputs ``[length + 2 * positions, values + 2]``: one-hot symbols
    (1..values), blanks (0), the cue (the last); labels at every step: blank (0), then the symbols in order. Remembering
    nothing costs positions * ln(values) / (length + 2 * positions) nats a step, and is right in values^-positions of
    the sequences.
    """
    at_least(1, length=length, positions=positions)
    at_least(2, values=values)

    def draw(random: np.random.Generator, size: int) -> Arrays:
        symbols, labels = recalled(random, size, length, values, positions)
        return {"inputs": one_hot(symbols, values + 2), "labels": labels}

    return drawn(draw, {"num_outputs": values + 1}, num_train, num_test, seed)
