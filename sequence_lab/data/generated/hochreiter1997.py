"""Experiments 2 to 6 of Hochreiter and Schmidhuber (1997); experiment 1 is in ``reber``.

Noise-free sequences with long lags, noise and signal on one channel, adding, multiplication, temporal order.
"""

from collections.abc import Callable

import numpy as np

from sequence_lab.data.generated.drawing import at_least, drawn, one_hot, past
from sequence_lab.data.splits import Arrays, Dataset, Draw

MOST_EXTRA = 90  # steps beyond the lag of ``random_lag``: more come once in 13,000 sequences, and are cut


def noise_free_lag(lag: int = 100, num_train: int = 0, num_test: int = 100, seed: int = 0) -> Dataset:
    """Noise-free sequences (experiment 2a): (y, a_1 ... a_p-1, y) or (x, a_1 ... a_p-1, x), each as often.

    Inputs ``[p]``: ids of all symbols but the last, a_1 to a_p-1 first, then x and y; labels at every step: the next
    symbol. Whoever knows the order of the a's but not the first symbol has half of the sequences right.

    Args:
      lag: p, steps from the first symbol to the last.
    """
    at_least(2, lag=lag)

    def draw(random: np.random.Generator, size: int) -> Arrays:
        ends = random.integers(lag - 1, lag + 1, size)[:, None]
        symbols = np.concatenate([ends, np.tile(np.arange(lag - 1), (size, 1)), ends], axis=1)
        symbols = symbols.astype(np.int32)
        return {"inputs": symbols[:, :-1], "labels": symbols[:, 1:]}

    return drawn(draw, {"num_outputs": lag + 1, "vocabulary_size": lag + 1}, num_train, num_test, seed)


def random_lag(
    lag: int = 100, distractors: int = 100, num_train: int = 0, num_test: int = 1_000, seed: int = 0
) -> Dataset:
    """Very long lags without local regularities (experiment 2c): b, x or y, random symbols, e, and x or y again.

    Inputs ``[lag + 3 + MOST_EXTRA]``: ids of all symbols but the last: the distractors a, then b, e, x, y. Between b x
    and e stand ``lag`` (q) a's and k more with probability 0.1 * 0.9^k, as ``lengths`` say; label: whether the last
    symbol is to be x (0) or y (1), as in the paper the only one that counts. Guessing is right in 1/2.

    Args:
      lag: q, least number of random symbols.
      distractors: p, how many a's there are.
    """
    at_least(1, lag=lag, distractors=distractors)
    begin, end, first = distractors, distractors + 1, distractors + 2
    width = lag + 3 + MOST_EXTRA

    def draw(random: np.random.Generator, size: int) -> Arrays:
        labels = random.integers(0, 2, size, np.int32)
        lengths = (lag + 3 + np.minimum(random.geometric(0.1, size) - 1, MOST_EXTRA)).astype(np.int32)
        symbols = random.integers(0, distractors, (size, width), np.int32)
        symbols[:, 0], symbols[:, 1] = begin, first + labels
        symbols[np.arange(size), lengths - 1] = end
        symbols[past(lengths, width)] = 0
        return {"inputs": symbols, "labels": labels, "lengths": lengths}

    return drawn(draw, {"num_outputs": 2, "vocabulary_size": distractors + 4}, num_train, num_test, seed)


def noise_and_signal(
    length: int = 100,
    relevant: int = 3,
    noisy_signal: bool = False,
    num_train: int = 0,
    num_test: int = 1_000,
    seed: int = 0,
) -> Dataset:
    """Noise and signal on one channel (experiment 3a): the class stands in the first steps, noise in all others.

    Inputs ``[1.1 T, 1]``: 1 (class 1) or -1 (class 0) for N = ``relevant`` steps, then Gaussian noise of variance 0.2;
    ``lengths`` from T to 1.1 T. Guessing is right in 1/2.

    Args:
      noisy_signal: the noise is on the first N steps, too (experiment 3b).
    """
    draw = _signal(length, relevant, noisy_signal)
    return drawn(draw, {"num_outputs": 2}, num_train, num_test, seed)


def noisy_targets(
    length: int = 100, relevant: int = 3, num_train: int = 0, num_test: int = 1_000, seed: int = 0
) -> Dataset:
    """Experiment 3c: inputs as in ``noise_and_signal`` with ``noisy_signal``, and noise on the targets, too.

    Labels ``[1]``: 0.2 (class 0) or 0.8 (class 1), in training with Gaussian noise of variance 0.1: what is to be
    learnt are their means, and in validation and test those are the labels. Always answering 1/2 has a mean squared
    error of 0.09; the paper stops when the mean absolute error is below 0.015.
    """
    given = _signal(length, relevant, noisy_signal=True)

    def clean(random: np.random.Generator, size: int) -> Arrays:
        arrays = given(random, size)
        return arrays | {"labels": (0.2 + 0.6 * arrays["labels"][:, None]).astype(np.float32)}

    def noisy(random: np.random.Generator, size: int) -> Arrays:
        arrays = clean(random, size)
        noise = np.sqrt(0.1) * random.standard_normal((size, 1))
        return arrays | {"labels": (arrays["labels"] + noise).astype(np.float32)}

    return drawn(noisy, {"num_outputs": 1}, num_train, num_test, seed, test=clean)


def _signal(length: int, relevant: int, noisy_signal: bool) -> Draw:
    at_least(1, relevant=relevant)
    at_least(relevant, length=length)
    width = length + length // 10

    def draw(random: np.random.Generator, size: int) -> Arrays:
        labels = random.integers(0, 2, size, np.int32)
        lengths = random.integers(length, width + 1, size).astype(np.int32)
        inputs = np.sqrt(0.2) * random.standard_normal((size, width))
        signal = 2.0 * labels[:, None] - 1
        inputs[:, :relevant] = signal + noisy_signal * inputs[:, :relevant]
        inputs[past(lengths, width)] = 0
        return {"inputs": inputs[..., None].astype(np.float32), "labels": labels, "lengths": lengths}

    return draw


def adding_1997(length: int = 100, num_train: int = 0, num_test: int = 2_560, seed: int = 0) -> Dataset:
    """Adding problem (experiment 4): label ``[1]``: 0.5 + (X1 + X2) / 4 for two marked numbers in [-1, 1].

    Inputs ``[1.1 T, 2]``, ``lengths`` from T to 1.1 T: a number, and a marker that is 1 at two places, one of the first
    ten and another one before T/2; -1 at the first step and the last, and 0 elsewhere. A number at the first step adds
    0. Right in the paper is an error of at most 0.04. Always answering 1/2 has a mean squared error of 0.039.
    """
    return _marked(length, -1.0, 0.0, lambda first, second: 0.5 + (first + second) / 4, num_train, num_test, seed)


def multiplication(length: int = 100, num_train: int = 0, num_test: int = 2_560, seed: int = 0) -> Dataset:
    """Multiplication problem (experiment 5): label ``[1]``: X1 * X2 for two marked numbers in [0, 1].

    Inputs as in ``adding_1997``; a number at the first step counts as 1. Always answering the mean, 0.28, has a mean
    squared error of 0.06.
    """
    return _marked(length, 0.0, 1.0, lambda first, second: first * second, num_train, num_test, seed)


def _marked(
    length: int,
    low: float,
    neutral: float,
    combined: Callable[[np.ndarray, np.ndarray], np.ndarray],
    num_train: int,
    num_test: int,
    seed: int,
) -> Dataset:
    """Numbers from ``low`` to 1; ``neutral`` stands for the one of the first step."""
    at_least(22, length=length)
    width, half = length + length // 10, length // 2 - 1

    def draw(random: np.random.Generator, size: int) -> Arrays:
        rows, lengths = np.arange(size), random.integers(length, width + 1, size).astype(np.int32)
        numbers = random.uniform(low, 1, (size, width))
        first, second = random.integers(0, 10, size), random.integers(0, half - 1, size)
        second += second >= first  # any of the others, each as likely
        markers = np.zeros((size, width))
        markers[rows, first] = markers[rows, second] = 1
        markers[:, 0] = markers[rows, lengths - 1] = -1
        marked = [np.where(place > 0, numbers[rows, place], neutral) for place in (first, second)]
        inputs = np.stack([numbers, markers], axis=-1).astype(np.float32)
        inputs[past(lengths, width)] = 0
        return {"inputs": inputs, "labels": combined(*marked)[:, None].astype(np.float32), "lengths": lengths}

    return drawn(draw, {"num_outputs": 1}, num_train, num_test, seed)


PLACES = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}  # of the relevant symbols, in hundredths of T


def temporal_order_1997(
    length: int = 100, relevant: int = 2, num_train: int = 0, num_test: int = 2_560, seed: int = 0
) -> Dataset:
    """Temporal order (experiments 6a and 6b): X or Y stand at two places or at three; which where?

    Inputs ``[1.1 T, 8]``, ``lengths`` from T to 1.1 T: one-hot symbols E, B, X, Y, a, b, c, d: E is the first, B the
    last, X or Y stand at random places around T/10 and T/2 (6a), or T/10, T/3 and 2T/3 (6b), one of a to d elsewhere.
    Label: X as 0, Y as 1, read as a binary number. Guessing is right in 1/4, or in 1/8.

    Args:
      relevant: 2 (6a) or 3 (6b).
    """
    if relevant not in PLACES:
        raise ValueError(f"dataset.relevant is {relevant}; allowed: 2 or 3")
    at_least(10, length=length)
    width = length + length // 10

    def draw(random: np.random.Generator, size: int) -> Arrays:
        rows, lengths = np.arange(size), random.integers(length, width + 1, size).astype(np.int32)
        symbols = random.integers(4, 8, (size, width))
        labels = np.zeros(size, np.int32)
        for low, high in PLACES[relevant]:
            shown = random.integers(0, 2, size)
            symbols[rows, random.integers(low * length // 100, high * length // 100 + 1, size)] = 2 + shown
            labels = (2 * labels + shown).astype(np.int32)
        symbols[:, 0], symbols[rows, lengths - 1] = 0, 1
        inputs = one_hot(symbols, 8)
        inputs[past(lengths, width)] = 0
        return {"inputs": inputs, "labels": labels, "lengths": lengths}

    return drawn(draw, {"num_outputs": 2**relevant}, num_train, num_test, seed)
