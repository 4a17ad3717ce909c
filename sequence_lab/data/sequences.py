"""Independent examples of different lengths: batches padded to one of a few widths."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from sequence_lab.data.ragged import Ragged
from sequence_lab.data.share import WHOLE, Share

Batch = dict[str, Any]


def by_stream(arrays: Mapping[str, Any]) -> Batch:
    """Arrays named inputs/NAME as one dictionary, "inputs", of the streams NAME."""
    streams = {name.removeprefix(STREAM): array for name, array in arrays.items() if name.startswith(STREAM)}
    others = {name: array for name, array in arrays.items() if not name.startswith(STREAM)}
    return {**others, "inputs": streams} if streams else others


def input_names(arrays: Mapping[str, Any]) -> list[str]:
    """The names of the inputs, or of their streams."""
    return [name for name in arrays if name == "inputs" or name.startswith(STREAM)]


def check_batch_size(batch_size: int) -> None:
    """Raises ValueError if a batch has no rows."""
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; allowed: 1 or more")


STREAM = "inputs/"


class Plan(NamedTuple):
    """An epoch: its rows, batch after batch, and the width of each batch."""

    rows: list[np.ndarray]
    widths: list[int]


@dataclasses.dataclass(frozen=True, eq=False)
class Sequences:
    """Examples whose ``inputs``, and what else has a value for each of their steps, are ``Ragged``.

    A batch holds rows of about one length, padded to the least of ``widths`` that holds them: a program is compiled
    for each width. It has ``lengths`` and ``mask`` besides the arrays; where these have a "mask", of rows or of
    steps, it is that one.

    Attributes:
      arrays: ``Ragged`` or arrays with a first axis of rows, by name. Several streams of inputs are inputs/NAME, of
        which a batch makes a dictionary.
      widths: ascending; see ``bucketing.widths``. None: the longest row.
      apart: names of ``Ragged`` arrays that have lengths of their own, padded to the same width. Where a stream of
        inputs is among them, a batch's ``lengths`` are a dictionary by stream; those of other arrays, such as labels
        that are not as long as the inputs, are NAME_lengths.

    Raises:
      ValueError: the arrays have different numbers of rows, rows of one example different lengths, or the last width
        is less than the longest row.
    """

    arrays: Mapping[str, np.ndarray | Ragged]
    widths: tuple[int, ...] | None = None
    apart: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sizes = {name: len(array) for name, array in self.arrays.items()}
        if len(set(sizes.values())) != 1:
            raise ValueError(f"the arrays of the examples have {sizes} rows; allowed: one number of rows for all")
        for name, array in self.arrays.items():
            if name in self.apart or not isinstance(array, Ragged):
                continue
            if not np.array_equal(array.lengths, self.lengths):
                row = int(np.flatnonzero(array.lengths != self.lengths)[0])
                raise ValueError(
                    f"{name} has {array.lengths[row]} steps in row {row}; allowed: {self.lengths[row]}, as inputs"
                )
        longest = max(1, self.extents.max(initial=0))
        if self.widths is None:
            object.__setattr__(self, "widths", (int(longest),))
        elif self.widths[-1] < longest:
            raise ValueError(f"the widths are {self.widths}; allowed: the last is {longest}, the longest row, or more")

    @property
    def lengths(self) -> np.ndarray:
        """Of each row, the steps of its inputs, or of their first stream."""
        inputs = self.arrays[input_names(self.arrays)[0]]
        assert isinstance(inputs, Ragged)
        return inputs.lengths

    @functools.cached_property
    def extents(self) -> np.ndarray:
        """Of each row, the longest of its arrays."""
        others = [array.lengths for name in self.apart if isinstance(array := self.arrays[name], Ragged)]
        return np.max([self.lengths, *others], axis=0)

    def __len__(self) -> int:
        return len(self.lengths)

    def bucketed(self, widths: tuple[int, ...]) -> "Sequences":
        """The same examples, in batches of these widths."""
        return Sequences(self.arrays, widths, self.apart)

    def training_batch(self, index: int, batch_size: int, seed: int, share: Share = WHOLE) -> Batch:
        """The ``index``-th batch of an endless training run; each epoch shuffles anew and has every example once.

        The last batch of an epoch, which is the only one of a small split, is filled up with rows whose mask is 0.

        Raises:
          ValueError: ``batch_size`` is less than 1.
        """
        check_batch_size(batch_size)
        epoch, position = divmod(index, -(-len(self) // batch_size))
        plan = self._plan(batch_size, seed, epoch)
        rows = share.of(plan.rows[position], batch_size)
        return self._batch(rows, plan.widths[position], share.size(batch_size))

    def evaluation_batches(self, batch_size: int, share: Share = WHOLE) -> Iterator[Batch]:
        """Every example once, from the shortest to the longest."""
        for rows, width in zip(*self._batches(self.evaluation_order(), batch_size), strict=True):
            yield self._batch(share.of(rows, batch_size), width, share.size(batch_size))

    def evaluation_order(self) -> np.ndarray:
        """Which example each row of the evaluation batches is."""
        return np.argsort(self.extents, kind="stable")

    def shapes(self, batch_size: int) -> list[Batch]:
        """A batch of zeros in each of the shapes that batches have."""
        nothing = np.zeros(0, int)
        return [self._batch(nothing, width, batch_size) for width in self.widths or ()]

    def epoch_widths(self, batch_size: int) -> list[int]:
        """The width of each batch of an epoch."""
        return self._plan(batch_size, 0, 0).widths

    def waste(self, batch_size: int) -> float:
        """The share of the steps of an epoch's batches that are padding."""
        steps = batch_size * sum(self.epoch_widths(batch_size))
        return 1 - self.extents.sum() / steps

    def account(self, batch_size: int) -> str:
        """In words: the widths, and what they save."""
        assert self.widths is not None
        longest = 1 - self.extents.sum() / (len(self) * self.widths[-1])
        widths = ", ".join(map(str, self.widths))
        return f"rows are padded to {widths} steps: {self.waste(batch_size):.1%} padding, to the longest {longest:.1%}"

    @functools.lru_cache(maxsize=2)  # noqa: B019 (a split lives as long as its run)
    def _plan(self, batch_size: int, seed: int, epoch: int) -> Plan:
        """Rows are drawn within their width, and then the batches among all."""
        random = np.random.default_rng([seed, epoch])
        order = random.permutation(len(self))
        order = order[np.argsort(self._buckets[order], kind="stable")]
        rows, widths = self._batches(order, batch_size)
        drawn = random.permutation(len(rows))
        return Plan([rows[i] for i in drawn], [widths[i] for i in drawn])

    @functools.cached_property
    def _buckets(self) -> np.ndarray:
        """Of each row, the place of the least width that holds it."""
        return np.searchsorted(np.array(self.widths), self.extents)

    def _batches(self, order: np.ndarray, batch_size: int) -> Plan:
        """Rows that are ordered by width in batches, each of the width of its longest row.

        So what is left of one width fills up the first batch of the next.
        """
        rows = [order[first : first + batch_size] for first in range(0, len(order), batch_size)]
        assert self.widths is not None
        return Plan(rows, [self.widths[self._buckets[batch].max()] for batch in rows])

    def _batch(self, rows: np.ndarray, width: int, batch_size: int) -> Batch:
        batch = {}
        for name, array in self.arrays.items():
            found = array.padded(rows, width) if isinstance(array, Ragged) else array[rows]
            batch[name] = np.zeros((batch_size, *found.shape[1:]), found.dtype)
            batch[name][: len(rows)] = found
        real = np.zeros(batch_size, np.float32)
        real[: len(rows)] = 1
        # A mask of the set's own, of weights, is 0 already in the rows that only fill up.
        return {"mask": real, **by_stream(batch), **self._lengths(rows, batch_size)}

    def _lengths(self, rows: np.ndarray, batch_size: int) -> Batch:
        """Of the rows of a batch, 0 of those that fill it up: of all arrays alike, or of each that is apart."""
        found = {}
        for name, array in self.arrays.items():
            if isinstance(array, Ragged):
                found[name] = np.zeros(batch_size, np.int32)
                found[name][: len(rows)] = array.lengths[rows]
        inputs = input_names(found)
        if not {*inputs} & {*self.apart}:
            return {"lengths": found[inputs[0]], **{f"{name}_lengths": found[name] for name in self.apart}}
        others = {f"{name}_lengths": own for name, own in found.items() if name not in inputs}
        return {"lengths": {name.removeprefix(STREAM): found[name] for name in inputs}, **others}
