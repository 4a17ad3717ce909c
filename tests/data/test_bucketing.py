"""Rows of different lengths: the widths that pad them least, and batches of those widths that lose no row."""

import itertools

import numpy as np
import pytest

from sequence_lab.data import Dataset, Ragged, Sequences, bucketing


def padded_steps(lengths, widths):
    return sum(min(width for width in widths if width >= length) for length in lengths)


@pytest.mark.parametrize("num_shapes", [1, 2, 3, 5, 9])
def test_widths_pad_least_of_all_choices(num_shapes):
    random = np.random.default_rng(num_shapes)
    for _ in range(5):
        lengths = random.integers(0, 12, 20)
        found = bucketing.widths(lengths, num_shapes)
        distinct = sorted(set(np.maximum(lengths, 1).tolist()))
        choices = itertools.combinations(distinct[:-1], min(num_shapes, len(distinct)) - 1)
        best = min(padded_steps(lengths, (*choice, distinct[-1])) for choice in choices)
        assert len(found) <= num_shapes
        assert found[-1] == distinct[-1]
        assert padded_steps(lengths, found) == best


def test_widths_of_very_many_lengths_are_nearly_the_best(monkeypatch):
    lengths = np.random.default_rng(0).integers(0, 900, 500)
    exact = padded_steps(lengths, bucketing.widths(lengths, 4))
    monkeypatch.setattr(bucketing, "MOST_DISTINCT", 100)
    rounded = bucketing.widths(lengths, 4)
    assert rounded[-1] == lengths.max()
    assert exact <= padded_steps(lengths, rounded) < 1.02 * exact


def test_no_shapes_are_refused():
    with pytest.raises(ValueError, match="num_shapes is 0; allowed: 1 or more"):
        bucketing.widths(np.array([1]), 0)


def ragged(lengths, seed=0):
    random = np.random.default_rng(seed)
    return Ragged.of([random.normal(size=(length, 2)).astype(np.float32) for length in lengths])


def test_ragged_rows_come_back_alone_and_padded_and_selected():
    random = np.random.default_rng(1)
    rows = [random.normal(size=(length, 3)) for length in (2, 0, 5, 1)]
    found = Ragged.of(rows)
    for index, row in enumerate(rows):
        np.testing.assert_array_equal(found[index], row)
    chosen = np.array([3, 2, 2, 1])
    padded = found.padded(chosen, 6)
    for place, index in enumerate(chosen):
        np.testing.assert_array_equal(padded[place, : len(rows[index])], rows[index])
        assert not padded[place, len(rows[index]) :].any()
        np.testing.assert_array_equal(found.select(chosen)[place], rows[index])
    with pytest.raises(ValueError, match="a row has 5 steps; allowed: at most 4"):
        found.padded(chosen, 4)
    with pytest.raises(ValueError, match="add up to 3; allowed: 4"):
        Ragged(np.zeros(4), np.array([1, 2]))


LENGTHS = np.array([3, 9, 1, 4, 4, 7, 2, 9, 0, 5, 5, 6, 1])


def sequences(widths=(2, 5, 9)):
    labels = ragged(LENGTHS, 1)
    return Sequences({"inputs": ragged(LENGTHS), "labels": labels, "row": np.arange(len(LENGTHS))}, widths)


def counted(batches):
    return [row for batch in batches for row in batch["row"][batch["mask"] > 0]]


def assert_right(batch, split):
    for place in np.flatnonzero(batch["mask"]):
        row, length = batch["row"][place], batch["lengths"][place]
        assert length == LENGTHS[row]
        for name in ("inputs", "labels"):
            np.testing.assert_array_equal(batch[name][place, :length], split.arrays[name][row])
            assert not batch[name][place, length:].any()
    for name in ("inputs", "labels"):
        assert not batch[name][batch["mask"] == 0].any()


@pytest.mark.parametrize("batch_size", [1, 2, 4, 13, 20])
def test_an_epoch_has_every_row_once_in_one_of_the_planned_shapes(batch_size):
    split = sequences()
    planned = {batch["inputs"].shape for batch in split.shapes(batch_size)}
    assert planned == {(batch_size, width, 2) for width in (2, 5, 9)}
    count = -(-len(LENGTHS) // batch_size)
    epochs = [[split.training_batch(e * count + i, batch_size, 7) for i in range(count)] for e in (0, 1)]
    for batches in (*epochs, list(split.evaluation_batches(batch_size))):
        assert sorted(counted(batches)) == list(range(len(LENGTHS)))
        for batch in batches:
            assert batch["inputs"].shape in planned
            assert_right(batch, split)
    if batch_size < 13:
        assert counted(epochs[0]) != counted(epochs[1])


def test_batches_of_rows_are_no_wider_than_their_rows_need():
    split = sequences()
    for batch in split.evaluation_batches(2):
        assert batch["inputs"].shape[1] == min(width for width in (2, 5, 9) if width >= batch["lengths"].max())


def test_a_batch_depends_on_its_number_and_the_seed_alone():
    one, other = sequences(), sequences()
    for index in (5, 0, 7):
        for name in ("inputs", "row"):
            np.testing.assert_array_equal(
                one.training_batch(index, 3, 1)[name], other.training_batch(index, 3, 1)[name]
            )
    assert counted([one.training_batch(0, 4, 1)]) != counted([one.training_batch(0, 4, 2)])


def test_waste_is_the_share_of_padding():
    split = sequences()
    batches = [split.training_batch(index, 2, 0) for index in range(7)]
    steps = sum(batch["inputs"].shape[0] * batch["inputs"].shape[1] for batch in batches)
    assert split.waste(2) == pytest.approx(1 - LENGTHS.sum() / steps)
    assert "2, 5, 9 steps" in split.account(2)
    assert f"to the longest {1 - LENGTHS.sum() / (9 * 13):.1%}" in split.account(2)


def test_a_data_set_is_bucketed_over_all_its_splits():
    splits = {"train": Sequences({"inputs": ragged([1, 2])}), "test": Sequences({"inputs": ragged([7, 8])})}
    found = Dataset(splits, {}).bucketed(2)
    assert [split.widths for split in found.splits.values()] == [(2, 8), (2, 8)]


@pytest.mark.parametrize(
    ("arrays", "widths", "said"),
    [
        ({"labels": np.zeros(4)}, None, "have .*'labels': 4"),
        ({"labels": ragged([1, 3])}, None, "labels has 3 steps in row 1; allowed: 2, as inputs"),
        ({}, (1,), r"the widths are \(1,\); allowed: the last is 2"),
    ],
)
def test_what_does_not_go_together_is_refused(arrays, widths, said):
    with pytest.raises(ValueError, match=said):
        Sequences({"inputs": ragged([1, 2]), **arrays}, widths)
