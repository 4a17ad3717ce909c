"""Tasks of Rumelhart, Hinton and Williams (1986): parity, a shift register, completing sequences."""

import itertools

import numpy as np

from sequence_lab.data.generated.drawing import at_least, drawn, one_hot, past
from sequence_lab.data.splits import Arrays, Dataset, Examples

DIGITS = {"A": (0, 1), "B": (1, 2), "C": (2, 0), "D": (1, 0), "E": (0, 2)}  # of each letter: 12, 23, 31, 21, 13


def parity(length: int = 10, shortest: int = 0, num_train: int = 0, num_test: int = 1_000, seed: int = 0) -> Dataset:
    """Parity of a string of bits, one a step (Rumelhart et al. 1986; Bengio et al. 1994, section IV); of 2 bits: XOR.

    Inputs ``[T, 1]``: 1 or -1, each with probability 1/2; label: whether 1 comes an odd number of times. Guessing is
    right in 1/2, and so is whatever has missed a single bit.

    Args:
      length: bits.
      shortest: strings have from so many bits to ``length``, as ``lengths`` say; 0: all have ``length``.
    """
    at_least(1, length=length)
    if not 0 <= shortest <= length:
        raise ValueError(f"dataset.shortest is {shortest}; allowed: 0 to {length}, the length")

    def draw(random: np.random.Generator, size: int) -> Arrays:
        lengths = random.integers(shortest or length, length + 1, size).astype(np.int32)
        bits = random.integers(0, 2, (size, length)) * 2 - 1
        bits[past(lengths, length)] = 0
        labels = ((bits > 0).sum(axis=1) % 2).astype(np.int32)
        arrays = {"inputs": bits[..., None].astype(np.float32), "labels": labels}
        return arrays | ({"lengths": lengths} if shortest else {})

    return drawn(draw, {"num_outputs": 2}, num_train, num_test, seed)


def shift_register(units: int = 5, shifts: int = 2, num_train: int = 0, num_test: int = 200, seed: int = 0) -> Dataset:
    """A pattern of bits, shifted to the left round by one place a step (Rumelhart et al. 1986, their shift register).

    Inputs ``[1 + shifts, units]``: 1 or -1 at the first step, zeros after it; labels ``[units]``: the pattern as it
    stands at the end, bits 0 or 1. Half of the bits are 1: ignoring the pattern costs units * ln(2) nats.
    """
    at_least(1, units=units, shifts=shifts)

    def draw(random: np.random.Generator, size: int) -> Arrays:
        bits = random.integers(0, 2, (size, units))
        inputs = np.zeros((size, 1 + shifts, units), np.float32)
        inputs[:, 0] = 2 * bits - 1
        return {"inputs": inputs, "labels": np.roll(bits, -shifts, axis=1).astype(np.float32)}

    return drawn(draw, {"num_outputs": units}, num_train, num_test, seed)


def sequence_completion(seed: int = 0) -> Dataset:
    """Two letters and the four digits that go with them: AC is followed by 1231 (Rumelhart et al. 1986).

    Each of the letters A to E stands for two digits, 12, 23, 31, 21 and 13. Inputs ``[6, 5]``: one-hot letters, then
    zeros, so that the digits come out of the network's own memory; labels at every step: 0, 1 or 2 for the digits 1, 2
    and 3; of the first two steps the mask is 0. Of all 25 pairs of letters 20 are for training, as in the paper, and
    for validation; the other 5 are the test. Always the most frequent digit is right in 2/5.
    """
    pairs = list(itertools.product(DIGITS, repeat=2))
    letters = np.array([[ord(letter) - ord("A") for letter in pair] for pair in pairs])
    inputs = np.concatenate([one_hot(letters, 5), np.zeros((25, 4, 5), np.float32)], axis=1)
    labels = np.array([(0, 0, *DIGITS[first], *DIGITS[second]) for first, second in pairs], np.int32)
    mask = np.tile(np.array([0, 0, 1, 1, 1, 1], np.float32), (25, 1))
    order = np.random.default_rng(seed).permutation(25)
    rows = {"train": order[:20], "validation": order[:20], "test": order[20:]}
    arrays = {"inputs": inputs, "labels": labels, "mask": mask}
    splits = {name: Examples({key: array[r] for key, array in arrays.items()}) for name, r in rows.items()}
    return Dataset(splits, {"num_outputs": 3})
