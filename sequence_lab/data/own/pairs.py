"""Pairs of texts of a user's."""

from collections.abc import Iterator
from pathlib import Path

from sequence_lab.data.own import gettext_files, given, reading
from sequence_lab.data.own.rows import Labelled
from sequence_lab.data.partition import Partition
from sequence_lab.data.splits import Dataset
from sequence_lab.data.texts import TextOptions, paired_texts

CATALOGUES = (".po", ".mo")
GROUPS = ("", "file", "source")


def text_pairs(
    files: str,
    validation_files: str = "",
    test_files: str = "",
    source: int = 0,
    target: int = 1,
    group: str = "",
    validation: float = 0.1,
    test: float = 0.1,
    folds: int = 0,
    fold: int = 0,
    tokens: str = "words",
    vocabulary_size: int = 0,
    min_count: int = 1,
    lower_case: bool = False,
    max_length: int = 0,
    encoding: str = "utf-8",
) -> Dataset:
    """Pairs of a text and what becomes of it; see ``paired_texts``.

    Of a table a pair a line, with tabs between its columns; of gettext's catalogues (.po, .mo) each message and its
    translation, see ``gettext_files.messages``.

    Args:
      files, validation_files, test_files: names with commas between them, or patterns.
      source, target: columns of tables, from 0 on.
      group: what stays in one split: pairs of one "file", or with one "source".
      validation, test, folds, fold: see ``Partition``; for the splits that have no files.
      tokens, vocabulary_size, min_count, lower_case, max_length: see ``TextOptions``.
      encoding: of the files.

    Raises:
      ValueError: a file without pairs, a line with too few columns, or that is none of a catalogue; names file and
        line.
    """
    if group not in GROUPS:
        raise ValueError(f"dataset.group is {group!r}; allowed: file, source, or none")
    found = [
        (pair, str(path), split)
        for path, split in given.named(files, validation_files, test_files)
        for pair in _read(path, source, target, encoding)
    ]
    pairs = [pair for pair, _, _ in found]
    groups = {"file": [path for _, path, _ in found], "source": [pair.source for pair in pairs]}.get(group)
    rows = Labelled(["" for _ in pairs], [pair.where for pair in pairs], groups, [split for _, _, split in found])
    parts = given.completed(rows, Partition(validation, test, folds, fold))
    sides = {
        split: ([pairs[row].source for row in own], [pairs[row].target for row in own]) for split, own in parts.items()
    }
    return paired_texts(sides, TextOptions(tokens, vocabulary_size, min_count, lower_case, max_length))


def _read(path: Path, source: int, target: int, encoding: str) -> list[gettext_files.Message]:
    if reading.kind(path) in CATALOGUES:
        found = gettext_files.messages(path, encoding)
    else:
        found = list(_tabbed(path, source, target, encoding))
    if not found:
        raise ValueError(f"{path} has no pairs; allowed: one or more")
    return found


def _tabbed(path: Path, source: int, target: int, encoding: str) -> Iterator[gettext_files.Message]:
    for number, line in enumerate(reading.lines(path, encoding), 1):
        fields, where = line.split("\t"), f"{path}, line {number}"
        if not line.strip():
            continue
        if len(fields) <= max(source, target):
            count = f"{len(fields)} column{'s' * (len(fields) > 1)}"
            raise ValueError(
                f"{where} has {count}; allowed: {max(source, target) + 1} or more, with tabs between them, for source "
                f"{source} and target {target}, counted from 0"
            )
        yield gettext_files.Message(fields[source], fields[target], where)
