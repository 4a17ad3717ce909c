"""Batches dealt to processes: whatever the split, the parts one after the other are the whole."""

import numpy as np
import pytest

from sequence_lab.data import Examples, Generated, Packed, Ragged, Sequences, Share, Stream

RANDOM = np.random.default_rng(0)
LENGTHS = RANDOM.integers(1, 9, 41)
RAGGED = Sequences(
    {name: Ragged(RANDOM.normal(size=(LENGTHS.sum(), 2)).astype(np.float32), LENGTHS) for name in ("inputs", "labels")},
    (3, 6, 8),
)
SPLITS = {
    "examples": Examples({"inputs": RANDOM.normal(size=(41, 5, 2)), "labels": RANDOM.integers(3, size=41)}),
    "generated": Generated.by(lambda random, count: {"inputs": random.normal(size=(count, 4, 1))}, 3),
    "packed": Packed(RAGGED, 10),
    "sequences": RAGGED,
    "stream": Stream(RANDOM.integers(50, size=(331)).astype(np.int32)),
}


def training_batch(split, index, share):
    options = (5, 8) if isinstance(split, Stream) else ()
    return split.training_batch(index, 12, 7, *options, share)


def evaluation_batches(split, share):
    return list(split.evaluation_batches(12, *((6,) if isinstance(split, Stream) else ()), share))


@pytest.mark.parametrize("name", SPLITS)
@pytest.mark.parametrize("count", [2, 3])
def test_parts_one_after_the_other_are_the_whole_batch(name, count):
    split = SPLITS[name]
    shares = [Share(index, count) for index in range(count)]
    dealt = [[training_batch(split, index, share) for index in range(6)] for share in shares]
    dealt = [found + evaluation_batches(split, share) for found, share in zip(dealt, shares, strict=True)]
    whole = [training_batch(split, index, Share()) for index in range(6)] + evaluation_batches(split, Share())
    for expected, *parts in zip(whole, *dealt, strict=True):
        for key, array in expected.items():
            assert {len(part[key]) for part in parts} == {12 // count}
            np.testing.assert_array_equal(np.concatenate([part[key] for part in parts]), array)


def test_rows_that_cannot_be_dealt_equally_are_refused():
    with pytest.raises(ValueError, match="batch_size is 12; allowed: a multiple of 5, the processes"):
        training_batch(SPLITS["examples"], 0, Share(1, 5))
