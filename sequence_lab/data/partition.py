"""Which rows go to which split: by shares or folds, in proportion to classes, or by groups that stay together."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

Rows = Mapping[str, np.ndarray]


class Partition(NamedTuple):
    """How rows are dealt.

    Attributes:
      validation: share of the rows that are not in the test split.
      test: share of all rows; does not count where there are folds.
      folds: 0, or how many equal parts; the test split is one of them.
      fold: which one.
      seed: of the order in which they are dealt.
    """

    validation: float = 0.1
    test: float = 0.1
    folds: int = 0
    fold: int = 0
    seed: int = 0


def partition(how: Partition, labels: np.ndarray | None = None, groups: np.ndarray | None = None) -> Rows:
    """Rows, ascending, of the splits "train", "validation" and "test"; the latter two only where they have any.

    Args:
      labels: of the rows. Without groups, every split has each class in proportion, to a row; and the last row of a
        class stays in training, if the split has others, so that a class of a single row is in no other split.
      groups: of the rows; those of one group are all in one split, and shares and folds are of groups.

    Raises:
      ValueError: a share or fold out of range, or one that has no rows or all of them.
    """
    if not (how.folds == 0 or how.folds >= 2) or not 0 <= how.fold < max(1, how.folds):
        raise ValueError(f"folds is {how.folds} and fold is {how.fold}; allowed: 0, or 2 or more, and 0 to folds - 1")
    for name in ("validation", "test"):
        if not 0 <= getattr(how, name) < 1:
            raise ValueError(f"{name} is {getattr(how, name)}; allowed: 0 or more, below 1")
    if groups is None:
        assert labels is not None
        unit_of_row, classes = np.arange(len(labels)), labels
    else:
        _, unit_of_row = np.unique(groups, return_inverse=True)
        classes = np.zeros(unit_of_row.max(initial=-1) + 1, int)
    units = _dealt(classes, how.seed)
    what = "row" if groups is None else "group"
    if how.folds:
        own_fold = np.arange(len(units)) % how.folds == how.fold
        in_test = _but_last(own_fold, classes[units], f"fold is {how.fold} of {how.folds}", what)
    else:
        in_test = _share("test", how.test, classes[units], what)
    rest = units[~in_test]
    in_validation = _share("validation", how.validation, classes[rest], what)
    chosen = {"train": rest[~in_validation], "validation": rest[in_validation], "test": units[in_test]}
    rows = {split: np.flatnonzero(np.isin(unit_of_row, found)) for split, found in chosen.items()}
    return {split: found for split, found in rows.items() if len(found)}


def _dealt(classes: np.ndarray, seed: int) -> np.ndarray:
    """Units in random order, class after class: so what is taken at equal distances is in proportion."""
    order = np.random.default_rng(seed).permutation(len(classes))
    return order[np.argsort(classes[order], kind="stable")]


def _share(name: str, share: float, classes: np.ndarray, what: str) -> np.ndarray:
    """True at places at equal distances, round(share * their number) of them, but for what ``_but_last`` leaves."""
    taken = np.diff(np.round(np.arange(len(classes) + 1) * share).astype(int)) > 0
    return _but_last(taken, classes, f"{name} is {share}", what) if share else taken


def _but_last(taken: np.ndarray, classes: np.ndarray, said: str, what: str) -> np.ndarray:
    """What is taken, but for a place of each class that would be taken whole; ValueError if it is nothing, or all.

    Where classes have one place each, there is nothing else to take, and it is taken.
    """
    if taken.all() or not taken.any():
        share = f"{'all' if taken.any() else 'none'} of {len(taken)} {what}{'s' * (len(taken) != 1)}"
        raise ValueError(f"{said}, {share}; allowed: 0, or what takes one or more and leaves one or more")
    kinds, first = np.unique(classes, return_index=True)
    found = taken.copy()
    found[first[~np.isin(kinds, classes[~taken])]] = False
    return found if found.any() else taken
