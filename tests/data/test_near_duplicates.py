"""Near-duplicate groups against sets of strings, and on texts made to repeat each other."""

from __future__ import annotations

import time

import numpy as np
import pytest

from sequence_lab.data.near_duplicates import group_near_duplicates


def _random_text(rng: np.random.Generator, length: int, alphabet: str = "abcdefgh \n") -> str:
    return "".join(rng.choice(list(alphabet), length))


def _reference(texts: list[str], length: int, threshold: float) -> list[int]:
    """Sets of strings, and labels passed along until nothing changes."""
    clean = [" ".join(text.split()) for text in texts]
    shingles = [{t[i : i + length] for i in range(max(len(t) - length, 0) + 1)} - {""} for t in clean]
    labels = list(range(len(texts)))
    for _ in texts:
        for i, a in enumerate(shingles):
            for j, b in enumerate(shingles):
                if len(a & b) > threshold * min(len(a), len(b)):
                    labels[i] = labels[j] = min(labels[i], labels[j])
    return labels


@pytest.mark.parametrize("length", [1, 2, 3, 5])
@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.9])
def test_groups_equal_a_reference_with_sets(length: int, threshold: float) -> None:
    rng = np.random.default_rng([length, int(10 * threshold)])
    sizes = rng.integers(0, 60, 14)
    texts = [_random_text(rng, int(size)) for size in sizes]
    texts += [texts[i][: int(sizes[i]) // 2] + _random_text(rng, 20) for i in range(4)] + ["\0", "\0\0", "\0"]
    assert group_near_duplicates(texts, length, threshold) == _reference(texts, length, threshold)


def test_groups_join_sections_with_their_chapter_through_white_space() -> None:
    rng = np.random.default_rng(0)
    other, first, second = (_random_text(rng, 2000) for _ in range(3))
    chapter = first + second
    rewrapped = "\n\n   ".join(second.split())
    assert group_near_duplicates([other, first, rewrapped, chapter]) == [0, 1, 1, 1]
    assert group_near_duplicates([other, first, rewrapped]) == [0, 1, 2]


def test_groups_do_not_depend_on_the_order_of_the_texts() -> None:
    rng = np.random.default_rng(3)
    texts = [_random_text(rng, 40, "ab ") for _ in range(12)]
    order = rng.permutation(len(texts))
    labels = np.array(group_near_duplicates(texts, 6, 0.3))
    shuffled = np.array(group_near_duplicates([texts[i] for i in order], 6, 0.3))
    assert 1 < len(set(labels)) < len(texts)
    np.testing.assert_array_equal(labels[order][:, None] == labels[order], shuffled[:, None] == shuffled)


def test_groups_of_half_a_million_characters_are_fast() -> None:
    rng = np.random.default_rng(4)
    texts = [rng.integers(97, 123, 5_800, dtype=np.uint8).tobytes().decode() for _ in range(80)]
    start = time.perf_counter()
    assert group_near_duplicates(texts) == list(range(80))
    assert time.perf_counter() - start < 1.5


def test_groups_of_nothing_and_of_empty_texts() -> None:
    assert group_near_duplicates([]) == []
    assert group_near_duplicates(["", " \n", "a"]) == [0, 1, 2]


@pytest.mark.parametrize(("length", "threshold"), [(0, 0.5), (5, -0.1), (5, 1.0)])
def test_groups_refuse_settings_out_of_range(length: int, threshold: float) -> None:
    with pytest.raises(ValueError, match="must"):
        group_near_duplicates(["a"], length, threshold)
