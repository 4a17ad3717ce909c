"""Generated pairs: what the targets are, splits without a source in common, the same fields the same pairs."""

import datetime

import numpy as np
import pytest

from sequence_lab.data import DATASETS

SIZES = {"num_train": 300, "num_test": 9}  # enough for every letter


def pairs(dataset):
    """Source and target of every pair, by split."""

    def text(ids):
        return dataset.vocabulary.decode(ids)

    return {
        split: [(text(x), text(y)) for x, y in zip(rows.arrays["inputs/source"], rows.arrays["labels"], strict=True)]
        for split, rows in dataset.splits.items()
    }


@pytest.mark.parametrize("name", ["reverse", "sort", "date_formats"])
def test_generated_pairs_are_apart_and_drawn_the_same_way_again(name):
    found = pairs(DATASETS[name](**SIZES))
    assert {split: len(own) for split, own in found.items()} == {"train": 300, "validation": 9, "test": 9}
    sources = [source for own in found.values() for source, _ in own]
    assert len(set(sources)) == len(sources)
    again, more = pairs(DATASETS[name](**SIZES)), pairs(DATASETS[name](num_train=310, num_test=9))
    assert found == again
    assert found["train"] == more["train"][:300]
    assert found["test"] == more["test"]
    assert found != pairs(DATASETS[name](**SIZES, seed=1))


@pytest.mark.parametrize(("name", "change"), [("reverse", reversed), ("sort", sorted)])
def test_strings_are_reversed_and_sorted(name, change):
    found = pairs(DATASETS[name](min_length=2, max_length=4, symbols=3, num_train=60, num_test=9))["train"]
    assert {len(source) for source, _ in found} == {2, 3, 4}
    assert {letter for source, _ in found for letter in source} == set("abc")
    assert all(target == "".join(change(source)) + "<eos>" for source, target in found)


def test_dates_are_the_same_day_in_seven_ways():
    ways = ("%d %b %Y", "%d %B %Y", "%B %d, %Y", "%A, %d %B %Y", "%d/%m/%Y", "%d.%m.%Y", "%b %d %Y")
    seen = np.zeros(len(ways))
    for source, target in pairs(DATASETS["date_formats"](num_train=200, num_test=1))["train"]:
        day = datetime.date.fromisoformat(target.removesuffix("<eos>"))
        assert 1900 <= day.year <= 2099
        written = [day.strftime(way) for way in ways]
        without_zeros = [text.replace(" 0", " ").removeprefix("0") for text in written]
        matching = [written[4] == source, *(text == source for text in without_zeros)]
        assert any(matching) or source == f"{day.day}.{day.month}.{day.year}", source
        seen += [text == source for text in [*without_zeros[:4], written[4], f"{day.day}.{day.month}.{day.year}"]] + [
            without_zeros[6] == source
        ]
    assert (seen > 10).all()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"min_length": 5, "max_length": 4}, "min_length is 5, max_length 4, symbols 26; allowed: 1 <= min"),
        ({"num_test": 0}, "num_test is 0; allowed: at least 1 each"),
        ({"min_length": 1, "max_length": 2, "symbols": 2}, "allowed: fewer, as there are no more pairs"),
    ],
)
def test_what_cannot_be_generated_is_refused(fields, said):
    with pytest.raises(ValueError, match=said):
        DATASETS["reverse"](**{**SIZES, **fields})
