"""Arrays of a user's, from NumPy's files."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sequence_lab.data.own import given
from sequence_lab.data.own.rows import Labelled
from sequence_lab.data.partition import Partition, Rows
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset, Examples

NAMES = ("inputs", "labels", "lengths", "groups")
UNREADABLE = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error)


class Row(NamedTuple):
    """One example: its inputs, and its label or a label for each of its steps, without padding."""

    inputs: np.ndarray
    labels: np.ndarray
    where: str
    group: str | None


def arrays(
    files: str,
    validation_files: str = "",
    test_files: str = "",
    validation: float = 0.1,
    test: float = 0.1,
    folds: int = 0,
    fold: int = 0,
) -> Dataset:
    """Examples from .npz files with the arrays ``inputs`` and ``labels`` and, if need be, ``lengths`` and ``groups``.

    inputs ``[N, T, ...]`` or ``[N, H, W, C]``: floats; ints ``[N, T]`` are ids of symbols; other ints become floats.
    labels: ints ``[N]`` or ``[N, T]``, a class for each row or step; floats ``[N]``, ``[N, K]`` or ``[N, T, K]``,
    targets of a regression; or bools of these shapes, yes or no. lengths ``[N]``: ints, the steps that are real; what
    stands after them does not matter. groups ``[N]``: rows of one group stay in one split.

    Args:
      files, validation_files, test_files: names with commas between them, or patterns.
      validation, test, folds, fold: see ``Partition``; for the splits that have no files.

    Raises:
      ValueError: a file, array or row is not as it is to be; one line that names it.
    """
    named = given.named(files, validation_files, test_files)
    found = [(row, split) for path, split in named for row in _rows(path)]
    rows = [row for row, _ in found]
    _check_alike(rows)
    groups = [row.group for row in rows if row.group is not None]
    if groups and len(groups) < len(rows):
        raise ValueError(f"{named[0][0]} and the other files: some have groups; allowed: all of them, or none")
    classified = np.issubdtype(rows[0].labels.dtype, np.integer)
    # Classes are dealt in proportion where each row has one.
    kinds = [str(row.labels) if classified and row.labels.ndim == 0 else "" for row in rows]
    labelled = Labelled(kinds, [row.where for row in rows], groups or None, [split for _, split in found])
    parts = given.completed(labelled, Partition(validation, test, folds, fold))
    num_outputs = _num_classes(rows, parts) if classified else rows[0].labels.shape[-1]
    facts = {"num_outputs": num_outputs}
    if np.issubdtype(rows[0].inputs.dtype, np.integer):
        facts["vocabulary_size"] = _vocabulary_size(rows)
    splits = _splits(rows, parts)
    return Dataset(splits, facts, classes=tuple(map(str, range(num_outputs))) if classified else ())


def _rows(path: Path) -> list[Row]:
    """Of one file."""
    held = _held(path)
    inputs, labels = _inputs(held["inputs"], path), held["labels"]
    count = len(inputs)
    for name, array in held.items():
        if array.shape[:1] != (count,):
            raise ValueError(f"{path}: {name} has shape {array.shape}; allowed: {count} rows, as inputs")
    lengths = held.get("lengths")
    if lengths is not None:
        _check_lengths(lengths, inputs.shape[1], path)
    labels, by_step = _labels(labels, inputs.shape[1], path)
    groups, rows = held.get("groups"), []
    for row in range(count):
        where, length = f"{path}, row {row}", inputs.shape[1] if lengths is None else lengths[row]
        own = inputs[row][:length], labels[row][:length] if by_step else labels[row]
        for name, array in zip(("inputs", "labels"), own, strict=True):
            if not np.isfinite(array).all():
                raise ValueError(f"{where}: {name} have NaN or infinity; allowed: numbers, up to the row's length")
        rows.append(Row(*own, where, None if groups is None else str(groups[row])))
    return rows


def _held(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file; nothing in it is run."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as opened:
            held = {name: opened[name] for name in NAMES if name in opened}
            there = list(opened)
    except (*UNREADABLE, AttributeError, TypeError) as error:  # the latter two where it is an .npy
        raise ValueError(f"{path} cannot be read as .npz: {str(error) or 'it is empty'}") from error
    for name in ("inputs", "labels"):
        if name not in held:
            raise ValueError(f"{path} has the arrays {', '.join(there) or 'none'}; allowed: inputs, labels, and others")
    if not held["inputs"].size:
        raise ValueError(f"{path}: inputs have shape {held['inputs'].shape}; allowed: one row or more, not empty")
    return held


def _inputs(inputs: np.ndarray, path: Path) -> np.ndarray:
    if inputs.ndim < 2 or inputs.dtype.kind not in "fiub":
        raise ValueError(f"{path}: inputs are {inputs.dtype} {inputs.shape}; allowed: numbers [N, T, ...]")
    return inputs.astype(np.int32 if inputs.ndim == 2 and inputs.dtype.kind in "iu" else np.float32)


def _check_lengths(lengths: np.ndarray, steps: int, path: Path) -> None:
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise ValueError(f"{path}: lengths are {lengths.dtype} {lengths.shape}; allowed: ints [N]")
    wrong = np.flatnonzero((lengths < 0) | (lengths > steps))
    if len(wrong):
        raise ValueError(f"{path}, row {wrong[0]}: the length is {lengths[wrong[0]]}; allowed: 0 to {steps}")


def _labels(labels: np.ndarray, steps: int, path: Path) -> tuple[np.ndarray, bool]:
    """With their last axis the outputs, where they are no classes; and whether there is one for each step."""
    kind = labels.dtype.kind
    if kind in "iu" and (labels.ndim == 1 or labels.shape[1:] == (steps,)):
        return labels.astype(np.int32), labels.ndim == 2
    if kind in "fb" and labels.ndim == 1:
        return labels.astype(np.float32)[:, None], False
    if kind in "fb" and (labels.ndim == 2 or (labels.ndim == 3 and labels.shape[1] == steps)):
        return labels.astype(np.float32), labels.ndim == 3
    raise ValueError(
        f"{path}: labels are {labels.dtype} {labels.shape}; allowed: ints [N] or [N, {steps}], floats or bools "
        f"[N], [N, K] or [N, {steps}, K]"
    )


def _check_alike(rows: Sequence[Row]) -> None:
    """Rows of several files are of one kind."""

    def kind(row: Row) -> tuple[Any, ...]:
        labels = row.labels.shape[-1:] if row.labels.dtype.kind == "f" else ()
        return row.inputs.shape[1:], str(row.inputs.dtype), row.labels.ndim, str(row.labels.dtype), labels

    for row in rows:
        if kind(row) != kind(rows[0]):
            raise ValueError(f"{row.where} has axes and types {kind(row)}; allowed: {kind(rows[0])}, as the first row")


def _num_classes(rows: Sequence[Row], parts: Rows) -> int:
    """Those of training are 0 to their greatest."""
    count = 1 + max(int(rows[row].labels.max(initial=0)) for row in parts["train"])
    if count < 2:
        raise ValueError("the training rows have the one class 0; allowed: two or more")
    for row in np.concatenate(list(parts.values())):
        labels = rows[row].labels
        if labels.size and not 0 <= labels.min() <= labels.max() < count:
            wrong = labels.min() if labels.min() < 0 else labels.max()
            raise ValueError(f"{rows[row].where}: the class is {wrong}; allowed: 0 to {count - 1}, those of training")
    return count


def _vocabulary_size(rows: Sequence[Row]) -> int:
    for row in rows:
        if row.inputs.min(initial=0) < 0:
            raise ValueError(f"{row.where}: an id is {row.inputs.min()}; allowed: 0 or more (measurements are floats)")
    return 1 + max(int(row.inputs.max(initial=0)) for row in rows)


def _splits(rows: Sequence[Row], parts: Rows) -> Mapping[str, Examples | Sequences]:
    """Padded to a few widths where their lengths differ."""
    one_length = len({len(row.inputs) for row in rows}) == 1
    by_step = rows[0].labels.ndim == (1 if rows[0].labels.dtype.kind == "i" else 2)
    splits: dict[str, Examples | Sequences] = {}
    for split, own in parts.items():
        inputs, labels = ([getattr(rows[row], name) for row in own] for name in ("inputs", "labels"))
        if one_length:
            splits[split] = Examples({"inputs": np.stack(inputs), "labels": np.stack(labels)})
        else:
            targets = Ragged.of(labels) if by_step else np.stack(labels)
            splits[split] = Sequences({"inputs": Ragged.of(inputs), "labels": targets})
    return splits
