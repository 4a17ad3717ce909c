"""Splits: batches as pure functions of their number, nothing lost in evaluation."""

import numpy as np
import pytest

from sequence_lab.data.pipeline import TrainingBatches
from sequence_lab.data.share import Share
from sequence_lab.data.splits import Examples, Stream


def examples(size=23):
    return Examples({"inputs": np.arange(size)[:, None] * np.ones((1, 3)), "labels": np.arange(size)})


def test_each_epoch_is_a_permutation_without_repeats():
    split, seen = examples(20), []
    for index in range(8):
        seen.append(split.training_batch(index, 5, seed=3)["labels"])
    first, second = np.concatenate(seen[:4]), np.concatenate(seen[4:])
    assert sorted(first) == sorted(second) == list(range(20))
    assert (first != second).any()
    assert (first != np.arange(20)).any()


def test_the_last_batch_of_an_epoch_is_filled_up_with_rows_that_do_not_count():
    split = examples(23)
    batches = [split.training_batch(index, 5, seed=3) for index in range(5)]
    assert [batch["mask"].sum() for batch in batches] == [5, 5, 5, 5, 3]
    seen = np.concatenate([batch["labels"][batch["mask"] > 0] for batch in batches])
    assert sorted(seen) == list(range(23))
    assert split.training_batch(5, 5, seed=3)["mask"].all()
    (shape,) = split.shapes(5)
    assert {name: (a.shape, a.dtype) for name, a in shape.items()} == {
        name: (a.shape, a.dtype) for name, a in batches[0].items()
    }


def test_a_batch_depends_on_its_number_and_the_seed_alone():
    one, other = examples(), examples()
    for index in (5, 0, 7):
        np.testing.assert_array_equal(
            one.training_batch(index, 4, 1)["labels"], other.training_batch(index, 4, 1)["labels"]
        )
    assert (one.training_batch(0, 4, 1)["labels"] != one.training_batch(0, 4, 2)["labels"]).any()


@pytest.mark.parametrize("batch_size", [1, 4, 23, 50])
def test_evaluation_sees_every_example_once(batch_size):
    seen = []
    for batch in examples().evaluation_batches(batch_size):
        assert batch["inputs"].shape == (batch_size, 3)
        seen += list(batch["labels"][batch["mask"] > 0])
    assert seen == list(range(23))


def test_inputs_and_labels_stay_together():
    batch = examples().training_batch(2, 6, 0)
    np.testing.assert_array_equal(batch["inputs"][:, 0], batch["labels"])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"labels": np.zeros(4)}, r"have .*'labels': 4.* rows; allowed: one number of rows"),
        ({"lengths": np.array([1, 2, 3, 4, 2])}, r"lengths are int64 from 1 to 4; allowed: ints from 0 to 3"),
        ({"lengths": np.array([1, 2, 3, -1, 2])}, r"lengths are int64 from -1 to 3"),
        ({"lengths": np.ones(5)}, r"lengths are float64"),
    ],
)
def test_arrays_that_do_not_go_together_are_refused(arrays, said):
    with pytest.raises(ValueError, match=said):
        Examples({"inputs": np.zeros((5, 3, 1)), **arrays})


@pytest.mark.parametrize("shape", [(5,), (5, 3)], ids=["rows", "steps"])
def test_an_evaluation_keeps_the_data_sets_own_mask(shape):
    mask = np.random.default_rng(0).integers(0, 2, shape).astype(np.float32)
    batches = list(Examples({"inputs": np.zeros((5, 3, 1)), "mask": mask}).evaluation_batches(2))
    masks = np.concatenate([batch["mask"] for batch in batches])
    np.testing.assert_array_equal(masks[:5], mask)
    assert not masks[5:].any()


def test_a_split_smaller_than_the_batch_fills_it_up_in_every_epoch():
    split, orders = examples(5), []
    for index in range(3):
        batch = split.training_batch(index, 8, 0)
        assert batch["inputs"].shape == (8, 3)
        np.testing.assert_array_equal(batch["mask"], [1] * 5 + [0] * 3)
        orders.append(batch["labels"][:5].tolist())
        parts = [split.training_batch(index, 8, 0, Share(part, 4)) for part in range(4)]
        for name, array in batch.items():
            own = np.concatenate([part[name] for part in parts])
            np.testing.assert_array_equal(own[:5], array[:5])
            assert own.shape == array.shape
        np.testing.assert_array_equal(np.concatenate([part["mask"] for part in parts]), batch["mask"])
    assert all(sorted(order) == list(range(5)) for order in orders)
    assert len(set(map(tuple, orders))) > 1


def test_a_batch_without_rows_is_refused():
    with pytest.raises(ValueError, match="batch_size is 0; allowed: 1 or more"):
        examples().training_batch(0, 0, 0)


def stream(length=1000):
    return Stream(np.arange(1, length + 1, dtype=np.int32))


@pytest.mark.parametrize(("k1", "k2"), [(7, 7), (3, 8), (1, 5)])
def test_windows_go_on_where_the_last_ones_stopped(k1, k2):
    split, last = stream(), None
    for index in range(12):
        batch = split.training_batch(index, 4, 0, k1, k2)
        np.testing.assert_array_equal(batch["labels"], batch["inputs"] + 1)
        new = batch["labels"][batch["mask"] > 0].reshape(4, -1)
        assert new.shape[1] == (k2 if index == 0 else k1)
        assert batch["start"].all() == (index == 0)
        if last is not None:
            np.testing.assert_array_equal(new[:, 0], last["labels"][:, -1] + 1)
            np.testing.assert_array_equal(batch["inputs"][:, 0], last["inputs"][:, 0] + k1)
        last = batch


def test_an_epoch_shows_each_symbol_at_most_once_and_nearly_all():
    split = stream()
    windows = [split.training_batch(index, 4, 0, 10, 10) for index in range(200)]
    ends = [i for i, batch in enumerate(windows) if batch["start"].all()]
    epoch = np.concatenate([batch["labels"].ravel() for batch in windows[ends[1] : ends[2]]])
    assert len(set(epoch)) == len(epoch) > 1000 - (4 + 1) * 10
    assert (windows[ends[1]]["labels"][0, 0] != windows[0]["labels"][0, 0]) or (
        windows[ends[2]]["labels"][0, 0] != windows[0]["labels"][0, 0]
    )


@pytest.mark.parametrize(("batch_size", "window"), [(1, 7), (4, 9), (8, 1000), (3, 333)])
def test_stream_evaluation_sees_every_symbol_once_after_its_predecessor(batch_size, window):
    split, seen = stream(997), []
    for index, batch in enumerate(split.evaluation_batches(batch_size, window)):
        assert batch["labels"].shape == (batch_size, window)
        counts = batch["mask"] > 0
        seen += list(batch["labels"][counts])
        np.testing.assert_array_equal(batch["inputs"][counts], batch["labels"][counts] - 1)
        assert batch["start"].all() == (index == 0)
    assert sorted(seen) == list(range(1, 998))


@pytest.mark.parametrize(("batch_size", "k1", "k2"), [(4, 0, 0), (4, 9, 8), (500, 5, 5), (0, 5, 5)])
def test_windows_that_do_not_fit_are_refused(batch_size, k1, k2):
    with pytest.raises(ValueError, match="allowed"):
        stream().training_batch(0, batch_size, 0, k1, k2)


def test_iterator_goes_on_from_its_state():
    whole = TrainingBatches(lambda index: {"n": np.array(index)})
    assert [int(next(whole)["n"]) for _ in range(5)] == [0, 1, 2, 3, 4]
    state = whole.get_state()
    assert int(next(whole)["n"]) == 5
    again = TrainingBatches(lambda index: {"n": np.array(index)})
    again.set_state(state)
    assert [int(next(again)["n"]) for _ in range(3)] == [5, 6, 7]
    assert again.seconds > 0
