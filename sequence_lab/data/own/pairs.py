"""Pairs of texts of a user's."""

from sequence_lab.data import tokens as tokenisers
from sequence_lab.data.own import given, reading
from sequence_lab.data.own.rows import Labelled
from sequence_lab.data.partition import Partition
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset
from sequence_lab.data.texts import TextOptions, learn


def text_pairs(
    files: str,
    validation_files: str = "",
    test_files: str = "",
    source: int = 0,
    target: int = 1,
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
    """Pairs of a text and what becomes of it, a pair a line with tabs between its columns: ``inputs``, ``targets``.

    One vocabulary serves both sides; "<eos>" ends each target. ``targets_lengths`` has the lengths of the targets.

    Args:
      files, validation_files, test_files: names with commas between them, or patterns.
      source, target: columns, from 0 on.
      validation, test, folds, fold: see ``Partition``; for the splits that have no files.
      tokens, vocabulary_size, min_count, lower_case, max_length: see ``TextOptions``.
      encoding: of the files.

    Raises:
      ValueError: a line with too few columns; names file and line.
    """
    pairs, where, named = [], [], []
    for path, split in given.named(files, validation_files, test_files):
        for number, line in enumerate(reading.lines(path, encoding), 1):
            fields = line.split("\t")
            if not line.strip():
                continue
            if len(fields) <= max(source, target):
                place = f"{path}, line {number} has {len(fields)} columns"
                raise ValueError(f"{place}; allowed: with columns {source} and {target}, and tabs between them")
            pairs.append((fields[source], fields[target]))
            where.append(f"{path}, line {number}")
            named.append(split)
    rows = Labelled(["" for _ in pairs], where, given=named)
    parts = given.completed(rows, Partition(validation, test, folds, fold))
    sides = [list(side) for side in zip(*pairs, strict=True)]
    options = TextOptions(tokens, vocabulary_size, min_count, lower_case, max_length)
    special = (tokenisers.PAD, tokenisers.UNKNOWN, tokenisers.END)
    learnt = learn([side[row] for row in parts["train"] for side in sides], options, special)
    inputs, targets = map(learnt.encode_all, sides)
    if max_length:
        inputs, targets = inputs.cut(max_length), targets.cut(max_length)
    targets = Ragged(targets.joined(learnt.id_of(tokenisers.END)), targets.lengths + 1)
    splits = {
        split: Sequences({"inputs": inputs.select(own), "targets": targets.select(own)}, apart=("targets",))
        for split, own in parts.items()
    }
    return Dataset(splits, {"vocabulary_size": len(learnt), "num_outputs": len(learnt)}, learnt)
