"""Rows of different lengths in one array."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Ragged:
    """Rows ``[length, ...]``, end to end.

    Attributes:
      values: ``[sum of lengths, ...]``.
      lengths: of each row, ints.

    Raises:
      ValueError: the lengths are not those of the values.
    """

    values: np.ndarray
    lengths: np.ndarray

    def __post_init__(self) -> None:
        if self.lengths.sum() != len(self.values):
            raise ValueError(f"the lengths add up to {self.lengths.sum()}; allowed: {len(self.values)}, the values")
        object.__setattr__(self, "starts", np.cumsum(self.lengths) - self.lengths)

    starts: np.ndarray = dataclasses.field(init=False, repr=False)

    @classmethod
    def of(cls, rows: Iterable[np.ndarray]) -> "Ragged":
        """At least one row; all of one type, and of one shape but for their length."""
        rows = list(rows)
        return cls(np.concatenate(rows), np.array([len(row) for row in rows], np.int32))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> np.ndarray:
        return self.values[self.starts[row] :][: self.lengths[row]]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[row] for row in range(len(self)))

    def select(self, rows: np.ndarray) -> "Ragged":
        """These rows alone, in this order."""
        lengths = self.lengths[rows]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return Ragged(self.values[np.repeat(self.starts[rows], lengths) + within], lengths)

    def cut(self, most: int) -> "Ragged":
        """The first steps of every row, at most so many."""
        lengths = np.minimum(self.lengths, most)
        within = np.arange(len(self.values)) - np.repeat(self.starts, self.lengths)
        return Ragged(self.values[within < most], lengths)

    def shuffled(self, seed: int) -> "Ragged":
        """The steps of every row in an order drawn from (seed, number of the row)."""
        rows = [np.random.default_rng([seed, number]).permutation(row) for number, row in enumerate(self)]
        return Ragged(np.concatenate(rows), self.lengths) if rows else self

    def joined(self, end: Any) -> np.ndarray:
        """All rows in one, that value after each."""
        return np.insert(self.values, self.starts + self.lengths, end)

    def padded(self, rows: np.ndarray, width: int) -> np.ndarray:
        """``[len(rows), width, ...]``: these rows, zeros after their ends.

        Raises:
          ValueError: one is longer.
        """
        lengths = self.lengths[rows]
        if lengths.max(initial=0) > width:
            raise ValueError(f"a row has {lengths.max()} steps; allowed: at most {width}")
        out = np.zeros((len(rows), width, *self.values.shape[1:]), self.values.dtype)
        out[np.arange(width) < lengths[:, None]] = self.select(rows).values
        return out
