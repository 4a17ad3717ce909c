"""What a split of a data set is: something that makes its n-th batch, as a pure function of (n, seed).

So the whole state of the input side is one number, and resuming it is exact. Arrays stay decoded in memory and a
batch is one gather per array; order comes from a permutation per epoch.

A batch is a dict of NumPy arrays with a leading batch axis: ``inputs``, ``labels`` and, where they apply,
``lengths`` (real steps per row), ``mask`` (which rows, or which steps, count), ``start`` (rows of a stream whose
carry starts anew here) and ``resets`` (steps of a packed row where a sequence begins). Where streams of inputs have
lengths of their own, ``inputs`` and ``lengths`` are dictionaries by stream, and ``labels_lengths`` are those of the
labels and of the outputs that are held against them. Where several processes train one model, each makes its ``share``
of every batch.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sequence_lab.data.bucketing import widths
from sequence_lab.data.packing import Packed
from sequence_lab.data.sequences import Batch, Sequences, by_stream, check_batch_size, input_names
from sequence_lab.data.share import WHOLE, Share
from sequence_lab.data.tokens import Tokens
from sequence_lab.data.vocabulary import Vocabulary

Arrays = dict[str, np.ndarray]
Draw = Callable[[np.random.Generator, int], Arrays]  # so many examples, always of the same shapes


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """Independent examples: arrays that share their first axis; see the module for their names.

    Several streams of inputs are arrays inputs/NAME, of which a batch makes a dictionary.

    Raises:
      ValueError: they do not, or a length is not an int from 0 to the steps of ``inputs``.
    """

    arrays: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        sizes = {name: len(array) for name, array in self.arrays.items()}
        if len(set(sizes.values())) != 1:
            raise ValueError(f"the arrays of the examples have {sizes} rows; allowed: one number of rows for all")
        lengths = self.arrays.get("lengths")
        if lengths is None or not len(lengths):
            return
        steps = self.arrays[input_names(self.arrays)[0]].shape[1]
        if not np.issubdtype(lengths.dtype, np.integer) or not 0 <= lengths.min() <= lengths.max() <= steps:
            raise ValueError(
                f"lengths are {lengths.dtype} from {lengths.min()} to {lengths.max()}; allowed: ints from 0 to {steps}"
            )

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def training_batch(self, index: int, batch_size: int, seed: int, share: Share = WHOLE) -> Batch:
        """The ``index``-th batch of an endless training run; each epoch shuffles anew and has every example once.

        The last batch of an epoch, which is the only one of a small split, is filled up with rows whose mask is 0.

        Raises:
          ValueError: ``batch_size`` is less than 1.
        """
        check_batch_size(batch_size)
        epoch, position = divmod(index, -(-len(self) // batch_size))
        rows = self._order(seed, epoch)[position * batch_size :][:batch_size]
        return self._batch(share.of(rows, batch_size), share.size(batch_size))

    def evaluation_batches(self, batch_size: int, share: Share = WHOLE) -> Iterator[Batch]:
        """Every example once, in order; the last batch is filled up with rows whose mask is 0, all steps of it."""
        for first in range(0, len(self), batch_size):
            rows = np.arange(first, min(first + batch_size, len(self)))
            yield self._batch(share.of(rows, batch_size), share.size(batch_size))

    def evaluation_order(self) -> np.ndarray:
        """Which example each row of the evaluation batches is."""
        return np.arange(len(self))

    def shapes(self, batch_size: int) -> list[Batch]:
        """A batch in each of the shapes that batches have: one."""
        return [self._batch(np.zeros(0, int), batch_size)]

    def _batch(self, rows: np.ndarray, batch_size: int) -> Batch:
        filled = np.concatenate([rows, np.zeros(batch_size - len(rows), int)])
        real = (np.arange(batch_size) < len(rows)).astype(np.float32)
        batch = {name: array[filled] for name, array in self.arrays.items()}
        own = batch.get("mask", np.ones(batch_size, np.float32))
        return {**by_stream(batch), "mask": own * real.reshape(-1, *(1,) * (own.ndim - 1))}

    @functools.lru_cache(maxsize=2)  # noqa: B019 (a split lives as long as its run)
    def _order(self, seed: int, epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(len(self))


@dataclasses.dataclass(frozen=True, eq=False)
class Generated(Examples):
    """Training examples without end: each batch is drawn anew, so that nothing is stored and nothing repeats.

    ``arrays`` are some of them, which stand for all wherever examples are counted, shown or evaluated.

    Attributes:
      seed: a batch is drawn from it, the run's seed and the batch's number.
    """

    draw: Draw
    seed: int

    @classmethod
    def by(cls, draw: Draw, seed: int, shown: int = 256) -> "Generated":
        """What ``draw`` draws; ``shown`` of them in ``arrays``."""
        return cls(draw(np.random.default_rng([seed, 0]), shown), draw, seed)

    def training_batch(self, index: int, batch_size: int, seed: int, share: Share = WHOLE) -> Batch:
        """The ``index``-th batch; all of its rows count.

        Raises:
          ValueError: ``batch_size`` is less than 1.
        """
        check_batch_size(batch_size)
        arrays = self.draw(np.random.default_rng([self.seed, 0, seed, index]), batch_size)
        return Examples(arrays)._batch(share.of(np.arange(batch_size), batch_size), share.size(batch_size))


@dataclasses.dataclass(frozen=True, eq=False)
class Stream:
    """One long text: B places in it are read side by side, window after window, to predict each symbol.

    ``labels`` are the symbols and ``inputs`` the symbols before them; the very first one is predicted from id 0.
    """

    tokens: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)

    def training_batch(self, index: int, batch_size: int, seed: int, k1: int, k2: int, share: Share = WHOLE) -> Batch:
        """The ``index``-th window, for back-propagation through time truncated to (k1, k2).

        A window holds k2 steps and starts k1 steps after the one before; the steps it shares with that one are
        there for the gradient to go through and do not count again. Every epoch cuts the text at another offset, and
        what is left of it around the rows' windows, fewer than (batch_size + 1) * k1 symbols, is no label in it: of
        PTB's 929,589 words in 20 rows of 35, 689.

        Raises:
          ValueError: the text is too short for ``batch_size`` windows, or not 1 <= k1 <= k2.
        """
        if not 1 <= k1 <= k2:
            raise ValueError(f"k1 is {k1} and k2 is {k2}; allowed for a stream: 1 <= k1 <= k2")
        steps_per_row = (len(self) - k1) // batch_size if batch_size > 0 else 0
        windows = (steps_per_row - k2) // k1 + 1
        if windows < 1:
            raise ValueError(
                f"batch_size is {batch_size} with windows of {k2}; allowed: at most {(len(self) - k1) // k2} rows "
                f"of a text of {len(self)} symbols"
            )
        epoch, window = divmod(index, windows)
        offset = 1 + np.random.default_rng([seed, epoch]).integers(k1)
        first_B = offset + share.of(np.arange(batch_size), batch_size) * steps_per_row + window * k1
        position_BT = first_B[:, None] + np.arange(k2)
        counts_T = np.ones(k2, np.float32) if window == 0 else (np.arange(k2) >= k2 - k1).astype(np.float32)
        return {
            "inputs": self.tokens[position_BT - 1],
            "labels": self.tokens[position_BT],
            "mask": np.broadcast_to(counts_T, position_BT.shape),
            "start": np.full(len(first_B), window == 0),
        }

    def evaluation_batches(self, batch_size: int, window: int, share: Share = WHOLE) -> Iterator[Batch]:
        """Every symbol once: the text in ``batch_size`` pieces side by side, ``window`` steps a batch."""
        steps_per_row = -(-len(self) // batch_size)
        first_B = share.of(np.arange(batch_size), batch_size) * steps_per_row
        for first in range(0, steps_per_row, window):
            step_T = first + np.arange(window)
            position_BT = first_B[:, None] + step_T
            counts_BT = (step_T < steps_per_row) & (position_BT < len(self))
            position_BT = np.where(counts_BT, position_BT, 0)
            yield {
                "inputs": np.where(position_BT > 0, self.tokens[position_BT - 1], 0).astype(np.int32),
                "labels": self.tokens[position_BT],
                "mask": counts_BT.astype(np.float32),
                "start": np.full(len(first_B), first == 0),
            }


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Splits by name ("train", "validation", "test"), and what a model may ask about them.

    Attributes:
      facts: fills in the fields of a model that carry the same names: ``num_outputs``, ``vocabulary_size``. Where
        ``frame_seconds`` is there, labels at every step are scored as segments of recordings, too.
      vocabulary: of symbols, where there are any.
      classes: names of the labels, or of the numbers of each.
      digests: by split, 64 bits of what each row was made of, uint64, which tell rows apart whose inputs are alike, as
        texts are that differ in words outside the vocabulary, or after the length at which they are cut.
      steps_per_quarter: of music, each of whose steps is a frame of keys: steps of a quarter note; 0: it is none.
      targets: of pairs of texts, the targets of the test split as they were read, by row: with words that are outside
        the vocabulary, and whole where the ids are cut.
    """

    splits: Mapping[str, Examples | Sequences | Packed | Stream]
    facts: Mapping[str, Any]
    vocabulary: Vocabulary | Tokens | None = None
    classes: tuple[str, ...] = ()
    steps_per_quarter: int = 0
    digests: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    targets: Sequence[str] = ()

    def packed(self, width: int) -> "Dataset":
        """With the training sequences in rows of so many steps, see ``Packed``; 0: as they are.

        Evaluations read every sequence in a row of its own, as predictions are of one.

        Raises:
          ValueError: the training split is of another kind.
        """
        train = self.splits["train"]
        if not width:
            return self
        if not isinstance(train, Sequences):
            kind = "one text" if isinstance(train, Stream) else "rows of one length"
            raise ValueError(f"packed_width is {width}; allowed on {kind}: 0")
        return dataclasses.replace(self, splits={**self.splits, "train": Packed(train, width)})

    def bucketed(self, num_shapes: int) -> "Dataset":
        """With rows of different lengths in batches of at most so many widths, those that pad all splits least."""
        ragged = {name: split for name, split in self.splits.items() if isinstance(split, Sequences)}
        if not ragged:
            return self
        chosen = widths(np.concatenate([split.extents for split in ragged.values()]), num_shapes)
        return dataclasses.replace(
            self, splits={**self.splits, **{name: split.bucketed(chosen) for name, split in ragged.items()}}
        )
