"""Which texts repeat each other: so that a split can keep them on one side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Any odd constant with well mixed bits; this one is Knuth's, 2**64 divided by the golden ratio.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def group_near_duplicates(texts: Sequence[str], shingle_length: int = 32, threshold: float = 0.1) -> list[int]:
    """Groups texts that repeat each other, in whole or in part.

    Two texts are joined when they share more than `threshold` of the distinct character shingles of the
    smaller one (containment: a section is joined to the chapter it was cut from); groups are the connected
    components. Runs of white space count as one space. A text shorter than a shingle is one shingle.

    Args:
      texts: N texts.
      shingle_length: characters per shingle. Long enough, and stock phrases are not shared content.
      threshold: fraction of shingles, in [0, 1).

    Returns:
      N labels: the smallest index in the group of each text.

    Raises:
      ValueError: `shingle_length` or `threshold` is out of range.

    Source: Broder (1997), "On the resemblance and containment of documents", without the sketching.
    """
    if shingle_length < 1:
        raise ValueError(f"shingle_length must be at least 1, got {shingle_length}")
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold must lie in [0, 1), got {threshold}")
    hashes = [_shingles(text, shingle_length) for text in texts]
    sizes = np.array([len(h) for h in hashes], dtype=np.int64)
    parents = list(range(len(texts)))
    for i, shared in enumerate(_shared_counts(hashes)):
        for j in np.flatnonzero(shared > threshold * np.minimum(sizes, sizes[i])):
            a, b = _root(parents, i), _root(parents, int(j))
            parents[max(a, b)] = min(a, b)
    return [_root(parents, i) for i in range(len(texts))]


def _shingles(text: str, length: int) -> npt.NDArray[np.uint64]:
    """Distinct hashes of the shingles of a text: polynomials in the code points, modulo 2**64."""
    normalised = " ".join(text.split()).encode("utf-32-le", "surrogatepass")
    # Plus one, or leading NULs would leave the hash of a short text unchanged.
    codes = np.frombuffer(normalised, dtype="<u4").astype(np.uint64) + np.uint64(1)
    length = min(length, len(codes))
    if not length:
        return codes
    hashes = np.zeros(len(codes) - length + 1, dtype=np.uint64)
    for offset in range(length):
        hashes = hashes * _MULTIPLIER + codes[offset : offset + len(hashes)]
    return np.unique(hashes)


def _shared_counts(hashes: list[npt.NDArray[np.uint64]]) -> list[npt.NDArray[np.int64]]:
    """For each text, the number of distinct shingles it shares with each of the N texts."""
    if not hashes:
        return []
    owner = np.repeat(np.arange(len(hashes)), [len(h) for h in hashes])
    _, shingle, owners = np.unique(np.concatenate(hashes), return_inverse=True, return_counts=True)
    repeated = owners[shingle] > 1  # most shingles belong to one text, and cannot join anything
    owner, shingle = owner[repeated], shingle[repeated]
    counts = []
    for i in range(len(hashes)):
        present = np.zeros(len(owners), dtype=bool)
        present[shingle[owner == i]] = True
        counts.append(np.bincount(owner[present[shingle]], minlength=len(hashes)))
    return counts


def _root(parents: list[int], i: int) -> int:
    while parents[i] != i:
        parents[i] = parents[parents[i]]  # path halving
        i = parents[i]
    return i
