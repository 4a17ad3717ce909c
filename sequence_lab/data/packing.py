"""Several sequences one after the other in a row, for models that have an output at every step."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Batch, Sequences, by_stream, check_batch_size
from sequence_lab.data.share import WHOLE, Share


def first_fit(lengths: np.ndarray, width: int) -> np.ndarray:
    """The row of each sequence, if each goes to the first row that has room for it: ints from 0 on.

    Of descending lengths it takes at most 11/9 of the fewest rows, and 2/3 of one more (Dósa 2007, "The tight bound of
    first fit decreasing bin-packing"). All of one length are dealt at once: O(distinct lengths * rows).

    Args:
      lengths: 1 to ``width``, descending.
    """
    room, found = np.zeros(0, int), [np.zeros(0, int)]
    distinct, counts = np.unique(lengths, return_counts=True)
    for length, count in zip(distinct[::-1], counts[::-1], strict=True):
        room = np.append(room, np.full(-(-count // (width // length)), width))
        fits = room // length
        taken = np.clip(count - (np.cumsum(fits) - fits), 0, fits)
        found.append(np.repeat(np.arange(len(room)), taken))
        room = room - taken * length
        room = room[room < width]  # rows that stayed empty are the last ones
    return np.concatenate(found)


class Plan(NamedTuple):
    """Sequences, row after row, and the row of each."""

    sequences: np.ndarray
    rows: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Packed:
    """Sequences with labels at every step, put one after the other into rows of ``width`` steps.

    So short sequences make nearly full rows, and one program is compiled. A batch is as one of ``Sequences``, but for
    ``lengths``, the steps that are used of a row, ``mask``, which is one of steps, and besides ``resets [B, T]``, True
    where a sequence begins.

    Which lengths share a row is always the same; which sequences of these lengths do is drawn in every epoch.

    Attributes:
      sequences: all their arrays have a value for every step; a mask may have one for every row.
      width: steps of a row.

    Raises:
      ValueError: an array has others, or ``width`` is less than the longest sequence.
    """

    sequences: Sequences
    width: int

    def __post_init__(self) -> None:
        for name, array in self.arrays.items():
            if not isinstance(array, Ragged) or name in self.sequences.apart:
                each = "lengths of its own" if isinstance(array, Ragged) else "one value for a whole row"
                raise ValueError(
                    f"packed_width is {self.width}, and {name} has {each}; allowed: 0, or a value of every array for "
                    "every step of the inputs"
                )
        longest = max(1, self.lengths.max(initial=0))
        if self.width < longest:
            raise ValueError(f"packed_width is {self.width}; allowed: 0, or {longest}, the longest row, or more")

    @functools.cached_property
    def arrays(self) -> Mapping[str, np.ndarray | Ragged]:
        """Those of the sequences; a mask of rows as one of steps."""
        arrays = dict(self.sequences.arrays)
        if isinstance(mask := arrays.get("mask"), np.ndarray):
            arrays["mask"] = Ragged(np.repeat(mask, self.lengths), self.lengths)
        return arrays

    @property
    def lengths(self) -> np.ndarray:
        return self.sequences.lengths

    def __len__(self) -> int:
        """Number of sequences."""
        return len(self.sequences)

    @functools.cached_property
    def num_rows(self) -> int:
        """Rows that the sequences fill, in every epoch."""
        return int(self._rows.max(initial=-1)) + 1

    def training_batch(self, index: int, batch_size: int, seed: int, share: Share = WHOLE) -> Batch:
        """The ``index``-th batch of an endless training run; each epoch shuffles anew and has every sequence once.

        The last batch of an epoch, which is the only one of a small split, is filled up with empty rows.

        Raises:
          ValueError: ``batch_size`` is less than 1.
        """
        check_batch_size(batch_size)
        epoch, position = divmod(index, -(-self.num_rows // batch_size))
        return self._batch(self._drawn(seed, epoch), position, batch_size, share)

    def evaluation_batches(self, batch_size: int, share: Share = WHOLE) -> Iterator[Batch]:
        """Every sequence once."""
        plan = self._plan(np.arange(len(self)), np.arange(self.num_rows))
        for position in range(-(-self.num_rows // batch_size)):
            yield self._batch(plan, position, batch_size, share)

    def shapes(self, batch_size: int) -> list[Batch]:
        """A batch of zeros in the one shape that batches have."""
        nothing = np.zeros(0, int)
        return [self._batch(Plan(nothing, nothing), 0, batch_size, WHOLE)]

    def waste(self, batch_size: int) -> float:
        """The share of the steps of an epoch's batches that are padding."""
        rows = -(-self.num_rows // batch_size) * batch_size
        return 1 - self.lengths.sum() / (rows * self.width)

    def account(self, batch_size: int) -> str:
        """In words: how many rows there are, and how full."""
        return (
            f"{len(self):,} sequences are packed into {self.num_rows:,} rows of {self.width} steps: "
            f"{self.waste(batch_size):.1%} padding"
        )

    @functools.cached_property
    def _rows(self) -> np.ndarray:
        """Rows of the sequences in order of length, the longest first; those without a step have none."""
        descending = np.sort(self.lengths)[::-1]
        return first_fit(descending[descending > 0], self.width)

    @functools.lru_cache(maxsize=2)  # noqa: B019 (a split lives as long as its run)
    def _drawn(self, seed: int, epoch: int) -> Plan:
        random = np.random.default_rng([seed, epoch])
        return self._plan(random.permutation(len(self)), random.permutation(self.num_rows))

    def _plan(self, order: np.ndarray, names: np.ndarray) -> Plan:
        """Sequences of one length are dealt in that order, and the i-th row of ``first_fit`` is called ``names[i]``."""
        order = order[np.argsort(-self.lengths[order], kind="stable")][: len(self._rows)]
        rows = names[self._rows]
        by_row = np.argsort(rows, kind="stable")
        return Plan(order[by_row], rows[by_row])

    def _batch(self, plan: Plan, position: int, batch_size: int, share: Share) -> Batch:
        names_B = share.of(position * batch_size + np.arange(batch_size), batch_size)
        batch_size = len(names_B)
        first, end = np.searchsorted(plan.rows, [names_B[0], names_B[-1] + 1])
        chosen, rows_S = plan.sequences[first:end], plan.rows[first:end] - names_B[0]
        lengths_S = self.lengths[chosen]
        lengths_B = np.bincount(rows_S, lengths_S, batch_size).astype(np.int32)
        before_S = np.cumsum(lengths_S) - lengths_S  # steps of the sequences before, in all rows
        resets_BT = np.zeros((batch_size, self.width), bool)
        resets_BT[rows_S, before_S - (np.cumsum(lengths_B) - lengths_B)[rows_S]] = True
        batch = {}
        for name, array in self.arrays.items():
            assert isinstance(array, Ragged)
            batch[name] = Ragged(array.select(chosen).values, lengths_B).padded(np.arange(batch_size), self.width)
        real_BT = (np.arange(self.width) < lengths_B[:, None]).astype(np.float32)
        return {"mask": real_BT, **by_stream(batch), "lengths": lengths_B, "resets": resets_BT}
