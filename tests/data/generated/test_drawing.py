"""All generated tasks: drawn the same way again, splits that differ, training without end, the worth of guessing."""

import inspect

import numpy as np
import pytest

from sequence_lab.data.generated import GENERATED
from sequence_lab.data.splits import Generated

SMALL = {
    "continual_reber": {"length": 60, "test_length": 60},
    "sequence_completion": {},
    "timed_spikes": {"test_length": 120},
}
DRAWN = sorted(set(GENERATED) - {"sequence_completion"})


def made(name, **fields):
    if "num_test" in inspect.signature(GENERATED[name]).parameters:
        fields = {"num_test": 60, "num_train": 0, **fields}
    return GENERATED[name](**SMALL.get(name, {}), **fields)


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_the_same_fields_are_the_same_data_and_splits_differ(name):
    one, other, reseeded = made(name).splits, made(name).splits, made(name, seed=1).splits
    for split in one:
        for key, array in one[split].arrays.items():
            np.testing.assert_array_equal(array, other[split].arrays[key])
    if name == "timed_spikes":
        return  # has one example
    for a, b in ((one["train"], one["test"]), (one["test"], reseeded["test"])):
        rows = min(len(a), len(b))
        assert any((a.arrays[key][:rows, ...] != b.arrays[key][:rows, ...]).any() for key in ("inputs", "labels"))
    if name != "sequence_completion":
        assert (one["validation"].arrays["labels"] != one["test"].arrays["labels"]).any()


@pytest.mark.parametrize("name", DRAWN)
def test_training_without_end_draws_every_batch_anew_from_its_number_and_the_seed(name):
    split, again = (made(name).splits["train"] for _ in range(2))
    assert isinstance(split, Generated)
    batch, same = split.training_batch(7, 24, 1), again.training_batch(7, 24, 1)
    assert all((batch[key] == same[key]).all() for key in batch)
    assert batch["mask"].any(axis=-1 if batch["mask"].ndim == 2 else None).all()
    (shape,) = split.shapes(24)
    assert {k: (a.shape, a.dtype) for k, a in shape.items()} == {k: (a.shape, a.dtype) for k, a in batch.items()}
    others = [split.training_batch(8, 24, 1), split.training_batch(7, 24, 2)]
    if name != "timed_spikes":
        assert all((batch["labels"] != other["labels"]).any() for other in others)


def test_a_number_of_training_examples_keeps_them():
    split = made("adding", num_train=6).splits["train"]
    assert len(split) == 6
    seen = np.concatenate([split.training_batch(index, 3, 0)["labels"] for index in range(2)])
    assert sorted(seen[:, 0]) == sorted(split.arrays["labels"][:, 0])


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("adding", {"num_train": -1}, r"num_train is -1, num_test is 60; allowed: 0, which is without end, or more"),
        ("adding", {"num_test": 0}, r"num_test is 0"),
        ("adding", {"length": 1}, r"dataset.length is 1; allowed: at least 2"),
        ("adding_1997", {"length": 21}, r"dataset.length is 21; allowed: at least 22"),
        ("temporal_order_1997", {"relevant": 4}, r"dataset.relevant is 4; allowed: 2 or 3"),
        ("parity", {"shortest": 11}, r"dataset.shortest is 11; allowed: 0 to 10"),
        ("latch", {"length": 5}, r"dataset.length is 5; allowed: at least 6"),
        ("arithmetic", {"digits": 19}, r"dataset.digits is 19; allowed: at most 18"),
    ],
)
def test_what_is_out_of_range_is_refused(name, fields, said):
    with pytest.raises(ValueError, match=said):
        made(name, **fields)


def most_frequent(arrays):
    """The share of the most frequent label among the places that count."""
    labels, mask = arrays["labels"], arrays.get("mask")
    if labels.ndim == 2 and mask is None:
        mask = np.arange(labels.shape[1]) < arrays.get("lengths", np.full(len(labels), labels.shape[1]))[:, None]
    labels = labels if mask is None else labels[mask > 0]
    return np.bincount(labels.astype(int).ravel()).max() / labels.size


def least_squares(arrays):
    """The mean squared error of always answering the mean."""
    return arrays["labels"].var()


def blank_then_any(arrays):
    """Nats a step of knowing where blanks are, and no symbol."""
    recalled = arrays["labels"] > 0
    kinds = len(np.unique(arrays["labels"][recalled]))
    return np.log(kinds) * recalled.sum() / recalled.size


CHANCE = {
    "adding": (least_squares, {}, 1 / 6),
    "adding_1997": (least_squares, {}, 0.039),
    "arithmetic": (most_frequent, {}, 0.27),
    "copy_memory": (blank_then_any, {"length": 20, "num_symbols": 5}, 5 * np.log(8) / 30),
    "latch": (most_frequent, {}, 1 / 2),
    "memorisation": (blank_then_any, {"length": 20, "values": 5, "positions": 4}, 4 * np.log(5) / 28),
    "multiplication": (least_squares, {}, 0.06),
    "noise_and_signal": (most_frequent, {}, 1 / 2),
    "noisy_targets": (least_squares, {}, 0.09),
    "parity": (most_frequent, {}, 1 / 2),
    "random_lag": (most_frequent, {"lag": 10}, 1 / 2),
    "random_permutation": (most_frequent, {"length": 5, "num_symbols": 6}, 1 / 2),
    "spike_intervals": (most_frequent, {}, 1 / 2),
    "temporal_order": (most_frequent, {}, 1 / 4),
    "temporal_order_1997": (most_frequent, {"relevant": 3}, 1 / 8),
    "timed_spikes": (most_frequent, {"period": 10}, 0.9),
    "two_sequence": (most_frequent, {}, 1 / 2),
    "xml": (most_frequent, {}, 0.12),
}


@pytest.mark.parametrize("name", CHANCE)
def test_guessing_is_worth_what_the_docstring_says(name):
    measure, fields, figure = CHANCE[name]
    fields = {"num_test": 3000, **fields} if name not in ("arithmetic", "xml") else {"num_test": 400, **fields}
    arrays = made(name, **fields).splits["test"].arrays
    np.testing.assert_allclose(measure(arrays), figure, rtol=0.08)
