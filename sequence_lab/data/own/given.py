"""Splits that a user's files already have, and the others drawn from the training rows."""

from pathlib import Path

from sequence_lab.data.own import reading
from sequence_lab.data.own.rows import SPLITS, Labelled, parted
from sequence_lab.data.partition import Partition, Rows


def named(files: str, validation_files: str, test_files: str) -> list[tuple[Path, str]]:
    """Every file and its split: "train" for those of ``files``.

    Raises:
      ValueError: one is not there, or is named twice.
    """
    found: dict[Path, str] = {}
    fields = {"files": files, "validation_files": validation_files, "test_files": test_files}
    for split, (field, own) in zip(SPLITS, fields.items(), strict=True):
        for path in reading.paths(own, field) if own or field == "files" else ():
            if path in found:
                raise ValueError(f"dataset.{field} names {path} again; allowed: every file once")
            found[path] = split
    return list(found.items())


def completed(rows: Labelled, how: Partition) -> Rows:
    """The rows of each split: as given, those that no row is given for being drawn from training as ``how`` says.

    Raises:
      ValueError: as ``rows.parted``; or no row is given for training, or there are folds beside a given test split.
    """
    if rows.given is None or set(rows.given) == {"train"}:
        return parted(rows._replace(given=None), how)
    given = parted(rows, how)
    if "train" not in given:
        raise ValueError(f"the splits of the rows are {', '.join(given)}; allowed: train, and others")
    if how.folds and "test" in given:
        raise ValueError(f"dataset.folds is {how.folds} and a test split is given; allowed: one of them")
    shares = how._replace(
        validation=0.0 if "validation" in given else how.validation, test=0.0 if "test" in given else how.test
    )
    own = given["train"]
    training = Labelled(
        [rows.labels[row] for row in own],
        [rows.where[row] for row in own],
        None if rows.groups is None else [rows.groups[row] for row in own],
    )
    drawn = {split: own[found] for split, found in parted(training, shares).items()}
    parts = {**given, **drawn}
    return {split: parts[split] for split in SPLITS if split in parts}
