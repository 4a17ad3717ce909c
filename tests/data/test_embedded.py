"""The embedded data sets: shapes, splits that do not overlap, and the tasks' own definitions."""

import numpy as np
import pytest

from sequence_lab.data import DATASETS


@pytest.mark.parametrize(("view", "shape"), [("image", (8, 8, 1)), ("rows", (8, 8)), ("pixels", (64, 1))])
def test_digits_views_show_the_same_pixels(view, shape):
    image, split = (DATASETS["digits"](v).splits["train"].arrays for v in ("image", view))
    assert split["inputs"].shape == (1257, *shape)
    np.testing.assert_array_equal(split["inputs"].reshape(1257, 64), image["inputs"].reshape(1257, 64))
    assert 0 <= split["inputs"].min() < split["inputs"].max() <= 1


def test_digits_splits_are_apart_whole_and_balanced():
    splits = DATASETS["digits"]().splits
    assert {name: len(split) for name, split in splits.items()} == {"train": 1257, "validation": 180, "test": 360}
    pixels = np.concatenate([s.arrays["inputs"].reshape(len(s), -1) for s in splits.values()])
    assert len(np.unique(pixels, axis=0)) == 1797
    for split in splits.values():
        share = np.bincount(split.arrays["labels"], minlength=10) / len(split)
        assert abs(share - 0.1).max() < 0.02


def test_digits_view_is_checked():
    with pytest.raises(ValueError, match=r"view is 'row'; allowed: image, rows, pixels"):
        DATASETS["digits"]("row")


def test_adding_labels_are_the_marked_sums():
    split = DATASETS["adding"](length=11, num_train=50, num_test=5).splits["train"]
    inputs, labels = split.arrays["inputs"], split.arrays["labels"]
    assert inputs.shape == (50, 11, 2)
    for sequence, label in zip(inputs, labels, strict=True):
        marked = np.flatnonzero(sequence[:, 1])
        assert len(marked) == 2
        assert marked[0] < 5 <= marked[1]
        np.testing.assert_allclose(label, sequence[marked, 0].sum(), rtol=1e-6)


def test_temporal_order_labels_name_the_relevant_symbols_in_order():
    split = DATASETS["temporal_order"](length=40, num_train=80, num_test=5).splits["train"]
    symbols = split.arrays["inputs"].argmax(-1)
    for row, label in zip(symbols, split.arrays["labels"], strict=True):
        places = np.flatnonzero(row < 2)
        assert len(places) == 2
        assert 4 <= places[0] < 8
        assert 16 <= places[1] < 20
        assert label == 2 * row[places[0]] + row[places[1]]
    assert set(split.arrays["labels"]) == {0, 1, 2, 3}


def test_copy_memory_asks_for_the_first_symbols_at_the_end():
    split = DATASETS["copy_memory"](length=7, num_symbols=3, num_train=20, num_test=5).splits["train"]
    symbols, labels = split.arrays["inputs"].argmax(-1), split.arrays["labels"]
    assert symbols.shape == labels.shape == (20, 13)
    np.testing.assert_array_equal(labels[:, -3:], symbols[:, :3])
    assert (labels[:, :-3] == 0).all()
    assert (symbols[:, :3] > 0).all()
    assert (symbols[:, 9] == 9).all()
    assert (symbols[:, 3:9] == 0).all()
    assert (symbols[:, 10:] == 0).all()


@pytest.mark.parametrize("name", ["adding", "temporal_order", "copy_memory"])
def test_generated_splits_differ_and_are_drawn_the_same_way_again(name):
    one, other = (DATASETS[name](length=20, num_train=30, num_test=30).splits for _ in range(2))
    np.testing.assert_array_equal(one["train"].arrays["inputs"], other["train"].arrays["inputs"])
    assert (one["train"].arrays["inputs"] != one["test"].arrays["inputs"]).any()
    assert (one["validation"].arrays["inputs"] != one["test"].arrays["inputs"]).any()


def test_python_docs_is_a_stream_of_characters():
    dataset = DATASETS["python_docs"]()
    assert dataset.facts == {"vocabulary_size": len(dataset.vocabulary)}
    text = dataset.vocabulary.decode(dataset.splits["test"].tokens)
    assert text.isprintable() is False
    assert len(text) == len(dataset.splits["test"]) > 20_000
