"""Spans that tags of single tokens make up, such as names of several words, scored whole.

Tags are those of IOB2: B-TYPE begins a span, I-TYPE goes on with it, O is of none.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Spans(NamedTuple):
    """First token, the one after the last, and number of the type of each span, ``[S]`` each."""

    first: np.ndarray
    end: np.ndarray
    kind: np.ndarray


def types_of(classes: Sequence[str]) -> list[str] | None:
    """The types in the order of their names; None if the classes are not tags of spans."""
    kinds = sorted({name[2:] for name in classes if name[:2] in ("B-", "I-")})
    tags = {"O", *(f"{tag}-{kind}" for kind in kinds for tag in "BI")}
    return kinds if kinds and {*classes} <= tags else None


def spans(labels_N: np.ndarray, classes: Sequence[str], lengths: np.ndarray) -> Spans:
    """Those of sequences that stand one after the other.

    As in conlleval (Tjong Kim Sang and Buchholz 2000), a span begins at B-TYPE, and at I-TYPE after anything but a tag
    of that type; it ends before the next that begins, before O and with the sequence.

    Args:
      labels_N: numbers of ``classes``, which are tags.
      lengths: of the sequences.
    """
    kinds = types_of(classes)
    assert kinds is not None
    kind_K = np.array([kinds.index(name[2:]) if name != "O" else -1 for name in classes])
    begins_K = np.array([name.startswith("B-") for name in classes])
    kind_N, begins_N = kind_K[labels_N], begins_K[labels_N]
    opens_N = np.zeros(len(kind_N) + 1, bool)  # where a sequence begins, and the end of all
    opens_N[np.concatenate([[0], np.cumsum(lengths)])] = True
    opens_N = opens_N[:-1]
    changes_N = np.concatenate([[True], kind_N[1:] != kind_N[:-1]])[: len(kind_N)] | begins_N | opens_N
    edges = np.append(np.flatnonzero(changes_N), len(kind_N))
    first, end = edges[:-1], edges[1:]
    inside = kind_N[first] >= 0
    return Spans(first[inside], end[inside], kind_N[first[inside]])


def counts(true: Spans, said: Spans, kinds: int, lengths: np.ndarray) -> np.ndarray:
    """``[sequences, kinds, 3]``: spans that are right in type and both ends, that were said, that there are."""
    size, ends = int(lengths.sum()) + 1, np.cumsum(lengths)
    codes = [(own.first * size + own.end) * kinds + own.kind for own in (true, said)]
    right = np.isin(codes[1], codes[0])
    found = [(said.first[right], said.kind[right]), (said.first, said.kind), (true.first, true.kind)]
    cells = len(lengths) * kinds
    by_cell = [
        np.bincount(np.searchsorted(ends, first, side="right") * kinds + kind, minlength=cells) for first, kind in found
    ]
    return np.stack(by_cell, axis=-1).reshape(len(lengths), kinds, 3)
