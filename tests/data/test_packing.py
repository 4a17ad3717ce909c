"""Packing: every sequence once and whole, rows nearly full, resets where sequences begin."""

import time

import numpy as np
import pytest

from sequence_lab.data import Dataset, Examples, Packed, Ragged, Sequences, Stream
from sequence_lab.data.bucketing import widths
from sequence_lab.data.packing import first_fit

LENGTHS = np.array([3, 9, 1, 4, 4, 7, 2, 9, 0, 5, 5, 6, 1])


def one_by_one(lengths, width):
    """First fit, as it is described."""
    room, rows = [], []
    for length in lengths:
        row = next((row for row, left in enumerate(room) if left >= length), len(room))
        room += [width] * (row == len(room))
        room[row] -= length
        rows.append(row)
    return rows


@pytest.mark.parametrize("seed", range(20))
def test_first_fit_is_that_of_one_sequence_after_the_other(seed):
    random = np.random.default_rng(seed)
    width = int(random.integers(1, 40))
    lengths = np.sort(random.integers(1, width + 1, random.integers(0, 80)))[::-1]
    assert list(first_fit(lengths, width)) == one_by_one(lengths, width)


def test_a_hundred_thousand_sequences_are_packed_in_a_second_or_so():
    lengths = np.random.default_rng(0).geometric(1 / 40, 100_000).clip(1, 500)
    split = Packed(Sequences({"inputs": Ragged(np.zeros(lengths.sum(), bool), lengths)}), 512)
    started = time.process_time()
    split.training_batch(0, 32, 0)
    assert time.process_time() - started < 3
    assert split.waste(32) < 0.01


def sequences(lengths=LENGTHS, **arrays):
    """Inputs [T, 2] and labels [T] that tell the sequence and the step of each."""
    numbers = np.repeat(np.arange(len(lengths)), lengths)
    steps = np.concatenate([np.arange(length) for length in lengths])
    inputs, labels = np.stack([numbers, steps], -1) + 1.0, 1 + 100 * numbers + steps
    return Sequences({"inputs": Ragged(inputs, lengths), "labels": Ragged(labels, lengths), **arrays})


def read(batch):
    """The sequences in a batch, as its resets cut it."""
    found = []
    for row, length in enumerate(batch["lengths"].tolist()):
        starts = np.flatnonzero(batch["resets"][row])
        assert list(starts[:1]) == [0] * min(length, 1)
        for first, end in zip(starts, [*starts[1:], length][: len(starts)], strict=True):
            numbers, steps = batch["inputs"][row, first:end].T - 1
            assert len(set(numbers)) == 1
            assert list(steps) == list(range(LENGTHS[int(numbers[0])]))
            np.testing.assert_array_equal(batch["labels"][row, first:end], 1 + 100 * numbers + steps)
            found.append(int(numbers[0]))
        np.testing.assert_array_equal(batch["mask"][row], np.arange(batch["mask"].shape[1]) < length)
        assert not batch["inputs"][row, length:].any()
        assert not batch["labels"][row, length:].any()
    return found


@pytest.mark.parametrize(("batch_size", "width"), [(1, 9), (2, 10), (4, 13), (1, 100)])
def test_an_epoch_has_every_sequence_once_and_whole(batch_size, width):
    split = Packed(sequences(), width)
    count = -(-split.num_rows // batch_size)
    epochs = [[split.training_batch(e * count + i, batch_size, 7) for i in range(count)] for e in (0, 1)]
    shapes = [{name: (x.shape, x.dtype) for name, x in batch.items()} for batch in split.shapes(batch_size)]
    for batches in (*epochs, list(split.evaluation_batches(batch_size))):
        found = [number for batch in batches for number in read(batch)]
        assert sorted(found) == list(np.flatnonzero(LENGTHS))
        assert shapes * len(batches) == [{name: (x.shape, x.dtype) for name, x in b.items()} for b in batches]
    if width < 100:
        assert [read(batch) for batch in epochs[0]] != [read(batch) for batch in epochs[1]]


def test_a_batch_depends_on_its_number_and_the_seed_alone():
    one, other = Packed(sequences(), 10), Packed(sequences(), 10)
    for index in (5, 0, 7):
        for name, array in one.training_batch(index, 2, 1).items():
            np.testing.assert_array_equal(array, other.training_batch(index, 2, 1)[name])
    assert read(one.training_batch(0, 3, 1)) != read(one.training_batch(0, 3, 2))


def test_which_sequences_share_a_row_is_drawn_anew():
    lengths = np.repeat([2, 3, 4], 20)
    split = Packed(sequences(lengths), 9)
    together = set()
    for epoch in range(3):
        (batch,) = [split.training_batch(epoch, split.num_rows, 0)]
        numbers = batch["inputs"][..., 0]
        together |= {(epoch, frozenset(row[row > 0])) for row in numbers}
    rows = [{row for own, row in together if own == epoch} for epoch in range(3)]
    assert not rows[0] & rows[1] & rows[2]


def test_short_sequences_waste_less_than_in_buckets():
    lengths = np.random.default_rng(1).integers(1, 30, 4000)
    alone = sequences(lengths)
    assert Packed(alone, 64).waste(16) < 0.02 < alone.bucketed(widths(lengths, 4)).waste(16)


def test_waste_is_the_share_of_padding():
    split = Packed(sequences(), 10)
    batches = [split.training_batch(index, 4, 0) for index in range(2)]
    assert split.waste(4) == pytest.approx(1 - LENGTHS.sum() / sum(batch["mask"].size for batch in batches))
    assert split.account(4) == f"13 sequences are packed into 6 rows of 10 steps: {split.waste(4):.1%} padding"


@pytest.mark.parametrize("of_rows", [True, False])
def test_a_mask_of_the_set_is_one_of_steps(of_rows):
    weights = np.arange(len(LENGTHS)) / 4
    mask = weights if of_rows else Ragged(np.repeat(weights, LENGTHS), LENGTHS)
    (batch,) = Packed(sequences(mask=mask), 10).evaluation_batches(6)
    number = batch["inputs"][..., 0] - 1
    np.testing.assert_array_equal(batch["mask"], np.where(number >= 0, number / 4, 0))


def test_streams_of_inputs_stay_streams():
    streams = {f"inputs/{name}": sequences().arrays["inputs"] for name in "ab"}
    (batch,) = Packed(Sequences({**streams, "labels": sequences().arrays["labels"]}), 10).evaluation_batches(6)
    assert sorted(batch["inputs"]) == ["a", "b"]
    assert len(read({**batch, "inputs": batch["inputs"]["b"]})) == 12


def test_a_data_set_packs_what_it_trains_on_and_buckets_the_rest():
    found = Dataset({"train": sequences(), "test": sequences(LENGTHS[:4])}, {}).packed(20).bucketed(2)
    assert (found.splits["train"].width, found.splits["test"].widths) == (20, (4, 9))
    unpacked = Dataset({"train": sequences()}, {})
    assert unpacked.packed(0) is unpacked


@pytest.mark.parametrize(
    ("split", "width", "said"),
    [
        (sequences(), 8, "packed_width is 8; allowed: 0, or 9, the longest row, or more"),
        (sequences(labels=np.arange(13)), 20, "packed_width is 20, and labels has one value for a whole row; allowed"),
        (Sequences(sequences().arrays, apart=("labels",)), 20, "labels has lengths of its own; allowed: 0, or"),
        (Examples({"inputs": np.zeros((3, 2))}), 20, "packed_width is 20; allowed on rows of one length: 0"),
        (Stream(np.zeros(9, np.int32)), 20, "packed_width is 20; allowed on one text: 0"),
    ],
)
def test_what_cannot_be_packed_is_refused(split, width, said):
    with pytest.raises(ValueError, match=said):
        Dataset({"train": split}, {}).packed(width)


def test_a_batch_of_more_rows_than_there_are_is_filled_up_with_empty_ones():
    split = Packed(sequences(), 10)
    for index in range(3):
        batch = split.training_batch(index, 8, 0)
        assert batch["inputs"].shape == (8, 10, 2)
        assert not batch["lengths"][split.num_rows :].any()
        assert not batch["mask"][split.num_rows :].any()
        assert len(read(batch)) == np.count_nonzero(LENGTHS)
    with pytest.raises(ValueError, match="batch_size is 0; allowed: 1 or more"):
        split.training_batch(0, 0, 0)
