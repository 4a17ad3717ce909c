"""Properties of the character vocabulary."""

from __future__ import annotations

import time

import numpy as np
import pytest

from sequence_lab.data.vocabulary import UNKNOWN, Vocabulary


def _random_text(rng: np.random.Generator, length: int) -> str:
    """Characters of one to four UTF-8 bytes, NUL and lone surrogates included."""
    alphabet = "\0\n ab~é—日🙂\ud800\U0010ffff"
    return "".join(alphabet[i] for i in rng.integers(len(alphabet), size=length))


@pytest.mark.parametrize("length", [0, 1, 500])
def test_vocabulary_round_trip_is_the_identity(length: int) -> None:
    text = _random_text(np.random.default_rng(length), length)
    vocabulary = Vocabulary.of(text)
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int32
    assert ids.shape == (length,)
    assert 0 not in ids
    assert vocabulary.decode(ids) == text


def test_vocabulary_ids_follow_the_sorted_characters() -> None:
    text = _random_text(np.random.default_rng(1), 300)
    vocabulary = Vocabulary.of(text)
    index = {symbol: i for i, symbol in enumerate([UNKNOWN, *sorted(set(text))])}
    assert len(vocabulary) == len(index)
    assert vocabulary.encode(text).tolist() == [index[character] for character in text]
    assert vocabulary == Vocabulary.of(text[::-1])


def test_vocabulary_unknown_characters_are_id_zero() -> None:
    """Below, between and above the known code points, and the replacement character itself."""
    vocabulary = Vocabulary.of("bd🙂" + UNKNOWN)
    assert vocabulary.symbols == (UNKNOWN, "b", "d", "🙂")
    ids = vocabulary.encode("abcde🙂🙃\U0010ffff" + UNKNOWN)
    assert ids.tolist() == [0, 1, 0, 2, 0, 3, 0, 0, 0]
    assert vocabulary.decode(ids) == "\ufffdb\ufffdd\ufffd🙂\ufffd\ufffd\ufffd"


def test_vocabulary_encodes_millions_of_characters_in_a_moment() -> None:
    text = _random_text(np.random.default_rng(2), 1000) * 11_000
    vocabulary = Vocabulary.of(text)
    start = time.perf_counter()
    vocabulary.encode(text)
    assert time.perf_counter() - start < 2  # a tenth of that on an idle machine; a loop takes five seconds


@pytest.mark.parametrize(
    ("symbols", "message"),
    [((), "unknown"), (("a",), "unknown"), ((UNKNOWN, "ab"), "'ab'"), ((UNKNOWN, "a", "a"), "distinct")],
)
def test_vocabulary_refuses_a_wrong_table(symbols: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Vocabulary(symbols)


@pytest.mark.parametrize("ids", [[-1], [0, 3]])
def test_vocabulary_refuses_ids_out_of_range(ids: list[int]) -> None:
    with pytest.raises(ValueError, match=r"\[0, 3\)"):
        Vocabulary.of("ab").decode(ids)
