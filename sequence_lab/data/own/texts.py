"""Texts of a user's: for language models, with a class each, with a class for each token, in pairs."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sequence_lab.data import tokens as tokenisers
from sequence_lab.data.corpora import in_streams
from sequence_lab.data.own import folders, given, reading
from sequence_lab.data.own.rows import Labelled, classes_of
from sequence_lab.data.partition import Partition
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Sequences
from sequence_lab.data.splits import Dataset
from sequence_lab.data.texts import TextOptions, digests, labelled_texts, learn

TABS: Mapping[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}


def text_file(
    files: str,
    validation_files: str = "",
    test_files: str = "",
    validation: float = 0.05,
    test: float = 0.05,
    tokens: str = "characters",
    vocabulary_size: int = 0,
    encoding: str = "utf-8",
) -> Dataset:
    """A language model's text: a file, several, or all files of a folder, one after the other.

    Args:
      files, validation_files, test_files: names with commas between them, patterns, or a folder. Without the latter
        two, validation and test are the last parts of the text.
      validation, test: these parts, as shares of it.
      tokens, vocabulary_size: as in ``tokens.learn``; of words and what stands between blanks, "<eos>" ends each line.
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
    return in_streams(lines, tokenisers.learn(lines["train"], tokens, size=vocabulary_size, special=special))


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
        [values[label] for _, values in found],
        [where for where, _ in found],
        [values[group] for _, values in found] if group else None,
        [values[split] for _, values in found] if split else None,
    )
    options = TextOptions(tokens, vocabulary_size, min_count, lower_case, max_length)
    how = Partition(validation, test, folds, fold)
    return _classified([values[text] for _, values in found], rows, how, options)


def text_folder(
    folder: str,
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

    Other arguments and errors: as ``text_table``.
    """
    files, rows = folders.by_class(folder, None, "texts")
    options = TextOptions(tokens, vocabulary_size, min_count, lower_case, max_length)
    texts = [reading.text(path, encoding) for path in files]
    return _classified(texts, rows, Partition(validation, test, folds, fold), options)


def columns(
    files: str,
    validation_files: str = "",
    test_files: str = "",
    token: int = 0,
    label: int = -1,
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
      validation, test, folds, fold: see ``Partition``; for the splits that have no files.
      vocabulary_size, min_count, lower_case: of the tokens, see ``TextOptions``.

    Raises:
      ValueError: a line with too few columns, or a class that no training sentence has; names file and line.
    """
    found = [
        (sentence, split)
        for path, split in given.named(files, validation_files, test_files)
        for sentence in _sentences(path, token, label, encoding)
    ]
    sentences = [sentence for sentence, _ in found]
    rows = Labelled(["" for _ in found], [s[0][2] for s in sentences], given=[split for _, split in found])
    parts = given.completed(rows, Partition(validation, test, folds, fold))
    every = Labelled(*([part[i] for s in sentences for part in s] for i in (1, 2)))
    ends = np.cumsum([len(sentence) for sentence in sentences])
    steps = {
        split: np.concatenate([np.arange(ends[r] - len(sentences[r]), ends[r]) for r in rs])
        for split, rs in parts.items()
    }
    classes, numbers = classes_of(every, steps)
    texts = [" ".join(part[0] for part in sentence) for sentence in sentences]
    options = TextOptions("blanks", vocabulary_size, min_count, lower_case, 0)
    learnt = learn([texts[row] for row in parts["train"]], options)
    lengths = np.array([len(sentence) for sentence in sentences], np.int32)
    ids, labels = learnt.encode_all(texts), Ragged(numbers, lengths)
    splits = {s: Sequences({"inputs": ids.select(r), "labels": labels.select(r)}) for s, r in parts.items()}
    facts: dict[str, Any] = {"vocabulary_size": len(learnt), "num_outputs": len(classes)}
    told_apart = {s: digests([texts[row] for row in r], options) for s, r in parts.items()}
    return Dataset(splits, facts, learnt, classes, digests=told_apart)


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
        if empty := [name for name in wanted[1:] if not values[name]]:
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


def _sentences(path: Path, token: int, label: int, encoding: str) -> list[list[tuple[str, str, str]]]:
    """Token, label and place of every line, sentence by sentence."""
    found: list[list[tuple[str, str, str]]] = [[]]
    for number, line in enumerate(reading.lines(path, encoding), 1):
        fields = line.split()
        if not fields or fields[0] == "-DOCSTART-":
            found.append([])
            continue
        where = f"{path}, line {number}"
        try:
            found[-1].append((fields[token], fields[label], where))
        except IndexError as error:
            raise ValueError(f"{where} has {len(fields)} columns; allowed: with columns {token} and {label}") from error
        if len(fields) < 2:
            raise ValueError(f"{where} has 1 column; allowed: a token and a label, or more")
    sentences = [sentence for sentence in found if sentence]
    if not sentences:
        raise ValueError(f"{path} has no sentences; allowed: one or more")
    return sentences
