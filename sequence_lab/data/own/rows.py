"""From rows with labels to splits: classes by name, and which rows go where."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sequence_lab.data.partition import Partition, Rows, partition

SPLITS = ("train", "validation", "test")
SHOWN = 12  # classes in a message


class Labelled(NamedTuple):
    """Rows of a user's files.

    Attributes:
      labels: the class of each row, as it is written.
      where: file and record of each row, for messages.
      groups: what stays together, or None.
      given: the split of each row, or None.
    """

    labels: Sequence[str]
    where: Sequence[str]
    groups: Sequence[str] | None = None
    given: Sequence[str] | None = None


def parted(rows: Labelled, how: Partition) -> Rows:
    """The rows of each split: as given, by groups, or drawn with each class in proportion.

    Raises:
      ValueError: there are no rows, or a given split is none of the three.
    """
    if not rows.labels:
        raise ValueError("the files have no rows; allowed: one or more")
    if rows.given is None:
        numbers = np.unique(np.array(rows.labels), return_inverse=True)[1]
        groups = None if rows.groups is None else np.array(rows.groups)
        return partition(how, numbers if groups is None else None, groups)
    for where, split in zip(rows.where, rows.given, strict=True):
        if split not in SPLITS:
            raise ValueError(f"{where}: the split is {split!r}; allowed: {', '.join(SPLITS)}")
    given = np.array(rows.given)
    return {split: found for split in SPLITS if len(found := np.flatnonzero(given == split))}


def classes_of(rows: Labelled, parts: Rows) -> tuple[tuple[str, ...], np.ndarray]:
    """The classes of the training rows, sorted (numbers as numbers), and the class of every row, int32.

    Raises:
      ValueError: there is but one class, or a row outside of training has another.
    """
    classes = sorted({rows.labels[row] for row in parts["train"]}, key=lambda name: (_number(name), name))
    if len(classes) < 2:
        raise ValueError(f"the training rows have the one class {classes[0]!r}; allowed: two or more")
    numbers = {name: number for number, name in enumerate(classes)}
    for row, (where, label) in enumerate(zip(rows.where, rows.labels, strict=True)):
        if label not in numbers and any(row in found for found in parts.values()):
            some = ", ".join(classes[:SHOWN]) + (f" and {len(classes) - SHOWN} more" if len(classes) > SHOWN else "")
            raise ValueError(f"{where}: the class is {label!r}; allowed: those of training: {some}")
    return tuple(classes), np.array([numbers.get(label, -1) for label in rows.labels], np.int32)


def _number(name: str) -> float:
    try:
        number = float(name)
    except ValueError:
        return np.inf
    return number if np.isfinite(number) else np.inf  # "nan" is a word, too, and would sort nowhere
