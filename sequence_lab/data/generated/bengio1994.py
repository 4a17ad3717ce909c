"""Tasks of Bengio, Simard and Frasconi (1994): what stands at the start decides, and noise follows.

Their third one is ``rumelhart1986.parity`` with strings of different lengths. A network whose weights are drawn until
it is right, ``analysis.guessing``, is the baseline that Hochreiter and Schmidhuber (1996) held against all three.
"""

import numpy as np

from sequence_lab.data.generated.drawing import at_least, drawn, past
from sequence_lab.data.splits import Arrays, Dataset


def latch(
    length: int = 50,
    relevant: int = 3,
    noise: float = 0.2,
    num_train: int = 0,
    num_test: int = 1_000,
    seed: int = 0,
) -> Dataset:
    """The latch (Bengio et al. 1994, section II): a class shown at the start is to be told at the end.

    Inputs ``[T, 1]``: 1 (class 1) or -1 (class 0) for ``relevant`` steps, then Gaussian noise of standard deviation
    ``noise``; ``lengths`` from T/2 to T. In the paper what is shown at the start is learnt with the weights. Guessing
    is right in 1/2.
    """
    return _prefixed(np.ones((2, relevant)) * [[-1], [1]], length, noise, num_train, num_test, seed)


def two_sequence(
    length: int = 50,
    relevant: int = 15,
    noise: float = 0.2,
    num_train: int = 0,
    num_test: int = 1_000,
    seed: int = 0,
) -> Dataset:
    """The two-sequence problem (Bengio et al. 1994, section IV): which of two fixed sequences came first?

    Inputs ``[T, 1]``: one of two sequences of ``relevant`` numbers in [-1, 1], which ``seed`` draws once, then Gaussian
    noise of standard deviation ``noise``; label: which one; ``lengths`` from T/2 to T. Guessing is right in 1/2.
    """
    shown = np.random.default_rng([seed, 3]).uniform(-1, 1, (2, max(relevant, 0)))
    return _prefixed(shown, length, noise, num_train, num_test, seed)


def _prefixed(shown: np.ndarray, length: int, noise: float, num_train: int, num_test: int, seed: int) -> Dataset:
    """One of the rows of ``shown [2, relevant]``, then noise."""
    relevant = shown.shape[1]
    at_least(1, relevant=relevant)
    at_least(2 * relevant, length=length)

    def draw(random: np.random.Generator, size: int) -> Arrays:
        labels = random.integers(0, 2, size, np.int32)
        lengths = random.integers((length + 1) // 2, length + 1, size).astype(np.int32)
        inputs = noise * random.standard_normal((size, length))
        inputs[:, :relevant] = shown[labels]
        inputs[past(lengths, length)] = 0
        return {"inputs": inputs[..., None].astype(np.float32), "labels": labels, "lengths": lengths}

    return drawn(draw, {"num_outputs": 2}, num_train, num_test, seed)
