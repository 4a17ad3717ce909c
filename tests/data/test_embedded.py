"""The embedded data sets: shapes, splits that do not overlap."""

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


def test_python_docs_is_a_stream_of_characters():
    dataset = DATASETS["python_docs"]()
    assert dataset.facts == {"vocabulary_size": len(dataset.vocabulary)}
    text = dataset.vocabulary.decode(dataset.splits["test"].tokens)
    assert text.isprintable() is False
    assert len(text) == len(dataset.splits["test"]) > 20_000
