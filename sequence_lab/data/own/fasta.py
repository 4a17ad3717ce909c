"""DNA of a user's: sequences with a class each, from FASTA files."""

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np

from sequence_lab.data import dna, fasta_format
from sequence_lab.data.own import given, reading
from sequence_lab.data.own.rows import Labelled, classes_of
from sequence_lab.data.partition import Partition
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset

GROUPS = ("", "chromosome")
# Of what names a chromosome, the first that is in a header; what follows a _ names a piece of it.
CHROMOSOMES = tuple(
    map(
        re.compile,
        (
            r"\brange=(?:(?:[Cc]hr|CHR)([^\W_]+)|([^\s:]+):)",  # of the table browser of UCSC
            r"(?<![^\W_])(?:[Cc]hr|CHR(?!OM))(\d[^\W_]*|[A-Z][^\W_]*)",  # chr7:100-300, chr7_100, peak 1 chrX|100
            r"^([^\s:]+):\d+(?:-|\.\.)\d+",  # 2L:100-300, NC_000001.11:100-300
        ),
    )
)
SHUFFLED = "shuffled"


def fasta(
    files: str,
    validation_files: str = "",
    test_files: str = "",
    label_pattern: str = "",
    group: str = "",
    cluster_file: str = "",
    shuffled: int = 0,
    class_weights: bool = False,
    validation: float = 0.1,
    test: float = 0.1,
    folds: int = 0,
    fold: int = 0,
) -> Dataset:
    """Pieces of DNA with a class each, one-hot ``[T, 4]`` in the order A, C, G, T; other codes (N) are zeros.

    Args:
      files, validation_files, test_files: names with commas between them, or patterns; compressed (.gz) or not. A class
        per file, by its name without folders and endings (so that test/pos.fa goes with train/pos.fa.gz), unless there
        is a pattern.
      label_pattern: a regular expression with a group, which finds the class in each header.
      group: "chromosome", what a header names as chr7, as range=chr7:100-300, or first as 7:100-300; its pieces stay
        in one split.
      cluster_file: lines of an id (the first word of a header) and a cluster, whose pieces stay in one split.
      shuffled: of one file, how many negatives to make of each piece: shuffled, with its counts of neighbours kept.
      class_weights: weigh training rows so that every class counts as much.
      validation, test, folds, fold: see ``Partition``; for the splits that have no files.

    Raises:
      ValueError: a file, header or option that is not as it is to be; names file and record.
    """
    if group not in GROUPS:
        raise ValueError(f"dataset.group is {group!r}; allowed: chromosome, or none")
    named = given.named(files, validation_files, test_files)
    found = [(path, header, sequence, split) for path, split in named for header, sequence in _records(path)]
    sequences = [sequence for _, _, sequence, _ in found]
    labels = [_label(path, header, label_pattern) for path, header, _, _ in found]
    where = [f"{path}, record {header!r}" for path, header, _, _ in found]
    groups = _groups([header for _, header, _, _ in found], where, group, cluster_file)
    rows = Labelled(labels, where, groups, [split for _, _, _, split in found])
    if shuffled:
        sequences, rows = _with_shuffled(sequences, rows, shuffled)
    parts = given.completed(rows, Partition(validation, test, folds, fold))
    classes, numbers = classes_of(rows, parts)
    one_hot = Ragged.of([dna.one_hot(sequence) for sequence in sequences])
    splits: dict[str, Any] = {
        split: {"inputs": one_hot.select(own), "labels": numbers[own]} for split, own in parts.items()
    }
    if class_weights:
        counts = np.bincount(splits["train"]["labels"], minlength=len(classes))
        splits["train"]["mask"] = (counts.sum() / (len(classes) * counts))[splits["train"]["labels"]].astype(np.float32)
    return Dataset(
        {s: Sequences(arrays) for s, arrays in splits.items()}, {"num_outputs": len(classes)}, classes=classes
    )


def shuffled_by_pairs(sequence: str, random: np.random.Generator) -> str:
    """A random sequence with the same number of every pair of neighbours, first and last letter included.

    An Eulerian path through the pairs, drawn as Altschul and Erickson 1985 do: for every letter but the last of the
    sequence a way out that is taken last, so that these ways lead to it; the other ways in random order.
    """
    if len(sequence) < 3:
        return sequence
    ways = {letter: [b for a, b in itertools.pairwise(sequence) if a == letter] for letter in set(sequence)}
    end = sequence[-1]
    while True:
        last = {letter: out[random.integers(len(out))] for letter, out in ways.items() if letter != end}
        if all(_leads(letter, last, end) for letter in last):
            break
    for letter, out in ways.items():
        rest = list(out)
        if letter in last:
            rest.remove(last[letter])
        ways[letter] = [rest[i] for i in random.permutation(len(rest))] + ([last[letter]] if letter in last else [])
    path, taken = [sequence[0]], dict.fromkeys(ways, 0)
    for _ in range(len(sequence) - 1):
        here = path[-1]
        path.append(ways[here][taken[here]])
        taken[here] += 1
    return "".join(path)


def _leads(letter: str, last: dict[str, str], end: str) -> bool:
    for _ in range(len(last) + 1):
        if letter == end:
            return True
        letter = last[letter]
    return False


def _records(path: Path) -> list[tuple[str, str]]:
    records = list(fasta_format.records(reading.lines(path), str(path)))
    if not records:
        raise ValueError(f"{path} has no records; allowed: one or more")
    seen = set()
    for header, sequence in records:
        if header in seen:
            raise ValueError(f"{path} has two records {header!r}; allowed: one")
        seen.add(header)
        if wrong := set(sequence) - set(dna.BASES + dna.CODES):
            raise ValueError(
                f"{path}, record {header!r} has {min(wrong)!r}; allowed: {dna.BASES} and IUPAC's codes {dna.CODES}"
            )
    return records


def _label(path: Path, header: str, pattern: str) -> str:
    if not pattern:
        return path.name.partition(".")[0]
    try:
        found = re.search(pattern, header)
    except re.error as error:
        raise ValueError(f"dataset.label_pattern is {pattern!r}: {error}") from error
    if found is None or not found.groups() or found[1] is None:
        raise ValueError(f"{path}, record {header!r} has no class; allowed: one that {pattern!r} finds, in a group")
    return found[1]


def _groups(headers: list[str], where: list[str], group: str, cluster_file: str) -> list[str] | None:
    if group and cluster_file:
        raise ValueError(f"dataset.group is {group!r} and cluster_file is {cluster_file!r}; allowed: one of them")
    if group:
        return [_chromosome(*record) for record in zip(headers, where, strict=True)]
    if not cluster_file:
        return None
    ids = [header.split()[0] if header else "" for header in headers]
    (path,) = reading.paths(cluster_file, "cluster_file")
    clusters: dict[str, str] = {}
    for number, line in enumerate(reading.lines(path), 1):
        fields = line.split()
        if len(fields) != 2 or fields[0] in clusters:
            raise ValueError(f"{path}, line {number} is {line!r}; allowed: an id that has no line yet, and its cluster")
        clusters[fields[0]] = fields[1]
    if missing := [name for name in ids if name not in clusters]:
        raise ValueError(f"{path} has no line for {missing[0]!r}; allowed: one for every record")
    return [clusters[name] for name in ids]


def _chromosome(header: str, where: str) -> str:
    for pattern in CHROMOSOMES:
        if found := pattern.search(header):
            return found[found.lastindex or 0]
    raise ValueError(f"{where} names no chromosome; allowed: one, as chr7:100-300 or range=chr7:100-300 or 7:100-300")


def _with_shuffled(sequences: list[str], rows: Labelled, count: int) -> tuple[list[str], Labelled]:
    """Negatives stay in the split of what they were made of."""
    if len(set(rows.labels)) > 1 or count < 0:
        raise ValueError(f"dataset.shuffled is {count}; allowed: 1 or more, of pieces of one class")
    random = np.random.default_rng(0)
    negatives = [shuffled_by_pairs(sequence, random) for sequence in sequences for _ in range(count)]
    again = [*range(len(sequences)), *(i for i in range(len(sequences)) for _ in range(count))]
    groups, splits = rows.where if rows.groups is None else rows.groups, rows.given or ()
    labels = [*rows.labels, *[SHUFFLED] * len(negatives)]
    return sequences + negatives, Labelled(labels, *([own[i] for i in again] for own in (rows.where, groups, splits)))
