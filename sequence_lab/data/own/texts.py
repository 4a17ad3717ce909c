"""Texts of a user's: for language models, and with a class each."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sequence_lab.data import tokens as tokenisers
from sequence_lab.data.corpora import in_streams
from sequence_lab.data.own import folders, given, reading
from sequence_lab.data.own.rows import Labelled, classes_of
from sequence_lab.data.partition import Partition
from sequence_lab.data.splits import Dataset
from sequence_lab.data.texts import TextOptions, labelled_texts

TABS: Mapping[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}


def text_file(
    files: str,
    validation_files: str = "",
    test_files: str = "",
    validation: float = 0.05,
    test: float = 0.05,
    tokens: str = "characters",
    vocabulary_size: int = 0,
    min_count: int = 1,
    encoding: str = "utf-8",
) -> Dataset:
    """A language model's text: a file, several, or all files of a folder, one after the other.

    Args:
      files, validation_files, test_files: names with commas between them, patterns, or a folder. Without the latter
        two, validation and test are the last parts of the text.
      validation, test: these parts, as shares of it.
      tokens, vocabulary_size, min_count: as in ``tokens.learn``; of words and what stands between blanks, "<eos>" ends
        each line.
      encoding: of the files.

    Raises:
      ValueError: a file that is not there or not in that encoding, an option out of range, or too little text.
    """
    parts = {"train": _whole(files, encoding)}
    for split, share, own in (("test", test, test_files), ("validation", validation, validation_files)):
        if own:
            parts[split] = _whole(own, encoding)
            continue
        if not 0 < share < 1:
            raise ValueError(f"dataset.{split} is {share}; allowed: above 0, below 1")
        cut = len(parts["train"]) - round(share * len(parts["train"]))
        cut = parts["train"].rfind("\n", 0, cut) + 1 or cut  # at the end of a line, if there is one
        parts["train"], parts[split] = parts["train"][:cut], parts["train"][cut:]
    by_line = tokens in ("words", "blanks")
    if empty := [split for split, text in parts.items() if not text]:
        raise ValueError(f"dataset.files: no text is left for {empty[0]}; allowed: more text, or a larger share")
    lines = {s: text.removesuffix("\n").split("\n") if by_line else [text] for s, text in parts.items()}
    special = (tokenisers.UNKNOWN, tokenisers.END) if by_line else (tokenisers.UNKNOWN,)
    learnt = tokenisers.learn(lines["train"], tokens, size=vocabulary_size, min_count=min_count, special=special)
    return in_streams(lines, learnt)


def text_table(
    files: str,
    text: str = "text",
    label: str = "label",
    group: str = "",
    split: str = "",
    validation: float = 0.1,
    test: float = 0.1,
    folds: int = 0,
    fold: int = 0,
    tokens: str = "words",
    vocabulary_size: int = 0,
    min_count: int = 1,
    lower_case: bool = True,
    max_length: int = 0,
    encoding: str = "utf-8",
) -> Dataset:
    """Texts with a class each, from tables with headings (.csv; else by tabs) or a JSON object a line (.jsonl).

    Blanks around a class, a group or a split are no part of it.

    Args:
      files: names with commas between them, or patterns.
      text, label: the columns of text and class.
      group: a column whose equal values stay in one split.
      split: a column that says "train", "validation" or "test".
      validation, test, folds, fold: see ``Partition``; for the splits that no row is in.
      tokens, vocabulary_size, min_count, lower_case, max_length: see ``TextOptions``.
      encoding: of the files.

    Raises:
      ValueError: a file, column or value that is not as it is to be; names file and line.
    """
    wanted = [name for name in (text, label, group, split) if name]
    found = [row for path in reading.paths(files) for row in _table(path, wanted, encoding)]
    rows = Labelled(
        [values[label].strip() for _, values in found],
        [where for where, _ in found],
        [values[group].strip() for _, values in found] if group else None,
        [values[split].strip() for _, values in found] if split else None,
    )
    options = TextOptions(tokens, vocabulary_size, min_count, lower_case, max_length)
    how = Partition(validation, test, folds, fold)
    return _classified([values[text] for _, values in found], rows, how, options)


def text_folder(
    folder: str,
    group: str = "",
    validation: float = 0.1,
    test: float = 0.1,
    folds: int = 0,
    fold: int = 0,
    tokens: str = "words",
    vocabulary_size: int = 0,
    min_count: int = 1,
    lower_case: bool = True,
    max_length: int = 0,
    encoding: str = "utf-8",
) -> Dataset:
    """Texts with a class each: a folder with a folder per class, or those in folders train, validation and test.

    Args:
      folder: its name; see ``folders.by_class``.
      group: what stays in one split: files with one "prefix", their names up to the first _ or -.
      validation, test, folds, fold: see ``Partition``; for the splits that have no folder.

    Other arguments and errors: as ``text_table``.
    """
    files, rows = folders.by_class(folder, None, "texts", group)
    options = TextOptions(tokens, vocabulary_size, min_count, lower_case, max_length)
    texts = [reading.text(path, encoding) for path in files]
    return _classified(texts, rows, Partition(validation, test, folds, fold), options)


def _whole(files: str, encoding: str) -> str:
    """All files, of a folder those in it, but for what begins with a dot."""
    paths = reading.paths(files)
    every = [path for one in paths for path in (_inside(one) if one.is_dir() else [one])]
    texts = [reading.text(path, encoding) for path in every]
    found = "".join(text if text.endswith("\n") else f"{text}\n" for text in texts if text)
    if not found:
        raise ValueError(f"{', '.join(map(str, paths))}: there is no text; allowed: one character or more")
    return found


def _inside(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def _classified(texts: Sequence[str], rows: Labelled, how: Partition, options: TextOptions) -> Dataset:
    parts = given.completed(rows, how)
    classes, numbers = classes_of(rows, parts)
    chosen = {split: ([texts[row] for row in found], numbers[found]) for split, found in parts.items()}
    return labelled_texts(chosen, classes, options)


def _table(path: Path, wanted: Sequence[str], encoding: str) -> list[tuple[str, Mapping[str, str]]]:
    """Where each row is, and its values in the wanted columns."""
    rows: list[tuple[str, Mapping[str, str]]] = []
    if reading.kind(path) == ".jsonl":
        for number, line in enumerate(reading.lines(path, encoding), 1):
            if line.strip():
                rows.append((where := f"{path}, line {number}", _object(line, where)))
    else:
        # A quotation mark means something in .csv alone, where it may hold ends of lines together.
        format_: Mapping[str, Any] = {"strict": True} if reading.kind(path) == ".csv" else TABS
        reader = csv.DictReader(io.StringIO(reading.text(path, encoding), newline=""), **format_)
        try:
            with reading.long_cells():
                reading.check_headings(reader.fieldnames or (), path)
                rows = [(f"{path}, line {reader.line_num}", row) for row in reader if any(row.values())]
        except csv.Error as error:
            raise ValueError(f"{path}, line {reader.line_num}: {error}") from error
    for where, values in rows:
        if None in values:
            raise ValueError(f"{where} has more cells than headings; allowed: as many")
        missing = [name for name in wanted if values.get(name) is None]
        if missing:
            there = ", ".join(name for name in values if name is not None)
            raise ValueError(f"{where} has no column {missing[0]!r}; allowed: a column of its own, among {there}")
        if empty := [name for name in wanted[1:] if not values[name].strip()]:
            raise ValueError(f"{where}: {empty[0]} is empty; allowed: a value")
    if not rows:
        raise ValueError(f"{path} has no rows; allowed: one or more below the headings")
    return rows


def _object(line: str, where: str) -> Mapping[str, str]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{where} is {line[:40]!r}; allowed: a JSON object")
    known = {name: value for name, value in found.items() if value is not None}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in known.items()}
