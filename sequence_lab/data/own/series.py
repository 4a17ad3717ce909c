"""Time series of a user's, with a class each: of the UCR and UEA archives, or in tables."""

import csv
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sequence_lab.data.own import given, reading, ucr
from sequence_lab.data.own.rows import Labelled, classes_of
from sequence_lab.data.own.ucr import Series
from sequence_lab.data.partition import Partition, Rows
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset, Examples

FORMATS = {".ts": ucr.ts, ".arff": ucr.arff}
HEADINGS = ("", "class", "label", "target")  # of the column of classes, where columns of values may have numbers
NUMBER = re.compile(r"[-+.\deE]+|nan", re.IGNORECASE)
DELIMITERS = {".csv": ",", ".tsv": "\t"}
ENDED = ("", "nan")  # what stands after the end of a series in a table with one a row


class Columns(NamedTuple):
    """Names of a table's columns; "", none."""

    id: str = ""
    label: str = ""
    group: str = ""
    split: str = ""
    channels: str = ""


def time_series(
    files: str,
    validation_files: str = "",
    test_files: str = "",
    id: str = "",
    label: str = "",
    group: str = "",
    split: str = "",
    channels: str = "",
    normalize: bool = False,
    validation: float = 0.1,
    test: float = 0.1,
    folds: int = 0,
    fold: int = 0,
) -> Dataset:
    """Series ``[T, C]`` with a class each, from .ts, .arff, .csv and .tsv files; lengths may differ.

    A table (.csv with commas, .tsv with tabs) has a series a row, first its class, as in the UCR archive, where empty
    cells or NaN at the end of a row make the series shorter. With ``label``, a table has headings and a row for each
    step, in order of time; the rows of a series stand together.

    Args:
      files, validation_files, test_files: names with commas between them, or patterns.
      id: a column that names the series; "", every file is one.
      label: a column with the class of the series.
      group: a column whose equal values (a subject) stay in one split.
      split: a column that says "train", "validation" or "test".
      channels: columns with values, with commas between them; "", all others.
      normalize: every channel by its mean and standard deviation over all steps of training.
      validation, test, folds, fold: see ``Partition``; for the splits that have no files and no rows.

    Raises:
      ValueError: a file, column or value is not as it is to be; one line that names file and line.
    """
    columns = Columns(id, label, group, split, channels)
    if any(columns) and not label:
        raise ValueError("dataset.label is ''; allowed: a column, as other columns are named")
    if split and (validation_files or test_files):
        raise ValueError(f"dataset.split is {split!r} and there are files of splits; allowed: one of them")
    named = [
        (one, own) for path, own in given.named(files, validation_files, test_files) for one in _read(path, columns)
    ]
    series = [one for one, _ in named]
    _check_alike(series, columns)
    rows = Labelled(
        [one.label for one in series],
        [one.where for one in series],
        [one.group or "" for one in series] if group else None,
        [one.split or own for one, own in named],
    )
    parts = given.completed(rows, Partition(validation, test, folds, fold))
    classes, labels = classes_of(rows, parts)
    values = [one.values for one in series]
    splits = _splits(_normalized(values, parts["train"]) if normalize else values, labels, parts)
    return Dataset(splits, {"num_outputs": len(classes)}, classes=classes)


def _read(path: Path, columns: Columns) -> list[Series]:
    kind = reading.kind(path)
    if kind not in (*FORMATS, *DELIMITERS):
        raise ValueError(f"{path} ends in {kind!r}; allowed: {', '.join((*FORMATS, *DELIMITERS))}")
    if kind in FORMATS and columns.label:
        raise ValueError(f"{path} has no columns with names, and dataset.label is {columns.label!r}; allowed: ''")
    if kind in FORMATS:
        found = FORMATS[kind](path)
    else:
        cells = _cells(path, DELIMITERS[kind])
        found = _by_step(cells, columns, path) if columns.label else _by_row(cells)
    if not found:
        raise ValueError(f"{path} has no series; allowed: one or more")
    return found


def _cells(path: Path, delimiter: str) -> list[tuple[str, list[str]]]:
    """Place and cells of every line that is not empty."""
    reader = csv.reader(io.StringIO(reading.text(path), newline=""), delimiter=delimiter, strict=True)
    try:
        return [(f"{path}, line {reader.line_num}", [cell.strip() for cell in row]) for row in reader if any(row)]
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from error


def _by_row(rows: Sequence[tuple[str, list[str]]]) -> list[Series]:
    """A series a row, the class first."""
    found = []
    for where, (label, *values) in rows[1:] if rows and _is_heading(rows[0][1]) else rows:
        while values and values[-1].lower() in ENDED:
            values.pop()
        if not label or not values:
            raise ValueError(f"{where} has no {'values' if label else 'class'}; allowed: a class and values")
        found.append(Series(ucr.numbers(values, where)[:, None].astype(np.float32), label, where))
    return found


def _is_heading(row: Sequence[str]) -> bool:
    """Whether a first row names the class, or has no number."""
    return row[0].lower() in HEADINGS or not any(NUMBER.fullmatch(cell) for cell in row[1:])


def _by_step(rows: Sequence[tuple[str, list[str]]], columns: Columns, path: Path) -> list[Series]:
    """A step a row; the rows of a series stand together."""
    if not rows:
        return []
    (_, headings), *steps = rows
    channels = _channels(headings, columns, path)
    by_name = [(where, _named(headings, cells, where)) for where, cells in steps]
    found = []
    for key, own in itertools.groupby(by_name, key=lambda step: step[1].get(columns.id, "")):
        held = list(own)
        first = held[0][0] + (f", series {key!r}" if key else "")
        label, group, split = (_constant(held, name) for name in (columns.label, columns.group, columns.split))
        values = [ucr.numbers([step[name] for name in channels], where, names=channels) for where, step in held]
        found.append(Series(np.stack(values).astype(np.float32), label or "", first, key, group, split))
    return found


def _channels(headings: Sequence[str], columns: Columns, path: Path) -> list[str]:
    channels = [name.strip() for name in columns.channels.split(",") if name.strip()]
    others = [name for name in columns[:-1] if name]
    for name in (*others, *channels):
        if headings.count(name) != 1:
            raise ValueError(f"{path} has {headings.count(name)} columns {name!r}; allowed: one, {', '.join(headings)}")
    channels = channels or [name for name in headings if name not in others]
    if not channels or len(set(channels)) < len(channels):
        raise ValueError(f"{path} has the channels {', '.join(channels) or 'none'}; allowed: one or more, each once")
    return channels


def _named(headings: Sequence[str], cells: Sequence[str], where: str) -> Mapping[str, str]:
    if len(cells) != len(headings):
        raise ValueError(f"{where} has {len(cells)} columns; allowed: {len(headings)}, as the headings")
    return dict(zip(headings, cells, strict=True))


def _constant(steps: Sequence[tuple[str, Mapping[str, str]]], name: str) -> str | None:
    """The one value of a column in a series."""
    if not name:
        return None
    first = steps[0][1][name]
    for where, step in steps:
        if not step[name] or step[name] != first:
            raise ValueError(f"{where}, {name} is {step[name]!r}; allowed: {first or 'a value'!r}, all along a series")
    return first


def _check_alike(series: Sequence[Series], columns: Columns) -> None:
    """One number of channels, and no series twice."""
    seen = dict[str, str]()
    for one in series:
        count = one.values.shape[1]
        if count != series[0].values.shape[1]:
            raise ValueError(
                f"{one.where} has {count} channels; allowed: {series[0].values.shape[1]}, as {series[0].where}"
            )
        if columns.id:
            if one.id in seen:
                raise ValueError(f"{one.where}: it is there twice; allowed: once, and {seen[one.id]} has it")
            seen[one.id] = one.where


def _normalized(values: Sequence[np.ndarray], training: np.ndarray) -> list[np.ndarray]:
    """A channel that never changes becomes 0."""
    steps = np.concatenate([values[row] for row in training]).astype(np.float64)
    mean, deviation = steps.mean(axis=0), steps.std(axis=0)
    return [((own - mean) / np.where(deviation > 0, deviation, 1)).astype(np.float32) for own in values]


def _splits(values: Sequence[np.ndarray], labels: np.ndarray, parts: Rows) -> Mapping[str, Examples | Sequences]:
    """In batches of a few widths where the lengths differ."""
    one_length = len({len(own) for own in values}) == 1
    splits: dict[str, Examples | Sequences] = {}
    for split, own in parts.items():
        rows = [values[row] for row in own]
        if one_length:
            splits[split] = Examples({"inputs": np.stack(rows), "labels": labels[own]})
        else:
            splits[split] = Sequences({"inputs": Ragged.of(rows), "labels": labels[own]})
    return splits
