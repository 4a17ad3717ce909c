"""Sentences of a user's, with a class for each token."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sequence_lab.data.own import given, reading
from sequence_lab.data.own.rows import Labelled, classes_of
from sequence_lab.data.partition import Partition
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset
from sequence_lab.data.texts import TextOptions, digests, learn

GROUPS = ("", "file", "document")
BETWEEN = re.compile(r"[ \t]+")  # and nothing else: a no-break space is part of a token
DOCUMENT = "-DOCSTART-"


class Sentence(NamedTuple):
    """Tokens, with a label and a place each, and the document that they are of."""

    tokens: list[str]
    labels: list[str]
    where: list[str]
    document: str


def columns(
    files: str,
    validation_files: str = "",
    test_files: str = "",
    token: int = 0,
    label: int = -1,
    group: str = "",
    validation: float = 0.1,
    test: float = 0.1,
    folds: int = 0,
    fold: int = 0,
    vocabulary_size: int = 0,
    min_count: int = 1,
    lower_case: bool = False,
    encoding: str = "utf-8",
) -> Dataset:
    """A class for each token, from files of columns as CoNLL has them: a token a line, a blank line between sentences.

    Args:
      files, validation_files, test_files: names with commas between them, or patterns.
      token, label: columns, from 0 on, or from -1, the last, back; they are parted by blanks or tabs.
      group: what stays in one split: sentences of one "file", or of one "document", which a line -DOCSTART- begins.
      validation, test, folds, fold: see ``Partition``; for the splits that have no files.
      vocabulary_size, min_count, lower_case: of the tokens, see ``TextOptions``.

    Raises:
      ValueError: a line with too few columns, or a class that no training sentence has; names file and line.
    """
    if group not in GROUPS:
        raise ValueError(f"dataset.group is {group!r}; allowed: file, document, or none")
    found = [
        (sentence, {"file": str(path), "document": sentence.document}.get(group, ""), split)
        for path, split in given.named(files, validation_files, test_files)
        for sentence in _sentences(path, token, label, encoding)
    ]
    sentences = [sentence for sentence, _, _ in found]
    groups = [own for _, own, _ in found] if group else None
    rows = Labelled(["" for _ in found], [s.where[0] for s in sentences], groups, [split for _, _, split in found])
    parts = given.completed(rows, Partition(validation, test, folds, fold))
    every = Labelled([own for s in sentences for own in s.labels], [own for s in sentences for own in s.where])
    lengths = np.array([len(sentence.tokens) for sentence in sentences], np.int32)
    ends = np.cumsum(lengths)
    steps = {
        split: np.concatenate([np.arange(ends[r] - lengths[r], ends[r]) for r in rs]) for split, rs in parts.items()
    }
    classes, numbers = classes_of(every, steps)
    texts = [" ".join(sentence.tokens) for sentence in sentences]
    options = TextOptions("blanks", vocabulary_size, min_count, lower_case, 0)
    learnt = learn([texts[row] for row in parts["train"]], options)
    ids, labels = learnt.encode_all(texts), Ragged(numbers, lengths)
    splits = {s: Sequences({"inputs": ids.select(r), "labels": labels.select(r)}) for s, r in parts.items()}
    facts: dict[str, Any] = {"vocabulary_size": len(learnt), "num_outputs": len(classes)}
    told_apart = {s: digests([texts[row] for row in r], options) for s, r in parts.items()}
    return Dataset(splits, facts, learnt, classes, digests=told_apart)


def _sentences(path: Path, token: int, label: int, encoding: str) -> list[Sentence]:
    """Those of a file, which blank lines part."""
    document = f"{path}, line 1"
    found = [Sentence([], [], [], document)]
    for number, line in enumerate(reading.lines(path, encoding), 1):
        fields, where = BETWEEN.split(line.strip(" \t")), f"{path}, line {number}"
        if fields[0] in ("", DOCUMENT):
            document = where if fields[0] else document
            found.append(Sentence([], [], [], document))
            continue
        try:
            own = fields[token], fields[label], where
        except IndexError as error:
            raise ValueError(f"{where} has {len(fields)} columns; allowed: with columns {token} and {label}") from error
        if len(fields) < 2:
            raise ValueError(f"{where} has 1 column; allowed: a token and a label, or more")
        for values, part in zip((found[-1].tokens, found[-1].labels, found[-1].where), own, strict=True):
            values.append(part)
    sentences = [sentence for sentence in found if sentence.tokens]
    if not sentences:
        raise ValueError(f"{path} has no sentences; allowed: one or more")
    return sentences
