"""Tags of Python's characters: those of its own tokenizer, and of nothing else."""

import io
import itertools
import tokenize

import numpy as np
import pytest

from sequence_lab.analysis import spans
from sequence_lab.data.python_tokens import TAGS, pieces, stdlib_tokens, tagged

SOURCE = 'def f(x: int = 0x1F):\n    """two\n    lines"""\n    return f"a{x!r:>{10}}b" + u\'é\'  # é\n\nü = 1.5\n'


def named(source):
    """(kind, text) of each span."""
    kinds, found = spans.types_of(TAGS), spans.spans(tagged(source), TAGS, np.array([len(source)]))
    return [(kinds[kind], source[first:end]) for first, end, kind in zip(*found, strict=True)]


def test_each_token_has_its_kind_and_both_ends():
    assert named(SOURCE) == [
        ("keyword", "def"), ("name", "f"), ("operator", "("), ("name", "x"), ("operator", ":"), ("name", "int"),
        ("operator", "="), ("number", "0x1F"), ("operator", ")"), ("operator", ":"),
        ("string", '"""two\n    lines"""'), ("keyword", "return"), ("string", 'f"a{x!r:>{10}}b"'), ("operator", "+"),
        ("string", "u'é'"), ("comment", "# é"), ("name", "ü"), ("operator", "="), ("number", "1.5"),
    ]  # fmt: skip


def test_what_is_of_no_token_is_blank():
    outside = {char for char, tag in zip(SOURCE, tagged(SOURCE), strict=True) if TAGS[tag] == "O"}
    assert outside == {" ", "\n"}


@pytest.mark.parametrize("source", ["x = (", "'''", "if x:\n\t\ty\n    z\n"])
def test_what_python_cannot_read_has_no_tags(source):
    assert tagged(source) is None


@pytest.mark.parametrize("length", [1, 2, 7, 10, 24, 40, 1000])
def test_no_token_is_cut_that_fits_into_a_piece(length):
    tags = tagged(SOURCE)
    cuts = np.cumsum([0, *pieces(tags, length)])
    assert cuts[-1] == len(SOURCE)
    assert 0 < np.diff(cuts).min() <= np.diff(cuts).max() <= length
    found = spans.spans(tags, TAGS, np.array([len(SOURCE)]))
    for first, end in zip(found.first, found.end, strict=True):
        inside = [cut for cut in cuts if first < cut < end]
        assert bool(inside) == (end - first > length), SOURCE[first:end]
        assert len(inside) <= -(-(end - first) // length) - 1
    for before, cut in itertools.pairwise(cuts):  # none could have gone on to a later end
        assert not {*found.end.tolist()} & {*range(cut + 1, before + length + 1)}


def test_the_standard_library_is_cut_into_pieces_of_whole_files():
    dataset = stdlib_tokens(characters=3000, length=50)
    assert dataset.facts["num_outputs"] == len(TAGS) == len(dataset.classes)
    for split in dataset.splits.values():
        assert split.lengths.max() == 50
        assert split.lengths.sum() > 300
    train = dataset.splits["train"].arrays
    text = dataset.vocabulary.decode(train["inputs"].values)  # of one file, which is longer than 3,000 characters
    words = [one.string for one in tokenize.generate_tokens(io.StringIO(text).readline) if one.string.strip()]
    begins = np.char.startswith(np.array(TAGS)[train["labels"].values], "B-")
    assert begins.sum() == len(words)
    with pytest.raises(ValueError, match="length is 0; allowed: 1 or more"):
        stdlib_tokens(length=0)
