"""Loaded word vectors against what was written, in every format; rows not found by their statistics."""

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sequence_lab.data.word_vectors import load_word_vectors

GENERATOR = np.random.default_rng(0)
WORDS = ["the", "new york", ".", "\u00e9t\u00e9", "a\u00a0b", "\u2028", "new", "3", "\ud800", "york", ". . ."]
VECTORS = GENERATOR.normal(size=(len(WORDS), 5)).astype(np.float32)
SYMBOLS = ["3", "missing", ". . .", "the", "\u2028", "a\u00a0b", "new york", "\u00e9t\u00e9", "The", "\ud800"]


def lines(words: list[str], vectors: np.ndarray, end: bytes = b"\n") -> bytes:
    rows = [" ".join([word, *map(repr, vector.tolist())]) for word, vector in zip(words, vectors, strict=True)]
    return b"".join(row.encode("utf-8", "surrogatepass") + end for row in rows)


def write(path: Path, kind: str) -> None:
    text = lines(WORDS, VECTORS)
    header = f"{len(WORDS)} 5\n".encode()
    contents = {
        "glove": text,
        "word2vec": header + lines(WORDS, VECTORS, end=b" \n"),
        "windows": header + lines(WORDS, VECTORS, end=b"\r\n"),
        "gzip": gzip.compress(header + text, mtime=0),
        "no_utf8_elsewhere": lines(WORDS[:1], VECTORS[:1]) + b"\xff\xfe 1 2 3 4 5\n" + text,
        "last_line_open": text[:-1],
    }
    if kind == "npz":
        with path.open("wb") as file:
            np.savez(file, words=np.array(WORDS), vectors=VECTORS.astype(np.float64))
    else:
        path.write_bytes(contents[kind])


@pytest.mark.parametrize("kind", ["glove", "word2vec", "windows", "gzip", "no_utf8_elsewhere", "last_line_open", "npz"])
def test_load_word_vectors_finds_what_was_written(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "vectors"
    write(path, kind)
    table, found = load_word_vectors(path, SYMBOLS)
    assert table.dtype == np.float32
    assert table.shape == (len(SYMBOLS), 5)
    assert found.tolist() == [symbol in WORDS for symbol in SYMBOLS]
    for symbol, vector in zip(SYMBOLS, table, strict=True):
        if symbol in WORDS:
            np.testing.assert_array_equal(vector, VECTORS[WORDS.index(symbol)])
        else:
            assert np.all(vector != 0)


def test_load_word_vectors_draws_the_others_with_the_variance_of_those_found(tmp_path: Path) -> None:
    scale_D = np.array([0.1, 1.0, 7.0], np.float32)
    vectors = (GENERATOR.normal(size=(50, 3)) * scale_D + [5, 0, 0]).astype(np.float32)
    (tmp_path / "vectors.txt").write_bytes(lines([f"word{i}" for i in range(50)], vectors))
    symbols = [f"word{i}" for i in range(0, 40_000)]
    table, found = load_word_vectors(tmp_path / "vectors.txt", symbols)
    assert found.sum() == 50
    drawn = table[~found]
    # Of 40,000 uniform draws the standard deviation comes out to 0.25 %, and the largest reaches the end.
    np.testing.assert_allclose(drawn.std(axis=0), vectors.std(axis=0), rtol=0.01)
    np.testing.assert_allclose(np.abs(drawn).max(axis=0), np.sqrt(3) * vectors.std(axis=0), rtol=0.01)
    np.testing.assert_allclose(drawn.mean(axis=0) / vectors.std(axis=0), 0, atol=0.03)
    again = load_word_vectors(tmp_path / "vectors.txt", symbols, seed=0)
    np.testing.assert_array_equal(again.table, table)
    other = load_word_vectors(tmp_path / "vectors.txt", symbols, seed=1)
    np.testing.assert_array_equal(other.table[found], table[found])
    assert np.all(other.table[~found] != drawn)


@pytest.mark.parametrize("kind", ["text", "npz"])
def test_load_word_vectors_takes_the_first_of_two(tmp_path: Path, kind: str) -> None:
    words, vectors = ["a", "b", "a"], np.arange(6, dtype=np.float32).reshape(3, 2)
    path = tmp_path / "vectors"
    if kind == "text":
        path.write_bytes(lines(words, vectors))
    else:
        with path.open("wb") as file:
            np.savez(file, words=np.array(words), vectors=vectors)
    np.testing.assert_array_equal(load_word_vectors(path, ["b", "a", "missing"]).table[:2], vectors[[1, 0]])


def test_load_word_vectors_reads_no_further_than_the_last_symbol(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(b"a 1 2\nb 3 4\nbroken\n")
    np.testing.assert_array_equal(load_word_vectors(path, ["b", "a"]).table, [[3, 4], [1, 2]])
    with pytest.raises(ValueError, match="line 3"):
        load_word_vectors(path, ["b", "a", "c"])


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "is empty; allowed: lines of a word and its numbers"),
        (gzip.compress(b"", mtime=0), "is empty; allowed"),
        (b"a 1 2\nb 3\n", ", line 2: 1 numbers follow the word, not 2; allowed"),
        (b"a 1 2\n\nb 3 4\n", ", line 2: 0 numbers follow the word, not 2; allowed"),
        (b"2 3\na 1 2 3\nother 1 2\n", ", line 3: 2 numbers follow the word, not 3; allowed"),
        (b"a 1 2\nb 3 x\n", ", line 2: could not convert string to float: b'x'; allowed"),
        (b"a 1 2\nb  3\n", ", line 2: could not convert string to float: b''; allowed"),
        (b"a 1 2\nb 3 nan\n", ", line 2: a number is not finite in float32; allowed"),
        (b"a 1 2\nb 3 1e39\n", ", line 2: a number is not finite in float32; allowed"),
        (b"just some prose\nb 1 2\n", ", line 1: could not convert string to float: b'some'; allowed"),
        (b"prose\n", ", line 1: 0 numbers follow the word, not 1; allowed"),
        (b"2 0\na\nb\n", ", line 2: 0 numbers follow the word, not 1; allowed"),
        (b"x 1 2\ny 3 4\n", " has none of the 3 symbols, 'a', 'b', 'c' ..."),
        (gzip.compress(b"a 1 2\nb 3 4\n" * 9, mtime=0)[:-9], " is damaged: Compressed file ended"),
        (b"PK\x03\x04 is no archive", " is damaged: File is not a zip file"),
    ],
)
def test_load_word_vectors_names_file_and_line_of_an_error(tmp_path: Path, contents: bytes, message: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=re.escape(f"{path}{message}" if message[0] in ", " else message)) as error:
        load_word_vectors(path, ["a", "b", "c"])
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"words": np.array(["a"])}, r"has the arrays \['words'\]; allowed: words and vectors"),
        ({"words": np.array(["a", 1], object), "vectors": np.ones((2, 3))}, "Object arrays cannot be loaded"),
        (
            {"words": np.array(["a"]), "vectors": np.ones((2, 3))},
            r"words of <U1 \(1,\) and vectors of float64 \(2, 3\)",
        ),
        ({"words": np.array([1, 2]), "vectors": np.ones((2, 3))}, r"words of int64 \(2,\) .*; allowed: strings \[N\]"),
        ({"words": np.array(["a"]), "vectors": np.ones(1)}, r"vectors of float64 \(1,\); allowed"),
        ({"words": np.array(["a"]), "vectors": np.array([["1"]])}, "vectors of <U1"),
        ({"words": np.array(["x", "a"]), "vectors": np.array([[1], [np.inf]])}, ", row 1: a number is not finite"),
        ({"words": np.array(["x"]), "vectors": np.ones((1, 3))}, "has none of the 1 symbols, 'a' ..."),
    ],
)
def test_load_word_vectors_says_what_is_wrong_with_an_npz(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    path = tmp_path / "vectors.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message) as error:
        load_word_vectors(path, ["a"])
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_load_word_vectors_refuses_a_symbol_twice() -> None:
    with pytest.raises(ValueError, match="symbols have 'b' twice; allowed: distinct symbols"):
        load_word_vectors("nowhere", ["b", "a", "b", "c"])
