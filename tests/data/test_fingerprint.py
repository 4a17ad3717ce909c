"""A data set is known again after JSON and on another machine, and one that changed is told from it."""

import json

import numpy as np
import pytest

from sequence_lab.data import Dataset, Examples, Packed, Ragged, Sequences, Vocabulary, characters
from sequence_lab.data.fingerprint import difference, fingerprint

SIZES = np.array([3, 1, 4], np.int32)


def numbers(**changed):
    rng = np.random.default_rng(0)
    arrays = {"inputs": rng.normal(5, 2, (300, 7, 2)).astype(np.float32), "labels": rng.integers(3, size=300)}
    kept = Examples({"inputs": np.ones((2, 7, 2), np.float32), "labels": np.zeros(2, int)})
    return Dataset({"train": Examples({**arrays, **changed}), "validation": kept}, {}, classes=("a", "b", "c"))


def ragged(labels=(0, 1, 2), sizes=SIZES, width=0):
    rows = Sequences({"inputs": Ragged(np.arange(8), sizes), "labels": np.array(labels)})
    steps = Sequences({"inputs": Ragged(np.arange(8), sizes), "labels": Ragged(np.arange(8), sizes)})
    return Dataset({"train": Packed(steps, width) if width else rows}, {}, vocabulary=Vocabulary.of("abc"))


def known_again(before, after):
    return difference(json.loads(json.dumps(fingerprint(before))), fingerprint(after))


@pytest.mark.parametrize("make", [numbers, ragged, lambda: ragged(width=5), lambda: characters({"train": "abracad"})])
def test_the_same_data_are_known_again(make):
    assert known_again(make(), make()) is None


def test_floats_may_differ_as_they_do_between_machines():
    inputs = numbers().splits["train"].arrays["inputs"]
    rounded = inputs * (1 + np.random.default_rng(1).uniform(-1e-5, 1e-5, inputs.shape))
    assert known_again(numbers(), numbers(inputs=rounded.astype(np.float32))) is None


@pytest.mark.parametrize("change", ["one row", "order", "scale", "shift", "number"])
def test_other_floats_are_other_data(change):
    inputs = numbers().splits["train"].arrays["inputs"].copy()
    if change == "one row":
        inputs[17] = inputs[200]
    elif change == "number":
        inputs[17, 3, 1] = np.nan
    else:
        inputs = {"order": inputs[::-1], "scale": inputs * 1.01, "shift": inputs + 0.01}[change]
    assert known_again(numbers(), numbers(inputs=inputs)) == "inputs of train: 300 x 7 x 2 as before, of other values"


def test_one_other_label_symbol_or_length_is_other_data():
    labels = numbers().splits["train"].arrays["labels"].copy()
    labels[299] = (labels[299] + 1) % 3
    assert known_again(numbers(), numbers(labels=labels)) == "labels of train: 300 as before, of other values"
    assert known_again(ragged(), ragged((0, 1, 1))) == "labels of train: 3 as before, of other values"
    assert (
        known_again(ragged(), ragged(sizes=SIZES[::-1])) == "lengths of inputs of train: 3 as before, of other values"
    )
    texts = [characters({"train": text}) for text in ("abcabc", "abcabb", "abcabd", "abcab")]
    assert known_again(texts[0], texts[1]) == "symbols of train: 6 as before, of other values"
    assert known_again(texts[0], texts[2]) == "vocabulary: 4 before, 5 now"
    assert known_again(texts[0], texts[3]) == "symbols of train: 6 before, 5 now"


def test_other_classes_and_other_splits_are_other_data():
    before, splits = numbers(), numbers().splits
    assert known_again(before, Dataset(splits, {}, classes=("a", "b", "d"))) == "classes: 3 as before, of other values"
    fewer = Dataset({"train": splits["train"]}, {}, classes=("a", "b", "c"))
    assert known_again(before, fewer) == "inputs of validation: 2 x 7 x 2 before, not there now"
    assert known_again(fewer, before) == "inputs of validation: not there before, 2 x 7 x 2 now"


def test_integers_that_became_floats_are_other_data():
    labels = numbers().splits["train"].arrays["labels"]
    assert known_again(numbers(), numbers(labels=labels.astype(np.float32))).startswith("labels of train")
    assert known_again(numbers(labels=labels.astype(np.float32)), numbers()).startswith("labels of train")


def test_data_with_gaps_are_known_again():
    inputs = numbers().splits["train"].arrays["inputs"].copy()
    inputs[17, 3, 1] = np.nan
    assert known_again(numbers(inputs=inputs), numbers(inputs=inputs)) is None


def test_a_split_without_rows_has_a_fingerprint():
    empty = Dataset({"test": Examples({"inputs": np.zeros((0, 3), np.float32), "labels": np.zeros(0, int)})}, {})
    assert known_again(empty, empty) is None
