"""What is in a data set: classes, lengths, rows that occur more than once, and some of them to read."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from sequence_lab.data.packing import Packed
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences, input_names
from sequence_lab.data.splits import Dataset, Examples, Stream

SHOWN = 160  # characters of a text


def lengths(split: Examples | Sequences | Packed | Stream) -> np.ndarray | None:
    """Steps of each row, where they differ or may."""
    if isinstance(split, Sequences | Packed):
        return split.lengths
    return None if isinstance(split, Stream) else split.arrays.get("lengths")


def class_counts(split: Examples | Sequences | Packed | Stream, classes: tuple[str, ...]) -> dict[str, int] | None:
    """How often each class is a label, of a row or of a step; None where labels are no classes."""
    if isinstance(split, Stream) or not classes:
        return None
    labels = split.arrays["labels"]
    labels = labels.values if isinstance(labels, Ragged) else labels
    if np.issubdtype(labels.dtype, np.floating):  # a yes or no of each class
        counts = np.count_nonzero(labels, axis=tuple(range(labels.ndim - 1)))
    else:
        counts = np.bincount(np.ravel(labels), minlength=len(classes))
    return dict(zip(classes, counts.tolist(), strict=True))


def rows(split: Examples | Sequences | Packed) -> Iterator[np.ndarray]:
    """The real steps of every row's inputs, streams side by side."""
    inputs, sizes = [split.arrays[name] for name in input_names(split.arrays)], lengths(split)
    for row in range(len(split)):
        own = [x[row] if isinstance(x, Ragged) or sizes is None else x[row][: sizes[row]] for x in inputs]
        yield own[0] if len(own) == 1 else np.concatenate(own, axis=-1)


def unknown(dataset: Dataset) -> dict[str, float]:
    """By split, the share of tokens that are not in the vocabulary; of what has one with a sign for the unknown."""
    sign = None if dataset.vocabulary is None else dataset.vocabulary.unknown
    if sign is None:
        return {}
    return {name: float(np.mean(_ids(split) == sign)) for name, split in dataset.splits.items()}


def _ids(split: Examples | Sequences | Packed | Stream) -> np.ndarray:
    if isinstance(split, Stream):
        return split.tokens
    return np.concatenate([np.ravel(row) for row in rows(split)])


class Repeats(NamedTuple):
    """Counts of rows: by split, those that are equal to an earlier one of it; by "SPLIT in EARLIER", those that are in
    an earlier split, too; by split, those that could not be compared, as they have a token outside the vocabulary.
    """

    within: dict[str, int]
    across: dict[str, int]
    left_out: dict[str, int]


def repeats(dataset: Dataset) -> Repeats:
    """Of rows of what the set says they were made of (``Dataset.digests``), else of their inputs."""
    found, seen = Repeats({}, {}, {}), dict[str, np.ndarray]()
    for name in sorted(dataset.splits, key=("train", "validation", "test").index):
        split = dataset.splits[name]
        if isinstance(split, Stream):
            continue
        digests = dataset.digests[name] if name in dataset.digests else _digests(split, dataset)
        if left_out := len(split) - len(digests):
            found.left_out[name] = left_out
        own = np.unique(digests)
        found.within[name] = len(digests) - len(own)
        for other, theirs in seen.items():
            found.across[f"{name} in {other}"] = int(np.isin(digests, theirs).sum())
        seen[name] = own
    return found


def _digests(split: Examples | Sequences | Packed, dataset: Dataset) -> np.ndarray:
    """64 bits of each row's inputs, but for rows with what is unknown, which are no one's equal."""
    sign = None if dataset.vocabulary is None else dataset.vocabulary.unknown
    known = (row for row in rows(split) if sign is None or not (row == sign).any())
    found = (hashlib.sha256(np.ascontiguousarray(row).tobytes()).digest()[:8] for row in known)
    return np.frombuffer(b"".join(found), np.uint64)


def shown(dataset: Dataset, count: int = 5) -> list[str]:
    """The first training rows, at equal distances, in words; of a stream its first tokens."""
    split = dataset.splits["train"]
    if isinstance(split, Stream):
        assert dataset.vocabulary is not None
        return [_cut(dataset.vocabulary.decode(np.asarray(split.tokens[: 2 * SHOWN])))]
    chosen = set(np.linspace(0, len(split) - 1, min(count, len(split))).astype(int).tolist())
    found = []
    for number, row in enumerate(rows(split)):
        if number in chosen:
            found.append(f"{_label(split.arrays, number, dataset.classes)}: {_content(row, dataset)}")
    return found


def _label(arrays: Mapping[str, np.ndarray | Ragged], row: int, classes: tuple[str, ...]) -> str:
    if "labels" not in arrays:
        return "no label"
    label = np.asarray(arrays["labels"][row])
    if classes and label.ndim == 0:
        return classes[int(label)]
    return str(label) if label.size <= 4 else f"labels {list(label.shape)}"


def _content(row: np.ndarray, dataset: Dataset) -> str:
    if dataset.vocabulary is not None and np.issubdtype(row.dtype, np.integer) and row.ndim == 1:
        return _cut(dataset.vocabulary.decode(row))
    if not row.size:
        return "empty"
    return f"{list(row.shape)} from {row.min():.4g} to {row.max():.4g}, mean {row.mean():.4g}"


def _cut(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")
