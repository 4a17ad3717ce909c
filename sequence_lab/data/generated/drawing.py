"""What generated tasks share: splits from one way to draw examples, and arrays that recur."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sequence_lab.data.splits import Dataset, Draw, Examples, Generated
from sequence_lab.data.vocabulary import Vocabulary


def drawn(
    draw: Draw,
    facts: Mapping[str, Any],
    num_train: int,
    num_test: int,
    seed: int,
    *,
    validation: Draw | None = None,
    test: Draw | None = None,
    vocabulary: Vocabulary | None = None,
) -> Dataset:
    """Splits that each have a stream of random numbers of their own, fixed by (seed, split).

    Args:
      num_train: training examples; 0: without end, drawn anew for every batch.
      num_test: examples of validation and of test, each.
      test: draws those two, where they differ in kind from training examples.
      validation: draws that one, where it differs from the test, too.

    Raises:
      ValueError: a number of examples that is not allowed.
    """
    if num_train < 0 or num_test < 1:
        raise ValueError(
            f"num_train is {num_train}, num_test is {num_test}; allowed: 0, which is without end, or more for "
            "training, 1 or more for the test"
        )
    splits = {"train": Examples(draw(np.random.default_rng([seed, 0]), num_train))} if num_train else {}
    splits = splits or {"train": Generated.by(draw, seed)}
    test = test or draw
    for index, (name, own) in enumerate({"validation": validation or test, "test": test}.items(), 1):
        splits[name] = Examples(own(np.random.default_rng([seed, index]), num_test))
    return Dataset(splits, facts, vocabulary)


def at_least(least: int, **fields: int) -> None:
    """Raises ValueError for a field of ``config.dataset`` that is less."""
    for name, value in fields.items():
        if value < least:
            raise ValueError(f"dataset.{name} is {value}; allowed: at least {least}")


def one_hot(symbols: np.ndarray, count: int) -> np.ndarray:
    """``[...]`` of 0..count-1 to ``[..., count]``."""
    return np.eye(count, dtype=np.float32)[symbols]


def past(lengths: np.ndarray, width: int) -> np.ndarray:
    """``[B, width]``: where the padding is."""
    return np.arange(width) >= lengths[:, None]


def recalled(
    random: np.random.Generator, size: int, length: int, values: int, positions: int
) -> tuple[np.ndarray, ...]:
    """Symbols 1..values to be repeated after a cue: symbols and labels, ``[size, length + 2 * positions]`` each.

    The symbols, ``length`` - 1 blanks (0), the cue (values + 1), blanks; labels are blank, and the symbols at the end.
    """
    shape = (size, length + 2 * positions)
    symbols, labels = np.zeros(shape, np.int64), np.zeros(shape, np.int32)
    symbols[:, :positions] = labels[:, -positions:] = random.integers(1, values + 1, (size, positions))
    symbols[:, positions + length - 1] = values + 1
    return symbols, labels
