"""Arrays from a user's .npz files."""

import numpy as np
import pytest

from sequence_lab.data import Examples, Ragged, Sequences
from sequence_lab.data.own.arrays import arrays

ALL_TRAINING = {"validation": 0.0, "test": 0.0}


@pytest.fixture
def save(tmp_path):
    def saved(name="a.npz", **held):
        np.savez(tmp_path / name, **held)
        return str(tmp_path / name)

    return saved


def series(count=8, steps=5, channels=2):
    return np.random.default_rng(0).normal(size=(count, steps, channels))


def test_a_class_for_each_row(save):
    inputs, labels = series(20), np.arange(20) % 4
    dataset = arrays(save(inputs=inputs, labels=labels), validation=0.25, test=0.2)
    assert dataset.facts == {"num_outputs": 4}
    assert dataset.classes == ("0", "1", "2", "3")
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 12, "validation": 4, "test": 4}
    for split in dataset.splits.values():
        assert isinstance(split, Examples)
        assert split.arrays["inputs"].dtype == np.float32
        for own, label in zip(split.arrays["inputs"], split.arrays["labels"], strict=True):
            (row,) = np.flatnonzero(np.isclose(inputs[:, 0, 0], own[0, 0]))
            np.testing.assert_allclose(own, inputs[row], rtol=1e-6)
            assert label == labels[row]
    np.testing.assert_array_equal(np.bincount(dataset.splits["test"].arrays["labels"]), [1, 1, 1, 1])


def test_images_and_bytes_stay_in_their_shape(save):
    images = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), np.uint8)
    found = arrays(save(inputs=images, labels=np.arange(6) % 2), **ALL_TRAINING).splits["train"].arrays["inputs"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, images)


def test_what_stands_after_the_end_of_a_row_does_not_matter(save):
    inputs, lengths = series(), np.array([5, 2, 0, 1, 5, 3, 4, 2])
    for row, length in enumerate(lengths):
        inputs[row, length:] = np.nan
    dataset = arrays(save(inputs=inputs, labels=np.arange(8) % 2, lengths=lengths), **ALL_TRAINING)
    split = dataset.splits["train"]
    assert isinstance(split, Sequences)
    np.testing.assert_array_equal(split.lengths, lengths)
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(split.arrays["inputs"][row], inputs[row, :length], rtol=1e-6)


def test_a_class_for_each_step(save):
    labels, lengths = np.arange(40).reshape(8, 5) % 3, np.array([5, 2, 3, 1, 5, 3, 4, 2])
    for row, length in enumerate(lengths):
        labels[row, length:] = 99
    dataset = arrays(save(inputs=series(), labels=labels, lengths=lengths), **ALL_TRAINING)
    found = dataset.splits["train"].arrays["labels"]
    assert dataset.facts == {"num_outputs": 3}
    assert isinstance(found, Ragged)
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(found[row], labels[row, :length])
    whole = arrays(save(inputs=series(), labels=np.arange(40).reshape(8, 5) % 3), **ALL_TRAINING)
    assert whole.splits["train"].arrays["labels"].shape == (8, 5)


@pytest.mark.parametrize(
    ("shape", "expected"), [((8,), (8, 1)), ((8, 3), (8, 3)), ((8, 5, 4), (8, 5, 4))]
)  # fmt: skip
@pytest.mark.parametrize("kind", [float, bool])
def test_targets_of_a_regression_and_yes_or_no(save, shape, expected, kind):
    labels = np.random.default_rng(1).normal(size=shape)
    labels = labels if kind is float else labels > 0
    dataset = arrays(save(inputs=series(), labels=labels), **ALL_TRAINING)
    found = dataset.splits["train"].arrays["labels"]
    assert dataset.facts == {"num_outputs": expected[-1]}
    assert dataset.classes == ()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, labels.reshape(expected), rtol=1e-6)


def test_ids_of_symbols(save):
    ids = np.random.default_rng(0).integers(0, 9, (8, 5))
    ids[3, 2] = 11
    dataset = arrays(save(inputs=ids, labels=np.arange(8) % 2), **ALL_TRAINING)
    assert dataset.facts == {"num_outputs": 2, "vocabulary_size": 12}
    assert dataset.splits["train"].arrays["inputs"].dtype == np.int32
    np.testing.assert_array_equal(dataset.splits["train"].arrays["inputs"], ids)


def test_groups_stay_together(save):
    groups = np.arange(40) // 4
    inputs = np.repeat(groups, 3).reshape(40, 3, 1).astype(float)
    dataset = arrays(save(inputs=inputs, labels=np.arange(40) % 2, groups=groups), validation=0.25, test=0.2)
    found = {split: set(rows.arrays["inputs"].ravel()) for split, rows in dataset.splits.items()}
    assert {split: len(own) for split, own in found.items()} == {"train": 6, "validation": 2, "test": 2}
    assert len(set.union(*found.values())) == 10


def test_files_of_different_widths(save):
    train = save("train.npz", inputs=series(4, 3), labels=np.arange(4) % 2)
    test = save("test.npz", inputs=series(2, 6), labels=np.arange(2))
    dataset = arrays(train, test_files=test, validation=0.5)
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 2, "validation": 2, "test": 2}
    np.testing.assert_array_equal(dataset.splits["test"].lengths, [6, 6])


def gap(row, step):
    inputs = series()
    inputs[row, step, 1] = np.nan
    return inputs


LABELS = np.arange(8) % 2


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({"inputs": gap(3, 2), "labels": LABELS}, r"a\.npz, row 3: inputs have NaN"),
        ({"inputs": gap(3, 2), "labels": LABELS, "lengths": np.full(8, 3)}, r"a\.npz, row 3: inputs have NaN"),
        ({"inputs": series(), "labels": np.where(LABELS, 1.0, np.nan)}, r"a\.npz, row 0: labels have NaN"),
        ({"inputs": series(), "labels": LABELS, "lengths": np.full(8, 6)}, r"row 0: the length is 6; allowed: 0 to 5"),
        ({"inputs": series(), "labels": LABELS, "lengths": np.ones(8)}, r"lengths are float64 \(8,\); allowed: ints"),
        ({"inputs": series(), "labels": LABELS[:7]}, r"a\.npz: labels has shape \(7,\); allowed: 8 rows"),
        ({"inputs": series(), "labels": LABELS - 1}, r"a\.npz, row 0: the class is -1; allowed: 0 to|one class 0"),
        ({"inputs": series(), "labels": LABELS * 2 - 1}, r"a\.npz, row 0: the class is -1; allowed: 0 to 1"),
        ({"inputs": series(), "labels": LABELS * 0}, r"one class 0; allowed: two or more"),
        ({"inputs": series(), "labels": np.zeros((8, 4), int)}, r"labels are int64 \(8, 4\); allowed: ints"),
        ({"inputs": series(), "labels": np.array(list("abababab"))}, r"labels are <U1 \(8,\); allowed: ints"),
        ({"inputs": np.zeros(8), "labels": LABELS}, r"inputs are float64 \(8,\); allowed: numbers \[N, T"),
        ({"inputs": np.zeros((0, 4)), "labels": LABELS[:0]}, r"inputs have shape \(0, 4\); allowed: one row or more"),
        ({"inputs": np.full((8, 3), -1), "labels": LABELS}, r"a\.npz, row 0: an id is -1; allowed: 0 or more"),
        ({"x": series(), "y": LABELS}, r"a\.npz has the arrays x, y; allowed: inputs, labels"),
        ({"inputs": np.array([None] * 8), "labels": LABELS}, r"a\.npz cannot be read as \.npz: Object arrays"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(save, held, said):
    with pytest.raises(ValueError, match=said) as caught:
        arrays(save(**held), **ALL_TRAINING)
    assert "\n" not in str(caught.value)


def test_a_class_outside_of_training_and_files_that_do_not_go_together(save):
    train = save("train.npz", inputs=series(), labels=LABELS)
    other = save("other.npz", inputs=series(), labels=LABELS + 5)
    wide = save("wide.npz", inputs=series(channels=3), labels=LABELS)
    grouped = save("grouped.npz", inputs=series(), labels=LABELS, groups=LABELS)
    with pytest.raises(ValueError, match=r"other\.npz, row 0: the class is 5; allowed: 0 to 1, those of training"):
        arrays(train, test_files=other, validation=0.0)
    with pytest.raises(ValueError, match=r"wide\.npz, row 0 has axes and types"):
        arrays(f"{train},{wide}")
    with pytest.raises(ValueError, match="some have groups; allowed: all of them, or none"):
        arrays(f"{train},{grouped}")


@pytest.mark.parametrize("content", [b"", b"no arrays at all", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_npz(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz cannot be read as \.npz: \w"):
        arrays(str(tmp_path / "a.npz"))
    np.save(tmp_path / "a.npy", series())
    with pytest.raises(ValueError, match=r"a\.npy cannot be read as \.npz"):
        arrays(str(tmp_path / "a.npy"))
