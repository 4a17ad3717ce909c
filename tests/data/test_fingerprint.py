"""A data set is known again after JSON and on another machine, and one that changed is told from it."""

import json

import numpy as np
import pytest

from sequence_lab.data import Dataset, Examples, Packed, Ragged, Sequences, Vocabulary, characters
from sequence_lab.data.fingerprint import difference, fingerprint

SIZES = np.array([3, 1, 4], np.int32)


def numbers(inputs=None, labels=None):
    """Windows of channels that differ, or without a mean as sound has none; several of them in each part."""
    if inputs is None:
        inputs = np.random.default_rng(0).normal([5, -1], [2, 1], (2000, 70, 2)).astype(np.float32)
    if labels is None:
        labels = np.random.default_rng(1).integers(3, size=2000)
    kept = Examples({"inputs": np.ones((2, 70, 2), np.float32), "labels": np.zeros(2, int)})
    splits = {"train": Examples({"inputs": inputs, "labels": labels}), "validation": kept}
    return Dataset(splits, {"num_outputs": 3}, classes=("a", "b", "c"))


def ragged(labels=(0, 1, 2), sizes=SIZES, width=0, first=0):
    values = np.arange(first, first + 8)
    rows = Sequences({"inputs": Ragged(values, sizes), "labels": np.array(labels)})
    steps = Sequences({"inputs": Ragged(values, sizes), "labels": Ragged(values, sizes)})
    return Dataset({"train": Packed(steps, width) if width else rows}, {}, vocabulary=Vocabulary.of("abc"))


def arrays(dataset):
    return dataset.splits["train"].arrays


def known_again(before, after):
    return difference(json.loads(json.dumps(fingerprint(before))), fingerprint(after))


@pytest.mark.parametrize("make", [numbers, ragged, lambda: ragged(width=5), lambda: characters({"train": "abracad"})])
def test_the_same_data_are_known_again(make):
    assert known_again(make(), make()) is None


def test_floats_may_differ_as_they_do_between_machines_and_integers_in_their_width():
    inputs, labels = arrays(numbers())["inputs"], arrays(numbers())["labels"]
    rounded = inputs * (1 + np.random.default_rng(1).uniform(-1e-5, 1e-5, inputs.shape))
    assert known_again(numbers(), numbers(inputs=rounded.astype(np.float32))) is None
    assert known_again(numbers(), numbers(labels=labels.astype(np.uint8))) is None


def test_data_that_are_not_all_finite_are_known_again():
    inputs = arrays(numbers())["inputs"].copy()
    inputs[17, 3, 1], inputs[18, 3, 1], inputs[::20, 0, 0] = np.nan, -np.inf, np.nan
    assert known_again(numbers(inputs=inputs), numbers(inputs=inputs.copy())) is None


def with_row(inputs, number, row):
    return np.concatenate([inputs[:number], np.broadcast_to(row, (1, *inputs.shape[1:])), inputs[number + 1 :]])


CHANGES = {
    "one row silent": lambda x: with_row(x, 17, 0),
    "one row another": lambda x: with_row(x, 17, x[200]),
    "one row backwards": lambda x: with_row(x, 17, x[17, ::-1]),
    "two rows exchanged": lambda x: with_row(with_row(x, 17, x[18]), 18, x[17]),
    "sign": lambda x: -x,
    "scale": lambda x: x * 1.01,
    "shift": lambda x: x + 0.01,
    "order": lambda x: x[::-1],
    "channels": lambda x: x[..., ::-1],
    "smooth": lambda x: (x + np.roll(x, 1, axis=1)) / 2,
    "nothing": np.zeros_like,
    "a gap": lambda x: np.where(np.arange(x.size).reshape(x.shape) == 7, np.nan, x),
}  # fmt: skip


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_other_floats_are_other_data(change, centred, gaps):
    inputs = arrays(numbers())["inputs"]
    if centred:
        inputs = np.random.default_rng(2).normal(size=inputs.shape).astype(np.float32)
    if gaps:
        inputs = inputs.copy()
        inputs[::20, 0, 0], inputs[5, 5, 1] = np.nan, -np.inf
    other = np.ascontiguousarray(CHANGES[change](inputs)).astype(np.float32)
    found = known_again(numbers(inputs=inputs), numbers(inputs=other))
    assert found == "inputs of train: 2,000 x 70 x 2 as before, of other values"


def test_one_other_label_symbol_or_length_is_other_data():
    labels = arrays(numbers())["labels"].copy()
    labels[1999] = (labels[1999] + 1) % 3
    assert known_again(numbers(), numbers(labels=labels)) == "labels of train: 2,000 as before, of other values"
    assert known_again(ragged(), ragged((0, 1, 1))) == "labels of train: 3 as before, of other values"
    turned = ragged(sizes=SIZES[::-1])
    assert known_again(ragged(), turned) == "lengths of inputs of train: 3 as before, of other values"
    assert known_again(ragged(width=5), ragged(width=5, first=1)) == "inputs of train: 8 as before, of other values"
    texts = [characters({"train": text}) for text in ("abcabc", "abcabb", "abcabd", "abcab")]
    assert known_again(texts[0], texts[1]) == "symbols of train: 6 as before, of other values"
    assert known_again(texts[0], texts[2]) == "vocabulary: 4 before, 5 now"
    assert known_again(texts[0], texts[3]) == "symbols of train: 6 before, 5 now"


def test_other_classes_facts_targets_and_splits_are_other_data():
    before, splits, facts = numbers(), numbers().splits, {"num_outputs": 3}
    other = Dataset(splits, facts, classes=("a", "b", "d"))
    assert known_again(before, other) == "classes: 3 as before, of other values"
    other = Dataset(splits, {"num_outputs": 4}, classes=before.classes)
    assert known_again(before, other) == "facts: 1 as before, of other values"
    targets = [Dataset(splits, facts, targets=("one", words)) for words in ("two", "too")]
    assert known_again(*targets) == "targets of test: 2 as before, of other values"
    digests = [Dataset(splits, facts, digests={"train": np.array([1, last], np.uint64)}) for last in (2, 2**63)]
    assert known_again(*digests) == "what was read of train: 2 as before, of other values"
    fewer = Dataset({"train": splits["train"]}, facts, classes=before.classes)
    assert known_again(before, fewer) == "inputs of validation: 2 x 70 x 2 before, not there now"
    assert known_again(fewer, before) == "inputs of validation: not there before, 2 x 70 x 2 now"


def test_integers_that_became_floats_are_other_data():
    labels = arrays(numbers())["labels"]
    assert known_again(numbers(), numbers(labels=labels.astype(np.float32))).startswith("labels of train")
    assert known_again(numbers(labels=labels.astype(np.float32)), numbers()).startswith("labels of train")


def test_what_another_release_kept_is_of_other_values():
    now = fingerprint(numbers())
    for kept in ({}, {"size": [2000, 70, 2]}, {"size": [2000, 70, 2], "statistics": [[0.0] * 4], "spread": 1.0}):
        assert difference({**now, "inputs of train": kept}, now).startswith("inputs of train: ")


def test_a_split_without_rows_has_a_fingerprint():
    empty = Dataset({"test": Examples({"inputs": np.zeros((0, 3), np.float32), "labels": np.zeros(0, int)})}, {})
    assert known_again(empty, empty) is None
